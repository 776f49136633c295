//! Access paths: which index, if any, finds a scan's rows.
//!
//! Conditions of the form `column op value` (the value not depending on the row) are matched with the key columns of every index:
//! `=`, `= ANY (array)` and IS NULL fix leading columns, `<`, `<=`, `>`, `>=`, BETWEEN, row comparisons and `LIKE 'prefix%'` make a
//! range of the next one. The cheapest path wins; a path that answers the wanted order spares the sort.

use super::order::index_order;
use super::{Lower, Want};
use crate::sql::catalog::objects::{Index, RelKind};
use crate::sql::executor::batch::ColumnKind;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind, Output, RowOp, Scan, ScanColumn};
use crate::sql::planner::cost;
use crate::sql::planner::estimate::Estimator;
use crate::sql::planner::physical::{AccessPath, IndexPath, KeyCondition, KeyRange, Node, Physical, ScanNode};
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet};
use crate::sql::types::{Datum, Oid};

/// What an index makes of a scan's conditions.
struct Match {
    equal: Vec<KeyCondition>,
    range: Option<KeyRange>,
    /// Conditions (by number) the path stands for, and those it must still check.
    used: Vec<usize>,
    rechecked: Vec<usize>,
    any_of: bool,
    only: bool,
}

/// A possible path.
struct Path {
    access: AccessPath,
    reverse: bool,
    used: Vec<usize>,
    startup: f64,
    total: f64,
    ordered: bool,
    /// At most one row: every key column of a unique index is given.
    one_row: bool,
}

/// One condition on a key column.
enum Term {
    Equal(Expr),
    AnyOf(Expr),
    IsNull,
    NotNull,
    Lower(Expr, bool),
    Upper(Expr, bool),
}

impl Lower<'_> {
    /// A scan under conditions.
    pub(super) fn scan(&mut self, scan: Scan, conditions: Vec<Expr>, want: &Want) -> Physical {
        let outputs: Vec<Output> = scan.columns.iter().map(|(o, _)| o.clone()).collect();
        let rows = self.est.scan_rows(&scan, &conditions);
        let path = self.est.best_path(&scan, &conditions, rows, want);
        let mut used: Vec<usize> = path.used.clone();
        used.sort_unstable();
        let filter: Vec<Expr> =
            conditions.into_iter().enumerate().filter(|(i, _)| used.binary_search(i).is_err()).map(|(_, c)| c).collect();
        let filter = self.exprs(filter);
        let access = self.access_exprs(path.access);
        let table_rows = self.est.table_rows(&scan.relation);
        let much = match &access {
            AccessPath::Table => table_rows > 50_000.0,
            AccessPath::Index(_) => rows > 4_000.0 && !path.ordered,
        };
        let parallel = much && scan.relation.kind != RelKind::System;
        let node = ScanNode {
            relation: scan.relation,
            schema: scan.schema,
            alias: scan.alias,
            rte: scan.rte,
            columns: scan.columns.iter().map(|(_, c)| *c).collect(),
            access,
            reverse: path.reverse,
            filter,
            sample: scan.sample,
            limit_hint: None,
            parallel,
            ordered: path.ordered,
        };
        self.node(Node::Scan(node), outputs, rows.max(1.0), path.startup, path.total)
    }

    fn access_exprs(&mut self, access: AccessPath) -> AccessPath {
        let AccessPath::Index(mut path) = access else { return access };
        for key in &mut path.equal {
            if let KeyCondition::Equal(e) | KeyCondition::AnyOf(e) = key {
                self.expr_mut(e);
            }
        }
        if let Some(range) = &mut path.range {
            range.lower.iter_mut().chain(&mut range.upper).for_each(|(e, _)| self.expr_mut(e));
        }
        path.conditions.iter_mut().for_each(|e| self.expr_mut(e));
        AccessPath::Index(path)
    }
}

