//! What the names of a query turned out to mean, by their place in its text: recorded while it is bound, so that the query can be
//! printed again after its tables or columns were renamed, and under any search path.

use super::scope::RteKind;
use super::{BindContext, Binder, Params, QueryTag, select};
use crate::error::Result;
use crate::sql::parser::ast;
use crate::sql::plan::{Callee, Expr, ExprKind, Query};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// A reference to a column.
#[derive(Clone, Debug)]
pub struct TracedColumn {
    /// The range table entry, an index into `Trace::entries`; None for a merged column of a join, which has only its name.
    pub entry: Option<u32>,
    /// Column position in the entry; None for the whole row.
    pub position: Option<u16>,
    /// The name it had.
    pub name: SmolStr,
}

/// A literal that took its type from what surrounds it.
#[derive(Clone, Debug)]
pub struct TracedLiteral {
    /// The type.
    pub ty: Type,
    /// Its value as text, quoted where that is needed.
    pub text: String,
    /// Whether the text alone would be read as another type.
    pub labelled: bool,
}

/// A range table entry.
#[derive(Clone, Debug)]
pub struct TracedEntry {
    /// Its name in the query.
    pub alias: SmolStr,
    /// Whether that was written as an alias.
    pub aliased: bool,
    /// The relation or view it reads.
    pub relation: Option<Oid>,
    /// Query level, outermost 1.
    pub depth: u32,
    /// Column names after any renaming by an alias list.
    pub columns: Vec<SmolStr>,
    /// It is a join.
    pub join: bool,
}

/// Everything recorded; keys are byte offsets.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Column references.
    pub columns: HashMap<usize, TracedColumn>,
    /// What stars stand for: output names and columns.
    pub stars: HashMap<usize, Vec<(SmolStr, TracedColumn)>>,
    /// Relations in FROM.
    pub relations: HashMap<usize, Oid>,
    /// User functions called: schema and name.
    pub functions: HashMap<usize, (Oid, SmolStr)>,
    /// What literals of no type of their own were read as.
    pub literals: HashMap<usize, TracedLiteral>,
    /// Types that values were cast to without a word.
    pub casts: HashMap<usize, Type>,
    /// Casts that a function makes, said or not.
    pub calls: HashSet<usize>,
    /// Columns of natural joins.
    pub natural: HashMap<usize, Vec<SmolStr>>,
    /// Types of casts and column definitions.
    pub types: HashMap<usize, Type>,
    /// Result types of CASE expressions.
    pub cases: HashMap<usize, Type>,
    /// Range table entries.
    pub entries: Vec<TracedEntry>,
}

impl Trace {
    /// Whether the query reads a column of a relation.
    pub fn uses(&self, relation: Oid, position: u16) -> bool {
        let matches = |c: &TracedColumn| {
            let entry = c.entry.and_then(|e| self.entries.get(e as usize));
            entry.is_some_and(|e| e.relation == Some(relation)) && c.position.is_none_or(|p| p == position)
        };
        self.columns.values().any(matches) || self.stars.values().flatten().any(|(_, c)| matches(c))
    }
}

/// Binds a query and tells what its names mean.
pub fn bind_traced(cx: &BindContext<'_>, stmt: &ast::SelectStmt) -> Result<(Query, Trace)> {
    let mut params = Params::none();
    let mut binder = Binder::new(cx, &mut params);
    binder.trace = Some(Box::default());
    // What a definition may read is decided when it is used, by its owner's privileges.
    binder.role = Some(crate::sql::catalog::BOOTSTRAP_ROLE);
    let bound = binder.select(stmt, select::Purpose::Top)?;
    let mut trace = binder.trace.take().map(|t| *t).unwrap_or_default();
    for rte in &binder.rtes {
        let relation = match &rte.kind {
            RteKind::Row { relation } => Some(relation.oid),
            _ => rte.relation_oid(),
        };
        trace.entries.push(TracedEntry {
            alias: rte.alias.clone(),
            aliased: rte.aliased,
            relation,
            depth: rte.depth,
            columns: rte.cols.iter().map(|c| c.name.clone()).collect(),
            join: matches!(rte.kind, RteKind::Join),
        });
    }
    Ok((binder.finish(bound, QueryTag::Select)?, trace))
}

