//! The part of the rows for which a condition holds: PostgreSQL's selectivity functions (selfuncs.c, clausesel.c) over what
//! ANALYZE found, with its default guesses where nothing is known.
//!
//! A condition on one column PostgreSQL has no function for (`substring(phone, 1, 2) IN (...)`, `extract(year FROM day) = 1995`,
//! patterns) is tried on the column's most common values and histogram bounds: the part of them it accepts is the estimate.

use super::estimate::{Estimator, Variable};
use super::passes::fold;
use super::props;
use super::stats;
use super::walk::{self, Replacements};
use crate::sql::catalog::statistics::ColumnStatistics;
use crate::sql::plan::{Callee, ColId, Expr, ExprKind};
use crate::sql::types::compare::{compare_as, interval_span};
use crate::sql::types::{Datum, Oid};
use std::cmp::Ordering;

/// Values a condition must be tried on for the result to count by itself.
const ENOUGH: f64 = 100.0;

/// The part of the groups any condition on an aggregate is taken to leave.
const LEAST_GROUPS: f64 = 0.0005;

/// A bound of a range of one column.
struct Bound {
    id: ColId,
    upper: bool,
    selectivity: f64,
    guessed: bool,
}

impl Estimator<'_> {
    /// The part of the rows for which all conditions hold. A lower and an upper bound of one column make one range.
    pub fn all(&self, conditions: &[Expr]) -> f64 {
        let mut selectivity = 1.0;
        let mut bounds: Vec<Bound> = Vec::new();
        let mut flat: Vec<&Expr> = Vec::with_capacity(conditions.len());
        conditions.iter().for_each(|c| flatten(c, &mut flat));
        for condition in flat {
            let Some(bound) = self.bound(condition) else {
                selectivity *= self.selectivity(condition);
                continue;
            };
            match bounds.iter().position(|b| b.id == bound.id && b.upper != bound.upper) {
                Some(at) => selectivity *= self.range(&bounds.swap_remove(at), &bound),
                None => bounds.push(bound),
            }
        }
        selectivity * bounds.iter().map(|b| b.selectivity).product::<f64>()
    }

    fn bound(&self, condition: &Expr) -> Option<Bound> {
        let binary = props::binary(condition)?;
        let upper = match binary.symbol {
            "<" | "<=" => true,
            ">" | ">=" => false,
            _ => return None,
        };
        let (id, upper) = match (props::as_column(binary.left), props::as_column(binary.right)) {
            (Some(_), Some(_)) | (None, None) => return None,
            (Some(id), None) => (id, upper),
            (None, Some(id)) => (id, !upper),
        };
        let known = self.inequality(condition);
        Some(Bound { id, upper, selectivity: known.unwrap_or(stats::INEQ_SELECTIVITY), guessed: known.is_none() })
    }

    fn range(&self, a: &Bound, b: &Bound) -> f64 {
        if a.guessed || b.guessed {
            return stats::RANGE_SELECTIVITY;
        }
        let nulls = self.variable_of(a.id).and_then(|v| v.statistics.as_ref().map(|s| f64::from(s.null_fraction))).unwrap_or(0.0);
        let both = a.selectivity + b.selectivity + nulls - 1.0;
        if both > 0.0 {
            both
        } else if both < -0.01 {
            stats::RANGE_SELECTIVITY
        } else {
            1e-10
        }
    }

    /// The part of the rows for which a condition holds.
    pub fn selectivity(&self, condition: &Expr) -> f64 {
        self.raw_selectivity(condition).clamp(0.0, 1.0)
    }

    fn raw_selectivity(&self, condition: &Expr) -> f64 {
        match &condition.kind {
            ExprKind::Const(Datum::Bool(true)) => 1.0,
            ExprKind::Const(_) => 0.0,
            ExprKind::And(arms) => self.all(arms),
            ExprKind::Or(arms) => arms.iter().fold(0.0, |s, a| {
                let one = self.selectivity(a);
                s + one - s * one
            }),
            ExprKind::Not(arg) => 1.0 - self.selectivity(arg),
            ExprKind::IsNull { arg, negated, .. } => {
                let nulls = self.null_fraction(arg);
                if *negated { 1.0 - nulls } else { nulls }
            }
            ExprKind::Column(_) => self.truth_of(condition, true),
            ExprKind::BoolTest { arg, value: Some(value), negated } => {
                let found = self.truth_of(arg, *value);
                if *negated { 1.0 - found } else { found }
            }
            ExprKind::BoolTest { arg, value: None, negated } => {
                let nulls = self.null_fraction(arg);
                if *negated { 1.0 - nulls } else { nulls }
            }
            ExprKind::ArrayCompare { any, left, array, op, .. } => self.array(condition, *any, op, left, array),
            ExprKind::RowCompare { .. } => stats::INEQ_SELECTIVITY,
            ExprKind::Call { callee, .. } => self.call(condition, callee),
            _ => self.tried(condition).unwrap_or(stats::OTHER_SELECTIVITY),
        }
    }

    fn null_fraction(&self, arg: &Expr) -> f64 {
        match self.variable(arg) {
            Some(v) if v.not_null => 0.0,
            Some(Variable { statistics: Some(s), .. }) => f64::from(s.null_fraction),
            _ => stats::NULL_SELECTIVITY,
        }
    }

    fn truth_of(&self, arg: &Expr, value: bool) -> f64 {
        let Some(Variable { statistics: Some(s), .. }) = self.variable(arg) else { return 0.5 };
        match common(&s, &Datum::Bool(value), Oid::BOOL) {
            Some(frequency) => frequency,
            None => {
                let other = common(&s, &Datum::Bool(!value), Oid::BOOL).unwrap_or(0.5);
                1.0 - other - f64::from(s.null_fraction)
            }
        }
    }

    fn call(&self, condition: &Expr, callee: &Callee) -> f64 {
        let Some(binary) = props::binary(condition) else {
            return self.tried(condition).unwrap_or(match callee {
                Callee::Builtin(f) if f.symbol.contains("like") || f.symbol.contains("regex") => stats::MATCH_SELECTIVITY,
                _ => stats::INEQ_SELECTIVITY,
            });
        };
        let (column, value) = match (props::as_column(binary.left), props::as_column(binary.right)) {
            (None, Some(_)) => (binary.right, binary.left),
            _ => (binary.left, binary.right),
        };
        match binary.symbol {
            "=" if props::as_column(value).is_some() => self.join_equality(binary.left, binary.right),
            "=" => self.equality(condition, column, value),
            "<>" => {
                let nulls = self.variable(column).and_then(|v| v.statistics).map_or(0.0, |s| f64::from(s.null_fraction));
                let equal = match props::as_column(value) {
                    Some(_) => self.join_equality(binary.left, binary.right),
                    None => self.equality(condition, column, value),
                };
                1.0 - equal - nulls
            }
            "<" | "<=" | ">" | ">=" => {
                self.inequality(condition).or_else(|| self.tried(condition)).unwrap_or(stats::INEQ_SELECTIVITY)
            }
            "~~" | "~~*" | "~" | "~*" | "^@" => self.tried(condition).unwrap_or(stats::MATCH_SELECTIVITY),
            "!~~" | "!~~*" | "!~" | "!~*" => self.tried(condition).unwrap_or(1.0 - stats::MATCH_SELECTIVITY),
            "@>" | "<@" | "&&" | "?" | "@@" => 0.01,
            _ => self.tried(condition).unwrap_or(stats::OTHER_SELECTIVITY),
        }
    }

    /// `=` with something that is not a column.
    fn equality(&self, condition: &Expr, column: &Expr, value: &Expr) -> f64 {
        let Some(variable) = self.variable(column) else {
            // The negation of what is tried is what `<>` asks for: only equalities are.
            let equal = props::binary(condition).is_some_and(|b| b.symbol == "=");
            return self.tried(condition).map_or(stats::EQ_SELECTIVITY, |s| if equal { s } else { 1.0 - s });
        };
        if variable.unique {
            return 1.0 / variable.rows;
        }
        match (&variable.statistics, &value.kind) {
            (_, ExprKind::Const(Datum::Null)) => 0.0,
            (Some(s), ExprKind::Const(constant)) => equal_to(s, constant, &variable),
            (Some(s), _) => {
                let one = (1.0 - f64::from(s.null_fraction)) / variable.distinct().max(1.0);
                s.frequencies.first().map_or(one, |&most| one.min(f64::from(most)))
            }
            (None, _) => 1.0 / variable.distinct().max(1.0),
        }
    }

    /// `<` and its relatives between a column and a constant; `None` where PostgreSQL would guess.
    fn inequality(&self, condition: &Expr) -> Option<f64> {
        let binary = props::binary(condition)?;
        if let Some(found) = self.of_aggregate(&binary) {
            return Some(found);
        }
        let (variable, constant, symbol) = match (self.variable(binary.left), self.variable(binary.right)) {
            (Some(v), None) => (v, fold::constant(binary.right)?, binary.symbol),
            (None, Some(v)) => (v, fold::constant(binary.left)?, turned(binary.symbol)),
            _ => return None,
        };
        if constant.is_null() {
            return Some(0.0);
        }
        let s = variable.statistics.as_ref()?;
        let holds = |order: Ordering| match symbol {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        };
        let mut listed = 0.0;
        for (value, frequency) in s.common.iter().zip(&s.frequencies) {
            if holds(order(value, constant, variable.ty)?) {
                listed += f64::from(*frequency);
            }
        }
        let rest = rest(s);
        if s.histogram.len() < 2 {
            return Some(listed + rest * 0.5);
        }
        let below = below(&s.histogram, constant, variable.ty)?;
        let part = if matches!(symbol, "<" | "<=") { below } else { 1.0 - below };
        let least = 0.01 / (s.histogram.len() - 1) as f64;
        Some(listed + rest * part.clamp(least, 1.0 - least))
    }

    /// An aggregate compared with a constant: aggregates are about normally distributed.
    fn of_aggregate(&self, binary: &props::Binary<'_>) -> Option<f64> {
        let (moments, constant, symbol) = match (self.aggregate(binary.left), self.aggregate(binary.right)) {
            (Some(m), None) => (m, fold::constant(binary.right)?, binary.symbol),
            (None, Some(m)) => (m, fold::constant(binary.left)?, turned(binary.symbol)),
            _ => return None,
        };
        let (mean, variance) = moments;
        let away = (scalar(constant)? - mean) / variance.max(1e-9).sqrt();
        let below = 1.0 / (1.0 + (-1.702 * away).exp());
        let part = if matches!(symbol, "<" | "<=") { below } else { 1.0 - below };
        Some(part.clamp(LEAST_GROUPS, 1.0 - LEAST_GROUPS))
    }

    fn array(&self, condition: &Expr, any: bool, op: &Callee, left: &Expr, array: &Expr) -> f64 {
        let constants: Option<Vec<Datum>> = match &array.kind {
            ExprKind::Const(Datum::Array(a)) => Some(a.values.clone()),
            _ => None,
        };
        let count = match &array.kind {
            ExprKind::Const(Datum::Array(a)) => a.values.len() as f64,
            ExprKind::Array { elements, .. } => elements.len() as f64,
            _ => 10.0,
        };
        let symbol = match op {
            Callee::Builtin(f) => f.symbol,
            Callee::User(_) => "",
        };
        let negated = symbol.ends_with("ne");
        if !negated && !symbol.ends_with("eq") {
            let one = self.tried(condition).unwrap_or(stats::INEQ_SELECTIVITY);
            return if any { (one * count).min(1.0) } else { one.powf(count) };
        }
        let one = |value: Option<&Datum>| match (self.variable(left), value) {
            (Some(v), _) if v.unique => 1.0 / v.rows,
            (Some(v), Some(value)) if v.statistics.is_some() => v.statistics.as_ref().map_or(0.0, |s| equal_to(s, value, &v)),
            (Some(v), _) => 1.0 / v.distinct().max(1.0),
            (None, _) => stats::EQ_SELECTIVITY,
        };
        if self.variable(left).is_none()
            && let Some(tried) = self.tried(condition)
        {
            return tried;
        }
        let sum: f64 = match &constants {
            Some(list) => list.iter().filter(|v| !v.is_null()).map(|v| one(Some(v))).sum(),
            None => one(None) * count,
        };
        match (any, negated) {
            (true, false) => sum.min(1.0),
            (false, true) => (1.0 - sum).max(0.0),
            (false, false) => one(None).powf(count),
            (true, true) => 1.0,
        }
    }

    /// The part of a column's known values a condition on nothing else accepts.
    fn tried(&self, condition: &Expr) -> Option<f64> {
        let columns = walk::expr_columns(condition);
        let mut ids = columns.iter();
        let (Some(&id), None) = (ids.next(), ids.next()) else { return None };
        let variable = self.variable_of(id)?;
        let s = variable.statistics.as_ref()?;
        if walk::is_volatile(condition) || walk::has_subquery(condition) {
            return None;
        }
        let accepts = |value: &Datum| accepts(condition, id, value, variable.ty);
        let mut listed = 0.0;
        for (value, frequency) in s.common.iter().zip(&s.frequencies) {
            if accepts(value)? {
                listed += f64::from(*frequency);
            }
        }
        // The outermost bounds are extremes: they say least about the others.
        let inner = match s.histogram.len() {
            0..=2 => &[],
            n => &s.histogram[1..n - 1],
        };
        if inner.is_empty() {
            return Some(listed + rest(s) * if s.common.is_empty() { stats::MATCH_SELECTIVITY } else { 0.1 });
        }
        let mut accepted = 0.0;
        for value in inner {
            accepted += f64::from(u8::from(accepts(value)?));
        }
        let n = inner.len() as f64;
        let part = if accepted == 0.0 { 0.5 / n.max(ENOUGH) } else { accepted / n };
        Some(listed + rest(s) * part.min(0.9999))
    }
}

