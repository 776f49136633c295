//! SQL: from text to rows.

pub mod binder;
pub mod catalog;
pub mod executor;
pub mod expr;
pub mod parser;
pub mod plan;
pub mod planner;
pub mod system;
pub mod table;
pub mod types;
