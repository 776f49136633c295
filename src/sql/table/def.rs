//! How a relation's rows and index entries are laid out: worked out once per version of the relation.

use crate::encoding::{KeyColumn, PhysKind, RowLayout, table_prefix};
use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::{ConstraintKind, Index, Relation, RelationRef};
use crate::sql::types::io::{self, IoContext, TypeKind, TypeLookup};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Where a key column's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A table column.
    Column(u16),
    /// The n-th expression key of the index.
    Expr(usize),
}

/// An index's layout.
#[derive(Debug)]
pub struct IndexDef {
    /// Position in `Relation::indexes`.
    pub at: usize,
    /// First bytes of its entries' keys.
    pub prefix: [u8; 6],
    /// Key columns.
    pub keys: Vec<KeyColumn>,
    /// Where their values come from.
    pub sources: Vec<KeySource>,
    /// Entries with equal columns are refused when they are made (and the row's key stands in the value).
    pub unique: bool,
    /// Equal columns are refused at the end of the statement or transaction.
    pub deferrable: bool,
    /// NULLs count as equal.
    pub nulls_not_distinct: bool,
    /// It has expressions or a predicate: entries need evaluation.
    pub computed: bool,
    /// INCLUDE columns and their layout.
    pub include: Vec<u16>,
    /// Layout of the included columns.
    pub include_layout: RowLayout,
}

/// A table's layout.
#[derive(Debug)]
pub struct TableDef {
    /// The relation.
    pub relation: RelationRef,
    /// First bytes of its rows' keys.
    pub prefix: [u8; 6],
    /// Kind of each column's values (dropped ones included).
    pub kinds: Vec<PhysKind>,
    /// Row layout.
    pub layout: RowLayout,
    /// Clustering key: column positions; empty for a hidden row number.
    pub key_positions: Vec<u16>,
    /// Clustering key columns.
    pub key_columns: Vec<KeyColumn>,
    /// By column position: where it stands in the clustering key if its value lives only there.
    pub in_key: Vec<Option<usize>>,
    /// Values of columns that a row written before they were added does not have.
    pub missing: Vec<Datum>,
    /// Position of the clustering index in `Relation::indexes`.
    pub clustering: Option<usize>,
    /// The other indexes.
    pub indexes: Vec<IndexDef>,
    /// It has exclusion constraints.
    pub excludes: bool,
    /// Columns of unique indexes another table's foreign key may rely on: changing one takes the strongest row lock.
    pub key_like: Vec<bool>,
    /// How much is written to it.
    pub activity: Arc<super::tables::Activity>,
}

/// How values of a type are laid out. 0A000 for types that cannot be stored.
pub fn kind_of(types: &dyn TypeLookup, ty: Oid) -> Result<PhysKind> {
    if let Some(kind) = PhysKind::of_builtin(ty) {
        return Ok(kind);
    }
    Ok(match io::type_info(types, ty)?.kind {
        TypeKind::Enum => PhysKind::Enum,
        TypeKind::Domain(base) => kind_of(types, base.oid)?,
        TypeKind::Composite(_) => PhysKind::Record,
        TypeKind::Range { .. } => PhysKind::Range,
        TypeKind::Multirange { .. } => PhysKind::Multirange,
        TypeKind::Array(_) => PhysKind::Array,
        TypeKind::Base | TypeKind::Pseudo => return Err(SqlError::unsupported(format!("storing values of type {ty}"))),
    })
}

