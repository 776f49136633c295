//! CREATE TABLE.
//!
//! The statement is taken apart as PostgreSQL's parse_utilcmd.c does: columns and LIKE first, then constraints against the
//! finished column list, indexes for keys, sequences for serial and identity columns, foreign keys last (they may refer to the
//! table itself).

use super::index::{self, KeySpec};
use super::naming::{claim_name, find_relation, target_schema};
use super::sequence::{self, apply_options};
use super::{foreign_key, notice, stored_expr};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{
    Column, Constraint, ConstraintKind, DefaultDef, Identity, OnCommit, Persistence, RelKind, Relation, StorageId,
};
use crate::sql::catalog::{Change, schema_oid};
use crate::sql::parser::ast::{self, ColumnDef, CreateTableStmt, DefElem, DefValue, TableElement};
use crate::sql::session::SessionCore;
use crate::sql::session::server::TEMPORARY_STORAGE;
use crate::sql::types::{Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;

/// Most columns of a table (PostgreSQL's MaxHeapAttributeNumber).
const MAX_COLUMNS: usize = 1600;

/// The table under construction, or a table that gets a column.
pub(super) struct Builder<'a> {
    core: &'a SessionCore,
    /// The table so far.
    pub relation: Relation,
    /// Keys to make.
    pub keys: Vec<KeySpec>,
    /// CHECK constraints to add.
    pub checks: Vec<ast::Constraint>,
    /// EXCLUDE constraints to add.
    pub exclusions: Vec<ast::Constraint>,
    /// Foreign keys to add.
    pub foreign: Vec<(ast::Constraint, ast::ForeignKey)>,
    /// Generated columns: position and expression.
    pub generated: Vec<(usize, ast::Expr)>,
    /// Sequences to make.
    pub sequences: Vec<PendingSequence>,
    comments: Vec<(usize, SmolStr)>,
}

/// A sequence a serial or identity column needs.
pub(super) struct PendingSequence {
    /// The column.
    pub column: usize,
    /// An identity's.
    pub identity: bool,
    /// Its options.
    pub options: Vec<DefElem>,
}

