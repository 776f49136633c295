//! `orbit-server check`: every row against its table's constraints and indexes, and every index entry against its row.

use super::build::for_each_row;
use super::key::Entry;
use super::messages;
use super::tables::TableCx;
use super::write::{KS, Modifier, ModifyState, TableExprs};
use crate::error::Result;
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::objects::RelationRef;

/// Problems listed at most.
const MAX_PROBLEMS: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// Index entries read.
    pub entries: u64,
    /// What is wrong, at most the first hundred.
    pub problems: Vec<String>,
}

impl Report {
    fn problem(&mut self, text: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(text);
        }
    }
}

/// Checks one table as the transaction sees it.
pub fn verify_table(cx: TableCx<'_>, exprs: &dyn TableExprs, relation: &RelationRef) -> Result<Report> {
    let mut state = ModifyState::default();
    let mut modifier = Modifier::new(cx, exprs, &mut state);
    let target = modifier.target(relation)?;
    let def = &*target.def;
    let mut report = Report::default();
    let mut expected = vec![0u64; def.indexes.len()];
    let view = cx.txn.latest_view();
    let mut value = Vec::new();
    for_each_row(&cx, relation, |key, row| {
        report.rows += 1;
        if let Err(e) = modifier.check_row(&target, &row) {
            report.problem(e.message().to_owned());
        }
        for (index, expected) in def.indexes.iter().zip(&mut expected) {
            let Some((Entry { key: entry, value: wanted, .. }, _)) = modifier.entry(def, index, &row, key)? else { continue };
            *expected += 1;
            let name = &messages::catalog_index(def, index).name;
            if !view.get(KS, &entry, &mut value)? {
                report.problem(format!("index \"{name}\" lacks the entry of a row"));
            } else if value != wanted {
                report.problem(format!("index \"{name}\" has a wrong entry for a row"));
            }
        }
        Ok(())
    })?;
    for (index, expected) in def.indexes.iter().zip(expected) {
        let found = count(&cx, &index.prefix)?;
        report.entries += found;
        if found != expected {
            let name = &messages::catalog_index(def, index).name;
            report.problem(format!("index \"{name}\" has {found} entries for {expected} rows"));
        }
    }
    Ok(report)
}

fn count(cx: &TableCx<'_>, prefix: &[u8]) -> Result<u64> {
    let range = KeyRange::prefix(prefix);
    let mut cursor = cx.txn.latest_view().scan(KS, &range, Direction::Forward, ScanHints { bulk: true })?;
    let (mut block, mut found) = (Block::default(), 0);
    loop {
        cursor.fill(&mut block, FillLimit { entries: 4096, bytes: 4 << 20 }).wait()?;
        if block.is_empty() {
            return Ok(found);
        }
        found += block.len() as u64;
    }
}
