//! How many rows come out: selectivities of conditions, sizes of joins and groups.
//!
//! The model is PostgreSQL's with its default guesses, sharpened by what the schema says for certain: a unique key has as many
//! distinct values as the table has rows.

use super::props;
use super::stats::{self, Stats};
use super::walk;
use crate::sql::catalog::objects::{Relation, RelationRef};
use crate::sql::plan::{Callee, ColId, Expr, ExprKind, JoinKind, Output, Rel, Scan, ScanColumn, SetOpKind};
use crate::sql::types::{Datum, Oid};
use std::collections::HashMap;

/// Where a column comes from.
#[derive(Clone)]
struct Origin {
    relation: RelationRef,
    column: u16,
}

/// Estimates for one statement.
pub struct Estimator<'a> {
    /// Sizes of relations.
    pub stats: &'a dyn Stats,
    origins: HashMap<ColId, Origin>,
    ctes: HashMap<crate::sql::plan::CteId, f64>,
}

impl<'a> Estimator<'a> {
    /// An estimator that knows the columns of `rel`.
    pub fn new(stats: &'a dyn Stats, rel: &Rel) -> Self {
        let mut estimator = Self { stats, origins: HashMap::new(), ctes: HashMap::new() };
        estimator.learn(rel);
        estimator
    }

    fn learn(&mut self, rel: &Rel) {
        for child in walk::children(rel) {
            self.learn(child);
        }
        match rel {
            Rel::Scan(scan) => {
                for (output, column) in &scan.columns {
                    if let ScanColumn::Column(position) = column {
                        let origin = Origin { relation: scan.relation.clone(), column: *position };
                        self.origins.insert(output.id, origin);
                    }
                }
            }
            Rel::Project { exprs, .. } | Rel::Aggregate { group: exprs, .. } => {
                for (output, e) in exprs {
                    if let Some(origin) = props::as_column(e).and_then(|id| self.origins.get(&id).cloned()) {
                        self.origins.insert(output.id, origin);
                    }
                }
            }
            Rel::With { ctes, .. } => {
                for cte in ctes {
                    let rows = self.rows(&cte.plan) * if cte.recursive.is_some() { 10.0 } else { 1.0 };
                    self.ctes.insert(cte.id, rows);
                }
            }
            _ => {}
        }
        walk::each_expr(rel, &mut |e| {
            walk::any(e, &mut |part| {
                if let ExprKind::Subquery(s) = &part.kind {
                    self.learn(&s.plan);
                }
                false
            });
        });
    }

    /// Rows of a table, at least one.
    pub fn table_rows(&self, relation: &Relation) -> f64 {
        self.stats.rows(relation).max(1.0)
    }

    /// Distinct values of a column, as far as known.
    pub fn known_ndv(&self, id: ColId) -> Option<f64> {
        let origin = self.origins.get(&id)?;
        let relation = &origin.relation;
        if let Some(ndv) = self.stats.ndv(relation, origin.column) {
            return Some(ndv.max(1.0));
        }
        let unique = relation.indexes.iter().any(|i| {
            (i.unique || i.primary) && i.predicate.is_none() && i.keys.len() == 1 && i.keys[0].column == Some(origin.column)
        });
        if unique {
            return Some(self.table_rows(relation));
        }
        let column = relation.columns.get(origin.column as usize)?;
        if column.ty.oid == Oid::BOOL {
            return Some(2.0);
        }
        // People index columns that tell rows apart: a foreign key has a few rows per value, rarely thousands.
        let leads = relation.indexes.iter().any(|i| i.keys.first().is_some_and(|k| k.column == Some(origin.column)));
        let rows = self.table_rows(relation);
        leads.then_some((rows / 10.0).max(stats::DEFAULT_DISTINCT).min(rows))
    }

    /// Distinct values of an expression among `rows` rows.
    pub fn ndv(&self, expr: &Expr, rows: f64) -> f64 {
        let known = props::as_column(expr).and_then(|id| self.known_ndv(id));
        known.unwrap_or(stats::DEFAULT_DISTINCT).min(rows).max(1.0)
    }

    /// Average bytes of a column.
    pub fn width(&self, output: &Output) -> u32 {
        if let Some(origin) = self.origins.get(&output.id)
            && let Some(width) = self.stats.width(&origin.relation, origin.column)
        {
            return width;
        }
        type_width(output.ty)
    }

    /// Bytes of a row of these columns.
    pub fn row_width(&self, outputs: &[Output]) -> u32 {
        outputs.iter().map(|o| self.width(o)).sum()
    }