/// CREATE TABLE
pub fn create_table(core: &SessionCore, stmt: &CreateTableStmt, source: &str) -> Result<()> {
    refuse_unbuilt(stmt)?;
    let persistence = match stmt.relation.persistence {
        ast::Persistence::Temporary => Persistence::Temporary,
        ast::Persistence::Unlogged => Persistence::Unlogged,
        ast::Persistence::Permanent => Persistence::Permanent,
    };
    if stmt.on_commit != ast::OnCommit::NoOp && persistence != Persistence::Temporary {
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables"));
    }
    let schema = target_schema(core, stmt.relation.schema.as_ref(), stmt.relation.persistence)?;
    let name = &stmt.relation.name;
    if let Err(e) = claim_name(core, schema, name) {
        if stmt.if_not_exists && e.code() == SqlState::DUPLICATE_TABLE {
            notice(core, SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(e);
    }
    let on_commit = match stmt.on_commit {
        ast::OnCommit::DeleteRows => OnCommit::DeleteRows,
        ast::OnCommit::Drop => OnCommit::Drop,
        ast::OnCommit::NoOp | ast::OnCommit::PreserveRows => OnCommit::PreserveRows,
    };
    let relation = new_relation(core, schema, name.clone(), persistence, RelKind::Table, on_commit)?;
    let mut builder = Builder::new(core, relation);
    builder.relation.options = storage_options(&stmt.options)?;
    if let Some(of) = &stmt.of_type {
        builder.take_attributes(of)?;
    }
    for element in &stmt.elements {
        match element {
            TableElement::Column(c) if stmt.of_type.is_some() => builder.add_column_options(c)?,
            TableElement::Column(c) => builder.add_column(c)?,
            TableElement::Like(like) => builder.add_like(like)?,
            TableElement::Constraint(_) => {}
        }
    }
    for element in &stmt.elements {
        if let TableElement::Constraint(c) = element {
            builder.add_table_constraint(c)?;
        }
    }
    builder.finish(source)
}

fn refuse_unbuilt(stmt: &CreateTableStmt) -> Result<()> {
    let feature = if !stmt.inherits.is_empty() {
        "table inheritance"
    } else if stmt.partition_by.is_some() || stmt.partition_of.is_some() {
        "table partitioning"
    } else if stmt.foreign.is_some() {
        "CREATE FOREIGN TABLE"
    } else {
        match &stmt.access_method {
            Some(m) if m != "heap" => return Err(err!(SqlState::UNDEFINED_OBJECT, "access method \"{m}\" does not exist")),
            _ => return Ok(()),
        }
    };
    Err(SqlError::unsupported(feature))
}

/// A relation without columns, its OIDs and storage allocated.
pub fn new_relation(
    core: &SessionCore,
    schema: Oid,
    name: SmolStr,
    persistence: Persistence,
    kind: RelKind,
    on_commit: OnCommit,
) -> Result<Relation> {
    let oids = &core.server.catalogs.oids;
    let temporary = persistence == Persistence::Temporary;
    let oid = oids.allocate()?;
    Ok(Relation {
        persistence,
        row_type: oids.allocate()?,
        row_array_type: oids.allocate()?,
        storage: StorageId(oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 }),
        acl: super::grant::initial_acl(core, 'r', schema),
        on_commit,
        ..Relation::new(oid, schema, name, core.view().user, kind)
    })
}

/// WITH (...): storage parameters are hints, but names PostgreSQL does not know are errors.
pub fn storage_options(options: &[DefElem]) -> Result<Vec<(SmolStr, SmolStr)>> {
    const KNOWN: &[&str] = &[
        "fillfactor",
        "toast_tuple_target",
        "parallel_workers",
        "user_catalog_table",
        "vacuum_index_cleanup",
        "vacuum_truncate",
        "log_autovacuum_min_duration",
        "deduplicate_items",
        "buffering",
        "fastupdate",
        "gin_pending_list_limit",
        "pages_per_range",
        "autosummarize",
        "check_option",
        "security_barrier",
        "security_invoker",
        "oids",
    ];
    let mut out = Vec::new();
    for o in options {
        if !KNOWN.contains(&o.name.as_str()) && !o.name.starts_with("autovacuum_") {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "unrecognized parameter \"{}\"", o.name));
        }
        let value: SmolStr = match &o.value {
            None | Some(DefValue::Boolean(true)) => "true".into(),
            Some(DefValue::Boolean(false)) => "false".into(),
            Some(DefValue::Integer(i)) => i.to_string().into(),
            Some(DefValue::String(s) | DefValue::Float(s)) => s.clone(),
            Some(DefValue::Name(n)) => n.to_string().into(),
            Some(DefValue::TypeName(t)) => t.names.last().cloned().unwrap_or_default(),
            Some(_) => return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid value for option \"{}\"", o.name)),
        };
        if o.name == "oids" && value != "false" {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "tables declared WITH OIDS are not supported"));
        }
        if o.name == "fillfactor" && !value.parse::<i32>().is_ok_and(|n| (10..=100).contains(&n)) {
            let e = err!(SqlState::INVALID_PARAMETER_VALUE, "value {value} out of bounds for option \"fillfactor\"");
            return Err(e.detail("Valid values are between \"10\" and \"100\"."));
        }
        out.push((o.name.clone(), value));
    }
    Ok(out)
}

/// The serial pseudo-types: what integer type they stand for.
fn serial(ty: &ast::TypeName) -> Option<Oid> {
    let [name] = ty.names.as_slice() else { return None };
    match name.as_str() {
        "smallserial" | "serial2" => Some(Oid::INT2),
        "serial" | "serial4" => Some(Oid::INT4),
        "bigserial" | "serial8" => Some(Oid::INT8),
        _ => None,
    }
}

/// A column of a type, nothing else said.
pub fn plain_column(name: SmolStr, ty: Type) -> Column {
    Column::new(name, ty, typename::collation_of(ty.oid))
}

