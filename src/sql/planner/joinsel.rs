//! How many rows joins and groups have: PostgreSQL's `eqjoinsel` and `estimate_num_groups` over what ANALYZE found.

use super::estimate::{Estimator, Variable};
use super::props;
use super::selectivity::order;
use super::stats;
use super::walk::{self, ColSet};
use crate::sql::catalog::statistics::ColumnStatistics;
use crate::sql::plan::{Expr, JoinKind, Rel};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Lists of common values longer than this together are not compared with each other.
const COMPARED: usize = 40_000;

impl Estimator<'_> {
    /// Selectivity of `=` between two columns.
    pub(super) fn join_equality(&self, left: &Expr, right: &Expr) -> f64 {
        let of = |e: &Expr| self.variable(e).map_or(f64::INFINITY, |v| v.rows);
        self.join_selectivity(left, right, of(left), of(right))
    }

    /// The part of all pairs of rows an equality between two sides of these sizes holds for.
    pub fn join_selectivity(&self, left: &Expr, right: &Expr, left_rows: f64, right_rows: f64) -> f64 {
        let (l, r) = (self.variable(left), self.variable(right));
        if let (Some(l), Some(r)) = (&l, &r)
            && let (Some(a), Some(b)) = (&l.statistics, &r.statistics)
            && !a.common.is_empty()
            && !b.common.is_empty()
            && a.common.len() * b.common.len() <= COMPARED
        {
            return by_common_values((l, a), (r, b));
        }
        let (of_left, of_right) = (distinct(l.as_ref(), left_rows), distinct(r.as_ref(), right_rows));
        present(l.as_ref()) * present(r.as_ref()) / of_left.max(of_right)
    }

    /// Distinct values of a join's key in an input of this many rows: a guess is never more than the rows.
    pub fn distinct_for_join(&self, key: &Expr, rows: f64) -> f64 {
        distinct(self.variable(key).as_ref(), rows)
    }

    /// Rows of a join.
    pub fn join_rows(&self, kind: JoinKind, left: (&Rel, f64), right: (&Rel, f64), on: &[Expr]) -> f64 {
        let (left_rows, right_rows) = (left.1, right.1);
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            let found = self.matched_part((&walk::output_ids(left.0), left_rows), (&walk::output_ids(right.0), right_rows), on);
            return match kind {
                JoinKind::Semi => left_rows * found,
                _ => left_rows * (1.0 - found).max(0.05),
            };
        }
        let inner = left_rows * right_rows * self.on_selectivity(left, right, on);
        match kind {
            JoinKind::Left => inner.max(left_rows),
            JoinKind::Right => inner.max(right_rows),
            JoinKind::Full => inner.max(left_rows).max(right_rows),
            _ => inner,
        }
    }

    fn on_selectivity(&self, left: (&Rel, f64), right: (&Rel, f64), on: &[Expr]) -> f64 {
        let (in_left, in_right) = (walk::output_ids(left.0), walk::output_ids(right.0));
        let (mut equal, mut other) = (1.0, 1.0);
        let (mut left_keys, mut right_keys) = (ColSet::new(), ColSet::new());
        for condition in on {
            match props::equi(condition, &in_left, &in_right) {
                Some((l, r, _)) => {
                    equal *= self.join_selectivity(l, r, left.1, right.1);
                    left_keys.extend(props::as_column(l));
                    right_keys.extend(props::as_column(r));
                }
                None => other *= self.selectivity(condition),
            }
        }
        equal * other * self.key_correction(&left_keys, equal).max(self.key_correction(&right_keys, equal))
    }

    /// The part of the left rows that have a match. Sides are columns and rows.
    pub fn matched_part(&self, left: (&ColSet, f64), right: (&ColSet, f64), on: &[Expr]) -> f64 {
        let (mut part, mut matches, mut others) = (1.0f64, right.1.max(1.0), 1.0f64);
        for condition in on {
            match props::equi(condition, left.0, right.0) {
                Some((l, r, _)) => {
                    part = part.min(self.semi_selectivity(l, r, left.1, right.1));
                    matches *= self.join_selectivity(l, r, left.1, right.1);
                }
                None => others *= self.selectivity(condition),
            }
        }
        if others >= 1.0 {
            return part;
        }
        // A left row has several candidates: one of them is enough.
        let candidates = if part > 0.0 { (matches / part).max(1.0) } else { 1.0 };
        part * (1.0 - (1.0 - others).powf(candidates))
    }

    /// The part of the left side's values that occur on the right (`eqjoinsel_semi`).
    fn semi_selectivity(&self, left: &Expr, right: &Expr, left_rows: f64, right_rows: f64) -> f64 {
        let (l, r) = (self.variable(left), self.variable(right));
        let known = l.as_ref().is_some_and(Variable::is_known);
        let of_left = distinct(l.as_ref(), left_rows);
        let of_right = match &r {
            // Conditions on the right side thin its values out, too.
            Some(v) if v.is_known() => remaining(v.distinct(), v.rows, right_rows),
            _ => right_rows.max(1.0),
        };
        let here = present(l.as_ref());
        match known {
            true if of_left <= of_right => here,
            true => here * of_right / of_left,
            false => here * (right_rows / left_rows.max(1.0)).clamp(0.1, 0.5),
        }
    }

    /// Equalities on a whole key of several columns of one table are not independent: each row finds its one row. The factor by
    /// which their product `equal` is too small.
    pub fn key_correction(&self, keys: &ColSet, equal: f64) -> f64 {
        if keys.len() < 2 {
            return 1.0;
        }
        let mut factor = 1.0f64;
        let mut scans: HashMap<usize, Vec<Variable>> = HashMap::new();
        keys.iter().filter_map(|id| self.variable_of(*id)).for_each(|v| scans.entry(v.scan).or_default().push(v));
        for (scan, variables) in scans {
            if variables.len() >= 2 && variables.iter().all(|v| !v.unique) && self.holds_key(scan, &variables) {
                let rows = self.scan_sizes(scan).0;
                if equal > 0.0 && 1.0 / rows > equal {
                    factor = factor.max(1.0 / rows / equal);
                }
            }
        }
        factor
    }

    /// Groups of an aggregation over `rows` rows (`estimate_num_groups`).
    pub fn groups(&self, group: &[Expr], rows: f64) -> f64 {
        if group.is_empty() {
            return 1.0;
        }
        // Distinct values of the variables of each scan; expressions without columns count as 200 values.
        let mut scans: HashMap<usize, Vec<Variable>> = HashMap::new();
        let mut product = 1.0f64;
        let mut seen = ColSet::new();
        for expr in group {
            let columns = walk::expr_columns(expr);
            let variables: Vec<Variable> =
                columns.iter().filter(|id| !seen.contains(id)).filter_map(|id| self.variable_of(*id)).collect();
            if variables.len() < columns.iter().filter(|id| !seen.contains(id)).count() || columns.is_empty() {
                if !matches!(expr.kind, crate::sql::plan::ExprKind::Const(_)) {
                    product *= self.ndv(expr, rows);
                }
            } else {
                variables.into_iter().for_each(|v| scans.entry(v.scan).or_default().push(v));
            }
            seen.extend(columns);
        }
        for (scan, variables) in scans {
            product *= self.groups_of_scan(scan, &variables);
        }
        product.min(rows).max(1.0).ceil()
    }

    fn groups_of_scan(&self, scan: usize, variables: &[Variable]) -> f64 {
        let (table, filtered) = self.scan_sizes(scan);
        if self.holds_key(scan, variables) {
            return filtered.max(1.0);
        }
        let mut groups: f64 = variables.iter().map(Variable::distinct).product();
        let most = variables.iter().map(Variable::distinct).fold(1.0, f64::max);
        let limit = if variables.len() > 1 { (table * 0.1).max(most).min(table) } else { table };
        groups = groups.min(limit);
        remaining(groups, table, filtered)
    }
}

