//! Function overload resolution (`func_get_detail`, `func_select_candidate`), shared with operators.

use super::Binder;
use super::coerce::{Context, Path};
use crate::error::{Result, SqlError};
use crate::sql::catalog::schema_oid::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::sql::expr::registry::registry;
use crate::sql::plan::{Callee, Expr, ExprKind};
use crate::sql::types::Oid;
use smallvec::SmallVec;
use smol_str::SmolStr;

pub(super) type Types = SmallVec<[Oid; 8]>;

/// A function that could be meant, with its parameters laid out for the call's arguments.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub callee: Callee,
    /// Parameter types in call order: variadic ones spread, defaulted ones last.
    pub args: Types,
    /// How many of `args` were spread from the variadic parameter.
    pub variadic: usize,
    /// How many of `args` take their defaults.
    pub defaulted: usize,
    /// Parameter number of each argument, for calls with named arguments.
    pub numbers: Option<SmallVec<[u16; 8]>>,
    path: usize,
    ambiguous: bool,
}

/// Outcome of resolution.
pub(super) enum Detail {
    NotFound,
    Multiple,
    /// A call that is a cast in disguise.
    Coercion(Oid),
    Found(Box<Candidate>),
}

/// A function's parameter list: (mode, name, type), inputs only matter.
struct Signature<'f> {
    args: &'f [Oid],
    variadic: Oid,
    defaults: usize,
}

pub(super) fn returns(callee: &Callee) -> Oid {
    match callee {
        Callee::Builtin(f) => f.returns,
        Callee::User(f) => f.returns,
    }
}

pub(super) fn returns_set(callee: &Callee) -> bool {
    match callee {
        Callee::Builtin(f) => f.returns_set,
        Callee::User(f) => f.returns_set,
    }
}

/// `f`, `a`, `w`, `p`.
pub(super) fn kind(callee: &Callee) -> char {
    match callee {
        Callee::Builtin(f) => f.kind,
        Callee::User(f) => f.kind,
    }
}

/// Element type of the VARIADIC parameter.
pub(super) fn variadic(callee: &Callee) -> Oid {
    match callee {
        Callee::Builtin(f) => f.variadic,
        Callee::User(f) => f.variadic,
    }
}

/// Output columns of a function with OUT parameters: (name, type); empty without.
pub(super) fn out_params(callee: &Callee) -> Vec<(SmolStr, Oid)> {
    let out = |mode: char| matches!(mode, 'o' | 'b' | 't');
    match callee {
        Callee::Builtin(f) => f.all_args.iter().filter(|a| out(a.0)).map(|a| (SmolStr::new_static(a.1), a.2)).collect(),
        Callee::User(f) => f.all_args.iter().filter(|a| out(a.0)).map(|a| (a.1.clone(), a.2)).collect(),
    }
}

fn signature(callee: &Callee) -> Signature<'_> {
    match callee {
        Callee::Builtin(f) => Signature { args: &f.args, variadic: f.variadic, defaults: f.default_count },
        Callee::User(f) => Signature { args: &f.arg_types, variadic: f.variadic, defaults: f.defaults.len() },
    }
}

/// Input parameter names in order.
fn input_names(callee: &Callee) -> SmallVec<[&str; 8]> {
    let input = |mode: char| matches!(mode, 'i' | 'b' | 'v');
    match callee {
        Callee::Builtin(f) => f.all_args.iter().filter(|a| input(a.0)).map(|a| a.1).collect(),
        Callee::User(f) => f.all_args.iter().filter(|a| input(a.0)).map(|a| a.1.as_str()).collect(),
    }
}

