//! Column and table constraints.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// What `ConstraintAttributeSpec` says.
#[derive(Default)]
struct Attributes {
    not_deferrable: bool,
    deferrable: bool,
    immediate: bool,
    deferred: bool,
    not_valid: bool,
    no_inherit: bool,
}

/// DEFERRABLE and friends behind a column constraint.
#[derive(Clone, Copy)]
enum ColumnAttribute {
    Deferrable,
    NotDeferrable,
    Deferred,
    Immediate,
}

fn constraint(name: Option<SmolStr>, kind: ConstraintKind, pos: usize) -> Constraint {
    Constraint { name, kind, deferrable: false, initially_deferred: false, not_valid: false, no_inherit: false, pos }
}

impl Parser<'_> {
    /// Whether a table constraint starts here.
    pub(super) fn at_table_constraint(&mut self) -> bool {
        match self.kind() {
            T::Kw(K::Constraint | K::Check | K::Unique | K::Primary | K::Foreign) => true,
            T::Kw(K::Exclude) => matches!(self.peek(), T::Kw(K::Using) | T::Ch(b'(')),
            _ => false,
        }
    }

    /// `ColQualList`: constraints and at most one COLLATE.
    pub(super) fn column_qualifiers(&mut self) -> Result<(Vec<Constraint>, Option<CollateName>)> {
        let mut list = Vec::new();
        let mut attributes: Vec<(usize, ColumnAttribute, usize)> = Vec::new();
        let mut collation = None;
        let mut twice = None;
        loop {
            let pos = self.pos();
            if let Some(found) = self.opt_collation()? {
                if collation.is_some() {
                    twice.get_or_insert(pos);
                } else {
                    collation = Some(found);
                }
            } else if let Some(attribute) = self.column_attribute()? {
                attributes.push((list.len(), attribute, pos));
            } else if self.eat(K::Constraint) {
                let name = self.col_id()?;
                match self.column_constraint(Some(name), pos)? {
                    Some(found) => list.push(found),
                    None => return Err(self.unexpected()),
                }
            } else if let Some(found) = self.column_constraint(None, pos)? {
                list.push(found);
            } else {
                break;
            }
        }
        if let Some(pos) = twice {
            return Err(err!(SqlState::SYNTAX_ERROR, "multiple COLLATE clauses not allowed").at(pos));
        }
        if let Err(error) = fold_attributes(&mut list, &attributes) {
            self.deferred_error.get_or_insert(error);
        }
        Ok((list, collation))
    }

    fn column_attribute(&mut self) -> Result<Option<ColumnAttribute>> {
        if self.eat(K::Deferrable) {
            return Ok(Some(ColumnAttribute::Deferrable));
        }
        if self.eat2(K::Not, K::Deferrable) {
            return Ok(Some(ColumnAttribute::NotDeferrable));
        }
        if self.eat(K::Initially) {
            return match self.one_of(&[K::Deferred, K::Immediate]) {
                Some(0) => Ok(Some(ColumnAttribute::Deferred)),
                Some(_) => Ok(Some(ColumnAttribute::Immediate)),
                None => Err(self.unexpected()),
            };
        }
        Ok(None)
    }

    /// `ColConstraintElem`, if one is here.
    fn column_constraint(&mut self, name: Option<SmolStr>, pos: usize) -> Result<Option<Constraint>> {
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let at = self.pos();
        let mut no_inherit = false;
        let kind = match kw {
            K::Not => {
                self.bump();
                self.expect(K::Null)?;
                ConstraintKind::NotNull
            }
            K::Null => {
                self.bump();
                ConstraintKind::Null
            }
            K::Unique => {
                self.bump();
                let nulls_not_distinct = self.nulls_not_distinct()?;
                ConstraintKind::Unique { nulls_not_distinct, index: self.index_storage(IndexConstraint::default())? }
            }
            K::Primary => {
                self.bump();
                self.expect(K::Key)?;
                ConstraintKind::PrimaryKey(self.index_storage(IndexConstraint::default())?)
            }
            K::Check => {
                self.bump();
                let expr = self.paren_expr()?;
                no_inherit = self.eat(K::No);
                if no_inherit {
                    self.expect(K::Inherit)?;
                }
                ConstraintKind::Check(expr)
            }
            K::Default => {
                self.bump();
                ConstraintKind::Default(self.b_expr()?)
            }
            K::Generated => self.generated()?,
            K::References => ConstraintKind::Foreign(Box::new(self.references(Vec::new())?)),
            _ => return Ok(None),
        };
        let pos = if name.is_some() { pos } else { at };
        Ok(Some(Constraint { no_inherit, ..constraint(name, kind, pos) }))
    }

    /// `( expr )`.
    pub(super) fn paren_expr(&mut self) -> Result<Expr> {
        self.expect_ch(b'(')?;
        let expr = self.expr()?;
        self.expect_ch(b')')?;
        Ok(expr)
    }

    /// `NULLS [NOT] DISTINCT`; true with NOT.
    pub(super) fn nulls_not_distinct(&mut self) -> Result<bool> {
        if !self.eat(K::Nulls) {
            return Ok(false);
        }
        let not = self.eat(K::Not);
        self.expect(K::Distinct)?;
        Ok(not)
    }

    /// `WITH (...)` and `USING INDEX TABLESPACE name`.
    fn index_storage(&mut self, mut index: IndexConstraint) -> Result<IndexConstraint> {
        index.options = self.opt_definition()?;
        if self.eat(K::Using) {
            self.expect_all(&[K::Index, K::Tablespace])?;
            index.tablespace = Some(self.col_id()?);
        }
        Ok(index)
    }

    /// `GENERATED ALWAYS | BY DEFAULT AS IDENTITY (...) | (expr) STORED`.
    fn generated(&mut self) -> Result<ConstraintKind> {
        self.bump();
        let at = self.pos();
        let always = self.generated_when()?;
        self.expect(K::As)?;
        if self.eat(K::Identity) {
            return Ok(ConstraintKind::Identity { always, options: self.paren_sequence_options()? });
        }
        let expr = self.paren_expr()?;
        self.expect(K::Stored)?;
        if !always {
            return Err(err!(SqlState::SYNTAX_ERROR, "for a generated column, GENERATED ALWAYS must be specified").at(at));
        }
        Ok(ConstraintKind::Generated { expr })
    }

    /// `ALWAYS | BY DEFAULT`; true for ALWAYS.
    pub(super) fn generated_when(&mut self) -> Result<bool> {
        if self.eat(K::Always) {
            return Ok(true);
        }
        self.expect_all(&[K::By, K::Default])?;
        Ok(false)
    }

    /// `REFERENCES table (columns) MATCH ... ON DELETE ... ON UPDATE ...`.
    fn references(&mut self, columns: Vec<SmolStr>) -> Result<ForeignKey> {
        self.expect(K::References)?;
        let table = self.qualified_name()?;
        let ref_columns = self.opt_columns()?;
        let mut key = ForeignKey {
            columns,
            table,
            ref_columns,
            matching: FkMatch::Simple,
            on_update: FkAction::NoAction,
            on_delete: FkAction::NoAction,
            delete_columns: Vec::new(),
        };
        let pos = self.pos();
        if self.eat(K::Match) {
            key.matching = match self.one_of(&[K::Full, K::Partial, K::Simple]) {
                Some(0) => FkMatch::Full,
                Some(1) => return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented").at(pos)),
                Some(_) => FkMatch::Simple,
                None => return Err(self.unexpected()),
            };
        }
        let (mut update_seen, mut delete_seen) = (false, false);
        while self.at(K::On) {
            let pos = self.pos();
            match self.peek() {
                T::Kw(K::Update) if !update_seen => {
                    update_seen = true;
                    let (action, columns) = self.key_action()?;
                    if !columns.is_empty() {
                        let what = if action == FkAction::SetNull { "SET NULL" } else { "SET DEFAULT" };
                        let message = format!("a column list with {what} is only supported for ON DELETE actions");
                        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{message}").at(pos));
                    }
                    key.on_update = action;
                }
                T::Kw(K::Delete) if !delete_seen => {
                    delete_seen = true;
                    (key.on_delete, key.delete_columns) = self.key_action()?;
                }
                _ => {
                    if !(update_seen && delete_seen) {
                        self.bump();
                    }
                    return Err(self.unexpected());
                }
            }
        }
        Ok(key)
    }

    fn key_action(&mut self) -> Result<(FkAction, Vec<SmolStr>)> {
        self.bump();
        self.bump();
        let action = match self.one_of(&[K::No, K::Restrict, K::Cascade, K::Set]) {
            Some(0) => {
                self.expect(K::Action)?;
                FkAction::NoAction
            }
            Some(1) => FkAction::Restrict,
            Some(2) => FkAction::Cascade,
            Some(_) => {
                let action = match self.one_of(&[K::Null, K::Default]) {
                    Some(0) => FkAction::SetNull,
                    Some(_) => FkAction::SetDefault,
                    None => return Err(self.unexpected()),
                };
                return Ok((action, self.opt_columns()?));
            }
            None => return Err(self.unexpected()),
        };
        Ok((action, Vec::new()))
    }

    /// `TableConstraint`.
    pub(super) fn table_constraint(&mut self) -> Result<Constraint> {
        let pos = self.pos();
        let name = if self.eat(K::Constraint) { Some(self.col_id()?) } else { None };
        let kind = match self.one_of(&[K::Check, K::Unique, K::Primary, K::Exclude, K::Foreign]) {
            Some(0) => ConstraintKind::Check(self.paren_expr()?),
            Some(1) => {
                if self.at_existing_index() {
                    ConstraintKind::Unique { nulls_not_distinct: false, index: self.existing_index()? }
                } else {
                    let nulls_not_distinct = self.nulls_not_distinct()?;
                    ConstraintKind::Unique { nulls_not_distinct, index: self.index_columns()? }
                }
            }
            Some(2) => {
                self.expect(K::Key)?;
                let index = if self.at_existing_index() { self.existing_index()? } else { self.index_columns()? };
                ConstraintKind::PrimaryKey(index)
            }
            Some(3) => self.exclusion()?,
            Some(_) => {
                self.expect(K::Key)?;
                let columns = self.columns()?;
                ConstraintKind::Foreign(Box::new(self.references(columns)?))
            }
            None => return Err(self.unexpected()),
        };
        let mut made = constraint(name, kind, pos);
        self.attributes(&mut made)?;
        Ok(made)
    }

    fn at_existing_index(&self) -> bool {
        self.at(K::Using)
    }

    fn existing_index(&mut self) -> Result<IndexConstraint> {
        self.expect_all(&[K::Using, K::Index])?;
        Ok(IndexConstraint { existing_index: Some(self.col_id()?), ..Default::default() })
    }

    fn index_columns(&mut self) -> Result<IndexConstraint> {
        let columns = self.columns()?;
        let including = if self.eat(K::Include) { self.columns()? } else { Vec::new() };
        self.index_storage(IndexConstraint { columns, including, ..Default::default() })
    }

    fn exclusion(&mut self) -> Result<ConstraintKind> {
        let method = if self.eat(K::Using) { Some(self.col_id()?) } else { None };
        let elements = self.paren_list(|p| {
            let elem = p.index_elem()?;
            p.expect(K::With)?;
            let op = if p.at(K::Operator) && p.peek() == T::Ch(b'(') { p.qualified_operator()? } else { p.any_operator()? };
            Ok((elem, op))
        })?;
        let including = if self.eat(K::Include) { self.columns()? } else { Vec::new() };
        let index = self.index_storage(IndexConstraint { including, ..Default::default() })?;
        let predicate = if self.eat(K::Where) { Some(self.paren_expr()?) } else { None };
        Ok(ConstraintKind::Exclude { elements, method, predicate, index })
    }

    /// `ConstraintAttributeSpec` of a table constraint.
    fn attributes(&mut self, made: &mut Constraint) -> Result<()> {
        let attributes = self.attribute_spec()?;
        let (what, deferrable, not_valid, no_inherit) = match made.kind {
            ConstraintKind::Check(_) => ("CHECK", false, true, true),
            ConstraintKind::Unique { .. } => ("UNIQUE", true, false, false),
            ConstraintKind::PrimaryKey(_) => ("PRIMARY KEY", true, false, false),
            ConstraintKind::Exclude { .. } => ("EXCLUDE", true, false, false),
            _ => ("FOREIGN KEY", true, true, false),
        };
        let refuse = |mark: &str| Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{what} constraints cannot be marked {mark}"));
        if (attributes.deferrable || attributes.deferred) && !deferrable {
            return refuse("DEFERRABLE");
        }
        if attributes.not_valid && !not_valid {
            return refuse("NOT VALID");
        }
        if attributes.no_inherit && !no_inherit {
            return refuse("NO INHERIT");
        }
        made.deferrable = attributes.deferrable || attributes.deferred;
        made.initially_deferred = attributes.deferred;
        made.not_valid = attributes.not_valid;
        made.no_inherit = attributes.no_inherit;
        Ok(())
    }

    fn attribute_spec(&mut self) -> Result<Attributes> {
        let mut found = Attributes::default();
        loop {
            let pos = self.pos();
            if self.eat(K::Deferrable) {
                found.deferrable = true;
            } else if self.at(K::Not) {
                self.bump();
                match self.one_of(&[K::Deferrable, K::Valid]) {
                    Some(0) => found.not_deferrable = true,
                    Some(_) => found.not_valid = true,
                    None => return Err(self.unexpected()),
                }
            } else if self.eat(K::Initially) {
                match self.one_of(&[K::Immediate, K::Deferred]) {
                    Some(0) => found.immediate = true,
                    Some(_) => found.deferred = true,
                    None => return Err(self.unexpected()),
                }
            } else if self.eat(K::No) {
                self.expect(K::Inherit)?;
                found.no_inherit = true;
            } else {
                return Ok(found);
            }
            if found.not_deferrable && found.deferred {
                return Err(not_deferrable().at(pos));
            }
            if (found.not_deferrable && found.deferrable) || (found.immediate && found.deferred) {
                return Err(err!(SqlState::SYNTAX_ERROR, "conflicting constraint properties").at(pos));
            }
        }
    }

    /// DEFERRABLE / INITIALLY of ALTER CONSTRAINT and CREATE CONSTRAINT TRIGGER.
    pub(super) fn deferral(&mut self, what: &str) -> Result<(bool, bool)> {
        let found = self.attribute_spec()?;
        let refuse = |mark: &str| Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{what} constraints cannot be marked {mark}"));
        if found.not_valid {
            return refuse("NOT VALID");
        }
        if found.no_inherit {
            return refuse("NO INHERIT");
        }
        Ok((found.deferrable || found.deferred, found.deferred))
    }
}

