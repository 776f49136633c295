//! The window functions proper.

use super::frame::Frames;
use super::partition::Partition;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::{Column, ColumnBuilder, ColumnKind};
use crate::sql::types::Datum;

/// A window function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are SQL's own")]
pub enum RankFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
}

impl RankFunction {
    /// By `pg_proc.prosrc`.
    pub fn of_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "window_row_number" => Self::RowNumber,
            "window_rank" => Self::Rank,
            "window_dense_rank" => Self::DenseRank,
            "window_percent_rank" => Self::PercentRank,
            "window_cume_dist" => Self::CumeDist,
            "window_ntile" => Self::Ntile,
            "window_lag" | "window_lag_with_offset" | "window_lag_with_offset_and_default" => Self::Lag,
            "window_lead" | "window_lead_with_offset" | "window_lead_with_offset_and_default" => Self::Lead,
            "window_first_value" => Self::FirstValue,
            "window_last_value" => Self::LastValue,
            "window_nth_value" => Self::NthValue,
            _ => return None,
        })
    }

    /// Whether it looks at the frame.
    pub(super) fn uses_frame(self) -> bool {
        matches!(self, Self::FirstValue | Self::LastValue | Self::NthValue)
    }

    /// The function's value for every row of a partition.
    pub(super) fn run(self, kind: ColumnKind, partition: &Partition, frames: Option<&Frames>, args: &[Column]) -> Result<Column> {
        let mut out = ColumnBuilder::new(kind, partition.len);
        let len = partition.len;
        match self {
            Self::RowNumber => (0..len).for_each(|row| out.push_i64(row as i64 + 1)),
            Self::Rank => (0..len).for_each(|row| out.push_i64(partition.peers(row).0 as i64 + 1)),
            Self::DenseRank => (0..len).for_each(|row| out.push_i64(i64::from(partition.group[row]) + 1)),
            Self::PercentRank => (0..len).for_each(|row| {
                out.push_f64(if len <= 1 { 0.0 } else { partition.peers(row).0 as f64 / (len - 1) as f64 });
            }),
            Self::CumeDist => (0..len).for_each(|row| out.push_f64(partition.peers(row).1 as f64 / len as f64)),
            Self::Ntile => ntile(len, &args[0], &mut out)?,
            Self::Lag | Self::Lead => shifted(self == Self::Lead, len, args, &mut out),
            Self::FirstValue | Self::LastValue | Self::NthValue => {
                for row in 0..len {
                    let at = match frames {
                        Some(frames) => self.framed(row, frames, args)?,
                        None => None,
                    };
                    match at {
                        Some(at) => out.push(args[0].get(at)),
                        None => out.push_null(),
                    }
                }
            }
        }
        Ok(out.finish())
    }

    /// The row of the frame whose value is wanted.
    fn framed(self, row: usize, frames: &Frames, args: &[Column]) -> Result<Option<usize>> {
        let stretches = frames.stretches(row);
        let mut full = stretches.iter().filter(|(s, e)| s < e);
        Ok(match self {
            Self::FirstValue => full.next().map(|s| s.0),
            Self::LastValue => full.next_back().map(|s| s.1 - 1),
            _ => {
                let n = match args[1].get(row) {
                    Datum::Int4(n) if n > 0 => n as usize - 1,
                    Datum::Null => return Ok(None),
                    _ => {
                        return Err(err!(
                            SqlState::INVALID_ARGUMENT_FOR_NTH_VALUE,
                            "argument of nth_value must be greater than zero"
                        ));
                    }
                };
                let mut left = n;
                full.find_map(|&(s, e)| {
                    if left < e - s {
                        Some(s + left)
                    } else {
                        left -= e - s;
                        None
                    }
                })
            }
        })
    }
}

fn ntile(len: usize, buckets: &Column, out: &mut ColumnBuilder) -> Result<()> {
    let buckets = match buckets.get(0) {
        Datum::Int4(n) if n > 0 => n as usize,
        Datum::Null => {
            (0..len).for_each(|_| out.push_null());
            return Ok(());
        }
        _ => return Err(err!(SqlState::INVALID_ARGUMENT_FOR_NTILE, "argument of ntile must be greater than zero")),
    };
    let (size, larger) = (len / buckets, len % buckets);
    let boundary = larger * (size + 1);
    for row in 0..len {
        let bucket = if row < boundary { row / (size + 1) } else { larger + (row - boundary) / size.max(1) };
        out.push_i32(bucket as i32 + 1);
    }
    Ok(())
}

fn shifted(forward: bool, len: usize, args: &[Column], out: &mut ColumnBuilder) {
    for row in 0..len {
        let by = match args.get(1) {
            None => 1,
            Some(offsets) => match offsets.get_i64(row) {
                Some(by) => by,
                None => {
                    out.push_null();
                    continue;
                }
            },
        };
        let at = if forward { row as i64 + by } else { row as i64 - by };
        match usize::try_from(at).ok().filter(|&at| at < len) {
            Some(at) => out.push(args[0].get(at)),
            None => match args.get(2) {
                Some(default) => out.push(default.get(row)),
                None => out.push_null(),
            },
        }
    }
}
