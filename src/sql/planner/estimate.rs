//! How many rows come out of a plan, and what is known about its columns.
//!
//! The model is PostgreSQL's: what ANALYZE found, its default guesses where nothing is known, sharpened by what the schema says for
//! certain (a unique key has as many distinct values as the table has rows). `selectivity` is about conditions, `joinsel` about
//! joins and groups.

use super::props;
use super::stats::{self, Stats};
use super::walk;
use crate::sql::catalog::objects::{Relation, RelationRef};
use crate::sql::catalog::statistics::{ColumnStatistics, TableStatistics};
use crate::sql::plan::{AggCall, Callee, ColId, Expr, ExprKind, Output, Rel, Scan, ScanColumn, SetOpKind};
use crate::sql::types::Oid;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Where a column comes from.
#[derive(Clone, Copy)]
struct Origin {
    scan: usize,
    column: u16,
}

/// A scan of the statement.
struct ScanFacts {
    relation: RelationRef,
    rows: f64,
    /// Rows its conditions leave.
    filtered: f64,
    statistics: Option<Arc<TableStatistics>>,
}

/// A column as its table knows it.
pub struct Variable {
    /// Which scan of the statement.
    pub scan: usize,
    /// Its position in the table.
    pub column: u16,
    /// Its type.
    pub ty: Oid,
    /// Rows of the table.
    pub rows: f64,
    /// A unique index of its own.
    pub unique: bool,
    /// NOT NULL.
    pub not_null: bool,
    /// What ANALYZE found.
    pub statistics: Option<Arc<ColumnStatistics>>,
    /// Distinct values, as far as known.
    distinct: Option<f64>,
}

impl Variable {
    /// Distinct values.
    pub fn distinct(&self) -> f64 {
        self.distinct.unwrap_or(stats::DEFAULT_DISTINCT).min(self.rows).max(1.0)
    }

    /// Whether the number of distinct values is more than a guess.
    pub fn is_known(&self) -> bool {
        self.distinct.is_some()
    }
}

/// Rows of a table and its statistics.
type TableFacts = (f64, Option<Arc<TableStatistics>>);

/// Estimates for one statement.
pub struct Estimator<'a> {
    /// Sizes of relations.
    pub stats: &'a dyn Stats,
    origins: HashMap<ColId, Origin>,
    scans: Vec<ScanFacts>,
    tables: RefCell<HashMap<Oid, TableFacts>>,
    ctes: HashMap<crate::sql::plan::CteId, f64>,
    /// Mean and variance of aggregates over a group.
    aggregates: HashMap<ColId, (f64, f64)>,
}

impl<'a> Estimator<'a> {
    /// An estimator that knows the columns of `rel`.
    pub fn new(stats: &'a dyn Stats, rel: &Rel) -> Self {
        let mut estimator = Self {
            stats,
            origins: HashMap::new(),
            scans: Vec::new(),
            tables: RefCell::default(),
            ctes: HashMap::new(),
            aggregates: HashMap::new(),
        };
        estimator.learn(rel);
        estimator
    }

