//! Keys and values of rows and index entries in `pg_data`.
//!
//! | entry | key | value |
//! |---|---|---|
//! | row | table prefix, primary key columns (or row number u64 BE) | row |
//! | index entry | index prefix, key columns, row suffix | included columns |
//! | unique entry | index prefix, key columns (then the row suffix, where a NULL makes it distinct) | below |
//!
//! The row suffix is the row's key without its 6-byte prefix. The value of a unique entry is the suffix's length (u16 LE), the
//! suffix unless it stands in the key (then the length is 0), and the included columns; other entries hold the included columns
//! in the same shape, or nothing when there are none.

use super::def::{IndexDef, KeySource, TableDef};
use crate::encoding::row::Cell;
use crate::encoding::{KeyColumn, RowReader};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;

/// Bytes of the prefix of every key.
pub const PREFIX: usize = 6;

/// An index entry, encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Key.
    pub key: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
    /// Equal columns are excluded by the key itself: a present entry with this key is a duplicate.
    pub exclusive: bool,
}

fn damaged(what: &str) -> SqlError {
    SqlError::new(SqlState::DATA_CORRUPTED, format!("stored data is damaged: {what}"))
}

impl TableDef {
    /// Appends the key of a row by its primary key columns.
    pub fn encode_row_key(&self, row: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.prefix);
        for (column, &position) in self.key_columns.iter().zip(&self.key_positions) {
            column.encode(out, &row[usize::from(position)])?;
        }
        Ok(())
    }

    /// The key of the row with this hidden number.
    pub fn numbered_key(&self, number: u64) -> Vec<u8> {
        [&self.prefix[..], &number.to_be_bytes()].concat()
    }

    /// Appends a row's value.
    pub fn encode_row(&self, row: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        self.layout.encode(row, out)
    }

    /// Decodes a whole row: one datum per column, NULL for dropped ones.
    pub fn decode_row(&self, key: &[u8], value: &[u8]) -> Result<Vec<Datum>> {
        let reader = RowReader::new(&self.layout, value)?;
        let key_values = if self.in_key.iter().any(Option::is_some) { self.decode_key(key)? } else { Vec::new() };
        let mut row = Vec::with_capacity(self.kinds.len());
        for (i, column) in self.relation.columns.iter().enumerate() {
            row.push(match self.in_key[i] {
                _ if column.dropped => Datum::Null,
                Some(place) => key_values[place].clone(),
                None => match reader.datum(i)? {
                    Cell::Value(v) => v,
                    Cell::Missing => self.missing[i].clone(),
                },
            });
        }
        Ok(row)
    }

    /// Decodes the wanted columns of a row into their places in `row`; the others are left alone.
    pub fn decode_columns(&self, key: &[u8], value: &[u8], wanted: &[u16], row: &mut [Datum]) -> Result<()> {
        let reader = RowReader::new(&self.layout, value)?;
        let mut key_values = None;
        for &column in wanted {
            let i = usize::from(column);
            row[i] = match self.in_key[i] {
                _ if self.relation.columns[i].dropped => Datum::Null,
                Some(place) => {
                    let values = match &key_values {
                        Some(values) => values,
                        None => key_values.insert(self.decode_key(key)?),
                    };
                    values[place].clone()
                }
                None => match reader.datum(i)? {
                    Cell::Value(v) => v,
                    Cell::Missing => self.missing[i].clone(),
                },
            };
        }
        Ok(())
    }

    /// The clustering key's values; those of kinds that cannot be read back from a key are NULL.
    fn decode_key(&self, key: &[u8]) -> Result<Vec<Datum>> {
        let mut rest = key.get(PREFIX..).ok_or_else(|| damaged("row key is too short"))?;
        let mut out = Vec::with_capacity(self.key_columns.len());
        for column in &self.key_columns {
            if column.kind.key_is_lossless() {
                out.push(column.decode(&mut rest)?);
            } else {
                column.skip(&mut rest)?;
                out.push(Datum::Null);
            }
        }
        Ok(out)
    }

    /// The full row key from its suffix.
    pub fn key_from_suffix(&self, suffix: &[u8]) -> Vec<u8> {
        [&self.prefix[..], suffix].concat()
    }
}

impl IndexDef {
    /// The values of the key columns for a row; `exprs` are those of its expression keys.
    pub fn key_values(&self, row: &[Datum], exprs: &[Datum]) -> Vec<Datum> {
        let value = |source: &KeySource| match *source {
            KeySource::Column(c) => row[usize::from(c)].clone(),
            KeySource::Expr(n) => exprs[n].clone(),
        };
        self.sources.iter().map(value).collect()
    }

    /// The entry of a row.
    pub fn entry(&self, row: &[Datum], exprs: &[Datum], row_key: &[u8]) -> Result<Entry> {
        let mut entry = Entry { key: Vec::with_capacity(PREFIX + 24), ..Entry::default() };
        entry.exclusive = self.put_entry_key(row, exprs, row_key, &mut entry.key)?;
        self.put_entry_value(row, row_key, entry.exclusive, &mut entry.value)?;
        Ok(entry)
    }

