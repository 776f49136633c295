//! `orbit-server check`: every row against its table's constraints and indexes, and every index entry against its row.

use super::build::for_each_row;
use super::def::{IndexDef, TableDef};
use super::index_scan::fetch;
use super::key::Entry;
use super::messages;
use super::tables::{TableCx, Tables};
use super::types::CatalogTypes;
use super::write::{KS, Modifier, ModifyState, TableExprs};
use crate::error::{Result, SqlError};
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::{Index, RelationRef};
use crate::sql::types::Datum;
use crate::sql::types::io::IoContext;
use crate::txn::{BeginOptions, Isolation, Transactions};
use std::sync::Arc;

/// Faults listed at most.
const MAX_FAULTS: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// Index entries read.
    pub entries: u64,
    /// What is wrong, at most the first hundred.
    pub faults: Vec<String>,
}

impl Report {
    fn fault(&mut self, text: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(text);
        }
    }
}

/// Checks one table in a transaction of its own, without evaluating expressions: CHECK constraints are not looked at, and of
/// indexes with expressions or predicates only that every entry has its row.
pub fn verify(server: &Arc<Transactions>, catalog: &Catalog, relation: &RelationRef) -> Result<Report> {
    let proc = server.register(0, 0, Arc::default());
    let txn = server.begin(&proc, BeginOptions { isolation: Isolation::RepeatableRead, ..BeginOptions::default() });
    let types = CatalogTypes(catalog);
    let io = IoContext { types: &types, ..IoContext::plain() };
    let tables = server.extension::<Tables>();
    let report = verify_table(TableCx { txn: &txn, tables: &tables, catalog, io: &io }, None, relation);
    drop(txn);
    server.unregister(&proc);
    report
}

/// Checks one table as the transaction sees it.
pub fn verify_table(cx: TableCx<'_>, exprs: Option<&dyn TableExprs>, relation: &RelationRef) -> Result<Report> {
    let mut state = ModifyState::default();
    let mut modifier = Modifier::new(cx, exprs.unwrap_or(&NoExprs), &mut state);
    let target = modifier.target(relation)?;
    let def = &*target.def;
    let mut report = Report::default();
    let mut expected = vec![0u64; def.indexes.len()];
    let view = cx.txn.latest_view();
    let mut value = Vec::new();
    for_each_row(&cx, relation, |key, row| {
        report.rows += 1;
        if let Err(e) = modifier.check_row(&target, &row) {
            report.fault(e.message().to_owned());
        }
        for (index, expected) in def.indexes.iter().zip(&mut expected).filter(|(i, _)| exprs.is_some() || !i.computed) {
            let Some((Entry { key: entry, value: wanted, .. }, _)) = modifier.entry(def, index, &row, key)? else { continue };
            *expected += 1;
            let name = &messages::catalog_index(def, index).name;
            if !view.get(KS, &entry, &mut value)? {
                report.fault(format!("index \"{name}\" lacks the entry of a row"));
            } else if value != wanted {
                report.fault(format!("index \"{name}\" has a wrong entry for a row"));
            }
        }
        Ok(())
    })?;
    for (index, expected) in def.indexes.iter().zip(expected) {
        let name = &messages::catalog_index(def, index).name;
        let (found, orphans) = read_entries(&cx, def, index)?;
        report.entries += found;
        if orphans > 0 {
            report.fault(format!("index \"{name}\" has {orphans} entries without a row"));
        }
        if (exprs.is_some() || !index.computed) && found != expected {
            report.fault(format!("index \"{name}\" has {found} entries for {expected} rows"));
        }
    }
    Ok(report)
}

/// Number of entries of an index, and of those whose row is not there.
fn read_entries(cx: &TableCx<'_>, def: &TableDef, index: &IndexDef) -> Result<(u64, u64)> {
    let view = cx.txn.latest_view();
    let mut cursor =
        view.scan(KS, &KeyRange::prefix(&index.prefix), Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })?;
    let (mut block, mut found, mut orphans) = (Block::default(), 0, 0);
    loop {
        cursor.fill(&mut block, FillLimit { entries: 1024, bytes: 1 << 20 }).wait()?;
        if block.is_empty() {
            return Ok((found, orphans));
        }
        let mut keys = Vec::with_capacity(block.len());
        for (key, value) in block.iter() {
            keys.push(def.key_from_suffix(index.split(key, value)?.1));
        }
        found += keys.len() as u64;
        orphans += fetch(&view, &keys)?.iter().filter(|row| row.is_none()).count() as u64;
    }
}

/// Evaluates nothing.
pub struct NoExprs;

impl TableExprs for NoExprs {
    fn index_values(&self, _: &RelationRef, _: &Index, _: &[Datum]) -> Result<Option<Vec<Datum>>> {
        Ok(None)
    }

    fn check(&self, _: &RelationRef, _: &[Datum]) -> Result<()> {
        Ok(())
    }

    fn default_value(&self, _: &RelationRef, _: u16) -> Result<Datum> {
        Err(SqlError::internal("a check writes nothing"))
    }

    fn generate(&self, _: &RelationRef, _: &mut [Datum]) -> Result<()> {
        Err(SqlError::internal("a check writes nothing"))
    }
}
