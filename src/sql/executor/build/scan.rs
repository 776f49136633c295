//! Scans and their index bounds.

use super::{Builder, kinds, scope};
use crate::error::Result;
use crate::sql::executor::filter::Filter;
use crate::sql::executor::sample::Sample;
use crate::sql::executor::scan::{EqualKey, IndexBounds, Scan};
use crate::sql::executor::source::{Access, IndexRange, ScanRequest};
use crate::sql::executor::{BoxOperator, ColumnKind};
use crate::sql::expr::eval::Scope;
use crate::sql::planner::physical::{AccessPath, IndexPath, KeyCondition, Physical, ScanNode};
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn scan(&mut self, node: &ScanNode, plan: &Physical) -> Result<BoxOperator> {
        let scope = scope(plan);
        let filter = self.condition(&node.filter, &scope)?;
        let mut filter_columns: Vec<usize> =
            node.filter.iter().flat_map(|e| self.columns_of(e)).filter_map(|id| scope.slot(id)).collect();
        filter_columns.sort_unstable();
        filter_columns.dedup();
        let (access, bounds) = match &node.access {
            AccessPath::Table => (Access::Table, None),
            AccessPath::Index(path) => {
                let bounds = self.bounds(path, node)?;
                (Access::Index { index: path.index, ranges: vec![IndexRange::default()] }, Some(bounds))
            }
        };
        let request = ScanRequest {
            columns: node.columns.clone(),
            kinds: kinds(&plan.outputs),
            access,
            reverse: node.reverse,
            filter_columns,
            limit_hint: node.limit_hint,
            piece: None,
            any_order: !node.ordered,
        };
        let Some(sample) = &node.sample else {
            let scan = Scan::new(node.relation.clone(), request, bounds, filter).with_dynamic(self.dynamic_filters(plan));
            return Ok(Box::new(match &self.pieces {
                Some((pieces, threads)) if node.parallel => scan.in_pieces(Arc::clone(pieces), *threads),
                _ => scan,
            }));
        };
        // The sample is of the table's rows: conditions come after it.
        let percent = self.expr(&sample.percent, &Scope::default())?;
        let seed = sample.seed.as_ref().map(|e| self.expr(e, &Scope::default())).transpose()?;
        let rows = Box::new(Scan::new(node.relation.clone(), request, bounds, None));
        let sampled = Box::new(Sample::new(rows, percent, seed));
        Ok(match filter {
            Some(condition) => Box::new(Filter::new(sampled, condition)),
            None => sampled,
        })
    }

    fn bounds(&mut self, path: &IndexPath, node: &ScanNode) -> Result<IndexBounds> {
        let none = Scope::default();
        let mut equal = Vec::with_capacity(path.equal.len());
        for key in &path.equal {
            equal.push(match key {
                KeyCondition::Equal(e) => EqualKey::One(self.expr(e, &none)?),
                KeyCondition::AnyOf(e) => EqualKey::AnyOf(self.expr(e, &none)?),
                KeyCondition::IsNull => EqualKey::Null,
            });
        }
        let (mut lower, mut upper, mut not_null) = (Vec::new(), Vec::new(), false);
        if let Some(range) = &path.range {
            for (e, inclusive) in &range.lower {
                lower.push((self.expr(e, &none)?, *inclusive));
            }
            for (e, inclusive) in &range.upper {
                upper.push((self.expr(e, &none)?, *inclusive));
            }
            not_null = range.not_null;
        }
        let index = node.relation.indexes.iter().find(|i| i.oid == path.index);
        let desc = index.map(|i| i.keys.iter().map(|k| k.desc).collect()).unwrap_or_default();
        let kinds = path.key_types.iter().map(|&t| ColumnKind::of(t)).collect();
        Ok(IndexBounds { index: path.index, equal, lower, upper, not_null, kinds, desc })
    }
}
