//! Expressions: operators by precedence climbing.
//!
//! The levels are those of PostgreSQL's `%left` / `%nonassoc` table. `a_expr` is everything; `b_expr` leaves out what would be
//! ambiguous in places such as DEFAULT and BETWEEN; output columns are an `a_expr` where an operator keyword may turn out to be
//! the column's name (`SELECT 1 like FROM t`).

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

/// Which expression grammar applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `a_expr`.
    Any,
    /// `b_expr`.
    Restricted,
    /// `a_expr` of an output column.
    Target,
    /// `a_expr` in SUBSTRING, where SIMILAR without TO ends it.
    Substring,
}

impl Mode {
    /// The grammar of an operator's operand: only a whole output column may be followed by its label.
    fn of_operand(self) -> Self {
        if self == Mode::Target { Mode::Any } else { self }
    }
}

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARE: u8 = 5;
const LIKE: u8 = 6;
const OPERATOR: u8 = 10;
const ADD: u8 = 11;
const MULTIPLY: u8 = 12;
const POWER: u8 = 13;
const AT: u8 = 14;
const COLLATE: u8 = 15;
const SIGN: u8 = 16;
const CAST: u8 = 18;

/// What stands behind an expression and continues it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Infix {
    And,
    Or,
    Is,
    IsNull,
    NotNull,
    Binary,
    In,
    Between,
    Like(LikeKind),
    AtTimeZone,
    Collate,
    Cast,
}

