//! Structural equality of bound expressions (PostgreSQL's `equal()`), and the places errors point to.

use crate::error::SqlError;
use crate::sql::plan::{AggCall, Callee, Expr, ExprKind, SortKey, Subquery, Subscript};
use crate::sql::types::Datum;

/// Adds a position when there is one.
pub(super) fn at(error: SqlError, pos: Option<u32>) -> SqlError {
    match pos {
        Some(pos) => error.at(pos as usize),
        None => error,
    }
}

/// Leftmost position of an expression (`exprLocation`).
pub(super) fn location(e: &Expr) -> Option<u32> {
    let first = match &e.kind {
        ExprKind::Call { args, .. } | ExprKind::And(args) | ExprKind::Or(args) => args.first(),
        ExprKind::Relabel(arg, _)
        | ExprKind::CoerceViaIo(arg, _)
        | ExprKind::CoerceToDomain(arg, _)
        | ExprKind::Collate(arg)
        | ExprKind::IsNull { arg, .. }
        | ExprKind::BoolTest { arg, .. }
        | ExprKind::ArrayCoerce { arg, .. }
        | ExprKind::RowCoerce { arg, .. }
        | ExprKind::Not(arg)
        | ExprKind::Field { arg, .. }
        | ExprKind::Subscript { arg, .. } => Some(&**arg),
        ExprKind::Distinct { left, .. } | ExprKind::NullIf { left, .. } | ExprKind::ArrayCompare { left, .. } => Some(&**left),
        _ => None,
    };
    let inner = first.and_then(location);
    match (e.pos, inner) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Position of the first column an expression mentions.
pub(super) fn first_column(e: &Expr) -> Option<u32> {
    if let ExprKind::Column(_) = e.kind {
        return e.pos;
    }
    let mut found = None;
    e.each_child(&mut |c| found = found.or_else(|| first_column(c)));
    found
}

fn same_callee(a: &Callee, b: &Callee) -> bool {
    match (a, b) {
        (Callee::Builtin(a), Callee::Builtin(b)) => std::ptr::eq(*a, *b),
        (Callee::User(a), Callee::User(b)) => a.oid == b.oid,
        _ => false,
    }
}

fn same_list(a: &[Expr], b: &[Expr]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same_opt(a: &Option<Expr>, b: &Option<Expr>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_opt_box(a: &Option<Box<Expr>>, b: &Option<Box<Expr>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_subscript(a: &Subscript, b: &Subscript) -> bool {
    match (a, b) {
        (Subscript::Index(a), Subscript::Index(b)) => same(a, b),
        (Subscript::Slice(a, b), Subscript::Slice(c, d)) => same_opt(a, c) && same_opt(b, d),
        _ => false,
    }
}

fn same_keys(a: &[SortKey], b: &[SortKey]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.desc == b.desc && a.nulls_first == b.nulls_first && same(&a.expr, &b.expr))
}

/// Whether two aggregate calls compute the same.
pub(super) fn same_agg(a: &AggCall, b: &AggCall) -> bool {
    std::ptr::eq(a.func, b.func)
        && a.direct == b.direct
        && a.distinct == b.distinct
        && a.star == b.star
        && a.variadic == b.variadic
        && a.ty == b.ty
        && same_list(&a.args, &b.args)
        && same_keys(&a.order_by, &b.order_by)
        && same_opt(&a.filter, &b.filter)
}

/// Whether two constants are the same value of the same type.
fn same_datum(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Null, Datum::Null) => true,
        (Datum::Bool(a), Datum::Bool(b)) => a == b,
        (Datum::Int2(a), Datum::Int2(b)) => a == b,
        (Datum::Int4(a), Datum::Int4(b)) => a == b,
        (Datum::Int8(a), Datum::Int8(b)) => a == b,
        (Datum::Float8(a), Datum::Float8(b)) => a.to_bits() == b.to_bits(),
        (Datum::Text(a), Datum::Text(b)) => a == b,
        (Datum::Oid(a), Datum::Oid(b)) => a == b,
        (Datum::Date(a), Datum::Date(b)) => a == b,
        (Datum::Timestamp(a), Datum::Timestamp(b)) | (Datum::TimestampTz(a), Datum::TimestampTz(b)) => a == b,
        // Rarer kinds print unambiguously.
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && format!("{a:?}") == format!("{b:?}"),
    }
}

/// Whether two expressions are equal, positions and display forms aside.
pub(crate) fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind as K;
    if a.ty != b.ty {
        return false;
    }
    match (&a.kind, &b.kind) {
        (K::Const(a), K::Const(b)) => same_datum(a, b),
        (K::Column(a), K::Column(b)) => a == b,
        (K::Param(a), K::Param(b)) => a == b,
        (K::Call { callee: f, args: x, variadic: v, .. }, K::Call { callee: g, args: y, variadic: w, .. }) => {
            v == w && same_callee(f, g) && same_list(x, y)
        }
        (K::SetReturning { callee: f, args: x }, K::SetReturning { callee: g, args: y }) => same_callee(f, g) && same_list(x, y),
        (K::And(a), K::And(b)) | (K::Or(a), K::Or(b)) | (K::Coalesce(a), K::Coalesce(b)) | (K::Grouping(a), K::Grouping(b)) => {
            same_list(a, b)
        }
        (K::Not(a), K::Not(b)) => same(a, b),
        (K::IsNull { arg: a, negated: n, row: r }, K::IsNull { arg: b, negated: m, row: s }) => n == m && r == s && same(a, b),
        (K::BoolTest { arg: a, value: v, negated: n }, K::BoolTest { arg: b, value: w, negated: m }) => {
            v == w && n == m && same(a, b)
        }
        (K::Distinct { eq: f, left: a, right: b, negated: n }, K::Distinct { eq: g, left: c, right: d, negated: m }) => {
            n == m && same(f, g) && same(a, c) && same(b, d)
        }
        (K::NullIf { eq: f, left: a, right: b }, K::NullIf { eq: g, left: c, right: d }) => {
            same_callee(f, g) && same(a, c) && same(b, d)
        }
        (K::Case { operand: a, whens: x, otherwise: o }, K::Case { operand: b, whens: y, otherwise: p }) => {
            same_opt_box(a, b)
                && same_opt_box(o, p)
                && x.len() == y.len()
                && x.iter().zip(y).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
        }
        (K::CaseOperand, K::CaseOperand) | (K::Value, K::Value) | (K::TableOid, K::TableOid) => true,
        (K::MinMax { greatest: g, args: x }, K::MinMax { greatest: h, args: y }) => g == h && same_list(x, y),
        (K::ArrayCompare { op: f, any: n, left: a, array: b, .. }, K::ArrayCompare { op: g, any: m, left: c, array: d, .. }) => {
            n == m && same_callee(f, g) && same(a, c) && same(b, d)
        }
        (K::Array { elements: a, nested: n }, K::Array { elements: b, nested: m }) => n == m && same_list(a, b),
        (K::Row { fields: a, .. }, K::Row { fields: b, .. }) => same_list(a, b),
        (K::Field { arg: a, index: i }, K::Field { arg: b, index: j }) => i == j && same(a, b),
        (K::Subscript { arg: a, indices: x }, K::Subscript { arg: b, indices: y }) => {
            x.len() == y.len() && same(a, b) && x.iter().zip(y).all(|(a, b)| same_subscript(a, b))
        }
        (K::RowCompare { op: o, left: a, right: b }, K::RowCompare { op: p, left: c, right: d }) => {
            o == p && same_list(a, c) && same_list(b, d)
        }
        (K::Relabel(a, _), K::Relabel(b, _))
        | (K::CoerceViaIo(a, _), K::CoerceViaIo(b, _))
        | (K::CoerceToDomain(a, _), K::CoerceToDomain(b, _)) => same(a, b),
        (K::Collate(x), K::Collate(y)) => a.collation == b.collation && same(x, y),
        (K::ArrayCoerce { arg: a, element: x, .. }, K::ArrayCoerce { arg: b, element: y, .. }) => same(a, b) && same(x, y),
        (K::RowCoerce { arg: a, fields: x, .. }, K::RowCoerce { arg: b, fields: y, .. }) => same(a, b) && same_list(x, y),
        (K::SessionValue(a), K::SessionValue(b)) => a == b,
        (K::NextVal(a), K::NextVal(b)) => a == b,
        (K::Subquery(a), K::Subquery(b)) => {
            std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind) && shape(a) == shape(b)
        }
        _ => false,
    }
}

/// A subquery's text with its own ids numbered in order of appearance and positions left out: equal for equal subqueries.
fn shape(sub: &Subquery) -> String {
    let text = format!("{sub:?}");
    let mut own: Vec<&str> = Vec::new();
    for part in text.split("id: ColId(").skip(1) {
        let id = &part[..part.find(')').unwrap_or(0)];
        if !own.contains(&id) {
            own.push(id);
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((at, mark)) = ["ColId(", "pos: ", "rte: ", "CteId("].iter().filter_map(|m| Some((rest.find(m)?, *m))).min() {
        out.push_str(&rest[..at + mark.len()]);
        rest = &rest[at + mark.len()..];
        let end = if mark == "pos: " { rest.find([',', '}']) } else { rest.find(|c: char| !c.is_ascii_digit()) };
        let value = &rest[..end.unwrap_or(rest.len())];
        if mark == "ColId(" {
            match own.iter().position(|id| *id == value) {
                Some(i) => out.push_str(&format!("own {i}")),
                None => out.push_str(value),
            }
        }
        rest = &rest[value.len()..];
    }
    out.push_str(rest);
    out
}
