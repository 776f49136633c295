//! Nested loops: joins without an equality to hash on, and lateral joins.
//!
//! `NestedLoop` reads the right input once and checks every pair. `Apply` runs the right input again for each left row, whose
//! values it finds in outer slots.

use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// What comes out of a nested loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopMode {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without one.
    Left,
    /// Left rows with a match.
    Semi,
    /// Left rows without.
    Anti,
}

/// A left row next to rows of the right side.
fn beside(left: &Batch, row: usize, right: &Batch) -> Batch {
    let mut columns: Vec<Column> = left.columns.iter().map(|c| Column::constant(c.kind(), c.get(row), right.len)).collect();
    columns.extend(right.columns.iter().cloned());
    Batch { columns, len: right.len, selection: right.selection.clone() }
}

/// A left row alone: with NULLs for the right side, or without right columns for Semi and Anti.
fn alone(left: &Batch, row: usize, right_kinds: &[ColumnKind]) -> Batch {
    let mut columns: Vec<Column> = left.columns.iter().map(|c| c.gather(&[row as u32])).collect();
    columns.extend(right_kinds.iter().map(|&k| Column::nulls(k, 1)));
    Batch::new(columns, 1)
}

/// Keeps the pairs for which the condition holds.
fn passing(cx: &mut ExecCx<'_>, on: &mut Option<CompiledExpr>, mut pairs: Batch) -> Result<Batch> {
    if let Some(on) = on {
        pairs.selection = Some(on.filter(cx, &pairs)?);
    }
    Ok(pairs)
}

/// Every left row against every right row.
pub struct NestedLoop {
    left: BoxOperator,
    right: BoxOperator,
    mode: LoopMode,
    on: Option<CompiledExpr>,
    right_kinds: Vec<ColumnKind>,
    inner: Option<Vec<Batch>>,
    current: Option<Batch>,
    /// Which of the left batch's rows, which right batch, and whether the row matched already.
    row: usize,
    part: usize,
    matched: bool,
}

impl NestedLoop {
    /// Pairs of `left` and `right` rows that satisfy `on` (over left columns followed by right ones).
    pub fn new(
        left: BoxOperator,
        right: BoxOperator,
        mode: LoopMode,
        on: Option<CompiledExpr>,
        right_kinds: Vec<ColumnKind>,
    ) -> Self {
        Self { left, right, mode, on, right_kinds, inner: None, current: None, row: 0, part: 0, matched: false }
    }

    /// Moves past the current left row; its lone row if it comes out by itself.
    fn finish_row(&mut self, left: &Batch, position: usize) -> Option<Batch> {
        let matched = std::mem::take(&mut self.matched);
        self.row += 1;
        self.part = 0;
        match self.mode {
            LoopMode::Left if !matched => Some(alone(left, position, &self.right_kinds)),
            LoopMode::Anti if !matched => Some(alone(left, position, &[])),
            LoopMode::Semi if matched => Some(alone(left, position, &[])),
            _ => None,
        }
    }

    fn step(&mut self, cx: &mut ExecCx<'_>, left: &Batch, inner: &[Batch]) -> Result<Option<Batch>> {
        while self.row < left.rows() {
            let position = left.position(self.row);
            while self.part < inner.len() {
                let right = &inner[self.part];
                self.part += 1;
                let pairs = passing(cx, &mut self.on, beside(left, position, right))?;
                if pairs.rows() == 0 {
                    continue;
                }
                self.matched = true;
                if matches!(self.mode, LoopMode::Semi | LoopMode::Anti) {
                    break;
                }
                return Ok(Some(pairs.compact_if_sparse()));
            }
            cx.check_interrupts()?;
            if let Some(batch) = self.finish_row(left, position) {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl Operator for NestedLoop {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let inner = match self.inner.take() {
            Some(inner) => inner,
            None => {
                let mut inner = Vec::new();
                while let Some(batch) = self.right.next(cx)? {
                    if batch.rows() > 0 {
                        inner.push(batch.compact());
                    }
                }
                inner
            }
        };
        let result = loop {
            let left = match self.current.take() {
                Some(left) => left,
                None => match self.left.next(cx) {
                    Ok(Some(left)) => {
                        (self.row, self.part, self.matched) = (0, 0, false);
                        left
                    }
                    other => break other,
                },
            };
            match self.step(cx, &left, &inner) {
                Ok(None) => {}
                other => {
                    self.current = Some(left);
                    break other;
                }
            }
        };
        self.inner = Some(inner);
        result
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.inner, self.current) = (None, None);
        self.left.rescan(cx)?;
        self.right.rescan(cx)
    }
}

/// The right input anew for every left row.
pub struct Apply {
    left: BoxOperator,
    right: BoxOperator,
    mode: LoopMode,
    on: Option<CompiledExpr>,
    right_kinds: Vec<ColumnKind>,
    /// Outer slots and the left columns they take their values from.
    outer: Vec<(usize, usize)>,
    current: Option<Batch>,
    row: usize,
    running: bool,
    matched: bool,
}

impl Apply {
    /// For each left row, `right` with the slots of `outer` set from the row.
    pub fn new(
        left: BoxOperator,
        right: BoxOperator,
        mode: LoopMode,
        on: Option<CompiledExpr>,
        right_kinds: Vec<ColumnKind>,
        outer: Vec<(usize, usize)>,
    ) -> Self {
        Self { left, right, mode, on, right_kinds, outer, current: None, row: 0, running: false, matched: false }
    }

    fn step(&mut self, cx: &mut ExecCx<'_>, left: &Batch) -> Result<Option<Batch>> {
        while self.row < left.rows() {
            let position = left.position(self.row);
            if !self.running {
                for &(slot, column) in &self.outer {
                    cx.set_outer(slot, left.columns[column].get(position));
                }
                self.right.rescan(cx)?;
                (self.running, self.matched) = (true, false);
            }
            while let Some(right) = self.right.next(cx)? {
                if right.rows() == 0 {
                    continue;
                }
                let pairs = passing(cx, &mut self.on, beside(left, position, &right))?;
                if pairs.rows() == 0 {
                    continue;
                }
                self.matched = true;
                if matches!(self.mode, LoopMode::Semi | LoopMode::Anti) {
                    break;
                }
                return Ok(Some(pairs.compact_if_sparse()));
            }
            cx.check_interrupts()?;
            self.row += 1;
            self.running = false;
            let lone = match (self.mode, self.matched) {
                (LoopMode::Left, false) => Some(alone(left, position, &self.right_kinds)),
                (LoopMode::Anti, false) | (LoopMode::Semi, true) => Some(alone(left, position, &[])),
                _ => None,
            };
            if lone.is_some() {
                return Ok(lone);
            }
        }
        Ok(None)
    }
}

impl Operator for Apply {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        loop {
            let left = match self.current.take() {
                Some(left) => left,
                None => match self.left.next(cx)? {
                    Some(left) => {
                        (self.row, self.running) = (0, false);
                        left
                    }
                    None => return Ok(None),
                },
            };
            if let Some(batch) = self.step(cx, &left)? {
                self.current = Some(left);
                return Ok(Some(batch));
            }
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.current, self.running) = (None, false);
        self.left.rescan(cx)
    }
}