impl Estimator<'_> {
    fn best_path(&self, scan: &Scan, conditions: &[Expr], rows: f64, want: &Want) -> Path {
        let table_rows = self.table_rows(&scan.relation);
        let pages = self.table_pages(&scan.relation);
        let full = cost::full_scan(pages, table_rows, conditions.len());
        let mut table = Path {
            access: AccessPath::Table,
            reverse: false,
            used: Vec::new(),
            startup: 0.0,
            total: full,
            ordered: false,
            one_row: false,
        };
        if let Some(primary) = scan.relation.primary_key().filter(|i| i.number == 0 && scan.relation.kind == RelKind::Table) {
            (table.ordered, table.reverse) = self.answers(scan, primary, 0, want);
        }
        let mut best = table;
        if scan.sample.is_some() {
            best.reverse = false;
            return best;
        }
        let mut best_price = self.price(&best, rows, want);
        for index in scan.relation.indexes.iter().filter(|i| i.is_stored()) {
            let Some(path) = self.index_path(scan, index, conditions, table_rows, pages, want) else { continue };
            let price = self.price(&path, rows, want);
            if price < best_price {
                best_price = price;
                best = path;
            }
        }
        best
    }

    /// Cost of a path as its parent sees it: with the sort it does not spare, and only the rows asked for.
    fn price(&self, path: &Path, rows: f64, want: &Want) -> f64 {
        // One row by key: nothing is better, however small the table is now.
        if path.one_row {
            return -1.0;
        }
        let sorted = want.order.is_empty() || path.ordered;
        if !sorted {
            return path.total + 2.0 * cost::OPERATOR * rows * rows.max(2.0).log2();
        }
        match want.limit {
            Some(limit) if limit < rows => path.startup + (path.total - path.startup) * (limit / rows),
            _ => path.total,
        }
    }

    /// Whether an index answers the wanted order, and whether backwards.
    fn answers(&self, scan: &Scan, index: &Index, fixed: usize, want: &Want) -> (bool, bool) {
        if want.order.is_empty() {
            return (false, false);
        }
        let columns: Vec<(ColId, ScanColumn)> = scan.columns.iter().map(|(o, c)| (o.id, *c)).collect();
        let not_null = |id| self.is_not_null(id);
        for reverse in [false, true] {
            if index_order(index, fixed, &columns, reverse).satisfies(&want.order, &not_null) {
                return (true, reverse);
            }
        }
        (false, false)
    }

    fn index_path(
        &self,
        scan: &Scan,
        index: &Index,
        conditions: &[Expr],
        table_rows: f64,
        pages: f64,
        want: &Want,
    ) -> Option<Path> {
        if index.predicate.is_some() || !matches!(index.method.as_str(), "btree" | "hash" | "") {
            return None;
        }
        let found = match_index(scan, index, conditions);
        let fixed = if found.any_of {
            found.equal.iter().take_while(|k| !matches!(k, KeyCondition::AnyOf(_))).count()
        } else {
            found.equal.len()
        };
        let (ordered, reverse) = self.answers(scan, index, fixed, want);
        let narrowed = !found.equal.is_empty() || found.range.is_some();
        let covers = found.only && index.number != 0;
        if !narrowed && !ordered && !covers {
            return None;
        }
        let matched: Vec<Expr> = found.used.iter().chain(&found.rechecked).map(|&i| conditions[i].clone()).collect();
        let entries = self.scan_rows(scan, &matched).max(1.0);
        let clustered = index.number == 0 && index.primary;
        let seeks = found.equal.iter().map(any_of_count).product::<f64>();
        let part = (entries / table_rows).min(1.0);
        let fetch = match (clustered, found.only) {
            (true, _) => pages * part,
            (false, true) => pages * part * 0.4,
            (false, false) => entries * cost::GET,
        };
        let rest = (conditions.len() - found.used.len()) as f64;
        let startup = cost::SEEK;
        let total =
            startup + (seeks - 1.0).max(0.0) * cost::SEEK + fetch + entries * (cost::ENTRY + cost::ROW + cost::OPERATOR * rest);
        let shown = |i: &usize| {
            let condition = &conditions[*i];
            let mine =
                scan.columns.iter().find(|(o, _)| props::binary(condition).and_then(|b| props::as_column(b.right)) == Some(o.id));
            mine.map_or_else(|| condition.clone(), |(o, _)| props::column_first(condition, o.id))
        };
        let used_conditions = found.used.iter().chain(&found.rechecked).map(shown).collect();
        let given = found.equal.iter().all(|k| matches!(k, KeyCondition::Equal(_)));
        let one_row = (index.unique || index.primary) && given && found.equal.len() == index.keys.len();
        let path = IndexPath {
            index: index.oid,
            name: index.name.clone(),
            key_types: index.keys.iter().take(found.equal.len() + 1).map(|k| k.ty.oid).collect(),
            equal: found.equal,
            range: found.range,
            conditions: used_conditions,
            only: found.only,
        };
        Some(Path { access: AccessPath::Index(path), reverse, used: found.used, startup, total, ordered, one_row })
    }

    /// An index of a scan usable for equality lookups on these columns: the index, how many leading keys, and whether they make a
    /// unique key.
    pub(super) fn lookup_index<'s>(&self, scan: &'s Scan, keys: &[(ColId, ColumnKind)]) -> Option<(&'s Index, Vec<usize>, bool)> {
        let mut best: Option<(&Index, Vec<usize>, bool)> = None;
        for index in scan.relation.indexes.iter().filter(|i| i.is_stored()) {
            if index.predicate.is_some() || !matches!(index.method.as_str(), "btree" | "hash" | "") {
                continue;
            }
            let mut positions = Vec::new();
            for key in &index.keys {
                let Some(id) = key.column.and_then(|p| scan_column(scan, p)) else { break };
                let Some(at) = keys.iter().position(|(k, kind)| *k == id && *kind == ColumnKind::of(key.ty.oid)) else { break };
                positions.push(at);
            }
            let unique = (index.unique || index.primary) && positions.len() == index.keys.len();
            let better = match &best {
                None => !positions.is_empty(),
                Some((_, have, have_unique)) => (unique, positions.len()) > (*have_unique, have.len()),
            };
            if better {
                best = Some((index, positions, unique));
            }
        }
        best
    }
}

