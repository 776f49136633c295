//! The parser's hands: the current token, looking ahead, expecting, and bounds on nesting.
//!
//! The grammar files add methods to `Parser`. Each leaves the current token just behind what it took; a token that fits nowhere
//! is reported where it stands, which is where PostgreSQL's table-driven parser notices it too.

use super::keywords::{Category, Kw};
use super::lexer::{Lexer, T, Token, fault_error, syntax};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// How deep expressions, queries and joins may nest, and how high a tree of left-deep operators may grow.
pub const MAX_DEPTH: u32 = 2000;

/// How much stack parsing one statement may use, in bytes; half of the smallest stack a thread has.
const MAX_STACK: usize = 1 << 20;

/// Where a CREATE stands, which limits what it may create.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CreateScope {
    Statement,
    /// An element of CREATE SCHEMA.
    Schema,
    /// Behind EXPLAIN.
    Explain,
}

/// State of parsing one source text.
pub struct Parser<'a> {
    pub(super) src: &'a str,
    lexer: Lexer<'a>,
    /// The current token.
    pub(super) tok: Token,
    ahead: [Token; 4],
    ahead_len: usize,
    /// End of the token before the current one.
    pub(super) last_end: usize,
    depth: u32,
    /// Height of the highest expression finished inside the one being parsed.
    pub(super) height: u32,
    stack_base: usize,
    pub(super) create_scope: CreateScope,
    /// A fault PostgreSQL finds only after the whole source has parsed; reported when nothing else is wrong.
    pub(super) deferred_error: Option<SqlError>,
}

/// Address of something on the stack right now.
#[inline(never)]
fn stack_pointer() -> usize {
    let mark = 0u8;
    std::hint::black_box(&raw const mark) as usize
}

impl<'a> Parser<'a> {
    pub fn new(src: &'a str) -> Self {
        let mut lexer = Lexer::new(src);
        let tok = lexer.next_token();
        Self {
            src,
            lexer,
            tok,
            ahead: [tok; 4],
            ahead_len: 0,
            last_end: 0,
            depth: 0,
            height: 0,
            stack_base: stack_pointer(),
            create_scope: CreateScope::Statement,
            deferred_error: None,
        }
    }

    /// Goes to the next token; returns the one left behind.
    #[inline]
    pub(super) fn bump(&mut self) -> Token {
        let taken = self.tok;
        self.last_end = taken.end as usize;
        if self.ahead_len > 0 {
            self.tok = self.ahead[0];
            self.ahead.copy_within(1.., 0);
            self.ahead_len -= 1;
        } else {
            self.tok = self.lexer.next_token();
        }
        match self.kind() {
            T::Kw(Kw::Nulls) if matches!(self.peek(), T::Kw(Kw::First | Kw::Last)) => self.tok.kind = T::NullsLa,
            T::Kw(Kw::Not) if matches!(self.peek(), T::Kw(Kw::Between | Kw::In | Kw::Like | Kw::Ilike | Kw::Similar)) => {
                self.tok.kind = T::NotLa;
            }
            T::Kw(Kw::With) if matches!(self.peek(), T::Kw(Kw::Time | Kw::Ordinality)) => self.tok.kind = T::WithLa,
            _ => {}
        }
        taken
    }

    /// What the current token is.
    #[inline]
    pub(super) fn kind(&self) -> T {
        self.tok.kind
    }

    /// The token behind the current one.
    #[inline]
    pub(super) fn peek(&mut self) -> T {
        self.peek_at(0)
    }

    /// The token `n` behind the next one (at most 3).
    pub(super) fn peek_at(&mut self, n: usize) -> T {
        while self.ahead_len <= n {
            self.ahead[self.ahead_len] = self.lexer.next_token();
            self.ahead_len += 1;
        }
        self.ahead[n].kind
    }

    /// Offset of the current token.
    #[inline]
    pub(super) fn pos(&self) -> usize {
        self.tok.start as usize
    }

    #[inline]
    pub(super) fn at(&self, kw: Kw) -> bool {
        self.tok.kind == T::Kw(kw)
    }

