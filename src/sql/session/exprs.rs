//! Expressions stored with tables, at work: CHECK constraints, index keys and predicates, defaults, generated columns.
//!
//! Bound and compiled once per version of a relation and session, then evaluated a row at a time.

use super::SessionCore;
use super::storage::SessionStorage;
use crate::error::{Result, SqlError};
use crate::sql::binder::{self, RelationColumns, Standing};
use crate::sql::catalog::objects::{Constraint, ConstraintKind, Index, Relation, RelationRef};
use crate::sql::executor::{ExecCx, ExecState};
use crate::sql::expr::eval::{CompileEnv, CompiledExpr, Scope, SubPlan, compile};
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind, Subquery};
use crate::sql::table::{TableExprs, messages};
use crate::sql::types::io::{TypeKind, TypeLookup};
use crate::sql::types::{Datum, Oid, typename};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Compiled expressions of a relation.
#[derive(Default)]
pub struct CompiledRelation {
    checks: Option<Vec<(SmolStr, CompiledExpr)>>,
    indexes: HashMap<Oid, (Vec<CompiledExpr>, Option<CompiledExpr>)>,
    defaults: HashMap<u16, Option<CompiledExpr>>,
    generated: Option<Vec<(usize, CompiledExpr)>>,
    /// The operators of exclusion constraints, over the keys of two rows.
    exclusions: HashMap<Oid, CompiledExpr>,
}

/// Compiled expressions and the version of the relation they are valid for.
type Versioned = (RelationRef, Arc<Mutex<CompiledRelation>>);

/// Compiled relations of a session, by OID.
#[derive(Default)]
pub struct ExprCache(Mutex<HashMap<Oid, Versioned>>);

impl ExprCache {
    fn of(&self, relation: &RelationRef) -> Arc<Mutex<CompiledRelation>> {
        let mut all = self.0.lock();
        match all.get(&relation.oid) {
            Some((known, compiled)) if Arc::ptr_eq(known, relation) => Arc::clone(compiled),
            _ => {
                let fresh = Arc::new(Mutex::new(CompiledRelation::default()));
                all.insert(relation.oid, (Arc::clone(relation), Arc::clone(&fresh)));
                fresh
            }
        }
    }
}

/// Compiles expressions that have neither subqueries nor outer columns.
pub struct PlainEnv<'a>(pub &'a dyn TypeLookup);

impl CompileEnv for PlainEnv<'_> {
    fn outer_slot(&mut self, _id: ColId) -> Result<usize> {
        Err(SqlError::internal("a stored expression refers to an outer query"))
    }

    fn subplan(&mut self, _subquery: &Subquery, _scope: &Scope) -> Result<SubPlan> {
        Err(SqlError::unsupported("a subquery in a stored expression"))
    }

    fn array_element(&mut self, array: Oid) -> Result<Oid> {
        if let Some(elem) = typename::builtin_elem(array) {
            return Ok(elem);
        }
        match self.0.type_info(array).map(|t| t.kind) {
            Some(TypeKind::Array(elem)) => Ok(elem),
            _ => Err(SqlError::internal(format!("type {array} is no array"))),
        }
    }
}

/// A relation's columns as ids 0, 1, ...: dropped ones have none.
pub fn column_ids(relation: &Relation) -> Vec<Option<ColId>> {
    relation.columns.iter().enumerate().map(|(i, c)| (!c.dropped).then_some(ColId(i as u32))).collect()
}

/// The scope that goes with `column_ids`.
pub fn column_scope(relation: &Relation) -> Scope {
    Scope::new((0..relation.columns.len()).map(|i| ColId(i as u32)))
}

/// Stored expressions for one statement.
pub struct SessionExprs<'a> {
    core: &'a SessionCore,
}

impl<'a> SessionExprs<'a> {
    /// For one statement.
    pub fn new(core: &'a SessionCore) -> Self {
        Self { core }
    }