/// Cost of reading a scan's rows the best way.
pub fn scan_cost(estimator: &Estimator<'_>, scan: &Scan, conditions: &[Expr]) -> f64 {
    estimator.best_path(scan, conditions, estimator.scan_rows(scan, conditions), &Want::default()).total
}

/// Whether an index holds every column a scan reads.
pub fn covers(scan: &Scan, index: &Index) -> bool {
    let primary: Vec<u16> =
        scan.relation.primary_key().map(|p| p.keys.iter().filter_map(|k| k.column).collect()).unwrap_or_default();
    scan.columns.iter().all(|(_, c)| match c {
        ScanColumn::Column(p) => {
            index.keys.iter().any(|k| k.column == Some(*p)) || index.include.contains(p) || primary.contains(p)
        }
        ScanColumn::TableOid | ScanColumn::RowKey => true,
        _ => false,
    })
}

fn any_of_count(key: &KeyCondition) -> f64 {
    match key {
        KeyCondition::AnyOf(array) => match &array.kind {
            ExprKind::Const(Datum::Array(a)) => a.values.len().max(1) as f64,
            ExprKind::Array { elements, .. } => elements.len().max(1) as f64,
            _ => 10.0,
        },
        _ => 1.0,
    }
}

fn scan_column(scan: &Scan, position: u16) -> Option<ColId> {
    scan.columns.iter().find(|(_, c)| *c == ScanColumn::Column(position)).map(|(o, _)| o.id)
}

