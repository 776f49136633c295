//! Walking logical plans and expressions: children, output columns, free columns, substitution.
//!
//! Column ids are unique within a statement, so what a plan needs from outside is what it mentions and does not define.

use crate::sql::plan::{
    AggCall, BoundCheck, Callee, ColId, ConflictUpdate, Expr, ExprKind, Frame, FrameBound, IndexExprs, InsertColumn, JoinKind,
    MergeAction, MergeWhen, Modify, ModifyAction, OnConflict, Output, Rel, SortKey, SubqueryKind, Subscript, TableFunction,
    WindowCall, WindowSpec,
};
use crate::sql::types::Oid;
use std::collections::{HashMap, HashSet};

/// A set of columns.
pub type ColSet = HashSet<ColId>;

/// What columns are to be replaced by.
pub type Replacements = HashMap<ColId, Expr>;

macro_rules! each_subscript {
    ($index:expr, $f:ident) => {
        match $index {
            Subscript::Index(e) => $f(e),
            Subscript::Slice(lower, upper) => {
                if let Some(e) = lower {
                    $f(e);
                }
                if let Some(e) = upper {
                    $f(e);
                }
            }
        }
    };
}

/// Calls `$f` for every direct subexpression of `$expr` (a subquery's test included, its plan not).
macro_rules! each_child {
    ($kind:expr, $f:ident) => {
        match $kind {
            ExprKind::Const(_)
            | ExprKind::Column(_)
            | ExprKind::Param(_)
            | ExprKind::CaseOperand
            | ExprKind::Value
            | ExprKind::SessionValue(_)
            | ExprKind::NextVal(_)
            | ExprKind::TableOid
            | ExprKind::CurrentOf(..) => {}
            ExprKind::Call { args, .. } | ExprKind::SetReturning { args, .. } | ExprKind::MinMax { args, .. } => {
                for a in args {
                    $f(a);
                }
            }
            ExprKind::And(args)
            | ExprKind::Or(args)
            | ExprKind::Coalesce(args)
            | ExprKind::Grouping(args)
            | ExprKind::Array { elements: args, .. }
            | ExprKind::Row { fields: args, .. } => {
                for a in args {
                    $f(a);
                }
            }
            ExprKind::Not(arg)
            | ExprKind::IsNull { arg, .. }
            | ExprKind::BoolTest { arg, .. }
            | ExprKind::Field { arg, .. }
            | ExprKind::Relabel(arg, _)
            | ExprKind::CoerceViaIo(arg, _)
            | ExprKind::CoerceToDomain(arg, _)
            | ExprKind::Collate(arg) => $f(arg),
            ExprKind::Distinct { left, right, .. } | ExprKind::NullIf { left, right, .. } => {
                $f(left);
                $f(right);
            }
            ExprKind::Case { operand, whens, otherwise } => {
                if let Some(o) = operand {
                    $f(o);
                }
                for (when, then) in whens {
                    $f(when);
                    $f(then);
                }
                if let Some(o) = otherwise {
                    $f(o);
                }
            }
            ExprKind::ArrayCompare { left, array, .. } => {
                $f(left);
                $f(array);
            }
            ExprKind::Subscript { arg, indices } => {
                $f(arg);
                for index in indices {
                    each_subscript!(index, $f);
                }
            }
            ExprKind::SubscriptAssign { arg, indices, value } => {
                $f(arg);
                for index in indices {
                    each_subscript!(index, $f);
                }
                $f(value);
            }
            ExprKind::FieldAssign { arg, value, .. } => {
                $f(arg);
                $f(value);
            }
            ExprKind::RowCompare { left, right, .. } => {
                for e in left {
                    $f(e);
                }
                for e in right {
                    $f(e);
                }
            }
            ExprKind::ArrayCoerce { arg, element, .. } => {
                $f(arg);
                $f(element);
            }
            ExprKind::RowCoerce { arg, fields, .. } => {
                $f(arg);
                for e in fields {
                    $f(e);
                }
            }
            ExprKind::Subquery(_) | ExprKind::Aggregate(_) | ExprKind::Window(_) => {}
        }
    };
}

