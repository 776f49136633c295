//! Calls: arguments, FILTER, WITHIN GROUP, OVER, windows, ORDER BY.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::names::is_type_function_name;
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// Behind a function's name: a call with all its clauses, or a constant of a type with modifiers (`numeric(3) '1'`).
    pub(super) fn call_or_constant(&mut self, name: Vec<SmolStr>, pos: usize) -> Result<Expr> {
        let all = self.peek() == T::Kw(K::All);
        let call = self.application(name)?;
        if self.at_string() && !call.args.is_empty() && !call.distinct && !call.variadic && !all {
            return self.modified_constant(call, pos);
        }
        self.call_clauses(call, pos)
    }

    /// `type(modifiers) 'literal'`.
    fn modified_constant(&mut self, call: FunctionCall, pos: usize) -> Result<Expr> {
        let at = self.pos();
        let value = self.sconst()?;
        if let Some(arg) = call.args.iter().find(|arg| arg.name.is_some()) {
            return Err(err!(SqlState::SYNTAX_ERROR, "type modifier cannot have parameter name").at(arg.pos));
        }
        if let Some(sort) = call.order_by.first() {
            return Err(err!(SqlState::SYNTAX_ERROR, "type modifier cannot have ORDER BY").at(sort.expr.location()));
        }
        let mut type_name = TypeName::new(call.name, pos);
        type_name.typmods = call.args.into_iter().map(|arg| arg.value).collect();
        let arg = Box::new(Expr::new(ExprNode::Literal(Literal::String(value)), at));
        Ok(Expr::new(ExprNode::Cast { arg, type_name: Box::new(type_name) }, pos))
    }

    /// `func_application`: `( arguments )`.
    pub(super) fn application(&mut self, name: Vec<SmolStr>) -> Result<FunctionCall> {
        let mut call = FunctionCall::new(name, Vec::new());
        self.expect_ch(b'(')?;
        if self.eat_ch(b')') {
            return Ok(call);
        }
        if self.eat_ch(b'*') {
            self.expect_ch(b')')?;
            call.star = true;
            return Ok(call);
        }
        call.distinct = self.eat(K::Distinct);
        let quantified = call.distinct || self.eat(K::All);
        loop {
            if !quantified && self.eat(K::Variadic) {
                call.variadic = true;
            }
            call.args.push(self.function_arg()?);
            if call.variadic || !self.eat_ch(b',') {
                break;
            }
        }
        call.order_by = self.opt_sort_clause()?;
        self.expect_ch(b')')?;
        Ok(call)
    }

    /// `func_arg_expr`.
    pub(super) fn function_arg(&mut self) -> Result<FunctionArg> {
        let pos = self.pos();
        let mut name = None;
        if is_type_function_name(self.tok.kind) && matches!(self.peek(), T::ColonEquals | T::EqualsGreater) {
            name = Some(self.type_function_name()?);
            self.bump();
        }
        let value = self.expr()?;
        Ok(FunctionArg { name, value, pos })
    }

    /// WITHIN GROUP, FILTER, OVER.
    fn call_clauses(&mut self, mut call: FunctionCall, pos: usize) -> Result<Expr> {
        if self.at(K::Within) {
            self.within_group(&mut call)?;
        }
        if self.at(K::Filter) {
            self.bump();
            self.expect_ch(b'(')?;
            self.expect(K::Where)?;
            call.filter = Some(self.boxed_expr()?);
            self.expect_ch(b')')?;
        }
        if self.eat(K::Over) {
            call.over = Some(Box::new(self.over_clause()?));
        }
        Ok(Expr::new(ExprNode::Function(Box::new(call)), pos))
    }

    fn within_group(&mut self, call: &mut FunctionCall) -> Result<()> {
        let pos = self.pos();
        self.bump();
        self.expect(K::Group)?;
        self.expect_ch(b'(')?;
        let order = self.sort_clause()?;
        self.expect_ch(b')')?;
        let refuse = |what: &str| Err(err!(SqlState::SYNTAX_ERROR, "cannot use {what} with WITHIN GROUP").at(pos));
        if !call.order_by.is_empty() {
            return refuse("multiple ORDER BY clauses");
        }
        if call.distinct {
            return refuse("DISTINCT");
        }
        if call.variadic {
            return refuse("VARIADIC");
        }
        call.order_by = order;
        call.within_group = true;
        Ok(())
    }

    fn over_clause(&mut self) -> Result<WindowDef> {
        let pos = self.pos();
        if self.at_ch(b'(') {
            return self.window_specification();
        }
        let name = Some(self.col_id()?);
        Ok(WindowDef { name, ref_name: None, partition_by: Vec::new(), order_by: Vec::new(), frame: None, pos })
    }

    /// `( [window] PARTITION BY ... ORDER BY ... frame )`.
    pub(super) fn window_specification(&mut self) -> Result<WindowDef> {
        let pos = self.pos();
        self.expect_ch(b'(')?;
        let clause = matches!(self.tok.kind, T::Kw(K::Partition | K::Range | K::Rows | K::Groups));
        let ref_name = if self.at_col_id() && !clause { Some(self.col_id()?) } else { None };
        let mut partition_by = Vec::new();
        if self.eat(K::Partition) {
            self.expect(K::By)?;
            partition_by = self.expr_list()?;
        }
        let order_by = self.opt_sort_clause()?;
        let frame = self.frame_clause()?;
        self.expect_ch(b')')?;
        Ok(WindowDef { name: None, ref_name, partition_by, order_by, frame, pos })
    }

    fn frame_clause(&mut self) -> Result<Option<Box<WindowFrame>>> {
        let Some(mode) = self.one_of(&[K::Range, K::Rows, K::Groups]) else { return Ok(None) };
        let mode = [FrameMode::Range, FrameMode::Rows, FrameMode::Groups][mode];
        let between = self.eat(K::Between);
        // BETWEEN could also be a column here, which these words would follow.
        if between && matches!(self.kind(), T::Kw(K::Like | K::Ilike | K::Similar)) {
            return Err(self.unexpected());
        }
        let start_pos = self.pos();
        let start = self.frame_bound()?;
        let mut end = FrameBound::CurrentRow;
        if between {
            self.expect(K::And)?;
            let end_pos = self.pos();
            end = self.frame_bound()?;
            check_frame(&start, start_pos, &end, end_pos)?;
        } else {
            match start {
                FrameBound::UnboundedFollowing => return frame_error("frame start cannot be UNBOUNDED FOLLOWING", start_pos),
                FrameBound::Following(_) => {
                    return frame_error("frame starting from following row cannot end with current row", start_pos);
                }
                _ => {}
            }
        }
        let exclusion = self.frame_exclusion()?;
        Ok(Some(Box::new(WindowFrame { mode, start, end, between, exclusion })))
    }

    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.at(K::Unbounded) && matches!(self.peek(), T::Kw(K::Preceding | K::Following)) {
            self.bump();
            let preceding = self.bump().kind == T::Kw(K::Preceding);
            return Ok(if preceding { FrameBound::UnboundedPreceding } else { FrameBound::UnboundedFollowing });
        }
        if self.eat2(K::Current, K::Row) {
            return Ok(FrameBound::CurrentRow);
        }
        let offset = self.boxed_expr()?;
        match self.one_of(&[K::Preceding, K::Following]) {
            Some(0) => Ok(FrameBound::Preceding(offset)),
            Some(_) => Ok(FrameBound::Following(offset)),
            None => Err(self.unexpected()),
        }
    }

    fn frame_exclusion(&mut self) -> Result<FrameExclusion> {
        if !self.eat(K::Exclude) {
            return Ok(FrameExclusion::NoOthers);
        }
        let found = match self.one_of(&[K::Current, K::Group, K::Ties, K::No]) {
            Some(0) => {
                self.expect(K::Row)?;
                FrameExclusion::CurrentRow
            }
            Some(1) => FrameExclusion::Group,
            Some(2) => FrameExclusion::Ties,
            Some(_) => {
                self.expect(K::Others)?;
                FrameExclusion::NoOthers
            }
            None => return Err(self.unexpected()),
        };
        Ok(found)
    }

    /// ORDER BY, if it is there.
    pub(super) fn opt_sort_clause(&mut self) -> Result<Vec<SortBy>> {
        if self.at(K::Order) { self.sort_clause() } else { Ok(Vec::new()) }
    }

    /// ORDER BY list.
    pub(super) fn sort_clause(&mut self) -> Result<Vec<SortBy>> {
        self.expect(K::Order)?;
        self.expect(K::By)?;
        self.list(Self::sort_by)
    }

    fn sort_by(&mut self) -> Result<SortBy> {
        let expr = self.expr()?;
        let mut pos = None;
        let direction = if self.eat(K::Using) {
            pos = Some(self.pos());
            let op = if self.at(K::Operator) { self.qualified_operator()? } else { self.operator_token()? };
            SortDirection::Using(op)
        } else {
            self.sort_direction()
        };
        let nulls = self.nulls_order();
        Ok(SortBy { expr, direction, nulls, pos })
    }

    /// ASC, DESC or nothing.
    pub(super) fn sort_direction(&mut self) -> SortDirection {
        match self.one_of(&[K::Asc, K::Desc]) {
            Some(0) => SortDirection::Asc,
            Some(_) => SortDirection::Desc,
            None => SortDirection::Default,
        }
    }

    /// NULLS FIRST, NULLS LAST or nothing.
    pub(super) fn nulls_order(&mut self) -> NullsOrder {
        if self.kind() != T::NullsLa {
            return NullsOrder::Default;
        }
        self.bump();
        if self.bump().kind == T::Kw(K::First) { NullsOrder::First } else { NullsOrder::Last }
    }
}

fn frame_error<X>(message: &str, pos: usize) -> Result<X> {
    Err(err!(SqlState::WINDOWING_ERROR, "{message}").at(pos))
}

/// BETWEEN start AND end must run forward.
fn check_frame(start: &FrameBound, start_pos: usize, end: &FrameBound, end_pos: usize) -> Result<()> {
    match (start, end) {
        (FrameBound::UnboundedFollowing, _) => frame_error("frame start cannot be UNBOUNDED FOLLOWING", start_pos),
        (_, FrameBound::UnboundedPreceding) => frame_error("frame end cannot be UNBOUNDED PRECEDING", end_pos),
        (FrameBound::CurrentRow, FrameBound::Preceding(_)) => {
            frame_error("frame starting from current row cannot have preceding rows", end_pos)
        }
        (FrameBound::Following(_), FrameBound::Preceding(_) | FrameBound::CurrentRow) => {
            frame_error("frame starting from following row cannot have preceding rows", end_pos)
        }
        _ => Ok(()),
    }
}