    /// Appends the entry of a row, key and then value; answers the buffer's length between the two.
    pub fn put_entry(&self, row: &[Datum], exprs: &[Datum], row_key: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        let exclusive = self.put_entry_key(row, exprs, row_key, out)?;
        let middle = out.len();
        self.put_entry_value(row, row_key, exclusive, out)?;
        Ok(middle)
    }

    /// Whether an entry with this value excludes others with its key.
    pub fn value_is_exclusive(&self, value: &[u8]) -> bool {
        self.unique && value.first_chunk::<2>().is_some_and(|len| *len != [0, 0])
    }

    fn put_entry_key(&self, row: &[Datum], exprs: &[Datum], row_key: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let (start, suffix) = (out.len(), &row_key[PREFIX..]);
        out.extend_from_slice(&self.prefix);
        let mut nulls = false;
        for (column, source) in self.keys.iter().zip(&self.sources) {
            let value = match *source {
                KeySource::Column(c) => &row[usize::from(c)],
                KeySource::Expr(n) => &exprs[n],
            };
            nulls |= value.is_null();
            column.encode(out, value)?;
        }
        let len = out.len() - start;
        if len + suffix.len() > MAX_KEY {
            return Err(too_long(len));
        }
        let exclusive = self.unique && (!nulls || self.nulls_not_distinct);
        if !exclusive {
            out.extend_from_slice(suffix);
        }
        Ok(exclusive)
    }

    fn put_entry_value(&self, row: &[Datum], row_key: &[u8], exclusive: bool, out: &mut Vec<u8>) -> Result<()> {
        let suffix = &row_key[PREFIX..];
        if exclusive {
            out.extend_from_slice(&(suffix.len() as u16).to_le_bytes());
            out.extend_from_slice(suffix);
        } else if self.unique || !self.include.is_empty() {
            out.extend_from_slice(&[0, 0]);
        }
        if !self.include.is_empty() {
            let included: Vec<Datum> = self.include.iter().map(|&c| row[usize::from(c)].clone()).collect();
            self.include_layout.encode(&included, out)?;
        }
        Ok(())
    }

    /// The key of the exclusive entry with these column values; `None` where a NULL makes every row distinct.
    pub fn unique_key(&self, values: &[Datum]) -> Result<Option<Vec<u8>>> {
        if !self.nulls_not_distinct && values.iter().any(Datum::is_null) {
            return Ok(None);
        }
        let mut key = self.prefix.to_vec();
        encode_columns(&self.keys, values, &mut key)?;
        Ok(Some(key))
    }

    /// Splits an entry: the bytes of its key columns, the row suffix, and the included columns' row (empty when there are none).
    pub fn split<'a>(&self, key: &'a [u8], value: &'a [u8]) -> Result<(&'a [u8], &'a [u8], &'a [u8])> {
        let columns = key.get(PREFIX..).ok_or_else(|| damaged("index key is too short"))?;
        if self.unique || !self.include.is_empty() {
            let (len, rest) = value.split_first_chunk::<2>().ok_or_else(|| damaged("index value is too short"))?;
            let (in_value, included) =
                rest.split_at_checked(usize::from(u16::from_le_bytes(*len))).ok_or_else(|| damaged("index value is too short"))?;
            if !in_value.is_empty() {
                return Ok((columns, in_value, included));
            }
            return self.split_key(columns).map(|(c, s)| (c, s, included));
        }
        self.split_key(columns).map(|(c, s)| (c, s, &[][..]))
    }

    fn split_key<'a>(&self, columns: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let mut rest = columns;
        for column in &self.keys {
            column.skip(&mut rest)?;
        }
        Ok((&columns[..columns.len() - rest.len()], rest))
    }
}

/// Longest key of an index entry.
const MAX_KEY: usize = 32 << 10;

#[cold]
fn too_long(len: usize) -> SqlError {
    crate::err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "index row size {len} exceeds maximum {MAX_KEY}")
        .hint("Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing.")
}

/// Appends values as key columns.
pub fn encode_columns(keys: &[KeyColumn], values: &[Datum], out: &mut Vec<u8>) -> Result<()> {
    keys.iter().zip(values).try_for_each(|(column, value)| column.encode(out, value))
}

impl TableDef {
    /// The row key an exclusive entry's value holds.
    pub fn key_of_unique(&self, value: &[u8]) -> Result<Vec<u8>> {
        let (len, rest) = value.split_first_chunk::<2>().ok_or_else(|| damaged("index value is too short"))?;
        let suffix = rest.get(..usize::from(u16::from_le_bytes(*len))).ok_or_else(|| damaged("index value is too short"))?;
        Ok(self.key_from_suffix(suffix))
    }
}
