//! Walking expressions and plans: every child expression of an expression, every expression of a plan, plans inside both.
//!
//! The walkers are shallow building blocks (`each_child`) and two deep ones on top (`each_expr`), which go through subqueries
//! too, so that a reference to an outer column is met wherever it stands.

use super::expr::{AggCall, Expr, ExprKind, Subquery, SubqueryKind, Subscript, WindowCall};
use super::logical::{FrameBound, MergeAction, MergeWhen, Modify, ModifyAction, Rel, WindowSpec};

macro_rules! walkers {
    ($each_child:ident, $each_subscript:ident, $each_agg:ident, $each_window:ident, $iter:ident, $as_deref:ident; $($mutability:tt)?) => {
        fn $each_subscript<'e>(subscript: &'e $($mutability)? Subscript, f: &mut dyn FnMut(&'e $($mutability)? Expr)) {
            match subscript {
                Subscript::Index(e) => f(e),
                Subscript::Slice(a, b) => {
                    if let Some(a) = a { f(a) }
                    if let Some(b) = b { f(b) }
                }
            }
        }

        impl AggCall {
            /// Its argument, ordering and filter expressions.
            pub fn $each_agg<'e>(&'e $($mutability)? self, f: &mut dyn FnMut(&'e $($mutability)? Expr)) {
                self.args.$iter().for_each(&mut *f);
                self.order_by.$iter().for_each(|k| f(& $($mutability)? k.expr));
                if let Some(e) = & $($mutability)? self.filter { f(e) }
            }
        }

        impl WindowCall {
            /// Its argument and filter expressions.
            pub fn $each_window<'e>(&'e $($mutability)? self, f: &mut dyn FnMut(&'e $($mutability)? Expr)) {
                self.args.$iter().for_each(&mut *f);
                if let Some(e) = & $($mutability)? self.filter { f(e) }
            }
        }

        impl Expr {
            /// Calls `f` on each direct child expression; a subquery's plan is not entered, its test is.
            pub fn $each_child<'e>(&'e $($mutability)? self, f: &mut dyn FnMut(&'e $($mutability)? Expr)) {
                use ExprKind as K;
                match & $($mutability)? self.kind {
                    K::Const(_) | K::Column(_) | K::Param(_) | K::CaseOperand | K::Value | K::SessionValue(_) | K::NextVal(_)
                    | K::TableOid | K::CurrentOf(..) => {}
                    K::Call { args, .. } | K::SetReturning { args, .. } => args.$iter().for_each(f),
                    K::And(list) | K::Or(list) | K::Coalesce(list) | K::Grouping(list) => list.$iter().for_each(f),
                    K::MinMax { args, .. } => args.$iter().for_each(f),
                    K::Array { elements, .. } => elements.$iter().for_each(f),
                    K::Row { fields, .. } => fields.$iter().for_each(f),
                    K::Not(arg) | K::IsNull { arg, .. } | K::BoolTest { arg, .. } | K::Field { arg, .. } | K::Relabel(arg, _)
                    | K::CoerceViaIo(arg, _) | K::CoerceToDomain(arg, _) | K::Collate(arg) => f(arg),
                    K::Distinct { left, right, .. } | K::NullIf { left, right, .. } => { f(left); f(right) }
                    K::ArrayCompare { left, array, .. } => { f(left); f(array) }
                    K::Case { operand, whens, otherwise } => {
                        if let Some(e) = operand { f(e) }
                        for (when, then) in whens { f(when); f(then) }
                        if let Some(e) = otherwise { f(e) }
                    }
                    K::Subscript { arg, indices } => {
                        f(arg);
                        indices.$iter().for_each(|s| $each_subscript(s, f));
                    }
                    K::SubscriptAssign { arg, indices, value } => {
                        f(arg);
                        indices.$iter().for_each(|s| $each_subscript(s, f));
                        f(value);
                    }
                    K::FieldAssign { arg, value, .. } => { f(arg); f(value) }
                    K::RowCompare { left, right, .. } => { left.$iter().for_each(&mut *f); right.$iter().for_each(f) }
                    K::ArrayCoerce { arg, element, .. } => { f(arg); f(element) }
                    K::RowCoerce { arg, fields, .. } => { f(arg); fields.$iter().for_each(f) }
                    K::Subquery(sub) => {
                        if let SubqueryKind::Quantified { test, .. } = & $($mutability)? sub.kind { f(test) }
                    }
                    K::Aggregate(call) => call.$each_agg(f),
                    K::Window(call) => call.$each_window(f),
                }
            }
        }
    };
}

walkers!(each_child, each_subscript, each_expr, each_expr, iter, as_deref;);
walkers!(each_child_mut, each_subscript_mut, each_expr_mut, each_expr_mut, iter_mut, as_deref_mut; mut);

impl Expr {
    /// The plan of a subquery expression.
    pub fn subplan(&self) -> Option<&Subquery> {
        match &self.kind {
            ExprKind::Subquery(sub) => Some(sub),
            _ => None,
        }
    }
}