    fn bind(
        &self,
        relation: &RelationRef,
        sql: &str,
        ty: Option<crate::sql::types::Type>,
        standing: Standing,
    ) -> Result<CompiledExpr> {
        let ids = column_ids(relation);
        let columns = RelationColumns { relation, ids: &ids, alias: None };
        let bound = self.core.with_bind(|cx| binder::bind_check(cx, columns, sql, ty, standing))?;
        self.compile(&bound, &column_scope(relation))
    }

    /// A condition over a table's columns (COPY ... WHERE).
    pub fn condition(&self, relation: &RelationRef, e: &crate::sql::parser::ast::Expr) -> Result<CompiledExpr> {
        let ids = column_ids(relation);
        let columns = [RelationColumns { relation, ids: &ids, alias: None }];
        let bound = self.core.with_bind(|cx| binder::bind_over_relation(cx, &columns, e, None, Standing::CopyWhere))?;
        self.compile(&bound, &column_scope(relation))
    }

    /// The value of a bound expression without columns.
    pub fn constant(&self, bound: &Expr) -> Result<Datum> {
        let mut compiled = self.compile(bound, &Scope::default())?;
        self.evaluate(|cx| compiled.eval_row(cx, &[]))
    }

    fn compile(&self, bound: &Expr, scope: &Scope) -> Result<CompiledExpr> {
        let view = self.core.view();
        compile(bound, scope, &mut PlainEnv(&*view))
    }

    /// Evaluates with a context that has no tables: stored expressions read none.
    pub fn evaluate<R>(&self, work: impl FnOnce(&mut ExecCx<'_>) -> Result<R>) -> Result<R> {
        let view = self.core.view();
        let io = self.core.io();
        let context = io.context(self.core.transaction_start.load(std::sync::atomic::Ordering::Relaxed), &*view);
        let storage = SessionStorage::new(self.core, &context, Arc::clone(&view));
        let routines = super::routines::SessionRoutines::new(self.core);
        let mut state = ExecState::default();
        let mut cx = ExecCx {
            io: &context,
            session: self.core,
            storage: &storage,
            routines: &routines,
            params: &[],
            work_mem: 1 << 20,
            parallelism: 1,
            state: &mut state,
        };
        work(&mut cx)
    }
}

impl TableExprs for SessionExprs<'_> {
    fn index_values(&self, relation: &RelationRef, index: &Index, row: &[Datum]) -> Result<Option<Vec<Datum>>> {
        let compiled = self.core.exprs.of(relation);
        let mut compiled = compiled.lock();
        if let Entry::Vacant(place) = compiled.indexes.entry(index.oid) {
            let mut keys = Vec::new();
            for sql in index.keys.iter().filter_map(|k| k.expr.as_deref()) {
                keys.push(self.bind(relation, sql, None, Standing::IndexExpression)?);
            }
            let predicate =
                index.predicate.as_deref().map(|p| self.bind(relation, p, None, Standing::IndexPredicate)).transpose()?;
            place.insert((keys, predicate));
        }
        let Some((keys, predicate)) = compiled.indexes.get_mut(&index.oid) else { return Ok(None) };
        self.evaluate(|cx| {
            if let Some(p) = predicate
                && !matches!(p.eval_row(cx, row)?, Datum::Bool(true))
            {
                return Ok(None);
            }
            keys.iter_mut().map(|k| k.eval_row(cx, row)).collect::<Result<Vec<_>>>().map(Some)
        })
    }