    /// The part of the rows for which all conditions hold.
    pub fn all(&self, conditions: &[Expr]) -> f64 {
        conditions.iter().map(|c| self.selectivity(c)).product()
    }

    /// The part of the rows for which a condition holds.
    pub fn selectivity(&self, condition: &Expr) -> f64 {
        match &condition.kind {
            ExprKind::Const(Datum::Bool(true)) => 1.0,
            ExprKind::Const(_) => 0.0,
            ExprKind::And(arms) => self.conjunction(arms),
            ExprKind::Or(arms) => 1.0 - arms.iter().map(|a| 1.0 - self.selectivity(a)).product::<f64>(),
            ExprKind::Not(arg) => 1.0 - self.selectivity(arg),
            ExprKind::IsNull { arg, negated, .. } => {
                let nulls = if self.not_null(arg) { 0.0 } else { stats::NULL_SELECTIVITY };
                if *negated { 1.0 - nulls } else { nulls }
            }
            ExprKind::BoolTest { .. } | ExprKind::Column(_) => 0.5,
            ExprKind::ArrayCompare { any, left, array, op, .. } => self.array_selectivity(*any, op, left, array),
            ExprKind::RowCompare { .. } => stats::INEQ_SELECTIVITY,
            ExprKind::Call { callee, .. } => self.call_selectivity(condition, callee),
            _ => stats::OTHER_SELECTIVITY,
        }
    }

    /// Whether the column is a table's NOT NULL column (an outer join may still have made it NULL).
    pub fn is_not_null(&self, id: ColId) -> bool {
        let origin = self.origins.get(&id);
        origin.is_some_and(|o| o.relation.columns.get(o.column as usize).is_some_and(|c| c.not_null))
    }

    fn not_null(&self, expr: &Expr) -> bool {
        props::as_column(expr).is_some_and(|id| self.is_not_null(id))
    }

    /// A lower and an upper bound of one column are one range.
    fn conjunction(&self, arms: &[Expr]) -> f64 {
        let mut selectivity = 1.0;
        let mut bounds: Vec<(ColId, bool)> = Vec::new();
        for arm in arms {
            let bound = props::binary(arm).and_then(|b| {
                let id = props::as_column(b.left)?;
                matches!(b.symbol, "<" | "<=" | ">" | ">=").then_some((id, b.symbol.starts_with('<')))
            });
            match bound {
                Some((id, upper)) if bounds.contains(&(id, !upper)) => {
                    selectivity *= stats::RANGE_SELECTIVITY / stats::INEQ_SELECTIVITY;
                }
                _ => selectivity *= self.selectivity(arm),
            }
            bounds.extend(bound);
        }
        selectivity
    }

    fn equality(&self, expr: &Expr) -> f64 {
        match props::as_column(expr).and_then(|id| self.known_ndv(id)) {
            Some(ndv) => 1.0 / ndv,
            None => stats::EQ_SELECTIVITY,
        }
    }

    fn call_selectivity(&self, condition: &Expr, callee: &Callee) -> f64 {
        let Some(binary) = props::binary(condition) else {
            return match callee {
                Callee::Builtin(f) if f.symbol.contains("like") || f.symbol.contains("regex") => stats::MATCH_SELECTIVITY,
                _ => stats::INEQ_SELECTIVITY,
            };
        };
        let column = if props::as_column(binary.left).is_some() { binary.left } else { binary.right };
        match binary.symbol {
            "=" => match (props::as_column(binary.left), props::as_column(binary.right)) {
                (Some(_), Some(_)) => self.equality(binary.left).min(self.equality(binary.right)),
                _ => self.equality(column),
            },
            "<>" => 1.0 - self.equality(column),
            "<" | "<=" | ">" | ">=" => stats::INEQ_SELECTIVITY,
            "~~" | "~~*" | "~" | "~*" | "^@" => stats::MATCH_SELECTIVITY,
            "!~~" | "!~~*" | "!~" | "!~*" => 1.0 - stats::MATCH_SELECTIVITY,
            "@>" | "<@" | "&&" | "?" | "@@" => 0.01,
            _ => stats::OTHER_SELECTIVITY,
        }
    }

    fn array_selectivity(&self, any: bool, op: &Callee, left: &Expr, array: &Expr) -> f64 {
        let elements = match &array.kind {
            ExprKind::Const(Datum::Array(a)) => a.values.len() as f64,
            ExprKind::Array { elements, .. } => elements.len() as f64,
            _ => 10.0,
        };
        let one = match op {
            Callee::Builtin(f) if f.symbol.ends_with("eq") => self.equality(left),
            Callee::Builtin(f) if f.symbol.ends_with("ne") => 1.0 - self.equality(left),
            _ => stats::INEQ_SELECTIVITY,
        };
        if any { (one * elements).min(1.0) } else { one.powf(elements) }
    }

