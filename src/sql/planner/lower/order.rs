//! In which order a plan's rows come.

use crate::sql::catalog::objects::Index;
use crate::sql::plan::{ColId, JoinKind, ScanColumn, SortKey};
use crate::sql::planner::physical::{AccessPath, AggStrategy, KeyCondition, Node, Physical, ScanNode};
use crate::sql::planner::props;
use crate::sql::planner::walk::ColSet;

/// The order of a plan's rows.
#[derive(Clone, Debug, Default)]
pub struct Ordering {
    /// Column, descending, NULLs first; most significant first.
    pub keys: Vec<(ColId, bool, bool)>,
    /// Columns with one value throughout.
    pub fixed: ColSet,
}

impl Ordering {
    /// Whether rows in this order are in the order of `keys`.
    pub fn satisfies(&self, keys: &[SortKey], not_null: &dyn Fn(ColId) -> bool) -> bool {
        let mut have = self.keys.iter().filter(|(id, ..)| !self.fixed.contains(id));
        let mut done = ColSet::new();
        keys.iter().all(|key| {
            let Some(id) = props::as_column(&key.expr) else { return false };
            if self.fixed.contains(&id) || done.contains(&id) {
                return true;
            }
            done.insert(id);
            have.next().is_some_and(|(column, desc, nulls_first)| {
                *column == id && *desc == key.desc && (*nulls_first == key.nulls_first || not_null(id))
            })
        })
    }

    /// Whether rows with equal values of these columns come together.
    pub fn groups(&self, columns: &[ColId]) -> bool {
        let wanted: ColSet = columns.iter().copied().filter(|id| !self.fixed.contains(id)).collect();
        let have: ColSet = self.keys.iter().map(|(id, ..)| *id).filter(|id| !self.fixed.contains(id)).take(wanted.len()).collect();
        wanted == have
    }
}

/// The order in which a scan through an index answers, most significant first; `None` for columns the scan does not read.
pub fn index_order(index: &Index, fixed: usize, columns: &[(ColId, ScanColumn)], reverse: bool) -> Ordering {
    let mut order = Ordering::default();
    for (at, key) in index.keys.iter().enumerate() {
        let id = key.column.and_then(|p| columns.iter().find(|(_, c)| *c == ScanColumn::Column(p)).map(|(id, _)| *id));
        if at < fixed {
            order.fixed.extend(id);
            continue;
        }
        let Some(id) = id else { break };
        order.keys.push((id, key.desc != reverse, key.nulls_first != reverse));
    }
    order
}

fn scan_order(scan: &ScanNode, outputs: &[ColId]) -> Ordering {
    let columns: Vec<(ColId, ScanColumn)> = outputs.iter().copied().zip(scan.columns.iter().copied()).collect();
    match &scan.access {
        // Threads may read it in pieces unless its order was asked for.
        _ if scan.parallel && !scan.ordered => Ordering::default(),
        AccessPath::Table => match scan.relation.primary_key() {
            Some(index) if index.number == 0 => index_order(index, 0, &columns, scan.reverse),
            _ => Ordering::default(),
        },
        AccessPath::Index(path) => {
            let fixed = path.equal.iter().take_while(|k| !matches!(k, KeyCondition::AnyOf(_))).count();
            match scan.relation.indexes.iter().find(|i| i.oid == path.index) {
                // Rows found through another index than the table's own come in any order unless theirs was asked for.
                Some(index) if index.number != 0 && !scan.ordered => {
                    Ordering { keys: Vec::new(), ..index_order(index, fixed, &columns, scan.reverse) }
                }
                Some(index) => index_order(index, fixed, &columns, scan.reverse),
                None => Ordering::default(),
            }
        }
    }
}

/// The order of a plan's rows.
pub fn ordering(plan: &Physical) -> Ordering {
    match &plan.node {
        Node::Scan(scan) => scan_order(scan, &plan.ids().collect::<Vec<_>>()),
        Node::Filter { input, .. }
        | Node::Limit { input, .. }
        | Node::Distinct { input, sorted: true, .. }
        | Node::Window { input, .. }
        | Node::ProjectSet { input, .. } => ordering(input),
        Node::With { body, .. } => ordering(body),
        Node::Sort { keys, .. } => {
            let keys = keys.iter().map_while(|k| Some((props::as_column(&k.expr)?, k.desc, k.nulls_first))).collect();
            Ordering { keys, fixed: ColSet::new() }
        }
        Node::Project { input, exprs } => {
            let below = ordering(input);
            let renamed = |id: ColId| {
                let at = exprs.iter().position(|e| props::as_column(e) == Some(id))?;
                Some(plan.outputs[at].id)
            };
            let fixed = below.fixed.iter().filter_map(|id| renamed(*id)).collect();
            let significant = below.keys.iter().filter(|(id, ..)| !below.fixed.contains(id));
            let keys = significant.map_while(|(id, desc, nulls)| Some((renamed(*id)?, *desc, *nulls))).collect();
            Ordering { keys, fixed }
        }
        // Rows without a match come after the others of their batch.
        Node::LookupJoin(join) if join.kind != JoinKind::Left => ordering(&join.left),
        Node::NestedLoop(join) if join.kind != JoinKind::Full && join.kind != JoinKind::Right => ordering(&join.left),
        Node::Aggregate(aggregate) if aggregate.strategy == AggStrategy::Sorted => {
            let below = ordering(&aggregate.input);
            let renamed = |id: ColId| {
                let at = aggregate.group.iter().position(|e| props::as_column(e) == Some(id))?;
                Some(plan.outputs[at].id)
            };
            let keys = below.keys.iter().map_while(|(id, desc, nulls)| Some((renamed(*id)?, *desc, *nulls))).collect();
            Ordering { keys, fixed: below.fixed.iter().filter_map(|id| renamed(*id)).collect() }
        }
        _ => Ordering::default(),
    }
}