fn match_index(scan: &Scan, index: &Index, conditions: &[Expr]) -> Match {
    let own: ColSet = scan.columns.iter().map(|(o, _)| o.id).collect();
    let mut found =
        Match { equal: Vec::new(), range: None, used: Vec::new(), rechecked: Vec::new(), any_of: false, only: covers(scan, index) };
    for key in &index.keys {
        let Some(column) = key.column.and_then(|p| scan_column(scan, p)) else { break };
        let terms: Vec<(usize, Term, bool)> = conditions
            .iter()
            .enumerate()
            .flat_map(|(i, c)| terms_on(c, column, key.ty.oid, &own).into_iter().map(move |(t, exact)| (i, t, exact)))
            .collect();
        if !fix(&mut found, &terms) {
            range(&mut found, terms);
            break;
        }
    }
    found
}

/// Fixes the next key column if a condition does.
fn fix(found: &mut Match, terms: &[(usize, Term, bool)]) -> bool {
    let rank = |t: &Term| match t {
        Term::Equal(_) => 0,
        Term::IsNull => 1,
        Term::AnyOf(_) => 2,
        _ => 3,
    };
    let Some((i, term, exact)) = terms.iter().filter(|(_, t, _)| rank(t) < 3).min_by_key(|(_, t, _)| rank(t)) else { return false };
    let key = match term {
        Term::Equal(e) => KeyCondition::Equal(e.clone()),
        Term::AnyOf(e) => {
            found.any_of = true;
            KeyCondition::AnyOf(e.clone())
        }
        _ => KeyCondition::IsNull,
    };
    found.equal.push(key);
    if *exact {
        found.used.push(*i)
    } else {
        found.rechecked.push(*i)
    }
    true
}

fn range(found: &mut Match, terms: Vec<(usize, Term, bool)>) {
    let mut range = KeyRange::default();
    let mut inexact: Vec<usize> = Vec::new();
    let mut touched: Vec<usize> = Vec::new();
    for (i, term, exact) in terms {
        match term {
            Term::Lower(e, inclusive) => range.lower.push((e, inclusive)),
            Term::Upper(e, inclusive) => range.upper.push((e, inclusive)),
            Term::NotNull => range.not_null = true,
            _ => continue,
        }
        touched.push(i);
        if !exact {
            inexact.push(i);
        }
    }
    touched.dedup();
    if range.lower.is_empty() && range.upper.is_empty() && !range.not_null {
        return;
    }
    for i in touched {
        if inexact.contains(&i) { found.rechecked.push(i) } else { found.used.push(i) }
    }
    found.range = Some(range);
}

/// Whether values of a type may be compared with keys of another without conversion.
fn comparable(key: Oid, value: Oid) -> bool {
    use ColumnKind as K;
    let (k, v) = (ColumnKind::of(key), ColumnKind::of(value));
    match (k, v) {
        (K::Int2 | K::Int4 | K::Int8, K::Int2 | K::Int4 | K::Int8) | (K::Float4 | K::Float8, K::Float4 | K::Float8) => true,
        (K::Datum, K::Datum) => key == value || same_representation(key, value),
        _ => k == v,
    }
}

/// Types of no vector kind whose values are the same datums.
fn same_representation(a: Oid, b: Oid) -> bool {
    let class = |t: Oid| match t {
        Oid::INET | Oid::CIDR => 1,
        Oid::BIT | Oid::VARBIT => 2,
        t if t.0 >= Oid::FIRST_NORMAL.0 => 3,
        Oid::ANYENUM => 3,
        _ => 0,
    };
    class(a) != 0 && class(a) == class(b)
}

fn usable(value: &Expr, own: &ColSet) -> bool {
    !walk::is_volatile(value) && walk::expr_columns(value).is_disjoint(own)
}

