//! Expressions of a query, from the syntax tree.

use super::{QueryPrinter, VARIABLE};
use crate::sql::deparse::quote_literal;
use crate::sql::parser::ast::{
    BooleanTest, CallForm, CaseExpr, Expr, ExprNode, FrameBound, FrameExclusion, FrameMode, FunctionCall, Indirection, Literal,
    OperatorName, Quantifier, SqlValueFunction, SubLink, SubLinkKind, TypeName, WindowFrame,
};
use crate::sql::session::view::quote_identifier;
use crate::sql::types::typename;
use std::fmt::Write;

impl QueryPrinter<'_> {
    pub(super) fn list(&mut self, list: &[Expr]) {
        for (i, e) in list.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.expr(e);
        }
    }

    /// An operand of an operator: arithmetic needs no parentheses where precedence says the same (isSimpleNode).
    fn arithmetic_operand(&mut self, parent: &str, e: &Expr, left: bool) {
        let rank = |op: &str| match op {
            "+" | "-" => 1,
            "*" | "/" | "%" => 2,
            _ => 0,
        };
        if let ExprNode::Operator { op, left: Some(_), .. } = &e.node {
            let (outer, inner) = (rank(parent), rank(&op.symbol));
            if outer > 0 && inner > 0 && (inner > outer || (inner == outer && left)) {
                return self.expr(e);
            }
        }
        self.operand_of(e);
    }

    fn open(&mut self) {
        if !self.pretty {
            self.out.push('(');
        }
    }

    fn close(&mut self) {
        if !self.pretty {
            self.out.push(')');
        }
    }

    /// An operand: in pretty form in parentheses unless it is simple.
    fn operand_of(&mut self, e: &Expr) {
        let parens = self.pretty
            && matches!(
                e.node,
                ExprNode::Operator { .. }
                    | ExprNode::And(_)
                    | ExprNode::Or(_)
                    | ExprNode::Not(_)
                    | ExprNode::Like { .. }
                    | ExprNode::Between { .. }
                    | ExprNode::NullTest { .. }
                    | ExprNode::BooleanTest { .. }
                    | ExprNode::InList { .. }
                    | ExprNode::IsDistinct { .. }
                    | ExprNode::OpArray { .. }
                    | ExprNode::Collate { .. }
            );
        if parens {
            self.out.push('(');
        }
        self.expr(e);
        if parens {
            self.out.push(')');
        }
    }

    /// An expression with the cast it was given without a word.
    pub(super) fn expr(&mut self, e: &Expr) {
        let cast = match &e.node {
            ExprNode::Function(_) | ExprNode::Operator { .. } | ExprNode::Coalesce(_) | ExprNode::Cast { .. } => {
                self.trace.casts.get(&e.pos)
            }
            ExprNode::Literal(Literal::Integer(_) | Literal::Float(_)) => self.trace.casts.get(&e.pos),
            _ => None,
        };
        let Some(ty) = cast else { return self.bare_expr(e) };
        self.open();
        let parens = self.pretty && matches!(e.node, ExprNode::Operator { .. });
        if parens {
            self.out.push('(');
        }
        self.bare_expr(e);
        if parens {
            self.out.push(')');
        }
        self.close();
        let _ = write!(self.out, "::{}", typename::format_type(self.view, *ty));
    }

    #[expect(clippy::too_many_lines, reason = "one arm an expression form")]
    pub(super) fn bare_expr(&mut self, e: &Expr) {
        match &e.node {
            ExprNode::Column(c) => match self.trace.columns.get(&e.pos) {
                Some(column) => {
                    let cast = self.trace.casts.get(&e.pos).filter(|_| column.position.is_some());
                    if let Some(ty) = cast {
                        self.open();
                        self.column(column);
                        self.close();
                        let _ = write!(self.out, "::{}", typename::format_type(self.view, *ty));
                    } else {
                        self.column(column);
                    }
                }
                None => {
                    for (i, n) in c.names.iter().enumerate() {
                        if i > 0 {
                            self.out.push('.');
                        }
                        self.name(n);
                    }
                    if c.star {
                        self.out.push_str(if c.names.is_empty() { "*" } else { ".*" });
                    }
                }
            },
            ExprNode::Param(n) => {
                let _ = write!(self.out, "${n}");
            }
            ExprNode::Literal(l) => self.literal(l, e.pos),
            ExprNode::Indirection { base, path } => self.indirection(base, path),
            ExprNode::Cast { arg, type_name } => {
                let target = self.trace.types.get(&type_name.pos).copied();
                match &arg.node {
                    ExprNode::Literal(l) if !is_converted(l, target) => match self.trace.literals.get(&arg.pos) {
                        Some(read) if target.is_some_and(|t| t.oid == read.ty.oid) => {
                            self.out.push_str(&read.text);
                            if !read.labelled && target.is_some_and(|t| t.typmod < 0) {
                                return;
                            }
                        }
                        _ => self.bare_literal(l),
                    },
                    _ => {
                        let row = matches!(arg.node, ExprNode::Row { .. });
                        if !row {
                            self.open();
                        }
                        self.operand_of(arg);
                        if !row {
                            self.close();
                        }
                    }
                }
                self.out.push_str("::");
                self.type_name(type_name);
            }
            ExprNode::Collate { arg, collation } => {
                self.open();
                self.operand_of(arg);
                self.out.push_str(" COLLATE ");
                self.name(collation.last().map_or("", |c| c.as_str()));
                self.close();
            }
            ExprNode::Function(call) => self.call(call, e.pos),
            ExprNode::Operator { op, left, right } => {
                self.open();
                if let Some(left) = left {
                    self.arithmetic_operand(&op.symbol, left, true);
                    self.out.push(' ');
                }
                self.operator(op);
                self.out.push(' ');
                self.arithmetic_operand(&op.symbol, right, false);
                self.close();
            }
            ExprNode::And(list) => self.joined(list, " AND "),
            ExprNode::Or(list) => self.joined(list, " OR "),
            ExprNode::Not(arg) => {
                self.open();
                self.out.push_str("NOT ");
                self.operand_of(arg);
                self.close();
            }
            ExprNode::OpArray { op, quantifier, left, right } => {
                self.open();
                self.operand_of(left);
                self.out.push(' ');
                self.operator(op);
                self.out.push_str(if *quantifier == Quantifier::Any { " ANY (" } else { " ALL (" });
                self.operand_of(right);
                self.out.push(')');
                self.close();
            }
            ExprNode::IsDistinct { left, right, negated } => {
                self.binary(left, if *negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " }, right);
            }
            ExprNode::NullIf { left, right } => {
                self.out.push_str("NULLIF(");
                self.expr(left);
                self.out.push_str(", ");
                self.expr(right);
                self.out.push(')');
            }
            ExprNode::InList { left, list, negated } => self.in_list(left, list, *negated),
            ExprNode::Like { op, left, right, .. } => {
                self.open();
                self.operand_of(left);
                self.out.push(' ');
                self.operator(op);
                self.out.push(' ');
                self.operand_of(right);
                self.close();
            }
            ExprNode::Between { arg, low, high, negated, symmetric } => self.between(arg, low, high, *negated, *symmetric),
            ExprNode::NullTest { arg, negated } => self.test(arg, if *negated { " IS NOT NULL" } else { " IS NULL" }),
            ExprNode::BooleanTest { arg, test } => {
                let word = match test {
                    BooleanTest::IsTrue => " IS TRUE",
                    BooleanTest::IsNotTrue => " IS NOT TRUE",
                    BooleanTest::IsFalse => " IS FALSE",
                    BooleanTest::IsNotFalse => " IS NOT FALSE",
                    BooleanTest::IsUnknown => " IS UNKNOWN",
                    BooleanTest::IsNotUnknown => " IS NOT UNKNOWN",
                };
                self.test(arg, word);
            }
            ExprNode::Case(case) => self.case(case, e.pos),
            ExprNode::Coalesce(args) => self.special("COALESCE(", args),
            ExprNode::Greatest(args) => self.special("GREATEST(", args),
            ExprNode::Least(args) => self.special("LEAST(", args),
            ExprNode::Row { fields, .. } => self.special("ROW(", fields),
            ExprNode::Array(elements) => {
                self.out.push_str("ARRAY[");
                self.list(elements);
                self.out.push(']');
            }
            ExprNode::SubLink(link) => self.sublink(link),
            ExprNode::SqlValue { function, precision } => {
                self.out.push_str(value_word(*function));
                if let Some(p) = precision {
                    let _ = write!(self.out, "({p})");
                }
            }
            ExprNode::Grouping(args) => self.special("GROUPING(", args),
            ExprNode::Xml(_) => self.out.push_str("NULL"),
            ExprNode::CurrentOf(cursor) => {
                let _ = write!(self.out, "CURRENT OF {}", quote_identifier(cursor));
            }
            ExprNode::Default => self.out.push_str("DEFAULT"),
        }
    }

    fn binary(&mut self, left: &Expr, word: &str, right: &Expr) {
        self.open();
        self.operand_of(left);
        self.out.push_str(word);
        self.operand_of(right);
        self.close();
    }

    fn special(&mut self, word: &str, args: &[Expr]) {
        self.out.push_str(word);
        self.list(args);
        self.out.push(')');
    }

    fn joined(&mut self, list: &[Expr], word: &str) {
        self.open();
        for (i, e) in list.iter().enumerate() {
            if i > 0 {
                self.out.push_str(word);
            }
            let parens = self.pretty
                && match &e.node {
                    ExprNode::Or(_) => word == " AND ",
                    ExprNode::OpArray { .. } => true,
                    ExprNode::InList { list, .. } => list.len() > 1,
                    _ => false,
                };
            if parens {
                self.out.push('(');
            }
            self.expr(e);
            if parens {
                self.out.push(')');
            }
        }
        self.close();
    }

    fn test(&mut self, arg: &Expr, word: &str) {
        self.open();
        self.operand_of(arg);
        self.out.push_str(word);
        self.close();
    }

    fn operator(&mut self, op: &OperatorName) {
        self.out.push_str(&op.symbol);
    }

    fn bare_literal(&mut self, l: &Literal) {
        match l {
            Literal::Integer(i) if *i < 0 => {
                let _ = write!(self.out, "'{i}'");
            }
            Literal::Integer(i) => {
                let _ = write!(self.out, "{i}");
            }
            Literal::Float(f) if f.starts_with('-') => {
                let _ = write!(self.out, "'{f}'");
            }
            Literal::Float(f) => self.out.push_str(f),
            Literal::String(s) => self.out.push_str(&quote_literal(s)),
            Literal::BitString(b) => {
                let (kind, digits) = b.split_at(1);
                let _ = write!(self.out, "{}'{digits}'", kind.to_uppercase());
            }
            Literal::Boolean(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Literal::Null => self.out.push_str("NULL"),
        }
    }

    fn literal(&mut self, l: &Literal, pos: usize) {
        match l {
            Literal::Integer(i) if *i < 0 => {
                let _ = write!(self.out, "'{i}'::integer");
            }
            Literal::Float(f) if f.starts_with('-') => {
                let _ = write!(self.out, "'{f}'::numeric");
            }
            _ => {
                let read = self.trace.literals.get(&pos).filter(|_| matches!(l, Literal::String(_) | Literal::Null));
                let Some(read) = read else { return self.bare_literal(l) };
                self.out.push_str(&read.text);
                if read.labelled {
                    let _ = write!(self.out, "::{}", typename::format_type(self.view, read.ty));
                }
            }
        }
    }

    pub(super) fn type_name(&mut self, name: &TypeName) {
        match self.trace.types.get(&name.pos) {
            Some(ty) => self.out.push_str(&typename::format_type(self.view, *ty)),
            None => {
                for (i, n) in name.names.iter().enumerate() {
                    if i > 0 {
                        self.out.push('.');
                    }
                    self.name(n);
                }
                self.out.extend(name.array_bounds.iter().map(|_| "[]"));
            }
        }
    }

    fn indirection(&mut self, base: &Expr, path: &[Indirection]) {
        // A field of a table's row is its column.
        if let (ExprNode::Column(_), Some(Indirection::Field(_)), Some(row)) =
            (&base.node, path.first(), self.trace.columns.get(&base.pos))
            && row.position.is_none()
            && row.entry.and_then(|e| self.trace.entries.get(e as usize)).is_some_and(|e| e.relation.is_some())
        {
            self.column(row);
            return self.steps(path);
        }
        let plain = matches!(base.node, ExprNode::Column(_) | ExprNode::Param(_))
            && !matches!(path.first(), Some(Indirection::Field(_) | Indirection::Star));
        if !plain {
            self.out.push('(');
        }
        self.expr(base);
        if !plain {
            self.out.push(')');
        }
        self.steps(path);
    }

    fn steps(&mut self, path: &[Indirection]) {
        for step in path {
            match step {
                Indirection::Field(name) => {
                    self.out.push('.');
                    self.name(name);
                }
                Indirection::Star => self.out.push_str(".*"),
                Indirection::Index(i) => {
                    self.out.push('[');
                    self.expr(i);
                    self.out.push(']');
                }
                Indirection::Slice(low, high) => {
                    self.out.push('[');
                    if let Some(l) = low {
                        self.expr(l);
                    }
                    self.out.push(':');
                    if let Some(h) = high {
                        self.expr(h);
                    }
                    self.out.push(']');
                }
            }
        }
    }

    fn in_list(&mut self, left: &Expr, list: &[Expr], negated: bool) {
        let simple = list.iter().all(|e| matches!(e.node, ExprNode::Literal(_) | ExprNode::Cast { .. }));
        if let [only] = list {
            return self.binary(left, if negated { " <> " } else { " = " }, only);
        }
        if !simple || matches!(left.node, ExprNode::Row { .. }) {
            self.open();
            for (i, e) in list.iter().enumerate() {
                if i > 0 {
                    self.out.push_str(if negated { " AND " } else { " OR " });
                }
                self.binary(left, if negated { " <> " } else { " = " }, e);
            }
            return self.close();
        }
        self.open();
        self.operand_of(left);
        self.out.push_str(if negated { " <> ALL (ARRAY[" } else { " = ANY (ARRAY[" });
        self.list(list);
        self.out.push_str("])");
        self.close();
    }

    fn between(&mut self, arg: &Expr, low: &Expr, high: &Expr, negated: bool, symmetric: bool) {
        if self.stored {
            self.out.push('(');
            self.expr(arg);
            self.out.push_str(if negated { " NOT BETWEEN " } else { " BETWEEN " });
            self.out.push_str(if symmetric { "SYMMETRIC (" } else { "(" });
            self.expr(low);
            self.out.push_str(") AND (");
            self.expr(high);
            return self.out.push_str("))");
        }
        let pair = |p: &mut Self, low: &Expr, high: &Expr| {
            p.open();
            p.binary(arg, if negated { " < " } else { " >= " }, low);
            p.out.push_str(if negated { " OR " } else { " AND " });
            p.binary(arg, if negated { " > " } else { " <= " }, high);
            p.close();
        };
        if !symmetric {
            return pair(self, low, high);
        }
        self.open();
        pair(self, low, high);
        self.out.push_str(if negated { " AND " } else { " OR " });
        pair(self, high, low);
        self.close();
    }

    fn case(&mut self, case: &CaseExpr, pos: usize) {
        self.keyword("CASE", 0, VARIABLE, 0);
        if let Some(arg) = &case.arg {
            self.out.push(' ');
            // What makes it comparable with the values is not shown.
            match (&arg.node, self.trace.columns.get(&arg.pos)) {
                (ExprNode::Column(_), Some(column)) => {
                    self.column(column);
                }
                _ => self.bare_expr(arg),
            }
        }
        for when in &case.whens {
            self.keyword("WHEN ", 0, 0, 0);
            self.expr(&when.condition);
            self.out.push_str(" THEN ");
            self.expr(&when.result);
        }
        self.keyword("ELSE ", 0, 0, 0);
        match &case.default {
            Some(e) => self.expr(e),
            None => {
                self.out.push_str("NULL");
                if let Some(ty) = self.trace.cases.get(&pos) {
                    let _ = write!(self.out, "::{}", typename::format_type(self.view, *ty));
                }
            }
        }
        self.keyword("END", -VARIABLE, 0, 0);
    }

    fn sublink(&mut self, link: &SubLink) {
        match link.kind {
            SubLinkKind::Array => self.out.push_str("ARRAY("),
            _ => self.out.push('('),
        }
        match link.test.as_ref().map(|t| (t, &t.node)) {
            Some((_, ExprNode::Row { fields, .. })) => self.special("(", fields),
            Some((test, _)) => self.expr(test),
            None => {}
        }
        let parens = matches!(link.kind, SubLinkKind::Exists | SubLinkKind::Any | SubLinkKind::All);
        match (link.kind, &link.op) {
            (SubLinkKind::Exists, _) => self.out.push_str("EXISTS "),
            (SubLinkKind::Any, None) => self.out.push_str(" IN "),
            (SubLinkKind::Any, Some(op)) => {
                let _ = write!(self.out, " {} ANY ", op.symbol);
            }
            (SubLinkKind::All, Some(op)) => {
                let _ = write!(self.out, " {} ALL ", op.symbol);
            }
            _ => {}
        }
        if parens {
            self.out.push('(');
        }
        self.query(&link.query, &[], false);
        if parens {
            self.out.push(')');
        }
        self.out.push(')');
    }

    fn function_name(&mut self, call: &FunctionCall, pos: usize) {
        match self.trace.functions.get(&pos) {
            Some((schema, name)) => {
                let visible =
                    self.view.path.iter().find(|s| self.view.catalog.functions_named(**s, name).next().is_some()) == Some(schema);
                let text = self.view.qualified(*schema, name, visible);
                self.out.push_str(&text);
            }
            None => self.name(call.name.last().map_or("", |n| n.as_str())),
        }
    }

    fn arguments(&mut self, call: &FunctionCall) {
        for (i, arg) in call.args.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            if call.variadic && i + 1 == call.args.len() {
                self.out.push_str("VARIADIC ");
            }
            if let Some(name) = &arg.name {
                let _ = write!(self.out, "{} => ", quote_identifier(name));
            }
            self.expr(&arg.value);
        }
    }

    fn call(&mut self, call: &FunctionCall, pos: usize) {
        if call.form == CallForm::SqlSyntax && self.sql_syntax(call) {
            return;
        }
        self.function_name(call, pos);
        self.out.push('(');
        if call.distinct {
            self.out.push_str("DISTINCT ");
        }
        if call.star {
            self.out.push('*');
        }
        self.arguments(call);
        if !call.order_by.is_empty() {
            self.out.push_str(if call.within_group { ") WITHIN GROUP (ORDER BY " } else { " ORDER BY " });
            self.order(&call.order_by, &[]);
        }
        self.out.push(')');
        if let Some(filter) = &call.filter {
            self.out.push_str(" FILTER (WHERE ");
            self.expr(filter);
            self.out.push(')');
        }
        if let Some(over) = &call.over {
            self.out.push_str(" OVER ");
            let bare = over.partition_by.is_empty() && over.order_by.is_empty() && over.frame.is_none() && over.ref_name.is_none();
            match &over.name {
                Some(name) if bare => self.name(name),
                _ => self.window(over),
            }
        }
    }

    /// EXTRACT and its like; false for calls without such a form here.
    fn sql_syntax(&mut self, call: &FunctionCall) -> bool {
        let name = call.name.last().map_or("", |n| n.as_str());
        let args: Vec<&Expr> = call.args.iter().map(|a| &a.value).collect();
        let parts: &[(&str, usize)] = match (name, args.len()) {
            ("timezone", 2) => &[("(", 1), (" AT TIME ZONE ", 0), (")", 9)],
            ("overlaps", 4) => &[("((", 0), (", ", 1), (") OVERLAPS (", 2), (", ", 3), ("))", 9)],
            ("overlay", 3) => &[("OVERLAY(", 0), (" PLACING ", 1), (" FROM ", 2), (")", 9)],
            ("overlay", 4) => &[("OVERLAY(", 0), (" PLACING ", 1), (" FROM ", 2), (" FOR ", 3), (")", 9)],
            ("position", 2) => &[("POSITION((", 1), (") IN (", 0), ("))", 9)],
            ("substring", 2) => &[("SUBSTRING(", 0), (" FROM ", 1), (")", 9)],
            ("substring", 3) => &[("SUBSTRING(", 0), (" FROM ", 1), (" FOR ", 2), (")", 9)],
            ("btrim", 1) => &[("TRIM(BOTH FROM ", 0), (")", 9)],
            ("btrim", 2) => &[("TRIM(BOTH ", 1), (" FROM ", 0), (")", 9)],
            ("ltrim", 1) => &[("TRIM(LEADING FROM ", 0), (")", 9)],
            ("ltrim", 2) => &[("TRIM(LEADING ", 1), (" FROM ", 0), (")", 9)],
            ("rtrim", 1) => &[("TRIM(TRAILING FROM ", 0), (")", 9)],
            ("rtrim", 2) => &[("TRIM(TRAILING ", 1), (" FROM ", 0), (")", 9)],
            ("extract", 2) => {
                let ExprNode::Literal(Literal::String(field)) = &args[0].node else { return false };
                let _ = write!(self.out, "EXTRACT({field} FROM ");
                self.expr(args[1]);
                self.out.push(')');
                return true;
            }
            _ => return false,
        };
        for (text, at) in parts {
            self.out.push_str(text);
            if let Some(arg) = args.get(*at) {
                self.expr(arg);
            }
        }
        true
    }

    pub(super) fn frame(&mut self, frame: &WindowFrame) {
        self.out.push_str(match frame.mode {
            FrameMode::Range => "RANGE ",
            FrameMode::Rows => "ROWS ",
            FrameMode::Groups => "GROUPS ",
        });
        if frame.between {
            self.out.push_str("BETWEEN ");
        }
        self.bound(&frame.start);
        if frame.between {
            self.out.push_str(" AND ");
            self.bound(&frame.end);
        }
        self.out.push_str(match frame.exclusion {
            FrameExclusion::NoOthers => "",
            FrameExclusion::CurrentRow => " EXCLUDE CURRENT ROW",
            FrameExclusion::Group => " EXCLUDE GROUP",
            FrameExclusion::Ties => " EXCLUDE TIES",
        });
    }

    fn bound(&mut self, bound: &FrameBound) {
        match bound {
            FrameBound::UnboundedPreceding => self.out.push_str("UNBOUNDED PRECEDING"),
            FrameBound::UnboundedFollowing => self.out.push_str("UNBOUNDED FOLLOWING"),
            FrameBound::CurrentRow => self.out.push_str("CURRENT ROW"),
            FrameBound::Preceding(e) => {
                self.expr(e);
                self.out.push_str(" PRECEDING");
            }
            FrameBound::Following(e) => {
                self.expr(e);
                self.out.push_str(" FOLLOWING");
            }
        }
    }
}

