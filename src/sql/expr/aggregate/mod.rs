//! Aggregate functions, many groups at a time.
//!
//! An `Accumulator` holds the state of one aggregate call for every group of an operator. It is fed columns of argument values
//! with a group number per row, and asked for one datum a group at the end.
//!
//! | part | what |
//! |---|---|
//! | `sum` | count, sum, avg |
//! | `extreme` | min, max |
//! | `logic` | bool_and, bool_or, every, bit_and, bit_or, bit_xor |
//! | `statistics` | variance and deviation, correlation and regression |
//! | `collect` | array_agg, string_agg, the JSON aggregates |
//! | `ordered_set` | percentiles, mode, hypothetical ranks |
//! | `ranges` | range_agg, range_intersect_agg |

mod collect;
mod extreme;
mod logic;
mod ordered_set;
mod ranges;
mod statistics;
mod sum;

#[cfg(test)]
mod tests;

use crate::error::{Result, SqlError};
use crate::sql::executor::batch::Column;
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::sort::SortOrder;
use crate::sql::expr::registry::Function;
use crate::sql::types::{Datum, Oid, Type};
use std::any::Any;

/// Rows to take in.
pub struct Input<'a> {
    /// Positions in the argument columns.
    pub rows: &'a [u32],
    /// The group of each row; empty when all belong to group 0.
    pub groups: &'a [u32],
    /// Argument columns.
    pub args: &'a [Column],
}

impl Input<'_> {
    /// Calls `f` with each row's position and group.
    #[inline]
    pub fn each(&self, mut f: impl FnMut(usize, usize)) {
        if self.groups.is_empty() {
            self.rows.iter().for_each(|&r| f(r as usize, 0));
        } else {
            self.rows.iter().zip(self.groups).for_each(|(&r, &g)| f(r as usize, g as usize));
        }
    }

    /// As `each`, stopping at the first error.
    pub fn try_each(&self, mut f: impl FnMut(usize, usize) -> Result<()>) -> Result<()> {
        if self.groups.is_empty() {
            self.rows.iter().try_for_each(|&r| f(r as usize, 0))
        } else {
            self.rows.iter().zip(self.groups).try_for_each(|(&r, &g)| f(r as usize, g as usize))
        }
    }
}

/// The states of one aggregate call.
pub trait Accumulator: Send {
    /// Makes room for groups `0..groups`.
    fn resize(&mut self, groups: usize);
    /// Takes rows in.
    fn update(&mut self, cx: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()>;
    /// Takes in another accumulator of the same call: its group `i` is this one's `map[i]`. Only called when `mergeable`.
    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let _ = (other, map);
        Err(SqlError::internal("aggregate states cannot be merged"))
    }
    /// Whether partial states can be merged.
    fn mergeable(&self) -> bool {
        false
    }
    /// The result of a group.
    fn finish(&mut self, cx: &mut ExecCx<'_>, group: usize) -> Result<Datum>;
    /// Rough heap size.
    fn memory(&self) -> usize;
    /// For `merge`.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// What an accumulator is made for.
pub struct AggregateSpec<'a> {
    /// The aggregate.
    pub func: &'static Function,
    /// Types of its arguments.
    pub arg_types: &'a [Type],
    /// How many of them are direct arguments.
    pub direct: usize,
    /// Sort directions of WITHIN GROUP.
    pub orders: Vec<SortOrder>,
    /// Result type.
    pub ty: Type,
}

/// Names with an implementation here, whatever their argument types.
const NAMES: [&str; 44] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "bit_xor",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "percentile_cont",
    "percentile_disc",
    "mode",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "range_agg",
    "range_intersect_agg",
];

/// Whether an aggregate of this name and argument types is implemented.
pub fn is_available(name: &str, args: &[Oid]) -> bool {
    match name {
        "bit_and" | "bit_or" | "bit_xor" => args.first().is_some_and(|&t| t != Oid::VARBIT),
        _ => NAMES.contains(&name),
    }
}

/// The accumulator of an aggregate call.
pub fn create(spec: &AggregateSpec<'_>) -> Result<Box<dyn Accumulator>> {
    let arg = spec.arg_types.get(spec.direct).map_or(Oid::INVALID, |t| t.oid);
    let name = spec.func.name;
    let made: Option<Box<dyn Accumulator>> = match name {
        "count" => Some(Box::new(sum::Count::new(spec.arg_types.is_empty()))),
        "sum" | "avg" => sum::create(name == "avg", arg),
        "min" | "max" => Some(extreme::create(name == "max", arg)),
        "bool_and" | "every" | "bool_or" => Some(Box::new(logic::Bools::new(name != "bool_or"))),
        "bit_and" | "bit_or" | "bit_xor" => Some(Box::new(logic::Bits::new(name))),
        "stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop" => Some(statistics::deviation(name, arg)),
        "array_agg" => Some(Box::new(collect::Arrays::new(spec.ty.oid, arg))),
        "string_agg" => Some(Box::new(collect::Strings::default())),
        "json_agg" | "jsonb_agg" => Some(Box::new(collect::JsonArray::new(name == "jsonb_agg", spec))),
        "json_object_agg" | "jsonb_object_agg" => Some(Box::new(collect::JsonObject::new(name == "jsonb_object_agg", spec))),
        "range_agg" | "range_intersect_agg" => Some(Box::new(ranges::Ranges::new(name == "range_agg", spec.ty.oid))),
        "percentile_cont" | "percentile_disc" | "mode" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" => {
            Some(Box::new(ordered_set::OrderedSet::new(spec)))
        }
        _ => statistics::regression(name),
    };
    made.ok_or_else(|| SqlError::unsupported(format!("aggregate function {name}")))
}