const SYSTEM_NAMES: [&str; 6] = ["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// Resolves the type of a column definition and checks what a column may be.
pub fn column_shape(core: &SessionCore, def: &ColumnDef) -> Result<Column> {
    let Some(type_name) = &def.type_name else { return Err(SqlError::internal("column without type")) };
    let ty = match serial(type_name) {
        Some(oid) if !type_name.array_bounds.is_empty() => {
            let _ = oid;
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "array of serial is not implemented").at(type_name.pos));
        }
        Some(oid) => Type::new(oid),
        None => core.resolve_type(type_name)?,
    };
    if typename::is_pseudo(ty.oid) {
        let shown = typename::format_type_be(&*core.view(), ty.oid);
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "column \"{}\" has pseudo-type {shown}", def.name).at(def.pos));
    }
    if SYSTEM_NAMES.contains(&def.name.as_str()) {
        return Err(err!(SqlState::DUPLICATE_COLUMN, "column name \"{}\" conflicts with a system column name", def.name));
    }
    let mut column = plain_column(def.name.clone(), ty);
    if let Some(domain) = core.view().catalog.user_type(ty.oid)
        && let crate::sql::catalog::objects::UserTypeKind::Domain { collation, .. } = &domain.kind
    {
        column.collation = *collation;
    }
    if let Some((name, pos)) = &def.collation {
        column.collation = collation(core, name, *pos)?;
        if !typename::collation_of(ty.oid).is_valid() && ty.oid < Oid::FIRST_NORMAL {
            let shown = typename::format_type_be(&*core.view(), ty.oid);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "collations are not supported by type {shown}").at(*pos));
        }
    }
    if let Some(method) = &def.compression {
        if !matches!(method.as_str(), "pglz" | "lz4" | "default") {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid compression method \"{method}\""));
        }
        column.compression = (method != "default").then(|| method.clone());
    }
    Ok(column)
}

/// A collation by name. Errors: 42704.
pub fn collation(core: &SessionCore, name: &[SmolStr], pos: usize) -> Result<Oid> {
    use crate::sql::catalog::lookup::CatalogView;
    let view = core.view();
    let last = name.last().map_or("", |n| n.as_str());
    view.collation_in(schema_oid::PG_CATALOG, last)
        .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "collation \"{last}\" for encoding \"UTF8\" does not exist").at(pos))
}