    fn learn(&mut self, rel: &Rel) {
        for child in walk::children(rel) {
            self.learn(child);
        }
        match rel {
            Rel::Scan(scan) => self.learn_scan(scan),
            Rel::Filter { input, .. } => {
                if let Rel::Scan(scan) = &**input
                    && let Some(origin) = scan.columns.iter().find_map(|(o, _)| self.origins.get(&o.id)).copied()
                {
                    self.scans[origin.scan].filtered = self.rows(rel);
                }
            }
            Rel::Project { exprs, .. } | Rel::Aggregate { group: exprs, .. } => {
                for (output, e) in exprs {
                    if let Some(origin) = props::as_column(e).and_then(|id| self.origins.get(&id).copied()) {
                        self.origins.insert(output.id, origin);
                    }
                }
            }
            _ => {}
        }
        match rel {
            Rel::Aggregate { input, group, sets: None, aggs, .. } if !group.is_empty() && !aggs.is_empty() => {
                self.learn_aggregates(input, group, aggs);
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

    fn learn_scan(&mut self, scan: &Scan) {
        let number = self.scans.len();
        let (rows, statistics) = self.table(&scan.relation);
        self.scans.push(ScanFacts { relation: scan.relation.clone(), rows, filtered: rows, statistics });
        for (output, column) in &scan.columns {
            if let ScanColumn::Column(position) = column {
                self.origins.insert(output.id, Origin { scan: number, column: *position });
            }
        }
    }

    /// What sums, counts and averages over groups are like, for HAVING.
    fn learn_aggregates(&mut self, input: &Rel, group: &[(Output, Expr)], aggs: &[(Output, AggCall)]) {
        let rows = self.rows(input);
        let group: Vec<Expr> = group.iter().map(|(_, e)| e.clone()).collect();
        let size = (rows / self.groups(&group, rows)).max(1.0);
        for (output, agg) in aggs.iter().filter(|(_, a)| a.filter.is_none() && !a.distinct) {
            let moments = agg.args.first().and_then(|e| self.variable(e)?.statistics?.moments());
            let found = match (agg.func.name, moments) {
                ("count", _) => Some((size, size)),
                // The number of rows varies as well as the values.
                ("sum", Some((mean, variance))) => Some((size * mean, size * (variance + mean * mean))),
                ("avg", Some((mean, variance))) => Some((mean, variance / size)),
                _ => None,
            };
            self.aggregates.extend(found.map(|f| (output.id, f)));
        }
    }

    /// Mean and variance of an aggregate's values.
    pub(super) fn aggregate(&self, expr: &Expr) -> Option<(f64, f64)> {
        self.aggregates.get(&props::as_column(expr)?).copied()
    }

    fn table(&self, relation: &Relation) -> TableFacts {
        if let Some(known) = self.tables.borrow().get(&relation.oid) {
            return known.clone();
        }
        let facts = (self.stats.rows(relation).max(1.0), self.stats.table(relation));
        self.tables.borrow_mut().insert(relation.oid, facts.clone());
        facts
    }

    /// Rows of a table, at least one.
    pub fn table_rows(&self, relation: &Relation) -> f64 {
        self.table(relation).0
    }

    /// What ANALYZE found about a table.
    pub fn statistics(&self, relation: &Relation) -> Option<Arc<TableStatistics>> {
        self.table(relation).1
    }

    /// Pages of 8 kB a table takes in PostgreSQL's heap.
    pub fn table_pages(&self, relation: &Relation) -> f64 {
        let (rows, statistics) = self.table(relation);
        match statistics {
            Some(s) if s.rows > 0.0 => (f64::from(s.pages) * rows / s.rows).ceil().max(1.0),
            _ => {
                let width: u32 = relation.live_columns().map(|(_, c)| type_width(c.ty)).sum();
                let per_page = (8168.0 / f64::from(width.next_multiple_of(8) + 28)).floor().max(1.0);
                (rows / per_page).ceil().max(1.0)
            }
        }
    }

    /// Rows of a scan's table, and those its conditions leave.
    pub(super) fn scan_sizes(&self, scan: usize) -> (f64, f64) {
        self.scans.get(scan).map_or((1.0, 1.0), |s| (s.rows, s.filtered))
    }

    /// Whether these columns of a scan hold a unique key of its table.
    pub(super) fn holds_key(&self, scan: usize, variables: &[Variable]) -> bool {
        let Some(facts) = self.scans.get(scan) else { return false };
        facts.relation.indexes.iter().any(|i| {
            (i.unique || i.primary)
                && i.predicate.is_none()
                && i.keys.iter().all(|k| k.column.is_some_and(|c| variables.iter().any(|v| v.column == c)))
        })
    }

    /// The column an expression is, as its table knows it.
    pub fn variable(&self, expr: &Expr) -> Option<Variable> {
        self.variable_of(props::as_column(expr)?)
    }

    /// A column as its table knows it.
    pub fn variable_of(&self, id: ColId) -> Option<Variable> {
        let origin = self.origins.get(&id)?;
        let facts = &self.scans[origin.scan];
        let column = facts.relation.columns.get(usize::from(origin.column))?;
        let statistics = facts.statistics.as_ref().and_then(|s| s.column(&facts.relation, origin.column)).cloned();
        let unique = facts.relation.indexes.iter().any(|i| {
            (i.unique || i.primary) && i.predicate.is_none() && i.keys.len() == 1 && i.keys[0].column == Some(origin.column)
        });
        let distinct = match &statistics {
            _ if unique => Some(facts.rows),
            Some(s) => s.distinct_of(facts.rows),
            None => guessed_distinct(&facts.relation, origin.column, facts.rows),
        };
        Some(Variable {
            scan: origin.scan,
            column: origin.column,
            ty: column.ty.oid,
            rows: facts.rows,
            unique,
            not_null: column.not_null,
            statistics,
            distinct,
        })
    }

    /// Distinct values of an expression among `rows` rows.
    pub fn ndv(&self, expr: &Expr, rows: f64) -> f64 {
        self.variable(expr).map_or(stats::DEFAULT_DISTINCT, |v| v.distinct()).min(rows).max(1.0)
    }

    /// Average bytes of a column.
    pub fn width(&self, output: &Output) -> u32 {
        match self.variable_of(output.id).and_then(|v| v.statistics) {
            Some(s) if s.width > 0 => s.width as u32,
            _ => type_width(output.ty),
        }
    }

    /// Bytes of a row of these columns.
    pub fn row_width(&self, outputs: &[Output]) -> u32 {
        outputs.iter().map(|o| self.width(o)).sum()
    }

    /// Whether the column is a table's NOT NULL column (an outer join may still have made it NULL).
    pub fn is_not_null(&self, id: ColId) -> bool {
        self.variable_of(id).is_some_and(|v| v.not_null)
    }

    /// Rows of a plan's table before conditions.
    pub fn base_rows(&self, rel: &Rel) -> f64 {
        match rel {
            Rel::Scan(scan) => self.table_rows(&scan.relation),
            Rel::Filter { input, .. } | Rel::Project { input, .. } => self.base_rows(input),
            other => self.rows(other).max(1.0),
        }
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
        let rest = self.all(&rest);
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

/// Distinct values of a column of a table that was never analyzed, where its kind or an index say something.
fn guessed_distinct(relation: &Relation, position: u16, rows: f64) -> Option<f64> {
    let column = relation.columns.get(usize::from(position))?;
    if column.ty.oid == Oid::BOOL {
        return Some(2.0);
    }
    // People index columns that tell rows apart: a foreign key has a few rows per value, rarely thousands.
    let leads = relation.indexes.iter().any(|i| i.keys.first().is_some_and(|k| k.column == Some(position)));
    leads.then_some((rows / 10.0).max(stats::DEFAULT_DISTINCT).min(rows))
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
