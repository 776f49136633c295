//! What an aggregate call remembers of its input until the end: the arguments DISTINCT has seen, and the rows ORDER BY sorts.
//!
//! Both are kept in memory up to a budget. Beyond it, arguments not seen before are dealt out to files by their hash and looked at
//! after the last row, a file at a time; rows to be sorted are written as sorted runs and merged.

use super::aggregate::AggregateCall;
use super::batch::Data;
use super::group_table::{GroupTable, Missing};
use super::partition::{Partitions, hash_budget};
use super::sort::{Merge, SortOrder, sorted_rows, write_run};
use super::spill::Run;
use super::{Batch, Column, ColumnKind};
use crate::error::Result;
use std::sync::Arc;

fn int8(values: Vec<i64>) -> Column {
    Column::new(ColumnKind::Int8, Data::I64(Arc::new(values)), None)
}

/// Group numbers of a column made by `int8`.
fn numbers(column: &Column) -> Vec<u32> {
    (0..column.len()).map(|i| column.get_i64(i).unwrap_or(0) as u32).collect()
}

/// `(group, arguments)` a call with DISTINCT has seen.
pub(super) struct Seen {
    kinds: Vec<ColumnKind>,
    table: GroupTable,
    numbers: Vec<u32>,
    overflow: Option<Partitions>,
    level: u32,
    run: Option<Run>,
    waiting: Vec<(u32, Run)>,
}

/// Rows whose turn comes after the last row of the input.
pub(super) struct Late {
    pub args: Vec<Column>,
    pub keys: Vec<Column>,
    pub rows: Vec<u32>,
    pub groups: Vec<u32>,
}

impl Seen {
    /// Nothing seen; `kinds` are the arguments'.
    pub fn new(args: &[ColumnKind]) -> Self {
        let kinds: Vec<ColumnKind> = std::iter::once(ColumnKind::Int8).chain(args.iter().copied()).collect();
        let table = GroupTable::new(&kinds);
        Self { kinds, table, numbers: Vec::new(), overflow: None, level: 0, run: None, waiting: Vec::new() }
    }

    /// Which of the rows are new, with their groups (none where there is one group only). Rows there is no room to remember
    /// come later.
    pub fn fresh(
        &mut self,
        work_mem: usize,
        args: &[Column],
        keys: &[Column],
        rows: &[u32],
        groups: &[u32],
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        let len = rows.iter().max().map_or(0, |&m| m as usize + 1).max(args.first().map_or(0, Column::len));
        let mut by_row = vec![0_i64; len];
        if !groups.is_empty() {
            rows.iter().zip(groups).for_each(|(&r, &g)| by_row[r as usize] = i64::from(g));
        }
        let mut columns = vec![int8(by_row)];
        columns.extend(args.iter().cloned());
        let new = self.unseen(work_mem, &mut columns, keys, rows.to_vec())?;
        if groups.is_empty() {
            return Ok((new, Vec::new()));
        }
        let new_groups = new.iter().map(|&r| columns[0].get_i64(r as usize).unwrap_or(0) as u32).collect();
        Ok((new, new_groups))
    }

    /// `columns` are the group and the arguments; with `keys` appended they go to the files.
    fn unseen(&mut self, work_mem: usize, columns: &mut Vec<Column>, keys: &[Column], mut rows: Vec<u32>) -> Result<Vec<u32>> {
        if self.overflow.is_none() && self.table.memory() > hash_budget(work_mem, self.level) {
            self.overflow = Some(Partitions::new(self.level));
        }
        if let Some(overflow) = &mut self.overflow {
            let mut missing = Missing::default();
            self.table.number_known(columns, &mut rows, &mut self.numbers, &mut missing);
            let width = columns.len();
            columns.extend(keys.iter().cloned());
            let dealt = overflow.deal(columns, &missing.rows, &missing.hashes);
            columns.truncate(width);
            return dealt.map(|()| Vec::new());
        }
        let mut next = self.table.len() as u32;
        self.table.number(columns, &rows, &mut self.numbers);
        let mut new = Vec::new();
        for (&row, &number) in rows.iter().zip(&self.numbers) {
            if number == next {
                next += 1;
                new.push(row);
            }
        }
        Ok(new)
    }

