//! What a cursor's query tells beyond its result: the keys of the table rows each result row is made of, for WHERE CURRENT OF, and
//! whether it can run backward.

use crate::sql::catalog::objects::RelKind;
use crate::sql::plan::{ColId, Expr, JoinKind, Output, Query, Rel, ScanColumn};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// A table a cursor's rows come from.
#[derive(Clone, Copy, Debug)]
pub struct RowSource {
    /// The table.
    pub table: Oid,
    /// Read FOR UPDATE or FOR SHARE.
    pub locked: bool,
}

/// A row key on its way to the top of a plan.
struct Key {
    source: RowSource,
    output: Output,
    rte: u32,
    joined: bool,
}

/// Adds, behind a query's result columns, the row keys of the tables whose rows its rows are; answers which tables these are.
pub fn expose_row_keys(query: &mut Query) -> Vec<RowSource> {
    let keys = keys_of(&mut query.plan, &mut query.next_col);
    // A join's rows can only be named by the tables it locks.
    let simple = matches!(keys.as_slice(), [key] if !key.joined);
    let mut sources = Vec::new();
    for key in keys {
        if key.source.locked || simple {
            sources.push(key.source);
            query.outputs.push(key.output);
            query.origins.push(None);
        }
    }
    sources
}

fn keys_of(rel: &mut Rel, next: &mut u32) -> Vec<Key> {
    match rel {
        Rel::Scan(scan) if matches!(scan.relation.kind, RelKind::Table) => {
            let known = scan.columns.iter().find(|(_, c)| *c == ScanColumn::RowKey).map(|(o, _)| o.clone());
            let output = known.unwrap_or_else(|| {
                let id = ColId(*next);
                *next += 1;
                let ty = Type::new(Oid::BYTEA);
                let output = Output { id, name: SmolStr::new_static("row key"), ty, collation: Oid::INVALID };
                scan.columns.push((output.clone(), ScanColumn::RowKey));
                output
            });
            vec![Key { source: RowSource { table: scan.relation.oid, locked: false }, output, rte: scan.rte, joined: false }]
        }
        Rel::Project { input, exprs } => {
            let keys = keys_of(input, next);
            for key in &keys {
                if !exprs.iter().any(|(o, _)| o.id == key.output.id) {
                    exprs.push((key.output.clone(), Expr::column(key.output.id, Oid::BYTEA)));
                }
            }
            keys
        }
        Rel::LockRows { input, locks } => {
            let mut keys = keys_of(input, next);
            for key in &mut keys {
                key.source.locked |= locks.iter().any(|l| l.rte == key.rte);
            }
            keys
        }
        Rel::Join { kind: JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full, left, right, .. } => {
            let mut keys = keys_of(left, next);
            keys.extend(keys_of(right, next));
            keys.iter_mut().for_each(|k| k.joined = true);
            keys
        }
        Rel::Filter { input, .. } | Rel::Sort { input, .. } | Rel::Limit { input, .. } => keys_of(input, next),
        Rel::With { body, .. } => keys_of(body, next),
        _ => Vec::new(),
    }
}

/// Whether PostgreSQL lets a plan of this shape run backward without being told to (ExecSupportsBackwardScan).
pub fn runs_backward(rel: &Rel) -> bool {
    match rel {
        Rel::Scan(_) | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Sort { .. } | Rel::Empty { .. } => true,
        Rel::Values { columns, .. } => !columns.is_empty(),
        Rel::Filter { input, .. } | Rel::Project { input, .. } | Rel::Limit { input, .. } => runs_backward(input),
        Rel::With { body, .. } => runs_backward(body),
        Rel::SetOp { all: true, left, right, .. } => runs_backward(left) && runs_backward(right),
        _ => false,
    }
}
