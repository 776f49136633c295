//! Rows of a system relation, built by column name.

use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::Relation;
use crate::sql::catalog::{Catalog, SharedCatalog};
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::{Datum, Oid};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// What producers look at.
pub struct SystemCx<'a> {
    /// The session's view of its database.
    pub catalog: &'a Catalog,
    /// Roles and databases.
    pub shared: &'a SharedCatalog,
    /// The session's database.
    pub database: Oid,
    /// Live row counts and sizes.
    pub figures: &'a dyn Figures,
}

/// Live figures of stored relations.
pub trait Figures {
    /// Current value of a sequence: last value, is_called.
    fn sequence_state(&self, relation: &Relation) -> Result<(i64, bool)>;
}

/// A relation's rows under construction. Columns not set are NULL, or their type's zero when the column is NOT NULL.
pub struct Rows<'a> {
    columns: HashMap<&'a str, usize>,
    blank: Vec<Datum>,
    current: Vec<Datum>,
    done: Vec<Vec<Datum>>,
}

impl<'a> Rows<'a> {
    /// No rows yet.
    pub fn new(relation: &'a Relation) -> Self {
        let columns = relation.columns.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect();
        let blank: Vec<Datum> = relation.columns.iter().map(|c| if c.not_null { zero(c.ty.oid) } else { Datum::Null }).collect();
        Self { columns, current: blank.clone(), blank, done: Vec::new() }
    }

    /// Sets a column of the current row. A name the relation does not have is a mistake in the producer and panics in tests.
    pub fn set(&mut self, column: &str, value: Datum) -> &mut Self {
        match self.columns.get(column) {
            Some(&i) => self.current[i] = value,
            None => debug_assert!(false, "system relation has no column {column}"),
        }
        self
    }

    /// Sets an oid column.
    pub fn oid(&mut self, column: &str, value: Oid) -> &mut Self {
        self.set(column, Datum::Oid(value))
    }

    /// Sets a name or text column.
    pub fn text(&mut self, column: &str, value: impl Into<SmolStr>) -> &mut Self {
        self.set(column, Datum::Text(value.into()))
    }

    /// Sets a boolean column.
    pub fn bool(&mut self, column: &str, value: bool) -> &mut Self {
        self.set(column, Datum::Bool(value))
    }

    /// Sets a "char" column.
    pub fn char(&mut self, column: &str, value: char) -> &mut Self {
        self.set(column, Datum::Char(value as u8))
    }

    /// Sets a smallint column.
    pub fn int2(&mut self, column: &str, value: i16) -> &mut Self {
        self.set(column, Datum::Int2(value))
    }

    /// Sets an integer column.
    pub fn int4(&mut self, column: &str, value: i32) -> &mut Self {
        self.set(column, Datum::Int4(value))
    }

    /// Sets a bigint column.
    pub fn int8(&mut self, column: &str, value: i64) -> &mut Self {
        self.set(column, Datum::Int8(value))
    }

    /// Ends the current row.
    pub fn push(&mut self) {
        let next = self.blank.clone();
        self.done.push(std::mem::replace(&mut self.current, next));
    }

    /// The rows.
    pub fn finish(self) -> Vec<Vec<Datum>> {
        self.done
    }
}

/// The zero of a type, for NOT NULL columns a producer does not set.
fn zero(ty: Oid) -> Datum {
    match ty {
        Oid::BOOL => Datum::Bool(false),
        Oid::INT2 => Datum::Int2(0),
        Oid::INT4 => Datum::Int4(0),
        Oid::INT8 => Datum::Int8(0),
        Oid::FLOAT4 => Datum::Float4(0.0),
        Oid::FLOAT8 => Datum::Float8(0.0),
        Oid::CHAR => Datum::Char(b' '),
        Oid::INT2VECTOR => vector(Oid::INT2, Vec::new()),
        Oid::OIDVECTOR => vector(Oid::OID, Vec::new()),
        Oid::NAME | Oid::TEXT | Oid::PG_NODE_TREE => Datum::Text(SmolStr::default()),
        _ => Datum::Oid(Oid::INVALID),
    }
}

/// An int2vector or oidvector: one dimension counted from 0.
pub fn vector(elem: Oid, values: Vec<Datum>) -> Datum {
    let dims = if values.is_empty() { Vec::new() } else { vec![Dim { len: values.len() as i32, lower: 0 }] };
    Datum::Array(Arc::new(Array { elem, dims, values }))
}

/// A one-dimensional array counted from 1.
pub fn array(elem: Oid, values: Vec<Datum>) -> Datum {
    let dims = if values.is_empty() { Vec::new() } else { vec![Dim { len: values.len() as i32, lower: 1 }] };
    Datum::Array(Arc::new(Array { elem, dims, values }))
}

/// A text array, or NULL when there is nothing in it.
pub fn text_array(values: impl IntoIterator<Item = String>) -> Datum {
    let values: Vec<Datum> = values.into_iter().map(Datum::text).collect();
    if values.is_empty() { Datum::Null } else { array(Oid::TEXT, values) }
}

/// A text array, empty if there is nothing in it.
pub fn text_list(values: Vec<String>) -> Datum {
    array(Oid::TEXT, values.into_iter().map(Datum::text).collect())
}

/// Names of PostgreSQL's privilege bits in the order of `AclItem::bits`.
const ACL_LETTERS: &str = "arwdDxtXUCTcsA";

/// An aclitem array as PostgreSQL prints it: `{orbit=arwdDxt/orbit,=r/orbit}`; NULL for default privileges.
pub fn acl(shared: &SharedCatalog, items: Option<&Vec<crate::sql::catalog::objects::AclItem>>) -> Datum {
    let Some(items) = items else { return Datum::Null };
    let name = |oid: Oid| match shared.role(oid) {
        Some(role) => quote_acl_name(&role.name),
        None if oid.is_valid() => oid.to_string(),
        None => String::new(),
    };
    let values = items
        .iter()
        .map(|item| {
            let mut letters = String::new();
            for (bit, letter) in ACL_LETTERS.chars().enumerate() {
                if item.bits & (1 << bit) != 0 {
                    letters.push(letter);
                    if item.bits & (1 << (bit + 16)) != 0 {
                        letters.push('*');
                    }
                }
            }
            Datum::text(format!("{}={letters}/{}", name(item.grantee), name(item.grantor)))
        })
        .collect();
    array(Oid::ACLITEM, values)
}

fn quote_acl_name(name: &str) -> String {
    if name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Splits a built-in catalog's data file into its fields.
pub fn table(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().map(|line| line.split('\t').collect())
}

/// An OID field of a data file.
pub fn oid_field(field: &str) -> Result<Oid> {
    field.parse().map(Oid).map_err(|_| SqlError::internal(format!("built-in catalog data has a bad OID: {field}")))
}
