//! Functions with a syntax of their own: EXTRACT, TRIM, SUBSTRING, CURRENT_DATE, COALESCE, XML constructors ...

use super::ast::*;
use super::cursor::Parser;
use super::expr::sql_call;
use super::keywords::Kw as K;
use super::lexer::T;
use super::names::is_type_function_name;
use crate::error::Result;

impl Parser<'_> {
    /// A special function named by the keyword at hand; `None` when it is an ordinary name here.
    pub(super) fn special_function(&mut self, kw: K, pos: usize) -> Result<Option<Expr>> {
        if let Some((function, precise)) = sql_value(kw) {
            if kw == K::CurrentSchema && (self.peek() == T::Ch(b'(') || matches!(self.peek(), T::Str | T::EscapeStr)) {
                return Ok(None);
            }
            self.bump();
            let mut precision = None;
            if precise && self.eat_ch(b'(') {
                precision = Some(self.iconst()?);
                self.expect_ch(b')')?;
            }
            return Ok(Some(Expr::new(ExprNode::SqlValue { function, precision }, pos)));
        }
        match kw {
            K::Cast => return self.cast(pos).map(Some),
            K::Collation if self.peek() == T::Kw(K::For) => {
                self.bump();
                self.bump();
                self.expect_ch(b'(')?;
                let arg = self.expr()?;
                self.expect_ch(b')')?;
                return Ok(Some(sql_call("pg_collation_for", vec![arg], pos)));
            }
            _ => {}
        }
        if self.peek() != T::Ch(b'(') {
            return Ok(None);
        }
        let list = |p: &mut Self| {
            p.bump();
            p.paren_list(Self::expr)
        };
        let node = match kw {
            K::Coalesce => ExprNode::Coalesce(list(self)?),
            K::Greatest => ExprNode::Greatest(list(self)?),
            K::Least => ExprNode::Least(list(self)?),
            K::Nullif => {
                self.bump();
                self.expect_ch(b'(')?;
                let left = self.boxed_expr()?;
                self.expect_ch(b',')?;
                let right = self.boxed_expr()?;
                self.expect_ch(b')')?;
                ExprNode::NullIf { left, right }
            }
            K::Extract | K::Normalize | K::Overlay | K::Position | K::Substring | K::Treat | K::Trim => {
                return self.string_function(kw, pos).map(Some);
            }
            K::Xmlconcat | K::Xmlelement | K::Xmlexists | K::Xmlforest | K::Xmlparse | K::Xmlpi | K::Xmlroot | K::Xmlserialize => {
                return self.xml_function(kw, pos).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(Expr::new(node, pos)))
    }

    fn cast(&mut self, pos: usize) -> Result<Expr> {
        self.bump();
        self.expect_ch(b'(')?;
        let arg = self.boxed_expr()?;
        self.expect(K::As)?;
        let type_name = Box::new(self.type_name()?);
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprNode::Cast { arg, type_name }, pos))
    }

    fn string_function(&mut self, kw: K, pos: usize) -> Result<Expr> {
        self.bump();
        self.expect_ch(b'(')?;
        let made = match kw {
            K::Extract => {
                let field = self.extract_field()?;
                self.expect(K::From)?;
                sql_call("extract", vec![field, self.expr()?], pos)
            }
            K::Normalize => {
                let mut args = vec![self.expr()?];
                if self.eat_ch(b',') {
                    match self.unicode_normal_form() {
                        Some(form) => args.push(form),
                        None => return Err(self.unexpected()),
                    }
                }
                sql_call("normalize", args, pos)
            }
            K::Position => {
                let what = self.b_expr()?;
                self.expect(K::In)?;
                sql_call("position", vec![self.b_expr()?, what], pos)
            }
            K::Treat => {
                let arg = self.expr()?;
                self.expect(K::As)?;
                let type_name = self.type_name()?;
                let function = type_name.names.last().cloned().unwrap_or_default();
                let arg = FunctionArg { name: None, pos: arg.pos, value: arg };
                let call = FunctionCall::new(vec![SmolStr::new_static("pg_catalog"), function], vec![arg]);
                Expr::new(ExprNode::Function(Box::new(call)), pos)
            }
            K::Trim => self.trim(pos)?,
            K::Overlay => return self.overlay(pos),
            _ => return self.substring(pos),
        };
        self.expect_ch(b')')?;
        Ok(made)
    }

    fn extract_field(&mut self) -> Result<Expr> {
        let pos = self.pos();
        let field = match self.kind() {
            T::Ident | T::UnicodeIdent | T::Kw(K::Year | K::Month | K::Day | K::Hour | K::Minute | K::Second) => {
                let token = self.bump();
                self.text_of(token)?
            }
            _ => self.sconst()?,
        };
        Ok(Expr::new(ExprNode::Literal(Literal::String(field)), pos))
    }

    fn trim(&mut self, pos: usize) -> Result<Expr> {
        let name = match self.one_of(&[K::Both, K::Leading, K::Trailing]) {
            Some(1) => "ltrim",
            Some(2) => "rtrim",
            _ => "btrim",
        };
        if self.eat(K::From) {
            return Ok(sql_call(name, self.expr_list()?, pos));
        }
        let first = self.expr()?;
        let mut args = Vec::new();
        if self.eat(K::From) {
            args.extend(self.expr_list()?);
            args.push(first);
        } else {
            args.push(first);
            while self.eat_ch(b',') {
                args.push(self.expr()?);
            }
        }
        Ok(sql_call(name, args, pos))
    }

    /// Whether the arguments of OVERLAY or SUBSTRING are those of an ordinary call from the start.
    fn plain_arguments(&mut self) -> bool {
        self.at_ch(b')') || (is_type_function_name(self.tok.kind) && matches!(self.peek(), T::ColonEquals | T::EqualsGreater))
    }

    /// The rest of an ordinary argument list behind its first expression.
    fn ordinary_call(&mut self, name: &'static str, first: Option<Expr>, pos: usize) -> Result<Expr> {
        let mut args = Vec::new();
        let mut more = match first {
            Some(value) => {
                args.push(FunctionArg { name: None, pos: value.pos, value });
                self.eat_ch(b',')
            }
            None => !self.at_ch(b')'),
        };
        while more {
            args.push(self.function_arg()?);
            more = self.eat_ch(b',');
        }
        self.expect_ch(b')')?;
        let call = FunctionCall::new(vec![SmolStr::new_static(name)], args);
        Ok(Expr::new(ExprNode::Function(Box::new(call)), pos))
    }

    fn overlay(&mut self, pos: usize) -> Result<Expr> {
        if self.plain_arguments() {
            return self.ordinary_call("overlay", None, pos);
        }
        let first = self.expr()?;
        if !self.eat(K::Placing) {
            return self.ordinary_call("overlay", Some(first), pos);
        }
        let mut args = vec![first, self.expr()?];
        self.expect(K::From)?;
        args.push(self.expr()?);
        if self.eat(K::For) {
            args.push(self.expr()?);
        }
        self.expect_ch(b')')?;
        Ok(sql_call("overlay", args, pos))
    }

    fn substring(&mut self, pos: usize) -> Result<Expr> {
        if self.plain_arguments() {
            return self.ordinary_call("substring", None, pos);
        }
        let first = self.substring_operand()?;
        let args = match self.one_of(&[K::From, K::For, K::Similar]) {
            Some(0) => {
                let from = self.expr()?;
                if self.eat(K::For) { vec![first, from, self.expr()?] } else { vec![first, from] }
            }
            Some(1) => {
                let length = self.expr()?;
                if self.eat(K::From) {
                    vec![first, self.expr()?, length]
                } else {
                    // The length alone must be an integer: `substring(x from 1 for length)`.
                    let at = length.pos;
                    let type_name = Box::new(TypeName::system("int4", at));
                    let cast = Expr::new(ExprNode::Cast { arg: Box::new(length), type_name }, at);
                    vec![first, Expr::new(ExprNode::Literal(Literal::Integer(1)), at), cast]
                }
            }
            Some(_) => {
                let pattern = self.expr()?;
                self.expect(K::Escape)?;
                vec![first, pattern, self.expr()?]
            }
            None => return self.ordinary_call("substring", Some(first), pos),
        };
        self.expect_ch(b')')?;
        Ok(sql_call("substring", args, pos))
    }

    fn xml_function(&mut self, kw: K, pos: usize) -> Result<Expr> {
        self.bump();
        self.expect_ch(b'(')?;
        if kw == K::Xmlexists {
            let path = self.primary()?;
            let document = self.xml_passing()?;
            self.expect_ch(b')')?;
            return Ok(sql_call("xmlexists", vec![path, document], pos));
        }
        let mut xml = XmlExpr {
            op: XmlOp::Concat,
            name: None,
            named_args: Vec::new(),
            args: Vec::new(),
            document: false,
            preserve_whitespace: false,
            type_name: None,
            standalone: None,
        };
        self.xml_arguments(kw, &mut xml)?;
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprNode::Xml(Box::new(xml)), pos))
    }

    fn xml_arguments(&mut self, kw: K, xml: &mut XmlExpr) -> Result<()> {
        match kw {
            K::Xmlconcat => xml.args = self.expr_list()?,
            K::Xmlelement => {
                xml.op = XmlOp::Element;
                self.expect(K::Name)?;
                xml.name = Some(self.col_label()?);
                if self.eat_ch(b',') {
                    if self.at(K::Xmlattributes) && self.peek() == T::Ch(b'(') {
                        self.bump();
                        xml.named_args = self.paren_list(Self::xml_attribute)?;
                        if self.eat_ch(b',') {
                            xml.args = self.expr_list()?;
                        }
                    } else {
                        xml.args = self.expr_list()?;
                    }
                }
            }
            K::Xmlforest => {
                xml.op = XmlOp::Forest;
                xml.named_args = self.list(Self::xml_attribute)?;
            }
            K::Xmlparse => {
                xml.op = XmlOp::Parse;
                xml.document = self.document_or_content()?;
                xml.args = vec![self.expr()?];
                if let Some(word) = self.one_of(&[K::Preserve, K::Strip]) {
                    self.expect(K::Whitespace)?;
                    xml.preserve_whitespace = word == 0;
                }
            }
            K::Xmlpi => {
                xml.op = XmlOp::Pi;
                self.expect(K::Name)?;
                xml.name = Some(self.col_label()?);
                if self.eat_ch(b',') {
                    xml.args = vec![self.expr()?];
                }
            }
            K::Xmlroot => self.xml_root(xml)?,
            _ => {
                xml.op = XmlOp::Serialize;
                xml.document = self.document_or_content()?;
                xml.args = vec![self.expr()?];
                self.expect(K::As)?;
                xml.type_name = Some(self.simple_type_name()?);
            }
        }
        Ok(())
    }

    fn xml_root(&mut self, xml: &mut XmlExpr) -> Result<()> {
        xml.op = XmlOp::Root;
        xml.args = vec![self.expr()?];
        self.expect_ch(b',')?;
        self.expect(K::Version)?;
        let pos = self.pos();
        let version = if self.eat2(K::No, K::Value) { Expr::new(ExprNode::Literal(Literal::Null), pos) } else { self.expr()? };
        xml.args.push(version);
        xml.standalone = Some(XmlStandalone::Omitted);
        if self.eat_ch(b',') {
            self.expect(K::Standalone)?;
            xml.standalone = Some(match self.one_of(&[K::Yes, K::No]) {
                Some(0) => XmlStandalone::Yes,
                Some(_) if self.eat(K::Value) => XmlStandalone::NoValue,
                Some(_) => XmlStandalone::No,
                None => return Err(self.unexpected()),
            });
        }
        Ok(())
    }

    fn xml_attribute(&mut self) -> Result<Target> {
        let pos = self.pos();
        let expr = self.expr()?;
        let name = if self.eat(K::As) { Some(self.col_label()?) } else { None };
        Ok(Target { name, expr, pos })
    }

    fn document_or_content(&mut self) -> Result<bool> {
        match self.one_of(&[K::Document, K::Content]) {
            Some(found) => Ok(found == 0),
            None => Err(self.unexpected()),
        }
    }

    /// `PASSING [BY REF | VALUE] doc [BY REF | VALUE]`.
    pub(super) fn xml_passing(&mut self) -> Result<Expr> {
        self.expect(K::Passing)?;
        self.xml_mechanism()?;
        let document = self.primary()?;
        self.xml_mechanism()?;
        Ok(document)
    }

    fn xml_mechanism(&mut self) -> Result<()> {
        if self.eat(K::By) && self.one_of(&[K::Ref, K::Value]).is_none() {
            return Err(self.unexpected());
        }
        Ok(())
    }
}

/// Functions without parentheses, and whether a precision may follow.
fn sql_value(kw: K) -> Option<(SqlValueFunction, bool)> {
    Some(match kw {
        K::CurrentDate => (SqlValueFunction::CurrentDate, false),
        K::CurrentTime => (SqlValueFunction::CurrentTime, true),
        K::CurrentTimestamp => (SqlValueFunction::CurrentTimestamp, true),
        K::Localtime => (SqlValueFunction::LocalTime, true),
        K::Localtimestamp => (SqlValueFunction::LocalTimestamp, true),
        K::CurrentRole => (SqlValueFunction::CurrentRole, false),
        K::CurrentUser => (SqlValueFunction::CurrentUser, false),
        K::User => (SqlValueFunction::User, false),
        K::SessionUser => (SqlValueFunction::SessionUser, false),
        K::CurrentCatalog => (SqlValueFunction::CurrentCatalog, false),
        K::CurrentSchema => (SqlValueFunction::CurrentSchema, false),
        _ => return None,
    })
}
