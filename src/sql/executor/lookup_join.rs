//! Lookup join: for each batch of left rows, the matching rows of a table by one batched index lookup.

use super::instrument::Counters;
use super::nested_loop::LoopMode;
use super::source::LookupRequest;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::Datum;
use std::sync::Arc;
use std::time::Instant;

/// Joins its input with a table through an index.
pub struct LookupJoin {
    left: BoxOperator,
    relation: RelationRef,
    request: LookupRequest,
    /// Values of the index's first key columns, over left rows; already of the key columns' kinds.
    keys: Vec<CompiledExpr>,
    key_kinds: Vec<ColumnKind>,
    mode: LoopMode,
    /// Over left columns followed by the table's.
    residual: Option<CompiledExpr>,
    /// Which of the left columns followed by the table's come out; `None` for all.
    output: Option<Vec<usize>>,
    /// Which left columns the output or `residual` read.
    reads: Vec<bool>,
    /// Counts the looked-up side's runs and rows.
    counters: Option<Arc<Counters>>,
}

impl LookupJoin {
    /// Left rows with the table's rows whose key equals `keys`.
    pub fn new(
        left: BoxOperator,
        relation: RelationRef,
        request: LookupRequest,
        keys: Vec<CompiledExpr>,
        key_kinds: Vec<ColumnKind>,
        mode: LoopMode,
        residual: Option<CompiledExpr>,
    ) -> Self {
        Self { left, relation, request, keys, key_kinds, mode, residual, output: None, reads: Vec::new(), counters: None }
    }

    /// Counts what is looked up.
    pub fn watched(mut self, counters: Arc<Counters>) -> Self {
        self.counters = Some(counters);
        self
    }

    /// Only these of the left columns followed by the table's; `residual` reads these left columns.
    pub fn keeping(mut self, output: Vec<usize>, residual: &[usize], left_width: usize) -> Self {
        self.reads = (0..left_width).map(|i| output.contains(&i) || residual.contains(&i)).collect();
        self.output = Some(output);
        self
    }

    fn kept(&self, batch: Batch) -> Batch {
        match &self.output {
            None => batch,
            Some(output) => {
                let columns = output.iter().map(|&i| batch.columns[i].clone()).collect();
                Batch { columns, len: batch.len, selection: batch.selection }
            }
        }
    }

    fn join(&mut self, cx: &mut ExecCx<'_>, left: &Batch) -> Result<Batch> {
        let mut columns = Vec::with_capacity(self.keys.len());
        for key in &mut self.keys {
            columns.push(key.eval(cx, left)?);
        }
        let keys: Vec<Vec<Datum>> =
            (0..left.len).map(|i| columns.iter().zip(&self.key_kinds).map(|(c, &kind)| fitted(kind, c.get(i))).collect()).collect();
        let begun = self.counters.is_some().then(Instant::now);
        let (found, from) = cx.storage.lookup(cx, &self.relation, &self.request, &keys)?;
        if let (Some(counters), Some(begun)) = (&self.counters, begun) {
            counters.add(keys.len() as u64, from.len() as u64, begun.elapsed().as_nanos() as u64);
        }
        let gathered = |(i, c): (usize, &Column)| match self.reads.get(i) {
            Some(false) => Column::nulls(c.kind(), from.len()),
            _ => c.gather(&from),
        };
        let mut pairs: Vec<Column> = left.columns.iter().enumerate().map(gathered).collect();
        pairs.extend(found.columns);
        let mut pairs = Batch { columns: pairs, len: from.len(), selection: found.selection };
        if let Some(residual) = &mut self.residual {
            pairs.selection = Some(residual.filter(cx, &pairs)?);
        }
        if self.mode == LoopMode::Inner {
            return Ok(pairs);
        }
        let mut matched = vec![false; left.len];
        pairs.positions().for_each(|p| matched[from[p] as usize] = true);
        let rows_where = |want: bool| (0..left.len as u32).filter(|&i| matched[i as usize] == want).collect::<Vec<_>>();
        match self.mode {
            LoopMode::Semi | LoopMode::Anti => {
                let rows = rows_where(self.mode == LoopMode::Semi);
                Ok(Batch { columns: left.columns.clone(), len: left.len, selection: Some(rows) })
            }
            _ => Ok(with_unmatched(left, &pairs, &rows_where(false), &self.request.kinds)),
        }
    }
}

/// The value under the key column's kind; NULL (which finds nothing) when it cannot be one.
fn fitted(kind: ColumnKind, value: Datum) -> Datum {
    let wide = match &value {
        Datum::Int2(v) => i64::from(*v),
        Datum::Int4(v) => i64::from(*v),
        Datum::Int8(v) => *v,
        _ => return value,
    };
    match kind {
        ColumnKind::Int2 => i16::try_from(wide).map_or(Datum::Null, Datum::Int2),
        ColumnKind::Int4 => i32::try_from(wide).map_or(Datum::Null, Datum::Int4),
        ColumnKind::Int8 => Datum::Int8(wide),
        _ => value,
    }
}

/// The pairs, then the left rows without one.
fn with_unmatched(left: &Batch, pairs: &Batch, unmatched: &[u32], right_kinds: &[ColumnKind]) -> Batch {
    if unmatched.is_empty() {
        return pairs.clone();
    }
    let pairs = pairs.clone().compact();
    let len = pairs.len + unmatched.len();
    let columns = pairs
        .columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let lone = match left.columns.get(n) {
                Some(c) => c.gather(unmatched),
                None => Column::nulls(right_kinds[n - left.columns.len()], unmatched.len()),
            };
            Column::concat(column.kind(), &[column.clone(), lone])
        })
        .collect();
    Batch::new(columns, len)
}

impl Operator for LookupJoin {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while let Some(left) = self.left.next(cx)? {
            cx.check_interrupts()?;
            let left = left.compact();
            let batch = self.join(cx, &left)?;
            let batch = self.kept(batch);
            if batch.rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.left.rescan(cx)
    }

    fn prepare(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.left.prepare(cx)
    }
}
