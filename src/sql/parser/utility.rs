//! Telling statements apart; transactions, prepared statements, cursors, maintenance.

use super::ast::*;
use super::cursor::{CreateScope, Parser};
use super::keywords::Kw as K;
use super::lexer::T;
use super::options::{option, text_option};
use crate::error::Result;

impl Parser<'_> {
    /// One statement, without its semicolon.
    pub(super) fn statement(&mut self) -> Result<Statement> {
        if self.at_preparable() {
            return self.preparable_stmt();
        }
        let T::Kw(kw) = self.tok.kind else { return Err(self.unexpected()) };
        match kw {
            K::Create => self.create(),
            K::Alter => self.alter(),
            K::Drop => self.drop_stmt(),
            K::Begin | K::Start | K::Commit | K::End | K::Rollback | K::Abort | K::Savepoint | K::Release => self.transaction(kw),
            K::Set => self.set_stmt(),
            K::Reset => self.reset_stmt(),
            K::Show => self.show(),
            K::Truncate => self.truncate(),
            K::Copy => self.copy(),
            K::Comment => self.comment(),
            K::Security => self.security_label(),
            K::Grant => self.grant(),
            K::Revoke => self.revoke(),
            K::Reassign => self.reassign_owned(),
            K::Prepare => self.prepare(),
            K::Execute => self.execute(),
            K::Deallocate => self.deallocate(),
            K::Declare => self.declare_cursor(),
            K::Fetch | K::Move => self.fetch(kw == K::Move),
            K::Close => {
                self.bump();
                Ok(Statement::ClosePortal(self.name_or_all()?))
            }
            K::Explain => self.explain(),
            K::Vacuum => self.vacuum(),
            K::Analyze | K::Analyse => self.analyze(),
            K::Cluster => self.cluster(),
            K::Reindex => self.reindex(),
            K::Refresh => self.refresh(),
            K::Lock => self.lock(),
            K::Notify => self.notify(),
            K::Do => self.do_stmt(),
            K::Call => self.call_stmt(),
            K::Import => self.import_schema(),
            _ => self.short_statement(kw),
        }
    }

    fn short_statement(&mut self, kw: K) -> Result<Statement> {
        match kw {
            K::Checkpoint => {
                self.bump();
                Ok(Statement::CheckPoint)
            }
            K::Discard => {
                self.bump();
                match self.one_of(&[K::All, K::Temp, K::Temporary, K::Plans, K::Sequences]) {
                    Some(0) => Ok(Statement::Discard(DiscardMode::All)),
                    Some(1 | 2) => Ok(Statement::Discard(DiscardMode::Temp)),
                    Some(3) => Ok(Statement::Discard(DiscardMode::Plans)),
                    Some(_) => Ok(Statement::Discard(DiscardMode::Sequences)),
                    None => Err(self.unexpected()),
                }
            }
            K::Listen => {
                self.bump();
                Ok(Statement::Listen(self.col_id()?))
            }
            K::Unlisten => {
                self.bump();
                Ok(Statement::Unlisten(if self.eat_ch(b'*') { None } else { Some(self.col_id()?) }))
            }
            K::Load => {
                self.bump();
                Ok(Statement::Load(self.sconst()?))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn transaction(&mut self, kw: K) -> Result<Statement> {
        self.bump();
        let stmt = match kw {
            K::Begin => {
                self.work_or_transaction();
                TransactionStmt::Begin { modes: self.transaction_modes(false)? }
            }
            K::Start => {
                self.expect(K::Transaction)?;
                TransactionStmt::Start { modes: self.transaction_modes(false)? }
            }
            K::Savepoint => TransactionStmt::Savepoint(self.col_id()?),
            K::Release => {
                self.savepoint_word();
                TransactionStmt::Release(self.col_id()?)
            }
            K::Commit if self.eat(K::Prepared) => TransactionStmt::CommitPrepared(self.sconst()?.to_string()),
            K::Commit | K::End => {
                self.work_or_transaction();
                TransactionStmt::Commit { chain: self.chain()? }
            }
            K::Rollback if self.eat(K::Prepared) => TransactionStmt::RollbackPrepared(self.sconst()?.to_string()),
            _ => {
                self.work_or_transaction();
                if kw == K::Rollback && self.eat(K::To) {
                    self.savepoint_word();
                    TransactionStmt::RollbackTo(self.col_id()?)
                } else {
                    TransactionStmt::Rollback { chain: self.chain()? }
                }
            }
        };
        Ok(Statement::Transaction(Box::new(stmt)))
    }

    fn work_or_transaction(&mut self) {
        let _ = self.one_of(&[K::Work, K::Transaction]);
    }

    /// SAVEPOINT, unless it is the savepoint's name.
    fn savepoint_word(&mut self) {
        if self.at(K::Savepoint) && super::names::is_col_id(self.peek()) {
            self.bump();
        }
    }

    fn chain(&mut self) -> Result<bool> {
        if !self.eat(K::And) {
            return Ok(false);
        }
        let no = self.eat(K::No);
        self.expect(K::Chain)?;
        Ok(!no)
    }

    fn prepare(&mut self) -> Result<Statement> {
        self.bump();
        if self.at(K::Transaction) && self.at_string_next() {
            self.bump();
            let stmt = TransactionStmt::PrepareTransaction(self.sconst()?.to_string());
            return Ok(Statement::Transaction(Box::new(stmt)));
        }
        let name = self.col_id()?;
        let arg_types = if self.at_ch(b'(') { self.paren_list(Self::type_name)? } else { Vec::new() };
        self.expect(K::As)?;
        let start = self.pos();
        let query = self.preparable_stmt()?;
        let query_range = (start, self.last_end);
        Ok(Statement::Prepare(Box::new(PrepareStmt { name, arg_types, query, query_range })))
    }

    fn at_string_next(&mut self) -> bool {
        matches!(self.peek(), T::Str | T::EscapeStr | T::UnicodeStr | T::DollarStr)
    }

    pub(super) fn execute(&mut self) -> Result<Statement> {
        self.expect(K::Execute)?;
        let name = self.col_id()?;
        let params = if self.at_ch(b'(') { self.paren_list(Self::expr)? } else { Vec::new() };
        Ok(Statement::Execute(Box::new(ExecuteStmt { name, params })))
    }

    fn deallocate(&mut self) -> Result<Statement> {
        self.bump();
        if self.at(K::Prepare) && (self.peek() == T::Kw(K::All) || super::names::is_col_id(self.peek())) {
            self.bump();
        }
        Ok(Statement::Deallocate(self.name_or_all()?))
    }

    fn name_or_all(&mut self) -> Result<Option<SmolStr>> {
        if self.eat(K::All) { Ok(None) } else { self.col_id().map(Some) }
    }

    fn declare_cursor(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        let (mut binary, mut asensitive, mut insensitive, mut scroll) = (false, false, false, None);
        loop {
            match self.one_of(&[K::No, K::Scroll, K::Binary, K::Asensitive, K::Insensitive]) {
                Some(0) => {
                    self.expect(K::Scroll)?;
                    scroll = Some(false);
                }
                Some(1) => scroll = Some(true),
                Some(2) => binary = true,
                Some(3) => asensitive = true,
                Some(_) => insensitive = true,
                None => break,
            }
        }
        self.expect(K::Cursor)?;
        let hold = match self.one_of(&[K::With, K::Without]) {
            Some(word) => {
                self.expect(K::Hold)?;
                word == 0
            }
            None => false,
        };
        self.expect(K::For)?;
        let start = self.pos();
        let query = Box::new(self.select_no_parens()?);
        let query_range = (start, self.last_end);
        let stmt = DeclareCursorStmt { name, binary, asensitive, insensitive, scroll, hold, query, query_range };
        Ok(Statement::DeclareCursor(Box::new(stmt)))
    }

    fn fetch(&mut self, is_move: bool) -> Result<Statement> {
        self.bump();
        let direction = self.fetch_direction()?;
        let _ = self.one_of(&[K::From, K::In]);
        let cursor = self.col_id()?;
        Ok(Statement::Fetch(Box::new(FetchStmt { direction, cursor, is_move })))
    }

    fn fetch_direction(&mut self) -> Result<FetchDirection> {
        let once = FetchDirection::Forward(1);
        if matches!(self.tok.kind, T::Int(_) | T::Ch(b'+' | b'-')) {
            return Ok(FetchDirection::Forward(i64::from(self.signed_iconst()?)));
        }
        if self.eat(K::All) {
            return Ok(FetchDirection::Forward(FetchDirection::ALL));
        }
        let words = [K::Next, K::Prior, K::First, K::Last, K::Absolute, K::Relative, K::Forward, K::Backward];
        let next = self.peek();
        let named = super::names::is_col_id(next) || matches!(next, T::Kw(K::From | K::In));
        let counted = matches!(next, T::Int(_) | T::Ch(b'+' | b'-') | T::Kw(K::All));
        let Some(word) = words.iter().position(|&kw| self.at(kw)) else { return Ok(once) };
        if !(named && !matches!(word, 4 | 5) || counted && word >= 4) {
            return Ok(once);
        }
        self.bump();
        Ok(match word {
            0 => once,
            1 => FetchDirection::Backward(1),
            2 => FetchDirection::Absolute(1),
            3 => FetchDirection::Absolute(-1),
            4 => FetchDirection::Absolute(i64::from(self.signed_iconst()?)),
            5 => FetchDirection::Relative(i64::from(self.signed_iconst()?)),
            _ => {
                let count = if self.eat(K::All) {
                    FetchDirection::ALL
                } else if counted {
                    i64::from(self.signed_iconst()?)
                } else {
                    1
                };
                if word == 6 { FetchDirection::Forward(count) } else { FetchDirection::Backward(count) }
            }
        })
    }

    fn explain(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = Vec::new();
        let pos = self.pos();
        if self.at_ch(b'(') && !self.explains_parens() {
            options = self.utility_options()?;
        } else {
            if self.one_of(&[K::Analyze, K::Analyse]).is_some() {
                options.push(option("analyze", None, pos));
            }
            let pos = self.pos();
            if self.eat(K::Verbose) {
                options.push(option("verbose", None, pos));
            }
        }
        let query = self.explainable()?;
        Ok(Statement::Explain(Box::new(ExplainStmt { options, query })))
    }

    /// Whether the parenthesis behind EXPLAIN opens a query.
    fn explains_parens(&mut self) -> bool {
        matches!(self.peek(), T::Ch(b'(') | T::Kw(K::Select | K::With | K::Table))
            || (self.peek() == T::Kw(K::Values) && self.peek_at(1) == T::Ch(b'('))
    }

    fn explainable(&mut self) -> Result<Statement> {
        match self.kind() {
            T::Kw(K::Declare) => self.declare_cursor(),
            T::Kw(K::Refresh) => self.refresh(),
            T::Kw(K::Execute) => self.execute(),
            T::Kw(K::Create) => {
                self.create_scope = CreateScope::Explain;
                let stmt = self.create()?;
                self.create_scope = CreateScope::Statement;
                Ok(stmt)
            }
            _ if self.at_preparable() => self.preparable_stmt(),
            _ => Err(self.unexpected()),
        }
    }

    /// `vacuum_relation_list`, perhaps empty.
    fn vacuum_relations(&mut self) -> Result<Vec<VacuumRelation>> {
        if !self.at_col_id() {
            return Ok(Vec::new());
        }
        self.list(|p| {
            let relation = p.qualified_name()?;
            Ok(VacuumRelation { relation, columns: p.opt_columns()? })
        })
    }

    fn vacuum(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = Vec::new();
        if self.at_ch(b'(') {
            options = self.utility_options()?;
        } else {
            for (kw, name) in [(K::Full, "full"), (K::Freeze, "freeze"), (K::Verbose, "verbose"), (K::Analyze, "analyze")] {
                let pos = self.pos();
                if self.eat(kw) || (kw == K::Analyze && self.eat(K::Analyse)) {
                    options.push(option(name, None, pos));
                }
            }
        }
        let relations = self.vacuum_relations()?;
        Ok(Statement::Vacuum(Box::new(VacuumStmt { is_vacuum: true, options, relations })))
    }

    fn analyze(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = Vec::new();
        let pos = self.pos();
        if self.at_ch(b'(') {
            options = self.utility_options()?;
        } else if self.eat(K::Verbose) {
            options.push(option("verbose", None, pos));
        }
        let relations = self.vacuum_relations()?;
        Ok(Statement::Vacuum(Box::new(VacuumStmt { is_vacuum: false, options, relations })))
    }

    fn cluster(&mut self) -> Result<Statement> {
        self.bump();
        let mut stmt = ClusterStmt { relation: None, index: None, options: Vec::new() };
        let pos = self.pos();
        let parens = self.at_ch(b'(');
        if parens {
            stmt.options = self.utility_options()?;
        } else if self.eat(K::Verbose) {
            stmt.options.push(option("verbose", None, pos));
        }
        if !parens && !self.at_col_id() {
            return Ok(Statement::Cluster(Box::new(stmt)));
        }
        if !parens && self.peek() == T::Kw(K::On) {
            stmt.index = Some(self.col_id()?);
            self.bump();
            stmt.relation = Some(self.qualified_name()?);
            return Ok(Statement::Cluster(Box::new(stmt)));
        }
        stmt.relation = Some(self.qualified_name()?);
        if self.eat(K::Using) {
            stmt.index = Some(self.col_id()?);
        }
        Ok(Statement::Cluster(Box::new(stmt)))
    }

    fn reindex(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = if self.at_ch(b'(') { self.utility_options()? } else { Vec::new() };
        let Some(word) = self.one_of(&[K::Index, K::Table, K::Schema, K::System, K::Database]) else {
            return Err(self.unexpected());
        };
        let pos = self.pos();
        if self.eat(K::Concurrently) {
            options.push(option("concurrently", None, pos));
        }
        let target = match word {
            0 => ReindexTarget::Index(self.qualified_name()?),
            1 => ReindexTarget::Table(self.qualified_name()?),
            2 => ReindexTarget::Schema(self.col_id()?),
            3 => ReindexTarget::System(self.col_id()?),
            _ => ReindexTarget::Database(self.col_id()?),
        };
        Ok(Statement::Reindex(Box::new(ReindexStmt { target, options })))
    }

    fn refresh(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Refresh, K::Materialized, K::View])?;
        let concurrently = self.eat(K::Concurrently);
        let relation = self.qualified_name()?;
        let skip_data = self.with_data()?;
        Ok(Statement::RefreshMatView(Box::new(RefreshMatViewStmt { relation, concurrently, skip_data })))
    }

    fn lock(&mut self) -> Result<Statement> {
        self.bump();
        self.eat(K::Table);
        let relations = self.list(Self::relation_expr)?;
        let mut mode = LockMode::AccessExclusive;
        if self.eat(K::In) {
            mode = self.lock_mode()?;
            self.expect(K::Mode)?;
        }
        let nowait = self.eat(K::Nowait);
        Ok(Statement::Lock(Box::new(LockStmt { relations, mode, nowait })))
    }

    fn lock_mode(&mut self) -> Result<LockMode> {
        match self.one_of(&[K::Access, K::Row, K::Share, K::Exclusive]) {
            Some(0) => match self.one_of(&[K::Share, K::Exclusive]) {
                Some(0) => Ok(LockMode::AccessShare),
                Some(_) => Ok(LockMode::AccessExclusive),
                None => Err(self.unexpected()),
            },
            Some(1) => match self.one_of(&[K::Share, K::Exclusive]) {
                Some(0) => Ok(LockMode::RowShare),
                Some(_) => Ok(LockMode::RowExclusive),
                None => Err(self.unexpected()),
            },
            Some(2) => match self.one_of(&[K::Update, K::Row]) {
                Some(0) => {
                    self.expect(K::Exclusive)?;
                    Ok(LockMode::ShareUpdateExclusive)
                }
                Some(_) => {
                    self.expect(K::Exclusive)?;
                    Ok(LockMode::ShareRowExclusive)
                }
                None => Ok(LockMode::Share),
            },
            Some(_) => Ok(LockMode::Exclusive),
            None => Err(self.unexpected()),
        }
    }

    pub(super) fn notify(&mut self) -> Result<Statement> {
        self.expect(K::Notify)?;
        let channel = self.col_id()?;
        let payload = if self.eat_ch(b',') { Some(self.sconst()?.to_string()) } else { None };
        Ok(Statement::Notify(NotifyStmt { channel, payload }))
    }

    fn do_stmt(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = Vec::new();
        loop {
            let pos = self.pos();
            if self.at_string() {
                options.push(text_option("as", self.sconst()?, pos));
            } else if self.eat(K::Language) {
                options.push(text_option("language", self.word_or_string()?, pos));
            } else if options.is_empty() {
                return Err(self.unexpected());
            } else {
                return Ok(Statement::Do(Box::new(DoStmt { options })));
            }
        }
    }

    fn call_stmt(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.func_name()?;
        let pos = name.pos;
        let call = self.application(name.parts)?;
        Ok(Statement::Call(Box::new(CallStmt { call, pos })))
    }

    /// IMPORT FOREIGN SCHEMA ...
    fn import_schema(&mut self) -> Result<Statement> {
        let pos = self.pos();
        self.expect_all(&[K::Import, K::Foreign, K::Schema])?;
        let name = Some(self.single_name()?);
        if let Some(word) = self.one_of(&[K::Limit, K::Except]) {
            if word == 0 {
                self.expect(K::To)?;
            }
            self.paren_list(Self::relation_expr)?;
        }
        self.expect_all(&[K::From, K::Server])?;
        self.col_id()?;
        self.expect(K::Into)?;
        self.col_id()?;
        self.create_generic_options()?;
        Ok(Statement::CreateOther(Box::new(OtherStmt { kind: "IMPORT FOREIGN SCHEMA", name, pos })))
    }
}
