//! Scan: rows of a table or system relation through an access path, filtered at the source.
//!
//! Index bounds are expressions (constants, parameters, outer values); they are worked out when the scan starts. A value outside
//! the key column's type turns into "everything" or "nothing" as the comparison demands.

use super::dynamic::DynamicFilter;
use super::source::{Access, BatchSource, IndexRange, RowFilter, ScanRequest};
use super::{Batch, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::executor::order;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::{Datum, Oid};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a leading key column must equal.
pub enum EqualKey {
    /// One value.
    One(CompiledExpr),
    /// Any element of an array.
    AnyOf(CompiledExpr),
    /// IS NULL.
    Null,
}

/// Index bounds before their expressions are evaluated.
pub struct IndexBounds {
    /// The index.
    pub index: Oid,
    /// Conditions on the first key columns.
    pub equal: Vec<EqualKey>,
    /// Lower bounds of the next key column (the tightest counts).
    pub lower: Vec<(CompiledExpr, bool)>,
    /// Upper bounds.
    pub upper: Vec<(CompiledExpr, bool)>,
    /// IS NOT NULL on the next key column.
    pub not_null: bool,
    /// Kinds of the key columns.
    pub kinds: Vec<ColumnKind>,
    /// A key column is DESC, by position: its ranges are put in descending order.
    pub desc: Vec<bool>,
}

/// A value brought to a key column's kind.
enum Fitted {
    Value(Datum),
    /// Smaller than every value of the kind.
    Below,
    /// Larger than every value.
    Above,
    /// Between two neighbours: the larger one.
    Between(Datum),
}

fn fit(kind: ColumnKind, value: Datum) -> Fitted {
    let wide = match &value {
        Datum::Int2(v) => i64::from(*v),
        Datum::Int4(v) => i64::from(*v),
        Datum::Int8(v) => *v,
        Datum::Float4(v) if kind == ColumnKind::Float8 => return Fitted::Value(Datum::Float8((*v).into())),
        Datum::Float8(v) if kind == ColumnKind::Float4 => return fit_float(*v),
        _ => return Fitted::Value(value),
    };
    let side = if wide < 0 { Fitted::Below } else { Fitted::Above };
    match kind {
        ColumnKind::Int2 => i16::try_from(wide).map_or(side, |v| Fitted::Value(Datum::Int2(v))),
        ColumnKind::Int4 => i32::try_from(wide).map_or(side, |v| Fitted::Value(Datum::Int4(v))),
        ColumnKind::Int8 => Fitted::Value(Datum::Int8(wide)),
        _ => Fitted::Value(value),
    }
}

fn fit_float(value: f64) -> Fitted {
    let near = value as f32;
    if f64::from(near) == value || value.is_nan() {
        return Fitted::Value(Datum::Float4(near));
    }
    Fitted::Between(Datum::Float4(if f64::from(near) > value { near } else { near.next_up() }))
}

impl IndexBounds {
    /// The ranges for the values of now; none when nothing can match.
    fn ranges(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<IndexRange>> {
        let mut ranges = vec![IndexRange::default()];
        for (at, key) in self.equal.iter_mut().enumerate() {
            let kind = self.kinds[at];
            let mut values = match key {
                EqualKey::Null => vec![Datum::Null],
                EqualKey::One(expr) => equal_values(kind, vec![expr.eval_row(cx, &[])?]),
                EqualKey::AnyOf(expr) => match expr.eval_row(cx, &[])? {
                    Datum::Array(array) => equal_values(kind, array.values.clone()),
                    _ => Vec::new(),
                },
            };
            values.sort_by(|a, b| order::compare_nulls_last(kind, a, b));
            values.dedup_by(|a, b| order::compare_nulls_last(kind, a, b).is_eq());
            if self.desc[at] {
                values.reverse();
            }
            ranges = ranges
                .into_iter()
                .flat_map(|range| {
                    values.iter().map(move |v| {
                        let mut range = range.clone();
                        range.equal.push(v.clone());
                        range
                    })
                })
                .collect();
        }
        let Some((lower, upper)) = self.next_bounds(cx)? else { return Ok(Vec::new()) };
        for range in &mut ranges {
            range.not_null = self.not_null || lower.is_some() || upper.is_some();
            range.lower.clone_from(&lower);
            range.upper.clone_from(&upper);
        }
        Ok(ranges)
    }

    /// The tightest bounds of the column after the equal ones; `None` when they exclude everything.
    #[expect(clippy::type_complexity, reason = "two optional bounds, or nothing at all")]
    fn next_bounds(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<(Option<(Datum, bool)>, Option<(Datum, bool)>)>> {
        let (mut lower, mut upper): (Option<(Datum, bool)>, Option<(Datum, bool)>) = (None, None);
        let kind = self.kinds.get(self.equal.len()).copied().unwrap_or(ColumnKind::Datum);
        for (expr, inclusive) in &mut self.lower {
            let value = expr.eval_row(cx, &[])?;
            if value.is_null() {
                return Ok(None);
            }
            let bound = match fit(kind, value) {
                Fitted::Value(v) => (v, *inclusive),
                Fitted::Between(above) => (above, true),
                Fitted::Below => {
                    self.not_null = true;
                    continue;
                }
                Fitted::Above => return Ok(None),
            };
            let tighter = lower.as_ref().is_none_or(|(b, i)| {
                let o = order::compare(kind, &bound.0, b);
                o.is_gt() || (o.is_eq() && *i && !bound.1)
            });
            if tighter {
                lower = Some(bound);
            }
        }
        for (expr, inclusive) in &mut self.upper {
            let value = expr.eval_row(cx, &[])?;
            if value.is_null() {
                return Ok(None);
            }
            let bound = match fit(kind, value) {
                Fitted::Value(v) => (v, *inclusive),
                Fitted::Between(above) => (above, false),
                Fitted::Above => {
                    self.not_null = true;
                    continue;
                }
                Fitted::Below => return Ok(None),
            };
            let tighter = upper.as_ref().is_none_or(|(b, i)| {
                let o = order::compare(kind, &bound.0, b);
                o.is_lt() || (o.is_eq() && *i && !bound.1)
            });
            if tighter {
                upper = Some(bound);
            }
        }
        Ok(Some((lower, upper)))
    }
}

fn equal_values(kind: ColumnKind, values: Vec<Datum>) -> Vec<Datum> {
    let fitted = values.into_iter().filter(|v| !v.is_null()).filter_map(|v| match fit(kind, v) {
        Fitted::Value(v) => Some(v),
        _ => None,
    });
    fitted.collect()
}

/// The parts of a table that several scans share: each takes the next one when it is through with its own.
#[derive(Default)]
pub struct Pieces(Mutex<PieceQueue>);

#[derive(Default)]
struct PieceQueue {
    split: bool,
    left: VecDeque<Box<dyn BatchSource>>,
}

/// How many pieces a table is cut into for each thread, so that all finish at about the same time.
const PIECES_PER_THREAD: usize = 8;

impl Pieces {
    /// The next part; `None` when all are taken. All are opened at once, so that they show the same moment.
    fn take(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &mut ScanRequest,
        threads: usize,
    ) -> Result<Option<Box<dyn BatchSource>>> {
        let mut queue = self.0.lock();
        if !queue.split {
            queue.split = true;
            request.piece = None;
            let mut whole = cx.storage.scan(cx, relation, request)?;
            if let Some(parts) = whole.share(cx, threads * PIECES_PER_THREAD)? {
                queue.left.extend(parts);
                queue.left.push_back(whole);
                return Ok(queue.left.pop_front());
            }
            let pieces = cx.storage.split(cx, relation, &request.access, threads * PIECES_PER_THREAD)?;
            if pieces.is_empty() {
                queue.left.push_back(whole);
            }
            for piece in pieces {
                request.piece = Some(piece);
                queue.left.push_back(cx.storage.scan(cx, relation, request)?);
            }
        }
        Ok(queue.left.pop_front())
    }

    fn reset(&self) {
        *self.0.lock() = PieceQueue::default();
    }
}

/// What a scan's rows must meet: the plan's condition, then what operators above have found out.
struct ScanFilter {
    condition: Option<CompiledExpr>,
    dynamic: Vec<DynamicFilter>,
}

impl ScanFilter {
    fn is_empty(&self) -> bool {
        self.condition.is_none() && self.dynamic.is_empty()
    }
}

impl RowFilter for ScanFilter {
    fn apply(&mut self, cx: &mut ExecCx<'_>, batch: &mut Batch) -> Result<()> {
        if let Some(condition) = &mut self.condition {
            condition.apply(cx, batch)?;
        }
        self.dynamic.iter_mut().for_each(|d| d.apply(batch));
        Ok(())
    }
}

/// A scan of a relation.
pub struct Scan {
    relation: RelationRef,
    request: ScanRequest,
    bounds: Option<IndexBounds>,
    filter: ScanFilter,
    source: Option<Box<dyn BatchSource>>,
    /// Shared with other scans of the same table, and how many they are.
    pieces: Option<(Arc<Pieces>, usize)>,
    done: bool,
}

impl Scan {
    /// A scan as `request` says; `bounds`, when given, replace its access path each time the scan starts.
    pub fn new(relation: RelationRef, request: ScanRequest, bounds: Option<IndexBounds>, filter: Option<CompiledExpr>) -> Self {
        let filter = ScanFilter { condition: filter, dynamic: Vec::new() };
        Self { relation, request, bounds, filter, source: None, pieces: None, done: false }
    }

    /// Adds conditions that operators above find out while they run.
    #[must_use]
    pub fn with_dynamic(mut self, dynamic: Vec<DynamicFilter>) -> Self {
        let columns = &mut self.request.filter_columns;
        columns.extend(dynamic.iter().map(DynamicFilter::slot));
        columns.sort_unstable();
        columns.dedup();
        self.filter.dynamic = dynamic;
        self
    }

    /// Reads only the parts of the table that no other of `threads` scans sharing `pieces` reads.
    #[must_use]
    pub fn in_pieces(mut self, pieces: Arc<Pieces>, threads: usize) -> Self {
        self.pieces = Some((pieces, threads));
        self
    }

    /// Opens the source; false when the bounds exclude everything, or no piece is left.
    fn open(&mut self, cx: &mut ExecCx<'_>) -> Result<bool> {
        if let Some(bounds) = &mut self.bounds {
            let ranges = bounds.ranges(cx)?;
            if ranges.is_empty() {
                return Ok(false);
            }
            self.request.access = Access::Index { index: bounds.index, ranges };
        }
        self.source = match &self.pieces {
            Some((pieces, threads)) => pieces.take(cx, &self.relation, &mut self.request, *threads)?,
            None => Some(cx.storage.scan(cx, &self.relation, &self.request)?),
        };
        Ok(self.source.is_some())
    }
}

impl Operator for Scan {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while !self.done {
            if self.source.is_none() && !self.open(cx)? {
                self.done = true;
                break;
            }
            let Some(source) = &mut self.source else { break };
            cx.check_interrupts()?;
            let filter = if self.filter.is_empty() { None } else { Some(&mut self.filter as &mut dyn RowFilter) };
            match source.next(cx, filter)? {
                Some(batch) if batch.rows() == 0 => {}
                Some(batch) => return Ok(Some(batch.compact_if_sparse())),
                None => {
                    self.source = None;
                    self.done = self.pieces.is_none();
                }
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut ExecCx<'_>) -> Result<()> {
        (self.source, self.done) = (None, false);
        if let Some((pieces, _)) = &self.pieces {
            pieces.reset();
        }
        Ok(())
    }
}
