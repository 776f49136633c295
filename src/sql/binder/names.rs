//! Column references: which range table entry and column a name means, with PostgreSQL's rules of visibility.

use super::Binder;
use super::fuzzy::Suggestions;
use super::scope::{ColSource, NsItem, Place, RteKind, WholeRow, system_column};
use super::{NameConflict, same};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::RelKind;
use crate::sql::parser::ast::ColumnRef;
use crate::sql::plan::{Expr, ExprKind, ScanColumn};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;

/// A column found in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A column of an entry by position.
    Column(u32, u16),
    /// A system column of an entry.
    System(u32, ScanColumn, Oid),
}

impl Binder<'_> {
    /// `transformColumnRef`: a name that is not a star.
    pub(super) fn column_ref(&mut self, column: &ColumnRef, pos: usize) -> Result<Expr> {
        if self.scope().place == Place::ColumnDefault {
            return Err(no_columns("cannot use column reference in DEFAULT expression", pos));
        }
        if let Some(ty) = self.scope().value
            && column.names.len() == 1
            && column.names[0] == "value"
        {
            let collation = self.desc(ty.oid).collation;
            return Ok(Expr { kind: ExprKind::Value, ty, collation, pos: Some(pos as u32) });
        }
        if let Some(e) = self.inlined_name(&column.names) {
            return Ok(e);
        }
        let hook = self.cx.names.filter(|_| self.views.is_empty()).and_then(|h| Some((h.resolve(&column.names)?, h.conflict())));
        if let Some((var, NameConflict::UseVariable)) = hook {
            return Ok(self.variable(var, pos));
        }
        let found = self.column_by_parts(&column.names, pos);
        match (hook, found) {
            (None, found) => found,
            (Some((_, NameConflict::Error)), Ok(_)) => {
                let name = column.names.join(".");
                Err(err!(SqlState::AMBIGUOUS_COLUMN, "column reference \"{name}\" is ambiguous")
                    .detail("It could refer to either a PL/pgSQL variable or a table column.")
                    .at(pos))
            }
            (Some(_), Ok(e)) => Ok(e),
            (Some((var, _)), Err(e)) if matches!(e.code(), SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_TABLE) => {
                Ok(self.variable(var, pos))
            }
            (Some(_), Err(e)) => Err(e),
        }
    }

    fn variable(&self, (param, ty): (usize, Type), pos: usize) -> Expr {
        let collation = self.desc(ty.oid).collation;
        Expr { kind: ExprKind::Param(param), ty, collation, pos: Some(pos as u32) }
    }

    fn column_by_parts(&mut self, names: &[SmolStr], pos: usize) -> Result<Expr> {
        match names {
            [column] => {
                if let Some(found) = self.find_column(column, pos)? {
                    return Ok(self.found(found, pos));
                }
                // Not a column: the whole row of an entry of that name.
                match self.find_rel(None, column, pos)? {
                    Some(rte) => Ok(self.whole_row(rte, pos)),
                    None => Err(self.missing_column(None, column, pos)),
                }
            }
            [rel, column] => self.qualified(None, rel, column, pos),
            [schema, rel, column] => self.qualified(Some(schema), rel, column, pos),
            [db, schema, rel, column] => {
                if db != self.cx.catalog.database_name() {
                    let name = names.join(".");
                    return Err(
                        err!(SqlState::FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: {name}").at(pos)
                    );
                }
                self.qualified(Some(schema), rel, column, pos)
            }
            _ => {
                let name = names.join(".");
                Err(err!(SqlState::SYNTAX_ERROR, "improper qualified name (too many dotted names): {name}").at(pos))
            }
        }
    }

    fn qualified(&mut self, schema: Option<&SmolStr>, rel: &SmolStr, column: &SmolStr, pos: usize) -> Result<Expr> {
        let Some(rte) = self.find_rel(schema, rel, pos)? else {
            return Err(self.missing_relation(schema, rel, pos));
        };
        if let Some(found) = self.scan_columns(rte, column, pos)? {
            return Ok(self.found(found, pos));
        }
        // t.f may mean f(t).
        let whole = self.whole_row(rte, pos);
        if let Some(e) = self.projection_or_function(column, whole, pos)? {
            return Ok(e);
        }
        Err(self.missing_column(Some(rel), column, pos))
    }

    /// The expression of a found column.
    pub(super) fn found(&mut self, found: Found, pos: usize) -> Expr {
        let mut e = match found {
            Found::Column(rte, attr) => self.rte_column(rte, attr as usize),
            Found::System(rte, what, ty) => match &self.rtes[rte as usize].kind {
                // A row that is not scanned: only its table is known.
                RteKind::Row { relation } => Expr::constant(Datum::Oid(relation.oid), Oid::OID),
                _ => Expr::column(self.rte_system(rte, what), ty),
            },
        };
        e.pos = Some(pos as u32);
        if self.trace.is_some() {
            let (rte, name) = match found {
                Found::Column(rte, attr) => (rte, self.rtes[rte as usize].cols[usize::from(attr)].name.clone()),
                Found::System(rte, what, _) => (rte, SmolStr::new_static(system_name(what))),
            };
            self.trace_column(pos, &e, Some(rte), &name);
        }
        self.collations |= e.collation.is_valid() && e.collation != super::collate::DEFAULT;
        e
    }

    /// A column by unqualified name (`colNameToVar`).
    pub(super) fn find_column(&mut self, name: &str, pos: usize) -> Result<Option<Found>> {
        for level in (0..self.scopes.len()).rev() {
            let mut result = None;
            for i in 0..self.scopes[level].ns.len() {
                let item = self.scopes[level].ns[i];
                if !item.cols_visible || (item.lateral_only && !self.scopes[level].lateral_active) {
                    continue;
                }
                let Some(found) = self.scan_columns(item.rte, name, pos)? else { continue };
                if result.is_some() {
                    return Err(ambiguous_column(name, pos));
                }
                self.check_lateral(level, item, pos)?;
                result = Some((found, item));
            }
            if let Some((found, item)) = result {
                self.note_lateral(level, item);
                return Ok(Some(found));
            }
            if self.scopes[level].barrier {
                break;
            }
        }
        Ok(None)
    }

    fn note_lateral(&mut self, level: usize, item: NsItem) {
        if item.lateral_only {
            self.scopes[level].lateral_refs.push(item.rte);
        }
    }

    fn check_lateral(&self, level: usize, item: NsItem, pos: usize) -> Result<()> {
        if !item.lateral_only || item.lateral_ok {
            return Ok(());
        }
        let name = &self.rtes[item.rte as usize].alias;
        let error = err!(SqlState::INVALID_COLUMN_REFERENCE, "invalid reference to FROM-clause entry for table \"{name}\"").at(pos);
        Err(if self.scopes[level].target == Some(item.rte) {
            error.hint(format!("There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."))
        } else {
            error.detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
        })
    }

    /// A column of one entry by name (`scanNSItemForColumn`).
    pub(super) fn scan_columns(&self, rte: u32, name: &str, pos: usize) -> Result<Option<Found>> {
        let entry = &self.rtes[rte as usize];
        let mut result = None;
        for (i, col) in entry.cols.iter().enumerate() {
            if col.name == name && !matches!(col.source, ColSource::Dropped) {
                if result.is_some() {
                    return Err(ambiguous_column(name, pos));
                }
                result = Some(Found::Column(rte, i as u16));
            }
        }
        if result.is_none()
            && let Some((what, ty)) = system_column(name)
            && entry.has_system_column(what)
        {
            self.check_system_column(name, what, pos)?;
            result = Some(Found::System(rte, what, ty));
        }
        Ok(result)
    }

    fn check_system_column(&self, name: &str, what: ScanColumn, pos: usize) -> Result<()> {
        let place = self.scope().place;
        let message = match place {
            Place::CheckConstraint if what != ScanColumn::TableOid => {
                format!("system column \"{name}\" reference in check constraint is invalid")
            }
            Place::GeneratedColumn if what != ScanColumn::TableOid => {
                format!("cannot use system column \"{name}\" in column generation expression")
            }
            Place::MergeWhen if what != ScanColumn::TableOid => {
                format!("cannot use system column \"{name}\" in MERGE WHEN condition")
            }
            _ => return Ok(()),
        };
        Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message).at(pos))
    }

    /// A namespace entry by (qualified) name (`refnameNamespaceItem`).
    pub(super) fn find_rel(&mut self, schema: Option<&SmolStr>, name: &str, pos: usize) -> Result<Option<u32>> {
        let oid = match schema {
            Some(schema) => {
                let Some(schema) = self.cx.catalog.schema_oid(schema) else { return Ok(None) };
                match self.cx.catalog.relation_in(schema, name) {
                    Some(r) => Some(r.oid),
                    None => return Ok(None),
                }
            }
            None => None,
        };
        for level in (0..self.scopes.len()).rev() {
            let mut result = None;
            for &item in &self.scopes[level].ns {
                if !item.rel_visible || (item.lateral_only && !self.scopes[level].lateral_active) {
                    continue;
                }
                let entry = &self.rtes[item.rte as usize];
                let same = match oid {
                    Some(oid) => !entry.aliased && entry.relation_oid() == Some(oid),
                    None => entry.alias == name,
                };
                if !same {
                    continue;
                }
                if result.is_some() {
                    return Err(err!(SqlState::AMBIGUOUS_ALIAS, "table reference \"{name}\" is ambiguous").at(pos));
                }
                self.check_lateral(level, item, pos)?;
                result = Some(item);
            }
            if let Some(item) = result {
                self.note_lateral(level, item);
                return Ok(Some(item.rte));
            }
            if self.scopes[level].barrier {
                break;
            }
        }
        Ok(None)
    }

    /// The whole row of an entry as a value.
    pub(super) fn whole_row(&mut self, rte: u32, pos: usize) -> Expr {
        self.trace_whole(pos, rte);
        let ty = self.whole_row_type(rte);
        let mut e = match &self.rtes[rte as usize].kind {
            RteKind::Relation { .. } => Expr::column(self.rte_system(rte, ScanColumn::WholeRow), ty),
            RteKind::Function { whole: WholeRow::Scalar, .. } if !self.rtes[rte as usize].cols.is_empty() => {
                self.rte_column(rte, 0)
            }
            RteKind::Plan { .. } | RteKind::Function { .. } => Expr::column(self.rte_system(rte, ScanColumn::WholeRow), ty),
            RteKind::Join | RteKind::Row { .. } => {
                let count = self.rtes[rte as usize].cols.len();
                let mut fields = Vec::with_capacity(count);
                let mut names = Vec::with_capacity(count);
                for i in 0..count {
                    names.push(self.rtes[rte as usize].cols[i].name.clone());
                    fields.push(self.rte_column(rte, i));
                }
                Expr::new(ExprKind::Row { fields, names }, ty)
            }
        };
        e.pos = Some(pos as u32);
        e
    }

    /// 42703 with the nearest names as a hint.
    pub(super) fn missing_column(&self, rel: Option<&str>, column: &str, pos: usize) -> SqlError {
        let message = match rel {
            Some(rel) => format!("column {rel}.{column} does not exist"),
            None => format!("column \"{column}\" does not exist"),
        };
        let error = SqlError::new(SqlState::UNDEFINED_COLUMN, message).at(pos);
        let mut suggestions = Suggestions::new();
        'levels: for scope in self.scopes.iter().rev() {
            for &rte in &scope.rtes {
                let entry = &self.rtes[rte as usize];
                if matches!(entry.kind, RteKind::Join) {
                    continue;
                }
                if suggestions.scan(rte, entry, rel, column) {
                    break 'levels;
                }
            }
            if scope.barrier {
                break;
            }
        }
        match suggestions.hint(&self.rtes, column) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// 42P01 for a qualifier that names nothing in sight (`errorMissingRTE`).
    pub(super) fn missing_relation(&self, schema: Option<&SmolStr>, name: &str, pos: usize) -> SqlError {
        let invalid = |hint: String| {
            err!(SqlState::UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"{name}\"").hint(hint).at(pos)
        };
        let oid = self.relation_oid_by_name(schema, name);
        for scope in self.scopes.iter().rev() {
            for &rte in &scope.rtes {
                let entry = &self.rtes[rte as usize];
                let by_oid = oid.is_some() && entry.relation_oid() == oid;
                if !(by_oid || (schema.is_none() && entry.alias == name)) {
                    continue;
                }
                if entry.aliased && entry.alias != name && self.alias_in_sight(rte) {
                    return invalid(format!("Perhaps you meant to reference the table alias \"{}\".", entry.alias));
                }
                let alias = &entry.alias;
                return invalid(format!(
                    "There is an entry for table \"{alias}\", but it cannot be referenced from this part of the query."
                ));
            }
            if scope.barrier {
                break;
            }
        }
        err!(SqlState::UNDEFINED_TABLE, "missing FROM-clause entry for table \"{name}\"").at(pos)
    }

    fn alias_in_sight(&self, rte: u32) -> bool {
        self.scopes
            .iter()
            .rev()
            .any(|s| s.ns.iter().any(|i| i.rte == rte && i.rel_visible && (!i.lateral_only || s.lateral_active)))
    }

    fn relation_oid_by_name(&self, schema: Option<&SmolStr>, name: &str) -> Option<Oid> {
        let catalog = self.cx.catalog;
        match schema {
            Some(schema) => catalog.relation_in(catalog.schema_oid(schema)?, name).map(|r| r.oid),
            None => catalog.search_path().iter().find_map(|s| catalog.relation_in(*s, name)).map(|r| r.oid),
        }
    }
}

