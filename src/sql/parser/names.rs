//! Names and plain constants: which words may stand where, qualified names, subscripts, roles, literals.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::{Category, Kw};
use super::lexer::{T, Token};
use super::text;
use crate::err;
use crate::error::{Result, SqlState};

/// Whether a token may be a column or table name (`ColId`).
#[inline]
pub fn is_col_id(kind: T) -> bool {
    match kind {
        T::Ident | T::UnicodeIdent => true,
        T::Kw(kw) => matches!(kw.category(), Category::Unreserved | Category::ColName),
        _ => false,
    }
}

/// Whether a token may be a function or type name.
#[inline]
pub fn is_type_function_name(kind: T) -> bool {
    match kind {
        T::Ident | T::UnicodeIdent => true,
        T::Kw(kw) => matches!(kw.category(), Category::Unreserved | Category::TypeFunc),
        _ => false,
    }
}

/// Whether a token may be a label without AS.
pub fn is_bare_label(kind: T) -> bool {
    match kind {
        T::Ident | T::UnicodeIdent => true,
        T::Kw(kw) => kw.is_bare_label(),
        _ => false,
    }
}

fn is_label(kind: T) -> bool {
    matches!(kind, T::Ident | T::UnicodeIdent | T::Kw(_))
}

fn is_string(kind: T) -> bool {
    matches!(kind, T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr)
}

