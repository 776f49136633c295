//! Option lists: WITH (...), definitions, EXPLAIN-like options, OPTIONS (...), sequence options.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::{Category, Kw as K};
use super::lexer::T;
use crate::error::Result;

/// An option with the usual emptiness.
pub(super) fn option(name: &str, value: Option<DefValue>, pos: usize) -> DefElem {
    DefElem { namespace: None, name: SmolStr::new(name), value, action: DefAction::Unspecified, pos }
}

pub(super) fn flag(name: &str, value: bool, pos: usize) -> DefElem {
    option(name, Some(DefValue::Boolean(value)), pos)
}

pub(super) fn text_option(name: &str, value: SmolStr, pos: usize) -> DefElem {
    option(name, Some(DefValue::String(value)), pos)
}

impl Parser<'_> {
    /// `definition`: `( name = value, ... )`.
    pub(super) fn definition(&mut self) -> Result<Vec<DefElem>> {
        self.paren_list(|p| {
            let pos = p.pos();
            let name = p.col_label()?;
            let value = if p.eat_ch(b'=') { Some(p.def_arg()?) } else { None };
            Ok(option(&name, value, pos))
        })
    }

    /// `reloptions`: names may have a namespace.
    pub(super) fn reloptions(&mut self) -> Result<Vec<DefElem>> {
        self.paren_list(|p| {
            let pos = p.pos();
            let mut name = p.col_label()?;
            let mut namespace = None;
            if p.eat_ch(b'.') {
                namespace = Some(std::mem::replace(&mut name, p.col_label()?));
            }
            let value = if p.eat_ch(b'=') { Some(p.def_arg()?) } else { None };
            Ok(DefElem { namespace, ..option(&name, value, pos) })
        })
    }

    /// WITH reloptions, or nothing.
    pub(super) fn opt_reloptions(&mut self) -> Result<Vec<DefElem>> {
        if self.eat(K::With) { self.reloptions() } else { Ok(Vec::new()) }
    }

    /// WITH definition, or nothing.
    pub(super) fn opt_definition(&mut self) -> Result<Vec<DefElem>> {
        if self.eat(K::With) { self.definition() } else { Ok(Vec::new()) }
    }

    /// `def_arg`.
    pub(super) fn def_arg(&mut self) -> Result<DefValue> {
        match self.kind() {
            _ if self.at_string() => Ok(DefValue::String(self.sconst()?)),
            T::Int(_) | T::Float => self.numeric_only(),
            T::Ch(b'+' | b'-') if matches!(self.peek(), T::Int(_) | T::Float) => self.numeric_only(),
            T::Op
            | T::LessEquals
            | T::GreaterEquals
            | T::NotEquals
            | T::Ch(b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=') => Ok(DefValue::Operator(self.operator_token()?)),
            T::Kw(K::Operator) if self.peek() == T::Ch(b'(') => Ok(DefValue::Operator(self.qualified_operator()?)),
            T::Kw(kw) if kw == K::None || kw.category() == Category::Reserved => {
                self.bump();
                Ok(DefValue::String(SmolStr::new_static(kw.word())))
            }
            _ => Ok(DefValue::TypeName(Box::new(self.func_type()?))),
        }
    }

    /// `opt_boolean_or_string`.
    pub(super) fn boolean_or_string(&mut self) -> Result<SmolStr> {
        match self.one_of(&[K::True, K::False, K::On]) {
            Some(word) => Ok(SmolStr::new_static(["true", "false", "on"][word])),
            None => self.word_or_string(),
        }
    }

    /// `( option [value], ... )` of EXPLAIN, VACUUM, REINDEX ...
    pub(super) fn utility_options(&mut self) -> Result<Vec<DefElem>> {
        self.paren_list(|p| {
            let pos = p.pos();
            let name = match p.one_of(&[K::Analyze, K::Analyse]) {
                Some(_) => SmolStr::new_static("analyze"),
                None => p.non_reserved_word()?,
            };
            let value = match p.kind() {
                T::Ch(b',' | b')') => None,
                _ if p.at_number() => Some(p.numeric_only()?),
                _ => Some(DefValue::String(p.boolean_or_string()?)),
            };
            Ok(option(&name, value, pos))
        })
    }

    /// OPTIONS ( name 'value', ... ), or nothing.
    pub(super) fn create_generic_options(&mut self) -> Result<Vec<DefElem>> {
        if !self.eat(K::Options) {
            return Ok(Vec::new());
        }
        self.paren_list(|p| {
            let pos = p.pos();
            let name = p.col_label()?;
            Ok(text_option(&name, p.sconst()?, pos))
        })
    }

    /// OPTIONS ( [SET | ADD | DROP] name ['value'], ... ).
    pub(super) fn alter_generic_options(&mut self) -> Result<Vec<DefElem>> {
        self.expect(K::Options)?;
        self.paren_list(|p| {
            let pos = p.pos();
            let labelled = !matches!(p.peek(), T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr);
            let word = if labelled { p.one_of(&[K::Set, K::Add, K::Drop]) } else { None };
            let action = match word {
                Some(0) => DefAction::Set,
                Some(1) => DefAction::Add,
                Some(_) => DefAction::Drop,
                None => DefAction::Unspecified,
            };
            let name = p.col_label()?;
            let value = if action == DefAction::Drop { None } else { Some(DefValue::String(p.sconst()?)) };
            Ok(DefElem { action, ..option(&name, value, pos) })
        })
    }

    /// `OptSeqOptList`.
    pub(super) fn sequence_options(&mut self) -> Result<Vec<DefElem>> {
        let mut options = Vec::new();
        while let Some(option) = self.sequence_option()? {
            options.push(option);
        }
        Ok(options)
    }

    /// `( sequence options )`, or nothing.
    pub(super) fn paren_sequence_options(&mut self) -> Result<Vec<DefElem>> {
        if !self.eat_ch(b'(') {
            return Ok(Vec::new());
        }
        let options = self.sequence_options()?;
        if options.is_empty() {
            return Err(self.unexpected());
        }
        self.expect_ch(b')')?;
        Ok(options)
    }

    /// `SeqOptElem`, if one is here.
    pub(super) fn sequence_option(&mut self) -> Result<Option<DefElem>> {
        let pos = self.pos();
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let number = |p: &mut Self, name: &str| -> Result<DefElem> { Ok(option(name, Some(p.numeric_only()?), pos)) };
        let made = match kw {
            K::As => {
                self.bump();
                option("as", Some(DefValue::TypeName(Box::new(self.simple_type_name()?))), pos)
            }
            K::Cache => {
                self.bump();
                number(self, "cache")?
            }
            K::Cycle => {
                self.bump();
                flag("cycle", true, pos)
            }
            K::Logged | K::Unlogged => {
                self.bump();
                option(kw.word(), None, pos)
            }
            K::No => {
                self.bump();
                match self.one_of(&[K::Cycle, K::Maxvalue, K::Minvalue]) {
                    Some(0) => flag("cycle", false, pos),
                    Some(1) => option("maxvalue", None, pos),
                    Some(_) => option("minvalue", None, pos),
                    None => return Err(self.unexpected()),
                }
            }
            K::Increment => {
                self.bump();
                self.eat(K::By);
                number(self, "increment")?
            }
            K::Maxvalue => {
                self.bump();
                number(self, "maxvalue")?
            }
            K::Minvalue => {
                self.bump();
                number(self, "minvalue")?
            }
            K::Owned => {
                self.bump();
                self.expect(K::By)?;
                option("owned_by", Some(DefValue::Name(self.any_name()?)), pos)
            }
            K::Sequence => {
                self.bump();
                self.expect(K::Name)?;
                option("sequence_name", Some(DefValue::Name(self.any_name()?)), pos)
            }
            K::Start => {
                self.bump();
                self.eat_any_with();
                number(self, "start")?
            }
            K::Restart => {
                self.bump();
                if self.eat_any_with() || self.at_number() { number(self, "restart")? } else { option("restart", None, pos) }
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }
}
