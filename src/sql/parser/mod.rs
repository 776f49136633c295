//! SQL text to syntax tree: our own lexer and recursive-descent grammar, following PostgreSQL 15's `scan.l` and `gram.y`
//! in what they accept, in the tree they build, and in what they say where about the rest.

pub mod ast;

use ast::Statement;

/// A statement of a script and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RawStatement {
    pub stmt: Statement,
    /// Byte offset of the statement's first token in the source; positions inside `stmt` are offsets in the source too.
    pub start: usize,
    /// Byte offset just behind the statement (its semicolon or the end of the source).
    pub end: usize,
}