    fn excludes(&self, relation: &RelationRef, constraint: &Constraint, a: &[Datum], b: &[Datum]) -> Result<bool> {
        let ConstraintKind::Exclude { index, operators } = &constraint.kind else { return Ok(false) };
        let compiled = self.core.exprs.of(relation);
        let mut compiled = compiled.lock();
        if let Entry::Vacant(place) = compiled.exclusions.entry(constraint.oid) {
            let Some(index) = relation.indexes.iter().find(|i| i.oid == *index) else { return Ok(false) };
            let width = index.keys.len();
            let mut tests = Vec::with_capacity(width);
            for (i, (key, operator)) in index.keys.iter().zip(operators).enumerate() {
                let found = crate::sql::expr::registry::registry().operator(*operator);
                let found = found.ok_or_else(|| SqlError::internal("an exclusion constraint's operator is missing"))?;
                let arg = |at: usize| Expr { collation: key.collation, ..Expr::column(ColId(at as u32), key.ty) };
                let kind = ExprKind::Call {
                    callee: Callee::Builtin(found.function),
                    args: vec![arg(i), arg(width + i)],
                    form: CallForm::Operator(*operator),
                    variadic: false,
                };
                tests.push(Expr::new(kind, Oid::BOOL));
            }
            let all = Expr::new(ExprKind::And(tests), Oid::BOOL);
            place.insert(self.compile(&all, &Scope::new((0..2 * width).map(|i| ColId(i as u32))))?);
        }
        let Some(test) = compiled.exclusions.get_mut(&constraint.oid) else { return Ok(false) };
        let both: Vec<Datum> = a.iter().chain(b).cloned().collect();
        self.evaluate(|cx| Ok(matches!(test.eval_row(cx, &both)?, Datum::Bool(true))))
    }

    fn check(&self, relation: &RelationRef, row: &[Datum]) -> Result<()> {
        if !relation.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Check { .. })) {
            return Ok(());
        }
        let compiled = self.core.exprs.of(relation);
        let mut compiled = compiled.lock();
        if compiled.checks.is_none() {
            let mut checks = Vec::new();
            for c in &relation.constraints {
                if let ConstraintKind::Check { sql, .. } = &c.kind {
                    checks.push((c.name.clone(), self.bind(relation, sql, None, Standing::Check)?));
                }
            }
            checks.sort_by(|a, b| a.0.cmp(&b.0));
            compiled.checks = Some(checks);
        }
        let checks = compiled.checks.iter_mut().flatten();
        self.evaluate(|cx| {
            for (name, check) in checks {
                if matches!(check.eval_row(cx, row)?, Datum::Bool(false)) {
                    return Err(messages::check_failed(&self.core.view().catalog, cx.io, relation, name, row));
                }
            }
            Ok(())
        })
    }

    fn default_value(&self, relation: &RelationRef, column: u16) -> Result<Datum> {
        let compiled = self.core.exprs.of(relation);
        let mut compiled = compiled.lock();
        if let Entry::Vacant(place) = compiled.defaults.entry(column) {
            let bound = self.core.with_bind(|cx| binder::bind_default(cx, relation, usize::from(column)))?;
            let made = bound.map(|e| self.compile(&e, &Scope::default())).transpose()?;
            place.insert(made);
        }
        match compiled.defaults.get_mut(&column) {
            Some(Some(e)) => self.evaluate(|cx| e.eval_row(cx, &[])),
            _ => Ok(Datum::Null),
        }
    }

    fn generate(&self, relation: &RelationRef, row: &mut [Datum]) -> Result<()> {
        if !relation.columns.iter().any(|c| c.generated && !c.dropped) {
            return Ok(());
        }
        let compiled = self.core.exprs.of(relation);
        let mut compiled = compiled.lock();
        if compiled.generated.is_none() {
            let mut all = Vec::new();
            for (i, c) in relation.live_columns().filter(|(_, c)| c.generated) {
                if let Some(d) = &c.default {
                    all.push((i, self.bind(relation, &d.sql, Some(c.ty), Standing::Generated)?));
                }
            }
            compiled.generated = Some(all);
        }
        let generated = compiled.generated.iter_mut().flatten();
        self.evaluate(|cx| {
            let before = row.to_vec();
            for (i, e) in generated {
                row[*i] = e.eval_row(cx, &before)?;
            }
            Ok(())
        })
    }
}
