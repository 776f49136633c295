//! From physical plans to running operators.
//!
//! A column id becomes its position among an input's outputs; an id no input has is a correlation and gets an outer slot, which
//! whoever runs the correlated plan (a subquery of an expression, a lateral join) fills first. CTEs are shared producers that
//! their scans pull from.

mod aggregate;
mod join;
mod parallel;
mod rows;
mod scan;

use super::cte::{CteProducer, CteScan, RecursiveTerm, SharedProducer, Stage, With};
use super::function_scan::{FunctionScan, ProjectSet, RecordColumns, RowMaker, SetCall};
use super::instrument::{Instrumented, Instruments, node_key};
use super::limit::Limit;
use super::modify::ModifyOperator;
use super::set_op::{SetOp, SetOpMode};
use super::sort::{Sort, SortColumn};
use super::{BoxOperator, ColumnKind, append, distinct, filter, gather, project, sort, values};
use crate::error::{Result, SqlError};
use crate::sql::expr::context::CallSite;
use crate::sql::expr::eval::{CompileEnv, CompiledExpr, Correlation, Scope, SubPlan, SubPlanKind, compile};
use crate::sql::expr::registry::Implementation;
use crate::sql::plan::{
    Callee, ColId, Expr, ExprKind, Modify, ModifyAction, OnConflict, Output, Rel, SetOpKind, SortKey, Subquery, SubqueryKind,
    TableFunction,
};
use crate::sql::planner::physical::{AccessPath, CteNode, Node, Physical, SubplanNode, TopRows};
use crate::sql::planner::{Planned, walk};
use crate::sql::types::io::{TypeKind, TypeLookup, type_info};
use crate::sql::types::{Oid, Type};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// Builds the operators of a planned statement. The root's columns are the plan's outputs; `Planned::outputs` picks the result's.
pub fn build(planned: &Planned, types: &dyn TypeLookup) -> Result<BoxOperator> {
    let mut builder = Builder::new(&planned.subplans, types);
    builder.learn(&planned.root);
    builder.operator(&planned.root)
}

/// As `build`, with every operator watched.
pub fn build_watched(planned: &Planned, types: &dyn TypeLookup, instruments: &Arc<Instruments>) -> Result<BoxOperator> {
    let mut builder = Builder::new(&planned.subplans, types);
    builder.instruments = Some(Arc::clone(instruments));
    builder.learn(&planned.root);
    builder.operator(&planned.root)
}

/// Compiles an expression that stands alone (a key, a default): columns come from `scope`, there are no subqueries.
pub fn compile_alone(expr: &Expr, scope: &Scope, types: &dyn TypeLookup) -> Result<CompiledExpr> {
    compile(expr, scope, &mut Builder::new(&[], types))
}

/// A modification without its source: rows of the columns `ids` are given to it one by one.
pub fn modify_alone(modify: &Modify, ids: &[ColId], types: &dyn TypeLookup) -> Result<ModifyOperator> {
    let source = Box::new(values::Values::new(Vec::new(), Vec::new()));
    ModifyOperator::new(modify, source, ids, None, true, &mut Builder::new(&[], types))
}

/// Whether a plan answers each row of one table at most once.
fn scans_once(plan: &Physical) -> bool {
    match &plan.node {
        Node::Scan(_) => true,
        Node::Filter { input, .. } | Node::Project { input, .. } => scans_once(input),
        _ => false,
    }
}

/// A builder of operators for one statement.
struct Builder<'a> {
    subplans: &'a [SubplanNode],
    types: &'a dyn TypeLookup,
    /// Outer slots given out so far.
    outer: HashMap<ColId, usize>,
    /// Types of every column of the statement.
    columns: HashMap<ColId, Output>,
    producers: HashMap<usize, SharedProducer>,
    /// Pieces that the scan being built shares with its twins on other threads, and how many they are.
    pieces: Option<(Arc<super::scan::Pieces>, usize)>,
    /// Build sides that copies of a join on several threads share, by the address of the join's node.
    builds: HashMap<usize, (super::hash_table::SharedBuild, super::dynamic::JoinKeys)>,
    /// What scans below may learn from operators above.
    learnt: Vec<(ColId, parallel::Learnt)>,
    /// Inside a plan that is started again and again, or whose rows are changed or locked in turn: no threads.
    sequential: bool,
    /// Depth of CTEs: data-modifying statements inside do not count for the command tag.
    inside_cte: usize,
    /// Who watches the operators.
    instruments: Option<Arc<Instruments>>,
}