/// Whether a literal keeps its own type under a cast to another: the cast does something then.
fn is_converted(literal: &Literal, target: Option<crate::sql::types::Type>) -> bool {
    use crate::sql::types::Oid;
    let Some(target) = target else { return false };
    let own = match literal {
        Literal::Integer(_) => Oid::INT4,
        Literal::Float(digits) if digits.parse::<i64>().is_ok() => Oid::INT8,
        Literal::Float(_) => Oid::NUMERIC,
        Literal::Boolean(_) => Oid::BOOL,
        _ => return false,
    };
    own != target.oid
}

fn value_word(function: SqlValueFunction) -> &'static str {
    match function {
        SqlValueFunction::CurrentDate => "CURRENT_DATE",
        SqlValueFunction::CurrentTime => "CURRENT_TIME",
        SqlValueFunction::CurrentTimestamp => "CURRENT_TIMESTAMP",
        SqlValueFunction::LocalTime => "LOCALTIME",
        SqlValueFunction::LocalTimestamp => "LOCALTIMESTAMP",
        SqlValueFunction::CurrentRole => "CURRENT_ROLE",
        SqlValueFunction::CurrentUser => "CURRENT_USER",
        SqlValueFunction::User => "USER",
        SqlValueFunction::SessionUser => "SESSION_USER",
        SqlValueFunction::CurrentCatalog => "CURRENT_CATALOG",
        SqlValueFunction::CurrentSchema => "CURRENT_SCHEMA",
    }
}
