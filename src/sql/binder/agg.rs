//! Aggregate calls and GROUPING (parse_agg.c): which query level they belong to, where they may stand, what they may contain.

use super::Binder;
use super::expr::Resolved;
use super::func::Candidate;
use super::same::{at, location, same, same_agg};
use super::scope::{Place, What};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::registry::registry;
use crate::sql::parser::ast::{self, FunctionCall, NullsOrder, SortBy, SortDirection};
use crate::sql::plan::{AggCall, Callee, Expr, ExprKind, Output, SortKey};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// What an argument list mentions.
#[derive(Default)]
struct Contents {
    /// Innermost level of a column at or above the current one.
    level: Option<u32>,
    /// Innermost level of an aggregate, with its place.
    aggregate: Option<u32>,
    aggregate_pos: Option<u32>,
    window: Option<Option<u32>>,
    srf: Option<Option<u32>>,
}

impl Binder<'_> {
    /// Checks WITHIN GROUP and the numbers of arguments. Errors: 42809, 42883.
    pub(super) fn check_aggregate_shape(
        &self,
        call: &FunctionCall,
        candidate: &Candidate,
        args: &[Expr],
        pos: usize,
    ) -> Result<()> {
        let name = call.name.join(".");
        let Callee::Builtin(function) = &candidate.callee else { return Ok(()) };
        let Some(aggregate) = registry().aggregate(function.oid) else { return Ok(()) };
        let wrong = |message: String| Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).at(pos));
        if aggregate.kind == 'n' {
            if call.within_group {
                return wrong(format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP"));
            }
            if call.args.is_empty() && !call.star {
                return wrong(format!("{name}(*) must be used to call a parameterless aggregate function"));
            }
            return Ok(());
        }
        if !call.within_group {
            return wrong(format!("WITHIN GROUP is required for ordered-set aggregate {name}"));
        }
        if call.over.is_some() {
            return Err(SqlError::unsupported(format!("OVER is not supported for ordered-set aggregate {name}")).at(pos));
        }
        let ordered = call.order_by.len();
        let direct = args.len() - ordered;
        let hint = if !function.variadic.is_valid() {
            (direct != aggregate.direct_args).then(|| {
                let want = aggregate.direct_args;
                let noun = if want == 1 { "argument" } else { "arguments" };
                format!("There is an ordered-set aggregate {name}, but it requires {want} direct {noun}, not {direct}.")
            })
        } else if aggregate.kind == 'h' {
            (direct != ordered).then(|| {
                format!(
                    "To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments (here {direct}) must \
                     match the number of ordering columns (here {ordered})."
                )
            })
        } else {
            None
        };
        match hint {
            None => Ok(()),
            Some(hint) => {
                let types: super::func::Types = args.iter().map(|a| a.ty.oid).collect();
                let signature = self.signature_text(&call.name, &[], &types);
                Err(err!(SqlState::UNDEFINED_FUNCTION, "function {signature} does not exist").hint(hint).at(pos))
            }
        }
    }

    /// `transformAggregateCall`: records the call with its level and answers its column.
    pub(super) fn aggregate_call(
        &mut self,
        call: &FunctionCall,
        resolved: Resolved,
        filter: Option<Expr>,
        pos: usize,
    ) -> Result<Expr> {
        let Callee::Builtin(func) = resolved.callee else {
            return Err(SqlError::unsupported("user-defined aggregates").at(pos));
        };
        let kind = registry().aggregate(func.oid).map_or('n', |a| a.kind);
        let mut args = resolved.args;
        let mut direct = 0;
        let order_by = if call.within_group {
            direct = args.len() - call.order_by.len().min(args.len());
            if kind == 'h' {
                self.unify_hypothetical(&mut args, call, direct)?;
            }
            self.within_group_keys(&args[direct..], &call.order_by)?
        } else {
            self.aggregate_order(&mut args, &call.order_by, call.distinct)?
        };
        if call.distinct {
            self.check_distinct_arguments(&args)?;
        }
        let collation = self.aggregate_collation(&mut args)?;
        let ty = Type::new(resolved.returns);
        let mut agg = AggCall {
            func,
            args,
            direct,
            distinct: call.distinct,
            order_by,
            filter,
            star: call.star,
            variadic: resolved.variadic,
            ty,
            collation,
        };
        for key in &mut agg.order_by {
            self.assign_collations(&mut key.expr)?;
        }
        if let Some(filter) = &mut agg.filter {
            self.assign_collations(filter)?;
        }
        let mut contents = Contents::default();
        agg.each_expr(&mut |e| self.inspect(e, &mut contents));
        let level = self.settle_level(&contents, "aggregate function calls cannot be nested", pos)?;
        self.check_aggregate_place(level, "aggregate functions", pos)?;
        Ok(self.record_aggregate(level, func.name, agg, pos))
    }

    /// One collation for all arguments.
    fn aggregate_collation(&mut self, args: &mut [Expr]) -> Result<Oid> {
        let mut row = Expr::new(ExprKind::Coalesce(Vec::new()), Oid::TEXT);
        for arg in args.iter_mut() {
            self.assign_collations(arg)?;
        }
        // The strongest of the arguments' collations, found as for any call.
        if self.collations {
            row.kind = ExprKind::Coalesce(args.iter().filter(|a| self.desc(a.ty.oid).collation.is_valid()).cloned().collect());
            self.assign_collations(&mut row)?;
            return Ok(row.collation);
        }
        Ok(if args.iter().any(|a| a.collation.is_valid()) { super::collate::DEFAULT } else { Oid::INVALID })
    }

    /// Adds the call to its level, or finds its equal there.
    fn record_aggregate(&mut self, level: u32, name: &'static str, agg: AggCall, pos: usize) -> Expr {
        let ty = agg.ty;
        let own = self.desc(ty.oid).collation;
        let collation = if !own.is_valid() {
            Oid::INVALID
        } else if agg.collation.is_valid() {
            agg.collation
        } else {
            own
        };
        let scope = &self.scopes[level as usize - 1];
        let known = scope.aggs.iter().find(|(_, a)| same_agg(a, &agg)).map(|(o, _)| o.id);
        let id = match known {
            Some(id) if !volatile(&agg) => id,
            _ => {
                let id = self.new_col(What::Aggregate);
                self.cols[id.0 as usize].depth = level;
                let output = Output { id, name: SmolStr::new_static(name), ty, collation };
                self.scopes[level as usize - 1].aggs.push((output, agg));
                id
            }
        };
        Expr { kind: ExprKind::Column(id), ty, collation, pos: Some(pos as u32) }
    }

    /// Hypothetical arguments and the sorted columns become pairwise alike.
    fn unify_hypothetical(&mut self, args: &mut [Expr], call: &FunctionCall, direct: usize) -> Result<()> {
        let ordered = call.order_by.len();
        for i in 0..ordered.min(direct) {
            let (a, b) = (direct - ordered + i, direct + i);
            let pair = [(args[b].ty.oid, location(&args[b])), (args[a].ty.oid, location(&args[a]))];
            let common = self.common_type(&pair, "WITHIN GROUP")?;
            for at in [a, b] {
                self.replace(&mut args[at], |binder, e| binder.coerce_to_common(e, common, "WITHIN GROUP"))?;
            }
        }
        Ok(())
    }

    fn within_group_keys(&mut self, args: &[Expr], order: &[SortBy]) -> Result<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(order.len());
        for (arg, sort) in args.iter().zip(order) {
            let (desc, nulls_first) = self.sort_direction(arg, sort)?;
            keys.push(SortKey { expr: arg.clone(), desc, nulls_first });
        }
        Ok(keys)
    }

    /// ORDER BY inside an aggregate call.
    fn aggregate_order(&mut self, args: &mut [Expr], order: &[SortBy], distinct: bool) -> Result<Vec<SortKey>> {
        let mut keys: Vec<SortKey> = Vec::with_capacity(order.len());
        for sort in order {
            let mut e = self.expr_at(&sort.expr, Place::OrderBy)?;
            if e.ty.oid == Oid::UNKNOWN {
                e = self.implicit(e, Type::new(Oid::TEXT))?;
            }
            if distinct && !args.iter().any(|a| same(a, &e)) {
                let error = err!(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list"
                );
                return Err(at(error, location(&e)));
            }
            let (desc, nulls_first) = self.sort_direction(&e, sort)?;
            if !keys.iter().any(|k| same(&k.expr, &e)) {
                keys.push(SortKey { expr: e, desc, nulls_first });
            }
        }
        Ok(keys)
    }

    fn check_distinct_arguments(&self, args: &[Expr]) -> Result<()> {
        for arg in args {
            self.check_comparable(arg.ty.oid, location(arg))?;
            if !self.is_orderable(arg.ty.oid) {
                let text = self.type_text(arg.ty.oid);
                let error = err!(SqlState::UNDEFINED_FUNCTION, "could not identify an ordering operator for type {text}")
                    .detail("Aggregates with DISTINCT must be able to sort their inputs.");
                return Err(at(error, location(arg)));
            }
        }
        Ok(())
    }

    /// DESC and NULLS FIRST of a sort clause. Errors: 42883, 42809.
    pub(super) fn sort_direction(&self, e: &Expr, sort: &SortBy) -> Result<(bool, bool)> {
        let desc = match &sort.direction {
            SortDirection::Default | SortDirection::Asc => {
                self.check_orderable(e)?;
                false
            }
            SortDirection::Desc => {
                self.check_orderable(e)?;
                true
            }
            SortDirection::Using(op) => self.sort_operator(op, e.ty.oid, sort.pos.unwrap_or(sort.expr.pos))?,
        };
        let nulls_first = match sort.nulls {
            NullsOrder::Default => desc,
            NullsOrder::First => true,
            NullsOrder::Last => false,
        };
        Ok((desc, nulls_first))
    }

    /// Where an expression has its first aggregate of the current level.
    pub(super) fn aggregate_pos(&self, e: &Expr) -> Option<u32> {
        if let ExprKind::Column(id) = e.kind
            && self.cols[id.0 as usize].what == What::Aggregate
        {
            return e.pos;
        }
        let mut found = None;
        e.each_child(&mut |c| found = found.or_else(|| self.aggregate_pos(c)));
        found
    }

    fn inspect(&self, e: &Expr, contents: &mut Contents) {
        let current = self.scopes.len() as u32;
        if let ExprKind::Column(id) = &e.kind {
            let col = &self.cols[id.0 as usize];
            if col.depth <= current {
                match col.what {
                    What::Aggregate | What::Grouping => {
                        if contents.aggregate.is_none_or(|l| l < col.depth) {
                            contents.aggregate = Some(col.depth);
                            contents.aggregate_pos = e.pos;
                        }
                    }
                    What::Window if col.depth == current => contents.window = contents.window.or(Some(e.pos)),
                    What::Srf(_) if col.depth == current => contents.srf = contents.srf.or(Some(e.pos)),
                    _ => contents.level = contents.level.max(Some(col.depth)),
                }
            }
        }
        if let ExprKind::Subquery(sub) = &e.kind {
            sub.plan.each_expr(&mut |inner| self.inspect(inner, contents));
        }
        e.each_child(&mut |child| self.inspect(child, contents));
    }

    /// The level a call with these contents belongs to. Errors: 42803, 0A000.
    fn settle_level(&self, contents: &Contents, nested: &str, pos: usize) -> Result<u32> {
        if let Some(pos) = contents.window {
            let error = err!(SqlState::GROUPING_ERROR, "aggregate function calls cannot contain window function calls");
            return Err(at(error, pos));
        }
        if let Some(pos) = contents.srf {
            let error =
                err!(SqlState::FEATURE_NOT_SUPPORTED, "aggregate function calls cannot contain set-returning function calls")
                    .hint("You might be able to move the set-returning function into a LATERAL FROM item.");
            return Err(at(error, pos));
        }
        let level = contents.level.max(contents.aggregate).unwrap_or(self.scopes.len() as u32);
        if contents.aggregate == Some(level) {
            let error = SqlError::new(SqlState::GROUPING_ERROR, nested);
            return Err(at(error, contents.aggregate_pos.or(Some(pos as u32))));
        }
        Ok(level)
    }

    /// `check_agglevels_and_constraints`.
    fn check_aggregate_place(&self, level: u32, what: &str, pos: usize) -> Result<()> {
        let place = self.scopes[level as usize - 1].place;
        let message = match place {
            Place::None
            | Place::Other
            | Place::Having
            | Place::WindowPartition
            | Place::WindowOrder
            | Place::SelectTarget
            | Place::OrderBy
            | Place::DistinctOn => return Ok(()),
            Place::FromSubselect => format!("{what} are not allowed in FROM clause of their own query level"),
            _ => format!("{what} are not allowed in {}", place.long_name()),
        };
        Err(SqlError::new(SqlState::GROUPING_ERROR, message).at(pos))
    }

    /// `transformGroupingFunc`.
    pub(super) fn grouping(&mut self, args: &[ast::Expr], pos: usize) -> Result<Expr> {
        if args.len() > 31 {
            return Err(err!(SqlState::TOO_MANY_ARGUMENTS, "GROUPING must have fewer than 32 arguments").at(pos));
        }
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            let mut e = self.expr(arg)?;
            self.assign_collations(&mut e)?;
            bound.push(e);
        }
        let mut contents = Contents::default();
        bound.iter().for_each(|e| self.inspect(e, &mut contents));
        let level = self.settle_level(&contents, "aggregate function calls cannot be nested", pos)?;
        self.check_aggregate_place(level, "grouping operations", pos)?;
        let id = self.new_col(What::Grouping);
        self.cols[id.0 as usize].depth = level;
        let output = Output { id, name: SmolStr::new_static("grouping"), ty: Type::new(Oid::INT4), collation: Oid::INVALID };
        self.scopes[level as usize - 1].groupings.push((output, bound, Some(pos as u32)));
        Ok(Expr { kind: ExprKind::Column(id), ty: Type::new(Oid::INT4), collation: Oid::INVALID, pos: Some(pos as u32) })
    }
}

/// Whether a call computes something new each time.
fn volatile(agg: &AggCall) -> bool {
    let mut found = false;
    agg.each_expr(&mut |e| found |= is_volatile(e));
    found
}

/// Whether an expression contains a volatile call.
pub(super) fn is_volatile(e: &Expr) -> bool {
    let own = match &e.kind {
        ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. } => match callee {
            Callee::Builtin(f) => f.volatility == 'v',
            Callee::User(f) => f.volatility == 'v',
        },
        ExprKind::NextVal(_) | ExprKind::Subquery(_) => true,
        _ => false,
    };
    if own {
        return true;
    }
    let mut found = false;
    e.each_child(&mut |c| found = found || is_volatile(c));
    found
}