impl<'a> Builder<'a> {
    /// Starts from a table.
    pub fn new(core: &'a SessionCore, relation: Relation) -> Self {
        Self {
            core,
            relation,
            keys: Vec::new(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            foreign: Vec::new(),
            generated: Vec::new(),
            sequences: Vec::new(),
            comments: Vec::new(),
        }
    }
}

impl Builder<'_> {
    /// CREATE TABLE OF: the columns are the composite type's attributes. Errors: 42809.
    fn take_attributes(&mut self, of: &ast::TypeName) -> Result<()> {
        use crate::sql::catalog::objects::UserTypeKind;
        let ty = self.core.resolve_type(of)?.oid;
        let view = self.core.view();
        let shape = view.catalog.user_type(ty).and_then(|t| match t.kind {
            UserTypeKind::Composite { relation } => view.catalog.relation(relation).cloned(),
            _ => None,
        });
        let Some(shape) = shape else {
            let shown = typename::format_type_be(&*view, ty);
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "type {shown} is not a composite type"));
        };
        for (_, attribute) in shape.live_columns() {
            self.relation.columns.push(Column::new(attribute.name.clone(), attribute.ty, attribute.collation));
        }
        self.relation.notes.of_type = Some(ty);
        Ok(())
    }

    /// `column WITH OPTIONS ...` of a typed table. Errors: 42703, 42701.
    fn add_column_options(&mut self, def: &ColumnDef) -> Result<()> {
        let missing = || err!(SqlState::UNDEFINED_COLUMN, "column \"{}\" does not exist", def.name);
        let position = self.relation.column(&def.name).ok_or_else(missing)?;
        self.column_constraints(position, def)
    }

    /// Adds a column and notes what its constraints ask for.
    pub fn add_column(&mut self, def: &ColumnDef) -> Result<()> {
        if self.relation.columns.iter().any(|c| c.name == def.name) {
            return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{}\" specified more than once", def.name));
        }
        if self.relation.columns.len() >= MAX_COLUMNS {
            return Err(err!(SqlState::TOO_MANY_COLUMNS, "tables can have at most {MAX_COLUMNS} columns"));
        }
        let column = column_shape(self.core, def)?;
        let position = self.relation.columns.len();
        self.relation.columns.push(column);
        if def.type_name.as_ref().is_some_and(|t| serial(t).is_some()) {
            self.relation.columns[position].not_null = true;
            self.sequences.push(PendingSequence { column: position, identity: false, options: Vec::new() });
        }
        self.column_constraints(position, def)
    }

    fn column_constraints(&mut self, position: usize, def: &ColumnDef) -> Result<()> {
        use ast::ConstraintKind as K;
        let (name, table) = (&def.name, self.relation.name.clone());
        let multiple = |what: &str, pos: usize| {
            err!(SqlState::SYNTAX_ERROR, "multiple {what} values specified for column \"{name}\" of table \"{table}\"").at(pos)
        };
        let (mut nullable, mut defaulted) = (None, self.sequences.iter().any(|s| s.column == position));
        for c in &def.constraints {
            match &c.kind {
                K::Null | K::NotNull => {
                    let not_null = matches!(c.kind, K::NotNull);
                    if nullable.is_some_and(|n| n != not_null) {
                        let message = format!("conflicting NULL/NOT NULL declarations for column \"{name}\" of table \"{table}\"");
                        return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).at(c.pos));
                    }
                    nullable = Some(not_null);
                    self.relation.columns[position].not_null |= not_null;
                }
                K::Default(expr) => {
                    if defaulted {
                        return Err(multiple("default", c.pos));
                    }
                    defaulted = true;
                    self.set_default(position, expr)?;
                }
                K::Identity { always, options } => {
                    if self.relation.columns[position].identity.is_some() {
                        let message = format!("multiple identity specifications for column \"{name}\" of table \"{table}\"");
                        return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).at(c.pos));
                    }
                    if defaulted {
                        let message = format!("both default and identity specified for column \"{name}\" of table \"{table}\"");
                        return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).at(c.pos));
                    }
                    let column = &mut self.relation.columns[position];
                    column.identity = Some(if *always { Identity::Always } else { Identity::ByDefault });
                    column.not_null = true;
                    self.sequences.push(PendingSequence { column: position, identity: true, options: options.clone() });
                }
                K::Generated { expr } => {
                    if defaulted {
                        let message =
                            format!("both default and generation expression specified for column \"{name}\" of table \"{table}\"");
                        return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).at(c.pos));
                    }
                    self.relation.columns[position].generated = true;
                    self.generated.push((position, expr.clone()));
                }
                K::Check(_) => self.checks.push(c.clone()),
                K::PrimaryKey(_) | K::Unique { .. } => {
                    let spec = KeySpec::from_constraint(c, std::slice::from_ref(name))?;
                    self.add_key(spec, c.pos)?;
                }
                K::Foreign(f) => {
                    let mut f = (**f).clone();
                    f.columns = vec![name.clone()];
                    self.foreign.push((c.clone(), f));
                }
                K::Exclude { .. } => self.exclusions.push(c.clone()),
            }
        }
        Ok(())
    }

    fn set_default(&mut self, position: usize, expr: &ast::Expr) -> Result<()> {
        let (name, ty) = (self.relation.columns[position].name.clone(), self.relation.columns[position].ty);
        if let Some(sql) = stored_expr::default_text(self.core, expr, &name, ty)? {
            let oid = self.core.server.catalogs.oids.allocate()?;
            self.relation.columns[position].default = Some(DefaultDef { oid, sql });
        }
        Ok(())
    }

    fn add_key(&mut self, spec: KeySpec, pos: usize) -> Result<()> {
        if spec.primary && self.keys.iter().any(|k| k.primary) {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", self.relation.name);
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message).at(pos));
        }
        let same =
            |k: &KeySpec| k.columns == spec.columns && k.nulls_not_distinct == spec.nulls_not_distinct && k.include == spec.include;
        if let Some(known) = self.keys.iter_mut().find(|k| same(k)) {
            // The same key twice is one index; a primary key wins over a unique one.
            known.primary |= spec.primary;
            known.name = known.name.clone().or(spec.name);
            return Ok(());
        }
        self.keys.push(spec);
        Ok(())
    }

    fn add_table_constraint(&mut self, c: &ast::Constraint) -> Result<()> {
        use ast::ConstraintKind as K;
        match &c.kind {
            K::Check(_) => self.checks.push(c.clone()),
            K::PrimaryKey(i) | K::Unique { index: i, .. } => {
                let spec = KeySpec::from_constraint(c, &i.columns)?;
                self.add_key(spec, c.pos)?;
            }
            K::Foreign(f) => self.foreign.push((c.clone(), (**f).clone())),
            K::Exclude { .. } => self.exclusions.push(c.clone()),
            _ => return Err(SqlError::internal("column constraint on a table")),
        }
        Ok(())
    }

    fn add_like(&mut self, like: &ast::TableLike) -> Result<()> {
        let source = find_relation(self.core, &like.relation).map_err(|e| e.at(like.relation.pos))?;
        if matches!(source.kind, RelKind::Sequence) {
            let message = format!("relation \"{}\" is invalid in LIKE clause", source.name);
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message)
                .detail("This operation is not supported for sequences.")
                .at(like.relation.pos));
        }
        let mut map = vec![None; source.columns.len()];
        for (i, column) in source.live_columns() {
            if self.relation.columns.iter().any(|c| c.name == column.name) {
                return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{}\" specified more than once", column.name));
            }
            let mut copy = plain_column(column.name.clone(), column.ty);
            copy.collation = column.collation;
            copy.not_null = column.not_null;
            let wanted = if column.generated { like.options.generated } else { like.options.defaults };
            if wanted && let Some(d) = &column.default {
                copy.default = Some(DefaultDef { oid: self.core.server.catalogs.oids.allocate()?, sql: d.sql.clone() });
                copy.generated = column.generated;
            }
            if like.options.storage {
                copy.storage = column.storage;
            }
            if like.options.compression {
                copy.compression = column.compression.clone();
            }
            let position = self.relation.columns.len();
            if like.options.identity && column.identity.is_some() {
                copy.identity = column.identity;
                self.sequences.push(PendingSequence { column: position, identity: true, options: Vec::new() });
            }
            map[i] = Some(position as u16);
            self.relation.columns.push(copy);
            if like.options.comments {
                let at = crate::sql::catalog::CommentKey { class: Oid(1259), object: source.oid, column: i as i32 + 1 };
                if let Some(text) = self.core.view().catalog.comment(at) {
                    self.comments.push((position, text.clone()));
                }
            }
        }
        if like.options.constraints {
            for c in &source.constraints {
                if let ConstraintKind::Check { sql, columns } = &c.kind {
                    let columns = columns.iter().filter_map(|&i| map[i as usize]).collect();
                    let oid = self.core.server.catalogs.oids.allocate()?;
                    self.relation.constraints.push(Constraint {
                        oid,
                        kind: ConstraintKind::Check { sql: sql.clone(), columns },
                        ..c.clone()
                    });
                }
            }
        }
        if like.options.indexes {
            for i in &source.indexes {
                self.keys.push(KeySpec::copy_of(&source, i, &map));
            }
        }
        Ok(())
    }

    fn finish(mut self, source: &str) -> Result<()> {
        let core = self.core;
        let temporary = self.relation.persistence == Persistence::Temporary;
        for key in &self.keys {
            if key.primary {
                index::mark_not_null(&mut self.relation, key)?;
            }
        }
        let pending = std::mem::take(&mut self.sequences);
        let mut owned = Vec::new();
        for p in &pending {
            owned.push(self.make_sequence(p)?);
        }
        for (position, expr) in std::mem::take(&mut self.generated) {
            let shape = Arc::new(self.relation.clone());
            let sql = stored_expr::generated_text(core, &shape, &expr, position)?;
            let oid = core.server.catalogs.oids.allocate()?;
            self.relation.columns[position].default = Some(DefaultDef { oid, sql });
        }
        for c in std::mem::take(&mut self.checks) {
            let mut constraint = check_constraint(core, &self.relation, &c, None)?;
            // A new table has no rows that could fail it.
            constraint.validated = true;
            self.relation.constraints.push(constraint);
        }
        let mut keys = std::mem::take(&mut self.keys);
        keys.sort_by_key(|k| !k.primary);
        for key in keys {
            index::attach(core, &mut self.relation, key)?;
        }
        for c in std::mem::take(&mut self.exclusions) {
            let (index, constraint) = super::exclude::make(core, &self.relation, &c)?;
            self.relation.indexes.push(index);
            self.relation.constraints.push(constraint);
        }
        core.change(Change::Relation(Arc::new(self.relation.clone())), temporary)?;
        for sequence in owned {
            core.change(sequence, temporary)?;
        }
        for (position, text) in std::mem::take(&mut self.comments) {
            let at = crate::sql::catalog::CommentKey { class: Oid(1259), object: self.relation.oid, column: position as i32 + 1 };
            core.change(Change::Comment(at, Some(text)), temporary)?;
        }
        for (constraint, key) in std::mem::take(&mut self.foreign) {
            foreign_key::add(core, self.relation.oid, &constraint, &key, source)?;
        }
        tracing::info!(target: "orbit_protocols::postgres_wire::persistent_storage", "Created table: {}", self.relation.name);
        Ok(())
    }

    /// Makes the sequence of a serial or identity column; answers the change that ties it to the column.
    pub fn make_sequence(&mut self, p: &PendingSequence) -> Result<Change> {
        let core = self.core;
        let column = &self.relation.columns[p.column];
        let (column_name, ty) = (column.name.clone(), column.ty.oid);
        if !matches!(ty, Oid::INT2 | Oid::INT4 | Oid::INT8) {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "identity column type must be smallint, integer, or bigint"));
        }
        let (mut def, request) = apply_options(core, None, &p.options, ty)?;
        let view = core.view();
        let schema = self.relation.schema;
        let name = match &request.name {
            Some(n) => n.last().clone(),
            None => {
                let taken = |n: &str| view.catalog.class_oid(schema, n).is_some() || n == self.relation.name;
                super::naming::choose_name(taken, &self.relation.name, Some(&column_name), "seq")
            }
        };
        claim_name(core, schema, &name)?;
        def.owned_by = Some((self.relation.oid, p.column as u16));
        def.identity = p.identity;
        let oid = sequence::make(core, schema, name, def, self.relation.owner, self.relation.persistence)?;
        if !p.identity {
            let shown = core.view().without_path().class_name(oid).unwrap_or_default();
            let sql = format!("nextval({}::regclass)", crate::sql::deparse::quote_literal(&shown));
            let oid = core.server.catalogs.oids.allocate()?;
            self.relation.columns[p.column].default = Some(DefaultDef { oid, sql });
        }
        let made = core.view().catalog.relation(oid).cloned();
        made.map(Change::Relation).ok_or_else(|| SqlError::internal("sequence vanished"))
    }
}

