//! Statements about one row by key: what the session needs to run them without building operators.
//!
//! `SELECT ... WHERE id = $1` through a unique key is a key, the columns to read, conditions left to check and expressions to
//! compute; UPDATE and DELETE are the same with a change at the end; INSERT of one VALUES row is its expressions.

use super::physical::{AccessPath, KeyCondition, Node, Physical, ScanNode};
use super::walk;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::plan::{Callee, Expr, ExprKind, Modify, Output, Rel, ScanColumn};
use crate::sql::types::Oid;

/// Reads one row by a unique key.
#[derive(Clone, Debug)]
pub struct PointRead {
    /// The table.
    pub relation: RelationRef,
    /// The unique index: all of its key columns are given.
    pub index: Oid,
    /// Values of the key columns, in key order; they depend on parameters only. NULL finds nothing.
    pub key: Vec<Expr>,
    /// Types of the key columns (a value of another integer width must be brought to them; out of range finds nothing).
    pub key_types: Vec<Oid>,
    /// Columns to read, and the ids expressions know them by.
    pub columns: Vec<(Output, ScanColumn)>,
    /// Conditions the row must still pass, over `columns`.
    pub filter: Vec<Expr>,
}

/// A statement about one row.
#[derive(Clone, Debug)]
pub enum PointPlan {
    /// Reads one row and computes expressions over its columns: one per output of the root.
    Select { read: PointRead, exprs: Vec<Expr> },
    /// Finds one row and changes or deletes it (`Modify::action` says which). `source` are the modification's source columns,
    /// computed over the row.
    Change { read: PointRead, modify: Box<Modify>, source: Vec<(Output, Expr)> },
    /// Inserts one row: source columns computed from parameters.
    Insert { modify: Box<Modify>, source: Vec<(Output, Expr)> },
}

/// The point plan of a physical plan, if it is one.
pub fn recognise(root: &Physical) -> Option<PointPlan> {
    match &root.node {
        Node::Modify { modify, source } => {
            let modify = modify.clone();
            if let Some(source) = one_row(source) {
                return Some(PointPlan::Insert { modify, source });
            }
            let (read, exprs) = read_one(source)?;
            let source = source.outputs.iter().cloned().zip(exprs).collect();
            Some(PointPlan::Change { read, modify, source })
        }
        _ => {
            let (read, exprs) = read_one(root)?;
            Some(PointPlan::Select { read, exprs })
        }
    }
}

/// A projection over (or just) a scan by a whole unique key: the read and one expression per output.
fn read_one(plan: &Physical) -> Option<(PointRead, Vec<Expr>)> {
    match &plan.node {
        Node::Project { input, exprs } => {
            let (read, below) = read_one(input)?;
            let with: walk::Replacements = input.outputs.iter().map(|o| o.id).zip(below).collect();
            let mut exprs = exprs.clone();
            exprs.iter_mut().for_each(|e| walk::substitute(e, &with));
            Some((read, exprs))
        }
        Node::Limit { input, limit: Some(limit), offset: None, with_ties: None }
            if super::props::const_int(limit).is_some_and(|n| n > 0) =>
        {
            read_one(input)
        }
        Node::Sort { input, .. } => read_one(input),
        Node::Scan(scan) => {
            let columns: Vec<(Output, ScanColumn)> = plan.outputs.iter().cloned().zip(scan.columns.iter().copied()).collect();
            let exprs = plan.outputs.iter().map(walk::column_of).collect();
            Some((point_read(scan, columns)?, exprs))
        }
        _ => None,
    }
}

fn point_read(scan: &ScanNode, columns: Vec<(Output, ScanColumn)>) -> Option<PointRead> {
    let AccessPath::Index(path) = &scan.access else { return None };
    let index = scan.relation.indexes.iter().find(|i| i.oid == path.index)?;
    if !(index.unique || index.primary) || path.equal.len() != index.keys.len() || path.range.is_some() || scan.sample.is_some() {
        return None;
    }
    let key = path
        .equal
        .iter()
        .map(|k| match k {
            KeyCondition::Equal(e) if walk::expr_columns(e).is_empty() => Some(e.clone()),
            _ => None,
        })
        .collect::<Option<Vec<Expr>>>()?;
    let key_types = index.keys.iter().map(|k| k.ty.oid).collect();
    Some(PointRead { relation: scan.relation.clone(), index: index.oid, key, key_types, columns, filter: scan.filter.clone() })
}

/// One literal row: the outputs and their expressions.
fn one_row(plan: &Physical) -> Option<Vec<(Output, Expr)>> {
    match &plan.node {
        Node::Values(rows) => {
            let [row] = &rows[..] else { return None };
            Some(plan.outputs.iter().cloned().zip(row.iter().cloned()).collect())
        }
        Node::Project { input, exprs } => {
            let below = one_row(input)?;
            let with: walk::Replacements = below.into_iter().map(|(o, e)| (o.id, e)).collect();
            let mut exprs = exprs.clone();
            exprs.iter_mut().for_each(|e| walk::substitute(e, &with));
            Some(plan.outputs.iter().cloned().zip(exprs).collect())
        }
        _ => None,
    }
}

/// Whether a plan may wait or run long whatever its size.
pub fn may_wait(rel: &Rel) -> bool {
    let mut found = matches!(rel, Rel::LockRows { .. });
    walk::each_expr(rel, &mut |e| {
        found = found
            || walk::any(e, &mut |part| match &part.kind {
                ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. } => waits(callee),
                ExprKind::Subquery(s) => may_wait(&s.plan),
                _ => false,
            });
    });
    found || walk::children(rel).into_iter().any(may_wait)
}

fn waits(callee: &Callee) -> bool {
    match callee {
        Callee::User(_) => true,
        Callee::Builtin(f) => f.name.starts_with("pg_sleep") || f.name.starts_with("pg_advisory") || f.name == "generate_series",
    }
}