impl Parser<'_> {
    /// `a_expr`.
    pub fn expr(&mut self) -> Result<Expr> {
        self.expr_at(0, Mode::Any)
    }

    /// `b_expr`.
    pub(super) fn b_expr(&mut self) -> Result<Expr> {
        self.expr_at(0, Mode::Restricted)
    }

    /// The expression of an output column.
    pub(super) fn target_expr(&mut self) -> Result<Expr> {
        self.expr_at(0, Mode::Target)
    }

    pub(super) fn boxed_expr(&mut self) -> Result<Box<Expr>> {
        self.expr().map(Box::new)
    }

    /// The first argument of SUBSTRING.
    pub(super) fn substring_operand(&mut self) -> Result<Expr> {
        self.expr_at(0, Mode::Substring)
    }

    /// `expr_list`.
    pub(super) fn expr_list(&mut self) -> Result<Vec<Expr>> {
        self.list(Self::expr)
    }

    /// An expression of operators that bind at least as tightly as `min`.
    fn expr_at(&mut self, min: u8, mode: Mode) -> Result<Expr> {
        self.enter()?;
        let outer = std::mem::take(&mut self.height);
        let first = self.prefix(mode)?;
        let whole = self.climb(first, min, mode)?;
        self.height = self.height.max(outer);
        self.leave();
        Ok(whole)
    }

    /// A first operand is already there (a parenthesis that turned out to be a subquery): parses on behind it.
    pub(super) fn expr_after(&mut self, first: Expr) -> Result<Expr> {
        self.climb(first, 0, Mode::Any)
    }

    /// Prefix operators and operands.
    fn prefix(&mut self, mode: Mode) -> Result<Expr> {
        let pos = self.pos();
        let mode = mode.of_operand();
        match self.kind() {
            T::Ch(b'-') => {
                self.bump();
                let operand = self.expr_at(SIGN + 1, mode)?;
                self.height = self.grow(self.height)?;
                Ok(negate(operand, pos))
            }
            T::Ch(b'+') => {
                self.bump();
                let operand = self.expr_at(SIGN + 1, mode)?;
                self.prefix_operator(OperatorName::bare("+"), operand, pos)
            }
            T::Op => {
                let op = self.operator_token()?;
                let operand = self.expr_at(OPERATOR + 1, mode)?;
                self.prefix_operator(op, operand, pos)
            }
            T::Kw(K::Operator) if self.peek() == T::Ch(b'(') => {
                let op = self.qualified_operator()?;
                let operand = self.expr_at(OPERATOR + 1, mode)?;
                self.prefix_operator(op, operand, pos)
            }
            T::Kw(K::Not) | T::NotLa if mode != Mode::Restricted => {
                self.bump();
                let operand = self.expr_at(NOT, mode)?;
                self.height = self.grow(self.height)?;
                Ok(Expr::new(ExprNode::Not(Box::new(operand)), pos))
            }
            T::Kw(K::Default) if mode != Mode::Restricted => {
                self.bump();
                Ok(Expr::new(ExprNode::Default, pos))
            }
            T::Kw(K::Unique) if mode != Mode::Restricted => {
                self.bump();
                self.select_with_parens()?;
                Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "UNIQUE predicate is not yet implemented").at(pos))
            }
            _ => {
                let operand = self.primary()?;
                if mode == Mode::Restricted { Ok(operand) } else { self.maybe_overlaps(operand) }
            }
        }
    }

    /// A row followed by OVERLAPS.
    pub(super) fn maybe_overlaps(&mut self, operand: Expr) -> Result<Expr> {
        match operand.node {
            ExprNode::Row { .. } if self.at(K::Overlaps) => self.overlaps(operand),
            _ => Ok(operand),
        }
    }

    fn prefix_operator(&mut self, op: OperatorName, operand: Expr, pos: usize) -> Result<Expr> {
        self.height = self.grow(self.height)?;
        Ok(Expr::new(ExprNode::Operator { op, left: None, right: Box::new(operand) }, pos))
    }

    /// Operators behind `left`, as long as they bind at least as tightly as `min`.
    fn climb(&mut self, mut left: Expr, min: u8, mode: Mode) -> Result<Expr> {
        // Level of a non-associative operator whose right operand was just taken: the same level cannot follow.
        let mut closed = 0;
        loop {
            let Some((level, infix)) = self.infix(mode) else { return Ok(left) };
            if level < min {
                return Ok(left);
            }
            if level == closed {
                return Err(self.unexpected());
            }
            let height = std::mem::take(&mut self.height);
            let (next, ends_open) = self.infix_rest(left, level, infix, mode)?;
            // Chains of AND and OR are flat: they grow no higher.
            let flat =
                matches!(infix, Infix::And | Infix::Or) && matches!(&next.node, ExprNode::And(l) | ExprNode::Or(l) if l.len() > 2);
            left = next;
            let highest = height.max(self.height);
            self.height = if flat { highest } else { self.grow(highest)? };
            closed = if ends_open && (IS..=LIKE).contains(&level) { level } else { 0 };
        }
    }

    /// The operator at the current token, if one is there.
    #[inline]
    fn infix(&mut self, mode: Mode) -> Option<(u8, Infix)> {
        let found = match self.kind() {
            T::Ch(b'=' | b'<' | b'>') | T::LessEquals | T::GreaterEquals | T::NotEquals => return Some((COMPARE, Infix::Binary)),
            T::Ch(b'+' | b'-') => return Some((ADD, Infix::Binary)),
            T::Ch(b'*' | b'/' | b'%') => return Some((MULTIPLY, Infix::Binary)),
            T::Ch(b'^') => return Some((POWER, Infix::Binary)),
            T::TypeCast => return Some((CAST, Infix::Cast)),
            T::Op => return Some((OPERATOR, Infix::Binary)),
            T::NotLa if mode != Mode::Restricted => match self.peek() {
                T::Kw(kw) => return self.infix_word(kw, mode),
                _ => return None,
            },
            T::Kw(kw) => self.infix_word(kw, mode)?,
            _ => return None,
        };
        if mode == Mode::Target && self.is_label_here() { None } else { Some(found) }
    }

    fn infix_word(&mut self, kw: K, mode: Mode) -> Option<(u8, Infix)> {
        match kw {
            K::Operator => return Some((OPERATOR, Infix::Binary)),
            K::Is => return Some((IS, Infix::Is)),
            _ if mode == Mode::Restricted => return None,
            _ => {}
        }
        Some(match kw {
            K::And => (AND, Infix::And),
            K::Or => (OR, Infix::Or),
            K::Isnull => (IS, Infix::IsNull),
            K::Notnull => (IS, Infix::NotNull),
            K::In => (LIKE, Infix::In),
            K::Between => (LIKE, Infix::Between),
            K::Like => (LIKE, Infix::Like(LikeKind::Like)),
            K::Ilike => (LIKE, Infix::Like(LikeKind::ILike)),
            K::Similar if mode == Mode::Substring && self.peek() != T::Kw(K::To) => return None,
            K::Similar => (LIKE, Infix::Like(LikeKind::Similar)),
            K::At => (AT, Infix::AtTimeZone),
            K::Collate => (COLLATE, Infix::Collate),
            _ => return None,
        })
    }

    /// In an output column: whether the operator word at hand is in truth the column's label, told by what follows it.
    fn is_label_here(&mut self) -> bool {
        if !super::names::is_bare_label(self.tok.kind) {
            return false;
        }
        matches!(
            self.peek(),
            T::Eof
                | T::Ch(b',' | b')' | b';')
                | T::Kw(
                    K::From
                        | K::Into
                        | K::Where
                        | K::Group
                        | K::Having
                        | K::Window
                        | K::Union
                        | K::Intersect
                        | K::Except
                        | K::Order
                        | K::Limit
                        | K::Offset
                        | K::Fetch
                        | K::For
                        | K::On
                        | K::With
                        | K::Returning
                )
        )
    }

    /// Takes an operator and what belongs to it. The flag says that it ended with an operand of its own level.
    fn infix_rest(&mut self, left: Expr, level: u8, infix: Infix, mode: Mode) -> Result<(Expr, bool)> {
        let pos = self.pos();
        let mode = mode.of_operand();
        match infix {
            Infix::Binary => self.binary(left, level, mode),
            Infix::And => {
                self.bump();
                let right = self.expr_at(level + 1, mode)?;
                Ok((join_and(left, right, pos), false))
            }
            Infix::Or => {
                self.bump();
                let right = self.expr_at(level + 1, mode)?;
                Ok((join_or(left, right, pos), false))
            }
            Infix::Cast => {
                self.bump();
                let type_name = Box::new(self.type_name()?);
                Ok((Expr::new(ExprNode::Cast { arg: Box::new(left), type_name }, pos), false))
            }
            Infix::IsNull | Infix::NotNull => {
                self.bump();
                let test = ExprNode::NullTest { arg: Box::new(left), negated: infix == Infix::NotNull };
                Ok((Expr::new(test, pos), false))
            }
            Infix::Is => self.is_test(left, pos, mode),
            Infix::In => self.in_test(left, pos),
            Infix::Between => self.between(left, pos, mode),
            Infix::Like(kind) => self.like(left, kind, pos, mode),
            Infix::Collate => {
                self.bump();
                let collation = self.any_name()?.parts;
                Ok((Expr::new(ExprNode::Collate { arg: Box::new(left), collation }, pos), false))
            }
            Infix::AtTimeZone => {
                self.bump();
                self.expect(K::Time)?;
                self.expect(K::Zone)?;
                let zone = self.expr_at(level + 1, mode)?;
                Ok((sql_call("timezone", vec![zone, left], pos), false))
            }
        }
    }

    /// `left op right`, `left op ANY (...)`.
    fn binary(&mut self, left: Expr, level: u8, mode: Mode) -> Result<(Expr, bool)> {
        let pos = self.pos();
        let op = if self.at(K::Operator) { self.qualified_operator()? } else { self.operator_token()? };
        if let (T::Kw(K::Any | K::Some | K::All), true) = (self.tok.kind, mode != Mode::Restricted) {
            return Ok((self.quantified(left, op, pos)?, false));
        }
        let right = self.expr_at(level + 1, mode)?;
        let node = ExprNode::Operator { op, left: Some(Box::new(left)), right: Box::new(right) };
        Ok((Expr::new(node, pos), true))
    }

    /// `ANY | SOME | ALL ( array or subquery )` behind an operator.
    fn quantified(&mut self, left: Expr, op: OperatorName, pos: usize) -> Result<Expr> {
        let quantifier = if self.at(K::All) { Quantifier::All } else { Quantifier::Any };
        self.bump();
        self.expect_ch(b'(')?;
        let node = match self.paren_content()? {
            Paren::Select(query) => {
                let kind = if quantifier == Quantifier::All { SubLinkKind::All } else { SubLinkKind::Any };
                ExprNode::SubLink(Box::new(SubLink { kind, test: Some(left), op: Some(op), query: *query }))
            }
            Paren::Expr(array) => ExprNode::OpArray { op, quantifier, left: Box::new(left), right: Box::new(array) },
        };
        self.expect_ch(b')')?;
        Ok(Expr::new(node, pos))
    }

    /// What may follow IS.
    fn is_test(&mut self, left: Expr, pos: usize, mode: Mode) -> Result<(Expr, bool)> {
        self.bump();
        let negated = self.eat(K::Not);
        if self.eat(K::Distinct) {
            self.expect(K::From)?;
            let right = Box::new(self.expr_at(IS + 1, mode)?);
            return Ok((Expr::new(ExprNode::IsDistinct { left: Box::new(left), right, negated }, pos), true));
        }
        if self.eat(K::Document) {
            let xml = XmlExpr {
                op: XmlOp::IsDocument,
                name: None,
                named_args: Vec::new(),
                args: vec![left],
                document: false,
                preserve_whitespace: false,
                type_name: None,
                standalone: None,
            };
            return Ok((negate_if(negated, Expr::new(ExprNode::Xml(Box::new(xml)), pos)), false));
        }
        if mode == Mode::Restricted {
            return Err(self.unexpected());
        }
        let test = match self.kind() {
            T::Kw(K::Null) => {
                self.bump();
                return Ok((Expr::new(ExprNode::NullTest { arg: Box::new(left), negated }, pos), false));
            }
            T::Kw(K::True) => [BooleanTest::IsTrue, BooleanTest::IsNotTrue],
            T::Kw(K::False) => [BooleanTest::IsFalse, BooleanTest::IsNotFalse],
            T::Kw(K::Unknown) => [BooleanTest::IsUnknown, BooleanTest::IsNotUnknown],
            _ => return self.is_normalized(left, negated, pos),
        };
        self.bump();
        let node = ExprNode::BooleanTest { arg: Box::new(left), test: test[usize::from(negated)] };
        Ok((Expr::new(node, pos), false))
    }

    /// `IS [NOT] [NFC | NFD | NFKC | NFKD] NORMALIZED`.
    fn is_normalized(&mut self, left: Expr, negated: bool, pos: usize) -> Result<(Expr, bool)> {
        let mut args = vec![left];
        if let Some(form) = self.unicode_normal_form() {
            args.push(form);
        }
        self.expect(K::Normalized)?;
        Ok((negate_if(negated, sql_call("is_normalized", args, pos)), false))
    }

    /// A Unicode normal form's word as a string literal.
    pub(super) fn unicode_normal_form(&mut self) -> Option<Expr> {
        let pos = self.pos();
        let form = self.one_of(&[K::Nfc, K::Nfd, K::Nfkc, K::Nfkd])?;
        let word = SmolStr::new_static(["NFC", "NFD", "NFKC", "NFKD"][form]);
        Some(Expr::new(ExprNode::Literal(Literal::String(word)), pos))
    }

    /// `[NOT] IN (list or subquery)`.
    fn in_test(&mut self, left: Expr, pos: usize) -> Result<(Expr, bool)> {
        let negated = self.eat_not_before();
        self.bump();
        self.expect_ch(b'(')?;
        let first = match self.paren_content()? {
            Paren::Select(query) => {
                self.expect_ch(b')')?;
                let link = SubLink { kind: SubLinkKind::Any, test: Some(left), op: None, query: *query };
                return Ok((negate_if(negated, Expr::new(ExprNode::SubLink(Box::new(link)), pos)), false));
            }
            Paren::Expr(first) => first,
        };
        let mut list = vec![first];
        while self.eat_ch(b',') {
            list.push(self.expr()?);
        }
        self.expect_ch(b')')?;
        Ok((Expr::new(ExprNode::InList { left: Box::new(left), list, negated }, pos), false))
    }

    /// `[NOT] BETWEEN [SYMMETRIC] low AND high`.
    fn between(&mut self, arg: Expr, pos: usize, mode: Mode) -> Result<(Expr, bool)> {
        let negated = self.eat_not_before();
        self.bump();
        let symmetric = self.eat(K::Symmetric);
        if !symmetric {
            self.eat(K::Asymmetric);
        }
        let low = Box::new(self.b_expr()?);
        self.expect(K::And)?;
        let high = Box::new(self.expr_at(LIKE + 1, mode)?);
        let node = ExprNode::Between { arg: Box::new(arg), low, high, negated, symmetric };
        Ok((Expr::new(node, pos), true))
    }

    /// `[NOT] LIKE | ILIKE | SIMILAR TO pattern [ESCAPE c]`, `LIKE ANY (...)`.
    fn like(&mut self, left: Expr, kind: LikeKind, pos: usize, mode: Mode) -> Result<(Expr, bool)> {
        let negated = self.eat_not_before();
        self.bump();
        let symbol = match (kind, negated) {
            (LikeKind::Like, false) => "~~",
            (LikeKind::Like, true) => "!~~",
            (LikeKind::ILike, false) => "~~*",
            (LikeKind::ILike, true) => "!~~*",
            (LikeKind::Similar, false) => "~",
            (LikeKind::Similar, true) => "!~",
        };
        let op = OperatorName::bare(symbol);
        if kind == LikeKind::Similar {
            self.expect(K::To)?;
        } else if matches!(self.tok.kind, T::Kw(K::Any | K::Some | K::All)) {
            return Ok((self.quantified(left, op, pos)?, false));
        }
        let pattern = self.expr_at(LIKE + 1, mode)?;
        let escape = if self.eat(K::Escape) { Some(self.expr_at(LIKE + 1, mode)?) } else { None };
        let right = match (kind, escape) {
            (LikeKind::Similar, None) => call("similar_to_escape", vec![pattern], pos),
            (LikeKind::Similar, Some(escape)) => call("similar_to_escape", vec![pattern, escape], pos),
            (_, Some(escape)) => call("like_escape", vec![pattern, escape], pos),
            (_, None) => pattern,
        };
        let node = ExprNode::Like { kind, negated, op, left: Box::new(left), right: Box::new(right) };
        Ok((Expr::new(node, pos), true))
    }

    /// `row OVERLAPS row`.
    fn overlaps(&mut self, left: Expr) -> Result<Expr> {
        let pos = self.pos();
        self.bump();
        let right = self.row()?;
        let mut args = Vec::with_capacity(4);
        for (side, row) in [("left", left), ("right", right)] {
            if let ExprNode::Row { fields, .. } = row.node {
                if fields.len() != 2 {
                    let message = format!("wrong number of parameters on {side} side of OVERLAPS expression");
                    return Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(row.pos));
                }
                args.extend(fields);
            }
        }
        Ok(sql_call("overlaps", args, pos))
    }

    /// An operator token as a name; `!=` is `<>`.
    pub(super) fn operator_token(&mut self) -> Result<OperatorName> {
        let symbol = match self.kind() {
            T::NotEquals => SmolStr::new_static("<>"),
            T::LessEquals | T::GreaterEquals | T::Op | T::Ch(b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=') => {
                SmolStr::new(self.slice(self.tok))
            }
            _ => return Err(self.unexpected()),
        };
        self.bump();
        Ok(OperatorName { qualifier: None, symbol })
    }

    /// `any_operator`: an operator with qualifying names.
    pub(super) fn any_operator(&mut self) -> Result<OperatorName> {
        let mut qualifier = Vec::new();
        while self.at_col_id() {
            qualifier.push(self.col_id()?);
            self.expect_ch(b'.')?;
        }
        let mut op = self.operator_token()?;
        if !qualifier.is_empty() {
            op.qualifier = Some(qualifier.into_boxed_slice());
        }
        Ok(op)
    }

    /// `OPERATOR(any_operator)`.
    pub(super) fn qualified_operator(&mut self) -> Result<OperatorName> {
        self.expect(K::Operator)?;
        self.expect_ch(b'(')?;
        let op = self.any_operator()?;
        self.expect_ch(b')')?;
        Ok(op)
    }
}

