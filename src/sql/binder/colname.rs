//! Names of output columns without AS (`FigureColname`).

use crate::sql::parser::ast::{Expr, ExprNode, Indirection, SqlValueFunction, SubLinkKind, XmlOp};
use smol_str::SmolStr;

/// The name of an output column; `?column?` when nothing suggests one.
pub fn column_name(e: &Expr) -> SmolStr {
    figure(e).0.unwrap_or(SmolStr::new_static("?column?"))
}

/// The name of an index expression; `expr` when nothing suggests one.
pub fn index_name(e: &Expr) -> SmolStr {
    figure(e).0.unwrap_or(SmolStr::new_static("expr"))
}

fn named(name: &'static str, strength: u8) -> (Option<SmolStr>, u8) {
    (Some(SmolStr::new_static(name)), strength)
}

/// A name and how good it is: 2 good, 1 only if nothing better is found.
fn figure(e: &Expr) -> (Option<SmolStr>, u8) {
    match &e.node {
        ExprNode::Column(c) => match c.names.last() {
            Some(name) if !c.star => (Some(name.clone()), 2),
            _ => (None, 0),
        },
        ExprNode::Indirection { base, path } => {
            let field = path.iter().rev().find_map(|step| match step {
                Indirection::Field(name) => Some(name.clone()),
                _ => None,
            });
            match field {
                Some(name) => (Some(name), 2),
                None => figure(base),
            }
        }
        ExprNode::Function(call) => (call.name.last().cloned(), 2),
        ExprNode::NullIf { .. } => named("nullif", 2),
        ExprNode::Cast { arg, type_name } => {
            let (name, strength) = figure(arg);
            if strength <= 1
                && let Some(name) = super::types::last_type_name(type_name)
            {
                return (Some(name.clone()), 1);
            }
            (name, strength)
        }
        ExprNode::Collate { arg, .. } => figure(arg),
        ExprNode::Grouping(_) => named("grouping", 2),
        ExprNode::SubLink(link) => match link.kind {
            SubLinkKind::Exists => named("exists", 2),
            SubLinkKind::Array => named("array", 2),
            SubLinkKind::Scalar => scalar_name(&link.query),
            SubLinkKind::Any | SubLinkKind::All => (None, 0),
        },
        ExprNode::Case(case) => {
            let (name, strength) = case.default.as_ref().map_or((None, 0), figure);
            if strength <= 1 { named("case", 1) } else { (name, strength) }
        }
        ExprNode::Array(_) => named("array", 2),
        ExprNode::Row { .. } => named("row", 2),
        ExprNode::Coalesce(_) => named("coalesce", 2),
        ExprNode::Greatest(_) => named("greatest", 2),
        ExprNode::Least(_) => named("least", 2),
        ExprNode::Xml(xml) => match xml.op {
            XmlOp::Concat => named("xmlconcat", 2),
            XmlOp::Element => named("xmlelement", 2),
            XmlOp::Forest => named("xmlforest", 2),
            XmlOp::Parse => named("xmlparse", 2),
            XmlOp::Pi => named("xmlpi", 2),
            XmlOp::Root => named("xmlroot", 2),
            XmlOp::Serialize => named("xmlserialize", 2),
            XmlOp::IsDocument => (None, 0),
        },
        ExprNode::SqlValue { function, .. } => named(
            match function {
                SqlValueFunction::CurrentDate => "current_date",
                SqlValueFunction::CurrentTime => "current_time",
                SqlValueFunction::CurrentTimestamp => "current_timestamp",
                SqlValueFunction::LocalTime => "localtime",
                SqlValueFunction::LocalTimestamp => "localtimestamp",
                SqlValueFunction::CurrentRole => "current_role",
                SqlValueFunction::CurrentUser => "current_user",
                SqlValueFunction::User => "user",
                SqlValueFunction::SessionUser => "session_user",
                SqlValueFunction::CurrentCatalog => "current_catalog",
                SqlValueFunction::CurrentSchema => "current_schema",
            },
            2,
        ),
        _ => (None, 0),
    }
}

/// A scalar subquery takes the name of its own column.
fn scalar_name(query: &crate::sql::parser::ast::SelectStmt) -> (Option<SmolStr>, u8) {
    use crate::sql::parser::ast::SelectBody;
    let mut query = query;
    loop {
        match &query.body {
            SelectBody::Select(core) => {
                let Some(target) = core.targets.first() else { return (None, 0) };
                return match &target.name {
                    Some(name) => (Some(name.clone()), 2),
                    None => figure(&target.expr),
                };
            }
            SelectBody::Values(_) => return named("column1", 2),
            SelectBody::SetOperation(op) => query = &op.left,
        }
    }
}
