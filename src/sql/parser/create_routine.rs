//! CREATE FUNCTION, PROCEDURE, TRIGGER, RULE, POLICY, AGGREGATE, and routines' signatures.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::names::is_type_function_name;
use super::options::{flag, option, text_option};
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// Behind CREATE [OR REPLACE] FUNCTION | PROCEDURE.
    pub(super) fn create_function(&mut self, or_replace: bool, is_procedure: bool) -> Result<Statement> {
        let name = self.func_name()?;
        let mut params = self.function_params(true)?;
        let mut returns = None;
        if !is_procedure && self.at(K::Returns) && self.peek() != T::Kw(K::Null) {
            self.bump();
            if self.eat(K::Table) {
                returns = Some(self.returns_table(&mut params)?);
            } else {
                returns = Some(self.func_type()?);
            }
        }
        let mut options = Vec::new();
        while let Some(option) = self.function_option(true)? {
            options.push(option);
        }
        let body = self.routine_body()?;
        let stmt = CreateFunctionStmt { or_replace, is_procedure, name, params, returns, options, body };
        Ok(Statement::CreateFunction(Box::new(stmt)))
    }

    /// `RETURNS TABLE (...)`: its columns become parameters, its type is the only column's or `record`.
    fn returns_table(&mut self, params: &mut Vec<FunctionParameter>) -> Result<TypeName> {
        let at = self.pos();
        let columns = self.paren_list(|p| {
            let pos = p.pos();
            let name = Some(p.type_function_name()?);
            let type_name = p.func_type()?;
            Ok(FunctionParameter { name, mode: ParamMode::Table, type_name, default: None, pos })
        })?;
        if params.iter().any(|p| matches!(p.mode, ParamMode::Out | ParamMode::InOut)) {
            return Err(err!(SqlState::SYNTAX_ERROR, "OUT and INOUT arguments aren't allowed in TABLE functions"));
        }
        let mut returns = match columns.as_slice() {
            [only] => only.type_name.clone(),
            _ => TypeName::system("record", at),
        };
        returns.setof = true;
        params.extend(columns);
        Ok(returns)
    }

    /// `func_args` or `func_args_with_defaults`.
    pub(super) fn function_params(&mut self, defaults: bool) -> Result<Vec<FunctionParameter>> {
        self.expect_ch(b'(')?;
        let params = if self.at_ch(b')') { Vec::new() } else { self.list(|p| p.function_param(defaults))? };
        self.expect_ch(b')')?;
        Ok(params)
    }

    /// `func_arg`, with DEFAULT when `defaults`.
    fn function_param(&mut self, defaults: bool) -> Result<FunctionParameter> {
        let pos = self.pos();
        let mut mode = self.param_mode();
        let mut name = None;
        if self.at_param_name() {
            name = Some(self.type_function_name()?);
            if mode == ParamMode::Default {
                mode = self.param_mode();
            }
        }
        let type_name = self.func_type()?;
        let mut default = None;
        if defaults && (self.at_ch(b'=') || self.at(K::Default)) {
            self.bump();
            default = Some(self.expr()?);
        }
        Ok(FunctionParameter { name, mode, type_name, default, pos })
    }

    fn param_mode(&mut self) -> ParamMode {
        match self.one_of(&[K::In, K::Out, K::Inout, K::Variadic]) {
            Some(0) if self.eat(K::Out) => ParamMode::InOut,
            Some(0) => ParamMode::In,
            Some(1) => ParamMode::Out,
            Some(2) => ParamMode::InOut,
            Some(_) => ParamMode::Variadic,
            None => ParamMode::Default,
        }
    }

    /// Whether the current word is a parameter's name: a type follows it.
    fn at_param_name(&mut self) -> bool {
        if !is_type_function_name(self.tok.kind) || self.at2(K::Double, K::Precision) {
            return false;
        }
        match self.peek() {
            T::Kw(K::Array | K::Default | K::Order) => false,
            T::Kw(_) | T::Ident | T::UnicodeIdent => true,
            _ => false,
        }
    }

    /// `createfunc_opt_item` (`create`) or `common_func_opt_item`, if one is here.
    fn function_option(&mut self, create: bool) -> Result<Option<DefElem>> {
        let pos = self.pos();
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let volatility = |word| Ok(Some(text_option("volatility", SmolStr::new_static(word), pos)));
        match kw {
            K::As if create => {
                self.bump();
                let mut parts = vec![DefValue::String(self.sconst()?)];
                if self.eat_ch(b',') {
                    parts.push(DefValue::String(self.sconst()?));
                }
                Ok(Some(option("as", Some(DefValue::List(parts)), pos)))
            }
            K::Language if create => {
                self.bump();
                Ok(Some(text_option("language", self.word_or_string()?, pos)))
            }
            K::Transform if create => {
                self.bump();
                let types = self.list(|p| {
                    p.expect_all(&[K::For, K::Type])?;
                    Ok(DefValue::TypeName(Box::new(p.type_name()?)))
                })?;
                Ok(Some(option("transform", Some(DefValue::List(types)), pos)))
            }
            K::Window if create => {
                self.bump();
                Ok(Some(flag("window", true, pos)))
            }
            K::Immutable => {
                self.bump();
                volatility("immutable")
            }
            K::Stable => {
                self.bump();
                volatility("stable")
            }
            K::Volatile => {
                self.bump();
                volatility("volatile")
            }
            _ => self.function_property(kw, pos),
        }
    }

    fn function_property(&mut self, kw: K, pos: usize) -> Result<Option<DefElem>> {
        let found = match kw {
            K::Called | K::Returns => {
                self.bump();
                if kw == K::Returns {
                    self.expect(K::Null)?;
                }
                self.expect_all(&[K::On, K::Null, K::Input])?;
                flag("strict", kw == K::Returns, pos)
            }
            K::Strict => {
                self.bump();
                flag("strict", true, pos)
            }
            K::External | K::Security => {
                self.bump();
                if kw == K::External {
                    self.expect(K::Security)?;
                }
                match self.one_of(&[K::Definer, K::Invoker]) {
                    Some(word) => flag("security", word == 0, pos),
                    None => return Err(self.unexpected()),
                }
            }
            K::Leakproof => {
                self.bump();
                flag("leakproof", true, pos)
            }
            K::Not => {
                self.bump();
                self.expect(K::Leakproof)?;
                flag("leakproof", false, pos)
            }
            K::Cost | K::Rows => {
                self.bump();
                option(kw.word(), Some(self.numeric_only()?), pos)
            }
            K::Support => {
                self.bump();
                option("support", Some(DefValue::Name(self.any_name()?)), pos)
            }
            K::Parallel => {
                self.bump();
                text_option("parallel", self.col_id()?, pos)
            }
            K::Set => {
                self.bump();
                let set = VariableSetStmt { kind: self.set_rest_more()?, local: false };
                option("set", Some(DefValue::Set(Box::new(set))), pos)
            }
            K::Reset => {
                let set = VariableSetStmt { kind: self.reset_variable()?, local: false };
                option("set", Some(DefValue::Set(Box::new(set))), pos)
            }
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    /// `RETURN expr` or `BEGIN ATOMIC ... END`.
    fn routine_body(&mut self) -> Result<Option<Box<RoutineBody>>> {
        if self.eat(K::Return) {
            return Ok(Some(Box::new(RoutineBody::Return(self.expr()?))));
        }
        if !self.eat(K::Begin) {
            return Ok(None);
        }
        self.expect(K::Atomic)?;
        let mut statements = Vec::new();
        self.enter()?;
        while !self.at(K::End) {
            if self.eat(K::Return) {
                statements.push(Statement::Return(Box::new(self.expr()?)));
            } else if self.at(K::Begin) {
                return Err(self.unexpected());
            } else if !self.at_ch(b';') {
                statements.push(self.statement()?);
            }
            self.expect_ch(b';')?;
        }
        self.leave();
        self.expect(K::End)?;
        Ok(Some(Box::new(RoutineBody::Atomic(statements))))
    }

    /// Behind ALTER FUNCTION | PROCEDURE | ROUTINE and the signature: its options.
    pub(super) fn alter_function_options(&mut self) -> Result<Vec<DefElem>> {
        let mut options = Vec::new();
        while let Some(option) = self.function_option(false)? {
            options.push(option);
        }
        if options.is_empty() {
            return Err(self.unexpected());
        }
        self.eat(K::Restrict);
        Ok(options)
    }

    /// `function_with_argtypes`.
    pub(super) fn function_with_args(&mut self) -> Result<ObjectWithArgs> {
        let pos = self.pos();
        let name = if is_type_function_name(self.tok.kind) && !matches!(self.peek(), T::Ch(b'.')) {
            QualName { parts: vec![self.type_function_name()?], pos }
        } else {
            self.any_name()?
        };
        if !self.at_ch(b'(') || (name.parts.len() == 1 && name.pos == pos && self.is_plain_col_name(&name)) {
            return Ok(ObjectWithArgs { name, args: None, params: Vec::new() });
        }
        let params = self.function_params(false)?;
        let inputs = params.iter().filter(|p| !matches!(p.mode, ParamMode::Out | ParamMode::Table));
        let args = Some(inputs.map(|p| p.type_name.clone()).collect());
        Ok(ObjectWithArgs { name, args, params })
    }

    /// A name that is a keyword for columns only: no argument list can follow.
    fn is_plain_col_name(&self, name: &QualName) -> bool {
        let at = name.pos;
        self.src.as_bytes()[at] != b'"'
            && super::keywords::Kw::lookup(name.parts[0].as_bytes())
                .is_some_and(|kw| kw.category() == super::keywords::Category::ColName)
    }

    /// `aggregate_with_argtypes`.
    pub(super) fn aggregate_with_args(&mut self) -> Result<ObjectWithArgs> {
        let name = self.func_name()?;
        let params = self.aggregate_params()?.unwrap_or_default();
        let args = Some(params.iter().map(|p| p.type_name.clone()).collect());
        Ok(ObjectWithArgs { name, args, params })
    }

    /// `aggr_args`; `None` is `(*)`.
    fn aggregate_params(&mut self) -> Result<Option<Vec<FunctionParameter>>> {
        self.expect_ch(b'(')?;
        if self.eat_ch(b'*') {
            self.expect_ch(b')')?;
            return Ok(None);
        }
        let mut params = Vec::new();
        if !self.at(K::Order) {
            params = self.list(|p| p.function_param(false))?;
        }
        if self.eat(K::Order) {
            self.expect(K::By)?;
            params.extend(self.list(|p| p.function_param(false))?);
        }
        self.expect_ch(b')')?;
        Ok(Some(params))
    }

    /// Behind CREATE [OR REPLACE] AGGREGATE.
    pub(super) fn create_aggregate(&mut self, or_replace: bool) -> Result<Statement> {
        let name = self.func_name()?;
        let old_style = self.at_ch(b'(') && self.peek() == T::Ident && self.peek_at(1) == T::Ch(b'=');
        let params = if old_style { None } else { self.aggregate_params()? };
        let definition = if old_style { self.old_definition()? } else { self.definition()? };
        let stmt = DefineStmt {
            kind: ObjectType::Aggregate,
            name,
            or_replace,
            if_not_exists: false,
            params,
            old_style,
            definition,
            from: None,
        };
        Ok(Statement::Define(Box::new(stmt)))
    }

    /// `old_aggr_definition`: every name is a plain identifier with a value.
    fn old_definition(&mut self) -> Result<Vec<DefElem>> {
        self.paren_list(|p| {
            let pos = p.pos();
            if p.kind() != T::Ident {
                return Err(p.unexpected());
            }
            let name = p.col_id()?;
            p.expect_ch(b'=')?;
            Ok(option(&name, Some(p.def_arg()?), pos))
        })
    }

    /// Behind `CREATE [OR REPLACE] [CONSTRAINT] TRIGGER`.
    pub(super) fn create_trigger(&mut self, or_replace: bool, is_constraint: bool) -> Result<Statement> {
        let name = self.col_id()?;
        let timing = match self.one_of(if is_constraint { &[K::After] } else { &[K::After, K::Before, K::Instead] }) {
            Some(0) => TriggerTiming::After,
            Some(1) => TriggerTiming::Before,
            Some(_) => {
                self.expect(K::Of)?;
                TriggerTiming::InsteadOf
            }
            None => return Err(self.unexpected()),
        };
        let mut columns = Vec::new();
        let events = self.trigger_events(&mut columns)?;
        self.expect(K::On)?;
        let relation = self.qualified_name()?;
        let mut stmt = CreateTriggerStmt {
            or_replace,
            is_constraint,
            name,
            relation,
            function: QualName { parts: Vec::new(), pos: 0 },
            args: Vec::new(),
            row: is_constraint,
            timing,
            events,
            columns,
            when: None,
            transitions: Vec::new(),
            deferrable: false,
            initially_deferred: false,
            constraint_from: None,
        };
        if is_constraint {
            if self.eat(K::From) {
                stmt.constraint_from = Some(self.qualified_name()?);
            }
            (stmt.deferrable, stmt.initially_deferred) = self.deferral("TRIGGER")?;
            self.expect_all(&[K::For, K::Each, K::Row])?;
        } else {
            stmt.transitions = self.trigger_transitions()?;
            if self.eat(K::For) {
                self.eat(K::Each);
                match self.one_of(&[K::Row, K::Statement]) {
                    Some(word) => stmt.row = word == 0,
                    None => return Err(self.unexpected()),
                }
            }
        }
        if self.eat(K::When) {
            stmt.when = Some(self.paren_expr()?);
        }
        self.trigger_function(&mut stmt)?;
        if is_constraint && or_replace {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "CREATE OR REPLACE CONSTRAINT TRIGGER is not supported"));
        }
        Ok(Statement::CreateTrigger(Box::new(stmt)))
    }

    fn trigger_events(&mut self, columns: &mut Vec<SmolStr>) -> Result<TriggerEvents> {
        let mut events = TriggerEvents::default();
        let mut duplicate = false;
        loop {
            let event = self.tok;
            let slot = match self.one_of(&[K::Insert, K::Delete, K::Update, K::Truncate]) {
                Some(0) => &mut events.insert,
                Some(1) => &mut events.delete,
                Some(2) => {
                    if self.eat(K::Of) {
                        columns.extend(self.name_list()?);
                    }
                    &mut events.update
                }
                Some(_) => &mut events.truncate,
                None => return Err(self.unexpected()),
            };
            duplicate |= std::mem::replace(slot, true);
            if duplicate {
                // Only UPDATE has to look at what follows before it counts as an event.
                if event.kind != T::Kw(K::Update) {
                    self.tok = event;
                }
                return Err(self.error_here("duplicate trigger events specified"));
            }
            if !self.eat(K::Or) {
                return Ok(events);
            }
        }
    }

    fn trigger_transitions(&mut self) -> Result<Vec<TriggerTransition>> {
        let mut transitions = Vec::new();
        if !self.eat(K::Referencing) {
            return Ok(transitions);
        }
        loop {
            let Some(age) = self.one_of(&[K::Old, K::New]) else {
                return if transitions.is_empty() { Err(self.unexpected()) } else { Ok(transitions) };
            };
            let Some(what) = self.one_of(&[K::Table, K::Row]) else { return Err(self.unexpected()) };
            self.eat(K::As);
            transitions.push(TriggerTransition { name: self.col_id()?, is_new: age == 1, is_table: what == 0 });
        }
    }

    fn trigger_function(&mut self, stmt: &mut CreateTriggerStmt) -> Result<()> {
        self.expect(K::Execute)?;
        if self.one_of(&[K::Function, K::Procedure]).is_none() {
            return Err(self.unexpected());
        }
        stmt.function = self.func_name()?;
        self.expect_ch(b'(')?;
        // The list may be empty before a comma.
        if self.eat_ch(b',') || !self.at_ch(b')') {
            stmt.args = self.list(|p| match p.kind() {
                T::Int(_) | T::Float => {
                    let token = p.bump();
                    Ok(SmolStr::new(p.slice(token)))
                }
                _ if p.at_string() => p.sconst(),
                _ => p.col_label(),
            })?;
        }
        self.expect_ch(b')')
    }

    pub(super) fn create_event_trigger(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Event, K::Trigger])?;
        let name = self.col_id()?;
        self.expect(K::On)?;
        let event = self.col_label()?;
        let mut when = Vec::new();
        if self.eat(K::When) {
            loop {
                let variable = self.col_id()?;
                self.expect(K::In)?;
                when.push((variable, self.paren_list(Self::sconst)?));
                if !self.eat(K::And) {
                    break;
                }
            }
        }
        self.expect(K::Execute)?;
        if self.one_of(&[K::Function, K::Procedure]).is_none() {
            return Err(self.unexpected());
        }
        let function = self.func_name()?;
        self.expect_ch(b'(')?;
        self.expect_ch(b')')?;
        Ok(Statement::CreateEventTrigger(Box::new(CreateEventTriggerStmt { name, event, when, function })))
    }

    /// Behind CREATE [OR REPLACE] RULE.
    pub(super) fn create_rule(&mut self, or_replace: bool) -> Result<Statement> {
        let name = self.col_id()?;
        self.expect_all(&[K::As, K::On])?;
        let event = match self.one_of(&[K::Select, K::Insert, K::Update, K::Delete]) {
            Some(0) => RuleEvent::Select,
            Some(1) => RuleEvent::Insert,
            Some(2) => RuleEvent::Update,
            Some(_) => RuleEvent::Delete,
            None => return Err(self.unexpected()),
        };
        self.expect(K::To)?;
        let relation = self.qualified_name()?;
        let where_clause = self.where_clause()?;
        self.expect(K::Do)?;
        let instead = self.one_of(&[K::Instead, K::Also]) == Some(0);
        let mut actions = Vec::new();
        if self.eat(K::Nothing) {
        } else if self.eat_ch(b'(') {
            loop {
                if !matches!(self.tok.kind, T::Ch(b';' | b')')) {
                    actions.push(self.rule_action()?);
                }
                if !self.eat_ch(b';') {
                    break;
                }
            }
            self.expect_ch(b')')?;
        } else {
            actions.push(self.rule_action()?);
        }
        let stmt = RuleStmt { or_replace, name, relation, event, where_clause, instead, actions };
        Ok(Statement::CreateRule(Box::new(stmt)))
    }

    fn rule_action(&mut self) -> Result<Statement> {
        if self.at(K::Notify) { self.notify() } else { self.preparable_stmt() }
    }

    pub(super) fn create_policy(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        self.expect(K::On)?;
        let table = self.qualified_name()?;
        let mut permissive = true;
        if self.eat(K::As) {
            let pos = self.pos();
            if self.tok.kind != T::Ident {
                return Err(self.unexpected());
            }
            let word = self.col_id()?;
            permissive = word == "permissive";
            if !permissive && word != "restrictive" {
                return Err(err!(SqlState::SYNTAX_ERROR, "unrecognized row security option \"{word}\"")
                    .hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently.")
                    .at(pos));
            }
        }
        let mut command = "all";
        if self.eat(K::For) {
            command = match self.one_of(&[K::All, K::Select, K::Insert, K::Update, K::Delete]) {
                Some(word) => ["all", "select", "insert", "update", "delete"][word],
                None => return Err(self.unexpected()),
            };
        }
        let at = self.pos();
        let roles = if self.eat(K::To) { self.role_list()? } else { vec![RoleSpec { kind: RoleKind::Public, pos: at }] };
        let (using, with_check) = self.policy_conditions()?;
        let stmt = CreatePolicyStmt { name, table, permissive, command, roles, using, with_check };
        Ok(Statement::CreatePolicy(Box::new(stmt)))
    }

    /// `USING (...)` and `WITH CHECK (...)`.
    pub(super) fn policy_conditions(&mut self) -> Result<(Option<Expr>, Option<Expr>)> {
        let using = if self.eat(K::Using) { Some(self.paren_expr()?) } else { None };
        let mut with_check = None;
        if self.eat(K::With) {
            self.expect(K::Check)?;
            with_check = Some(self.paren_expr()?);
        }
        Ok((using, with_check))
    }
}
