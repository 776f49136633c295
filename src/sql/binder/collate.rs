//! Collation derivation (parse_collate.c): bubbles collations up an expression and finds conflicts between explicit ones.

use super::Binder;
use super::same;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::plan::{Expr, ExprKind, SubqueryKind};
use crate::sql::types::{Oid, Type};

/// The database's default collation.
pub(super) const DEFAULT: Oid = Oid(100);

/// How a collation came about, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    None,
    Implicit,
    Conflict,
    Explicit,
}

/// Derived collation of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub collation: Oid,
    pub strength: Strength,
    pub other: Oid,
    pub pos: Option<u32>,
}

impl State {
    const NONE: State = State { collation: Oid::INVALID, strength: Strength::None, other: Oid::INVALID, pos: None };
}

impl Binder<'_> {
    /// Sets the collations of an expression tree. Errors: 42P21 for two different explicit collations.
    pub(super) fn assign_collations(&self, e: &mut Expr) -> Result<State> {
        // Without any collation but the default one, types alone decide.
        let mut context = State::NONE;
        match &mut e.kind {
            ExprKind::Collate(arg) => {
                self.assign_collations(arg)?;
                return Ok(State { collation: e.collation, strength: Strength::Explicit, other: Oid::INVALID, pos: e.pos });
            }
            ExprKind::Const(_) | ExprKind::Column(_) | ExprKind::Param(_) | ExprKind::Value | ExprKind::SessionValue(_) => {
                if !e.collation.is_valid() {
                    e.collation = self.desc(e.ty.oid).collation;
                }
                return Ok(leaf(e));
            }
            ExprKind::CaseOperand => return Ok(leaf(e)),
            ExprKind::Case { operand, whens, otherwise } => {
                let mut operand_collation = Oid::INVALID;
                if let Some(operand) = operand {
                    operand_collation = self.assign_collations(operand)?.collation;
                }
                for (when, then) in whens {
                    if operand_collation.is_valid() {
                        set_operand(when, operand_collation);
                    }
                    self.assign_collations(when)?;
                    let state = self.assign_collations(then)?;
                    self.merge_state(&mut context, state)?;
                }
                if let Some(e) = otherwise {
                    let state = self.assign_collations(e)?;
                    self.merge_state(&mut context, state)?;
                }
            }
            ExprKind::Row { fields, .. } => {
                for field in fields {
                    self.assign_collations(field)?;
                }
                return Ok(State::NONE);
            }
            ExprKind::Subquery(sub) => {
                if let SubqueryKind::Quantified { test, .. } = &mut sub.kind {
                    self.assign_collations(test)?;
                }
                if !e.collation.is_valid() {
                    e.collation = self.desc(e.ty.oid).collation;
                }
                return Ok(leaf(e));
            }
            ExprKind::RowCompare { left, right, .. } => {
                for (l, r) in left.iter_mut().zip(right) {
                    let mut pair = self.assign_collations(l)?;
                    let state = self.assign_collations(r)?;
                    self.merge_state(&mut pair, state)?;
                }
                return Ok(State::NONE);
            }
            ExprKind::Distinct { eq, left, right, .. } => {
                context = self.assign_collations(left)?;
                let state = self.assign_collations(right)?;
                self.merge_state(&mut context, state)?;
                eq.collation = context.collation;
            }
            ExprKind::ArrayCoerce { arg, .. } | ExprKind::RowCoerce { arg, .. } => {
                context = self.assign_collations(arg)?;
            }
            _ => {
                let mut failed = None;
                e.each_child_mut(&mut |child| {
                    if failed.is_none() {
                        match self.assign_collations(child).and_then(|state| self.merge_state(&mut context, state)) {
                            Ok(()) => {}
                            Err(error) => failed = Some(error),
                        }
                    }
                });
                if let Some(error) = failed {
                    return Err(error);
                }
            }
        }
        Ok(self.conclude(e, context))
    }

    fn conclude(&self, e: &mut Expr, context: State) -> State {
        let own = self.desc(e.ty.oid).collation;
        let state = if !own.is_valid() {
            State::NONE
        } else if context.strength > Strength::None {
            context
        } else {
            State { collation: own, strength: Strength::Implicit, other: Oid::INVALID, pos: same::location(e) }
        };
        let given = if context.strength > Strength::None { context } else { state };
        e.collation = if given.strength == Strength::Conflict { Oid::INVALID } else { given.collation };
        state
    }

    /// `merge_collation_state`.
    fn merge_state(&self, into: &mut State, new: State) -> Result<()> {
        if new.strength > into.strength {
            *into = new;
        } else if new.strength == into.strength {
            match new.strength {
                Strength::None | Strength::Conflict => {}
                Strength::Implicit if new.collation != into.collation => {
                    // A collation of one's own beats the default.
                    if into.collation == DEFAULT {
                        *into = new;
                    } else if new.collation != DEFAULT {
                        into.strength = Strength::Conflict;
                        into.other = new.collation;
                        into.pos = new.pos;
                    }
                }
                Strength::Explicit if new.collation != into.collation => {
                    let error = err!(
                        SqlState::COLLATION_MISMATCH,
                        "collation mismatch between explicit collations \"{}\" and \"{}\"",
                        self.collation_text(into.collation),
                        self.collation_text(new.collation)
                    );
                    return Err(same::at(error, new.pos));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn collation_text(&self, oid: Oid) -> String {
        self.cx.catalog.collation_name(oid).map_or_else(|| oid.to_string(), |n| n.to_string())
    }

    /// Collation of columns that several queries or rows share (`select_common_collation`).
    pub(super) fn common_collation(&self, ty: Type, exprs: &[(Oid, Option<u32>)], conflict_ok: bool) -> Result<Oid> {
        let own = self.desc(ty.oid).collation;
        if !own.is_valid() {
            return Ok(Oid::INVALID);
        }
        let mut context = State::NONE;
        for &(collation, pos) in exprs.iter().filter(|(c, _)| c.is_valid()) {
            let state = State { collation, strength: Strength::Implicit, other: Oid::INVALID, pos };
            self.merge_state(&mut context, state)?;
        }
        match context.strength {
            Strength::None => Ok(own),
            Strength::Conflict if conflict_ok => Ok(Oid::INVALID),
            Strength::Conflict => Err(self.implicit_conflict(context)),
            _ => Ok(context.collation),
        }
    }

    /// 42P21 where a sort or group column has conflicting collations.
    pub(super) fn implicit_conflict(&self, state: State) -> crate::error::SqlError {
        let error = err!(
            SqlState::COLLATION_MISMATCH,
            "collation mismatch between implicit collations \"{}\" and \"{}\"",
            self.collation_text(state.collation),
            self.collation_text(state.other)
        )
        .hint("You can choose the collation by applying the COLLATE clause to one or both expressions.");
        same::at(error, state.pos)
    }

    /// The collation of an expression's result (calls carry the one they work with).
    pub(super) fn result_collation(&self, e: &Expr) -> Oid {
        if self.desc(e.ty.oid).collation.is_valid() { e.collation } else { Oid::INVALID }
    }
}

fn leaf(e: &Expr) -> State {
    let strength = if e.collation.is_valid() { Strength::Implicit } else { Strength::None };
    State { collation: e.collation, strength, other: Oid::INVALID, pos: e.pos }
}

/// Gives CASE's operand collation to its placeholder.
fn set_operand(e: &mut Expr, collation: Oid) {
    if let ExprKind::CaseOperand = e.kind {
        e.collation = collation;
    } else if !matches!(e.kind, ExprKind::Case { operand: Some(_), .. }) {
        e.each_child_mut(&mut |child| set_operand(child, collation));
    }
}
