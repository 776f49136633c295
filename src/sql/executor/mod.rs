//! Execution: pull operators over batches, one file an operator.
//!
//! The root is asked for batches until it has no more; it asks its inputs. Operators run on the thread that calls them and may
//! block there (locks, remote reads); the session runs statements where blocking is allowed. Interrupts are looked at once a
//! batch.

pub mod aggregate;
mod aggregate_input;
pub mod append;
pub mod batch;
pub mod build;
pub mod context;
pub mod cte;
pub mod distinct;
pub mod dynamic;
pub mod filter;
pub mod function_scan;
pub mod gather;
pub mod group_table;
pub mod hash_join;
pub mod hash_table;
pub mod instrument;
pub mod limit;
pub mod lock_rows;
pub mod lookup_join;
pub mod modify;
pub mod nested_loop;
pub mod order;
pub mod parallel;
mod partition;
pub mod point;
pub mod project;
pub mod sample;
pub mod scan;
pub mod set_op;
pub mod sort;
pub mod source;
pub mod spill;
#[cfg(test)]
pub mod testing;
pub mod values;
pub mod window;

#[cfg(test)]
mod sql_tests;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Column, ColumnBuilder, ColumnKind};
pub use context::{ExecCx, ExecState};

use crate::error::Result;
use std::sync::LazyLock;
use std::thread::available_parallelism;

/// A running operator.
///
/// `next` answers batches (possibly of no rows) until it answers `None`; after that it keeps answering `None`. `rescan` starts
/// over: outer values in `ExecState` may have changed meanwhile. It may be called before the first `next` and at any point.
pub trait Operator: Send {
    /// The next rows.
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>>;
    /// Starts over.
    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()>;
    /// Makes what copies of this operator on other threads share, before they start.
    fn prepare(&mut self, _cx: &mut ExecCx<'_>) -> Result<()> {
        Ok(())
    }
}

/// An operator of any kind.
pub type BoxOperator = Box<dyn Operator>;

/// Most threads one operator uses.
const MOST_THREADS: usize = 4;

/// How many threads an operator may use: the processor's, up to a bound. Asked of the system once, as that reads files.
pub fn parallelism() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS)));
    *CORES
}
