//! Window function calls and window definitions (parse_agg.c, parse_clause.c).

use super::Binder;
use super::coerce::Context;
use super::expr::Resolved;
use super::same::{at, location, same};
use super::scope::{NamedWindow, Place, What};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{self, FunctionCall, WindowDef};
use crate::sql::plan::{
    CallForm, Callee, Expr, ExprKind, Frame, FrameBound, FrameExclude, FrameMode, Output, SortKey, WindowCall, WindowFunc,
    WindowSpec,
};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

impl Binder<'_> {
    /// `transformWindowFuncCall`.
    pub(super) fn window_call(
        &mut self,
        call: &FunctionCall,
        over: &WindowDef,
        resolved: Resolved,
        filter: Option<Expr>,
        pos: usize,
    ) -> Result<Expr> {
        let name = call.name.join(".");
        let Callee::Builtin(func) = resolved.callee else {
            return Err(SqlError::unsupported("user-defined window functions").at(pos));
        };
        let aggregate = func.kind == 'a';
        let unsupported = |message: &str| Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(pos));
        if call.distinct {
            return unsupported("DISTINCT is not implemented for window functions");
        }
        if aggregate && call.args.is_empty() && !call.star {
            let message = format!("{name}(*) must be used to call a parameterless aggregate function");
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).at(pos));
        }
        if !call.order_by.is_empty() {
            return unsupported("aggregate ORDER BY is not implemented for window functions");
        }
        if !aggregate && filter.is_some() {
            return unsupported("FILTER is not implemented for non-aggregate window functions");
        }
        let mut args = resolved.args;
        for arg in &mut args {
            self.assign_collations(arg)?;
            self.check_window_contents(arg)?;
        }
        let mut filter = filter;
        if let Some(filter) = &mut filter {
            self.assign_collations(filter)?;
            self.check_window_contents(filter)?;
        }
        self.check_window_place(pos)?;
        let window = self.find_window(over)?;
        let ty = Type::new(resolved.returns);
        let own = self.desc(ty.oid).collation;
        let input = args.iter().map(|a| self.result_collation(a)).find(|c| c.is_valid()).unwrap_or(Oid::INVALID);
        let collation = if own.is_valid() && input.is_valid() { input } else { own };
        let func_kind = if aggregate { WindowFunc::Aggregate(func) } else { WindowFunc::Window(func) };
        let call = WindowCall { func: func_kind, args, filter, star: call.star, window, ty, collation: input };
        let id = self.new_col(What::Window);
        let output = Output { id, name: SmolStr::new_static(func.name), ty, collation };
        self.scope_mut().calls.push((output, call));
        Ok(Expr { kind: ExprKind::Column(id), ty, collation, pos: Some(pos as u32) })
    }

    fn check_window_contents(&self, e: &Expr) -> Result<()> {
        let depth = self.scopes.len() as u32;
        let mut found = None;
        let mut srf = false;
        self.visit_columns(e, &mut |col, _| match col.what {
            What::Window if col.depth == depth => found = Some(()),
            What::Srf(_) if col.depth == depth => srf = true,
            _ => {}
        });
        if found.is_some() {
            let error = err!(SqlState::WINDOWING_ERROR, "window function calls cannot be nested");
            return Err(at(error, super::same::first_column(e)));
        }
        if srf {
            let error = err!(SqlState::FEATURE_NOT_SUPPORTED, "window function calls cannot contain set-returning function calls")
                .hint("You might be able to move the set-returning function into a LATERAL FROM item.");
            return Err(at(error, super::same::first_column(e)));
        }
        Ok(())
    }

    fn check_window_place(&self, pos: usize) -> Result<()> {
        let place = self.scope().place;
        let what = match place {
            Place::None | Place::Other | Place::SelectTarget | Place::OrderBy | Place::DistinctOn => return Ok(()),
            Place::WindowPartition
            | Place::WindowOrder
            | Place::WindowFrameRange
            | Place::WindowFrameRows
            | Place::WindowFrameGroups => "window definitions",
            _ => place.long_name(),
        };
        Err(err!(SqlState::WINDOWING_ERROR, "window functions are not allowed in {what}").at(pos))
    }

    /// The index of the window an OVER clause means, made when it is new.
    fn find_window(&mut self, over: &WindowDef) -> Result<usize> {
        if let Some(name) = &over.name {
            return match self.scope().windows.iter().position(|w| w.name.as_ref() == Some(name)) {
                Some(i) => Ok(i),
                None => Err(err!(SqlState::UNDEFINED_OBJECT, "window \"{name}\" does not exist").at(over.pos)),
            };
        }
        let window = self.window_def(over)?;
        let known = self.scope().windows.iter().position(|w| same_spec(&w.spec, &window.spec) && w.name.is_none());
        match known {
            Some(i) => Ok(i),
            None => {
                self.scope_mut().windows.push(window);
                Ok(self.scope().windows.len() - 1)
            }
        }
    }

    /// The WINDOW clause.
    pub(super) fn window_clause(&mut self, windows: &[WindowDef]) -> Result<()> {
        for def in windows {
            if let Some(name) = &def.name
                && self.scope().windows.iter().any(|w| w.name.as_ref() == Some(name))
            {
                return Err(err!(SqlState::WINDOWING_ERROR, "window \"{name}\" is already defined").at(def.pos));
            }
            let mut window = self.window_def(def)?;
            window.name = def.name.clone();
            self.scope_mut().windows.push(window);
        }
        Ok(())
    }

    /// `transformWindowDefinitions` for one.
    fn window_def(&mut self, def: &WindowDef) -> Result<NamedWindow> {
        let mut base = None;
        if let Some(name) = &def.ref_name {
            let found = self.scope().windows.iter().find(|w| w.name.as_ref() == Some(name));
            base = Some(
                found.cloned().ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "window \"{name}\" does not exist").at(def.pos))?,
            );
        }
        let mut order = Vec::with_capacity(def.order_by.len());
        for sort in &def.order_by {
            let mut e = self.expr_at(&sort.expr, Place::WindowOrder)?;
            if e.ty.oid == Oid::UNKNOWN {
                e = self.implicit(e, Type::new(Oid::TEXT))?;
            }
            self.assign_collations(&mut e)?;
            let (desc, nulls_first) = self.sort_direction(&e, sort)?;
            if !order.iter().any(|k: &SortKey| same(&k.expr, &e)) {
                order.push(SortKey { expr: e, desc, nulls_first });
            }
        }
        let mut partition = Vec::with_capacity(def.partition_by.len());
        for e in &def.partition_by {
            let mut e = self.expr_at(e, Place::WindowPartition)?;
            if e.ty.oid == Oid::UNKNOWN {
                e = self.implicit(e, Type::new(Oid::TEXT))?;
            }
            self.assign_collations(&mut e)?;
            self.check_comparable(e.ty.oid, location(&e))?;
            if !partition.iter().any(|p| same(p, &e)) {
                partition.push(e);
            }
        }
        if let Some(base) = base {
            let name = def.ref_name.as_deref().unwrap_or("");
            let error = |message: String| Err(SqlError::new(SqlState::WINDOWING_ERROR, message).at(def.pos));
            if !def.partition_by.is_empty() {
                return error(format!("cannot override PARTITION BY clause of window \"{name}\""));
            }
            if !def.order_by.is_empty() && !base.spec.order.is_empty() {
                return error(format!("cannot override ORDER BY clause of window \"{name}\""));
            }
            if base.framed {
                let message = format!("cannot copy window \"{name}\" because it has a frame clause");
                let plain = def.order_by.is_empty() && def.frame.is_none();
                let e = SqlError::new(SqlState::WINDOWING_ERROR, message).at(def.pos);
                return Err(if plain { e.hint("Omit the parentheses in this OVER clause.") } else { e });
            }
            partition = base.spec.partition;
            if def.order_by.is_empty() {
                order = base.spec.order;
            }
        }
        let frame = self.frame(def, &order)?;
        Ok(NamedWindow { name: None, spec: WindowSpec { partition, order, frame }, framed: def.frame.is_some() })
    }

    fn frame(&mut self, def: &WindowDef, order: &[SortKey]) -> Result<Frame> {
        let Some(frame) = &def.frame else {
            return Ok(Frame {
                mode: FrameMode::Range,
                start: FrameBound::UnboundedPreceding,
                end: FrameBound::CurrentRow,
                exclude: FrameExclude::NoOthers,
                explicit: false,
            });
        };
        let offsets = |b: &ast::FrameBound| matches!(b, ast::FrameBound::Preceding(_) | ast::FrameBound::Following(_));
        let mode = match frame.mode {
            ast::FrameMode::Rows => FrameMode::Rows,
            ast::FrameMode::Range => FrameMode::Range,
            ast::FrameMode::Groups => FrameMode::Groups,
        };
        if mode == FrameMode::Range && (offsets(&frame.start) || offsets(&frame.end)) && order.len() != 1 {
            let message = "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column";
            return Err(SqlError::new(SqlState::WINDOWING_ERROR, message).at(def.pos));
        }
        if mode == FrameMode::Groups && order.is_empty() {
            return Err(err!(SqlState::WINDOWING_ERROR, "GROUPS mode requires an ORDER BY clause").at(def.pos));
        }
        let start = self.frame_bound(&frame.start, mode, order)?;
        let end = self.frame_bound(&frame.end, mode, order)?;
        let exclude = match frame.exclusion {
            ast::FrameExclusion::NoOthers => FrameExclude::NoOthers,
            ast::FrameExclusion::CurrentRow => FrameExclude::CurrentRow,
            ast::FrameExclusion::Group => FrameExclude::Group,
            ast::FrameExclusion::Ties => FrameExclude::Ties,
        };
        Ok(Frame { mode, start, end, exclude, explicit: true })
    }

    fn frame_bound(&mut self, bound: &ast::FrameBound, mode: FrameMode, order: &[SortKey]) -> Result<FrameBound> {
        Ok(match bound {
            ast::FrameBound::UnboundedPreceding => FrameBound::UnboundedPreceding,
            ast::FrameBound::CurrentRow => FrameBound::CurrentRow,
            ast::FrameBound::UnboundedFollowing => FrameBound::UnboundedFollowing,
            ast::FrameBound::Preceding(e) => FrameBound::Preceding(self.frame_offset(e, mode, order)?),
            ast::FrameBound::Following(e) => FrameBound::Following(self.frame_offset(e, mode, order)?),
        })
    }

    /// `transformFrameOffset`.
    fn frame_offset(&mut self, e: &ast::Expr, mode: FrameMode, order: &[SortKey]) -> Result<Expr> {
        let (place, name) = match mode {
            FrameMode::Rows => (Place::WindowFrameRows, "ROWS"),
            FrameMode::Groups => (Place::WindowFrameGroups, "GROUPS"),
            FrameMode::Range => (Place::WindowFrameRange, "RANGE"),
        };
        let bound = self.expr_at(e, place)?;
        let mut bound = match (mode, order.first()) {
            (FrameMode::Range, Some(key)) => self.range_offset(bound, key)?,
            _ => self.coerce_to_specific(bound, Oid::INT8, name)?,
        };
        self.assign_collations(&mut bound)?;
        self.check_variable_free(&bound, name)?;
        Ok(bound)
    }

    /// RANGE offsets take the type `in_range` of the ordering column's type wants.
    fn range_offset(&mut self, offset: Expr, key: &SortKey) -> Result<Expr> {
        let column = self.base_oid(key.expr.ty.oid);
        let targets: &[Oid] = match column {
            Oid::INT2 => &[Oid::INT8, Oid::INT4, Oid::INT2],
            Oid::INT4 => &[Oid::INT8, Oid::INT4, Oid::INT2],
            Oid::INT8 => &[Oid::INT8],
            Oid::FLOAT4 | Oid::FLOAT8 => &[Oid::FLOAT8],
            Oid::NUMERIC => &[Oid::NUMERIC],
            Oid::DATE | Oid::TIME | Oid::TIMETZ | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::INTERVAL => &[Oid::INTERVAL],
            _ => {
                let text = self.type_text(key.expr.ty.oid);
                let error = err!(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {text}"
                );
                return Err(at(error, location(&offset)));
            }
        };
        let given = offset.ty.oid;
        let target = if targets.contains(&given) {
            Some(given)
        } else if given == Oid::UNKNOWN {
            // The column's own type if that works, else the preferred one.
            Some(if targets.contains(&column) { column } else { targets[0] })
        } else {
            targets.iter().copied().find(|t| self.can_coerce(given, *t, Context::Implicit))
        };
        let Some(target) = target else {
            let (column, offset_type) = (self.type_text(key.expr.ty.oid), self.type_text(given));
            let error = err!(
                SqlState::FEATURE_NOT_SUPPORTED,
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {column} and offset type {offset_type}"
            )
            .hint("Cast the offset value to an appropriate type.");
            return Err(at(error, location(&offset)));
        };
        self.coerce(offset, Type::new(target), Context::Implicit, CallForm::ImplicitCast, None)
    }
}

fn same_spec(a: &WindowSpec, b: &WindowSpec) -> bool {
    let bound = |a: &FrameBound, b: &FrameBound| match (a, b) {
        (FrameBound::Preceding(a), FrameBound::Preceding(b)) | (FrameBound::Following(a), FrameBound::Following(b)) => same(a, b),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    a.partition.len() == b.partition.len()
        && a.order.len() == b.order.len()
        && a.frame.mode == b.frame.mode
        && a.frame.exclude == b.frame.exclude
        && bound(&a.frame.start, &b.frame.start)
        && bound(&a.frame.end, &b.frame.end)
        && a.partition.iter().zip(&b.partition).all(|(a, b)| same(a, b))
        && a.order.iter().zip(&b.order).all(|(a, b)| a.desc == b.desc && a.nulls_first == b.nulls_first && same(&a.expr, &b.expr))
}
