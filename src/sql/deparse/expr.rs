//! Expressions to text.

use super::constant::{ShowType, constant, quote_literal};
use crate::sql::expr::registry::registry;
use crate::sql::plan::{AggCall, CallForm, Callee, ColId, Expr, ExprKind, RowOp, SessionValue, Subscript};
use crate::sql::session::view::quote_identifier;
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid, Type, typename};
use std::fmt::Write;

/// Names of what an expression refers to.
pub trait Names {
    /// A column, qualified and quoted as it should appear.
    fn column(&self, id: ColId) -> Option<String>;
    /// A user function's name, qualified where needed.
    fn function(&self, schema: Oid, name: &str) -> String;
    /// A relation's name as regclass prints it.
    fn relation(&self, oid: Oid) -> String;
    /// A collation's name.
    fn collation(&self, oid: Oid) -> String;
}

/// Prints expressions.
pub struct Deparser<'a> {
    io: &'a IoContext<'a>,
    names: &'a dyn Names,
    pretty: bool,
}

impl<'a> Deparser<'a> {
    /// A printer.
    pub fn new(io: &'a IoContext<'a>, names: &'a dyn Names, pretty: bool) -> Self {
        Self { io, names, pretty }
    }

    /// An expression standing alone.
    pub fn top(&self, e: &Expr) -> String {
        let mut out = String::new();
        self.expr(e, &mut out, false);
        out
    }

    fn type_name(&self, ty: Type) -> String {
        typename::format_type(self.io.types, ty)
    }

