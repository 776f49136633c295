//! Indexes: CREATE INDEX and the indexes behind PRIMARY KEY and UNIQUE.

use super::naming::{check_owner, choose_name, claim_name, find_relation, with_article};
use super::{notice, stored_expr};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Standing;
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Constraint, ConstraintKind, Index, IndexKey, Persistence, RelKind, Relation};
use crate::sql::parser::ast::{self, IndexElem, IndexStmt, NullsOrder, SortDirection};
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, Type};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// Most key columns of an index (PostgreSQL's INDEX_MAX_KEYS).
const MAX_KEYS: usize = 32;

/// A key asked for by a constraint, or copied by LIKE.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Constraint name given.
    pub name: Option<SmolStr>,
    /// PRIMARY KEY
    pub primary: bool,
    /// UNIQUE or PRIMARY KEY.
    pub unique: bool,
    /// It is a constraint, not only an index.
    pub constraint: bool,
    /// Key columns by name.
    pub columns: Vec<SmolStr>,
    /// INCLUDE columns by name.
    pub include: Vec<SmolStr>,
    /// NULLS NOT DISTINCT
    pub nulls_not_distinct: bool,
    /// DEFERRABLE
    pub deferrable: bool,
    /// INITIALLY DEFERRED
    pub deferred: bool,
    /// Storage parameters.
    pub options: Vec<(SmolStr, SmolStr)>,
    /// A whole index to copy (LIKE INCLUDING INDEXES).
    pub copy: Option<Index>,
}

impl KeySpec {
    /// From PRIMARY KEY or UNIQUE, of a column or a table.
    pub fn from_constraint(c: &ast::Constraint, columns: &[SmolStr]) -> Result<Self> {
        let (primary, nulls_not_distinct, index) = match &c.kind {
            ast::ConstraintKind::PrimaryKey(i) => (true, false, i),
            ast::ConstraintKind::Unique { nulls_not_distinct, index } => (false, *nulls_not_distinct, index),
            _ => return Err(SqlError::internal("not a key constraint")),
        };
        if index.existing_index.is_some() {
            return Err(SqlError::unsupported("constraint USING INDEX"));
        }
        Ok(Self {
            name: c.name.clone(),
            primary,
            unique: true,
            constraint: true,
            columns: columns.to_vec(),
            include: index.including.clone(),
            nulls_not_distinct,
            deferrable: c.deferrable,
            deferred: c.initially_deferred,
            options: super::create_table::storage_options(&index.options)?,
            copy: None,
        })
    }

    /// An index of another table, its columns renumbered.
    pub fn copy_of(source: &Relation, index: &Index, map: &[Option<u16>]) -> Self {
        let constraint = index.constraint.and_then(|oid| source.constraints.iter().find(|c| c.oid == oid));
        let name = |c: &u16| source.columns[*c as usize].name.clone();
        let mut copy = index.clone();
        for key in &mut copy.keys {
            key.column = key.column.and_then(|c| map[c as usize]);
        }
        copy.include = copy.include.iter().filter_map(|&c| map[c as usize]).collect();
        Self {
            name: None,
            primary: index.primary,
            unique: index.unique,
            constraint: constraint.is_some(),
            columns: index.keys.iter().filter_map(|k| k.column.as_ref().map(name)).collect(),
            include: index.include.iter().map(name).collect(),
            nulls_not_distinct: index.nulls_not_distinct,
            deferrable: constraint.is_some_and(|c| c.deferrable),
            deferred: constraint.is_some_and(|c| c.deferred),
            options: index.options.clone(),
            copy: Some(copy),
        }
    }
}

/// The position of a key column. Errors: 42703.
pub fn key_column(relation: &Relation, name: &str) -> Result<usize> {
    relation.column(name).ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" named in key does not exist"))
}

/// Primary key columns are NOT NULL.
pub fn mark_not_null(relation: &mut Relation, key: &KeySpec) -> Result<()> {
    for name in &key.columns {
        let position = key_column(relation, name)?;
        relation.columns[position].not_null = true;
    }
    Ok(())
}

/// Refuses key types that cannot be ordered.
pub fn check_ordered(core: &SessionCore, ty: Type, method: &str) -> Result<()> {
    super::opclass::check(core, method, ty, None)
}