/// A CHECK constraint, named as PostgreSQL names it. Errors: 42710 for a name in use.
pub fn check_constraint(
    core: &SessionCore,
    relation: &Relation,
    c: &ast::Constraint,
    only_column: Option<&str>,
) -> Result<Constraint> {
    let ast::ConstraintKind::Check(expr) = &c.kind else { return Err(SqlError::internal("not a CHECK")) };
    let shape = Arc::new(relation.clone());
    let (sql, columns) = stored_expr::check_text(core, &shape, expr)?;
    let name = match &c.name {
        Some(name) => {
            if relation.constraints.iter().any(|o| o.name == *name) {
                let message = format!("constraint \"{name}\" for relation \"{}\" already exists", relation.name);
                return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
            }
            name.clone()
        }
        None => {
            let column = match columns.as_slice() {
                [one] => Some(relation.columns[*one as usize].name.as_str()),
                _ => only_column,
            };
            super::naming::choose_name(|n| relation.constraints.iter().any(|o| o.name == n), &relation.name, column, "check")
        }
    };
    Ok(Constraint {
        oid: core.server.catalogs.oids.allocate()?,
        name,
        kind: ConstraintKind::Check { sql, columns },
        deferrable: false,
        deferred: false,
        validated: !c.not_valid,
        no_inherit: c.no_inherit,
    })
}
