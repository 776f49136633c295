//! SET, RESET, SHOW and the SET clauses of ALTER ROLE, ALTER DATABASE, ALTER SYSTEM and CREATE FUNCTION.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

fn value_of(name: &str, value: SmolStr) -> VariableSet {
    VariableSet::Value { name: SmolStr::new(name), values: vec![SetValue::String(value)] }
}

fn default_of(name: &str) -> VariableSet {
    VariableSet::Default { name: SmolStr::new(name) }
}

impl Parser<'_> {
    /// SET at the start of a statement.
    pub(super) fn set_stmt(&mut self) -> Result<Statement> {
        if self.peek() == T::Kw(K::Constraints) && !matches!(self.peek_at(1), T::Kw(K::To | K::From) | T::Ch(b'=' | b'.')) {
            return self.set_constraints();
        }
        self.expect(K::Set)?;
        let mut local = false;
        // LOCAL and SESSION may also be settings' names.
        let word_first = !matches!(self.peek(), T::Kw(K::To | K::From) | T::Ch(b'=' | b'.'));
        if word_first && self.eat(K::Local) {
            local = true;
        } else if word_first && self.at(K::Session) {
            let phrase = match self.peek() {
                T::Kw(K::Characteristics) => self.peek_at(1) == T::Kw(K::As),
                next => next == T::Kw(K::Authorization),
            };
            if !phrase {
                self.bump();
            }
        }
        let kind = self.set_rest()?;
        Ok(Statement::Set(Box::new(VariableSetStmt { kind, local })))
    }

    /// `set_rest`.
    fn set_rest(&mut self) -> Result<VariableSet> {
        if self.at(K::Transaction) && !self.at_setting_name() {
            self.bump();
            if self.eat(K::Snapshot) {
                return Ok(VariableSet::TransactionSnapshot(self.sconst()?.to_string()));
            }
            return Ok(VariableSet::Transaction(self.transaction_modes(true)?));
        }
        if self.at(K::Session) && !self.at_setting_name() && self.peek() == T::Kw(K::Characteristics) {
            self.expect_all(&[K::Session, K::Characteristics, K::As, K::Transaction])?;
            return Ok(VariableSet::SessionCharacteristics(self.transaction_modes(true)?));
        }
        self.set_rest_more()
    }

    /// Whether the word at hand is a setting's name, whatever else it could begin.
    fn at_setting_name(&mut self) -> bool {
        self.at_col_id() && matches!(self.peek(), T::Ch(b'=' | b'.') | T::Kw(K::To | K::From))
    }

    /// `set_rest_more`.
    pub(super) fn set_rest_more(&mut self) -> Result<VariableSet> {
        if self.at_setting_name() {
            return self.named_setting(true);
        }
        let T::Kw(kw) = self.tok.kind else { return self.named_setting(true) };
        match kw {
            K::Time => {
                self.bump();
                self.expect(K::Zone)?;
                self.zone_value()
            }
            K::Catalog => {
                self.bump();
                let at = self.pos();
                self.sconst()?;
                Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "current database cannot be changed").at(at))
            }
            K::Schema => {
                self.bump();
                Ok(value_of("search_path", self.sconst()?))
            }
            K::Names => {
                self.bump();
                if self.at_string() {
                    return Ok(value_of("client_encoding", self.sconst()?));
                }
                self.eat(K::Default);
                Ok(default_of("client_encoding"))
            }
            K::Role => {
                self.bump();
                Ok(value_of("role", self.word_or_string()?))
            }
            K::Session if self.peek() == T::Kw(K::Authorization) => {
                self.bump();
                self.bump();
                if self.eat(K::Default) {
                    return Ok(default_of("session_authorization"));
                }
                Ok(value_of("session_authorization", self.word_or_string()?))
            }
            K::Xml => {
                self.bump();
                self.expect(K::Option)?;
                match self.one_of(&[K::Document, K::Content]) {
                    Some(word) => Ok(value_of("xmloption", SmolStr::new_static(["DOCUMENT", "CONTENT"][word]))),
                    None => Err(self.unexpected()),
                }
            }
            K::Transaction => {
                self.bump();
                self.expect(K::Snapshot)?;
                Ok(VariableSet::TransactionSnapshot(self.sconst()?.to_string()))
            }
            _ => self.named_setting(true),
        }
    }

    /// `name TO values`, `name = DEFAULT`, `name FROM CURRENT`.
    pub(super) fn named_setting(&mut self, from_current: bool) -> Result<VariableSet> {
        let name = self.setting_name()?;
        if from_current && self.eat(K::From) {
            self.expect(K::Current)?;
            return Ok(VariableSet::Current { name });
        }
        if !self.eat_ch(b'=') {
            self.expect(K::To)?;
        }
        if self.eat(K::Default) {
            return Ok(VariableSet::Default { name });
        }
        Ok(VariableSet::Value { name, values: self.list(Self::set_value)? })
    }

    /// `var_name`: dotted.
    pub(super) fn setting_name(&mut self) -> Result<SmolStr> {
        let first = self.col_id()?;
        if !self.at_ch(b'.') {
            return Ok(first);
        }
        let mut name = first.to_string();
        while self.eat_ch(b'.') {
            name.push('.');
            name.push_str(&self.col_id()?);
        }
        Ok(SmolStr::from(name))
    }

    /// `var_value`.
    fn set_value(&mut self) -> Result<SetValue> {
        if self.at_number() { self.set_number() } else { Ok(SetValue::String(self.boolean_or_string()?)) }
    }

    /// `zone_value`.
    fn zone_value(&mut self) -> Result<VariableSet> {
        let name = SmolStr::new_static("timezone");
        let value = match self.kind() {
            T::Kw(K::Default | K::Local) => {
                self.bump();
                return Ok(VariableSet::Default { name });
            }
            T::Kw(K::Interval) => self.zone_interval()?,
            T::Ident | T::UnicodeIdent => SetValue::String(self.col_id()?),
            _ if self.at_string() => SetValue::String(self.sconst()?),
            _ => self.set_number()?,
        };
        Ok(VariableSet::Value { name, values: vec![value] })
    }

    fn set_number(&mut self) -> Result<SetValue> {
        match self.numeric_only()? {
            DefValue::Float(digits) => Ok(SetValue::Float(digits)),
            DefValue::Integer(value) => Ok(SetValue::Integer(value)),
            _ => Err(self.unexpected()),
        }
    }

    /// `INTERVAL '...' [HOUR [TO MINUTE]]`, `INTERVAL(p) '...'`.
    fn zone_interval(&mut self) -> Result<SetValue> {
        let pos = self.pos();
        self.bump();
        let mut type_name = TypeName::system("interval", pos);
        let precise = self.at_ch(b'(');
        if precise {
            self.interval_precision(&mut type_name)?;
        }
        let at = self.pos();
        let value = self.sconst()?;
        if !precise {
            let fields = self.pos();
            self.interval_fields(&mut type_name)?;
            let hour_to_minute = type_name.typmods.len() == 1 && hour_minute(&type_name);
            if !type_name.typmods.is_empty() && !hour_to_minute {
                let message = "time zone interval must be HOUR or HOUR TO MINUTE";
                return Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(fields));
            }
        }
        let arg = Box::new(Expr::new(ExprNode::Literal(Literal::String(value)), at));
        Ok(SetValue::Interval(Box::new(Expr::new(ExprNode::Cast { arg, type_name: Box::new(type_name) }, pos))))
    }

    /// RESET at the start of a statement.
    pub(super) fn reset_stmt(&mut self) -> Result<Statement> {
        let kind = self.reset_variable()?;
        Ok(Statement::Set(Box::new(VariableSetStmt { kind, local: false })))
    }

    /// `VariableResetStmt`.
    pub(super) fn reset_variable(&mut self) -> Result<VariableSet> {
        self.expect(K::Reset)?;
        if self.eat(K::All) {
            return Ok(VariableSet::ResetAll);
        }
        Ok(VariableSet::Reset { name: self.shown_name()? })
    }

    /// A setting's name, or one of the phrases for one.
    fn shown_name(&mut self) -> Result<SmolStr> {
        let phrases: [(&[K], &str); 3] = [
            (&[K::Time, K::Zone], "timezone"),
            (&[K::Transaction, K::Isolation, K::Level], "transaction_isolation"),
            (&[K::Session, K::Authorization], "session_authorization"),
        ];
        for (words, name) in phrases {
            if self.at2(words[0], words[1]) {
                self.expect_all(words)?;
                return Ok(SmolStr::new_static(name));
            }
        }
        self.setting_name()
    }

    /// `SetResetClause` of ALTER ROLE and ALTER DATABASE.
    pub(super) fn set_reset_clause(&mut self) -> Result<VariableSetStmt> {
        let kind = if self.at(K::Reset) {
            self.reset_variable()?
        } else {
            self.expect(K::Set)?;
            self.set_rest()?
        };
        Ok(VariableSetStmt { kind, local: false })
    }

    /// Behind ALTER: SYSTEM SET | RESET.
    pub(super) fn alter_system(&mut self) -> Result<Statement> {
        self.bump();
        let kind = match self.one_of(&[K::Set, K::Reset]) {
            Some(0) => self.named_setting(false)?,
            Some(_) if self.eat(K::All) => VariableSet::ResetAll,
            Some(_) => VariableSet::Reset { name: self.setting_name()? },
            None => return Err(self.unexpected()),
        };
        Ok(Statement::AlterSystem(Box::new(VariableSetStmt { kind, local: false })))
    }

    pub(super) fn show(&mut self) -> Result<Statement> {
        self.expect(K::Show)?;
        let name = if self.eat(K::All) { SmolStr::new_static("all") } else { self.shown_name()? };
        Ok(Statement::Show(VariableShowStmt { name }))
    }

    /// SET CONSTRAINTS ALL | names DEFERRED | IMMEDIATE.
    fn set_constraints(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Set, K::Constraints])?;
        let constraints = if self.eat(K::All) { Vec::new() } else { self.list(Self::qualified_name)? };
        let deferred = match self.one_of(&[K::Deferred, K::Immediate]) {
            Some(word) => word == 0,
            None => return Err(self.unexpected()),
        };
        Ok(Statement::SetConstraints(Box::new(SetConstraintsStmt { constraints, deferred })))
    }

    /// `transaction_mode_list`; `required` when at least one must be there.
    pub(super) fn transaction_modes(&mut self, required: bool) -> Result<Vec<TransactionMode>> {
        let mut modes = Vec::new();
        loop {
            let comma = !modes.is_empty() && self.eat_ch(b',');
            let pos = self.pos();
            let mode = match self.one_of(&[K::Isolation, K::Read, K::Deferrable, K::Not]) {
                Some(0) => {
                    self.expect(K::Level)?;
                    TransactionMode::Isolation { level: self.isolation_level()?, pos }
                }
                Some(1) => match self.one_of(&[K::Only, K::Write]) {
                    Some(word) => TransactionMode::ReadOnly { value: word == 0, pos },
                    None => return Err(self.unexpected()),
                },
                Some(2) => TransactionMode::Deferrable { value: true, pos },
                Some(_) => {
                    self.expect(K::Deferrable)?;
                    TransactionMode::Deferrable { value: false, pos }
                }
                None if comma || (required && modes.is_empty()) => return Err(self.unexpected()),
                None => return Ok(modes),
            };
            modes.push(mode);
        }
    }

    fn isolation_level(&mut self) -> Result<IsolationLevel> {
        match self.one_of(&[K::Read, K::Repeatable, K::Serializable]) {
            Some(0) => match self.one_of(&[K::Uncommitted, K::Committed]) {
                Some(0) => Ok(IsolationLevel::ReadUncommitted),
                Some(_) => Ok(IsolationLevel::ReadCommitted),
                None => Err(self.unexpected()),
            },
            Some(1) => {
                self.expect(K::Read)?;
                Ok(IsolationLevel::RepeatableRead)
            }
            Some(_) => Ok(IsolationLevel::Serializable),
            None => Err(self.unexpected()),
        }
    }
}

/// Whether an interval's modifier is HOUR or HOUR TO MINUTE.
fn hour_minute(type_name: &TypeName) -> bool {
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    [HOUR, HOUR | MINUTE].iter().any(|&mask| type_name.typmods[0].node == ExprNode::Literal(Literal::Integer(mask)))
}