/// The next free index number of a table: 0 is the clustering primary key's.
pub fn next_number(relation: &Relation) -> u16 {
    relation.indexes.iter().map(|i| i.number).max().unwrap_or(0) + 1
}

/// Adds a key's index (and constraint) to a table that has no rows yet, or whose rows are indexed by the caller.
pub fn attach(core: &SessionCore, relation: &mut Relation, spec: KeySpec) -> Result<Oid> {
    let view = core.view();
    let oids = &core.server.catalogs.oids;
    if spec.columns.len() > MAX_KEYS {
        return Err(err!(SqlState::TOO_MANY_COLUMNS, "cannot use more than {MAX_KEYS} columns in an index"));
    }
    let mut keys = Vec::new();
    for name in &spec.columns {
        let position = key_column(relation, name)?;
        let column = &relation.columns[position];
        if keys.iter().any(|k: &IndexKey| k.column == Some(position as u16)) {
            let what = if spec.primary { "primary key" } else { "unique" };
            return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{name}\" appears twice in {what} constraint"));
        }
        check_ordered(core, column.ty, "btree")?;
        keys.push(IndexKey {
            column: Some(position as u16),
            expr: None,
            ty: column.ty,
            collation: column.collation,
            opclass: None,
            desc: false,
            nulls_first: false,
        });
    }
    let mut include = Vec::new();
    for name in &spec.include {
        include.push(key_column(relation, name)? as u16);
    }
    if let Some(copy) = &spec.copy {
        keys.clone_from(&copy.keys);
        include.clone_from(&copy.include);
    }
    let taken = |n: &str| {
        view.catalog.class_oid(relation.schema, n).is_some() || relation.indexes.iter().any(|i| i.name == n) || relation.name == n
    };
    let name = match &spec.name {
        Some(n) => {
            if taken(n) {
                return Err(err!(SqlState::DUPLICATE_TABLE, "relation \"{n}\" already exists"));
            }
            if relation.constraints.iter().any(|c| c.name == *n) {
                let message = format!("constraint \"{n}\" for relation \"{}\" already exists", relation.name);
                return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
            }
            n.clone()
        }
        None if spec.primary => choose_name(taken, &relation.name, None, "pkey"),
        None => {
            let label = if spec.constraint { "key" } else { "idx" };
            choose_name(taken, &relation.name, Some(&key_names(relation, &keys)), label)
        }
    };
    let fresh = relation.indexes.is_empty() && core.view().catalog.relation(relation.oid).is_none();
    // Rows are keyed by their primary key where it always tells them apart.
    let number = if spec.primary && fresh && !spec.deferrable { 0 } else { next_number(relation) };
    let constraint = if spec.constraint { Some(oids.allocate()?) } else { None };
    let index = Index {
        oid: oids.allocate()?,
        name: name.clone(),
        number,
        unique: spec.unique,
        primary: spec.primary,
        nulls_not_distinct: spec.nulls_not_distinct,
        keys,
        include,
        predicate: spec.copy.as_ref().and_then(|c| c.predicate.clone()),
        method: spec.copy.as_ref().map_or_else(|| "btree".into(), |c| c.method.clone()),
        constraint,
        options: spec.options,
    };
    let oid = index.oid;
    if let Some(constraint) = constraint {
        let kind = if spec.primary { ConstraintKind::PrimaryKey { index: oid } } else { ConstraintKind::Unique { index: oid } };
        relation.constraints.push(Constraint {
            oid: constraint,
            name,
            kind,
            deferrable: spec.deferrable,
            deferred: spec.deferred,
            validated: true,
            no_inherit: false,
        });
    }
    relation.indexes.push(index);
    Ok(oid)
}

/// Column names joined as ChooseIndexNameAddition joins them.
fn key_names(relation: &Relation, keys: &[IndexKey]) -> String {
    let mut out = String::new();
    for key in keys {
        if !out.is_empty() {
            out.push('_');
        }
        match key.column {
            Some(c) => out.push_str(&relation.columns[c as usize].name),
            None => out.push_str("expr"),
        }
        if out.len() >= 63 {
            break;
        }
    }
    out
}

/// What a statement says of an index's keys.
pub struct IndexParts {
    /// Keys.
    pub keys: Vec<IndexKey>,
    /// Predicate as SQL text.
    pub predicate: Option<String>,
}