/// The conditions the scan of a statement's target puts on its rows, as far as its source's outputs can be tested for them.
fn target_conditions(source: &Physical, target: Oid) -> Option<Expr> {
    let scan = match &source.node {
        Node::Scan(scan) if scan.relation.oid == target => scan,
        Node::Filter { input, .. } | Node::Project { input, .. } => return target_conditions(input, target),
        _ => return None,
    };
    let known = |e: &Expr| walk::expr_columns(e).into_iter().all(|id| source.position(id).is_some());
    let path = match &scan.access {
        AccessPath::Index(path) => path.conditions.as_slice(),
        AccessPath::Table => &[],
    };
    let mut conditions: Vec<Expr> = scan.filter.iter().chain(path).filter(|e| known(e)).cloned().collect();
    match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(Expr::new(ExprKind::And(conditions), Oid::BOOL)),
    }
}

/// Vector kinds of columns.
fn kinds(outputs: &[Output]) -> Vec<ColumnKind> {
    outputs.iter().map(|o| ColumnKind::of(o.ty.oid)).collect()
}

/// The scope of a plan's outputs.
fn scope(plan: &Physical) -> Scope {
    Scope::new(plan.ids())
}

impl<'a> Builder<'a> {
    fn new(subplans: &'a [SubplanNode], types: &'a dyn TypeLookup) -> Self {
        let mut builder = Self {
            subplans,
            types,
            outer: HashMap::new(),
            columns: HashMap::new(),
            producers: HashMap::new(),
            pieces: None,
            builds: HashMap::new(),
            learnt: Vec::new(),
            sequential: false,
            inside_cte: 0,
            instruments: None,
        };
        subplans.iter().for_each(|s| builder.learn(&s.plan));
        builder
    }

    fn learn(&mut self, plan: &Physical) {
        for output in &plan.outputs {
            self.columns.insert(output.id, output.clone());
        }
        if let Node::Modify { modify, .. } = &plan.node {
            self.learn_rows(modify);
        }
        plan.children().into_iter().for_each(|c| self.learn(c));
    }

    /// The rows a data-modifying statement's own expressions speak of: the new one, and ON CONFLICT's two.
    fn learn_rows(&mut self, modify: &Modify) {
        let mut rows = vec![&modify.new_row];
        if let ModifyAction::Insert { on_conflict: Some(OnConflict { update: Some(update), .. }), .. } = &modify.action {
            rows.extend([&update.existing, &update.excluded]);
        }
        for (id, column) in rows.into_iter().flat_map(|row| row.iter().zip(&modify.relation.columns)) {
            if let Some(id) = *id {
                let output = Output { id, name: column.name.clone(), ty: column.ty, collation: column.collation };
                self.columns.insert(id, output);
            }
        }
    }

    fn expr(&mut self, expr: &Expr, scope: &Scope) -> Result<CompiledExpr> {
        compile(expr, scope, self)
    }

    fn exprs(&mut self, exprs: &[Expr], scope: &Scope) -> Result<Vec<CompiledExpr>> {
        exprs.iter().map(|e| self.expr(e, scope)).collect()
    }

    /// The conjunction of conditions; `None` for none.
    fn condition(&mut self, conditions: &[Expr], scope: &Scope) -> Result<Option<CompiledExpr>> {
        walk::conjunction(conditions.to_vec()).map(|e| self.expr(&e, scope)).transpose()
    }

    fn optional(&mut self, expr: Option<&Expr>) -> Result<Option<CompiledExpr>> {
        expr.map(|e| self.expr(e, &Scope::default())).transpose()
    }

    fn sort_columns(&mut self, keys: &[SortKey], scope: &Scope) -> Result<Vec<SortColumn>> {
        keys.iter().map(|k| Ok(SortColumn { expr: self.expr(&k.expr, scope)?, desc: k.desc, nulls_first: k.nulls_first })).collect()
    }

    fn operator(&mut self, plan: &Physical) -> Result<BoxOperator> {
        if self.gathers(plan) {
            return Ok(Box::new(gather::Gather::new(self.copies(plan, |b| b.operator(plan))?)));
        }
        let operator = self.bare_operator(plan)?;
        Ok(match &self.instruments {
            Some(all) => Box::new(Instrumented::new(operator, all.counters(node_key(plan)))),
            None => operator,
        })
    }

