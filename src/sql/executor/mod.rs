//! Execution: pull operators over batches, one file an operator.

pub mod batch;
pub mod order;

pub use batch::{Batch, Column, ColumnBuilder, ColumnKind};