/// Binds the keys and predicate of an index.
pub fn index_parts(
    core: &SessionCore,
    relation: &Arc<Relation>,
    elements: &[&IndexElem],
    predicate: Option<&ast::Expr>,
    method: &str,
) -> Result<IndexParts> {
    let keys = elements.iter().map(|elem| index_key(core, relation, elem, method)).collect::<Result<_>>()?;
    let predicate = match predicate {
        Some(expr) => Some(stored_expr::over_relation(core, relation, expr, Standing::IndexPredicate)?.0),
        None => None,
    };
    Ok(IndexParts { keys, predicate })
}

/// Names of the keys of a statement, joined.
fn element_names(stmt: &IndexStmt) -> String {
    joined_names(stmt.columns.iter().chain(&stmt.including))
}

/// Names of keys (ChooseIndexColumnNames), joined.
pub fn joined_names<'e>(elements: impl Iterator<Item = &'e IndexElem>) -> String {
    let mut names: Vec<String> = Vec::new();
    for elem in elements {
        let base = match (&elem.column, &elem.expr) {
            (Some(name), _) => name.to_string(),
            (None, Some(e)) => crate::sql::binder::index_name(e).to_string(),
            (None, None) => "expr".to_owned(),
        };
        let mut name = base.clone();
        let mut n = 0;
        while names.contains(&name) {
            n += 1;
            name = format!("{base}{n}");
        }
        names.push(name);
    }
    let mut out = names.join("_");
    let mut end = out.len().min(63);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out
}

const METHODS: [&str; 6] = ["btree", "hash", "gist", "gin", "spgist", "brin"];