    /// The next rows that were put off and are new; `args` is the number of arguments. `None` at the end.
    pub fn late(&mut self, work_mem: usize, args: usize) -> Result<Option<Late>> {
        loop {
            let next = match &mut self.run {
                Some(run) => run.next()?,
                None => None,
            };
            if let Some(batch) = next {
                let mut columns = batch.columns;
                let keys = columns.split_off(1 + args);
                let rows = self.unseen(work_mem, &mut columns, &keys, (0..batch.len as u32).collect())?;
                if rows.is_empty() {
                    continue;
                }
                let groups = rows.iter().map(|&r| columns[0].get_i64(r as usize).unwrap_or(0) as u32).collect();
                let args = columns.split_off(1);
                return Ok(Some(Late { args, keys, rows, groups }));
            }
            if let Some(overflow) = self.overflow.take() {
                let level = self.level + 1;
                self.waiting.extend(overflow.finish()?.into_iter().map(|(_, run)| (level, run)));
            }
            let Some((level, run)) = self.waiting.pop() else { return Ok(None) };
            (self.level, self.run) = (level, Some(run));
            self.table = GroupTable::new(&self.kinds);
        }
    }
}

/// Rows a call with ORDER BY keeps: batches of arguments, group, and the sort keys (group first).
pub(super) struct Kept {
    batches: Vec<Batch>,
    memory: usize,
    orders: Vec<SortOrder>,
    runs: Vec<Run>,
}

impl Kept {
    /// No rows of a call.
    pub fn new(call: &AggregateCall) -> Self {
        let mut orders = vec![SortOrder { desc: false, nulls_first: false }];
        orders.extend(call.order.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }));
        Self { batches: Vec::new(), memory: 0, orders, runs: Vec::new() }
    }

    /// Keeps rows; `groups` is empty where there is one group only.
    pub fn push(&mut self, work_mem: usize, args: &[Column], keys: &[Column], rows: &[u32], groups: &[u32]) -> Result<()> {
        let group = match groups.is_empty() {
            true => int8(vec![0; rows.len()]),
            false => int8(groups.iter().map(|&g| i64::from(g)).collect()),
        };
        let mut columns: Vec<Column> = args.iter().map(|c| c.gather(rows)).collect();
        columns.extend([group.clone(), group]);
        columns.extend(keys.iter().map(|c| c.gather(rows)));
        let batch = Batch::new(columns, rows.len());
        self.memory += batch.memory();
        self.batches.push(batch);
        if self.memory > work_mem {
            let (columns, order) = self.sorted(args.len());
            self.runs.push(write_run(&columns, &order)?);
        }
        Ok(())
    }

    /// The rows in memory and their order; memory is empty afterwards.
    fn sorted(&mut self, args: usize) -> (Vec<Column>, Vec<u32>) {
        self.memory = 0;
        let batches = std::mem::take(&mut self.batches);
        let Some(first) = batches.first() else { return (Vec::new(), Vec::new()) };
        let column = |n: usize| {
            let pieces: Vec<Column> = batches.iter().map(|b| b.columns[n].clone()).collect();
            Column::concat(first.columns[n].kind(), &pieces)
        };
        let columns: Vec<Column> = (0..first.columns.len()).map(column).collect();
        let rows = batches.iter().map(|b| b.len).sum();
        let order = sorted_rows(&self.orders, &columns[args + 1..], rows);
        (columns, order)
    }

    /// Hands the rows on by group and sort keys: rows, groups, arguments.
    pub fn in_order(mut self, call: &AggregateCall, mut take: impl FnMut(&[u32], &[u32], &[Column]) -> Result<()>) -> Result<()> {
        let args = call.args.len();
        let (columns, order) = self.sorted(args);
        if self.runs.is_empty() {
            if order.is_empty() {
                return Ok(());
            }
            let groups = numbers(&columns[args]);
            let groups: Vec<u32> = order.iter().map(|&r| groups[r as usize]).collect();
            return take(&order, &groups, &columns[..args]);
        }
        if !order.is_empty() {
            self.runs.push(write_run(&columns, &order)?);
        }
        let mut merge = Merge::new(self.runs, self.orders, args + 1, None)?;
        while let Some(batch) = merge.next()? {
            let rows: Vec<u32> = (0..batch.len as u32).collect();
            take(&rows, &numbers(&batch.columns[args]), &batch.columns[..args])?;
        }
        Ok(())
    }
}