/// Distinct values left of `distinct` among `all` rows when only `rows` of them remain.
fn remaining(distinct: f64, all: f64, rows: f64) -> f64 {
    if distinct <= 0.0 || all <= 0.0 || rows >= all {
        return distinct.max(1.0);
    }
    (distinct * (1.0 - ((all - rows) / all).powf(all / distinct))).max(1.0)
}

fn distinct(variable: Option<&Variable>, rows: f64) -> f64 {
    match variable {
        Some(v) if v.is_known() => v.distinct(),
        _ => rows.clamp(1.0, stats::DEFAULT_DISTINCT),
    }
}

/// The part of the rows in which a variable is not NULL.
fn present(variable: Option<&Variable>) -> f64 {
    variable.and_then(|v| v.statistics.as_ref()).map_or(1.0, |s| 1.0 - f64::from(s.null_fraction))
}

/// `eqjoinsel_inner` with the common values of both sides: those that match do so with the product of their frequencies, the rest
/// spreads evenly over the other distinct values.
fn by_common_values((l, a): (&Variable, &ColumnStatistics), (r, b): (&Variable, &ColumnStatistics)) -> f64 {
    let mut taken = vec![false; b.common.len()];
    let (mut both, mut matched_left, mut matched_right, mut pairs) = (0.0, 0.0, 0.0, 0usize);
    for (value, f) in a.common.iter().zip(&a.frequencies) {
        let at = b.common.iter().enumerate().position(|(j, v)| !taken[j] && order(value, v, l.ty) == Some(Ordering::Equal));
        if let Some(j) = at {
            taken[j] = true;
            let (f, g) = (f64::from(*f), f64::from(b.frequencies[j]));
            both += f * g;
            matched_left += f;
            matched_right += g;
            pairs += 1;
        }
    }
    let total = |s: &ColumnStatistics| s.frequencies.iter().map(|f| f64::from(*f)).sum::<f64>();
    let (unmatched_left, unmatched_right) = ((total(a) - matched_left).max(0.0), (total(b) - matched_right).max(0.0));
    let other = |s: &ColumnStatistics| (1.0 - f64::from(s.null_fraction) - total(s)).clamp(0.0, 1.0);
    let (other_left, other_right) = (other(a), other(b));
    let side = |unmatched: f64, others: f64, counterpart: &ColumnStatistics, theirs: f64, distinct: f64, unmatched_theirs: f64| {
        let mut selectivity = both;
        let beyond = distinct - counterpart.common.len() as f64;
        if beyond > 0.0 {
            selectivity += unmatched * theirs / beyond;
        }
        let rest = distinct - pairs as f64;
        if rest > 0.0 {
            selectivity += others * (theirs + unmatched_theirs) / rest;
        }
        selectivity
    };
    let from_left = side(unmatched_left, other_left, b, other_right, r.distinct(), unmatched_right);
    let from_right = side(unmatched_right, other_right, a, other_left, l.distinct(), unmatched_left);
    from_left.min(from_right).clamp(0.0, 1.0)
}