    /// The part of all pairs of rows an equality between two sides holds for.
    pub fn join_selectivity(&self, left: &Expr, right: &Expr, left_rows: f64, right_rows: f64) -> f64 {
        let of = |e: &Expr, rows: f64| match props::as_column(e).and_then(|id| self.known_ndv(id)) {
            Some(ndv) => ndv,
            None => rows.clamp(1.0, stats::DEFAULT_DISTINCT),
        };
        1.0 / of(left, left_rows).max(of(right, right_rows))
    }

    /// Rows of a join.
    pub fn join_rows(&self, kind: JoinKind, left: (&Rel, f64), right: (&Rel, f64), on: &[Expr]) -> f64 {
        let selectivity = self.on_selectivity(left, right, on);
        let (left_rows, right_rows) = (left.1, right.1);
        let inner = left_rows * right_rows * selectivity;
        match kind {
            JoinKind::Inner => inner,
            JoinKind::Left => inner.max(left_rows),
            JoinKind::Right => inner.max(right_rows),
            JoinKind::Full => inner.max(left_rows).max(right_rows),
            JoinKind::Semi => (left_rows * (right_rows * selectivity).min(1.0)).min(left_rows),
            JoinKind::Anti => (left_rows * (1.0 - (right_rows * selectivity).min(1.0))).max(left_rows * 0.1),
        }
    }

    fn on_selectivity(&self, left: (&Rel, f64), right: (&Rel, f64), on: &[Expr]) -> f64 {
        let (in_left, in_right) = (walk::output_ids(left.0), walk::output_ids(right.0));
        let (mut equal, mut other) = (1.0, 1.0);
        let (mut left_keys, mut right_keys) = (walk::ColSet::new(), walk::ColSet::new());
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
        equal * other * self.key_correction(left.0, &left_keys, equal).max(self.key_correction(right.0, &right_keys, equal))
    }

    /// Equalities on a whole key of several columns are not independent: each row finds its one row.
    pub fn key_correction(&self, rel: &Rel, keys: &walk::ColSet, equal: f64) -> f64 {
        if keys.len() < 2 || !props::unique_on(rel, keys) {
            return 1.0;
        }
        let base = self.base_rows(rel);
        if equal > 0.0 && 1.0 / base > equal { 1.0 / base / equal } else { 1.0 }
    }

    /// Rows of a plan's table before conditions.
    pub fn base_rows(&self, rel: &Rel) -> f64 {
        match rel {
            Rel::Scan(scan) => self.table_rows(&scan.relation),
            Rel::Filter { input, .. } | Rel::Project { input, .. } => self.base_rows(input),
            other => self.rows(other).max(1.0),
        }
    }

    /// Groups of an aggregation over `rows` rows.
    pub fn groups(&self, group: &[Expr], rows: f64) -> f64 {
        if group.is_empty() {
            return 1.0;
        }
        let product: f64 = group.iter().map(|e| self.ndv(e, rows)).product();
        product.min(rows).max(1.0)
    }

    /// Rows of a scan under conditions.
    pub fn scan_rows(&self, scan: &Scan, conditions: &[Expr]) -> f64 {
        let rows = self.table_rows(&scan.relation);
        let (fixed, rest): (Vec<&Expr>, Vec<&Expr>) =
            conditions.iter().partition(|c| props::binary(c).is_some_and(|b| b.symbol == "="));
        let mut columns = walk::ColSet::new();
        let own = scan.columns.iter().map(|(o, _)| o.id).collect();
        fixed.iter().for_each(|c| props::fixed_columns(c, &own, &mut columns));
        let rest: Vec<Expr> = rest.into_iter().cloned().collect();
        let rest = self.conjunction(&rest);
        if props::unique_on(&Rel::Scan(scan.clone()), &columns) {
            return rest.min(1.0);
        }
        rows * rest * fixed.iter().map(|c| self.selectivity(c)).product::<f64>()
    }

    /// Rows of a CTE.
    pub fn cte_rows(&self, cte: crate::sql::plan::CteId) -> f64 {
        self.ctes.get(&cte).copied().unwrap_or(100.0)
    }