macro_rules! plan_walkers {
    ($each_input:ident, $own_exprs:ident, $each_child:ident, $each_expr:ident, $iter:ident, $values:ident; $($mutability:tt)?) => {
        fn $values(spec: & $($mutability)? WindowSpec, f: &mut dyn FnMut(& $($mutability)? Expr)) {
            spec.partition.$iter().for_each(&mut *f);
            spec.order.$iter().for_each(|k| f(& $($mutability)? k.expr));
            for bound in [& $($mutability)? spec.frame.start, & $($mutability)? spec.frame.end] {
                if let FrameBound::Preceding(e) | FrameBound::Following(e) = bound { f(e) }
            }
        }

        impl MergeWhen {
            /// Its condition and values.
            pub fn $each_expr(& $($mutability)? self, f: &mut dyn FnMut(& $($mutability)? Expr)) {
                if let Some(e) = & $($mutability)? self.condition { f(e) }
                match & $($mutability)? self.action {
                    MergeAction::Update(set) => set.$iter().for_each(|(_, e)| f(e)),
                    MergeAction::Insert(values) => values.$iter().flatten().for_each(f),
                    MergeAction::Delete | MergeAction::Nothing => {}
                }
            }
        }

        impl Modify {
            /// Every expression of the change itself, its source's not.
            pub fn $each_expr(& $($mutability)? self, f: &mut dyn FnMut(& $($mutability)? Expr)) {
                match & $($mutability)? self.action {
                    ModifyAction::Insert { columns, on_conflict } => {
                        for column in columns {
                            if let super::InsertColumn::Default(Some(e)) = column { f(e) }
                        }
                        if let Some(update) = on_conflict.$iter().find_map(|c| c.update.$iter().next()) {
                            update.set.$iter().for_each(|(_, e)| f(e));
                            if let Some(e) = & $($mutability)? update.predicate { f(e) }
                        }
                    }
                    ModifyAction::Update { set, .. } => set.$iter().for_each(|(_, e)| f(e)),
                    ModifyAction::Delete { .. } => {}
                    ModifyAction::Merge { whens, .. } => whens.$iter().for_each(|w| w.$each_expr(f)),
                }
                self.returning.$iter().for_each(|(_, e)| f(e));
                self.checks.$iter().for_each(|c| f(& $($mutability)? c.expr));
                self.generated.$iter().for_each(|(_, e)| f(e));
                for index in self.index_exprs.$iter() {
                    index.keys.$iter().for_each(|(_, e)| f(e));
                    if let Some(e) = & $($mutability)? index.predicate { f(e) }
                }
            }
        }

        impl Rel {
            /// Calls `f` on each input plan.
            pub fn $each_input(& $($mutability)? self, f: &mut dyn FnMut(& $($mutability)? Rel)) {
                match self {
                    Rel::Scan(_) | Rel::Values { .. } | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Empty { .. }
                    | Rel::Planned(..) => {}
                    Rel::Filter { input, .. } | Rel::Project { input, .. } | Rel::ProjectSet { input, .. }
                    | Rel::Aggregate { input, .. } | Rel::Window { input, .. } | Rel::Sort { input, .. } | Rel::Limit { input, .. }
                    | Rel::Distinct { input, .. } | Rel::LockRows { input, .. } => f(input),
                    Rel::Join { left, right, .. } | Rel::SetOp { left, right, .. } => { f(left); f(right) }
                    Rel::With { ctes, body } => {
                        for cte in ctes {
                            f(& $($mutability)? cte.plan);
                            if let Some((term, _)) = & $($mutability)? cte.recursive { f(term) }
                        }
                        f(body);
                    }
                    Rel::Modify(modify) => f(& $($mutability)? modify.source),
                }
            }

            /// Calls `f` on each expression of this operator alone.
            pub fn $own_exprs(& $($mutability)? self, f: &mut dyn FnMut(& $($mutability)? Expr)) {
                match self {
                    Rel::Scan(scan) => {
                        if let Some(sample) = & $($mutability)? scan.sample {
                            f(& $($mutability)? sample.percent);
                            if let Some(e) = & $($mutability)? sample.seed { f(e) }
                        }
                    }
                    Rel::Values { rows, .. } => rows.$iter().for_each(|r| r.$iter().for_each(&mut *f)),
                    Rel::FunctionScan { functions, .. } => functions.$iter().for_each(|t| f(& $($mutability)? t.call)),
                    Rel::Filter { predicate, .. } => f(predicate),
                    Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => exprs.$iter().for_each(|(_, e)| f(e)),
                    Rel::Join { on, .. } => on.$iter().for_each(f),
                    Rel::Aggregate { group, aggs, .. } => {
                        group.$iter().for_each(|(_, e)| f(e));
                        aggs.$iter().for_each(|(_, a)| a.$each_expr(f));
                    }
                    Rel::Window { windows, calls, .. } => {
                        windows.$iter().for_each(|w| $values(w, f));
                        calls.$iter().for_each(|(_, c)| c.$each_expr(f));
                    }
                    Rel::Sort { keys, .. } => keys.$iter().for_each(|k| f(& $($mutability)? k.expr)),
                    Rel::Limit { limit, offset, with_ties, .. } => {
                        if let Some(e) = limit { f(e) }
                        if let Some(e) = offset { f(e) }
                        if let Some(keys) = with_ties { keys.$iter().for_each(|k| f(& $($mutability)? k.expr)) }
                    }
                    Rel::Distinct { on: Some(list), .. } => list.$iter().for_each(f),
                    Rel::Modify(modify) => modify.$each_expr(f),
                    Rel::Distinct { .. } | Rel::SetOp { .. } | Rel::With { .. } | Rel::CteScan { .. } | Rel::LockRows { .. }
                    | Rel::Empty { .. } | Rel::Planned(..) => {}
                }
            }

            /// Calls `f` on the root of every expression of this plan and its inputs; plans inside expressions are `f`'s.
            pub fn $each_expr(& $($mutability)? self, f: &mut dyn FnMut(& $($mutability)? Expr)) {
                self.$own_exprs(f);
                self.$each_input(&mut |input| input.$each_expr(f));
            }
        }
    };
}

plan_walkers!(each_input, own_exprs, each_child, each_expr, iter, window_exprs;);
plan_walkers!(each_input_mut, own_exprs_mut, each_child_mut, each_expr_mut, iter_mut, window_exprs_mut; mut);