/// Calls `f` for every direct subexpression, to change it.
pub fn each_child_mut(expr: &mut Expr, f: &mut dyn FnMut(&mut Expr)) {
    match &mut expr.kind {
        ExprKind::Subquery(subquery) => {
            if let SubqueryKind::Quantified { test, .. } = &mut subquery.kind {
                f(test);
            }
        }
        kind => each_child!(kind, f),
    }
}

/// Calls `f` for every direct subexpression.
pub fn each_child(expr: &Expr, f: &mut dyn FnMut(&Expr)) {
    match &expr.kind {
        ExprKind::Subquery(subquery) => {
            if let SubqueryKind::Quantified { test, .. } = &subquery.kind {
                f(test);
            }
        }
        kind => each_child!(kind, f),
    }
}

/// Whether `test` holds for the expression or a part of it (subqueries' plans not looked into).
pub fn any(expr: &Expr, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
    if test(expr) {
        return true;
    }
    let mut found = false;
    each_child(expr, &mut |e| found = found || any(e, test));
    found
}

/// Rewrites bottom-up: `f` sees every part after its children (subqueries' plans not looked into).
pub fn rewrite(expr: &mut Expr, f: &mut dyn FnMut(&mut Expr)) {
    each_child_mut(expr, &mut |e| rewrite(e, f));
    f(expr);
}

/// Whether the expression calls a volatile function, outside or inside subqueries.
pub fn is_volatile(expr: &Expr) -> bool {
    any(expr, &mut |e| match &e.kind {
        ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. } => volatile_callee(callee),
        ExprKind::NextVal(_) => true,
        ExprKind::Subquery(s) => rel_is_volatile(&s.plan),
        _ => false,
    })
}

fn volatile_callee(callee: &Callee) -> bool {
    match callee {
        Callee::Builtin(f) => f.volatility == 'v',
        Callee::User(f) => f.volatility == 'v',
    }
}

/// Whether a plan calls volatile functions or changes data.
pub fn rel_is_volatile(rel: &Rel) -> bool {
    let mut found = matches!(rel, Rel::Modify(_) | Rel::LockRows { .. });
    each_expr(rel, &mut |e| found = found || is_volatile(e));
    found || children(rel).into_iter().any(rel_is_volatile)
}

/// Whether the expression holds a subquery.
pub fn has_subquery(expr: &Expr) -> bool {
    any(expr, &mut |e| matches!(e.kind, ExprKind::Subquery(_)))
}

