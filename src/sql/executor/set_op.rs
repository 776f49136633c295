//! INTERSECT and EXCEPT, with and without ALL.
//!
//! Both sides are counted per distinct row; the counts say how often a row comes out. When the table of distinct rows is full,
//! further ones are dealt out to files by hash, each side to its own, and counted a pair of files at a time. UNION is `Append`, with `Distinct` above it
//! unless ALL.

use super::batch::BATCH_ROWS;
use super::group_table::{GroupTable, Missing};
use super::partition::{Partitions, hash_budget};
use super::spill::Run;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;

/// Which rows come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOpMode {
    /// INTERSECT
    Intersect,
    /// INTERSECT ALL
    IntersectAll,
    /// EXCEPT
    Except,
    /// EXCEPT ALL
    ExceptAll,
}

/// Rows of both sides that belong together.
struct Pair {
    level: u32,
    sides: [Option<Run>; 2],
}

/// Counted rows on their way out.
struct Output {
    table: GroupTable,
    /// Groups, each as often as it comes out.
    rows: Vec<u32>,
    at: usize,
}

/// INTERSECT or EXCEPT of two inputs with columns of the same kinds.
pub struct SetOp {
    sides: [BoxOperator; 2],
    mode: SetOpMode,
    kinds: Vec<ColumnKind>,
    output: Option<Output>,
    waiting: Vec<Pair>,
}

impl SetOp {
    /// The set operation over rows of `kinds`.
    pub fn new(left: BoxOperator, right: BoxOperator, mode: SetOpMode, kinds: Vec<ColumnKind>) -> Self {
        Self { sides: [left, right], mode, kinds, output: None, waiting: Vec::new() }
    }

    /// Counts the rows of the inputs, or of a pair of files.
    fn count(&mut self, cx: &mut ExecCx<'_>, mut pair: Option<Pair>) -> Result<Output> {
        let level = pair.as_ref().map_or(0, |p| p.level);
        let mut table = GroupTable::new(&self.kinds);
        let mut counts: Vec<[u64; 2]> = Vec::new();
        let (mut groups, mut missing) = (Vec::new(), Missing::default());
        let mut overflow: Option<[Partitions; 2]> = None;
        for side in 0..2 {
            loop {
                let next = match &mut pair {
                    None => self.sides[side].next(cx)?,
                    Some(pair) => match &mut pair.sides[side] {
                        Some(run) => run.next()?,
                        None => None,
                    },
                };
                let Some(batch) = next else { break };
                cx.check_interrupts()?;
                let mut rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
                let columns: Vec<Column> = batch.columns.iter().zip(&self.kinds).map(|(c, &k)| c.clone().relabel(k)).collect();
                if overflow.is_none() && table.memory() > hash_budget(cx.work_mem, level) {
                    overflow = Some([Partitions::new(level), Partitions::new(level)]);
                }
                match &mut overflow {
                    None => table.number(&columns, &rows, &mut groups),
                    Some(overflow) => {
                        table.number_known(&columns, &mut rows, &mut groups, &mut missing);
                        overflow[side].deal(&columns, &missing.rows, &missing.hashes)?;
                    }
                }
                counts.resize(table.len(), [0, 0]);
                groups.iter().for_each(|&group| counts[group as usize][side] += 1);
            }
        }
        if let Some(overflow) = overflow {
            self.put_off(level + 1, overflow)?;
        }
        let mut rows = Vec::new();
        for (group, &[left, right]) in counts.iter().enumerate() {
            let times = match self.mode {
                SetOpMode::Intersect => u64::from(left > 0 && right > 0),
                SetOpMode::IntersectAll => left.min(right),
                SetOpMode::Except => u64::from(left > 0 && right == 0),
                SetOpMode::ExceptAll => left.saturating_sub(right),
            };
            rows.extend((0..times).map(|_| group as u32));
        }
        Ok(Output { table, rows, at: 0 })
    }

    /// Files whose rows are counted later.
    fn put_off(&mut self, level: u32, overflow: [Partitions; 2]) -> Result<()> {
        let [left, right] = overflow;
        let mut right = right.finish()?;
        for (n, run) in left.finish()? {
            let other = right.iter().position(|(m, _)| *m == n).map(|at| right.swap_remove(at).1);
            self.waiting.push(Pair { level, sides: [Some(run), other] });
        }
        // Rows of the right side alone never come out.
        Ok(())
    }
}

impl Operator for SetOp {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        loop {
            let output = match &mut self.output {
                Some(output) => output,
                None => {
                    let counted = self.count(cx, None)?;
                    self.output.insert(counted)
                }
            };
            if output.at < output.rows.len() {
                let chunk = &output.rows[output.at..(output.at + BATCH_ROWS).min(output.rows.len())];
                output.at += chunk.len();
                let column = |n| output.table.key_column(n, chunk.iter().map(|&g| g as usize));
                return Ok(Some(Batch::new((0..self.kinds.len()).map(column).collect(), chunk.len())));
            }
            let Some(pair) = self.waiting.pop() else { return Ok(None) };
            self.output = Some(self.count(cx, Some(pair))?);
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.output = None;
        self.waiting.clear();
        self.sides.iter_mut().try_for_each(|side| side.rescan(cx))
    }
}
