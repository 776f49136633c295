//! Equality lookups of many keys at once, for joins: the rows of every key.
//!
//! Keys are encoded, sorted, and each different one is looked for once. Whole unique keys are read together; prefixes of keys
//! share one cursor that is moved forward from key to key, taking a few entries more than it needs rather than asking twice.
//! Where the index is the rows' own order or holds every column asked for, its entries are the answer; otherwise the rows they
//! name are read together, in key order. Answers come in the order of the keys as given.

use super::decode::{Decoder, Stored};
use super::def::{IndexDef, TableDef};
use super::index_scan::Covering;
use super::key::encode_columns;
use super::scan::Columns;
use super::tables::TableCx;
use super::write::KS;
use crate::encoding::KeyColumn;
use crate::error::{Result, SqlError};
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::objects::RelationRef;
use crate::sql::executor::Batch;
use crate::sql::executor::source::LookupRequest;
use crate::sql::types::Datum;
use crate::txn::{Isolation, ReadView};

/// Entries taken at first when a key may have many.
const FIRST: usize = 8;
/// Entries taken at most at once.
const MOST: usize = 1024;

/// The different keys wanted, in order, and which of them each position wants.
struct Wanted {
    keys: Vec<Vec<u8>>,
    /// By position in the keys given; `None` for a key with a NULL.
    of: Vec<Option<u32>>,
}

/// Entries found, in key order, and which of them are each wanted key's.
#[derive(Default)]
struct Found {
    block: Block,
    ranges: Vec<(u32, u32)>,
}

/// Finds the rows of every key: the rows, and for each the position of its key, ascending. A key with a NULL finds nothing.
pub fn lookup(cx: &TableCx<'_>, relation: &RelationRef, request: &LookupRequest, keys: &[Vec<Datum>]) -> Result<(Batch, Vec<u32>)> {
    let def = cx.tables.def(relation, cx.io)?;
    let clustering = def.is_clustering(request.index);
    let index = if clustering { None } else { def.index(request.index) };
    if index.is_none() && !clustering {
        return Err(SqlError::internal(format!("could not open index with OID {}", request.index)));
    }
    let view = cx.txn.view();
    let columns = Columns::of(&def, &request.columns, &request.kinds);
    let (prefix, key_columns) = index.map_or((&def.prefix, &def.key_columns), |i| (&i.prefix, &i.keys));
    let wanted = wanted(prefix, key_columns, keys)?;
    let whole = keys.iter().all(|k| k.len() == key_columns.len()) && index.is_none_or(|i| i.unique);
    let found = if whole {
        exact(&view, &wanted)?
    } else {
        let keys_only = index.is_none() && !columns.decoders.iter().any(Decoder::needs_value);
        let apart = cx.txn.isolation() == Isolation::Serializable;
        prefixes(&view, &wanted, keys_only, apart)?
    };
    match index {
        None => rows(&def, &columns, &wanted, &found, |e| Some(found.block.entry(e))),
        Some(index) => match Covering::of(&def, index, &request.columns) {
            Some(covering) => covered(&def, index, &columns, &covering, &wanted, &found),
            None => named(&def, index, &view, &columns, &wanted, &found),
        },
    }
}

fn wanted(prefix: &[u8], columns: &[KeyColumn], keys: &[Vec<Datum>]) -> Result<Wanted> {
    let mut encoded: Vec<(Vec<u8>, usize)> = Vec::with_capacity(keys.len());
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| !key.iter().any(Datum::is_null)) {
        let mut bytes = Vec::with_capacity(prefix.len() + 16 * key.len());
        bytes.extend_from_slice(prefix);
        encode_columns(columns, key, &mut bytes)?;
        encoded.push((bytes, i));
    }
    encoded.sort_unstable();
    let mut out = Wanted { keys: Vec::with_capacity(encoded.len()), of: vec![None; keys.len()] };
    for (bytes, position) in encoded {
        if out.keys.last() != Some(&bytes) {
            out.keys.push(bytes);
        }
        out.of[position] = Some(out.keys.len() as u32 - 1);
    }
    Ok(out)
}

/// Entries of whole unique keys.
fn exact(view: &ReadView, wanted: &Wanted) -> Result<Found> {
    let mut found = Found::default();
    let keys: Vec<&[u8]> = wanted.keys.iter().map(Vec::as_slice).collect();
    view.pick(KS, &keys, &mut found.block)?;
    let mut at = 0;
    for key in &keys {
        let here = at < found.block.len() && found.block.entry(at).0 == *key;
        let next = at + usize::from(here);
        found.ranges.push((at as u32, next as u32));
        at = next;
    }
    Ok(found)
}