    fn bare_operator(&mut self, plan: &Physical) -> Result<BoxOperator> {
        Ok(match &plan.node {
            Node::Scan(scan) => self.scan(scan, plan)?,
            Node::Values(rows) => {
                let rows = rows.iter().map(|r| self.exprs(r, &Scope::default())).collect::<Result<_>>()?;
                Box::new(values::Values::new(kinds(&plan.outputs), rows))
            }
            Node::FunctionScan { functions, ordinality } => {
                let calls = self.function_calls(functions, &plan.outputs)?;
                Box::new(FunctionScan::new(calls, kinds(&plan.outputs), *ordinality))
            }
            Node::Filter { input, conditions } => {
                let child = self.operator(input)?;
                match self.condition(conditions, &scope(input))? {
                    Some(predicate) => Box::new(filter::Filter::new(child, predicate)),
                    None => child,
                }
            }
            Node::Project { input, exprs } => {
                let child = self.operator(input)?;
                let exprs = self.exprs(exprs, &scope(input))?;
                Box::new(project::Project::new(child, exprs))
            }
            Node::ProjectSet { input, exprs } => {
                let child = self.operator(input)?;
                let scope = scope(input);
                let calls = exprs.iter().map(|e| self.set_call(e, 1, false, &scope)).collect::<Result<_>>()?;
                Box::new(ProjectSet::new(child, calls, kinds(&plan.outputs)))
            }
            Node::HashJoin(join) => self.hash_join(join, plan)?,
            Node::NestedLoop(join) => self.nested_loop(join)?,
            Node::LookupJoin(join) => self.lookup_join(join, plan)?,
            Node::Aggregate(aggregate) => self.aggregate(aggregate, plan)?,
            Node::Window { input, windows, calls } => self.window(input, windows, calls)?,
            Node::Sort { input, keys, top } => self.sort(input, keys, top.as_ref())?,
            Node::Limit { input, limit, offset, with_ties } => {
                let child = self.operator(input)?;
                let ties = self.sort_columns(with_ties.as_deref().unwrap_or_default(), &scope(input))?;
                let (limit, offset) = (self.optional(limit.as_ref())?, self.optional(offset.as_ref())?);
                Box::new(Limit::new(child, limit, offset, ties))
            }
            Node::Distinct { input, on, sorted } => {
                let child = self.operator(input)?;
                let keys = self.exprs(on, &scope(input))?;
                Box::new(distinct::Distinct::new(child, keys, *sorted))
            }
            Node::Append(inputs) => {
                let inputs = inputs.iter().map(|i| self.operator(i)).collect::<Result<_>>()?;
                Box::new(append::Append::new(inputs))
            }
            Node::SetOp { kind, all, left, right } => {
                let mode = match (kind, all) {
                    (SetOpKind::Intersect, false) => SetOpMode::Intersect,
                    (SetOpKind::Intersect, true) => SetOpMode::IntersectAll,
                    (_, false) => SetOpMode::Except,
                    (_, true) => SetOpMode::ExceptAll,
                };
                let (left, right) = (self.operator(left)?, self.operator(right)?);
                Box::new(SetOp::new(left, right, mode, kinds(&plan.outputs)))
            }
            Node::With { ctes, body } => self.with(ctes, body)?,
            Node::CteScan { slot, working, .. } => {
                let producer = if *working { None } else { self.producers.get(slot).cloned() };
                Box::new(CteScan::new(*slot, producer, (0..plan.outputs.len()).collect()))
            }
            Node::LockRows { input, locks } => self.lock_rows(input, locks)?,
            Node::Modify { modify, source } => self.modify(modify, source)?,
            Node::Empty => Box::new(values::Values::new(kinds(&plan.outputs), Vec::new())),
        })
    }

    fn modify(&mut self, modify: &Modify, source: &Physical) -> Result<BoxOperator> {
        let operator = self.sequentially(true, |b| b.operator(source))?;
        let ids: Vec<ColId> = source.ids().collect();
        let recheck = target_conditions(source, modify.relation.oid);
        let counts = self.inside_cte == 0;
        let made = ModifyOperator::new(modify, operator, &ids, recheck.as_ref(), counts, self)?;
        Ok(Box::new(made.each_once(scans_once(source))))
    }

