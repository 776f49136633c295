//! SQL: from text to rows.

pub mod binder;
pub mod catalog;
pub mod copy;
pub mod ddl;
pub mod deparse;
pub mod executor;
pub mod expr;
pub mod parser;
pub mod plan;
pub mod planner;
pub mod session;
pub mod system;
pub mod table;
pub mod types;
