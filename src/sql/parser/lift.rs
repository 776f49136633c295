//! Statements that differ only in their literals share a plan: this pass finds the literals without parsing.
//!
//! `SELECT * FROM t WHERE id = 5 AND name = 'x'` becomes the key `SELECT * FROM t WHERE id = $1 AND name = $2` with the two
//! literals' places in the source. The key is SQL itself, so a plan for it is made by parsing it as a prepared statement whose
//! parameters have the literals' types: `int4` for integers, unknown for strings.
//!
//! What a literal means depends on its surroundings, so only those in plain value places are lifted. The others stay in the
//! key as written (LIMIT 10, ORDER BY 1, type modifiers, `date '...'`, `'...'::type`); and where even that could change a
//! meaning, e.g. GROUP BY expressions that must equal output expressions, nothing is lifted at all.

use smallvec::SmallVec;

use super::keywords::Kw as K;
use super::lexer::{Lexer, T, Token};

/// A statement with its literals taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    /// The statement with `$1`, `$2` ... in the literals' places. Two statements share a plan when their keys and their
    /// literals' kinds are equal.
    pub key: String,
    /// In the order of their numbers.
    pub literals: SmallVec<[LiftedLiteral; 8]>,
}

/// A literal's place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiftedLiteral {
    pub kind: LiteralKind,
    /// Byte range; of a string with its quotes.
    pub start: u32,
    pub end: u32,
}

/// What a lifted literal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralKind {
    /// Fits i32.
    Integer(i32),
    /// `'...'` without escapes but `''`.
    String,
}

/// Most literals a statement may have to be worth lifting.
const MAX_LITERALS: usize = 64;

/// Deepest parentheses followed.
const MAX_DEPTH: usize = 64;

/// Lifts the literals of one plain SELECT, INSERT, UPDATE or DELETE.
///
/// `None` when the statement is of another kind, is not alone, has comments, parameters, other kinds of strings, set operations
/// or grouping, or has no literal to lift; it is then to be treated as it stands. So it is when the key turns out to be wrong
/// SQL: positions in error messages are to be the source's.
pub fn lift_literals(source: &str) -> Option<Lifted> {
    let mut pass = Pass {
        source,
        lexer: Lexer::new(source),
        previous: T::Eof,
        frozen: 0,
        depth: 0,
        distinct: false,
        ordered: false,
        copied: 0,
        lifted: Lifted { key: String::new(), literals: SmallVec::new() },
    };
    pass.run()?;
    Some(pass.lifted)
}

struct Pass<'a> {
    source: &'a str,
    lexer: Lexer<'a>,
    /// The token before the current one.
    previous: T,
    /// A bit for every open parenthesis (and the statement itself): literals directly in it, or deeper, stay.
    frozen: u64,
    depth: usize,
    distinct: bool,
    ordered: bool,
    /// How much of the source is in the key.
    copied: usize,
    lifted: Lifted,
}