impl TableDef {
    /// Works out the layout of a relation. Errors: 0A000 for types that cannot be stored or indexed.
    pub fn new(relation: &RelationRef, io: &IoContext<'_>) -> Result<Self> {
        let mut kinds = Vec::with_capacity(relation.columns.len());
        for column in &relation.columns {
            kinds.push(kind_of(io.types, column.ty.oid)?);
        }
        // Rows under a deferrable primary key may share it for a while: they are keyed by a number.
        let clustering = relation.indexes.iter().position(|i| i.primary && i.number == 0 && !is_deferrable(relation, i.oid));
        let (mut key_positions, mut key_columns) = (Vec::new(), Vec::new());
        let mut in_key = vec![None; kinds.len()];
        for key in clustering.iter().flat_map(|&at| &relation.indexes[at].keys) {
            let position = key.column.ok_or_else(|| SqlError::internal("primary key on an expression"))?;
            let kind = kinds[usize::from(position)];
            if kind.key_is_lossless() {
                in_key[usize::from(position)] = Some(key_columns.len());
            }
            key_positions.push(position);
            key_columns.push(KeyColumn { kind, desc: key.desc, nulls_first: key.nulls_first });
        }
        let stored: Vec<PhysKind> =
            kinds.iter().zip(&in_key).map(|(&k, place)| if place.is_some() { PhysKind::Unstored } else { k }).collect();
        let mut missing = Vec::with_capacity(kinds.len());
        for column in &relation.columns {
            missing.push(match &column.missing {
                Some(text) if !column.dropped => io::input(io, text, column.ty)?,
                _ => Datum::Null,
            });
        }
        let mut indexes = Vec::new();
        for (at, index) in relation.indexes.iter().enumerate().filter(|(at, i)| Some(*at) != clustering && i.is_stored()) {
            indexes.push(IndexDef::new(relation, at, index, &kinds, io.types)?);
        }
        Ok(Self {
            prefix: table_prefix(relation.storage.0, 0),
            layout: RowLayout::new(&stored),
            excludes: relation.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Exclude { .. })),
            key_like: key_like(relation),
            relation: Arc::clone(relation),
            kinds,
            key_positions,
            key_columns,
            in_key,
            missing,
            clustering,
            indexes,
            activity: Arc::default(),
        })
    }

    /// The index with this OID; `None` for the clustering one (and unknown ones).
    pub fn index(&self, oid: Oid) -> Option<&IndexDef> {
        self.indexes.iter().find(|i| self.relation.indexes[i.at].oid == oid)
    }

    /// Whether this is the clustering index.
    pub fn is_clustering(&self, oid: Oid) -> bool {
        self.clustering.is_some_and(|at| self.relation.indexes[at].oid == oid)
    }

    /// Whether rows are keyed by a hidden number.
    pub fn has_row_numbers(&self) -> bool {
        self.clustering.is_none()
    }
}

/// Whether uniqueness of this index is checked later than its rows are written.
fn is_deferrable(relation: &Relation, index: Oid) -> bool {
    let of = |kind: &ConstraintKind| matches!(*kind, ConstraintKind::Unique { index: i } | ConstraintKind::PrimaryKey { index: i } if i == index);
    relation.constraints.iter().any(|c| c.deferrable && of(&c.kind))
}

fn key_like(relation: &Relation) -> Vec<bool> {
    let mut out = vec![false; relation.columns.len()];
    for index in relation.indexes.iter().filter(|i| i.unique && i.predicate.is_none()) {
        for position in index.keys.iter().filter_map(|k| k.column) {
            out[usize::from(position)] = true;
        }
    }
    out
}

impl IndexDef {
    fn new(relation: &Relation, at: usize, index: &Index, kinds: &[PhysKind], types: &dyn TypeLookup) -> Result<Self> {
        let (mut keys, mut sources, mut exprs) = (Vec::new(), Vec::new(), 0);
        for key in &index.keys {
            let (kind, source) = match key.column {
                Some(c) => (kinds[usize::from(c)], KeySource::Column(c)),
                None => {
                    exprs += 1;
                    (kind_of(types, key.ty.oid)?, KeySource::Expr(exprs - 1))
                }
            };
            keys.push(KeyColumn { kind, desc: key.desc, nulls_first: key.nulls_first });
            sources.push(source);
        }
        let deferrable = is_deferrable(relation, index.oid);
        // Number 0 is the rows' own.
        let number = if index.number == 0 { u16::MAX } else { index.number };
        let include_kinds: Vec<PhysKind> = index.include.iter().map(|&c| kinds[usize::from(c)]).collect();
        Ok(Self {
            at,
            prefix: table_prefix(relation.storage.0, number),
            keys,
            sources,
            unique: index.unique && !deferrable,
            deferrable: index.unique && deferrable,
            nulls_not_distinct: index.nulls_not_distinct,
            computed: exprs > 0 || index.predicate.is_some(),
            include: index.include.clone(),
            include_layout: RowLayout::new(&include_kinds),
        })
    }
}