impl super::scope::Rte {
    /// The relation it scans.
    pub(super) fn relation_oid(&self) -> Option<Oid> {
        match &self.kind {
            RteKind::Relation { relation, .. } | RteKind::Row { relation } | RteKind::Plan { view: Some(relation), .. } => {
                Some(relation.oid)
            }
            _ => None,
        }
    }

    fn has_system_column(&self, what: ScanColumn) -> bool {
        match &self.kind {
            RteKind::Relation { relation, .. } => relation.kind != RelKind::Composite,
            RteKind::Row { .. } => what == ScanColumn::TableOid,
            _ => false,
        }
    }
}

fn system_name(what: ScanColumn) -> &'static str {
    match what {
        ScanColumn::TableOid => "tableoid",
        ScanColumn::Ctid => "ctid",
        ScanColumn::Xmin => "xmin",
        ScanColumn::Xmax => "xmax",
        ScanColumn::Cmin => "cmin",
        _ => "cmax",
    }
}

fn no_columns(message: &str, pos: usize) -> SqlError {
    SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(pos)
}

pub(super) fn ambiguous_column(name: &str, pos: usize) -> SqlError {
    same::at(err!(SqlState::AMBIGUOUS_COLUMN, "column reference \"{name}\" is ambiguous"), Some(pos as u32))
}