impl Parser<'_> {
    /// The text of an identifier or keyword token.
    pub(super) fn text_of(&self, token: Token) -> Result<SmolStr> {
        match token.kind {
            T::Kw(kw) => Ok(SmolStr::new_static(kw.word())),
            _ => text::identifier(self.src, token),
        }
    }

    fn name_if(&mut self, fits: bool) -> Result<SmolStr> {
        if !fits {
            return Err(self.unexpected());
        }
        let token = self.bump();
        self.text_of(token)
    }

    /// `ColId`.
    #[inline]
    pub(super) fn col_id(&mut self) -> Result<SmolStr> {
        self.name_if(is_col_id(self.tok.kind))
    }

    pub(super) fn at_col_id(&self) -> bool {
        is_col_id(self.tok.kind)
    }

    pub(super) fn type_function_name(&mut self) -> Result<SmolStr> {
        self.name_if(is_type_function_name(self.tok.kind))
    }

    /// `NonReservedWord`.
    pub(super) fn non_reserved_word(&mut self) -> Result<SmolStr> {
        self.name_if(is_label(self.tok.kind) && self.category() != Some(Category::Reserved))
    }

    /// `ColLabel`: any word at all.
    pub(super) fn col_label(&mut self) -> Result<SmolStr> {
        self.name_if(is_label(self.tok.kind))
    }

    pub(super) fn at_string(&self) -> bool {
        is_string(self.tok.kind)
    }

    /// `Sconst`.
    pub(super) fn sconst(&mut self) -> Result<SmolStr> {
        if !self.at_string() {
            return Err(self.unexpected());
        }
        let token = self.bump();
        text::string(self.src, token)
    }

    /// `NonReservedWord_or_Sconst`.
    pub(super) fn word_or_string(&mut self) -> Result<SmolStr> {
        if self.at_string() { self.sconst() } else { self.non_reserved_word() }
    }

    /// `Iconst`.
    pub(super) fn iconst(&mut self) -> Result<i32> {
        match self.kind() {
            T::Int(value) => {
                self.bump();
                Ok(value)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `SignedIconst`.
    pub(super) fn signed_iconst(&mut self) -> Result<i32> {
        let negative = self.eat_ch(b'-');
        if !negative {
            self.eat_ch(b'+');
        }
        let value = self.iconst()?;
        Ok(if negative { -value } else { value })
    }

    /// `NumericOnly`: a number with an optional sign.
    pub(super) fn numeric_only(&mut self) -> Result<DefValue> {
        let negative = self.eat_ch(b'-');
        if !negative {
            self.eat_ch(b'+');
        }
        match self.kind() {
            T::Int(value) => {
                self.bump();
                Ok(DefValue::Integer(if negative { -value } else { value }))
            }
            T::Float => {
                let token = self.bump();
                let digits = self.slice(token);
                Ok(DefValue::Float(if negative { SmolStr::from(format!("-{digits}")) } else { SmolStr::new(digits) }))
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn at_number(&self) -> bool {
        matches!(self.tok.kind, T::Int(_) | T::Float | T::Ch(b'+' | b'-'))
    }

    /// A token's source text.
    pub(super) fn slice(&self, token: Token) -> &str {
        &self.src[token.start as usize..token.end as usize]
    }

    /// `any_name`: ColId and attributes.
    pub(super) fn any_name(&mut self) -> Result<QualName> {
        let pos = self.pos();
        let mut parts = vec![self.col_id()?];
        while self.eat_ch(b'.') {
            parts.push(self.col_label()?);
        }
        Ok(QualName { parts, pos })
    }

    /// `name_list`.
    pub(super) fn name_list(&mut self) -> Result<Vec<SmolStr>> {
        self.list(Self::col_id)
    }

    /// `( name, ... )`.
    pub(super) fn columns(&mut self) -> Result<Vec<SmolStr>> {
        self.paren_list(Self::col_id)
    }

    /// `( name, ... )` or nothing.
    pub(super) fn opt_columns(&mut self) -> Result<Vec<SmolStr>> {
        if self.at_ch(b'(') { self.columns() } else { Ok(Vec::new()) }
    }

    /// `.name`, `.*`, `[i]`, `[a:b]`, as many as there are.
    pub(super) fn indirection(&mut self, path: &mut Vec<Indirection>) -> Result<()> {
        loop {
            if self.eat_ch(b'.') {
                if self.eat_ch(b'*') {
                    path.push(Indirection::Star);
                } else {
                    path.push(Indirection::Field(self.col_label()?));
                }
            } else if self.eat_ch(b'[') {
                path.push(self.subscript()?);
            } else {
                return Ok(());
            }
        }
    }

    fn subscript(&mut self) -> Result<Indirection> {
        let lower = if self.at_ch(b':') { None } else { Some(Box::new(self.expr()?)) };
        if self.eat_ch(b':') {
            let upper = if self.at_ch(b']') { None } else { Some(Box::new(self.expr()?)) };
            self.expect_ch(b']')?;
            return Ok(Indirection::Slice(lower, upper));
        }
        self.expect_ch(b']')?;
        match lower {
            Some(index) => Ok(Indirection::Index(index)),
            None => Err(self.unexpected()),
        }
    }

    /// `*` may only be the last step.
    pub(super) fn check_indirection(&self, path: &[Indirection]) -> Result<()> {
        match path.iter().position(|step| *step == Indirection::Star) {
            Some(at) if at + 1 < path.len() => Err(self.error_here("improper use of \"*\"")),
            _ => Ok(()),
        }
    }

    /// `qualified_name`: a relation.
    pub(super) fn qualified_name(&mut self) -> Result<RangeVar> {
        let pos = self.pos();
        let first = self.col_id()?;
        self.qualified_name_after(first, pos)
    }

    /// The rest of a relation's name behind its first part.
    pub(super) fn qualified_name_after(&mut self, first: SmolStr, pos: usize) -> Result<RangeVar> {
        if !matches!(self.tok.kind, T::Ch(b'.' | b'[')) {
            return Ok(RangeVar::bare(first, pos));
        }
        let mut path = Vec::new();
        self.indirection(&mut path)?;
        let mut parts = vec![first];
        for step in path {
            match step {
                Indirection::Field(name) => parts.push(name),
                _ => return Err(self.unexpected()),
            }
        }
        self.range_var(QualName { parts, pos }, "qualified")
    }

    /// A relation of a name with at most three parts.
    pub(super) fn range_var(&self, name: QualName, what: &str) -> Result<RangeVar> {
        let pos = name.pos;
        if name.parts.len() > 3 {
            return Err(err!(SqlState::SYNTAX_ERROR, "improper {what} name (too many dotted names): {name}").at(pos));
        }
        let mut parts = name.parts.into_iter().rev();
        let mut relation = RangeVar::bare(parts.next().unwrap_or_default(), pos);
        relation.schema = parts.next();
        relation.catalog = parts.next();
        Ok(relation)
    }

    /// `func_name`: a word of its own, or a qualified name.
    pub(super) fn func_name(&mut self) -> Result<QualName> {
        let pos = self.pos();
        let col_id = self.at_col_id();
        if !col_id || (is_type_function_name(self.tok.kind) && !matches!(self.peek(), T::Ch(b'.' | b'['))) {
            return Ok(QualName { parts: vec![self.type_function_name()?], pos });
        }
        let first = self.col_id()?;
        if !matches!(self.tok.kind, T::Ch(b'.' | b'[')) {
            return Err(self.unexpected());
        }
        let mut path = Vec::new();
        self.indirection(&mut path)?;
        self.function_name_of(first, path, pos)
    }

    /// Makes a function's name of a first word and a path of plain names.
    pub(super) fn function_name_of(&self, first: SmolStr, path: Vec<Indirection>, pos: usize) -> Result<QualName> {
        let mut parts = Vec::with_capacity(path.len() + 1);
        parts.push(first);
        for step in path {
            match step {
                Indirection::Field(name) => parts.push(name),
                _ => return Err(self.unexpected()),
            }
        }
        Ok(QualName { parts, pos })
    }

    /// `RoleSpec`.
    pub(super) fn role_spec(&mut self) -> Result<RoleSpec> {
        let pos = self.pos();
        let kind = match self.kind() {
            T::Kw(Kw::CurrentRole) => RoleKind::CurrentRole,
            T::Kw(Kw::CurrentUser) => RoleKind::CurrentUser,
            T::Kw(Kw::SessionUser) => RoleKind::SessionUser,
            _ => {
                let name = self.non_reserved_word()?;
                // These two are told by their text, quoted or not.
                return match name.as_str() {
                    "public" => Ok(RoleSpec { kind: RoleKind::Public, pos }),
                    "none" => Err(err!(SqlState::RESERVED_NAME, "role name \"none\" is reserved").at(pos)),
                    _ => Ok(RoleSpec { kind: RoleKind::Named(name), pos }),
                };
            }
        };
        self.bump();
        Ok(RoleSpec { kind, pos })
    }

    /// `RoleId`: a role that must be named.
    pub(super) fn role_id(&mut self) -> Result<SmolStr> {
        named_role(self.role_spec()?)
    }

    pub(super) fn role_list(&mut self) -> Result<Vec<RoleSpec>> {
        self.list(Self::role_spec)
    }

    /// `opt_drop_behavior`.
    pub(super) fn drop_behavior(&mut self) -> DropBehavior {
        if self.eat(Kw::Cascade) {
            return DropBehavior::Cascade;
        }
        self.eat(Kw::Restrict);
        DropBehavior::Restrict
    }

    /// IF EXISTS where no name can stand: IF decides.
    pub(super) fn surely_if_exists(&mut self) -> Result<bool> {
        if !self.eat(Kw::If) {
            return Ok(false);
        }
        self.expect(Kw::Exists)?;
        Ok(true)
    }

    /// IF NOT EXISTS where no name can stand: IF decides.
    pub(super) fn surely_if_not_exists(&mut self) -> Result<bool> {
        if !self.eat(Kw::If) {
            return Ok(false);
        }
        self.expect_all(&[Kw::Not, Kw::Exists])?;
        Ok(true)
    }

    /// USER MAPPING, where MAPPING is no role's name.
    pub(super) fn at_user_mapping(&mut self) -> bool {
        self.at2(Kw::User, Kw::Mapping) && matches!(self.peek_at(1), T::Kw(Kw::For | Kw::If))
    }

    /// CLASS or FAMILY behind OPERATOR, when it is no qualifier of the operator.
    pub(super) fn class_or_family(&mut self) -> Option<usize> {
        if self.peek() == T::Ch(b'.') { None } else { self.one_of(&[Kw::Class, Kw::Family]) }
    }

    /// IF EXISTS.
    pub(super) fn if_exists(&mut self) -> Result<bool> {
        if !self.at2(Kw::If, Kw::Exists) {
            return Ok(false);
        }
        self.bump();
        self.bump();
        Ok(true)
    }

    /// IF NOT EXISTS.
    pub(super) fn if_not_exists(&mut self) -> Result<bool> {
        if !self.at(Kw::If) {
            return Ok(false);
        }
        // NOT before these words belongs to them.
        let joined = matches!(self.peek_at(1), T::Kw(Kw::Between | Kw::In | Kw::Like | Kw::Ilike | Kw::Similar));
        if joined || !self.at2(Kw::If, Kw::Not) {
            return Ok(false);
        }
        self.bump();
        self.bump();
        self.expect(Kw::Exists)?;
        Ok(true)
    }
}

/// The name of a role that must have one of its own.
pub(super) fn named_role(spec: RoleSpec) -> Result<SmolStr> {
    let word = match spec.kind {
        RoleKind::Named(name) => return Ok(name),
        RoleKind::Public => return Err(err!(SqlState::RESERVED_NAME, "role name \"public\" is reserved").at(spec.pos)),
        RoleKind::SessionUser => "SESSION_USER",
        RoleKind::CurrentUser => "CURRENT_USER",
        RoleKind::CurrentRole => "CURRENT_ROLE",
    };
    Err(err!(SqlState::RESERVED_NAME, "{word} cannot be used as a role name here").at(spec.pos))
}
