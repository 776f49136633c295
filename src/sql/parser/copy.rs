//! COPY, in its new and old option syntax.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::options::{flag, option, text_option};
use crate::err;
use crate::error::{Result, SqlState};

fn name_values(names: Vec<SmolStr>) -> Option<DefValue> {
    Some(DefValue::List(names.into_iter().map(DefValue::String).collect()))
}

impl Parser<'_> {
    pub(super) fn copy(&mut self) -> Result<Statement> {
        self.expect(K::Copy)?;
        let mut options = Vec::new();
        if self.eat_ch(b'(') {
            let query = self.preparable_stmt()?;
            self.expect_ch(b')')?;
            self.expect(K::To)?;
            let target = self.copy_target()?;
            self.eat_any_with();
            self.copy_options(&mut options)?;
            let source = CopySource::Query(Box::new(query));
            return Ok(Statement::Copy(Box::new(CopyStmt { source, is_from: false, target, options, where_clause: None })));
        }
        let pos = self.pos();
        if self.eat(K::Binary) {
            options.push(text_option("format", SmolStr::new_static("binary"), pos));
        }
        let relation = self.qualified_name()?;
        let columns = self.opt_columns()?;
        let is_from = match self.one_of(&[K::From, K::To]) {
            Some(word) => word == 0,
            None => return Err(self.unexpected()),
        };
        let target = self.copy_target()?;
        let pos = self.pos();
        if self.eat(K::Using) {
            self.expect(K::Delimiters)?;
            options.push(text_option("delimiter", self.sconst()?, pos));
        } else if self.eat(K::Delimiters) {
            options.push(text_option("delimiter", self.sconst()?, pos));
        }
        self.eat_any_with();
        self.copy_options(&mut options)?;
        let at = self.pos();
        let where_clause = self.where_clause()?;
        if where_clause.is_some() && !is_from {
            return Err(err!(SqlState::SYNTAX_ERROR, "WHERE clause not allowed with COPY TO")
                .hint("Try the COPY (SELECT ... WHERE ...) TO variant.")
                .at(at));
        }
        let source = CopySource::Table { relation, columns };
        Ok(Statement::Copy(Box::new(CopyStmt { source, is_from, target, options, where_clause })))
    }

    fn copy_target(&mut self) -> Result<CopyTarget> {
        let program = self.eat(K::Program);
        let pos = self.pos();
        if self.one_of(&[K::Stdin, K::Stdout]).is_some() {
            if program {
                return Err(err!(SqlState::SYNTAX_ERROR, "STDIN/STDOUT not allowed with PROGRAM").at(pos));
            }
            return Ok(CopyTarget::Client);
        }
        let name = self.sconst()?.to_string();
        Ok(if program { CopyTarget::Program(name) } else { CopyTarget::File(name) })
    }

    fn copy_options(&mut self, options: &mut Vec<DefElem>) -> Result<()> {
        if self.at_ch(b'(') {
            options.extend(self.paren_list(Self::copy_generic_option)?);
            return Ok(());
        }
        while let Some(option) = self.copy_word_option()? {
            options.push(option);
        }
        Ok(())
    }

    /// `copy_generic_opt_elem`.
    fn copy_generic_option(&mut self) -> Result<DefElem> {
        let pos = self.pos();
        let name = self.col_label()?;
        let value = match self.kind() {
            T::Ch(b',' | b')') => None,
            T::Ch(b'*') => {
                self.bump();
                Some(DefValue::Star)
            }
            T::Ch(b'(') => name_values(self.paren_list(Self::boolean_or_string)?),
            _ if self.at_number() => Some(self.numeric_only()?),
            _ => Some(DefValue::String(self.boolean_or_string()?)),
        };
        Ok(option(&name, value, pos))
    }

    /// An option of the old syntax, if one is here.
    fn copy_word_option(&mut self) -> Result<Option<DefElem>> {
        let pos = self.pos();
        let words = [K::Binary, K::Csv, K::Freeze, K::Header, K::Delimiter, K::Null, K::Quote, K::Escape, K::Encoding, K::Force];
        let Some(word) = self.one_of(&words) else { return Ok(None) };
        Ok(Some(match words[word] {
            kw @ (K::Binary | K::Csv) => text_option("format", SmolStr::new_static(kw.word()), pos),
            kw @ (K::Freeze | K::Header) => flag(kw.word(), true, pos),
            K::Encoding => text_option("encoding", self.sconst()?, pos),
            K::Force => match self.one_of(&[K::Quote, K::Not, K::Null]) {
                Some(0) if self.eat_ch(b'*') => option("force_quote", Some(DefValue::Star), pos),
                Some(0) => option("force_quote", name_values(self.name_list()?), pos),
                Some(1) => {
                    self.expect(K::Null)?;
                    option("force_not_null", name_values(self.name_list()?), pos)
                }
                Some(_) => option("force_null", name_values(self.name_list()?), pos),
                None => return Err(self.unexpected()),
            },
            kw => {
                self.eat(K::As);
                text_option(kw.word(), self.sconst()?, pos)
            }
        }))
    }
}
