//! JOIN in FROM: ON, USING, NATURAL, merged columns, join aliases.

use super::Binder;
use super::from::{FromTree, Namespace};
use super::scope::{ColSource, NsItem, Place, RteCol, RteKind};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, JoinExpr, OperatorName};
use crate::sql::plan::{Expr, ExprKind, JoinKind};
use crate::sql::types::Oid;
use smallvec::SmallVec;
use smol_str::SmolStr;

/// A column one side of a join shows.
#[derive(Clone)]
struct Shown {
    name: SmolStr,
    rte: u32,
    attr: u16,
}

impl Binder<'_> {
    pub(super) fn range_join(&mut self, join: &JoinExpr) -> Result<(FromTree, Namespace)> {
        let kind = match join.kind {
            ast::JoinKind::Inner => JoinKind::Inner,
            ast::JoinKind::Left => JoinKind::Left,
            ast::JoinKind::Right => JoinKind::Right,
            ast::JoinKind::Full => JoinKind::Full,
        };
        let left_start = self.rtes.len() as u32;
        let (left, left_ns) = self.range_item(&join.left)?;
        let right_start = self.rtes.len() as u32;
        let refs = self.scope().lateral_refs.len();
        let lateral_ok = matches!(kind, JoinKind::Inner | JoinKind::Left);
        let mark = self.scope().ns.len();
        self.scope_mut().ns.extend(left_ns.iter().map(|i| NsItem { lateral_only: true, lateral_ok, ..*i }));
        let right = self.range_item(&join.right);
        self.scope_mut().ns.truncate(mark);
        let (right, right_ns) = right?;
        let end = self.rtes.len() as u32;
        self.check_conflicts(&left_ns, &right_ns)?;
        let lateral = self.scope().lateral_refs[refs..].iter().any(|r| (left_start..right_start).contains(r));
        self.note_nullable(kind, left_start..right_start, right_start..end);
        let mut namespace: Namespace = left_ns.iter().chain(&right_ns).copied().collect();
        let mut on = Vec::new();
        let mut merged = Vec::new();
        let (left_cols, right_cols) = if join.natural || !join.using.is_empty() || join.alias.is_some() {
            (self.shown(&left_ns), self.shown(&right_ns))
        } else {
            (Vec::new(), Vec::new())
        };
        let using: Vec<SmolStr> = if join.natural {
            left_cols.iter().filter(|l| right_cols.iter().any(|r| r.name == l.name)).map(|l| l.name.clone()).collect()
        } else {
            join.using.clone()
        };
        if join.natural {
            self.trace_natural(join.pos, &using);
        }
        if !using.is_empty() {
            merged = self.using(&using, &left_cols, &right_cols, kind, join.pos, &mut on)?;
        } else if let Some(condition) = &join.on {
            let saved = std::mem::replace(&mut self.scope_mut().ns, namespace.to_vec());
            let bound = self.condition(condition, Place::JoinOn, "JOIN/ON");
            self.scope_mut().ns = saved;
            on = conjuncts(bound?);
        }
        let tree = FromTree::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral };
        if join.natural || !join.using.is_empty() || join.alias.is_some() {
            self.join_entry(join, merged, left_cols, right_cols, &using, &mut namespace)?;
        }
        Ok((tree, namespace))
    }

    fn note_nullable(&mut self, kind: JoinKind, left: std::ops::Range<u32>, right: std::ops::Range<u32>) {
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            self.scope_mut().nullable.extend(left);
        }
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            self.scope_mut().nullable.extend(right);
        }
    }

    /// The unqualified columns one side shows, in order.
    fn shown(&self, namespace: &[NsItem]) -> Vec<Shown> {
        let mut out = Vec::new();
        for item in namespace.iter().filter(|i| i.cols_visible) {
            for (attr, col) in self.rtes[item.rte as usize].cols.iter().enumerate() {
                if !matches!(col.source, ColSource::Dropped) {
                    out.push(Shown { name: col.name.clone(), rte: item.rte, attr: attr as u16 });
                }
            }
        }
        out
    }

    /// USING: the equalities, and the merged columns.
    fn using(
        &mut self,
        names: &[SmolStr],
        left: &[Shown],
        right: &[Shown],
        kind: JoinKind,
        pos: usize,
        on: &mut Vec<Expr>,
    ) -> Result<Vec<RteCol>> {
        let mut merged = Vec::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(err!(SqlState::DUPLICATE_COLUMN, "column name \"{name}\" appears more than once in USING clause"));
            }
            let l = common_column(left, name, "left")?;
            let r = common_column(right, name, "right")?;
            let (l, r) = (self.rte_column(l.rte, l.attr as usize), self.rte_column(r.rte, r.attr as usize));
            let mut test = self.make_binary(&OperatorName::bare("="), l.clone(), r.clone(), pos)?;
            test = self.coerce_to_boolean(test, "JOIN/USING")?;
            self.assign_collations(&mut test)?;
            on.push(test);
            merged.push(self.merge_columns(name, l, r, kind)?);
        }
        Ok(merged)
    }

    /// `buildMergedJoinVar`.
    fn merge_columns(&mut self, name: &SmolStr, l: Expr, r: Expr, kind: JoinKind) -> Result<RteCol> {
        let ty = if l.ty == r.ty {
            l.ty
        } else {
            let common = self.common_type(&[(l.ty.oid, l.pos), (r.ty.oid, r.pos)], "JOIN/USING")?;
            let typmod = if l.ty.oid == r.ty.oid && l.ty.typmod == r.ty.typmod { l.ty.typmod } else { -1 };
            crate::sql::types::Type { oid: common, typmod }
        };
        let side = |b: &mut Self, e: Expr| -> Result<Expr> {
            if e.ty == ty {
                return Ok(e);
            }
            if e.ty.oid != ty.oid {
                return b.coerce_to_common(e, ty.oid, "JOIN/USING");
            }
            Ok(super::coerce::relabel(e, ty, crate::sql::plan::CallForm::ImplicitCast))
        };
        let l = side(self, l)?;
        let r = side(self, r)?;
        let is_column = |e: &Expr| matches!(e.kind, ExprKind::Column(_));
        let mut e = match kind {
            JoinKind::Right => r,
            JoinKind::Full => Expr::new(ExprKind::Coalesce(vec![l, r]), ty),
            JoinKind::Inner if !is_column(&l) && is_column(&r) => r,
            _ => l,
        };
        self.assign_collations(&mut e)?;
        let collation = self.result_collation(&e);
        let source = ColSource::Merged(Box::new(e));
        Ok(RteCol { name: name.clone(), ty, collation, source })
    }

    /// The join's own entry, for merged columns and aliases.
    fn join_entry(
        &mut self,
        join: &JoinExpr,
        merged: Vec<RteCol>,
        left: Vec<Shown>,
        right: Vec<Shown>,
        using: &[SmolStr],
        namespace: &mut Namespace,
    ) -> Result<()> {
        let mut cols = merged;
        if let Some(alias) = &join.using_alias {
            let rte = self.add_rte(alias.clone(), true, RteKind::Join, cols.clone());
            namespace.push(NsItem { rte, rel_visible: true, cols_visible: false, lateral_only: false, lateral_ok: true });
        }
        for shown in left.into_iter().chain(right).filter(|s| !using.contains(&s.name)) {
            let col = &self.rtes[shown.rte as usize].cols[shown.attr as usize];
            let source = ColSource::Ref(shown.rte, shown.attr);
            cols.push(RteCol { name: shown.name, ty: col.ty, collation: col.collation, source });
        }
        if let Some(alias) = &join.alias
            && alias.columns.len() > cols.len()
        {
            let (n, given) = (cols.len(), alias.columns.len());
            return Err(err!(
                SqlState::INVALID_COLUMN_REFERENCE,
                "join expression \"{}\" has {n} columns available but {given} columns specified",
                alias.name
            ));
        }
        super::from::rename(&mut cols, join.alias.as_ref())?;
        let name = join.alias.as_ref().map_or(SmolStr::new_static("unnamed_join"), |a| a.name.clone());
        let rte = self.add_rte(name, join.alias.is_some(), RteKind::Join, cols);
        if join.alias.is_some() {
            let using_alias = join.using_alias.is_some();
            let keep = if using_alias { namespace.last().copied() } else { None };
            *namespace = SmallVec::new();
            namespace.extend(keep);
        } else {
            namespace.iter_mut().for_each(|i| i.cols_visible = false);
        }
        let item = NsItem { rte, rel_visible: join.alias.is_some(), cols_visible: true, lateral_only: false, lateral_ok: true };
        namespace.push(item);
        Ok(())
    }
}

fn common_column(side: &[Shown], name: &str, which: &str) -> Result<Shown> {
    let mut found = side.iter().filter(|s| s.name == name);
    let first = found.next().ok_or_else(|| {
        err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" specified in USING clause does not exist in {which} table")
    })?;
    if found.next().is_some() {
        return Err(err!(SqlState::AMBIGUOUS_COLUMN, "common column name \"{name}\" appears more than once in {which} table"));
    }
    Ok(first.clone())
}

/// The parts of a conjunction.
pub(super) fn conjuncts(e: Expr) -> Vec<Expr> {
    match e.kind {
        ExprKind::And(list) if e.ty.oid == Oid::BOOL => list.into_iter().flat_map(conjuncts).collect(),
        kind => vec![Expr { kind, ty: e.ty, collation: e.collation, pos: e.pos }],
    }
}