/// A node's inputs.
pub fn children(rel: &Rel) -> Vec<&Rel> {
    match rel {
        Rel::Scan(_)
        | Rel::Values { .. }
        | Rel::FunctionScan { .. }
        | Rel::CteScan { .. }
        | Rel::Empty { .. }
        | Rel::Planned(..) => Vec::new(),
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::ProjectSet { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::LockRows { input, .. } => vec![input],
        Rel::Join { left, right, .. } | Rel::SetOp { left, right, .. } => vec![left, right],
        Rel::With { ctes, body } => {
            let mut all: Vec<&Rel> = Vec::new();
            for cte in ctes {
                all.push(&cte.plan);
                all.extend(cte.recursive.as_ref().map(|(step, _)| step));
            }
            all.push(body);
            all
        }
        Rel::Modify(m) => vec![&m.source],
    }
}

/// A node's inputs, to change them.
pub fn children_mut(rel: &mut Rel) -> Vec<&mut Rel> {
    match rel {
        Rel::Scan(_)
        | Rel::Values { .. }
        | Rel::FunctionScan { .. }
        | Rel::CteScan { .. }
        | Rel::Empty { .. }
        | Rel::Planned(..) => Vec::new(),
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::ProjectSet { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::LockRows { input, .. } => vec![input],
        Rel::Join { left, right, .. } | Rel::SetOp { left, right, .. } => vec![left, right],
        Rel::With { ctes, body } => {
            let mut all: Vec<&mut Rel> = Vec::new();
            for cte in ctes {
                all.push(&mut cte.plan);
                all.extend(cte.recursive.as_mut().map(|(step, _)| step));
            }
            all.push(body);
            all
        }
        Rel::Modify(m) => vec![&mut m.source],
    }
}

macro_rules! each_expr_body {
    ($rel:expr, $f:ident, $modify:ident) => {
        match $rel {
            Rel::Scan(_)
            | Rel::CteScan { .. }
            | Rel::Empty { .. }
            | Rel::Planned(..)
            | Rel::SetOp { .. }
            | Rel::With { .. }
            | Rel::LockRows { .. } => {}
            Rel::Values { rows, .. } => {
                for row in rows {
                    for e in row {
                        $f(e);
                    }
                }
            }
            Rel::FunctionScan { functions, .. } => {
                for TableFunction { call, .. } in functions {
                    $f(call);
                }
            }
            Rel::Filter { predicate, .. } => $f(predicate),
            Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => {
                for (_, e) in exprs {
                    $f(e);
                }
            }
            Rel::Join { on: list, .. } | Rel::Distinct { on: Some(list), .. } => {
                for e in list {
                    $f(e);
                }
            }
            Rel::Distinct { on: None, .. } => {}
            Rel::Aggregate { group, aggs, .. } => {
                for (_, e) in group {
                    $f(e);
                }
                for (_, agg) in aggs {
                    let AggCall { args, order_by, filter, .. } = agg;
                    for e in args {
                        $f(e);
                    }
                    for SortKey { expr, .. } in order_by {
                        $f(expr);
                    }
                    if let Some(e) = filter {
                        $f(e);
                    }
                }
            }
            Rel::Window { windows, calls, .. } => {
                for WindowSpec { partition, order, frame, .. } in windows {
                    for e in partition {
                        $f(e);
                    }
                    for SortKey { expr, .. } in order {
                        $f(expr);
                    }
                    let Frame { start, end, .. } = frame;
                    if let FrameBound::Preceding(e) | FrameBound::Following(e) = start {
                        $f(e);
                    }
                    if let FrameBound::Preceding(e) | FrameBound::Following(e) = end {
                        $f(e);
                    }
                }
                for (_, call) in calls {
                    let WindowCall { args, filter, .. } = call;
                    for e in args {
                        $f(e);
                    }
                    if let Some(e) = filter {
                        $f(e);
                    }
                }
            }
            Rel::Sort { keys, .. } => {
                for SortKey { expr, .. } in keys {
                    $f(expr);
                }
            }
            Rel::Limit { limit, offset, with_ties, .. } => {
                if let Some(e) = limit {
                    $f(e);
                }
                if let Some(e) = offset {
                    $f(e);
                }
                if let Some(keys) = with_ties {
                    for SortKey { expr, .. } in keys {
                        $f(expr);
                    }
                }
            }
            Rel::Modify(m) => $modify(m, $f),
        }
    };
}

macro_rules! modify_body {
    ($m:expr, $f:ident) => {
        let Modify { action, returning, checks, generated, index_exprs, .. } = $m;
        for (_, e) in returning {
            $f(e);
        }
        for BoundCheck { expr, .. } in checks {
            $f(expr);
        }
        for (_, e) in generated {
            $f(e);
        }
        for IndexExprs { keys, predicate, .. } in index_exprs {
            for (_, e) in keys {
                $f(e);
            }
            if let Some(e) = predicate {
                $f(e);
            }
        }
        match action {
            ModifyAction::Insert { columns, on_conflict } => {
                for column in columns {
                    if let InsertColumn::Default(Some(e)) = column {
                        $f(e);
                    }
                }
                if let Some(OnConflict { update: Some(ConflictUpdate { set, predicate, .. }), .. }) = on_conflict {
                    for (_, e) in set {
                        $f(e);
                    }
                    if let Some(e) = predicate {
                        $f(e);
                    }
                }
            }
            ModifyAction::Update { set, .. } => {
                for (_, e) in set {
                    $f(e);
                }
            }
            ModifyAction::Delete { .. } => {}
            ModifyAction::Merge { whens, .. } => {
                for MergeWhen { condition, action, .. } in whens {
                    if let Some(e) = condition {
                        $f(e);
                    }
                    match action {
                        MergeAction::Update(set) => {
                            for (_, e) in set {
                                $f(e);
                            }
                        }
                        MergeAction::Insert(values) => {
                            for value in values {
                                if let Some(e) = value {
                                    $f(e);
                                }
                            }
                        }
                        MergeAction::Delete | MergeAction::Nothing => {}
                    }
                }
            }
        }
    };
}

/// Calls `f` for every expression of the node itself (not of its inputs).
pub fn each_expr(rel: &Rel, f: &mut dyn FnMut(&Expr)) {
    each_expr_body!(rel, f, modify_exprs)
}

/// Calls `f` for every expression of the node itself, to change it.
pub fn each_expr_mut(rel: &mut Rel, f: &mut dyn FnMut(&mut Expr)) {
    each_expr_body!(rel, f, modify_exprs_mut)
}

/// Calls `f` for every expression of a data-modifying node.
pub fn modify_exprs(modify: &Modify, f: &mut dyn FnMut(&Expr)) {
    modify_body!(modify, f);
}

/// Calls `f` for every expression of a data-modifying node, to change it.
pub fn modify_exprs_mut(modify: &mut Modify, f: &mut dyn FnMut(&mut Expr)) {
    modify_body!(modify, f);
}

/// The columns a plan outputs.
pub fn outputs(rel: &Rel) -> Vec<Output> {
    match rel {
        Rel::Scan(scan) => scan.columns.iter().map(|(o, _)| o.clone()).collect(),
        Rel::Values { columns, .. }
        | Rel::FunctionScan { columns, .. }
        | Rel::SetOp { columns, .. }
        | Rel::CteScan { columns, .. }
        | Rel::Empty { columns }
        | Rel::Planned(_, columns) => columns.clone(),
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::LockRows { input, .. } => outputs(input),
        Rel::Project { exprs, .. } => exprs.iter().map(|(o, _)| o.clone()).collect(),
        Rel::ProjectSet { input, exprs } => {
            let mut all = outputs(input);
            all.extend(exprs.iter().map(|(o, _)| o.clone()));
            all
        }
        Rel::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => outputs(left),
        Rel::Join { left, right, .. } => {
            let mut all = outputs(left);
            all.extend(outputs(right));
            all
        }
        Rel::Aggregate { group, grouping, aggs, .. } => {
            let mut all: Vec<Output> = group.iter().map(|(o, _)| o.clone()).collect();
            all.extend(grouping.iter().map(|(o, _)| o.clone()));
            all.extend(aggs.iter().map(|(o, _)| o.clone()));
            all
        }
        Rel::Window { input, calls, .. } => {
            let mut all = outputs(input);
            all.extend(calls.iter().map(|(o, _)| o.clone()));
            all
        }
        Rel::With { body, .. } => outputs(body),
        Rel::Modify(m) => m.returning.iter().map(|(o, _)| o.clone()).collect(),
    }
}

/// Ids of the columns a plan outputs.
pub fn output_ids(rel: &Rel) -> ColSet {
    outputs(rel).into_iter().map(|o| o.id).collect()
}

/// Columns an expression needs from outside itself.
pub fn expr_columns(expr: &Expr) -> ColSet {
    let mut mentioned = ColSet::new();
    let mut defined = ColSet::new();
    collect_expr(expr, &mut mentioned, &mut defined);
    mentioned.retain(|id| !defined.contains(id));
    mentioned
}

/// Columns a plan needs from outside itself.
pub fn free_columns(rel: &Rel) -> ColSet {
    let mut mentioned = ColSet::new();
    let mut defined = ColSet::new();
    collect_rel(rel, &mut mentioned, &mut defined);
    mentioned.retain(|id| !defined.contains(id));
    mentioned
}

fn collect_expr(expr: &Expr, mentioned: &mut ColSet, defined: &mut ColSet) {
    match &expr.kind {
        ExprKind::Column(id) => {
            mentioned.insert(*id);
        }
        ExprKind::Subquery(s) => collect_rel(&s.plan, mentioned, defined),
        _ => {}
    }
    each_child(expr, &mut |e| collect_expr(e, mentioned, defined));
}

fn collect_rel(rel: &Rel, mentioned: &mut ColSet, defined: &mut ColSet) {
    match rel {
        // Pass-through nodes define nothing of their own.
        Rel::Filter { .. }
        | Rel::Sort { .. }
        | Rel::Limit { .. }
        | Rel::Distinct { .. }
        | Rel::Join { .. }
        | Rel::LockRows { .. } => {}
        Rel::Modify(m) => {
            defined.extend(m.returning.iter().map(|(o, _)| o.id));
            defined.extend(m.new_row.iter().flatten());
            defined.extend(m.table_oid_col);
            if let ModifyAction::Insert { on_conflict: Some(OnConflict { update: Some(u), .. }), .. } = &m.action {
                defined.extend(u.existing.iter().flatten());
                defined.extend(u.excluded.iter().flatten());
            }
        }
        Rel::With { ctes, .. } => defined.extend(ctes.iter().flat_map(|c| c.columns.iter().map(|o| o.id))),
        // A projection may pass a column on under its own id; the id is then defined below as well.
        Rel::Project { exprs, .. } => {
            defined.extend(exprs.iter().filter(|(o, e)| !is_column(e, o.id)).map(|(o, _)| o.id));
        }
        other => defined.extend(outputs(other).iter().map(|o| o.id)),
    }
    each_expr(rel, &mut |e| collect_expr(e, mentioned, defined));
    for child in children(rel) {
        collect_rel(child, mentioned, defined);
    }
}

/// Whether the expression is just this column.
pub fn is_column(expr: &Expr, id: ColId) -> bool {
    matches!(expr.kind, ExprKind::Column(c) if c == id)
}

/// Replaces columns in an expression, subqueries included.
pub fn substitute(expr: &mut Expr, with: &Replacements) {
    rewrite(expr, &mut |e| match &mut e.kind {
        ExprKind::Column(id) => {
            if let Some(replacement) = with.get(id) {
                *e = replacement.clone();
            }
        }
        ExprKind::Subquery(s) => substitute_rel(&mut s.plan, with),
        _ => {}
    });
}

/// Replaces columns everywhere in a plan.
pub fn substitute_rel(rel: &mut Rel, with: &Replacements) {
    each_expr_mut(rel, &mut |e| substitute(e, with));
    for child in children_mut(rel) {
        substitute_rel(child, with);
    }
}

/// Splits a condition into its conjuncts.
pub fn conjuncts(expr: Expr, into: &mut Vec<Expr>) {
    match expr.kind {
        ExprKind::And(args) => args.into_iter().for_each(|a| conjuncts(a, into)),
        _ => into.push(expr),
    }
}

/// The conjunction of conditions; `None` for none.
pub fn conjunction(mut conditions: Vec<Expr>) -> Option<Expr> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(Expr::new(ExprKind::And(conditions), Oid::BOOL)),
    }
}