    fn sort(&mut self, input: &Physical, keys: &[SortKey], top: Option<&TopRows>) -> Result<BoxOperator> {
        let scope = scope(input);
        let bound = sort::unbounded();
        let learnt = match (top, keys.first()) {
            (Some(_), Some(key)) => parallel::sort_source(input, &key.expr).map(|id| {
                let order = sort::SortOrder { desc: key.desc, nulls_first: key.nulls_first };
                (id, parallel::Learnt::First(order, Arc::clone(&bound)))
            }),
            _ => None,
        };
        let mut copies =
            self.learning(learnt, |b| b.copies(input, |b| Ok((b.operator(input)?, b.sort_columns(keys, &scope)?))))?.into_iter();
        let top = match top {
            Some(top) => {
                let limit = self.expr(&top.limit, &Scope::default())?;
                Some(sort::TopRows { limit, offset: self.optional(top.offset.as_ref())? })
            }
            None => None,
        };
        let Some((child, keys)) = copies.next() else { return Err(SqlError::internal("a sort without an input")) };
        Ok(Box::new(Sort::new(child, keys, input.outputs.len(), top).with_bound(bound).with_workers(copies)))
    }

    fn with(&mut self, ctes: &[CteNode], body: &Physical) -> Result<BoxOperator> {
        let mut producers = Vec::with_capacity(ctes.len());
        for cte in ctes {
            self.inside_cte += 1;
            let plan = self.operator(&cte.plan)?;
            let recursive = match &cte.recursive {
                Some((step, all)) => {
                    let working = cte.working.ok_or_else(|| SqlError::internal("recursive CTE without a working table"))?;
                    Some(RecursiveTerm { plan: self.operator(step)?, distinct: !all, working })
                }
                None => None,
            };
            self.inside_cte -= 1;
            let producer = CteProducer {
                slot: cte.slot,
                plan,
                recursive,
                kinds: kinds(&cte.plan.outputs),
                eager: cte.modifies,
                seen: None,
                stage: Stage::default(),
            };
            let producer = Arc::new(Mutex::new(producer));
            self.producers.insert(cte.slot, Arc::clone(&producer));
            producers.push(producer);
        }
        let body = self.operator(body)?;
        Ok(Box::new(With::new(producers, body)))
    }

    /// Functions in FROM. A call that answers a record is told the columns it is read as.
    fn function_calls(&mut self, functions: &[TableFunction], outputs: &[Output]) -> Result<Vec<SetCall>> {
        let mut at = 0;
        let mut calls = Vec::with_capacity(functions.len());
        for function in functions {
            let mut call = self.set_call(&function.call, function.width, function.expand, &Scope::default())?;
            let mine = outputs.get(at..at + function.width).unwrap_or_default();
            at += function.width;
            if function.call.ty.oid == Oid::RECORD {
                let columns = mine.iter().map(|o| (o.name.clone(), o.ty)).collect();
                match &mut call.maker {
                    RowMaker::Set { site, .. } | RowMaker::UserSet { site, .. } => site.columns = columns,
                    RowMaker::Single(expr) => expr.tell_columns(columns),
                }
            }
            calls.push(call);
        }
        Ok(calls)
    }

    /// A function in FROM or a set-returning call of a select list.
    fn set_call(&mut self, call: &Expr, width: usize, expand: bool, scope: &Scope) -> Result<SetCall> {
        let maker = match &call.kind {
            ExprKind::SetReturning { callee, args } => self.row_maker(call, callee, args, false, scope)?,
            ExprKind::Call { callee, args, variadic, .. } if returns_set(callee) => {
                self.row_maker(call, callee, args, *variadic, scope)?
            }
            _ => RowMaker::Single(self.expr(call, scope)?),
        };
        let record = if width == 1 && !expand { self.out_columns(call)? } else { None };
        Ok(SetCall { maker, width, expand, record })
    }

    /// The OUT columns of a built-in set-returning call, where there are several.
    fn out_columns(&self, call: &Expr) -> Result<Option<RecordColumns>> {
        let (ExprKind::SetReturning { callee: Callee::Builtin(f), args } | ExprKind::Call { callee: Callee::Builtin(f), args, .. }) =
            &call.kind
        else {
            return Ok(None);
        };
        let mut columns = Vec::new();
        for (_, name, ty) in f.all_args.iter().filter(|(mode, ..)| matches!(mode, 'o' | 'b' | 't')) {
            let actual = match (*ty, args.first()) {
                (Oid::ANYELEMENT, Some(array)) => self.element(array.ty.oid)?,
                (ty, _) => ty,
            };
            columns.push((SmolStr::new_static(name), Type::new(actual)));
        }
        Ok((columns.len() > 1).then(|| columns.into()))
    }

