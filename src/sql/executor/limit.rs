//! LIMIT, OFFSET and FETCH FIRST ... WITH TIES.

use super::sort::SortColumn;
use super::{Batch, BoxOperator, Column, ExecCx, Operator};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::Datum;

/// Passes on a stretch of the input's rows.
pub struct Limit {
    input: BoxOperator,
    limit: Option<CompiledExpr>,
    offset: Option<CompiledExpr>,
    ties: Vec<SortColumn>,
    /// Rows still to skip and to pass on; `None` before the first call.
    left: Option<(u64, Option<u64>)>,
    /// Sort key of the last row within the limit.
    last: Option<Vec<Column>>,
    done: bool,
}

impl Limit {
    /// At most `limit` rows after `offset`; with `ties` also the rows equal to the last one by these keys.
    pub fn new(input: BoxOperator, limit: Option<CompiledExpr>, offset: Option<CompiledExpr>, ties: Vec<SortColumn>) -> Self {
        Self { input, limit, offset, ties, left: None, last: None, done: false }
    }

    fn start(&mut self, cx: &mut ExecCx<'_>) -> Result<(u64, Option<u64>)> {
        let offset = match &mut self.offset {
            Some(e) => count(e.eval_row(cx, &[])?, "OFFSET", SqlState::INVALID_ROW_COUNT_IN_OFFSET)?.unwrap_or(0),
            None => 0,
        };
        let limit = match &mut self.limit {
            Some(e) => count(e.eval_row(cx, &[])?, "LIMIT", SqlState::INVALID_ROW_COUNT_IN_LIMIT)?,
            None => None,
        };
        Ok((offset, limit))
    }

    fn keys(&mut self, cx: &mut ExecCx<'_>, batch: &Batch) -> Result<Vec<Column>> {
        self.ties.iter_mut().map(|k| k.expr.eval(cx, batch)).collect()
    }
}

fn count(value: Datum, what: &str, code: SqlState) -> Result<Option<u64>> {
    let n = match value {
        Datum::Int8(v) => v,
        Datum::Int4(v) => v.into(),
        Datum::Int2(v) => v.into(),
        _ => return Ok(None),
    };
    u64::try_from(n).map(Some).map_err(|_| err!(code, "{what} must not be negative"))
}

impl Operator for Limit {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.done {
            return Ok(None);
        }
        let (mut skip, mut take) = match self.left {
            Some(left) => left,
            None => self.start(cx)?,
        };
        loop {
            if take == Some(0) && (self.ties.is_empty() || self.last.is_none()) {
                self.done = true;
                return Ok(None);
            }
            let Some(mut batch) = self.input.next(cx)? else {
                self.done = true;
                return Ok(None);
            };
            let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
            let skipped = (rows.len() as u64).min(skip) as usize;
            skip -= skipped as u64;
            let rest = &rows[skipped..];
            let mut kept = take.map_or(rest.len(), |t| (rest.len() as u64).min(t) as usize);
            take = take.map(|t| t - kept as u64);
            if !self.ties.is_empty() && take == Some(0) {
                let keys = self.keys(cx, &batch)?;
                if kept > 0 {
                    self.last = Some(keys.iter().map(|k| k.gather(&[rest[kept - 1]])).collect());
                }
                if let Some(last) = &self.last {
                    let ties = rest[kept..].iter().take_while(|&&r| keys.iter().zip(last).all(|(k, l)| k.same(r as usize, l, 0)));
                    let tied = ties.count();
                    self.done = kept + tied < rest.len();
                    kept += tied;
                }
            }
            self.left = Some((skip, take));
            if kept == 0 && !self.done {
                continue;
            }
            if kept < batch.len {
                batch.selection = Some(rest[..kept].to_vec());
            }
            return Ok(Some(batch));
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.left, self.last, self.done) = (None, None, false);
        self.input.rescan(cx)
    }
}