/// `rel` under a filter with these conditions.
pub fn filtered(rel: Rel, conditions: Vec<Expr>) -> Rel {
    match conjunction(conditions) {
        Some(predicate) => Rel::Filter { input: Box::new(rel), predicate },
        None => rel,
    }
}

/// A reference to an output column.
pub fn column_of(output: &Output) -> Expr {
    Expr { kind: ExprKind::Column(output.id), ty: output.ty, collation: output.collation, pos: None }
}

/// A projection that hands on exactly these columns.
pub fn pass_through(rel: Rel, columns: Vec<Output>) -> Rel {
    let exprs = columns.into_iter().map(|o| (o.clone(), column_of(&o))).collect();
    Rel::Project { input: Box::new(rel), exprs }
}

/// Takes a plan out of its place, leaving an empty one.
pub fn take(rel: &mut Rel) -> Rel {
    std::mem::replace(rel, Rel::Empty { columns: Vec::new() })
}

/// Rewrites every node bottom-up, inputs before their parent, subqueries in expressions before their node.
pub fn transform(rel: Rel, f: &mut dyn FnMut(Rel) -> Rel) -> Rel {
    let mut rel = rel;
    for child in children_mut(&mut rel) {
        *child = transform(take(child), f);
    }
    each_expr_mut(&mut rel, &mut |e| transform_subqueries(e, f));
    f(rel)
}

/// Rewrites the plans of an expression's subqueries.
pub fn transform_subqueries(expr: &mut Expr, f: &mut dyn FnMut(Rel) -> Rel) {
    rewrite(expr, &mut |e| {
        if let ExprKind::Subquery(s) = &mut e.kind {
            s.plan = transform(take(&mut s.plan), f);
        }
    });
}