fn not_deferrable() -> SqlError {
    err!(SqlState::SYNTAX_ERROR, "constraint declared INITIALLY DEFERRED must be DEFERRABLE")
}

/// Gives DEFERRABLE, NOT DEFERRABLE, INITIALLY ... to the column constraint before them.
fn fold_attributes(list: &mut [Constraint], attributes: &[(usize, ColumnAttribute, usize)]) -> Result<()> {
    let mut last = None;
    let (mut deferrability_seen, mut initially_seen) = (false, false);
    for &(index, attribute, pos) in attributes {
        if last != Some(index) {
            (deferrability_seen, initially_seen) = (false, false);
            last = Some(index);
        }
        let fail = |message: String| Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(pos));
        let (clause, deferrability) = match attribute {
            ColumnAttribute::Deferrable => ("DEFERRABLE", true),
            ColumnAttribute::NotDeferrable => ("NOT DEFERRABLE", true),
            ColumnAttribute::Deferred => ("INITIALLY DEFERRED", false),
            ColumnAttribute::Immediate => ("INITIALLY IMMEDIATE", false),
        };
        let target = index.checked_sub(1).map(|i| &mut list[i]).filter(|c| {
            matches!(
                c.kind,
                ConstraintKind::PrimaryKey(_)
                    | ConstraintKind::Unique { .. }
                    | ConstraintKind::Exclude { .. }
                    | ConstraintKind::Foreign(_)
            )
        });
        let Some(target) = target else { return fail(format!("misplaced {clause} clause")) };
        let seen = if deferrability { &mut deferrability_seen } else { &mut initially_seen };
        if std::mem::replace(seen, true) {
            let pair = if deferrability { "DEFERRABLE/NOT DEFERRABLE" } else { "INITIALLY IMMEDIATE/DEFERRED" };
            return fail(format!("multiple {pair} clauses not allowed"));
        }
        match attribute {
            ColumnAttribute::Deferrable => target.deferrable = true,
            ColumnAttribute::NotDeferrable => {
                target.deferrable = false;
                if initially_seen && target.initially_deferred {
                    return Err(not_deferrable().at(pos));
                }
            }
            ColumnAttribute::Deferred => {
                target.initially_deferred = true;
                if !deferrability_seen {
                    target.deferrable = true;
                } else if !target.deferrable {
                    return Err(not_deferrable().at(pos));
                }
            }
            ColumnAttribute::Immediate => target.initially_deferred = false,
        }
    }
    Ok(())
}