impl Pass<'_> {
    fn run(&mut self) -> Option<()> {
        let mut token = self.lexer.next_token();
        if !matches!(token.kind, T::Kw(K::Select | K::Insert | K::Update | K::Delete)) || has_comment(self.source) {
            return None;
        }
        loop {
            let next = self.lexer.next_token();
            match token.kind {
                T::Eof => break,
                T::Ch(b';') if next.kind == T::Eof => break,
                // `type(modifiers) 'literal'`: what looked like an argument was none.
                T::Str if self.previous == T::Ch(b')') => return None,
                T::Int(value) if self.may_lift(next.kind) => self.lift(token, LiteralKind::Integer(value))?,
                T::Str if self.may_lift(next.kind) && self.is_plain(token) => self.lift(token, LiteralKind::String)?,
                kind => self.pass_over(kind)?,
            }
            self.previous = token.kind;
            token = next;
        }
        if self.lifted.literals.is_empty() || (self.distinct && self.ordered) {
            return None;
        }
        self.lifted.key.push_str(&self.source[self.copied..]);
        Some(())
    }

    /// Whether a literal here is a value of its own: what stands before introduces one, what follows does not retype it.
    fn may_lift(&self, next: T) -> bool {
        let introduced = matches!(
            self.previous,
            T::Ch(b'(' | b',' | b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%')
                | T::LessEquals
                | T::GreaterEquals
                | T::NotEquals
                | T::Kw(
                    K::And
                        | K::Or
                        | K::Not
                        | K::Where
                        | K::Like
                        | K::Ilike
                        | K::Between
                        | K::When
                        | K::Then
                        | K::Else
                        | K::Select
                        | K::Returning
                        | K::Set
                        | K::On
                )
        );
        let retyped = matches!(next, T::TypeCast | T::Str | T::Ch(b'.' | b'[' | b':') | T::Kw(K::At | K::Collate | K::Escape));
        introduced && !retyped && self.frozen == 0
    }

    /// A string on one line: continued ones are rare.
    fn is_plain(&self, token: Token) -> bool {
        !self.source[token.start as usize..token.end as usize].contains('\n')
    }

    fn lift(&mut self, token: Token, kind: LiteralKind) -> Option<()> {
        let lifted = &mut self.lifted;
        if lifted.literals.len() == MAX_LITERALS {
            return None;
        }
        if lifted.literals.is_empty() {
            lifted.key.reserve(self.source.len() + 16);
        }
        lifted.key.push_str(&self.source[self.copied..token.start as usize]);
        lifted.literals.push(LiftedLiteral { kind, start: token.start, end: token.end });
        let number = lifted.literals.len();
        lifted.key.push('$');
        if number >= 10 {
            lifted.key.push(char::from(b'0' + (number / 10) as u8));
        }
        lifted.key.push(char::from(b'0' + (number % 10) as u8));
        self.copied = token.end as usize;
        Some(())
    }

    /// A token that stays: keeps track of parentheses and clauses.
    fn pass_over(&mut self, kind: T) -> Option<()> {
        match kind {
            T::Ch(b'(' | b'[') => {
                self.depth += 1;
                if self.depth >= MAX_DEPTH {
                    return None;
                }
                if kind == T::Ch(b'[') || self.belongs_to_name() {
                    self.freeze();
                }
            }
            T::Ch(b')' | b']') => {
                self.frozen &= !(1 << self.depth);
                self.depth = self.depth.checked_sub(1)?;
            }
            T::Ch(b';' | b'$')
            | T::Bad(_)
            | T::Param(_)
            | T::EscapeStr
            | T::UnicodeStr
            | T::DollarStr
            | T::BitStr
            | T::HexStr
            | T::UnicodeIdent => return None,
            T::Kw(K::Group | K::Union | K::Intersect | K::Except | K::Into | K::Nchar | K::Xmltable | K::Merge)
                if kind != T::Kw(K::Into) || self.previous != T::Kw(K::Insert) =>
            {
                return None;
            }
            T::Kw(K::Distinct) => self.distinct = true,
            T::Kw(K::Order) => {
                self.ordered = true;
                self.freeze();
            }
            T::Kw(K::Limit | K::Offset | K::Fetch | K::Conflict | K::Window | K::Values)
                if kind != T::Kw(K::Values) || self.previous == T::Ch(b'(') =>
            {
                self.freeze();
            }
            // ON CONFLICT's own condition ends here.
            T::Kw(K::Do) => self.frozen &= !(1 << self.depth),
            _ => {}
        }
        Some(())
    }

    /// Literals stay until the parenthesis at hand closes.
    fn freeze(&mut self) {
        self.frozen |= 1 << self.depth;
    }

    /// Whether the parenthesis behind the previous token belongs to a name: a call, whose arguments may be matched against an
    /// index or fix a type (`date_trunc('day', x)`, `nextval('s')`), a type's modifiers, a window.
    fn belongs_to_name(&self) -> bool {
        match self.previous {
            T::Ident => true,
            T::Kw(kw) => !matches!(
                kw,
                K::In
                    | K::Values
                    | K::And
                    | K::Or
                    | K::Not
                    | K::Where
                    | K::When
                    | K::Then
                    | K::Else
                    | K::Select
                    | K::Any
                    | K::All
                    | K::Some
                    | K::On
                    | K::Between
                    | K::Exists
                    | K::Coalesce
                    | K::Returning
                    | K::From
                    | K::Join
                    | K::Lateral
                    | K::Set
                    | K::As
                    | K::Materialized
            ),
            _ => false,
        }
    }
}

/// Whether the source may have a comment in it, outside strings or inside: either way it is left alone.
fn has_comment(source: &str) -> bool {
    let bytes = source.as_bytes();
    memchr::memchr_iter(b'-', bytes).any(|at| bytes.get(at + 1) == Some(&b'-'))
        || memchr::memchr_iter(b'*', bytes).any(|at| at > 0 && bytes[at - 1] == b'/')
}
