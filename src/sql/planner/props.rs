//! What is known about plans and expressions without running them: keys, strictness, shapes of operators.

use super::walk::{self, ColSet};
use crate::sql::expr::registry::registry;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind, JoinKind, Rel, Scan, ScanColumn};
use crate::sql::types::Datum;

/// A binary operator call.
pub struct Binary<'a> {
    /// Operator symbol.
    pub symbol: &'static str,
    /// Left operand.
    pub left: &'a Expr,
    /// Right operand.
    pub right: &'a Expr,
    /// The registry's entry.
    pub operator: &'static crate::sql::expr::registry::Operator,
}

/// The expression as a call of a built-in binary operator.
pub fn binary(expr: &Expr) -> Option<Binary<'_>> {
    let ExprKind::Call { callee: Callee::Builtin(_), args, form: CallForm::Operator(oid), .. } = &expr.kind else { return None };
    let [left, right] = &args[..] else { return None };
    let operator = registry().operator(*oid)?;
    Some(Binary { symbol: operator.name, left, right, operator })
}

/// The condition with its operands exchanged, by its operator's commutator.
pub fn commuted(condition: &Expr) -> Option<Expr> {
    let found = binary(condition)?;
    let operator = registry().operator(found.operator.commutator)?;
    let mut turned = condition.clone();
    let ExprKind::Call { callee, args, form, .. } = &mut turned.kind else { return None };
    *callee = Callee::Builtin(operator.function);
    *form = CallForm::Operator(operator.oid);
    args.reverse();
    Some(turned)
}

/// The condition with the column on the left, where it stands on the right.
pub fn column_first(condition: &Expr, column: ColId) -> Expr {
    let turned = match binary(condition) {
        Some(b) if as_column(b.right) == Some(column) && as_column(b.left) != Some(column) => commuted(condition),
        _ => None,
    };
    turned.unwrap_or_else(|| condition.clone())
}

/// An equality whose sides lie on either side of a join: the operand over `left`, the one over `right`.
pub fn equi<'a>(expr: &'a Expr, left: &ColSet, right: &ColSet) -> Option<(&'a Expr, &'a Expr, bool)> {
    let (a, b, hashes) = match &expr.kind {
        ExprKind::Distinct { left, right, negated: true, eq } => (&**left, &**right, binary(eq).is_some_and(|e| e.operator.hashes)),
        _ => {
            let binary = binary(expr)?;
            if binary.symbol != "=" {
                return None;
            }
            (binary.left, binary.right, binary.operator.hashes)
        }
    };
    if walk::has_subquery(a) || walk::has_subquery(b) || walk::is_volatile(expr) {
        return None;
    }
    let (in_a, in_b) = (walk::expr_columns(a), walk::expr_columns(b));
    let within = |cols: &ColSet, mine: &ColSet, other: &ColSet| !cols.is_disjoint(mine) && cols.is_disjoint(other);
    if within(&in_a, left, right) && within(&in_b, right, left) {
        Some((a, b, hashes))
    } else if within(&in_b, left, right) && within(&in_a, right, left) {
        Some((b, a, hashes))
    } else {
        None
    }
}

/// Whether the condition is IS NOT DISTINCT FROM.
pub fn is_null_safe(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Distinct { .. })
}

/// Columns whose NULL makes the expression NULL.
pub fn strict_columns(expr: &Expr) -> ColSet {
    match &expr.kind {
        ExprKind::Column(id) => ColSet::from([*id]),
        ExprKind::Call { callee, args, .. } => {
            let strict = match callee {
                Callee::Builtin(f) => f.strict,
                Callee::User(f) => f.strict && !f.returns_set,
            };
            if strict { args.iter().flat_map(strict_columns).collect() } else { ColSet::new() }
        }
        ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) | ExprKind::CoerceViaIo(arg, _) | ExprKind::Not(arg) => {
            strict_columns(arg)
        }
        _ => ColSet::new(),
    }
}

/// Columns whose NULL keeps the condition from being true.
pub fn rejecting_columns(condition: &Expr) -> ColSet {
    match &condition.kind {
        ExprKind::And(arms) => arms.iter().flat_map(rejecting_columns).collect(),
        ExprKind::Or(arms) => {
            let mut sets = arms.iter().map(rejecting_columns);
            let first = sets.next().unwrap_or_default();
            sets.fold(first, |acc, set| acc.intersection(&set).copied().collect())
        }
        ExprKind::IsNull { arg, negated: true, .. } => strict_columns(arg),
        ExprKind::BoolTest { arg, value: Some(true), negated: false } => rejecting_columns(arg),
        ExprKind::ArrayCompare { any: true, left, .. } => strict_columns(left),
        _ => strict_columns(condition),
    }
}

/// Columns the condition fixes to a value that does not depend on `own` columns.
pub fn fixed_columns(condition: &Expr, own: &ColSet, into: &mut ColSet) {
    match &condition.kind {
        ExprKind::And(arms) => arms.iter().for_each(|a| fixed_columns(a, own, into)),
        _ => {
            let Some(binary) = binary(condition).filter(|b| b.symbol == "=") else { return };
            for (column, value) in [(binary.left, binary.right), (binary.right, binary.left)] {
                if let Some(id) = as_column(column)
                    && walk::expr_columns(value).is_disjoint(own)
                {
                    into.insert(id);
                }
            }
        }
    }
}

