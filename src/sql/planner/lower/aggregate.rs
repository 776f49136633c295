//! Grouping and window functions.

use super::{Lower, Want, columns_of, ordering};
use crate::sql::plan::{AggCall, Expr, ExprKind, Output, Rel, SortKey, WindowCall, WindowSpec};
use crate::sql::planner::cost;
use crate::sql::planner::physical::{AggStrategy, AggregateNode, Node, Physical, TopRows};
use crate::sql::planner::props;
use crate::sql::planner::walk;
use crate::sql::types::{Datum, Oid};

impl Lower<'_> {
    pub(super) fn aggregate(
        &mut self,
        input: Rel,
        group: Vec<(Output, Expr)>,
        sets: Option<Vec<Vec<usize>>>,
        grouping: Vec<(Output, Vec<usize>)>,
        aggs: Vec<(Output, AggCall)>,
    ) -> Physical {
        let plain = group.is_empty() && sets.is_none();
        let extreme = if plain { extreme_key(&aggs) } else { None };
        let input = match extreme {
            Some(key) => self.first_row(input, key),
            None => {
                let needed = needed(&group, &aggs);
                self.lower(input, &Want { needed, ..Want::default() })
            }
        };
        let mut outputs: Vec<Output> = group.iter().map(|(o, _)| o.clone()).collect();
        outputs.extend(grouping.iter().map(|(o, _)| o.clone()));
        outputs.extend(aggs.iter().map(|(o, _)| o.clone()));
        let group: Vec<Expr> = group.into_iter().map(|(_, e)| self.expr(e)).collect();
        let aggs: Vec<AggCall> = aggs.into_iter().map(|(_, a)| self.agg(a)).collect();
        let e = input.estimate;
        let rows = self.est.groups(&group, e.rows) * sets.as_ref().map_or(1.0, |s| s.len().max(1) as f64);
        let columns: Option<Vec<_>> = group.iter().map(props::as_column).collect();
        let in_order = sets.is_none() && columns.is_some_and(|c| !c.is_empty() && ordering(&input).groups(&c));
        let strategy = match (plain, in_order) {
            (true, _) => AggStrategy::Plain,
            (false, true) => AggStrategy::Sorted,
            (false, false) => AggStrategy::Hashed,
        };
        let work = e.rows * cost::OPERATOR * (group.len() + aggs.len()).max(1) as f64
            + if strategy == AggStrategy::Hashed { e.rows * cost::PROBE + rows * cost::GROUP } else { 0.0 };
        let total = e.total + work + rows * cost::ROW;
        let startup = if strategy == AggStrategy::Sorted { e.startup } else { e.total + work };
        let grouping = grouping.into_iter().map(|(_, g)| g).collect();
        let node = AggregateNode { input: Box::new(input), strategy, group, sets, grouping, aggs };
        self.node(Node::Aggregate(node), outputs, rows, startup, total)
    }

    fn agg(&mut self, mut agg: AggCall) -> AggCall {
        agg.args.iter_mut().for_each(|e| self.expr_mut(e));
        agg.order_by.iter_mut().for_each(|k| self.expr_mut(&mut k.expr));
        if let Some(filter) = &mut agg.filter {
            self.expr_mut(filter);
        }
        agg
    }

    /// min or max: when an index gives the order, the first row that is not NULL is the answer.
    fn first_row(&mut self, input: Rel, key: SortKey) -> Physical {
        let arg = Box::new(key.expr.clone());
        let condition = Expr::new(ExprKind::IsNull { arg, negated: true, row: false }, Oid::BOOL);
        let not_null = crate::sql::planner::passes::pushdown::push(input.clone(), vec![condition]);
        let want = Want { order: vec![key.clone()], limit: Some(1.0), needed: None };
        let ordered = self.lower(not_null, &want);
        let satisfied = ordering(&ordered).satisfies(std::slice::from_ref(&key), &|_| true);
        if !satisfied {
            return self.lower(input, &Want::default());
        }
        let one = Expr::constant(Datum::Int8(1), Oid::INT8);
        let mut ordered = ordered;
        super::bound(&mut ordered, &TopRows { limit: one.clone(), offset: None });
        let (outputs, e) = (ordered.outputs.clone(), ordered.estimate);
        let total = e.startup + (e.total - e.startup) / e.rows.max(1.0);
        let node = Node::Limit { input: Box::new(ordered), limit: Some(one), offset: None, with_ties: None };
        self.node(node, outputs, 1.0, e.startup, total)
    }

    /// Windows are computed one order after the other; those that share partitions and order share the sort.
    pub(super) fn window(&mut self, input: Rel, windows: Vec<WindowSpec>, calls: Vec<(Output, WindowCall)>) -> Physical {
        let wanted = windows.first().map(sort_keys).unwrap_or_default();
        let mut plan = self.lower(input, &Want { order: wanted, ..Want::default() });
        let mut pending: Vec<(usize, WindowSpec)> = windows.into_iter().enumerate().collect();
        let base = plan.outputs.clone();
        let all: Vec<Output> = calls.iter().map(|(o, _)| o.clone()).collect();
        let mut calls: Vec<Option<(Output, WindowCall)>> = calls.into_iter().map(Some).collect();
        while !pending.is_empty() {
            let (first, keys) = (pending[0].0, sort_keys(&pending[0].1));
            let (now, later): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(|(i, w)| *i == first || prefix(&sort_keys(w), &keys));
            pending = later;
            let mine: Vec<(Output, WindowCall)> = calls
                .iter_mut()
                .filter_map(|slot| {
                    let at = now.iter().position(|(i, _)| slot.as_ref().is_some_and(|(_, c)| c.window == *i))?;
                    let (output, mut call) = slot.take()?;
                    call.window = at;
                    Some((output, call))
                })
                .collect();
            if mine.is_empty() {
                continue;
            }
            if !keys.is_empty() && !ordering(&plan).satisfies(&keys, &|id| self.est.is_not_null(id)) {
                plan = self.sorted(plan, keys);
            }
            // One node a window; they share the sort.
            let mut mine: Vec<Option<(Output, WindowCall)>> = mine.into_iter().map(Some).collect();
            for (at, (_, window)) in now.into_iter().enumerate() {
                let own: Vec<(Output, WindowCall)> = mine
                    .iter_mut()
                    .filter(|c| c.as_ref().is_some_and(|(_, c)| c.window == at))
                    .filter_map(|c| c.take().map(|(o, c)| (o, WindowCall { window: 0, ..c })))
                    .collect();
                if !own.is_empty() {
                    plan = self.window_node(plan, vec![window], own);
                }
            }
        }
        let shape: Vec<Output> = base.into_iter().chain(all).collect();
        self.shaped(plan, &shape)
    }

    fn window_node(&mut self, input: Physical, mut windows: Vec<WindowSpec>, calls: Vec<(Output, WindowCall)>) -> Physical {
        for window in &mut windows {
            window.partition.iter_mut().for_each(|e| self.expr_mut(e));
            window.order.iter_mut().for_each(|k| self.expr_mut(&mut k.expr));
            for bound in [&mut window.frame.start, &mut window.frame.end] {
                if let crate::sql::plan::FrameBound::Preceding(e) | crate::sql::plan::FrameBound::Following(e) = bound {
                    self.expr_mut(e);
                }
            }
        }
        let mut outputs = input.outputs.clone();
        outputs.extend(calls.iter().map(|(o, _)| o.clone()));
        let calls: Vec<WindowCall> = calls
            .into_iter()
            .map(|(_, mut c)| {
                c.args.iter_mut().for_each(|e| self.expr_mut(e));
                if let Some(filter) = &mut c.filter {
                    self.expr_mut(filter);
                }
                c
            })
            .collect();
        let e = input.estimate;
        let total = e.total + e.rows * (cost::ROW + cost::OPERATOR * calls.len() as f64);
        self.node(Node::Window { input: Box::new(input), windows, calls }, outputs, e.rows, e.startup, total)
    }
}