impl Binder<'_> {
    /// The trace, while the text at hand is the traced one's (and not a view's inside it).
    fn tracing(&mut self) -> Option<&mut Trace> {
        if self.views.is_empty() { self.trace.as_deref_mut() } else { None }
    }

    fn traced(&self, e: &Expr, found: Option<u32>, name: &SmolStr) -> TracedColumn {
        let bare = TracedColumn { entry: None, position: None, name: name.clone() };
        // An aliased join hides what it joins.
        if let Some(rte) = found
            && matches!(self.rtes[rte as usize].kind, RteKind::Join)
            && self.rtes[rte as usize].aliased
        {
            let at = self.rtes[rte as usize].cols.iter().position(|c| c.name == *name);
            return TracedColumn { entry: Some(rte), position: at.map(|p| p as u16), name: name.clone() };
        }
        match &e.kind {
            ExprKind::Column(id) => match self.cols.get(id.0 as usize) {
                Some(col) if col.rte != u32::MAX => {
                    let name = self.rtes[col.rte as usize]
                        .cols
                        .get(usize::from(col.attr))
                        .map_or_else(|| name.clone(), |c| c.name.clone());
                    TracedColumn { entry: Some(col.rte), position: Some(col.attr), name }
                }
                _ => bare,
            },
            _ => bare,
        }
    }

    pub(super) fn trace_column(&mut self, pos: usize, e: &Expr, found: Option<u32>, name: &SmolStr) {
        if self.trace.is_some() {
            let column = self.traced(e, found, name);
            if let Some(t) = self.tracing() {
                t.columns.insert(pos, column);
            }
        }
    }

    pub(super) fn trace_whole(&mut self, pos: usize, rte: u32) {
        let name = self.rtes[rte as usize].alias.clone();
        if let Some(t) = self.tracing() {
            t.columns.insert(pos, TracedColumn { entry: Some(rte), position: None, name });
        }
    }

    pub(super) fn trace_star(&mut self, pos: usize, expanded: &[(SmolStr, Expr)]) {
        if self.trace.is_some() {
            let list = expanded.iter().map(|(name, e)| (name.clone(), self.traced(e, None, name))).collect();
            if let Some(t) = self.tracing() {
                t.stars.insert(pos, list);
            }
        }
    }

    pub(super) fn trace_relation(&mut self, pos: usize, oid: Oid) {
        if let Some(t) = self.tracing() {
            t.relations.insert(pos, oid);
        }
    }

    pub(super) fn trace_call(&mut self, pos: usize, callee: &Callee) {
        if let (Some(t), Callee::User(f)) = (self.tracing(), callee) {
            t.functions.insert(pos, (f.schema, f.name.clone()));
        }
    }

    pub(super) fn trace_literal(&mut self, pos: Option<u32>, ty: Type, value: &Datum) {
        let io = self.cx.io;
        if let (Some(t), Some(pos)) = (self.tracing(), pos) {
            let (text, labelled) = crate::sql::deparse::constant_text(io, value, ty);
            t.literals.insert(pos as usize, TracedLiteral { ty, text, labelled });
        }
    }

    pub(super) fn trace_cast(&mut self, e: &Expr, target: Oid) {
        if let (Some(t), Some(pos)) = (self.tracing(), e.pos) {
            t.casts.insert(pos as usize, Type::new(target));
        }
    }

    pub(super) fn trace_conversion(&mut self, pos: Option<u32>) {
        if let (Some(t), Some(pos)) = (self.tracing(), pos) {
            t.calls.insert(pos as usize);
        }
    }

    pub(super) fn trace_natural(&mut self, pos: usize, columns: &[SmolStr]) {
        if let Some(t) = self.tracing() {
            t.natural.insert(pos, columns.to_vec());
        }
    }

    pub(super) fn trace_type(&mut self, pos: usize, ty: Type) {
        if let Some(t) = self.tracing() {
            t.types.insert(pos, ty);
        }
    }

    pub(super) fn trace_case(&mut self, pos: usize, ty: Type) {
        if let Some(t) = self.tracing() {
            t.cases.insert(pos, ty);
        }
    }
}
