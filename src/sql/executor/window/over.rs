//! Aggregates over frames.
//!
//! Rows with equal frames share one result. While a frame's start stays, the accumulator only takes in the rows that join; when
//! the start moves it starts over on that frame.

use super::frame::Frames;
use crate::error::Result;
use crate::sql::executor::aggregate::MakeAccumulator;
use crate::sql::executor::{Column, ColumnBuilder, ColumnKind, ExecCx};
use crate::sql::expr::aggregate::{Accumulator, Input};
use crate::sql::types::Datum;

/// An aggregate as window function.
pub struct WindowAggregate {
    /// Fresh states.
    pub make: MakeAccumulator,
}

/// The accumulator at work and the stretch of rows it has taken in.
struct Running {
    accumulator: Box<dyn Accumulator>,
    start: usize,
    end: usize,
}

impl WindowAggregate {
    fn fresh(&self, start: usize) -> Result<Running> {
        let mut accumulator = (self.make)()?;
        accumulator.resize(1);
        Ok(Running { accumulator, start, end: start })
    }

    /// The aggregate over every row's frame.
    pub(super) fn run(
        &mut self,
        cx: &mut ExecCx<'_>,
        kind: ColumnKind,
        len: usize,
        frames: &Frames,
        args: &[Column],
        filter: Option<&[u32]>,
    ) -> Result<Column> {
        let passes = filter.map(|rows| {
            let mut passes = vec![false; len];
            rows.iter().for_each(|&r| passes[r as usize] = true);
            passes
        });
        let take = |cx: &mut ExecCx<'_>, accumulator: &mut dyn Accumulator, from: usize, to: usize| -> Result<()> {
            let rows: Vec<u32> = (from..to).filter(|&r| passes.as_ref().is_none_or(|p| p[r])).map(|r| r as u32).collect();
            if rows.is_empty() {
                return Ok(());
            }
            accumulator.update(cx, &Input { rows: &rows, groups: &[], args })
        };
        let mut out = ColumnBuilder::new(kind, len);
        let mut running: Option<Running> = None;
        let mut last: Option<((usize, usize), Datum)> = None;
        for row in 0..len {
            if row % 1024 == 0 {
                cx.check_interrupts()?;
            }
            if frames.excluded.is_some() {
                let mut one = self.fresh(0)?;
                for (from, to) in frames.stretches(row) {
                    take(cx, &mut *one.accumulator, from, to)?;
                }
                out.push(one.accumulator.finish(cx, 0)?);
                continue;
            }
            let range = frames.ranges[row];
            if let Some((seen, value)) = &last
                && *seen == range
            {
                out.push(value.clone());
                continue;
            }
            let reusable = running.as_ref().is_some_and(|r| r.start == range.0 && r.end <= range.1);
            if !reusable {
                running = Some(self.fresh(range.0)?);
            }
            if let Some(r) = &mut running {
                take(cx, &mut *r.accumulator, r.end, range.1)?;
                r.end = r.end.max(range.1);
                let value = r.accumulator.finish(cx, 0)?;
                out.push(value.clone());
                last = Some((range, value));
            }
        }
        Ok(out.finish())
    }
}