impl Binder<'_> {
    /// `func_get_detail`. `names` are the names of the last arguments.
    pub(super) fn find_function(
        &self,
        name: &[SmolStr],
        args: &[Expr],
        names: &[SmolStr],
        types: &[Oid],
        variadic: bool,
    ) -> Result<Detail> {
        if let Some(found) = self.exact_builtin(name, names, types) {
            return Ok(found);
        }
        let candidates = self.function_candidates(name, types.len(), names, !variadic)?;
        let mut best = candidates.iter().position(|c| c.args.len() >= types.len() && c.args[..types.len()] == *types);
        if best.is_none() {
            if let ([arg], true) = (args, names.is_empty())
                && let Some(target) = self.function_name_as_type(name)?
                && self.is_coercion_call(target, arg)
            {
                return Ok(Detail::Coercion(target));
            }
            let fitting: Vec<usize> = (0..candidates.len())
                .filter(|i| self.can_coerce_all(types, &candidates[*i].args[..types.len()], Context::Implicit))
                .collect();
            best = match fitting[..] {
                [] => None,
                [one] => Some(one),
                _ => {
                    let lists: Vec<&[Oid]> = fitting.iter().map(|i| &candidates[*i].args[..types.len()]).collect();
                    match self.select_candidate(types, &lists) {
                        Some(i) => Some(fitting[i]),
                        None => return Ok(Detail::Multiple),
                    }
                }
            };
        }
        Ok(match best {
            None => Detail::NotFound,
            Some(i) if candidates[i].ambiguous => Detail::Multiple,
            Some(i) => {
                let mut candidates = candidates;
                Detail::Found(Box::new(candidates.swap_remove(i)))
            }
        })
    }

    /// The common case without allocation: a built-in with just these types and no user function of the name before it.
    fn exact_builtin(&self, name: &[SmolStr], names: &[SmolStr], types: &[Oid]) -> Option<Detail> {
        if !names.is_empty() {
            return None;
        }
        let own = match name {
            [own] => {
                for &schema in self.cx.catalog.search_path() {
                    if schema == PG_CATALOG {
                        break;
                    }
                    if !self.cx.catalog.functions_in(schema, own).is_empty() {
                        return None;
                    }
                }
                own
            }
            [schema, own] if schema == "pg_catalog" => own,
            _ => return None,
        };
        let found = registry().functions_named(own).find(|f| *f.args == *types && !f.variadic.is_valid())?;
        Some(Detail::Found(Box::new(plain(Callee::Builtin(found), found.args.iter().copied().collect(), 0))))
    }

    fn is_coercion_call(&self, target: Oid, arg: &Expr) -> bool {
        let source = arg.ty.oid;
        if source == Oid::UNKNOWN && matches!(arg.kind, ExprKind::Const(_)) {
            return true;
        }
        match self.pathway(target, source, Context::Explicit) {
            Path::Relabel => true,
            Path::Io => {
                let row = source == Oid::RECORD || self.desc(self.base_oid(source)).relation.is_valid();
                !(row && self.desc(target).category == b'S')
            }
            _ => false,
        }
    }

    fn function_name_as_type(&self, name: &[SmolStr]) -> Result<Option<Oid>> {
        let oid = match name {
            [own] => super::types::find_type(self.cx.catalog, own),
            [schema, own] if schema == "pg_catalog" => super::types::builtin_type_named(own),
            [schema, own] => self.cx.catalog.schema_oid(schema).and_then(|s| self.cx.catalog.type_in(s, own)),
            _ => None,
        };
        Ok(oid.filter(|oid| {
            let desc = self.desc(*oid);
            desc.defined && !desc.relation.is_valid()
        }))
    }

    /// `FuncnameGetCandidates`.
    pub(super) fn function_candidates(
        &self,
        name: &[SmolStr],
        nargs: usize,
        names: &[SmolStr],
        expand: bool,
    ) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        let catalog = self.cx.catalog;
        let (schemas, own): (SmallVec<[Oid; 8]>, &SmolStr) = match name {
            [own] => (catalog.search_path().iter().copied().collect(), own),
            [.., schema, own] => match catalog.schema_oid(schema) {
                Some(oid) => (SmallVec::from_slice(&[oid]), own),
                None => return Err(crate::err!(crate::error::SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist")),
            },
            [] => return Err(SqlError::internal("empty function name")),
        };
        for (path, &schema) in schemas.iter().enumerate() {
            let helpers = schema == INFORMATION_SCHEMA && own.starts_with("_pg_");
            if schema == PG_CATALOG || helpers {
                for f in registry().functions_named(own) {
                    Self::consider(&mut found, Callee::Builtin(f), path, nargs, names, expand);
                }
            }
            for f in catalog.functions_in(schema, own) {
                Self::consider(&mut found, Callee::User(f), path, nargs, names, expand);
            }
        }
        Ok(found)
    }

    fn consider(found: &mut Vec<Candidate>, callee: Callee, path: usize, nargs: usize, names: &[SmolStr], expand: bool) {
        let Some(mut new) = lay_out(callee, nargs, names, expand) else { return };
        new.path = path;
        let given = new.args.len() - new.defaulted;
        let twin = found.iter().position(|c| c.args.len() - c.defaulted == given && c.args[..given] == new.args[..given]);
        let Some(twin) = twin else {
            found.push(new);
            return;
        };
        let old = &mut found[twin];
        let keep_old = match new.path.cmp(&old.path) {
            std::cmp::Ordering::Greater => Some(true),
            std::cmp::Ordering::Less => Some(false),
            std::cmp::Ordering::Equal if new.variadic > 0 && old.variadic == 0 => Some(true),
            std::cmp::Ordering::Equal if new.variadic == 0 && old.variadic > 0 => Some(false),
            std::cmp::Ordering::Equal => None,
        };
        match keep_old {
            Some(true) => {}
            Some(false) => *old = new,
            None => old.ambiguous = true,
        }
    }

    /// `func_select_candidate`: the index of the best of several parameter lists, all of which fit.
    pub(super) fn select_candidate(&self, input: &[Oid], lists: &[&[Oid]]) -> Option<usize> {
        let mut base: Types = input.iter().map(|t| if *t == Oid::UNKNOWN { *t } else { self.base_oid(*t) }).collect();
        let unknowns = base.iter().filter(|t| **t == Oid::UNKNOWN).count();
        let mut alive: SmallVec<[usize; 16]> = (0..lists.len()).collect();
        keep_best(&mut alive, |i| base.iter().zip(lists[i]).filter(|(b, t)| **b != Oid::UNKNOWN && b == t).count());
        if alive.len() == 1 {
            return Some(alive[0]);
        }
        let category: SmallVec<[u8; 8]> = base.iter().map(|t| self.desc(*t).category).collect();
        keep_best(&mut alive, |i| {
            let fits = |k: usize| {
                let t = lists[i][k];
                let desc = self.desc(t);
                base[k] != Oid::UNKNOWN && (t == base[k] || (desc.preferred && desc.category == category[k]))
            };
            (0..base.len()).filter(|k| fits(*k)).count()
        });
        if alive.len() == 1 {
            return Some(alive[0]);
        }
        if unknowns == 0 {
            return None;
        }
        self.keep_unknown_categories(&base, lists, &mut alive);
        if alive.len() == 1 {
            return Some(alive[0]);
        }
        // Last gasp: all known inputs alike, so take the unknown ones for the same.
        let mut known = base.iter().copied().filter(|t| *t != Oid::UNKNOWN);
        let first = known.next()?;
        if known.any(|t| t != first) {
            return None;
        }
        base.fill(first);
        let mut fitting = alive.iter().filter(|i| self.can_coerce_all(&base, lists[**i], Context::Implicit));
        match (fitting.next(), fitting.next()) {
            (Some(i), None) => Some(*i),
            _ => None,
        }
    }

    fn keep_unknown_categories(&self, base: &[Oid], lists: &[&[Oid]], alive: &mut SmallVec<[usize; 16]>) {
        let mut wanted: SmallVec<[(usize, u8, bool); 8]> = SmallVec::new();
        for (k, _) in base.iter().enumerate().filter(|(_, t)| **t == Oid::UNKNOWN) {
            let mut slot: Option<(u8, bool)> = None;
            let mut conflict = false;
            for &i in alive.iter() {
                let desc = self.desc(lists[i][k]);
                slot = match slot {
                    None => Some((desc.category, desc.preferred)),
                    Some((c, p)) if c == desc.category => Some((c, p | desc.preferred)),
                    Some(_) if desc.category == b'S' => {
                        conflict = true;
                        Some((b'S', desc.preferred))
                    }
                    other => {
                        conflict = true;
                        other
                    }
                };
            }
            let Some((category, preferred)) = slot else { return };
            if conflict && category != b'S' {
                return;
            }
            wanted.push((k, category, preferred));
        }
        let fits = |i: usize| {
            wanted.iter().all(|&(k, category, preferred)| {
                let desc = self.desc(lists[i][k]);
                desc.category == category && (!preferred || desc.preferred)
            })
        };
        if alive.iter().any(|i| fits(*i)) {
            alive.retain(|i| fits(*i));
        }
    }

    /// `make_fn_arguments`: coerces arguments to the (concrete) declared types.
    pub(super) fn coerce_arguments(&mut self, args: &mut [Expr], declared: &[Oid]) -> Result<()> {
        for (arg, &want) in args.iter_mut().zip(declared) {
            if arg.ty.oid != want {
                self.replace(arg, |b, e| {
                    b.coerce(
                        e,
                        crate::sql::types::Type::new(want),
                        Context::Implicit,
                        crate::sql::plan::CallForm::ImplicitCast,
                        None,
                    )
                })?;
            }
        }
        Ok(())
    }

    /// `func_signature_string`: `f(integer, unknown)`, for errors.
    pub(super) fn signature_text(&self, name: &[SmolStr], names: &[SmolStr], types: &[Oid]) -> String {
        let mut text = name.join(".");
        text.push('(');
        let positional = types.len() - names.len();
        for (i, ty) in types.iter().enumerate() {
            if i > 0 {
                text.push_str(", ");
            }
            if i >= positional {
                text.push_str(&names[i - positional]);
                text.push_str(" => ");
            }
            text.push_str(&self.type_text(*ty));
        }
        text.push(')');
        text
    }
}