    #[inline]
    pub(super) fn at_ch(&self, c: u8) -> bool {
        self.tok.kind == T::Ch(c)
    }

    #[inline]
    pub(super) fn eat(&mut self, kw: Kw) -> bool {
        let found = self.at(kw);
        if found {
            self.bump();
        }
        found
    }

    #[inline]
    pub(super) fn eat_ch(&mut self, c: u8) -> bool {
        let found = self.at_ch(c);
        if found {
            self.bump();
        }
        found
    }

    /// Takes two keywords when both are there.
    pub(super) fn eat2(&mut self, first: Kw, second: Kw) -> bool {
        let found = self.at2(first, second);
        if found {
            self.bump();
            self.bump();
        }
        found
    }

    pub(super) fn at2(&mut self, first: Kw, second: Kw) -> bool {
        self.at(first) && self.peek() == T::Kw(second)
    }

    /// Takes WITH, whatever follows it.
    pub(super) fn eat_any_with(&mut self) -> bool {
        let found = self.at_any_with();
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect_any_with(&mut self) -> Result<()> {
        if self.eat_any_with() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn at_any_with(&self) -> bool {
        matches!(self.tok.kind, T::Kw(Kw::With) | T::WithLa)
    }

    /// Takes the NOT of NOT IN, NOT LIKE, NOT BETWEEN.
    pub(super) fn eat_not_before(&mut self) -> bool {
        let found = self.tok.kind == T::NotLa;
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect(&mut self, kw: Kw) -> Result<()> {
        if self.eat(kw) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes several keywords in order.
    pub(super) fn expect_all(&mut self, words: &[Kw]) -> Result<()> {
        words.iter().try_for_each(|&kw| self.expect(kw))
    }

    #[inline]
    pub(super) fn expect_ch(&mut self, c: u8) -> Result<()> {
        if self.eat_ch(c) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Category of the current token when it is a keyword.
    #[inline]
    pub(super) fn category(&self) -> Option<Category> {
        match self.kind() {
            T::Kw(kw) => Some(kw.category()),
            _ => None,
        }
    }

    /// `syntax error at or near` the current token.
    #[cold]
    pub(super) fn unexpected(&self) -> SqlError {
        self.error_here("syntax error")
    }

    /// Any message of that form at the current token; broken tokens speak for themselves.
    #[cold]
    pub(super) fn error_here(&self, message: &str) -> SqlError {
        match self.kind() {
            T::Bad(fault) => fault_error(self.src, fault, self.tok),
            _ => syntax(message, self.src, self.tok.start as usize, self.tok.end as usize),
        }
    }

    /// A keyword of `words` is the current token: takes it and gives its place in the list.
    pub(super) fn one_of(&mut self, words: &[Kw]) -> Option<usize> {
        let found = words.iter().position(|&kw| self.at(kw))?;
        self.bump();
        Some(found)
    }

    /// Goes one level deeper; `leave` goes back. An error ends the whole parse, so nobody goes back then.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH || self.stack_base.abs_diff(stack_pointer()) > MAX_STACK {
            return Err(too_deep());
        }
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Checks the height of a tree about to grow by one.
    #[inline]
    pub(super) fn grow(&self, height: u32) -> Result<u32> {
        if height >= MAX_DEPTH { Err(too_deep()) } else { Ok(height + 1) }
    }

    /// Items separated by commas, at least one.
    pub(super) fn list<X>(&mut self, mut item: impl FnMut(&mut Self) -> Result<X>) -> Result<Vec<X>> {
        let mut items = vec![item(self)?];
        while self.eat_ch(b',') {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `( item, item ... )`.
    pub(super) fn paren_list<X>(&mut self, item: impl FnMut(&mut Self) -> Result<X>) -> Result<Vec<X>> {
        self.expect_ch(b'(')?;
        let items = self.list(item)?;
        self.expect_ch(b')')?;
        Ok(items)
    }
}

/// PostgreSQL's answer to nesting that would not fit its stack.
#[cold]
pub fn too_deep() -> SqlError {
    err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(
        "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.",
    )
}