    fn list(&self, list: &[Expr], out: &mut String) {
        for (i, e) in list.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            self.expr(e, out, true);
        }
    }

    /// An operand: in pretty form, parentheses only where the operand is not simple.
    fn operand(&self, e: &Expr, out: &mut String) {
        let parens = self.pretty && !is_simple(e);
        if parens {
            out.push('(');
        }
        self.expr(e, out, true);
        if parens {
            out.push(')');
        }
    }

    fn open(&self, out: &mut String) {
        if !self.pretty {
            out.push('(');
        }
    }

    fn close(&self, out: &mut String) {
        if !self.pretty {
            out.push(')');
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an expression form")]
    fn expr(&self, e: &Expr, out: &mut String, show_implicit: bool) {
        match &e.kind {
            ExprKind::Const(value) => out.push_str(&constant(self.io, value, e.ty, ShowType::AsNeeded)),
            ExprKind::Column(id) => match self.names.column(*id) {
                Some(name) => out.push_str(&name),
                None => {
                    let _ = write!(out, "${}", id.0);
                }
            },
            ExprKind::Param(n) => {
                let _ = write!(out, "${}", n + 1);
            }
            ExprKind::Call { callee, args, form, variadic } => self.call(e, callee, args, *form, *variadic, out, show_implicit),
            ExprKind::And(args) => self.joined(args, " AND ", out),
            ExprKind::Or(args) => self.joined(args, " OR ", out),
            ExprKind::Not(arg) => {
                self.open(out);
                out.push_str("NOT ");
                self.operand(arg, out);
                self.close(out);
            }
            ExprKind::IsNull { arg, negated, .. } => self.test(arg, if *negated { " IS NOT NULL" } else { " IS NULL" }, out),
            ExprKind::BoolTest { arg, value, negated } => {
                let word = match value {
                    Some(true) => "TRUE",
                    Some(false) => "FALSE",
                    None => "UNKNOWN",
                };
                self.test(arg, &format!(" IS {}{word}", if *negated { "NOT " } else { "" }), out);
            }
            ExprKind::Distinct { left, right, negated, .. } => {
                self.open(out);
                self.operand(left, out);
                out.push_str(if *negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " });
                self.operand(right, out);
                self.close(out);
            }
            ExprKind::NullIf { left, right, .. } => {
                out.push_str("NULLIF(");
                self.expr(left, out, true);
                out.push_str(", ");
                self.expr(right, out, true);
                out.push(')');
            }
            ExprKind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref(), out),
            ExprKind::CaseOperand => out.push_str("CASE_TEST_EXPR"),
            ExprKind::Value => out.push_str("VALUE"),
            ExprKind::Coalesce(args) => self.function_like("COALESCE", args, out),
            ExprKind::MinMax { greatest, args } => self.function_like(if *greatest { "GREATEST" } else { "LEAST" }, args, out),
            ExprKind::ArrayCompare { op_oid, any, left, array, .. } => {
                self.open(out);
                self.operand(left, out);
                let symbol = registry().operator(*op_oid).map_or("=", |o| o.name);
                let _ = write!(out, " {symbol} {} (", if *any { "ANY" } else { "ALL" });
                self.operand(array, out);
                out.push(')');
                self.close(out);
            }
            ExprKind::Array { elements, .. } => {
                out.push_str("ARRAY[");
                self.list(elements, out);
                out.push(']');
                if elements.is_empty() {
                    let _ = write!(out, "::{}", self.type_name(e.ty));
                }
            }
            ExprKind::Row { fields, .. } => {
                out.push_str("ROW(");
                self.list(fields, out);
                out.push(')');
            }
            ExprKind::Field { arg, index } => self.field(arg, *index, out),
            ExprKind::Subscript { arg, indices } => self.subscript(arg, indices, out),
            ExprKind::SubscriptAssign { value, .. } | ExprKind::FieldAssign { value, .. } => self.expr(value, out, true),
            ExprKind::RowCompare { op, left, right } => {
                let symbol = match op {
                    RowOp::Lt => "<",
                    RowOp::Le => "<=",
                    RowOp::Ge => ">=",
                    RowOp::Gt => ">",
                };
                out.push_str("(ROW(");
                self.list(left, out);
                let _ = write!(out, ") {symbol} ROW(");
                self.list(right, out);
                out.push_str("))");
            }
            ExprKind::Relabel(arg, form) | ExprKind::CoerceViaIo(arg, form) => self.coercion(arg, e.ty, *form, out, show_implicit),
            ExprKind::ArrayCoerce { arg, form, .. } | ExprKind::RowCoerce { arg, form, .. } => {
                self.coercion(arg, e.ty, *form, out, show_implicit);
            }
            ExprKind::CoerceToDomain(arg, form) => self.coercion(arg, e.ty, *form, out, show_implicit),
            ExprKind::Subquery(_) => out.push_str("(SubPlan)"),
            ExprKind::Aggregate(call) => self.aggregate(call, out),
            ExprKind::Window(call) => {
                let name = match &call.func {
                    crate::sql::plan::WindowFunc::Window(f) | crate::sql::plan::WindowFunc::Aggregate(f) => f.name,
                };
                let _ = write!(out, "{name}(");
                if call.star {
                    out.push('*');
                }
                self.list(&call.args, out);
                out.push_str(") OVER (?)");
            }
            ExprKind::Grouping(args) => self.function_like("GROUPING", args, out),
            ExprKind::SessionValue(v) => out.push_str(&session_value(*v, e.ty)),
            ExprKind::Collate(arg) => {
                self.open(out);
                self.operand(arg, out);
                let _ = write!(out, " COLLATE {}", self.names.collation(e.collation));
                self.close(out);
            }
            ExprKind::NextVal(sequence) => {
                let _ = write!(out, "nextval({}::regclass)", quote_literal(&self.names.relation(*sequence)));
            }
            ExprKind::SetReturning { callee, args } => self.call(e, callee, args, CallForm::Call, false, out, true),
            ExprKind::TableOid => out.push_str("tableoid"),
            ExprKind::CurrentOf(cursor, _) => {
                let _ = write!(out, "CURRENT OF {}", quote_identifier(cursor));
            }
        }
    }

    fn joined(&self, args: &[Expr], word: &str, out: &mut String) {
        self.open(out);
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                out.push_str(word);
            }
            // AND inside OR needs none, OR inside AND does; so does what PostgreSQL does not know to be simple.
            let nested = match arg.kind {
                ExprKind::Or(_) => word == " AND ",
                ExprKind::ArrayCompare { .. } => true,
                _ => false,
            };
            if self.pretty && nested {
                out.push('(');
                self.expr(arg, out, true);
                out.push(')');
            } else {
                self.expr(arg, out, true);
            }
        }
        self.close(out);
    }

    fn test(&self, arg: &Expr, suffix: &str, out: &mut String) {
        self.open(out);
        self.operand(arg, out);
        out.push_str(suffix);
        self.close(out);
    }

    fn function_like(&self, name: &str, args: &[Expr], out: &mut String) {
        let _ = write!(out, "{name}(");
        self.list(args, out);
        out.push(')');
    }

    fn case(&self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>, out: &mut String) {
        let kept = out.trim_end_matches(' ').len();
        out.truncate(kept);
        out.push_str("\nCASE");
        if let Some(o) = operand {
            out.push(' ');
            self.expr(o, out, true);
        }
        for (when, then) in whens {
            out.push_str("\n    WHEN ");
            self.expr(case_value(operand, when), out, false);
            out.push_str(" THEN ");
            self.expr(then, out, true);
        }
        out.push_str("\n    ELSE ");
        match otherwise {
            Some(o) => self.expr(o, out, true),
            None => match whens.first() {
                Some((_, then)) => out.push_str(&constant(self.io, &Datum::Null, then.ty, ShowType::AsNeeded)),
                None => out.push_str("NULL"),
            },
        }
        out.push_str("\nEND");
    }

    fn field(&self, arg: &Expr, index: usize, out: &mut String) {
        let parens = !matches!(arg.kind, ExprKind::Field { .. } | ExprKind::Param(_));
        if parens {
            out.push('(');
        }
        self.expr(arg, out, true);
        if parens {
            out.push(')');
        }
        let name = match self.io.types.type_info(arg.ty.oid).map(|t| t.kind) {
            Some(crate::sql::types::io::TypeKind::Composite(fields)) => fields.get(index).map(|f| f.0.to_string()),
            _ => None,
        };
        let name = name.unwrap_or_else(|| format!("f{}", index + 1));
        let _ = write!(out, ".{}", quote_identifier(&name));
    }

    fn subscript(&self, arg: &Expr, indices: &[Subscript], out: &mut String) {
        let parens = !matches!(arg.kind, ExprKind::Column(_) | ExprKind::Param(_) | ExprKind::Field { .. });
        if parens {
            out.push('(');
        }
        self.expr(arg, out, true);
        if parens {
            out.push(')');
        }
        for index in indices {
            out.push('[');
            match index {
                Subscript::Index(i) => self.expr(i, out, true),
                Subscript::Slice(lower, upper) => {
                    if let Some(l) = lower {
                        self.expr(l, out, true);
                    }
                    out.push(':');
                    if let Some(u) = upper {
                        self.expr(u, out, true);
                    }
                }
            }
            out.push(']');
        }
    }

    /// A cast: hidden when the binder added it, `(x)::type` otherwise.
    fn coercion(&self, arg: &Expr, ty: Type, form: CallForm, out: &mut String, show_implicit: bool) {
        if form == CallForm::ImplicitCast && !show_implicit {
            return self.expr(arg, out, show_implicit);
        }
        match &arg.kind {
            ExprKind::Const(value) if arg.ty.oid == ty.oid && arg.ty.typmod == -1 => {
                out.push_str(&constant(self.io, value, arg.ty, ShowType::Never));
            }
            _ => {
                self.open(out);
                self.operand(arg, out);
                self.close(out);
            }
        }
        let _ = write!(out, "::{}", self.type_name(ty));
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn call(&self, e: &Expr, callee: &Callee, args: &[Expr], form: CallForm, variadic: bool, out: &mut String, implicit: bool) {
        match form {
            CallForm::Operator(oid) => return self.operator(oid, args, out),
            CallForm::ImplicitCast if !args.is_empty() && !implicit => return self.expr(&args[0], out, implicit),
            CallForm::ExplicitCast | CallForm::ImplicitCast if !args.is_empty() => {
                return self.coercion(&args[0], e.ty, form, out, implicit);
            }
            CallForm::SqlSyntax => {
                if let Callee::Builtin(f) = callee
                    && self.sql_syntax(f.symbol, f.name, args, out)
                {
                    return;
                }
            }
            _ => {}
        }
        match callee {
            Callee::Builtin(f) => out.push_str(&quote_identifier(f.name)),
            Callee::User(f) => out.push_str(&self.names.function(f.schema, &f.name)),
        }
        out.push('(');
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if variadic && i + 1 == args.len() {
                out.push_str("VARIADIC ");
            }
            self.expr(arg, out, true);
        }
        out.push(')');
    }

    fn operator(&self, oid: Oid, args: &[Expr], out: &mut String) {
        let symbol = registry().operator(oid).map_or("?", |o| o.name);
        self.open(out);
        match args {
            [left, right] => {
                self.operand(left, out);
                let _ = write!(out, " {symbol} ");
                self.operand(right, out);
            }
            [arg] => {
                let _ = write!(out, "{symbol} ");
                self.operand(arg, out);
            }
            _ => {}
        }
        self.close(out);
    }

    /// EXTRACT, OVERLAY and the like; false when the function has no such syntax.
    fn sql_syntax(&self, symbol: &str, name: &str, args: &[Expr], out: &mut String) -> bool {
        let arg = |i: usize| self.top(&args[i]);
        let raw = |i: usize| match &args[i].kind {
            ExprKind::Const(Datum::Text(t)) => t.to_string(),
            _ => arg(i),
        };
        let text = match (name, args.len()) {
            ("timezone", 2) => format!("({} AT TIME ZONE {})", arg(1), arg(0)),
            ("extract", 2) => format!("EXTRACT({} FROM {})", raw(0), arg(1)),
            ("is_normalized", 1) => format!("({} IS NORMALIZED)", arg(0)),
            ("normalize", 1) => format!("NORMALIZE({})", arg(0)),
            ("normalize", 2) => format!("NORMALIZE({}, {})", arg(0), raw(1)),
            ("overlaps", 4) => format!("(({}, {}) OVERLAPS ({}, {}))", arg(0), arg(1), arg(2), arg(3)),
            ("overlay", 3) => format!("OVERLAY({} PLACING {} FROM {})", arg(0), arg(1), arg(2)),
            ("overlay", 4) => format!("OVERLAY({} PLACING {} FROM {} FOR {})", arg(0), arg(1), arg(2), arg(3)),
            ("position", 2) => format!("POSITION(({}) IN ({}))", arg(1), arg(0)),
            ("substring", 2) => format!("SUBSTRING({} FROM {})", arg(0), arg(1)),
            ("substring", 3) if symbol.contains("regexp") || symbol.contains("similar") => {
                format!("SUBSTRING({} SIMILAR {} ESCAPE {})", arg(0), arg(1), arg(2))
            }
            ("substring", 3) => format!("SUBSTRING({} FROM {} FOR {})", arg(0), arg(1), arg(2)),
            ("btrim", 1) => format!("TRIM(BOTH FROM {})", arg(0)),
            ("btrim", 2) => format!("TRIM(BOTH {} FROM {})", arg(1), arg(0)),
            ("ltrim", 1) => format!("TRIM(LEADING FROM {})", arg(0)),
            ("ltrim", 2) => format!("TRIM(LEADING {} FROM {})", arg(1), arg(0)),
            ("rtrim", 1) => format!("TRIM(TRAILING FROM {})", arg(0)),
            ("rtrim", 2) => format!("TRIM(TRAILING {} FROM {})", arg(1), arg(0)),
            ("pg_collation_for", 1) => format!("COLLATION FOR ({})", arg(0)),
            _ => return false,
        };
        out.push_str(&text);
        true
    }

    fn aggregate(&self, call: &AggCall, out: &mut String) {
        let _ = write!(out, "{}(", quote_identifier(call.func.name));
        if call.distinct {
            out.push_str("DISTINCT ");
        }
        if call.star {
            out.push('*');
        }
        let ordered_set = call.direct > 0 || (call.args.is_empty() && !call.star);
        self.list(if ordered_set { &call.args[..call.direct] } else { &call.args }, out);
        if !call.order_by.is_empty() {
            out.push_str(if ordered_set { ") WITHIN GROUP (ORDER BY " } else { " ORDER BY " });
            for (i, key) in call.order_by.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                self.expr(&key.expr, out, true);
                if key.desc {
                    out.push_str(" DESC");
                }
                match (key.desc, key.nulls_first) {
                    (true, false) => out.push_str(" NULLS LAST"),
                    (false, true) => out.push_str(" NULLS FIRST"),
                    _ => {}
                }
            }
        }
        out.push(')');
        if let Some(filter) = &call.filter {
            out.push_str(" FILTER (WHERE ");
            self.expr(filter, out, true);
            out.push(')');
        }
    }
}