/// Entries that begin with the keys. `apart`: each key is a range of its own, because what is read is remembered.
fn prefixes(view: &ReadView, wanted: &Wanted, keys_only: bool, apart: bool) -> Result<Found> {
    let mut found = Found::default();
    let (Some(first), Some(last)) = (wanted.keys.first(), wanted.keys.last()) else { return Ok(found) };
    let hints = ScanHints { keys_only, ..ScanHints::default() };
    let whole = KeyRange { start: first.clone(), end: KeyRange::prefix(last).end };
    let mut cursor = view.scan(KS, &whole, Direction::Forward, hints)?;
    let mut block = Block::default();
    // Where the block is read, and whether the cursor has come to its end.
    let (mut at, mut done) = (0, false);
    let mut take = FIRST;
    for key in &wanted.keys {
        if apart {
            cursor = view.scan(KS, &KeyRange::prefix(key), Direction::Forward, hints)?;
            (at, done) = (0, false);
            block.clear();
        }
        while at < block.len() && block.entry(at).0 < key.as_slice() {
            at += 1;
        }
        if at == block.len() && !done {
            cursor.seek(key).wait()?;
            cursor.fill(&mut block, FillLimit { entries: take, bytes: 1 << 20 }).wait()?;
            (at, done) = (0, block.is_empty());
        }
        let start = found.block.len();
        loop {
            while at < block.len() && block.entry(at).0.starts_with(key) {
                let (entry, value) = block.entry(at);
                found.block.push(entry, value);
                at += 1;
            }
            if at < block.len() || done {
                break;
            }
            cursor.fill(&mut block, FillLimit { entries: MOST.min(take * 2), bytes: 1 << 20 }).wait()?;
            (at, done) = (0, block.is_empty());
        }
        let end = found.block.len();
        found.ranges.push((start as u32, end as u32));
        // The next key will have about as many.
        take = ((take + (end - start) + 2) / 2).clamp(2, MOST);
    }
    Ok(found)
}

/// The entries in the order of the positions that want them: entry and position.
fn in_order<'w>(wanted: &'w Wanted, found: &'w Found) -> impl Iterator<Item = (usize, u32)> + 'w {
    let wanting = wanted.of.iter().enumerate().filter_map(|(position, key)| Some((position as u32, (*key)?)));
    wanting.flat_map(|(position, key)| {
        let (start, end) = found.ranges[key as usize];
        (start..end).map(move |entry| (entry as usize, position))
    })
}

/// Decodes the rows that `row` answers for the entries.
fn rows<'r>(
    def: &TableDef,
    columns: &Columns,
    wanted: &Wanted,
    found: &Found,
    row: impl Fn(usize) -> Option<(&'r [u8], &'r [u8])>,
) -> Result<(Batch, Vec<u32>)> {
    let (mut rows, mut positions) = (Vec::new(), Vec::new());
    for (entry, position) in in_order(wanted, found) {
        if let Some((key, value)) = row(entry) {
            rows.push(Stored { key, value });
            positions.push(position);
        }
    }
    let decoded = columns.decoders.iter().zip(&columns.kinds).map(|(d, &kind)| d.decode(def, kind, &rows));
    Ok((Batch::new(decoded.collect::<Result<Vec<_>>>()?, rows.len()), positions))
}

/// The answer from the index's entries alone.
fn covered(
    def: &TableDef,
    index: &IndexDef,
    columns: &Columns,
    covering: &Covering,
    wanted: &Wanted,
    found: &Found,
) -> Result<(Batch, Vec<u32>)> {
    let (mut block, mut positions) = (Block::default(), Vec::new());
    for (entry, position) in in_order(wanted, found) {
        if !columns.decoders.is_empty() {
            let (key, value) = found.block.entry(entry);
            block.push(key, value);
        }
        positions.push(position);
    }
    if columns.decoders.is_empty() {
        return Ok((Batch::new(Vec::new(), positions.len()), positions));
    }
    Ok((covering.batch(def, index, columns, &block)?, positions))
}

/// The rows the index's entries name.
fn named(
    def: &TableDef,
    index: &IndexDef,
    view: &ReadView,
    columns: &Columns,
    wanted: &Wanted,
    found: &Found,
) -> Result<(Batch, Vec<u32>)> {
    let mut keys: Vec<(Vec<u8>, usize)> = Vec::with_capacity(found.block.len());
    for (entry, (key, value)) in found.block.iter().enumerate() {
        keys.push((def.key_from_suffix(index.split(key, value)?.1), entry));
    }
    keys.sort_unstable();
    let mut sorted: Vec<&[u8]> = keys.iter().map(|(key, _)| key.as_slice()).collect();
    sorted.dedup();
    let mut block = Block::default();
    view.pick(KS, &sorted, &mut block)?;
    let mut place: Vec<Option<usize>> = vec![None; keys.len()];
    let mut at = 0;
    for (key, entry) in &keys {
        while at < block.len() && block.entry(at).0 < key.as_slice() {
            at += 1;
        }
        if at < block.len() && block.entry(at).0 == key.as_slice() {
            place[*entry] = Some(at);
        }
    }
    rows(def, columns, wanted, found, |entry| place[entry].map(|p| block.entry(p)))
}
