//! EXCLUDE constraints: an index description and, for each of its keys, the operator no two rows may satisfy together.

use super::index::{IndexParts, index_parts};
use super::naming::choose_name;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder;
use crate::sql::catalog::objects::{Constraint, ConstraintKind, Index, Relation};
use crate::sql::expr::registry::registry;
use crate::sql::parser::ast;
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, typename};
use std::sync::Arc;

/// The constraint and its index, for a table that has its columns already. Errors: 42704, 42809, 42P07.
pub fn make(core: &SessionCore, relation: &Relation, c: &ast::Constraint) -> Result<(Index, Constraint)> {
    let ast::ConstraintKind::Exclude { elements, method, predicate, index } = &c.kind else {
        return Err(SqlError::internal("not EXCLUDE"));
    };
    let shape = Arc::new(relation.clone());
    let method = method.clone().unwrap_or_else(|| "btree".into());
    let columns: Vec<&ast::IndexElem> = elements.iter().map(|(elem, _)| elem).collect();
    if matches!(method.as_str(), "gin" | "brin") {
        let message = format!("access method \"{method}\" does not support exclusion constraints");
        return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let IndexParts { keys, predicate } = index_parts(core, &shape, &columns, predicate.as_ref(), &method)?;
    let mut operators = Vec::with_capacity(keys.len());
    for (key, (elem, op)) in keys.iter().zip(elements) {
        let found = core.with_bind(|cx| binder::find_binary_operator(cx, op, key.ty.oid, key.ty.oid, elem.pos))?;
        let known = registry().operator(found);
        let shown = || {
            let text = |ty: Oid| typename::format_type_be(&*core.view(), ty);
            known.map_or_else(|| op.symbol.to_string(), |o| format!("{}({},{})", o.name, text(o.left), text(o.right)))
        };
        if known.is_none_or(|o| o.commutator != found) {
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "operator {} is not commutative", shown())
                .detail("Only commutative operators can be used in exclusion constraints."));
        }
        if matches!(method.as_str(), "btree" | "hash") && known.is_some_and(|o| o.name != "=") {
            let e = err!(SqlState::WRONG_OBJECT_TYPE, "operator {} is not a member of operator family", shown());
            return Err(e.detail("The exclusion operator must be related to the index operator class for the constraint."));
        }
        operators.push(found);
    }
    let view = core.view();
    let taken = |n: &str| {
        view.catalog.class_oid(relation.schema, n).is_some() || relation.indexes.iter().any(|i| i.name == n) || relation.name == n
    };
    let name = match &c.name {
        Some(n) if taken(n) => return Err(err!(SqlState::DUPLICATE_TABLE, "relation \"{n}\" already exists")),
        Some(n) => n.clone(),
        None => choose_name(taken, &relation.name, Some(&super::index::joined_names(columns.iter().copied())), "excl"),
    };
    let include = index.including.iter().map(|n| super::index::key_column(relation, n).map(|p| p as u16)).collect::<Result<_>>()?;
    let oids = &core.server.catalogs.oids;
    let (index_oid, constraint) = (oids.allocate()?, oids.allocate()?);
    let made = Index {
        oid: index_oid,
        name: name.clone(),
        number: super::index::next_number(relation),
        unique: false,
        primary: false,
        nulls_not_distinct: false,
        keys,
        include,
        predicate,
        method,
        constraint: Some(constraint),
        options: super::create_table::storage_options(&index.options)?,
    };
    let constraint = Constraint {
        oid: constraint,
        name,
        kind: ConstraintKind::Exclude { index: index_oid, operators },
        deferrable: c.deferrable,
        deferred: c.initially_deferred,
        validated: true,
        no_inherit: false,
    };
    Ok((made, constraint))
}

/// The operators of an exclusion constraint as its definition shows them.
pub fn operator_names(operators: &[Oid]) -> Vec<&'static str> {
    operators.iter().map(|o| registry().operator(*o).map_or("?", |o| o.name)).collect()
}