fn flatten<'e>(condition: &'e Expr, into: &mut Vec<&'e Expr>) {
    match &condition.kind {
        ExprKind::And(arms) => arms.iter().for_each(|a| flatten(a, into)),
        _ => into.push(condition),
    }
}

fn turned(symbol: &str) -> &str {
    match symbol {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

/// Part of the rows whose value is neither NULL nor a common one.
fn rest(s: &ColumnStatistics) -> f64 {
    let listed: f64 = s.frequencies.iter().map(|f| f64::from(*f)).sum();
    (1.0 - f64::from(s.null_fraction) - listed).max(0.0)
}

/// Frequency of a common value.
fn common(s: &ColumnStatistics, value: &Datum, ty: Oid) -> Option<f64> {
    let at = s.common.iter().position(|c| order(c, value, ty) == Some(Ordering::Equal))?;
    s.frequencies.get(at).map(|f| f64::from(*f))
}

/// `column = constant` (`var_eq_const`).
fn equal_to(s: &ColumnStatistics, constant: &Datum, variable: &Variable) -> f64 {
    if let Some(frequency) = common(s, constant, variable.ty) {
        return frequency;
    }
    let others = variable.distinct() - s.common.len() as f64;
    let one = if others > 1.0 { rest(s) / others } else { rest(s) };
    s.frequencies.last().map_or(one, |&least| one.min(f64::from(least)))
}

/// Whether a condition holds when its one column has this value.
fn accepts(condition: &Expr, id: ColId, value: &Datum, ty: Oid) -> Option<bool> {
    let mut tried = condition.clone();
    let with = Replacements::from_iter([(id, Expr { collation: condition.collation, ..Expr::constant(value.clone(), ty) })]);
    walk::substitute(&mut tried, &with);
    fold::fold(&mut tried);
    match &tried.kind {
        ExprKind::Const(Datum::Bool(b)) => Some(*b),
        ExprKind::Const(Datum::Null) => Some(false),
        ExprKind::ArrayCompare { any: true, op: Callee::Builtin(f), left, array, .. } if f.symbol.ends_with("eq") => {
            let (ExprKind::Const(value), ExprKind::Const(Datum::Array(list))) = (&left.kind, &array.kind) else { return None };
            Some(list.values.iter().any(|v| !v.is_null() && order(value, v, left.ty.oid) == Some(Ordering::Equal)))
        }
        _ => None,
    }
}

/// The part of a histogram below a value, as far as the value's place within its range can be told.
fn below(bounds: &[Datum], value: &Datum, ty: Oid) -> Option<f64> {
    let last = bounds.len() - 1;
    order(&bounds[0], value, ty)?;
    let at = bounds.partition_point(|b| order(b, value, ty) == Some(Ordering::Less));
    if at == 0 {
        return Some(0.0);
    }
    if at > last {
        return Some(1.0);
    }
    Some(((at - 1) as f64 + within(&bounds[at - 1], &bounds[at], value)) / last as f64)
}

/// Where between two values a third lies: 0 to 1.
fn within(low: &Datum, high: &Datum, value: &Datum) -> f64 {
    let (low, high, value) = match (low, high, value) {
        (Datum::Text(l), Datum::Text(h), Datum::Text(v)) => texts(l, h, v),
        _ => match (scalar(low), scalar(high), scalar(value)) {
            (Some(l), Some(h), Some(v)) => (l, h, v),
            _ => return 0.5,
        },
    };
    if high <= low { 0.5 } else { ((value - low) / (high - low)).clamp(0.0, 1.0) }
}

/// Texts as fractions of their bytes, after what they have in common.
fn texts(low: &str, high: &str, value: &str) -> (f64, f64, f64) {
    let shared = low.bytes().zip(high.bytes()).zip(value.bytes()).take_while(|((l, h), v)| l == h && l == v).count();
    let fraction = |s: &str| s.bytes().skip(shared).take(8).rev().fold(0.0, |f, b| (f + f64::from(b)) / 256.0);
    (fraction(low), fraction(high), fraction(value))
}

/// The order of two values, of one kind or both numbers or both moments.
pub(super) fn order(a: &Datum, b: &Datum, ty: Oid) -> Option<Ordering> {
    if std::mem::discriminant(a) == std::mem::discriminant(b) {
        return Some(compare_as(a, b, ty));
    }
    scalar(a)?.partial_cmp(&scalar(b)?)
}

impl ColumnStatistics {
    /// Mean and variance of the values, where they are numbers.
    pub(super) fn moments(&self) -> Option<(f64, f64)> {
        let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let mut add = |value: &Datum, share: f64| {
            let number = scalar(value)?;
            weight += share;
            sum += share * number;
            squares += share * number * number;
            Some(())
        };
        for (value, frequency) in self.common.iter().zip(&self.frequencies) {
            add(value, f64::from(*frequency))?;
        }
        let share = rest(self) / self.histogram.len().max(1) as f64;
        for value in self.histogram.iter() {
            add(value, share)?;
        }
        if weight <= 0.0 {
            return None;
        }
        let mean = sum / weight;
        Some((mean, (squares / weight - mean * mean).max(0.0)))
    }
}

/// A value as a number: moments in microseconds.
pub(super) fn scalar(value: &Datum) -> Option<f64> {
    const DAY: f64 = 86_400_000_000.0;
    Some(match value {
        Datum::Bool(b) => f64::from(u8::from(*b)),
        Datum::Int2(v) => f64::from(*v),
        Datum::Int4(v) => f64::from(*v),
        Datum::Int8(v) => *v as f64,
        Datum::Float4(v) => f64::from(*v),
        Datum::Float8(v) => *v,
        Datum::Numeric(n) => n.to_string().parse().ok()?,
        Datum::Oid(o) => f64::from(o.0),
        Datum::Date(d) => f64::from(*d) * DAY,
        Datum::Timestamp(t) | Datum::TimestampTz(t) | Datum::Time(t) | Datum::Money(t) => *t as f64,
        Datum::U64(v) => *v as f64,
        Datum::Interval(i) => interval_span(i) as f64,
        _ => return None,
    })
}