fn keep_best(alive: &mut SmallVec<[usize; 16]>, score: impl Fn(usize) -> usize) {
    let scores: SmallVec<[usize; 16]> = alive.iter().map(|i| score(*i)).collect();
    let best = scores.iter().copied().max().unwrap_or(0);
    let mut at = 0;
    alive.retain(|_| {
        at += 1;
        scores[at - 1] == best
    });
}

fn plain(callee: Callee, args: Types, path: usize) -> Candidate {
    Candidate { callee, args, variadic: 0, defaulted: 0, numbers: None, path, ambiguous: false }
}

/// Lays a function's parameters out for a call of `nargs` arguments; None when it cannot be called so.
fn lay_out(callee: Callee, nargs: usize, names: &[SmolStr], expand: bool) -> Option<Candidate> {
    let sig = signature(&callee);
    let params = sig.args.len();
    if !names.is_empty() {
        if (sig.variadic.is_valid() && expand) || nargs > params {
            return None;
        }
        let numbers = match_named(&callee, nargs, names, params, sig.defaults)?;
        let args = numbers.iter().map(|n| sig.args[*n as usize]).collect();
        let mut candidate = plain(callee, args, 0);
        candidate.defaulted = params - nargs;
        candidate.numbers = Some(numbers);
        return Some(candidate);
    }
    let spread = expand && sig.variadic.is_valid() && params <= nargs;
    let defaults = params > nargs;
    if defaults && nargs + sig.defaults < params {
        return None;
    }
    if params != nargs && !spread && !defaults {
        return None;
    }
    let mut args: Types = sig.args.iter().copied().collect();
    let mut count = 0;
    if spread {
        let elem = sig.variadic;
        args.truncate(params - 1);
        args.resize(nargs, elem);
        count = nargs - params + 1;
    }
    let mut candidate = plain(callee, args, 0);
    candidate.variadic = count;
    candidate.defaulted = params.saturating_sub(nargs);
    Some(candidate)
}

/// `MatchNamedCall`: parameter number of each argument, then of the defaulted ones.
fn match_named(callee: &Callee, nargs: usize, names: &[SmolStr], params: usize, defaults: usize) -> Option<SmallVec<[u16; 8]>> {
    let inputs = input_names(callee);
    if inputs.len() < params {
        return None;
    }
    let positional = nargs - names.len();
    let mut given: SmallVec<[bool; 8]> = smallvec::smallvec![false; params];
    let mut numbers: SmallVec<[u16; 8]> = SmallVec::new();
    for (i, g) in given.iter_mut().enumerate().take(positional) {
        *g = true;
        numbers.push(i as u16);
    }
    for name in names {
        let at = inputs.iter().position(|n| *n == name.as_str())?;
        if given[at] {
            return None;
        }
        given[at] = true;
        numbers.push(at as u16);
    }
    let first_default = params - defaults;
    for (i, g) in given.iter().enumerate().skip(positional) {
        if !g {
            if i < first_default {
                return None;
            }
            numbers.push(i as u16);
        }
    }
    Some(numbers)
}