/// `CASE x WHEN v`: the binder made `x = v` of it; the value is the right operand.
fn case_value<'e>(operand: Option<&Expr>, when: &'e Expr) -> &'e Expr {
    match &when.kind {
        ExprKind::Call { args, form: CallForm::Operator(_), .. } if operand.is_some() && args.len() == 2 => &args[1],
        _ => when,
    }
}

fn session_value(value: SessionValue, ty: Type) -> String {
    let word = match value {
        SessionValue::CurrentDate => "CURRENT_DATE",
        SessionValue::CurrentTime => "CURRENT_TIME",
        SessionValue::CurrentTimestamp => "CURRENT_TIMESTAMP",
        SessionValue::LocalTime => "LOCALTIME",
        SessionValue::LocalTimestamp => "LOCALTIMESTAMP",
        SessionValue::CurrentUser => "CURRENT_USER",
        SessionValue::SessionUser => "SESSION_USER",
        SessionValue::CurrentCatalog => "CURRENT_CATALOG",
        SessionValue::CurrentSchema => "CURRENT_SCHEMA",
    };
    if ty.typmod >= 0 { format!("{word}({})", ty.typmod) } else { word.to_owned() }
}

/// Whether an operand needs no parentheses in pretty form.
fn is_simple(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { form: CallForm::Operator(_), .. }
        | ExprKind::And(_)
        | ExprKind::Or(_)
        | ExprKind::Not(_)
        | ExprKind::IsNull { .. }
        | ExprKind::BoolTest { .. }
        | ExprKind::Distinct { .. }
        | ExprKind::Collate(_)
        | ExprKind::ArrayCompare { .. } => false,
        ExprKind::Call { form: CallForm::ImplicitCast, args, .. } => args.first().is_none_or(is_simple),
        ExprKind::Relabel(arg, CallForm::ImplicitCast) | ExprKind::CoerceViaIo(arg, CallForm::ImplicitCast) => is_simple(arg),
        _ => true,
    }
}
