//! Aggregates and window functions.

use super::parallel::{is_parallel_safe, splits};
use super::{Builder, scope};
use crate::error::{Result, SqlError};
use crate::sql::executor::aggregate::{Aggregate, AggregateCall, MakeAccumulator};
use crate::sql::executor::sort::{SortColumn, SortOrder};
use crate::sql::executor::window::{self, Bound, FrameSpec, RankFunction, WindowAggregate, WindowFunction};
use crate::sql::executor::{BoxOperator, ColumnKind};
use crate::sql::expr::aggregate::{AggregateSpec, create};
use crate::sql::expr::eval::Scope;
use crate::sql::expr::registry::Function;
use crate::sql::plan::{AggCall, FrameBound, WindowCall, WindowFunc, WindowSpec};
use crate::sql::planner::physical::{AggStrategy, AggregateNode, Physical};
use crate::sql::types::Type;
use std::sync::Arc;

/// Makes accumulators of a call; errors for an unsupported one come at once.
fn accumulators(
    func: &'static Function,
    arg_types: Vec<Type>,
    direct: usize,
    orders: Vec<SortOrder>,
    ty: Type,
) -> Result<MakeAccumulator> {
    let make = move || create(&AggregateSpec { func, arg_types: &arg_types, direct, orders: orders.clone(), ty });
    make()?;
    Ok(Arc::new(make))
}

/// Whether threads other than the session's may compute an aggregation's expressions, and the order of its input does not count.
fn is_free(node: &AggregateNode) -> bool {
    let own = node.group.iter().chain(node.aggs.iter().flat_map(|a| a.args.iter().chain(&a.filter)));
    node.strategy != AggStrategy::Sorted && own.into_iter().all(is_parallel_safe)
}

/// Whether the order of its input shows in an aggregate's result.
fn keeps_order(name: &str) -> bool {
    matches!(name, "array_agg" | "string_agg" | "json_agg" | "jsonb_agg" | "json_object_agg" | "jsonb_object_agg" | "xmlagg")
}

impl Builder<'_> {
    pub(super) fn aggregate(&mut self, node: &AggregateNode, plan: &Physical) -> Result<BoxOperator> {
        if self.pieces.is_none() && is_free(node) && splits(&node.input) {
            let mut built = self.copies(&node.input, |b| b.aggregate_over(node, plan))?;
            if let Some(first) = built.pop()
                && first.mergeable()?
            {
                return Ok(Box::new(first.with_workers(built)));
            }
        }
        Ok(Box::new(self.aggregate_over(node, plan)?))
    }

    fn aggregate_over(&mut self, node: &AggregateNode, plan: &Physical) -> Result<Aggregate> {
        let input = self.operator(&node.input)?;
        let scope = scope(&node.input);
        let group = self.exprs(&node.group, &scope)?;
        let sets = node.sets.clone().unwrap_or_else(|| vec![(0..node.group.len()).collect()]);
        let calls = node.aggs.iter().map(|a| self.aggregate_call(a, &scope)).collect::<Result<Vec<_>>>()?;
        debug_assert_eq!(plan.outputs.len(), group.len() + node.grouping.len() + calls.len());
        let aggregate = Aggregate::new(input, group, sets, node.grouping.clone(), calls);
        let sorted = node.strategy == AggStrategy::Sorted && node.sets.is_none();
        Ok(if sorted { aggregate.sorted() } else { aggregate })
    }

    fn aggregate_call(&mut self, agg: &AggCall, scope: &Scope) -> Result<AggregateCall> {
        let orders: Vec<SortOrder> = agg.order_by.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }).collect();
        let arg_types: Vec<Type> = agg.args.iter().map(|a| a.ty).collect();
        let mut order = self.sort_columns(&agg.order_by, scope)?;
        if agg.distinct && keeps_order(agg.func.name) {
            // DISTINCT sorts: by ORDER BY's keys, then by the arguments.
            for arg in &agg.args {
                order.push(SortColumn { expr: self.expr(arg, scope)?, desc: false, nulls_first: false });
            }
        }
        Ok(AggregateCall {
            make: accumulators(agg.func, arg_types, agg.direct, orders, agg.ty)?,
            args: self.exprs(&agg.args, scope)?,
            filter: agg.filter.as_ref().map(|f| self.expr(f, scope)).transpose()?,
            distinct: agg.distinct,
            order,
            kind: ColumnKind::of(agg.ty.oid),
        })
    }

    /// One operator per window, each adding its calls' columns; calls come grouped by window.
    pub(super) fn window(&mut self, input: &Physical, windows: &[WindowSpec], calls: &[WindowCall]) -> Result<BoxOperator> {
        let [spec] = windows else {
            return Err(SqlError::internal("a window node has more than one window"));
        };
        let child = self.operator(input)?;
        let scope = scope(input);
        let partition = self.exprs(&spec.partition, &scope)?;
        let order = self.sort_columns(&spec.order, &scope)?;
        let frame = self.frame(spec)?;
        let calls = calls.iter().map(|c| self.window_call(c, &scope)).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(window::Window::new(child, partition, order, frame, calls)))
    }

    fn window_call(&mut self, call: &WindowCall, scope: &Scope) -> Result<window::WindowCall> {
        let function = match call.func {
            WindowFunc::Window(f) => WindowFunction::Rank(
                RankFunction::of_symbol(f.symbol).ok_or_else(|| SqlError::unsupported(format!("window function {}", f.name)))?,
            ),
            WindowFunc::Aggregate(f) => {
                let arg_types = call.args.iter().map(|a| a.ty).collect();
                WindowFunction::Aggregate(WindowAggregate { make: accumulators(f, arg_types, 0, Vec::new(), call.ty)? })
            }
        };
        Ok(window::WindowCall {
            function,
            args: self.exprs(&call.args, scope)?,
            filter: call.filter.as_ref().map(|f| self.expr(f, scope)).transpose()?,
            kind: ColumnKind::of(call.ty.oid),
        })
    }

    fn frame(&mut self, spec: &WindowSpec) -> Result<FrameSpec> {
        let frame = &spec.frame;
        Ok(FrameSpec { mode: frame.mode, start: self.bound(&frame.start)?, end: self.bound(&frame.end)?, exclude: frame.exclude })
    }

    fn bound(&mut self, bound: &FrameBound) -> Result<Bound> {
        let none = Scope::default();
        Ok(match bound {
            FrameBound::UnboundedPreceding => Bound::UnboundedPreceding,
            FrameBound::Preceding(e) => Bound::Preceding(self.expr(e, &none)?),
            FrameBound::CurrentRow => Bound::CurrentRow,
            FrameBound::Following(e) => Bound::Following(self.expr(e, &none)?),
            FrameBound::UnboundedFollowing => Bound::UnboundedFollowing,
        })
    }
}