/// CREATE INDEX
pub fn create_index(core: &SessionCore, stmt: &IndexStmt) -> Result<()> {
    let relation = find_relation(core, &stmt.relation)?;
    if !matches!(relation.kind, RelKind::Table | RelKind::MatView) {
        let e = err!(SqlState::WRONG_OBJECT_TYPE, "cannot create index on relation \"{}\"", relation.name);
        let article = with_article(relation.kind).trim_start_matches("a ");
        return Err(e.detail(format!("This operation is not supported for {article}s.")));
    }
    check_owner(core, &relation)?;
    core.txn()?.lock(Tag::relation(relation.oid.0), TableMode::Share, WaitPolicy::Block)?;
    core.refresh_view()?;
    let relation = find_relation(core, &stmt.relation)?;
    let method = stmt.method.clone().unwrap_or_else(|| "btree".into());
    if !METHODS.contains(&method.as_str()) {
        return Err(err!(SqlState::UNDEFINED_OBJECT, "access method \"{method}\" does not exist"));
    }
    if stmt.unique && method != "btree" {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "access method \"{method}\" does not support unique indexes"));
    }
    if method == "hash" && stmt.columns.len() > 1 {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "access method \"hash\" does not support multicolumn indexes"));
    }
    if stmt.columns.len() > MAX_KEYS {
        return Err(err!(SqlState::TOO_MANY_COLUMNS, "cannot use more than {MAX_KEYS} columns in an index"));
    }
    let mut keys = Vec::new();
    for elem in &stmt.columns {
        keys.push(index_key(core, &relation, elem, &method)?);
    }
    let mut include = Vec::new();
    for elem in &stmt.including {
        let Some(name) = &elem.column else {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "expressions are not supported in included columns"));
        };
        let position = relation.column(name);
        let missing = || err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" does not exist");
        include.push(position.ok_or_else(missing)? as u16);
    }
    let predicate = match &stmt.where_clause {
        Some(expr) => Some(stored_expr::over_relation(core, &relation, expr, Standing::IndexPredicate)?.0),
        None => None,
    };
    let view = core.view();
    let name = match &stmt.name {
        Some(n) => n.clone(),
        None => {
            choose_name(|n| view.catalog.class_oid(relation.schema, n).is_some(), &relation.name, Some(&element_names(stmt)), "idx")
        }
    };
    if let Err(e) = claim_name(core, relation.schema, &name) {
        if stmt.if_not_exists && e.code() == SqlState::DUPLICATE_TABLE {
            notice(core, SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(e);
    }
    let index = Index {
        oid: core.server.catalogs.oids.allocate()?,
        name,
        number: next_number(&relation),
        unique: stmt.unique,
        primary: false,
        nulls_not_distinct: stmt.nulls_not_distinct,
        keys,
        include,
        predicate,
        method,
        constraint: None,
        options: super::create_table::storage_options(&stmt.options)?,
    };
    add_and_build(core, &relation, index)
}

/// Makes a new primary key the order in which rows are kept; `false` when it stays an index beside them: its uniqueness is checked
/// later than its rows are written.
pub fn cluster_by(relation: &mut Relation, index: Oid) -> bool {
    let of = |c: &Constraint| matches!(c.kind, ConstraintKind::PrimaryKey { index: i } if i == index);
    if relation.constraints.iter().any(|c| c.deferrable && of(c)) || relation.indexes.iter().any(|i| i.primary && i.number == 0) {
        return false;
    }
    let Some(made) = relation.indexes.iter_mut().find(|i| i.oid == index && i.primary) else { return false };
    made.number = 0;
    true
}

/// Adds an index to a table and fills it from the table's rows. Errors: 23505 for duplicates.
pub fn add_and_build(core: &SessionCore, relation: &Arc<Relation>, index: Index) -> Result<()> {
    let mut changed = Relation::clone(relation);
    let oid = index.oid;
    changed.indexes.push(index);
    let changed = Arc::new(changed);
    core.change(Change::Relation(Arc::clone(&changed)), relation.persistence == Persistence::Temporary)?;
    crate::sql::session::storage::build_index(core, &changed, oid)
}

/// An expression without the COLLATE clauses around it, and the outermost of these.
fn without_collation(e: &ast::Expr) -> (&ast::Expr, Option<(&[SmolStr], usize)>) {
    match &e.node {
        ast::ExprNode::Collate { arg, collation } => (without_collation(arg).0, Some((collation, e.pos))),
        _ => (e, None),
    }
}

fn index_key(core: &SessionCore, relation: &Arc<Relation>, elem: &IndexElem, method: &str) -> Result<IndexKey> {
    let desc = elem.direction == SortDirection::Desc;
    let nulls_first = match elem.nulls {
        NullsOrder::First => true,
        NullsOrder::Last => false,
        NullsOrder::Default => desc,
    };
    if method != "btree" && (desc || elem.nulls != NullsOrder::Default) {
        let what = if desc { "ASC/DESC" } else { "NULLS FIRST/LAST" };
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "access method \"{method}\" does not support {what} options"));
    }
    let (column, expr, ty, mut collation) = match (&elem.column, &elem.expr) {
        (Some(name), _) => {
            let missing = || err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" does not exist");
            let position = relation.column(name).ok_or_else(missing)?;
            let c = &relation.columns[position];
            (Some(position as u16), None, c.ty, c.collation)
        }
        (None, Some(e)) => {
            // A collation at the top is the key's, not part of the expression.
            let (bare, outer) = without_collation(e);
            if let ast::ExprNode::Column(c) = &bare.node
                && let ([name], false) = (&c.names[..], c.star)
            {
                // A column in parentheses is a column.
                let mut plain = elem.clone();
                (plain.column, plain.expr) = (Some(name.clone()), None);
                plain.collation = plain.collation.or_else(|| outer.map(|(name, _)| name.to_vec()));
                return index_key(core, relation, &plain, method);
            }
            let (sql, ty, collation) = stored_expr::over_relation(core, relation, bare, Standing::IndexExpression)?;
            let collation = outer.map_or(Ok(collation), |(name, pos)| super::create_table::collation(core, name, pos))?;
            // What a function was given under a collation need not have one itself.
            let base = crate::sql::types::typename::base_type(&*core.view(), ty.oid);
            let collates = crate::sql::types::typename::collation_of(base).is_valid();
            let collation = if collates { collation } else { Oid::INVALID };
            (None, Some(sql), ty, collation)
        }
        (None, None) => return Err(SqlError::internal("index key without column or expression")),
    };
    if let Some(name) = &elem.collation {
        collation = super::create_table::collation(core, name, elem.pos)?;
    }
    let opclass = elem.opclass.as_ref().and_then(|n| n.last().cloned());
    super::opclass::check(core, method, ty, opclass.as_deref())?;
    Ok(IndexKey { column, expr, ty, collation, opclass, desc, nulls_first })
}
