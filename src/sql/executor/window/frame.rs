//! Frames: for each row the stretch of the partition its frame covers, less what EXCLUDE takes out.
//!
//! RANGE with an offset compares `value +- offset` with the other rows' values (see `shift`).

use super::partition::Partition;
use super::shift;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::executor::{ExecCx, order};
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::plan::{FrameExclude, FrameMode};
use crate::sql::types::Datum;
use std::cmp::Ordering;

/// One end of a frame.
pub enum Bound {
    /// UNBOUNDED PRECEDING
    UnboundedPreceding,
    /// n PRECEDING
    Preceding(CompiledExpr),
    /// CURRENT ROW
    CurrentRow,
    /// n FOLLOWING
    Following(CompiledExpr),
    /// UNBOUNDED FOLLOWING
    UnboundedFollowing,
}

/// A window's frame.
pub struct FrameSpec {
    /// ROWS, RANGE, GROUPS
    pub mode: FrameMode,
    /// Start.
    pub start: Bound,
    /// End.
    pub end: Bound,
    /// EXCLUDE
    pub exclude: FrameExclude,
}

/// Resolved frames of a partition's rows.
pub(super) struct Frames {
    /// `[start, end)` of each row.
    pub ranges: Vec<(usize, usize)>,
    /// What EXCLUDE takes out of each: up to two stretches around a row that may stay.
    pub excluded: Option<Vec<Excluded>>,
}

/// Rows taken out of a frame: `[from, to)` but for `keep`.
#[derive(Clone, Copy)]
pub(super) struct Excluded {
    pub from: usize,
    pub to: usize,
    pub keep: Option<usize>,
}

impl Frames {
    /// The stretches of rows in the frame of `row`, in order.
    pub fn stretches(&self, row: usize) -> [(usize, usize); 3] {
        let (start, end) = self.ranges[row];
        let Some(excluded) = &self.excluded else { return [(start, end), (0, 0), (0, 0)] };
        let Excluded { from, to, keep } = excluded[row];
        let clip = |a: usize, b: usize| (a.max(start), b.min(end).max(a.max(start)));
        let kept = keep.map_or((0, 0), |k| clip(k, k + 1));
        [clip(start, from), kept, clip(to, end)]
    }
}

fn offset(value: &Datum, what: &str) -> Result<usize> {
    let n = match value {
        Datum::Int8(v) => *v,
        Datum::Int4(v) => (*v).into(),
        Datum::Int2(v) => (*v).into(),
        _ => return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "frame {what} offset must not be null")),
    };
    usize::try_from(n).map_err(|_| err!(SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE, "frame {what} offset must not be negative"))
}

/// Whether an offset value is below zero.
fn is_negative(value: &Datum) -> bool {
    match value {
        Datum::Int2(v) => *v < 0,
        Datum::Int4(v) => *v < 0,
        Datum::Int8(v) => *v < 0,
        Datum::Float4(v) => *v < 0.0 || v.is_nan(),
        Datum::Float8(v) => *v < 0.0 || v.is_nan(),
        Datum::Numeric(n) => n.signum() < 0 || n.is_nan(),
        Datum::Interval(i) => crate::sql::types::compare::interval_span(i) < 0,
        _ => false,
    }
}

impl FrameSpec {
    /// Frames of every row of a partition.
    pub(super) fn resolve(&mut self, cx: &mut ExecCx<'_>, partition: &Partition) -> Result<Frames> {
        let starts = self.side(cx, partition, true)?;
        let ends = self.side(cx, partition, false)?;
        let ranges = starts.into_iter().zip(ends).map(|(s, e)| (s, e.max(s))).collect();
        let excluded = (self.exclude != FrameExclude::NoOthers).then(|| {
            (0..partition.len)
                .map(|row| {
                    let (from, to) = partition.peers(row);
                    match self.exclude {
                        FrameExclude::CurrentRow => Excluded { from: row, to: row + 1, keep: None },
                        FrameExclude::Ties => Excluded { from, to, keep: Some(row) },
                        _ => Excluded { from, to, keep: None },
                    }
                })
                .collect()
        });
        Ok(Frames { ranges, excluded })
    }

