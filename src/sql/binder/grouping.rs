//! GROUP BY, grouping sets, and the check that everything above grouping is grouped (parse_clause.c, parse_agg.c).

use super::Binder;
use super::same::{at, same};
use super::scope::{RteKind, What};
use super::target::Target;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, ExprNode, GroupItem};
use crate::sql::plan::{ColId, Expr, ExprKind, Output, Rel, SubqueryKind};
use crate::sql::types::Oid;
use smol_str::SmolStr;

const MAX_SETS: usize = 4096;

/// GROUP BY: targets grouped by, and grouping sets as indexes into them.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    pub keys: Vec<usize>,
    pub sets: Option<Vec<Vec<usize>>>,
}

/// The grouped level while expressions above it are rewritten.
pub(super) struct Grouped {
    /// Each key's expression below, and its output column.
    pub keys: Vec<(Output, Expr)>,
    /// Keys that every grouping set has.
    common: Vec<usize>,
    /// Columns below that a key's output replaces under the same id.
    depth: u32,
    sets: bool,
}

impl Binder<'_> {
    /// `transformGroupClause`.
    pub(super) fn group_by(&mut self, items: &[GroupItem], distinct: bool, targets: &mut Vec<Target>) -> Result<Grouping> {
        let mut grouping = Grouping::default();
        if items.iter().all(|i| matches!(i, GroupItem::Expr(_))) {
            for item in items {
                if let GroupItem::Expr(e) = item {
                    self.group_item(e, targets, &mut grouping.keys)?;
                }
            }
            return Ok(grouping);
        }
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for item in items {
            let own = self.item_sets(item, targets, &mut grouping.keys)?;
            if sets.len() * own.len() > MAX_SETS {
                return Err(too_many_sets());
            }
            let cross = |left: &Vec<usize>| own.iter().map(|right| union(left, right)).collect::<Vec<_>>();
            sets = sets.iter().flat_map(cross).collect();
        }
        if distinct {
            for set in &mut sets {
                set.sort_unstable();
            }
            let mut seen = Vec::new();
            sets.retain(|s| {
                !seen.contains(s) && {
                    seen.push(s.clone());
                    true
                }
            });
        }
        grouping.sets = Some(sets);
        Ok(grouping)
    }

    /// One expression, or the several of an implicit row: indexes of their keys.
    fn group_item(&mut self, e: &ast::Expr, targets: &mut Vec<Target>, keys: &mut Vec<usize>) -> Result<Vec<usize>> {
        let fields = match &e.node {
            ExprNode::Row { fields, explicit: false } => &fields[..],
            _ => std::slice::from_ref(e),
        };
        let mut out = Vec::with_capacity(fields.len());
        for field in fields {
            let target = self.group_target(field, targets)?;
            let index = match keys.iter().position(|k| *k == target) {
                Some(i) => i,
                None => {
                    keys.push(target);
                    keys.len() - 1
                }
            };
            if !out.contains(&index) {
                out.push(index);
            }
        }
        Ok(out)
    }

    /// The grouping sets of one item.
    fn item_sets(&mut self, item: &GroupItem, targets: &mut Vec<Target>, keys: &mut Vec<usize>) -> Result<Vec<Vec<usize>>> {
        Ok(match item {
            GroupItem::Expr(e) => vec![self.group_item(e, targets, keys)?],
            GroupItem::Empty { .. } => vec![Vec::new()],
            GroupItem::Rollup { items, .. } => {
                let parts = items.iter().map(|e| self.group_item(e, targets, keys)).collect::<Result<Vec<_>>>()?;
                (0..=parts.len()).rev().map(|n| parts[..n].iter().fold(Vec::new(), |acc, p| union(&acc, p))).collect()
            }
            GroupItem::Cube { items, pos } => {
                if items.len() > 12 {
                    return Err(err!(SqlState::TOO_MANY_COLUMNS, "CUBE is limited to 12 elements").at(*pos));
                }
                let parts = items.iter().map(|e| self.group_item(e, targets, keys)).collect::<Result<Vec<_>>>()?;
                let n = parts.len();
                let member = |bits: usize| {
                    let chosen = (0..n).filter(|i| bits & (1 << (n - 1 - i)) != 0);
                    chosen.fold(Vec::new(), |acc, i| union(&acc, &parts[i]))
                };
                (0..1usize << n).rev().map(member).collect()
            }
            GroupItem::Sets { items, .. } => {
                let mut all = Vec::new();
                for item in items {
                    all.append(&mut self.item_sets(item, targets, keys)?);
                    if all.len() > MAX_SETS {
                        return Err(too_many_sets());
                    }
                }
                all
            }
        })
    }

    /// Output columns of the grouped level. A plain column keeps its id unless grouping sets may null it.
    pub(super) fn grouped(&mut self, grouping: &Grouping, targets: &[Target]) -> Grouped {
        let sets = grouping.sets.is_some();
        let mut keys = Vec::with_capacity(grouping.keys.len());
        for &target in &grouping.keys {
            let Target { name, expr, .. } = &targets[target];
            let collation = self.result_collation(expr);
            let output = match expr.kind {
                ExprKind::Column(id) if !sets => Output { id, name: name.clone(), ty: expr.ty, collation },
                _ => {
                    let output = self.new_output(name.clone(), expr.ty, collation);
                    if let ExprKind::Column(id) = expr.kind {
                        self.cols[output.id.0 as usize].origin = self.cols[id.0 as usize].origin;
                    }
                    output
                }
            };
            keys.push((output, expr.clone()));
        }
        let common = match &grouping.sets {
            None => (0..keys.len()).collect(),
            Some(list) => (0..keys.len()).filter(|k| list.iter().all(|s| s.contains(k))).collect(),
        };
        Grouped { keys, common, depth: self.scopes.len() as u32, sets }
    }

    /// Rewrites an expression above grouping to read the grouped columns. Errors: 42803 for an ungrouped column.
    pub(super) fn above_grouping(&self, e: &mut Expr, grouped: &mut Grouped, in_subquery: bool) -> Result<()> {
        if let Some((output, _)) = grouped.keys.iter().find(|(_, key)| same(key, e)) {
            if !matches!(e.kind, ExprKind::Column(id) if id == output.id) {
                let (pos, collation) = (e.pos, e.collation);
                *e = Expr { kind: ExprKind::Column(output.id), ty: output.ty, collation, pos };
            }
            return Ok(());
        }
        if let ExprKind::Column(id) = e.kind {
            return self.check_grouped(id, e.pos, grouped, in_subquery);
        }
        let mut failed = Ok(());
        if let ExprKind::Subquery(sub) = &mut e.kind {
            sub.plan.each_expr_mut(&mut |inner| {
                if failed.is_ok() {
                    failed = self.above_grouping(inner, grouped, true);
                }
            });
            if let SubqueryKind::Quantified { test, .. } = &mut sub.kind
                && failed.is_ok()
            {
                failed = self.above_grouping(test, grouped, in_subquery);
            }
            return failed;
        }
        e.each_child_mut(&mut |child| {
            if failed.is_ok() {
                failed = self.above_grouping(child, grouped, in_subquery);
            }
        });
        failed
    }

    fn check_grouped(&self, id: ColId, pos: Option<u32>, grouped: &mut Grouped, in_subquery: bool) -> Result<()> {
        let col = self.cols[id.0 as usize];
        if col.depth != grouped.depth || col.what != What::Plain || grouped.keys.iter().any(|(o, _)| o.id == id) {
            return Ok(());
        }
        if col.rte == u32::MAX {
            return Ok(());
        }
        let rte = &self.rtes[col.rte as usize];
        if self.functionally_grouped(col.rte, grouped) {
            let (name, ty, collation) = match rte.cols.get(col.attr as usize) {
                Some(c) => (c.name.clone(), c.ty, c.collation),
                None => (rte.alias.clone(), self.system_type(col.rte, id).into(), Oid::INVALID),
            };
            let output = Output { id, name, ty, collation };
            let mut key = Expr::column(id, ty);
            key.collation = collation;
            grouped.keys.push((output, key));
            return Ok(());
        }
        let column = self.column_label(col.rte, col.attr, id);
        let message = if in_subquery {
            format!("subquery uses ungrouped column \"{}.{column}\" from outer query", rte.alias)
        } else {
            format!("column \"{}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function", rte.alias)
        };
        Err(at(crate::error::SqlError::new(SqlState::GROUPING_ERROR, message), pos))
    }

    fn system_type(&self, rte: u32, id: ColId) -> Oid {
        use crate::sql::plan::ScanColumn;
        let found = self.rtes[rte as usize].system.iter().find(|(_, c)| *c == id);
        match found.map(|(w, _)| *w) {
            Some(ScanColumn::TableOid) => Oid::OID,
            Some(ScanColumn::Ctid) => Oid::TID,
            Some(ScanColumn::Xmin | ScanColumn::Xmax) => Oid::XID,
            Some(ScanColumn::Cmin | ScanColumn::Cmax) => Oid::CID,
            Some(ScanColumn::RowKey) => Oid::BYTEA,
            _ => self.whole_row_type(rte),
        }
    }

    fn column_label(&self, rte: u32, attr: u16, id: ColId) -> SmolStr {
        use crate::sql::plan::ScanColumn;
        let entry = &self.rtes[rte as usize];
        if let Some(col) = entry.cols.get(attr as usize) {
            return col.name.clone();
        }
        SmolStr::new_static(match entry.system.iter().find(|(_, c)| *c == id).map(|(w, _)| *w) {
            Some(ScanColumn::TableOid) => "tableoid",
            Some(ScanColumn::Ctid) => "ctid",
            Some(ScanColumn::Xmin) => "xmin",
            Some(ScanColumn::Xmax) => "xmax",
            Some(ScanColumn::Cmin) => "cmin",
            Some(ScanColumn::Cmax) => "cmax",
            _ => "*",
        })
    }

    /// Whether the table's whole primary key is among the columns every set groups by.
    fn functionally_grouped(&self, rte: u32, grouped: &Grouped) -> bool {
        let RteKind::Relation { relation, .. } = &self.rtes[rte as usize].kind else { return false };
        let Some(key) = relation.primary_key() else { return false };
        use crate::sql::catalog::objects::ConstraintKind;
        let deferrable = relation.constraints.iter().any(|c| c.deferrable && matches!(c.kind, ConstraintKind::PrimaryKey { .. }));
        if deferrable {
            return false;
        }
        key.keys.iter().all(|k| {
            k.column.is_some_and(|attr| {
                grouped.common.iter().any(|i| {
                    let ExprKind::Column(id) = grouped.keys[*i].1.kind else { return false };
                    let col = &self.cols[id.0 as usize];
                    col.rte == rte && col.attr == attr
                })
            })
        })
    }

    /// GROUPING(...)'s arguments as key indexes. Errors: 42803.
    pub(super) fn grouping_columns(&mut self, grouped: &Grouped) -> Result<Vec<(Output, Vec<usize>)>> {
        let calls = std::mem::take(&mut self.scope_mut().groupings);
        let mut out = Vec::with_capacity(calls.len());
        for (output, args, pos) in calls {
            let mut indexes = Vec::with_capacity(args.len());
            for arg in &args {
                match grouped.keys.iter().position(|(_, key)| same(key, arg)) {
                    Some(i) => indexes.push(i),
                    None => {
                        let error = err!(
                            SqlState::GROUPING_ERROR,
                            "arguments to GROUPING must be grouping expressions of the associated query level"
                        );
                        return Err(at(error, arg.pos.or(pos)));
                    }
                }
            }
            out.push((output, indexes));
        }
        Ok(out)
    }

    /// The aggregate operator; `sets` grow by the keys that functional dependency added.
    pub(super) fn aggregate_plan(
        &mut self,
        input: Rel,
        grouped: Grouped,
        grouping: Grouping,
        columns: Vec<(Output, Vec<usize>)>,
    ) -> Rel {
        let own = grouping.keys.len();
        let added: Vec<usize> = (own..grouped.keys.len()).collect();
        let mut sets = grouping.sets;
        if let Some(sets) = &mut sets {
            sets.iter_mut().for_each(|s| s.extend(&added));
        }
        debug_assert_eq!(sets.is_some(), grouped.sets);
        let aggs = std::mem::take(&mut self.scope_mut().aggs);
        Rel::Aggregate { input: Box::new(input), group: grouped.keys, sets, grouping: columns, aggs }
    }
}

fn union(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut out = left.to_vec();
    out.extend(right.iter().filter(|k| !left.contains(k)));
    out
}

fn too_many_sets() -> crate::error::SqlError {
    err!(SqlState::STATEMENT_TOO_COMPLEX, "too many grouping sets present (maximum 4096)")
}