    fn row_maker(&mut self, call: &Expr, callee: &Callee, args: &[Expr], variadic: bool, scope: &Scope) -> Result<RowMaker> {
        let site = CallSite {
            arg_types: args.iter().map(|a| a.ty).collect(),
            returns: Some(call.ty),
            collation: call.collation,
            variadic,
            columns: Vec::new(),
            cache: None,
        };
        let compiled = self.exprs(args, scope)?;
        Ok(match callee {
            Callee::Builtin(f) => match f.implementation {
                Implementation::Set(code) => RowMaker::Set { code, args: compiled, strict: f.strict, site },
                Implementation::Scalar(_) => {
                    let kind = ExprKind::Call {
                        callee: callee.clone(),
                        args: args.to_vec(),
                        form: crate::sql::plan::CallForm::Call,
                        variadic,
                    };
                    RowMaker::Single(self.expr(&Expr { kind, ..call.clone() }, scope)?)
                }
                _ => return Err(SqlError::unsupported(format!("function {} in FROM", f.name))),
            },
            Callee::User(function) => RowMaker::UserSet { function: Arc::clone(function), args: compiled, site },
        })
    }

    /// Columns an expression needs, those its subqueries refer to included.
    fn columns_of(&self, expr: &Expr) -> walk::ColSet {
        let mut all = walk::expr_columns(expr);
        walk::any(expr, &mut |part| {
            if let ExprKind::Subquery(s) = &part.kind
                && let Rel::Planned(number, _) = &s.plan
                && let Some(subplan) = self.subplans.get(*number)
            {
                all.extend(&subplan.correlations);
            }
            false
        });
        all
    }

    /// The element type of an array type, by the catalog.
    fn element(&self, array: Oid) -> Result<Oid> {
        match type_info(self.types, array)?.kind {
            TypeKind::Array(element) => Ok(element),
            _ => match array {
                Oid::INT2VECTOR => Ok(Oid::INT2),
                Oid::OIDVECTOR => Ok(Oid::OID),
                _ => Err(SqlError::internal(format!("type {} is not an array", array.0))),
            },
        }
    }
}

fn returns_set(callee: &Callee) -> bool {
    match callee {
        Callee::Builtin(f) => f.returns_set,
        Callee::User(f) => f.returns_set,
    }
}

impl CompileEnv for Builder<'_> {
    fn outer_slot(&mut self, id: ColId) -> Result<usize> {
        if !self.columns.contains_key(&id) {
            return Err(SqlError::internal(format!("column {} is nowhere in the plan", id.0)));
        }
        let next = self.outer.len();
        Ok(*self.outer.entry(id).or_insert(next))
    }

    fn subplan(&mut self, subquery: &Subquery, scope: &Scope) -> Result<SubPlan> {
        let Rel::Planned(number, outputs) = &subquery.plan else {
            return Err(SqlError::internal("a subquery was not planned"));
        };
        let subplans = self.subplans;
        let node = subplans.get(*number).ok_or_else(|| SqlError::internal("a subquery's plan is missing"))?;
        let mut correlations = Vec::new();
        for &id in &node.correlations {
            let slot = self.outer_slot(id)?;
            let from = match (scope.slot(id), self.columns.get(&id).cloned()) {
                (Some(_), Some(output)) => Some(compile(&walk::column_of(&output), scope, self)?),
                _ => None,
            };
            correlations.push(Correlation { slot, from });
        }
        let kind = match &subquery.kind {
            SubqueryKind::Scalar => SubPlanKind::Scalar,
            SubqueryKind::Exists => SubPlanKind::Exists,
            SubqueryKind::Array => {
                let ty = outputs.first().map_or(Oid::INVALID, |o| o.ty.oid);
                match self.element(ty) {
                    Ok(elem) if !matches!(ty, Oid::INT2VECTOR | Oid::OIDVECTOR) => SubPlanKind::Array { elem, nested: true },
                    _ => SubPlanKind::Array { elem: ty, nested: false },
                }
            }
            SubqueryKind::Quantified { any, test } => {
                let width = scope.width();
                let mut both = scope.clone();
                both.extend(outputs.iter().map(|o| o.id));
                SubPlanKind::Quantified { any: *any, test: Box::new(compile(test, &both, self)?), width }
            }
            SubqueryKind::Row => SubPlanKind::Row {
                types: outputs.iter().map(|o| o.ty).collect::<Vec<Type>>(),
                names: outputs.iter().map(|o| o.name.clone()).collect::<Vec<SmolStr>>().into(),
            },
        };
        let plan = self.sequentially(!node.correlations.is_empty(), |b| b.operator(&node.plan))?;
        Ok(SubPlan::new(kind, plan, correlations, node.volatile))
    }

    fn array_element(&mut self, array: Oid) -> Result<Oid> {
        self.element(array)
    }
}