/// Columns an aggregation reads.
fn needed(group: &[(Output, Expr)], aggs: &[(Output, AggCall)]) -> Option<walk::ColSet> {
    let of_aggs = aggs.iter().flat_map(|(_, a)| a.args.iter().chain(&a.filter).chain(a.order_by.iter().map(|k| &k.expr)));
    columns_of(group.iter().map(|(_, e)| e).chain(of_aggs))
}

/// The order of one min or max: what it sorts by.
fn extreme_key(aggs: &[(Output, AggCall)]) -> Option<SortKey> {
    let (_, first) = aggs.first()?;
    let (desc, nulls_first) = match first.func.name {
        "min" => (false, false),
        "max" => (true, true),
        _ => return None,
    };
    let [arg] = &first.args[..] else { return None };
    let column = props::as_column(arg)?;
    let same = |a: &AggCall| {
        a.func.name == first.func.name && a.filter.is_none() && matches!(&a.args[..], [x] if props::as_column(x) == Some(column))
    };
    aggs.iter().all(|(_, a)| same(a)).then(|| SortKey { expr: arg.clone(), desc, nulls_first })
}

fn sort_keys(window: &WindowSpec) -> Vec<SortKey> {
    let partition = window.partition.iter().map(|e| SortKey { expr: e.clone(), desc: false, nulls_first: false });
    partition.chain(window.order.iter().cloned()).collect()
}

/// Whether rows sorted by `keys` are sorted by `shorter` too.
fn prefix(shorter: &[SortKey], keys: &[SortKey]) -> bool {
    shorter.len() <= keys.len()
        && shorter.iter().zip(keys).all(|(a, b)| {
            let same = match (props::as_column(&a.expr), props::as_column(&b.expr)) {
                (Some(x), Some(y)) => x == y,
                _ => false,
            };
            same && a.desc == b.desc && a.nulls_first == b.nulls_first
        })
}