/// The column an expression is, under relabelling.
pub fn as_column(expr: &Expr) -> Option<ColId> {
    match &expr.kind {
        ExprKind::Column(id) => Some(*id),
        ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) => as_column(arg),
        _ => None,
    }
}

/// Whether a plan has at most one row per value of these (non-NULL) columns.
pub fn unique_on(rel: &Rel, columns: &ColSet) -> bool {
    match rel {
        Rel::Scan(scan) => scan_unique(scan, columns),
        Rel::Filter { input, predicate } => {
            let mut all = columns.clone();
            fixed_columns(predicate, &walk::output_ids(input), &mut all);
            unique_on(input, &all)
        }
        Rel::Project { input, exprs } => {
            let below = exprs.iter().filter(|(o, _)| columns.contains(&o.id)).filter_map(|(_, e)| as_column(e)).collect();
            unique_on(input, &below)
        }
        Rel::Aggregate { group, sets: None, .. } => group.iter().all(|(o, _)| columns.contains(&o.id)),
        Rel::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => unique_on(left, columns),
        Rel::Join { kind, left, right, on, .. } => join_unique(*kind, left, right, on, columns),
        Rel::Distinct { input, on: None } => {
            walk::outputs(input).iter().all(|o| columns.contains(&o.id)) || unique_on(input, columns)
        }
        Rel::Distinct { input, on: Some(on) } => {
            on.iter().all(|e| as_column(e).is_some_and(|c| columns.contains(&c))) || unique_on(input, columns)
        }
        Rel::Limit { input, limit, .. } => limit.as_ref().is_some_and(|l| const_int(l) == Some(1)) || unique_on(input, columns),
        Rel::Sort { input, .. } | Rel::Window { input, .. } | Rel::LockRows { input, .. } => unique_on(input, columns),
        Rel::Values { rows, .. } => rows.len() <= 1,
        Rel::With { body, .. } => unique_on(body, columns),
        Rel::Empty { .. } => true,
        _ => false,
    }
}

fn join_unique(kind: JoinKind, left: &Rel, right: &Rel, on: &[Expr], columns: &ColSet) -> bool {
    let (in_left, in_right) = (walk::output_ids(left), walk::output_ids(right));
    let (mut keys_left, mut keys_right) = (columns.clone(), columns.clone());
    for condition in on {
        if let Some((l, r, _)) = equi(condition, &in_left, &in_right) {
            keys_left.extend(as_column(l));
            keys_right.extend(as_column(r));
        }
    }
    let one_right_per_left = unique_on(right, &keys_right.intersection(&in_right).copied().collect());
    let own_left: ColSet = columns.intersection(&in_left).copied().collect();
    if one_right_per_left && unique_on(left, &own_left) && kind != JoinKind::Full && kind != JoinKind::Right {
        return true;
    }
    let one_left_per_right = unique_on(left, &keys_left.intersection(&in_left).copied().collect());
    let own_right: ColSet = columns.intersection(&in_right).copied().collect();
    kind == JoinKind::Inner && one_left_per_right && unique_on(right, &own_right)
}

fn scan_unique(scan: &Scan, columns: &ColSet) -> bool {
    let has = |position: u16| scan.columns.iter().any(|(o, c)| *c == ScanColumn::Column(position) && columns.contains(&o.id));
    scan.relation.indexes.iter().any(|index| {
        (index.unique || index.primary) && index.predicate.is_none() && index.keys.iter().all(|k| k.column.is_some_and(has))
    }) || scan.columns.iter().any(|(o, c)| *c == ScanColumn::RowKey && columns.contains(&o.id))
}

/// A constant integer.
pub fn const_int(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Const(Datum::Int2(v)) => Some((*v).into()),
        ExprKind::Const(Datum::Int4(v)) => Some((*v).into()),
        ExprKind::Const(Datum::Int8(v)) => Some(*v),
        ExprKind::Relabel(arg, _) => const_int(arg),
        _ => None,
    }
}

/// Whether the column of a plan can never be NULL.
pub fn never_null(rel: &Rel, id: ColId) -> bool {
    match rel {
        Rel::Scan(scan) => scan.columns.iter().any(|(o, c)| {
            o.id == id
                && match c {
                    ScanColumn::Column(p) => scan.relation.columns.get(*p as usize).is_some_and(|c| c.not_null),
                    _ => true,
                }
        }),
        Rel::Project { exprs, input } => exprs.iter().any(|(o, e)| o.id == id && expr_never_null(e, input)),
        Rel::Join { kind, left, right, .. } => {
            (never_null(left, id) && matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti))
                || (never_null(right, id) && matches!(kind, JoinKind::Inner | JoinKind::Right))
        }
        Rel::Filter { input, predicate } => rejecting_columns(predicate).contains(&id) || never_null(input, id),
        Rel::Sort { input, .. } | Rel::Limit { input, .. } | Rel::Distinct { input, .. } | Rel::Window { input, .. } => {
            never_null(input, id)
        }
        Rel::Aggregate { input, group, sets: None, aggs, .. } => {
            group.iter().any(|(o, e)| o.id == id && expr_never_null(e, input))
                || aggs.iter().any(|(o, a)| o.id == id && a.func.name == "count")
        }
        _ => false,
    }
}

/// Whether an expression over a plan can never be NULL.
pub fn expr_never_null(expr: &Expr, rel: &Rel) -> bool {
    match &expr.kind {
        ExprKind::Column(id) => never_null(rel, *id),
        ExprKind::Const(value) => !value.is_null(),
        ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) => expr_never_null(arg, rel),
        _ => false,
    }
}
