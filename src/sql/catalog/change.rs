//! Changes to schema objects: the unit of DDL, of persistence and of publication.
//!
//! Key of a persisted object in the `pg_tables` keyspace:
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | database OID, big endian (0 for objects all databases share) |
//! | 4 | class letter (`r` relation, `n` schema, `t` type, `f` function, `c` comment, `s` statistics, `a` role, `d` database) |
//! | 5.. | object OID, big endian (comments: class OID, object OID, column number) |
//!
//! The value is the object as JSON, after one version byte.

use super::objects::{Database, Relation, Role, Schema, UserFunction, UserType};
use super::statistics::TableStatistics;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Oid;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;

/// What a comment is on: `pg_description`'s key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommentKey {
    /// Catalog the object is in (`pg_class` is 1259).
    pub class: Oid,
    /// The object.
    pub object: Oid,
    /// Column number, 0 for the object itself.
    pub column: i32,
}

/// One change to the schema objects of a database (or of all databases).
#[derive(Clone, Debug)]
pub enum Change {
    /// Makes or replaces a relation.
    Relation(Arc<Relation>),
    /// Drops a relation.
    DropRelation(Oid),
    /// Makes or replaces a schema.
    Schema(Arc<Schema>),
    /// Drops a schema.
    DropSchema(Oid),
    /// Makes or replaces a type.
    Type(Arc<UserType>),
    /// Drops a type.
    DropType(Oid),
    /// Makes or replaces a function.
    Function(Arc<UserFunction>),
    /// Drops a function.
    DropFunction(Oid),
    /// Sets or (None) removes a comment.
    Comment(CommentKey, Option<SmolStr>),
    /// Makes or replaces the statistics of a table.
    Statistics(Arc<TableStatistics>),
    /// Forgets the statistics of a table.
    DropStatistics(Oid),
    /// Makes or replaces a role (shared).
    Role(Arc<Role>),
    /// Drops a role (shared).
    DropRole(Oid),
    /// Makes or replaces a database (shared).
    Database(Arc<Database>),
    /// Drops a database (shared).
    DropDatabase(Oid),
}

/// Version byte in front of every persisted object.
const FORMAT: u8 = 1;

impl Change {
    /// Whether the change is to objects all databases share.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Role(_) | Self::DropRole(_) | Self::Database(_) | Self::DropDatabase(_))
    }

    /// The key, and the value to write (None to delete).
    pub fn persist(&self, database: Oid) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let database = if self.is_shared() { Oid::INVALID } else { database };
        let key = |class: u8, oid: Oid| object_key(database, class, oid);
        Ok(match self {
            Self::Relation(o) => (key(b'r', o.oid), Some(json(&**o)?)),
            Self::DropRelation(oid) => (key(b'r', *oid), None),
            Self::Schema(o) => (key(b'n', o.oid), Some(json(&**o)?)),
            Self::DropSchema(oid) => (key(b'n', *oid), None),
            Self::Type(o) => (key(b't', o.oid), Some(json(&**o)?)),
            Self::DropType(oid) => (key(b't', *oid), None),
            Self::Function(o) => (key(b'f', o.oid), Some(json(&**o)?)),
            Self::DropFunction(oid) => (key(b'f', *oid), None),
            Self::Comment(at, text) => {
                let mut k = key(b'c', at.class);
                k.extend_from_slice(&at.object.0.to_be_bytes());
                k.extend_from_slice(&at.column.to_be_bytes());
                (k, text.as_ref().map(json).transpose()?)
            }
            Self::Statistics(o) => (key(b's', o.relation), Some(json(&**o)?)),
            Self::DropStatistics(oid) => (key(b's', *oid), None),
            Self::Role(o) => (key(b'a', o.oid), Some(json(&**o)?)),
            Self::DropRole(oid) => (key(b'a', *oid), None),
            Self::Database(o) => (key(b'd', o.oid), Some(json(&**o)?)),
            Self::DropDatabase(oid) => (key(b'd', *oid), None),
        })
    }

    /// The change that a persisted entry stands for. Errors: XX001 for an entry that cannot be read.
    pub fn load(key: &[u8], value: &[u8]) -> Result<Self> {
        let damaged = || SqlError::new(SqlState::DATA_CORRUPTED, format!("catalog entry {key:02x?} cannot be read"));
        let (class, rest) = key.get(4..).and_then(|k| k.split_first()).ok_or_else(damaged)?;
        let body = value.strip_prefix(&[FORMAT]).ok_or_else(damaged)?;
        Ok(match class {
            b'r' => Self::Relation(from_json(body)?),
            b'n' => Self::Schema(from_json(body)?),
            b't' => Self::Type(from_json(body)?),
            b'f' => Self::Function(from_json(body)?),
            b's' => Self::Statistics(from_json(body)?),
            b'a' => Self::Role(from_json(body)?),
            b'd' => Self::Database(from_json(body)?),
            b'c' => {
                let word =
                    |at: usize| rest.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or_else(damaged);
                let at = CommentKey { class: Oid(word(0)?), object: Oid(word(4)?), column: word(8)? as i32 };
                Self::Comment(at, Some(from_json(body)?))
            }
            _ => return Err(damaged()),
        })
    }
}

/// Prefix of every key of a database's objects.
pub fn database_prefix(database: Oid) -> [u8; 4] {
    database.0.to_be_bytes()
}

fn object_key(database: Oid, class: u8, oid: Oid) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    key.extend_from_slice(&database_prefix(database));
    key.push(class);
    key.extend_from_slice(&oid.0.to_be_bytes());
    key
}

fn json<T: Serialize + ?Sized>(object: &T) -> Result<Vec<u8>> {
    let mut out = vec![FORMAT];
    serde_json::to_writer(&mut out, object).map_err(|e| SqlError::internal(format!("schema object cannot be written: {e}")))?;
    Ok(out)
}

fn from_json<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|e| SqlError::new(SqlState::DATA_CORRUPTED, format!("schema object cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_survive_persistence() {
        let schema = Schema { oid: Oid(16400), name: "shop".into(), owner: Oid(10), acl: None };
        let (key, value) = Change::Schema(Arc::new(schema)).persist(Oid(5)).unwrap();
        assert_eq!(&key[..5], &[0, 0, 0, 5, b'n']);
        let Change::Schema(back) = Change::load(&key, &value.unwrap()).unwrap() else { panic!("not a schema") };
        assert_eq!((back.oid, back.name.as_str()), (Oid(16400), "shop"));
        let at = CommentKey { class: Oid(1259), object: Oid(16400), column: -2 };
        let (key, value) = Change::Comment(at, Some("hello".into())).persist(Oid(5)).unwrap();
        let Change::Comment(back, Some(text)) = Change::load(&key, &value.unwrap()).unwrap() else { panic!("not a comment") };
        assert_eq!((back, text.as_str()), (at, "hello"));
        assert!(Change::load(&key, b"garbage").is_err());
    }
}
