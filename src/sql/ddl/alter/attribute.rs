//! Attributes of a composite type: ADD, DROP, ALTER TYPE.

use super::{column_of, current, put};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{Relation, UserTypeKind};
use crate::sql::ddl::create_table::{collation as find_collation, column_shape};
use crate::sql::ddl::notice;
use crate::sql::parser::ast::{ColumnDef, DropBehavior, QualNameParts, TypeName};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use smol_str::SmolStr;

/// The type a composite relation defines, its array type, and tables that store values of either. Errors: 0A000 for any.
fn refuse_stored(core: &SessionCore, relation: &Relation) -> Result<()> {
    let view = core.view();
    let Some(ty) = view.catalog.types().find(|t| matches!(t.kind, UserTypeKind::Composite { relation: r } if r == relation.oid))
    else {
        return Ok(());
    };
    for table in view.catalog.relations() {
        for (_, c) in table.live_columns() {
            if c.ty.oid == ty.oid || c.ty.oid == ty.array_oid {
                let message =
                    format!("cannot alter type \"{}\" because column \"{}.{}\" uses it", relation.name, table.name, c.name);
                return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
        }
    }
    Ok(())
}

/// ADD ATTRIBUTE.
pub fn add(core: &SessionCore, table: Oid, def: &ColumnDef, _behavior: DropBehavior) -> Result<()> {
    let relation = current(core, table)?;
    if relation.column(&def.name).is_some() {
        let message = format!("column \"{}\" of relation \"{}\" already exists", def.name, relation.name);
        return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
    }
    let mut changed = Relation::clone(&relation);
    changed.columns.push(column_shape(core, def)?);
    put(core, changed).map(|_| ())
}

/// DROP ATTRIBUTE.
pub fn drop(core: &SessionCore, table: Oid, name: &str, if_exists: bool, _behavior: DropBehavior) -> Result<()> {
    let relation = current(core, table)?;
    if relation.column(name).is_none() && if_exists {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist, skipping", relation.name);
        notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
        return Ok(());
    }
    let position = column_of(&relation, name)?;
    refuse_stored(core, &relation)?;
    let mut changed = Relation::clone(&relation);
    changed.columns.remove(position);
    put(core, changed).map(|_| ())
}

/// ALTER ATTRIBUTE ... TYPE.
pub fn alter_type(
    core: &SessionCore,
    table: Oid,
    name: &SmolStr,
    type_name: &TypeName,
    collation: Option<&(QualNameParts, usize)>,
    _behavior: DropBehavior,
) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    refuse_stored(core, &relation)?;
    let def = ColumnDef {
        name: name.clone(),
        type_name: Some(type_name.clone()),
        collation: collation.cloned(),
        compression: None,
        constraints: Vec::new(),
        options: Vec::new(),
        pos: 0,
    };
    let shape = column_shape(core, &def)?;
    let mut changed = Relation::clone(&relation);
    changed.columns[position].ty = shape.ty;
    changed.columns[position].collation = shape.collation;
    if let Some((name, pos)) = collation {
        changed.columns[position].collation = find_collation(core, name, *pos)?;
    }
    put(core, changed).map(|_| ())
}
