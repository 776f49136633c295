//! dml
use super::{Binder, Bound};
use crate::error::{Result, SqlError};
use crate::sql::parser::ast;

impl Binder<'_> {
    pub(super) fn insert(&mut self, _s: &ast::InsertStmt) -> Result<Bound> {
        Err(SqlError::unsupported("INSERT"))
    }
    pub(super) fn update(&mut self, _s: &ast::UpdateStmt) -> Result<Bound> {
        Err(SqlError::unsupported("UPDATE"))
    }
    pub(super) fn delete(&mut self, _s: &ast::DeleteStmt) -> Result<Bound> {
        Err(SqlError::unsupported("DELETE"))
    }
    pub(super) fn merge(&mut self, _s: &ast::MergeStmt) -> Result<Bound> {
        Err(SqlError::unsupported("MERGE"))
    }
}
