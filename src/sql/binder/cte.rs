//! WITH (parse_cte.c): visibility, recursion and its rules, data-modifying queries.

use super::refs::{Around, Reference, References};
use super::scope::{ColSource, CteEntry, CteState, RteCol};
use super::select::Purpose;
use super::setop::Branch;
use super::{Binder, Bound};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{self, SelectBody, SelectStmt, SetOperation, SetOperator, Statement, WithClause};
use crate::sql::plan::{Cte, CteId, Output, Rel};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

impl Binder<'_> {
    /// Binds a WITH clause; its queries stay in sight until the level ends. `top` when data may be modified here.
    pub(super) fn with_clause(&mut self, with: &WithClause, top: bool) -> Result<Vec<Cte>> {
        let mark = self.ctes.len();
        for (i, cte) in with.ctes.iter().enumerate() {
            if with.ctes[..i].iter().any(|c| c.name == cte.name) {
                return Err(
                    err!(SqlState::DUPLICATE_ALIAS, "WITH query name \"{}\" specified more than once", cte.name).at(cte.pos)
                );
            }
            if matches!(*cte.query, Statement::Merge(_)) {
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "MERGE not supported in WITH query").at(cte.pos));
            }
            let modifies = !matches!(*cte.query, Statement::Select(_));
            if modifies && (!top || self.scopes.len() != 1) {
                return Err(err!(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "WITH clause containing a data-modifying statement must be at the top level"
                )
                .at(cte.pos));
            }
            let id = CteId(self.next_cte);
            self.next_cte += 1;
            let entry = CteEntry {
                id,
                name: cte.name.clone(),
                columns: Vec::new(),
                references: 0,
                state: CteState::Forward,
                returns: true,
            };
            self.ctes.push(entry);
        }
        let order = if with.recursive { recursive_order(with)? } else { (0..with.ctes.len()).collect() };
        let mut out = Vec::with_capacity(order.len());
        for i in order {
            let cte = &with.ctes[i];
            let itself = with.recursive && References::of(&cte.query).iter().any(|r| r.name == cte.name);
            let bound = if itself { self.recursive_cte(cte, mark + i, &mut out)? } else { self.plain_cte(cte, mark + i)? };
            out.push(bound);
        }
        Ok(out)
    }

    /// Puts the WITH queries around a level's plan.
    pub(super) fn wrap_with(&mut self, ctes: Vec<Cte>, mark: usize, bound: Bound) -> Bound {
        let mut ctes = ctes;
        for cte in &mut ctes {
            if let Some(entry) = self.ctes[mark..].iter().find(|e| e.id == cte.id) {
                cte.references = entry.references;
            }
        }
        Bound { rel: Rel::With { ctes, body: Box::new(bound.rel) }, ..bound }
    }

    fn plain_cte(&mut self, cte: &ast::Cte, index: usize) -> Result<Cte> {
        if cte.search.is_some() || cte.cycle.is_some() {
            return Err(err!(SqlState::SYNTAX_ERROR, "WITH query is not recursive").at(cte.pos));
        }
        let mut returns = true;
        let (plan, outputs) = match &*cte.query {
            Statement::Select(select) => self.select(select, Purpose::Sub)?.into_exact(),
            Statement::Merge(_) => {
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "MERGE not supported in WITH query").at(cte.pos));
            }
            statement => {
                let (bound, _) = self.in_scope(super::scope::Scope::new(), |b| b.statement(statement))?;
                returns = !bound.outputs.is_empty();
                bound.into_exact()
            }
        };
        let columns = self.cte_columns(cte, &outputs)?;
        let entry = &mut self.ctes[index];
        entry.columns = columns;
        entry.returns = returns;
        entry.state = CteState::Ready;
        Ok(Cte {
            id: entry.id,
            name: cte.name.clone(),
            plan,
            recursive: None,
            columns: renamed(outputs, &entry.columns),
            materialized: cte.materialized,
            references: 0,
        })
    }

    /// Columns a WITH query shows (`analyzeCTETargetList`).
    fn cte_columns(&self, cte: &ast::Cte, outputs: &[Output]) -> Result<Vec<RteCol>> {
        let mut columns = Self::output_cols(outputs);
        if cte.columns.len() > columns.len() {
            let (n, given) = (columns.len(), cte.columns.len());
            return Err(err!(
                SqlState::INVALID_COLUMN_REFERENCE,
                "WITH query \"{}\" has {n} columns available but {given} columns specified",
                cte.name
            )
            .at(cte.pos));
        }
        for (column, name) in columns.iter_mut().zip(&cte.columns) {
            column.name = name.clone();
        }
        Ok(columns)
    }

    /// `WITH RECURSIVE t AS (first UNION [ALL] next)`; WITH queries of its own come before it in `out`.
    fn recursive_cte(&mut self, cte: &ast::Cte, index: usize, out: &mut Vec<Cte>) -> Result<Cte> {
        let (select, op) = check_recursion(cte)?;
        if cte.search.is_none() && cte.cycle.is_none() {
            return self.recursive_terms(cte, index, select, op, out);
        }
        // The query's own columns, found by binding the first term alone.
        let names: Vec<SmolStr> = self.in_scope(super::scope::Scope::new(), |b| {
            let left = b.set_branch(&op.left)?;
            Ok(b.cte_columns(cte, &left.outputs)?.into_iter().map(|c| c.name).collect())
        })?;
        let rewritten = super::search::rewrite(cte, op, &names)?;
        let (inner, outer) = super::search::column_names(cte, &names);
        let plain = ast::Cte { search: None, cycle: None, columns: inner, ..cte.clone() };
        let mut bound = self.recursive_terms(&plain, index, select, &rewritten, out)?;
        for ((column, output), name) in self.ctes[index].columns.iter_mut().zip(&mut bound.columns).zip(outer) {
            column.name = name.clone();
            output.name = name;
        }
        Ok(bound)
    }

    fn recursive_terms(
        &mut self,
        cte: &ast::Cte,
        index: usize,
        select: &SelectStmt,
        op: &SetOperation,
        out: &mut Vec<Cte>,
    ) -> Result<Cte> {
        self.in_scope_keeping_ctes(|b| {
            if let Some(with) = &select.with {
                let mut inner = b.with_clause(with, false)?;
                out.append(&mut inner);
            }
            b.ctes[index].state = CteState::Opening;
            let mut left = b.set_branch(&op.left)?;
            b.resolve_branch(&mut left)?;
            let columns = b.cte_columns(cte, &left.outputs)?;
            let entry = &mut b.ctes[index];
            entry.columns = columns;
            entry.state = CteState::Recursive;
            let mut right = b.set_branch(&op.right)?;
            b.check_width(&left, &right, "UNION")?;
            b.check_recursive_types(cte, &mut left, &mut right)?;
            let types: Vec<Type> = left.outputs.iter().map(|o| o.ty).collect();
            let right = b.cast_branch(right, &types)?;
            let entry = &mut b.ctes[index];
            entry.state = CteState::Ready;
            Ok(Cte {
                id: entry.id,
                name: cte.name.clone(),
                columns: renamed(left.outputs, &entry.columns),
                plan: left.rel,
                recursive: Some((right.rel, op.all)),
                materialized: cte.materialized,
                references: 0,
            })
        })
    }

    /// A query level whose own WITH queries outlive it: they are hoisted in front of the recursive one.
    fn in_scope_keeping_ctes<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mark = self.ctes.len();
        self.scopes.push(super::scope::Scope::new());
        let result = f(self);
        self.scopes.pop();
        self.ctes.truncate(mark);
        result
    }

    /// Literals of unknown type in the first term are text.
    fn resolve_branch(&mut self, branch: &mut Branch) -> Result<()> {
        for i in 0..branch.outputs.len() {
            self.settle_unknown(branch, i, Type::new(Oid::TEXT))?;
        }
        Ok(())
    }

    /// The whole must have the first term's types. Errors: 42804, 42P21.
    fn check_recursive_types(&mut self, cte: &ast::Cte, left: &mut Branch, right: &mut Branch) -> Result<()> {
        for i in 0..left.outputs.len() {
            let own = left.outputs[i].ty;
            let pos = super::setop::column_pos(&left.rel, i);
            let pair = [(own.oid, pos), (right.outputs[i].ty.oid, super::setop::column_pos(&right.rel, i))];
            let common = self.common_type(&pair, "UNION")?;
            self.settle_unknown(right, i, Type::new(common))?;
            let all = if own == right.outputs[i].ty { own } else { Type { oid: common, typmod: -1 } };
            if all != own {
                let name = crate::sql::types::typename::format_type;
                let (first, whole) = (name(self.cx.io.types, own), name(self.cx.io.types, all));
                let error = err!(
                    SqlState::DATATYPE_MISMATCH,
                    "recursive query \"{}\" column {} has type {first} in non-recursive term but type {whole} overall",
                    cte.name,
                    i + 1
                )
                .hint("Cast the output of the non-recursive term to the correct type.");
                return Err(super::same::at(error, pos));
            }
        }
        Ok(())
    }

    /// The entry a bare name means, innermost first.
    pub(super) fn find_cte(&self, name: &str) -> Option<usize> {
        self.ctes.iter().rposition(|c| c.name == name && c.state != CteState::Forward)
    }

    /// Whether a later sibling has that name.
    pub(super) fn is_future_cte(&self, name: &str) -> bool {
        self.ctes.iter().any(|c| c.name == name && c.state == CteState::Forward)
    }

    /// Errors: 0A000 without RETURNING, 42P19 inside the non-recursive term.
    pub(super) fn check_cte_reference(&self, index: usize, pos: usize) -> Result<()> {
        let entry = &self.ctes[index];
        if !entry.returns {
            let message = format!("WITH query \"{}\" does not have a RETURNING clause", entry.name);
            return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(pos));
        }
        if entry.state == CteState::Opening {
            let message = format!("recursive reference to query \"{}\" must not appear within its non-recursive term", entry.name);
            return Err(SqlError::new(SqlState::INVALID_RECURSION, message).at(pos));
        }
        Ok(())
    }
}

