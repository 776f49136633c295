//! Type coercion (parse_coerce.c): which casts exist in which context, and the expressions that perform them.

use super::Binder;
use super::same::{at, location};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::batch::ColumnKind;
use crate::sql::expr::registry::{Function, registry};
use crate::sql::plan::{CallForm, Callee, Expr, ExprKind};
use crate::sql::types::{Datum, Oid, Type, io};

/// How willing a place is to convert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Context {
    /// Inside expressions.
    Implicit,
    /// Storing into a column.
    Assignment,
    /// A written cast.
    Explicit,
}

/// How one type becomes another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path {
    None,
    Relabel,
    Function(&'static Function),
    Array,
    Io,
}

impl Binder<'_> {
    /// `find_coercion_pathway`.
    pub(super) fn pathway(&self, target: Oid, source: Oid, context: Context) -> Path {
        let (source, target) = (self.base_oid(source), self.base_oid(target));
        if source == target {
            return Path::Relabel;
        }
        if let Some(cast) = registry().cast(source, target) {
            let allowed = match cast.context {
                'i' => true,
                'a' => context >= Context::Assignment,
                _ => context >= Context::Explicit,
            };
            if !allowed {
                return Path::None;
            }
            return match (cast.method, cast.function) {
                ('f', Some(function)) => Path::Function(function),
                ('i', _) => Path::Io,
                ('b', _) => Path::Relabel,
                _ => Path::None,
            };
        }
        let (s, t) = (self.desc(source), self.desc(target));
        if target != Oid::OIDVECTOR
            && target != Oid::INT2VECTOR
            && s.elem.is_valid()
            && t.elem.is_valid()
            && !matches!(self.pathway(t.elem, s.elem, context), Path::None)
        {
            return Path::Array;
        }
        let io = (context >= Context::Assignment && t.category == b'S') || (context >= Context::Explicit && s.category == b'S');
        if io { Path::Io } else { Path::None }
    }

    /// `can_coerce_type` for one type.
    pub(super) fn can_coerce(&self, source: Oid, target: Oid, context: Context) -> bool {
        if source == target || target == Oid::ANY || source == Oid::UNKNOWN {
            return true;
        }
        if super::poly::is_polymorphic(target) {
            return self.generics_consistent(&[source], &[target]);
        }
        self.can_coerce_concrete(source, target, context)
    }

    fn can_coerce_concrete(&self, source: Oid, target: Oid, context: Context) -> bool {
        if !matches!(self.pathway(target, source, context), Path::None) {
            return true;
        }
        let complex = |oid: Oid| self.desc(self.base_oid(oid)).relation.is_valid();
        let complex_array = |oid: Oid| self.element_type(oid).is_some_and(complex);
        (source == Oid::RECORD && complex(target))
            || (target == Oid::RECORD && complex(source))
            || (source == Oid::RECORD_ARRAY && complex_array(target))
            || (target == Oid::RECORD_ARRAY && complex_array(source))
    }

    /// `can_coerce_type` for a list.
    pub(super) fn can_coerce_all(&self, source: &[Oid], target: &[Oid], context: Context) -> bool {
        let mut generic = false;
        for (&s, &t) in source.iter().zip(target) {
            if s == t || t == Oid::ANY {
                continue;
            }
            if super::poly::is_polymorphic(t) {
                generic = true;
                continue;
            }
            if s != Oid::UNKNOWN && !self.can_coerce_concrete(s, t, context) {
                return false;
            }
        }
        !generic || self.generics_consistent(source, target)
    }

    /// `coerce_to_target_type`: None when there is no such cast.
    pub(super) fn coerce_to_target(
        &mut self,
        e: Expr,
        target: Type,
        context: Context,
        form: CallForm,
        pos: Option<u32>,
    ) -> Result<Option<Expr>> {
        if e.ty == target && e.ty.oid != Oid::UNKNOWN {
            return Ok(Some(e));
        }
        if !self.can_coerce(e.ty.oid, target.oid, context) {
            return Ok(None);
        }
        if let ExprKind::Collate(arg) = e.kind {
            let Some(inner) = self.coerce_to_target(*arg, target, context, form, pos)? else { return Ok(None) };
            if !self.desc(target.oid).collation.is_valid() {
                return Ok(Some(inner));
            }
            let ty = inner.ty;
            return Ok(Some(Expr { kind: ExprKind::Collate(Box::new(inner)), ty, collation: e.collation, pos: e.pos }));
        }
        let before = e.ty.oid;
        let mut result = self.coerce(e, target, context, form, pos)?;
        let converted = before != result.ty.oid && !matches!(result.kind, ExprKind::Const(_));
        result = self.coerce_typmod(result, target, context, form, pos, converted)?;
        Ok(Some(result))
    }

    /// `coerce_type`: the cast is known to exist.
    pub(super) fn coerce(&mut self, e: Expr, target: Type, context: Context, form: CallForm, pos: Option<u32>) -> Result<Expr> {
        let source = e.ty.oid;
        if source == target.oid {
            return Ok(e);
        }
        match target.oid {
            Oid::ANY | Oid::ANYELEMENT | Oid::ANYNONARRAY | Oid::ANYCOMPATIBLE | Oid::ANYCOMPATIBLENONARRAY => return Ok(e),
            t if super::poly::is_polymorphic(t) && source != Oid::UNKNOWN => {
                let base = self.base_type(e.ty);
                return Ok(if base.oid == source { e } else { relabel(e, base, CallForm::ImplicitCast) });
            }
            _ => {}
        }
        if source == Oid::UNKNOWN {
            match e.kind {
                ExprKind::Const(_) => return self.literal(e, target, context, form, pos),
                ExprKind::Param(index) => {
                    let text = |oid| self.type_text(oid);
                    let base = self.params_target(target);
                    let types = self.cx.io.types;
                    let _ = text;
                    let ty = self.params.resolve(index, base, e.pos, |oid| io_type_text(types, oid))?;
                    let collation = self.desc(ty.oid).collation;
                    let mut param = Expr { kind: ExprKind::Param(index), ty, collation, pos: e.pos };
                    if self.base_type(ty).oid != ty.oid {
                        // Values of parameters come as the type below: the domain's constraints are checked where one is used.
                        let kind = ExprKind::CoerceToDomain(Box::new(param), CallForm::ImplicitCast);
                        param = Expr { kind, ty, collation, pos: e.pos };
                    }
                    return if ty.oid == target.oid { Ok(param) } else { self.coerce(param, target, context, form, pos) };
                }
                _ => {}
            }
        }
        if let ExprKind::Collate(arg) = e.kind {
            let inner = self.coerce(*arg, target, context, form, pos)?;
            if !self.desc(target.oid).collation.is_valid() {
                return Ok(inner);
            }
            let ty = inner.ty;
            return Ok(Expr { kind: ExprKind::Collate(Box::new(inner)), ty, collation: e.collation, pos: e.pos });
        }
        if form == CallForm::ImplicitCast {
            self.trace_cast(&e, target.oid);
        }
        let path = self.pathway(target.oid, source, context);
        match path {
            Path::None => self.coerce_row(e, target, context, form, pos),
            Path::Relabel => {
                let base = self.base_type(Type::new(target.oid));
                if base.oid != target.oid {
                    let inner = if source == base.oid || self.base_oid(source) == source {
                        e
                    } else {
                        let b = self.base_type(e.ty);
                        relabel(e, b, CallForm::ImplicitCast)
                    };
                    return self.domain_value(inner, base, target.oid, context, form, pos, false);
                }
                let mut e = relabel(e, Type::new(target.oid), form);
                e.pos = pos.or(e.pos);
                Ok(e)
            }
            _ => {
                let base = self.base_type(target);
                let result = self.conversion(e, path, base, context, form, pos)?;
                if base.oid == target.oid {
                    return Ok(result);
                }
                self.domain_value(result, base, target.oid, context, form, pos, true)
            }
        }
    }

    /// Parameters get the type itself, domains included.
    fn params_target(&self, target: Type) -> Oid {
        target.oid
    }

    /// A literal of unknown type read as `target`.
    fn literal(&mut self, e: Expr, target: Type, context: Context, form: CallForm, pos: Option<u32>) -> Result<Expr> {
        let ExprKind::Const(value) = e.kind else { return Ok(e) };
        let base = self.base_type(target);
        if let (Datum::Text(_), Some(elem)) = (&value, self.element_type(base.oid))
            && let elem_base = self.base_type(Type::new(elem))
            && elem_base.oid != elem
            && let Some(array) = self.array_type(elem_base.oid)
        {
            // Elements of a domain are checked one by one.
            let unknown = Expr { kind: ExprKind::Const(value), ty: e.ty, collation: e.collation, pos: e.pos };
            let elements = self.literal(unknown, Type::new(array), context, form, pos)?;
            return self.conversion(elements, Path::Array, base, context, CallForm::ImplicitCast, pos);
        }
        // Only an interval's modifier changes how its text is read.
        let typmod = if base.oid == Oid::INTERVAL { base.typmod } else { -1 };
        let ty = Type { oid: base.oid, typmod };
        let value = match value {
            Datum::Text(text) => match io::input(self.cx.io, &text, ty) {
                Ok(value) => value,
                Err(error) => return Err(at(error, e.pos)),
            },
            other => other,
        };
        self.trace_literal(e.pos, ty, &value);
        let collation = self.desc(base.oid).collation;
        let constant = Expr { kind: ExprKind::Const(value), ty, collation, pos: e.pos };
        if base.oid == target.oid {
            return Ok(constant);
        }
        self.domain_value(constant, base, target.oid, context, form, pos, false)
    }

    /// The expression of a conversion that does something.
    fn conversion(
        &mut self,
        e: Expr,
        path: Path,
        target: Type,
        context: Context,
        form: CallForm,
        pos: Option<u32>,
    ) -> Result<Expr> {
        let collation = self.desc(target.oid).collation;
        let pos = pos.or(e.pos);
        Ok(match path {
            Path::Function(function) => {
                self.trace_conversion(pos);
                let mut args = Vec::with_capacity(function.args.len());
                args.push(self.base_argument(e, function.args[0], context)?);
                if function.args.len() >= 2 {
                    args.push(Expr::constant(Datum::Int4(target.typmod), Oid::INT4));
                }
                if function.args.len() >= 3 {
                    args.push(Expr::constant(Datum::Bool(context == Context::Explicit), Oid::BOOL));
                }
                let typmod = if function.args.len() >= 2 { target.typmod } else { -1 };
                let kind = ExprKind::Call { callee: Callee::Builtin(function), args, form, variadic: false };
                Expr { kind, ty: Type { oid: target.oid, typmod }, collation, pos }
            }
            Path::Array => {
                let source_elem = self.element_type(self.base_oid(e.ty.oid)).unwrap_or(Oid::UNKNOWN);
                let target_elem = self.element_type(target.oid).unwrap_or(Oid::UNKNOWN);
                let arg = if self.base_oid(e.ty.oid) == e.ty.oid {
                    e
                } else {
                    let b = self.base_type(e.ty);
                    relabel(e, b, CallForm::ImplicitCast)
                };
                let value = Expr { kind: ExprKind::Value, ty: Type { oid: source_elem, typmod: arg.ty.typmod }, collation, pos };
                let want = Type { oid: target_elem, typmod: target.typmod };
                let Some(element) = self.coerce_to_target(value, want, context, form, pos)? else {
                    return Err(crate::error::SqlError::internal("failed to coerce array element type as expected"));
                };
                let ty = Type { oid: target.oid, typmod: element.ty.typmod };
                if let ExprKind::Value = element.kind {
                    return Ok(Expr { kind: ExprKind::Relabel(Box::new(arg), form), ty, collation, pos });
                }
                let kind = ExprKind::ArrayCoerce { arg: Box::new(arg), element: Box::new(element), form };
                Expr { kind, ty, collation, pos }
            }
            Path::Io => {
                let kind = ExprKind::CoerceViaIo(Box::new(e), form);
                Expr { kind, ty: Type::new(target.oid), collation, pos }
            }
            Path::Relabel | Path::None => relabel(e, target, form),
        })
    }

    /// A domain given to a cast function goes as its base type.
    fn base_argument(&mut self, e: Expr, want: Oid, _context: Context) -> Result<Expr> {
        let base = self.base_type(e.ty);
        if base.oid != e.ty.oid && want != e.ty.oid {
            return Ok(relabel(e, base, CallForm::ImplicitCast));
        }
        Ok(e)
    }

    /// `coerce_to_domain`.
    #[expect(clippy::too_many_arguments, reason = "the same values PostgreSQL's function takes")]
    fn domain_value(
        &mut self,
        e: Expr,
        base: Type,
        domain: Oid,
        context: Context,
        form: CallForm,
        pos: Option<u32>,
        hide: bool,
    ) -> Result<Expr> {
        let mut e = e;
        if hide {
            hide_coercion(&mut e);
        }
        let e = self.coerce_typmod(e, base, context, CallForm::ImplicitCast, pos, false)?;
        let collation = self.desc(domain).collation;
        let pos = pos.or(e.pos);
        Ok(Expr { kind: ExprKind::CoerceToDomain(Box::new(e), form), ty: Type::new(domain), collation, pos })
    }

    /// `coerce_type_typmod`: cuts or checks a value to the type's modifier.
    fn coerce_typmod(
        &mut self,
        e: Expr,
        target: Type,
        context: Context,
        form: CallForm,
        pos: Option<u32>,
        hide: bool,
    ) -> Result<Expr> {
        if target.typmod == e.ty.typmod || e.ty.oid != target.oid {
            return Ok(e);
        }
        let mut e = e;
        if hide {
            hide_coercion(&mut e);
        }
        if target.typmod < 0 {
            return Ok(e);
        }
        let path = match self.element_type(target.oid) {
            Some(elem) if registry().cast(elem, elem).is_some_and(|c| c.function.is_some()) => Path::Array,
            Some(_) => Path::None,
            None => match registry().cast(target.oid, target.oid).and_then(|c| c.function) {
                Some(function) => Path::Function(function),
                None => Path::None,
            },
        };
        match path {
            Path::None => Ok(relabel(e, target, form)),
            path => self.conversion(e, path, target, context, form, pos),
        }
    }

    /// Rows to composite types and back.
    fn coerce_row(&mut self, e: Expr, target: Type, context: Context, form: CallForm, pos: Option<u32>) -> Result<Expr> {
        let source = e.ty.oid;
        let fail = |b: &Self| {
            at(err!(SqlState::CANNOT_COERCE, "cannot cast type {} to {}", b.type_text(source), b.type_text(target.oid)), pos)
        };
        if target.oid == Oid::RECORD || target.oid == Oid::RECORD_ARRAY || source == Oid::RECORD_ARRAY {
            return Ok(if target.oid == Oid::RECORD { e } else { relabel(e, Type::new(target.oid), form) });
        }
        let Some(relation) = self.composite_relation(target.oid) else { return Err(fail(self)) };
        let (fields, collation, row_pos) = match e.kind {
            ExprKind::Row { fields, .. } => (fields, e.collation, e.pos),
            // Another record: a whole row of known columns.
            _ => return self.coerce_record(e, target, &relation, context, form, pos),
        };
        let live: Vec<(smol_str::SmolStr, Type)> = relation.live_columns().map(|(_, c)| (c.name.clone(), c.ty)).collect();
        let detail = |b: &Self, text: String| fail(b).detail(text);
        if fields.len() < live.len() {
            return Err(detail(self, "Input has too few columns.".into()));
        }
        if fields.len() > live.len() {
            return Err(detail(self, "Input has too many columns.".into()));
        }
        let mut coerced = Vec::with_capacity(fields.len());
        for (i, (field, (_, ty))) in fields.into_iter().zip(&live).enumerate() {
            let from = field.ty.oid;
            match self.coerce_to_target(field, *ty, context, CallForm::ImplicitCast, None)? {
                Some(e) => coerced.push(e),
                None => {
                    let (from, to) = (self.type_text(from), self.type_text(ty.oid));
                    return Err(detail(self, format!("Cannot cast type {from} to {to} in column {}.", i + 1)));
                }
            }
        }
        let base = self.base_type(target);
        let names = live.into_iter().map(|(n, _)| n).collect();
        let row = Expr { kind: ExprKind::Row { fields: coerced, names }, ty: Type::new(base.oid), collation, pos: row_pos };
        if base.oid == target.oid { Ok(row) } else { self.domain_value(row, base, target.oid, context, form, pos, true) }
    }

    /// A whole row of anonymous type to a composite type, field by field. Errors: 42846.
    fn coerce_record(
        &mut self,
        e: Expr,
        target: Type,
        relation: &crate::sql::catalog::objects::Relation,
        context: Context,
        form: CallForm,
        pos: Option<u32>,
    ) -> Result<Expr> {
        let (from, to) = (self.type_text(e.ty.oid), self.type_text(target.oid));
        let fail = |detail: Option<String>| {
            let error = at(err!(SqlState::CANNOT_COERCE, "cannot cast type {from} to {to}"), pos);
            Err(match detail {
                Some(detail) => error.detail(detail),
                None => error,
            })
        };
        let shape = if matches!(e.kind, ExprKind::Column(_)) { self.row_shape(&e) } else { None };
        let Some(shape) = shape else { return fail(None) };
        let live: Vec<Type> = relation.live_columns().map(|(_, c)| c.ty).collect();
        if shape.len() != live.len() {
            let how = if shape.len() < live.len() { "few" } else { "many" };
            return fail(Some(format!("Input has too {how} columns.")));
        }
        let mut fields = Vec::with_capacity(live.len());
        for (i, (&(_, ty, collation), want)) in shape.iter().zip(live).enumerate() {
            let value = Expr { kind: ExprKind::Value, ty, collation, pos: None };
            match self.coerce_to_target(value, want, context, CallForm::ImplicitCast, None)? {
                Some(e) => fields.push(e),
                None => {
                    let (from, to) = (self.type_text(ty.oid), self.type_text(want.oid));
                    return fail(Some(format!("Cannot cast type {from} to {to} in column {}.", i + 1)));
                }
            }
        }
        let base = self.base_type(target);
        let kind = ExprKind::RowCoerce { arg: Box::new(e), fields, form };
        let row = Expr { kind, ty: Type::new(base.oid), collation: Oid::INVALID, pos };
        if base.oid == target.oid { Ok(row) } else { self.domain_value(row, base, target.oid, context, form, pos, true) }
    }

    /// `coerce_to_boolean`. Errors: 42804 naming the construct.
    pub(super) fn coerce_to_boolean(&mut self, e: Expr, construct: &str) -> Result<Expr> {
        self.coerce_to_specific(e, Oid::BOOL, construct)
    }

    /// `coerce_to_specific_type`.
    pub(super) fn coerce_to_specific(&mut self, e: Expr, target: Oid, construct: &str) -> Result<Expr> {
        let (from, pos) = (e.ty.oid, location(&e));
        let returns_set = self.srf_level(&e) > 0;
        let e = if from == target {
            e
        } else {
            match self.coerce_to_target(e, Type::new(target), Context::Assignment, CallForm::ImplicitCast, None)? {
                Some(e) => e,
                None => {
                    let (want, got) = (self.type_text(target), self.type_text(from));
                    let error = err!(SqlState::DATATYPE_MISMATCH, "argument of {construct} must be type {want}, not type {got}");
                    return Err(at(error, pos));
                }
            }
        };
        if returns_set {
            return Err(at(err!(SqlState::DATATYPE_MISMATCH, "argument of {construct} must not return a set"), pos));
        }
        Ok(e)
    }

    /// `select_common_type` over (type, position) pairs. Errors: 42804.
    pub(super) fn common_type(&self, types: &[(Oid, Option<u32>)], construct: &str) -> Result<Oid> {
        self.common_type_opt(types).map_err(|(a, b, pos)| {
            let (a, b) = (self.type_text(a), self.type_text(b));
            at(err!(SqlState::DATATYPE_MISMATCH, "{construct} types {a} and {b} cannot be matched"), pos)
        })
    }

    /// `select_common_type`; the types in conflict when there is none.
    pub(super) fn common_type_opt(&self, types: &[(Oid, Option<u32>)]) -> Result<Oid, (Oid, Oid, Option<u32>)> {
        let Some(&(first, _)) = types.first() else { return Ok(Oid::TEXT) };
        if first != Oid::UNKNOWN && types.iter().all(|(t, _)| *t == first) {
            return Ok(first);
        }
        let mut best = self.base_oid(first);
        let mut desc = self.desc(best);
        for &(ty, pos) in &types[1..] {
            let next = self.base_oid(ty);
            if next == Oid::UNKNOWN || next == best {
                continue;
            }
            let next_desc = self.desc(next);
            if best == Oid::UNKNOWN {
                (best, desc) = (next, next_desc);
            } else if next_desc.category != desc.category {
                return Err((best, next, pos));
            } else if !desc.preferred
                && self.can_coerce(best, next, Context::Implicit)
                && !self.can_coerce(next, best, Context::Implicit)
            {
                (best, desc) = (next, next_desc);
            }
        }
        Ok(if best == Oid::UNKNOWN { Oid::TEXT } else { best })
    }

    /// Type and position pairs of expressions.
    pub(super) fn type_list(exprs: &[Expr]) -> smallvec::SmallVec<[(Oid, Option<u32>); 8]> {
        exprs.iter().map(|e| (e.ty.oid, location(e))).collect()
    }

    /// `coerce_to_common_type`. Errors: 42846.
    pub(super) fn coerce_to_common(&mut self, e: Expr, target: Oid, construct: &str) -> Result<Expr> {
        if e.ty.oid == target {
            return Ok(e);
        }
        if self.can_coerce(e.ty.oid, target, Context::Implicit) {
            return self.coerce(e, Type::new(target), Context::Implicit, CallForm::ImplicitCast, None);
        }
        let (from, to) = (self.type_text(e.ty.oid), self.type_text(target));
        Err(at(err!(SqlState::CANNOT_COERCE, "{construct} could not convert type {from} to {to}"), location(&e)))
    }

    /// Coerces all to their common type; answers it with the modifier they share.
    pub(super) fn unify(&mut self, exprs: &mut [Expr], construct: &str) -> Result<Type> {
        let common = self.common_type(&Self::type_list(exprs), construct)?;
        self.unify_to(exprs, common, construct)
    }

    /// Coerces all to one type; answers it with the modifier they share.
    pub(super) fn unify_to(&mut self, exprs: &mut [Expr], common: Oid, construct: &str) -> Result<Type> {
        let mut typmod = None;
        for e in exprs.iter_mut() {
            self.replace(e, |b, e| b.coerce_to_common(e, common, construct))?;
            typmod = match typmod {
                None => Some(e.ty.typmod),
                Some(m) if m == e.ty.typmod => Some(m),
                _ => Some(-1),
            };
        }
        Ok(Type { oid: common, typmod: typmod.unwrap_or(-1) })
    }

    /// Replaces an expression by what `f` makes of it.
    pub(super) fn replace(&mut self, e: &mut Expr, f: impl FnOnce(&mut Self, Expr) -> Result<Expr>) -> Result<()> {
        let taken = std::mem::replace(e, Expr::constant(Datum::Null, Oid::UNKNOWN));
        *e = f(self, taken)?;
        Ok(())
    }
}