    /// The start (or end) position of every row's frame.
    fn side(&mut self, cx: &mut ExecCx<'_>, partition: &Partition, starting: bool) -> Result<Vec<usize>> {
        let len = partition.len;
        let (bound, what) = if starting { (&mut self.start, "starting") } else { (&mut self.end, "ending") };
        let (expr, following) = match bound {
            Bound::UnboundedPreceding => return Ok(vec![0; len]),
            Bound::UnboundedFollowing => return Ok(vec![len; len]),
            Bound::CurrentRow => {
                return Ok((0..len)
                    .map(|row| {
                        let (first, end) = if self.mode == FrameMode::Rows { (row, row + 1) } else { partition.peers(row) };
                        if starting { first } else { end }
                    })
                    .collect());
            }
            Bound::Preceding(expr) => (expr, false),
            Bound::Following(expr) => (expr, true),
        };
        let value = expr.eval_row(cx, &[])?;
        match self.mode {
            FrameMode::Rows => {
                let n = offset(&value, what)?;
                let at = |row: usize| if following { row.saturating_add(n) } else { row.saturating_sub(n) };
                let before = |row: usize| !following && n > row;
                Ok((0..len)
                    .map(|row| {
                        if starting {
                            at(row).min(len)
                        } else if before(row) {
                            0
                        } else {
                            (at(row).saturating_add(1)).min(len)
                        }
                    })
                    .collect())
            }
            FrameMode::Groups => {
                let n = offset(&value, what)?;
                Ok((0..len).map(|row| group_side(partition, row, n, following, starting)).collect())
            }
            FrameMode::Range => {
                if value.is_null() {
                    return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "frame {what} offset must not be null"));
                }
                if is_negative(&value) {
                    return Err(err!(
                        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                        "invalid preceding or following size in window function"
                    ));
                }
                range_side(cx, partition, &value, following, starting)
            }
        }
    }
}

fn group_side(partition: &Partition, row: usize, n: usize, following: bool, starting: bool) -> usize {
    let group = partition.group[row] as usize;
    let target = if following {
        group.saturating_add(n)
    } else if n > group {
        return 0;
    } else {
        group - n
    };
    let target = target.min(partition.groups());
    if starting || target == partition.groups() { partition.starts[target] } else { partition.starts[target + 1] }
}

/// RANGE offsets: the first row not before the target (start), or the first past it (end). NULL rows frame their peers.
fn range_side(cx: &mut ExecCx<'_>, partition: &Partition, by: &Datum, following: bool, starting: bool) -> Result<Vec<usize>> {
    let (Some(column), Some(order)) = (partition.order.first(), partition.orders.first()) else {
        return Err(SqlError::internal("RANGE offset without ORDER BY"));
    };
    let nulls = (0..partition.len).filter(|&r| column.is_null(r)).count();
    let (first, last) = if order.nulls_first { (nulls, partition.len) } else { (0, partition.len - nulls) };
    let values: Vec<Datum> = (0..partition.len).map(|r| shift::comparable(column.get(r))).collect();
    let add = following != order.desc;
    let mut out: Vec<usize> = Vec::with_capacity(partition.len);
    for row in 0..partition.len {
        if column.is_null(row) {
            let (s, e) = partition.peers(row);
            out.push(if starting { s } else { e });
            continue;
        }
        // Peers share their bounds.
        if row > 0 && partition.group[row] == partition.group[row - 1] {
            out.push(out[row - 1]);
            continue;
        }
        let target = shift::shifted(cx, &values[row], by, add)?;
        let inside = |at: usize| {
            let ordering = order::compare(column.kind(), &values[at], &target);
            let ordering = if order.desc { ordering.reverse() } else { ordering };
            if starting { ordering == Ordering::Less } else { ordering != Ordering::Greater }
        };
        let (mut low, mut high) = (first, last);
        while low < high {
            let middle = low.midpoint(high);
            if inside(middle) { low = middle + 1 } else { high = middle }
        }
        out.push(low);
    }
    Ok(out)
}