/// What stood in parentheses.
pub(super) enum Paren {
    Select(Box<SelectStmt>),
    Expr(Expr),
}

/// A call of a `pg_catalog` function made by the grammar for SQL's own syntax.
pub(super) fn sql_call(name: &'static str, args: Vec<Expr>, pos: usize) -> Expr {
    let mut expr = call(name, args, pos);
    if let ExprNode::Function(call) = &mut expr.node {
        call.form = CallForm::SqlSyntax;
    }
    expr
}

/// A plain call of a `pg_catalog` function made by the grammar.
pub(super) fn call(name: &'static str, args: Vec<Expr>, pos: usize) -> Expr {
    let args = args.into_iter().map(|value| FunctionArg { name: None, pos: value.pos, value }).collect();
    let call = FunctionCall::new(vec![SmolStr::new_static("pg_catalog"), SmolStr::new_static(name)], args);
    Expr::new(ExprNode::Function(Box::new(call)), pos)
}

fn negate_if(negated: bool, expr: Expr) -> Expr {
    if !negated {
        return expr;
    }
    let pos = expr.pos;
    Expr::new(ExprNode::Not(Box::new(expr)), pos)
}

/// A minus sign before a number belongs to the number.
fn negate(operand: Expr, pos: usize) -> Expr {
    let node = match operand.node {
        ExprNode::Literal(Literal::Integer(value)) => ExprNode::Literal(Literal::Integer(-value)),
        ExprNode::Literal(Literal::Float(digits)) => ExprNode::Literal(Literal::Float(negate_digits(&digits))),
        node => {
            let right = Box::new(Expr::new(node, operand.pos));
            ExprNode::Operator { op: OperatorName::bare("-"), left: None, right }
        }
    };
    Expr::new(node, pos)
}

fn negate_digits(digits: &str) -> SmolStr {
    match digits.strip_prefix('-') {
        Some(positive) => SmolStr::new(positive),
        None => SmolStr::from(format!("-{digits}")),
    }
}

/// `left AND right`; a chain is one flat node.
fn join_and(left: Expr, right: Expr, pos: usize) -> Expr {
    match left.node {
        ExprNode::And(mut list) => {
            list.push(right);
            Expr::new(ExprNode::And(list), left.pos)
        }
        _ => Expr::new(ExprNode::And(vec![left, right]), pos),
    }
}

/// `left OR right`; a chain is one flat node.
fn join_or(left: Expr, right: Expr, pos: usize) -> Expr {
    match left.node {
        ExprNode::Or(mut list) => {
            list.push(right);
            Expr::new(ExprNode::Or(list), left.pos)
        }
        _ => Expr::new(ExprNode::Or(vec![left, right]), pos),
    }
}