    /// Rows of any logical plan.
    pub fn rows(&self, rel: &Rel) -> f64 {
        let rows = match rel {
            Rel::Scan(scan) => self.table_rows(&scan.relation),
            Rel::Values { rows, .. } => rows.len() as f64,
            Rel::FunctionScan { functions, .. } => functions.iter().map(|f| function_rows(&f.call)).fold(1.0, f64::max),
            Rel::Filter { input, predicate } => {
                let mut conditions = Vec::new();
                walk::conjuncts(predicate.clone(), &mut conditions);
                match &**input {
                    Rel::Scan(scan) => self.scan_rows(scan, &conditions),
                    other => self.rows(other) * self.all(&conditions),
                }
            }
            Rel::Project { input, .. } | Rel::Sort { input, .. } | Rel::Window { input, .. } | Rel::LockRows { input, .. } => {
                self.rows(input)
            }
            Rel::ProjectSet { input, exprs } => self.rows(input) * exprs.iter().map(|(_, e)| function_rows(e)).fold(1.0, f64::max),
            Rel::Join { kind, left, right, on, .. } => {
                self.join_rows(*kind, (left, self.rows(left)), (right, self.rows(right)), on)
            }
            Rel::Aggregate { input, group, sets, .. } => {
                let keys: Vec<Expr> = group.iter().map(|(_, e)| e.clone()).collect();
                let one = self.groups(&keys, self.rows(input));
                one * sets.as_ref().map_or(1.0, |s| s.len() as f64)
            }
            Rel::Limit { input, limit, .. } => limited(self.rows(input), limit.as_ref()),
            Rel::Distinct { input, on } => {
                let rows = self.rows(input);
                let keys: Vec<Expr> = on.clone().unwrap_or_else(|| walk::outputs(input).iter().map(walk::column_of).collect());
                self.groups(&keys, rows)
            }
            Rel::SetOp { kind, left, right, .. } => match kind {
                SetOpKind::Union => self.rows(left) + self.rows(right),
                SetOpKind::Intersect => self.rows(left).min(self.rows(right)),
                SetOpKind::Except => self.rows(left),
            },
            Rel::With { body, .. } => self.rows(body),
            Rel::CteScan { cte, .. } => self.cte_rows(*cte),
            Rel::Modify(m) => self.rows(&m.source),
            Rel::Empty { .. } => 0.0,
            Rel::Planned(..) => 1.0,
        };
        rows.max(1.0)
    }
}

/// Rows after a LIMIT.
pub fn limited(rows: f64, limit: Option<&Expr>) -> f64 {
    match limit {
        None => rows,
        Some(limit) => match props::const_int(limit) {
            Some(n) => rows.min(n.max(0) as f64),
            None => (rows * 0.1).max(1.0).min(rows),
        },
    }
}

/// Rows of a function in FROM or a select list.
pub fn function_rows(call: &Expr) -> f64 {
    match &call.kind {
        ExprKind::Call { callee, args, .. } | ExprKind::SetReturning { callee, args } => match callee {
            Callee::Builtin(f) if f.name == "generate_series" => series_rows(args).unwrap_or(f.rows.max(1.0)),
            Callee::Builtin(f) if f.returns_set => f.rows.max(1.0),
            Callee::User(f) if f.returns_set => 1000.0,
            _ => 1.0,
        },
        _ => 1.0,
    }
}

fn series_rows(args: &[Expr]) -> Option<f64> {
    let (first, last) = (props::const_int(args.first()?)?, props::const_int(args.get(1)?)?);
    let step = match args.get(2) {
        Some(step) => props::const_int(step)?,
        None => 1,
    };
    if step == 0 {
        return None;
    }
    let distance = if step > 0 { last.checked_sub(first)? } else { first.checked_sub(last)? };
    Some(((distance / step.abs()) + 1).max(0) as f64)
}

/// Average bytes of a type's values, as PostgreSQL guesses them.
pub fn type_width(ty: crate::sql::types::Type) -> u32 {
    match ty.oid {
        Oid::BOOL | Oid::CHAR => 1,
        Oid::INT2 => 2,
        Oid::INT4 | Oid::FLOAT4 | Oid::DATE | Oid::OID => 4,
        Oid::INT8 | Oid::FLOAT8 | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::TIME | Oid::MONEY => 8,
        Oid::UUID | Oid::INTERVAL => 16,
        Oid::NAME => 64,
        Oid::BPCHAR if ty.typmod > 4 => ty.typmod as u32,
        Oid::VARCHAR if ty.typmod > 4 && ty.typmod <= 36 => ty.typmod as u32,
        _ => 32,
    }
}