/// What a condition says about a key column: terms, and whether they say all of it.
fn terms_on(condition: &Expr, column: ColId, key_type: Oid, own: &ColSet) -> Vec<(Term, bool)> {
    match &condition.kind {
        ExprKind::Column(id) if *id == column => vec![(Term::Equal(Expr::constant(Datum::Bool(true), Oid::BOOL)), true)],
        ExprKind::Not(arg) if walk::is_column(arg, column) => {
            vec![(Term::Equal(Expr::constant(Datum::Bool(false), Oid::BOOL)), true)]
        }
        ExprKind::IsNull { arg, negated, row: false } if props::as_column(arg) == Some(column) => {
            vec![(if *negated { Term::NotNull } else { Term::IsNull }, true)]
        }
        ExprKind::ArrayCompare { op: Callee::Builtin(_), op_oid, any: true, left, array } => {
            let operator = crate::sql::expr::registry::registry().operator(*op_oid);
            let fits = operator.is_some_and(|o| o.name == "=" && comparable(key_type, o.right))
                && props::as_column(left) == Some(column)
                && usable(array, own)
                && !walk::has_subquery(array);
            if fits { vec![(Term::AnyOf((**array).clone()), true)] } else { Vec::new() }
        }
        ExprKind::RowCompare { op, left, right } => row_terms(*op, left, right, column, key_type, own),
        ExprKind::Call { form: CallForm::Operator(_), .. } => call_terms(condition, column, key_type, own),
        _ => Vec::new(),
    }
}

fn row_terms(op: RowOp, left: &[Expr], right: &[Expr], column: ColId, key_type: Oid, own: &ColSet) -> Vec<(Term, bool)> {
    let (Some(l), Some(r)) = (left.first(), right.first()) else { return Vec::new() };
    if props::as_column(l) != Some(column) || !usable(r, own) || !comparable(key_type, r.ty.oid) {
        return Vec::new();
    }
    match op {
        RowOp::Lt | RowOp::Le => vec![(Term::Upper(r.clone(), true), false)],
        RowOp::Gt | RowOp::Ge => vec![(Term::Lower(r.clone(), true), false)],
    }
}

fn call_terms(condition: &Expr, column: ColId, key_type: Oid, own: &ColSet) -> Vec<(Term, bool)> {
    let Some(binary) = props::binary(condition) else { return Vec::new() };
    let (symbol, value) = if props::as_column(binary.left) == Some(column) {
        (binary.symbol, binary.right)
    } else if props::as_column(binary.right) == Some(column) {
        let turned = match binary.symbol {
            "<" => ">",
            "<=" => ">=",
            ">" => "<",
            ">=" => "<=",
            "=" => "=",
            _ => return Vec::new(),
        };
        (turned, binary.left)
    } else {
        return Vec::new();
    };
    if !usable(value, own) {
        return Vec::new();
    }
    if symbol == "~~" {
        return like_terms(value, key_type);
    }
    if !comparable(key_type, value.ty.oid) {
        return Vec::new();
    }
    match symbol {
        "=" => vec![(Term::Equal(value.clone()), true)],
        "<" => vec![(Term::Upper(value.clone(), false), true)],
        "<=" => vec![(Term::Upper(value.clone(), true), true)],
        ">" => vec![(Term::Lower(value.clone(), false), true)],
        ">=" => vec![(Term::Lower(value.clone(), true), true)],
        _ => Vec::new(),
    }
}

/// LIKE with a constant prefix: keys from the prefix up to its successor.
fn like_terms(pattern: &Expr, key_type: Oid) -> Vec<(Term, bool)> {
    let ExprKind::Const(Datum::Text(pattern)) = &pattern.kind else { return Vec::new() };
    if ColumnKind::of(key_type) != ColumnKind::Text {
        return Vec::new();
    }
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    let mut whole = true;
    while let Some(c) = chars.next() {
        match c {
            '%' | '_' => {
                whole = false;
                break;
            }
            '\\' => prefix.extend(chars.next()),
            c => prefix.push(c),
        }
    }
    let text = |s: String| Expr::constant(Datum::text(s), key_type);
    if whole {
        return vec![(Term::Equal(text(prefix)), false)];
    }
    if prefix.is_empty() {
        return Vec::new();
    }
    let mut terms = vec![(Term::Lower(text(prefix.clone()), true), false)];
    if let Some(next) = successor(&prefix) {
        terms.push((Term::Upper(text(next), false), false));
    }
    terms
}

/// The smallest text greater than every text with this prefix, in byte order.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (last as u32 + 1..=0x10_FFFF).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}
