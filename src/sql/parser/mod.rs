//! SQL text to syntax tree: our own lexer and recursive-descent grammar, following PostgreSQL 15's `scan.l` and `gram.y`
//! in what they accept, in the tree they build, and in what they say where about the rest.
//!
//! ```text
//! source -> lexer (tokens as byte ranges) -> cursor (current token, look-ahead, bounds)
//!        -> utility / create / alter / dml / select / from / expr ... (one grammar room a file) -> ast
//! ```
//!
//! Nothing is looked up and no setting is read: a script parses the same whatever the session's state, as it must for the
//! statements that end a failed transaction. `lift` is apart: it finds the literals of a plain statement without parsing it.

pub mod ast;
pub mod lift;

mod alter;
mod alter_table;
mod constraints;
mod copy;
mod create;
mod create_other;
mod create_routine;
mod create_table;
mod cursor;
mod dml;
mod expr;
mod from;
mod functions;
mod keywords;
mod lexer;
mod names;
mod object;
mod options;
mod primary;
mod privileges;
mod select;
mod settings;
mod special;
mod tag;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod utility;

use ast::{Expr, Statement, TypeName};
use cursor::Parser;
use lexer::T;

pub use keywords::{Category, Kw};
pub use tag::{command_tag, object_words};

use crate::error::Result;

/// A statement of a script and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RawStatement {
    pub stmt: Statement,
    /// Byte offset of the statement's first token in the source; positions inside `stmt` are offsets in the source too.
    pub start: usize,
    /// Byte offset just behind the statement (its semicolon or the end of the source).
    pub end: usize,
}

/// Parses a whole script; empty statements vanish.
///
/// # Errors
/// The first fault, as PostgreSQL words it: mostly 42601, with its byte offset; 54001 for nesting too deep.
pub fn parse(source: &str) -> Result<Vec<RawStatement>> {
    let mut parser = Parser::new(source);
    let mut statements = Vec::new();
    loop {
        while parser.eat_ch(b';') {}
        if parser.tok.kind == T::Eof {
            break;
        }
        let start = parser.pos();
        let stmt = parser.statement()?;
        let end = parser.pos();
        if parser.tok.kind != T::Eof && !parser.at_ch(b';') {
            return Err(parser.unexpected());
        }
        statements.push(RawStatement { stmt, start, end });
    }
    match parser.deferred_error {
        Some(error) => Err(error),
        None => Ok(statements),
    }
}

/// Parses one expression, e.g. a stored default.
///
/// # Errors
/// As `parse`.
pub fn parse_expression(source: &str) -> Result<Expr> {
    let mut parser = Parser::new(source);
    let expr = parser.expr()?;
    at_end(&parser)?;
    Ok(expr)
}

/// Parses a type's name as in a cast, e.g. for `regtype`.
///
/// # Errors
/// As `parse`.
pub fn parse_type_name(source: &str) -> Result<TypeName> {
    let mut parser = Parser::new(source);
    let name = parser.type_name()?;
    at_end(&parser)?;
    Ok(name)
}

fn at_end(parser: &Parser<'_>) -> Result<()> {
    if parser.tok.kind == T::Eof { Ok(()) } else { Err(parser.unexpected()) }
}

/// Every keyword with its category letter (`U`nreserved, `C`olumn name, `T`ype or function name, `R`eserved) and whether it may
/// be a column label without AS.
pub fn keyword_list() -> impl Iterator<Item = (&'static str, char, bool)> {
    keywords::all().map(|kw| {
        let letter = match kw.category() {
            Category::Unreserved => 'U',
            Category::ColName => 'C',
            Category::TypeFunc => 'T',
            Category::Reserved => 'R',
        };
        (kw.word(), letter, kw.is_bare_label())
    })
}

/// Whether an identifier is a keyword that must be quoted: any but the unreserved ones.
pub fn is_quoted_keyword(name: &str) -> bool {
    Kw::lookup(name.as_bytes()).is_some_and(|kw| kw.category() != Category::Unreserved)
}
