//! Operands: columns, parameters, literals, parentheses, CASE, ARRAY, ROW, calls by name.

use super::ast::*;
use super::cursor::Parser;
use super::expr::Paren;
use super::keywords::{Category, Kw as K};
use super::lexer::T;
use super::text;
use crate::error::Result;

fn literal(value: Literal, pos: usize) -> Expr {
    Expr::new(ExprNode::Literal(value), pos)
}

impl Parser<'_> {
    /// `c_expr`.
    pub(super) fn primary(&mut self) -> Result<Expr> {
        let pos = self.pos();
        match self.kind() {
            T::Ident | T::UnicodeIdent => self.named(pos),
            T::Int(value) => {
                self.bump();
                Ok(literal(Literal::Integer(value), pos))
            }
            T::Float => {
                let token = self.bump();
                Ok(literal(Literal::Float(SmolStr::new(self.slice(token))), pos))
            }
            T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr => Ok(literal(Literal::String(self.sconst()?), pos)),
            T::BitStr | T::HexStr => {
                let token = self.bump();
                Ok(literal(Literal::BitString(text::string(self.src, token)?), pos))
            }
            T::Param(number) => {
                self.bump();
                self.with_indirection(Expr::new(ExprNode::Param(number), pos))
            }
            T::Ch(b'(') => {
                self.bump();
                self.enter()?;
                let content = self.paren_content()?;
                let expr = self.finish_paren(content, pos)?;
                self.leave();
                Ok(expr)
            }
            T::Kw(kw) => self.keyword_primary(kw, pos),
            _ => Err(self.unexpected()),
        }
    }

    fn keyword_primary(&mut self, kw: K, pos: usize) -> Result<Expr> {
        let constant = match kw {
            K::True => Some(Literal::Boolean(true)),
            K::False => Some(Literal::Boolean(false)),
            K::Null => Some(Literal::Null),
            _ => None,
        };
        if let Some(value) = constant {
            self.bump();
            return Ok(literal(value, pos));
        }
        match kw {
            K::Case => self.case_expr(pos),
            K::Array => self.array_primary(pos),
            K::Row if self.peek() == T::Ch(b'(') => self.row(),
            K::Exists if self.peek() == T::Ch(b'(') => {
                self.bump();
                let query = self.select_with_parens()?;
                Ok(Expr::new(ExprNode::SubLink(Box::new(SubLink { kind: SubLinkKind::Exists, test: None, op: None, query })), pos))
            }
            K::Grouping if self.peek() == T::Ch(b'(') => {
                self.bump();
                Ok(Expr::new(ExprNode::Grouping(self.paren_list(Self::expr)?), pos))
            }
            _ => {
                if let Some(expr) = self.special_function(kw, pos)? {
                    return Ok(expr);
                }
                if let Some(expr) = self.typed_constant(kw, pos)? {
                    return Ok(expr);
                }
                match kw.category() {
                    Category::Unreserved | Category::ColName => self.named(pos),
                    Category::TypeFunc => self.function_word(pos),
                    Category::Reserved => Err(self.unexpected()),
                }
            }
        }
    }

    /// A constant of a type SQL spells with keywords: `timestamp '...'`, `interval '1' day`, `float '1'`.
    fn typed_constant(&mut self, kw: K, pos: usize) -> Result<Option<Expr>> {
        let next = self.peek();
        let string_next = matches!(next, T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr);
        let starts = match kw {
            K::Interval if string_next || next == T::Ch(b'(') => return self.interval_constant(pos).map(Some),
            K::Int | K::Integer | K::Smallint | K::Bigint | K::Real | K::Boolean => string_next,
            K::Double => next == T::Kw(K::Precision),
            K::Float | K::Decimal | K::Dec | K::Numeric => string_next || next == T::Ch(b'('),
            K::Bit | K::Character | K::Char | K::Varchar | K::Nchar => {
                string_next || next == T::Ch(b'(') || (kw != K::Varchar && next == T::Kw(K::Varying))
            }
            K::National => matches!(next, T::Kw(K::Character | K::Char)),
            K::Timestamp | K::Time => string_next || matches!(next, T::Ch(b'(') | T::Kw(K::Without)) || self.with_time_next(),
            _ => false,
        };
        if !starts {
            return Ok(None);
        }
        let type_name = self.constant_type()?;
        Ok(Some(self.string_cast(type_name)?))
    }

    /// WITH TIME behind the current token.
    fn with_time_next(&mut self) -> bool {
        self.peek() == T::Kw(K::With) && self.peek_at(1) == T::Kw(K::Time)
    }

    fn interval_constant(&mut self, pos: usize) -> Result<Expr> {
        self.bump();
        let mut type_name = TypeName::system("interval", pos);
        if self.at_ch(b'(') {
            self.interval_precision(&mut type_name)?;
            return self.string_cast(type_name);
        }
        let value_pos = self.pos();
        let value = literal(Literal::String(self.sconst()?), value_pos);
        self.interval_fields(&mut type_name)?;
        Ok(Expr::new(ExprNode::Cast { arg: Box::new(value), type_name: Box::new(type_name) }, pos))
    }

    /// `type 'literal'` with the type already taken.
    fn string_cast(&mut self, type_name: TypeName) -> Result<Expr> {
        let pos = self.pos();
        let arg = Box::new(literal(Literal::String(self.sconst()?), pos));
        let at = type_name.pos;
        Ok(Expr::new(ExprNode::Cast { arg, type_name: Box::new(type_name) }, at))
    }

    /// A column, a call, or a constant of a named type.
    fn named(&mut self, pos: usize) -> Result<Expr> {
        let callable = super::names::is_type_function_name(self.tok.kind);
        let first = self.col_id()?;
        match self.kind() {
            T::Ch(b'(') if callable => return self.call_or_constant(vec![first], pos),
            T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr if callable => {
                return self.string_cast(TypeName::new(vec![first], pos));
            }
            T::Ch(b'.' | b'[') => {}
            _ => return Ok(Expr::new(ExprNode::Column(ColumnRef { names: vec![first], star: false }), pos)),
        }
        let mut path = Vec::new();
        self.indirection(&mut path)?;
        if matches!(self.tok.kind, T::Ch(b'(')) {
            let name = self.function_name_of(first, path, pos)?;
            return self.call_or_constant(name.parts, pos);
        }
        if self.at_string() {
            let name = self.function_name_of(first, path, pos)?;
            return self.string_cast(TypeName::new(name.parts, pos));
        }
        self.column_ref(first, path, pos)
    }

    /// Splits `a.b[1].c` into the column reference and what is taken from it.
    pub(super) fn column_ref(&mut self, first: SmolStr, path: Vec<Indirection>, pos: usize) -> Result<Expr> {
        self.check_indirection(&path)?;
        let mut column = ColumnRef { names: vec![first], star: false };
        let mut rest = Vec::new();
        for step in path {
            match step {
                _ if !rest.is_empty() => rest.push(step),
                Indirection::Field(name) => column.names.push(name),
                Indirection::Star => column.star = true,
                subscript => rest.push(subscript),
            }
        }
        let expr = Expr::new(ExprNode::Column(column), pos);
        if rest.is_empty() {
            return Ok(expr);
        }
        Ok(Expr::new(ExprNode::Indirection { base: Box::new(expr), path: rest }, pos))
    }

    /// A word that can only be a function or a type: LEFT(...), etc.
    fn function_word(&mut self, pos: usize) -> Result<Expr> {
        let name = self.type_function_name()?;
        if self.at_ch(b'(') {
            return self.call_or_constant(vec![name], pos);
        }
        self.string_cast(TypeName::new(vec![name], pos))
    }

    /// `(...)`, `(...)[1]`, `(...).field` on an operand that allows it.
    fn with_indirection(&mut self, base: Expr) -> Result<Expr> {
        if !matches!(self.tok.kind, T::Ch(b'.' | b'[')) {
            return Ok(base);
        }
        let mut path = Vec::new();
        self.indirection(&mut path)?;
        self.check_indirection(&path)?;
        let pos = base.pos;
        Ok(Expr::new(ExprNode::Indirection { base: Box::new(base), path }, pos))
    }

    /// Behind `(`: a query or an expression; stops before the `)` or `,` that follows it.
    pub(super) fn paren_content(&mut self) -> Result<Paren> {
        if self.at_query() {
            return Ok(Paren::Select(Box::new(self.select_no_parens()?)));
        }
        if !self.at_ch(b'(') {
            return Ok(Paren::Expr(self.expr()?));
        }
        let pos = self.pos();
        self.bump();
        self.enter()?;
        let inner = self.paren_content()?;
        self.leave();
        if let Paren::Select(query) = inner {
            self.expect_ch(b')')?;
            if self.at_ch(b')') {
                return Ok(Paren::Select(query));
            }
            if self.at_select_continuation() {
                return Ok(Paren::Select(Box::new(self.select_after_parens(*query)?)));
            }
            let link = self.with_indirection(scalar_sublink(*query, pos))?;
            return Ok(Paren::Expr(self.expr_after(link)?));
        }
        let operand = self.finish_paren(inner, pos)?;
        let operand = self.maybe_overlaps(operand)?;
        Ok(Paren::Expr(self.expr_after(operand)?))
    }

    /// Whether a query starts here (behind a parenthesis).
    pub(super) fn at_query(&mut self) -> bool {
        match self.kind() {
            T::Kw(K::Select | K::With | K::Table) | T::WithLa => true,
            T::Kw(K::Values) => self.peek() == T::Ch(b'('),
            _ => false,
        }
    }

    /// Takes the `)` of a parenthesis opened at `pos`: a subquery, a row, or just an expression.
    fn finish_paren(&mut self, content: Paren, pos: usize) -> Result<Expr> {
        let first = match content {
            Paren::Select(query) => {
                self.expect_ch(b')')?;
                return self.with_indirection(scalar_sublink(*query, pos));
            }
            Paren::Expr(first) => first,
        };
        if !self.at_ch(b',') {
            self.expect_ch(b')')?;
            return self.with_indirection(first);
        }
        let mut fields = vec![first];
        while self.eat_ch(b',') {
            fields.push(self.expr()?);
        }
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprNode::Row { fields, explicit: false }, pos))
    }

    /// `ROW(...)` or `(a, b ...)`.
    pub(super) fn row(&mut self) -> Result<Expr> {
        let pos = self.pos();
        if self.eat(K::Row) {
            self.expect_ch(b'(')?;
            let fields = if self.at_ch(b')') { Vec::new() } else { self.expr_list()? };
            self.expect_ch(b')')?;
            return Ok(Expr::new(ExprNode::Row { fields, explicit: true }, pos));
        }
        self.expect_ch(b'(')?;
        let mut fields = vec![self.expr()?];
        self.expect_ch(b',')?;
        fields.extend(self.expr_list()?);
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprNode::Row { fields, explicit: false }, pos))
    }

    /// `ARRAY[...]` or `ARRAY(query)`.
    fn array_primary(&mut self, pos: usize) -> Result<Expr> {
        self.bump();
        if self.at_ch(b'[') {
            let mut array = self.array_elements()?;
            array.pos = pos;
            return Ok(array);
        }
        let query = self.select_with_parens()?;
        Ok(Expr::new(ExprNode::SubLink(Box::new(SubLink { kind: SubLinkKind::Array, test: None, op: None, query })), pos))
    }

    /// `[ expr, ... ]` or `[ [...], ... ]`.
    fn array_elements(&mut self) -> Result<Expr> {
        let pos = self.pos();
        self.enter()?;
        self.expect_ch(b'[')?;
        let elements = if self.at_ch(b']') {
            Vec::new()
        } else if self.at_ch(b'[') {
            self.list(Self::array_elements)?
        } else {
            self.expr_list()?
        };
        self.expect_ch(b']')?;
        self.leave();
        Ok(Expr::new(ExprNode::Array(elements), pos))
    }

    fn case_expr(&mut self, pos: usize) -> Result<Expr> {
        self.bump();
        let arg = if self.at(K::When) { None } else { Some(self.expr()?) };
        let mut whens = Vec::new();
        while whens.is_empty() || self.at(K::When) {
            let pos = self.pos();
            self.expect(K::When)?;
            let condition = self.expr()?;
            self.expect(K::Then)?;
            let result = self.expr()?;
            whens.push(CaseWhen { condition, result, pos });
        }
        let default = if self.eat(K::Else) { Some(self.expr()?) } else { None };
        self.expect(K::End)?;
        Ok(Expr::new(ExprNode::Case(Box::new(CaseExpr { arg, whens, default })), pos))
    }
}

/// `(query)` as a value.
pub(super) fn scalar_sublink(query: SelectStmt, pos: usize) -> Expr {
    Expr::new(ExprNode::SubLink(Box::new(SubLink { kind: SubLinkKind::Scalar, test: None, op: None, query })), pos)
}