fn io_type_text(types: &dyn io::TypeLookup, oid: Oid) -> String {
    crate::sql::types::typename::format_type_be(types, oid)
}

/// The same value under another type.
pub(super) fn relabel(e: Expr, ty: Type, form: CallForm) -> Expr {
    let (pos, collation) = (e.pos, e.collation);
    match e.kind {
        // A constant just changes its type; a relabelled relabelling is one.
        ExprKind::Const(value) => Expr { kind: ExprKind::Const(ColumnKind::of(ty.oid).relabel(value)), ty, collation, pos },
        ExprKind::Relabel(inner, CallForm::ImplicitCast) => Expr { kind: ExprKind::Relabel(inner, form), ty, collation, pos },
        kind => Expr { kind: ExprKind::Relabel(Box::new(Expr { kind, ty: e.ty, collation, pos }), form), ty, collation, pos },
    }
}

/// `hide_coercion_node`: a cast inside a cast prints as one.
fn hide_coercion(e: &mut Expr) {
    match &mut e.kind {
        ExprKind::Call { form, .. }
        | ExprKind::Relabel(_, form)
        | ExprKind::CoerceViaIo(_, form)
        | ExprKind::ArrayCoerce { form, .. }
        | ExprKind::RowCoerce { form, .. }
        | ExprKind::CoerceToDomain(_, form) => *form = CallForm::ImplicitCast,
        _ => {}
    }
}
