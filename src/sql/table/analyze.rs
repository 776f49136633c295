//! ANALYZE of one table: a sample of its rows, and what the sample says.
//!
//! A table up to [`WHOLE`] bytes on disk is read from end to end, which also counts its rows exactly; the sample is drawn on the
//! way (Vitter's reservoir, 300 rows per unit of the statistics target, as PostgreSQL) and only its rows are decoded. Of a larger
//! one pieces spread evenly over the key space are read, as many as make up about that many bytes; pieces are of equal size on
//! disk, so the rows of those that were read stand for all. The draw is seeded alike every time: the same table gives the same
//! statistics.

use super::def::TableDef;
use super::summary::{DEFAULT_TARGET, stored_width, summarise};
use crate::error::Result;
use crate::kv::{Block, Direction, FillLimit, KeyRange, Keyspace, ScanHints, Store};
use crate::sql::catalog::objects::Relation;
use crate::sql::catalog::statistics::{TableStatistics, heap_pages, index_pages};
use crate::sql::types::Datum;
use crate::txn::ReadView;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes on disk up to which a table is read whole.
const WHOLE: u64 = 64 << 20;
/// Rows sampled per unit of the largest statistics target.
const ROWS_PER_TARGET: usize = 300;
/// Pieces read of a table too large to be read whole.
const PIECES: u64 = 32;

/// What to analyze and how.
pub struct AnalyzeRequest<'a> {
    /// The table's layout.
    pub def: &'a TableDef,
    /// Its rows.
    pub view: &'a ReadView,
    /// For the table's size and its pieces.
    pub store: &'a dyn Store,
    /// Column positions; `None` for all.
    pub columns: Option<&'a [u16]>,
    /// Statistics of the columns not asked for are kept from here.
    pub known: Option<&'a TableStatistics>,
    /// `default_statistics_target`
    pub target: i32,
    /// The time, timestamptz microseconds.
    pub now: i64,
    /// Called every thousand rows or so.
    pub check: &'a dyn Fn() -> Result<()>,
}

/// A sample in key order and the size of the table.
struct Sample {
    rows: Vec<Vec<Datum>>,
    total: f64,
}

/// Analyzes a table.
pub fn analyze(request: &AnalyzeRequest<'_>) -> Result<TableStatistics> {
    let relation = &*request.def.relation;
    let wanted: Vec<(u16, usize)> = relation
        .live_columns()
        .filter(|(i, _)| request.columns.is_none_or(|c| c.contains(&(*i as u16))))
        .map(|(i, c)| (i as u16, c.statistics.unwrap_or(request.target).max(0) as usize))
        .filter(|(_, target)| *target > 0)
        .collect();
    let target = wanted.iter().map(|(_, t)| *t).max().unwrap_or(DEFAULT_TARGET as usize);
    let sample = draw(request, target * ROWS_PER_TARGET)?;
    let mut columns = BTreeMap::new();
    if let Some(known) = request.known {
        let alive = |i: &u16| relation.columns.get(usize::from(*i)).is_some_and(|c| !c.dropped);
        columns.extend(known.columns.iter().filter(|(i, _)| alive(i)).map(|(i, c)| (*i, Arc::clone(c))));
    }
    for (position, target) in wanted {
        (request.check)()?;
        if sample.rows.is_empty() {
            continue;
        }
        let column = &relation.columns[usize::from(position)];
        let values: Vec<Datum> = sample.rows.iter().map(|r| r[usize::from(position)].clone()).collect();
        let mut found = summarise(column, &values, sample.total, target);
        if let Some(distinct) = column.option("n_distinct").and_then(|v| v.parse::<f32>().ok()).filter(|d| *d != 0.0) {
            found.distinct = distinct;
        }
        columns.insert(position, Arc::new(found));
    }
    let width = average(&sample, |row| relation.live_columns().map(|(i, _)| stored_width(&row[i])).sum());
    Ok(TableStatistics {
        relation: relation.oid,
        storage: relation.storage,
        rows: sample.total,
        pages: heap_pages(sample.total, width),
        at: request.now,
        columns,
        indexes: indexes(relation, &sample),
    })
}

fn average(sample: &Sample, of: impl Fn(&[Datum]) -> usize) -> f64 {
    let sum: usize = sample.rows.iter().map(|r| of(r)).sum();
    sum as f64 / sample.rows.len().max(1) as f64
}

fn indexes(relation: &Relation, sample: &Sample) -> BTreeMap<crate::sql::types::Oid, (f64, u32)> {
    let one = |index: &crate::sql::catalog::objects::Index| {
        let columns: Vec<usize> =
            index.keys.iter().filter_map(|k| k.column).chain(index.include.iter().copied()).map(usize::from).collect();
        let width = average(sample, |row| columns.iter().map(|&c| stored_width(&row[c])).sum());
        (index.oid, (sample.total, index_pages(sample.total, width)))
    };
    relation.indexes.iter().map(one).collect()
}

/// The parts of the table to read, and how much of it they are.
fn parts(request: &AnalyzeRequest<'_>) -> Result<(Vec<KeyRange>, f64)> {
    let whole = KeyRange::prefix(&request.def.prefix);
    let size = request.store.approximate_size(Keyspace::Data, &whole)?;
    if size <= WHOLE {
        return Ok((vec![whole], 1.0));
    }
    let every = size.div_ceil(WHOLE);
    let cuts = request.store.split_points(Keyspace::Data, &whole, (every * PIECES) as usize)?;
    let starts = std::iter::once(whole.start.clone()).chain(cuts.iter().cloned());
    let ends = cuts.iter().cloned().chain([whole.end.clone()]);
    let pieces: Vec<KeyRange> = starts.zip(ends).map(|(start, end)| KeyRange { start, end }).collect();
    let all = pieces.len();
    let read: Vec<KeyRange> = pieces.into_iter().skip(every as usize / 2).step_by(every as usize).collect();
    if read.is_empty() {
        return Ok((vec![whole], 1.0));
    }
    let factor = all as f64 / read.len() as f64;
    Ok((read, factor))
}

fn draw(request: &AnalyzeRequest<'_>, size: usize) -> Result<Sample> {
    let (ranges, factor) = parts(request)?;
    let mut random = SmallRng::seed_from_u64(0x5eed);
    let mut slots: Vec<(u64, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut seen: u64 = 0;
    let mut block = Block::default();
    for range in &ranges {
        let mut cursor =
            request.view.scan(Keyspace::Data, range, Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })?;
        loop {
            (request.check)()?;
            cursor.fill(&mut block, FillLimit { entries: 1024, bytes: 1 << 20 }).wait()?;
            if block.is_empty() {
                break;
            }
            for (key, value) in block.iter() {
                if slots.len() < size {
                    slots.push((seen, key.to_vec(), value.to_vec()));
                } else {
                    let at = random.random_range(0..=seen) as usize;
                    if let Some(slot) = slots.get_mut(at) {
                        *slot = (seen, key.to_vec(), value.to_vec());
                    }
                }
                seen += 1;
            }
        }
    }
    slots.sort_unstable_by_key(|(at, ..)| *at);
    let rows = slots.iter().map(|(_, key, value)| request.def.decode_row(key, value)).collect::<Result<Vec<_>>>()?;
    let total = if factor > 1.0 { (seen as f64 * factor).round() } else { seen as f64 };
    Ok(Sample { rows, total })
}