/// Outputs under the WITH query's own column names.
fn renamed(outputs: Vec<Output>, columns: &[RteCol]) -> Vec<Output> {
    debug_assert!(columns.iter().all(|c| matches!(c.source, ColSource::Id(_))));
    outputs.into_iter().zip(columns).map(|(o, c)| Output { name: c.name.clone(), ..o }).collect()
}

/// An order in which every query comes after those it mentions. Errors: 0A000 for queries that mention one another.
fn recursive_order(with: &WithClause) -> Result<Vec<usize>> {
    let mentions: Vec<Vec<SmolStr>> =
        with.ctes.iter().map(|c| References::of(&c.query).into_iter().map(|r| r.name).collect()).collect();
    let mut order = Vec::with_capacity(with.ctes.len());
    let mut left: Vec<usize> = (0..with.ctes.len()).collect();
    while !left.is_empty() {
        let ready = left.iter().position(|i| left.iter().all(|j| i == j || !mentions[*i].contains(&with.ctes[*j].name)));
        match ready {
            Some(at) => order.push(left.remove(at)),
            None => {
                let pos = with.ctes[left[0]].pos;
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "mutual recursion between WITH items is not implemented").at(pos));
            }
        }
    }
    Ok(order)
}

/// `checkWellFormedRecursion` for one query that mentions itself.
fn check_recursion(cte: &ast::Cte) -> Result<(&SelectStmt, &SetOperation)> {
    let name = &cte.name;
    let invalid = |message: String, pos: usize| SqlError::new(SqlState::INVALID_RECURSION, message).at(pos);
    let Statement::Select(select) = &*cte.query else {
        return Err(invalid(format!("recursive query \"{name}\" must not contain data-modifying statements"), cte.pos));
    };
    let form = || {
        let message = format!("recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term");
        invalid(message, cte.pos)
    };
    let SelectBody::SetOperation(op) = &select.body else { return Err(form()) };
    if op.op != SetOperator::Union {
        return Err(form());
    }
    let mine = |refs: Vec<Reference>| -> Vec<Reference> { refs.into_iter().filter(|r| r.name == *name).collect() };
    let reference = |what: &str| format!("recursive reference to query \"{name}\" must not appear {what}");
    if let Some(r) = mine(References::of_select(&op.left)).first() {
        return Err(invalid(reference("within its non-recursive term"), r.pos));
    }
    let right = mine(References::of_select(&op.right));
    let mut seen = false;
    for r in &right {
        let what = match r.around {
            Around::Ok if seen => "more than once",
            Around::Ok => {
                seen = true;
                continue;
            }
            Around::Subquery => "within a subquery",
            Around::OuterJoin => "within an outer join",
            Around::Intersect => "within INTERSECT",
            Around::Except => "within EXCEPT",
        };
        return Err(invalid(reference(what), r.pos));
    }
    let unsupported = |what: &str, pos: usize| {
        Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{what} in a recursive query is not implemented").at(pos))
    };
    if let Some(sort) = select.order_by.first() {
        return unsupported("ORDER BY", sort.expr.location());
    }
    if let Some(offset) = &select.limit.offset {
        return unsupported("OFFSET", offset.location());
    }
    if let Some(count) = &select.limit.count {
        return unsupported("LIMIT", count.location());
    }
    if !select.locking.is_empty() {
        return unsupported("FOR UPDATE/SHARE", cte.pos);
    }
    Ok((select, op))
}
