//! SEARCH and CYCLE of recursive WITH queries (rewriteSearchCycle.c), as rewrites of the two terms.
//!
//! `WITH RECURSIVE t AS (L UNION ALL R) SEARCH DEPTH FIRST BY a SET seq CYCLE a SET mark USING path` becomes, with hidden
//! columns for what the terms must not see:
//!
//! ```text
//! L':  SELECT l.*, ARRAY[ROW(l.a)] seq, false mark, ARRAY[ROW(l.a)] path FROM (L) l
//! R':  SELECT r.*cols, r.seq || ARRAY[ROW(r.a)], CASE WHEN ROW(r.a) = ANY (r.path) THEN true ELSE false END,
//!             r.path || ARRAY[ROW(r.a)] FROM (R with t's hidden columns, WHERE t.mark <> true) r
//! ```

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{
    Alias, CaseExpr, CaseWhen, ColumnRef, Cte, Expr, ExprNode, FromItem, FromSubquery, Indirection, Limit, Literal, OperatorName,
    Quantifier, SelectBody, SelectCore, SelectStmt, SetOperation, Target, TypeName,
};
use smol_str::SmolStr;

const SEQ: &str = "\0seq";
const MARK: &str = "\0mark";
const PATH: &str = "\0path";

/// Whether a column is one that `*` does not show.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('\0')
}

fn node(node: ExprNode) -> Expr {
    Expr::new(node, 0)
}

fn column(table: &str, name: &str) -> Expr {
    node(ExprNode::Column(ColumnRef { names: vec![SmolStr::new(table), SmolStr::new(name)], star: false }))
}

fn operator(left: Expr, op: &str, right: Expr) -> Expr {
    node(ExprNode::Operator { op: OperatorName::bare(op), left: Some(Box::new(left)), right: Box::new(right) })
}

fn row(table: &str, names: &[SmolStr], first: Option<Expr>) -> Expr {
    let fields = first.into_iter().chain(names.iter().map(|n| column(table, n))).collect();
    node(ExprNode::Row { fields, explicit: true })
}

fn row_array(table: &str, names: &[SmolStr]) -> Expr {
    node(ExprNode::Array(vec![row(table, names, None)]))
}

fn target(name: &str, expr: Expr) -> Target {
    Target { name: Some(SmolStr::new(name)), expr, pos: 0 }
}

/// The columns of the rewritten query inside the terms, and outside.
pub(super) fn column_names(cte: &Cte, names: &[SmolStr]) -> (Vec<SmolStr>, Vec<SmolStr>) {
    let (mut inner, mut outer) = (names.to_vec(), names.to_vec());
    if let Some(search) = &cte.search {
        inner.push(SmolStr::new_static(SEQ));
        outer.push(search.seq_column.clone());
    }
    if let Some(cycle) = &cte.cycle {
        inner.extend([SmolStr::new_static(MARK), SmolStr::new_static(PATH)]);
        outer.extend([cycle.mark_column.clone(), cycle.path_column.clone()]);
    }
    (inner, outer)
}

/// The set operation with both terms rewritten. `names` are the query's own columns.
pub(super) fn rewrite(cte: &Cte, op: &SetOperation, names: &[SmolStr]) -> Result<SetOperation> {
    check_names(cte, names)?;
    let unsupported = |message: String| SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message);
    for (side, stmt) in [("left", &op.left), ("right", &op.right)] {
        if !matches!(stmt.body, SelectBody::Select(_)) {
            return Err(unsupported(format!("with a SEARCH or CYCLE clause, the {side} side of the UNION must be a SELECT")));
        }
    }
    let mut right = op.right.clone();
    let SelectBody::Select(core) = &mut right.body else { return Err(unsupported("not a SELECT".into())) };
    let Some(alias) = core.from.iter().find_map(|f| self_alias(f, &cte.name)) else {
        return Err(unsupported(format!(
            "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{}\" must be at the top level of its \
             right-hand SELECT",
            cte.name
        )));
    };
    let (inner, _) = column_names(cte, names);
    for hidden in &inner[names.len()..] {
        core.targets.push(target(hidden, column(&alias, hidden)));
    }
    if let Some(cycle) = &cte.cycle {
        let going = operator(column(&alias, MARK), "<>", cycle.mark_value.clone());
        core.where_clause = Some(match core.where_clause.take() {
            Some(e) => node(ExprNode::And(vec![e, going])),
            None => going,
        });
    }
    let left = wrap(op.left.clone(), "*TLOCRN*", names, left_targets(cte, names));
    let right = wrap(right, "*TROCRN*", &inner, right_targets(cte, names));
    Ok(SetOperation { op: op.op, all: op.all, left, right })
}

fn left_targets(cte: &Cte, names: &[SmolStr]) -> Vec<Target> {
    const T: &str = "*TLOCRN*";
    let mut targets: Vec<Target> = names.iter().map(|n| target(n, column(T, n))).collect();
    if let Some(search) = &cte.search {
        let zero = node(ExprNode::Cast {
            arg: Box::new(node(ExprNode::Literal(Literal::Integer(0)))),
            type_name: Box::new(TypeName::system("int8", 0)),
        });
        let seq = if search.breadth_first { row(T, &search.columns, Some(zero)) } else { row_array(T, &search.columns) };
        targets.push(target(SEQ, seq));
    }
    if let Some(cycle) = &cte.cycle {
        targets.push(target(MARK, cycle.mark_default.clone()));
        targets.push(target(PATH, row_array(T, &cycle.columns)));
    }
    targets
}

fn right_targets(cte: &Cte, names: &[SmolStr]) -> Vec<Target> {
    const T: &str = "*TROCRN*";
    let mut targets: Vec<Target> = names.iter().map(|n| target(n, column(T, n))).collect();
    if let Some(search) = &cte.search {
        let before = column(T, SEQ);
        let seq = if search.breadth_first {
            let depth =
                node(ExprNode::Indirection { base: Box::new(before), path: vec![Indirection::Field(SmolStr::new_static("f1"))] });
            let next = operator(depth, "+", node(ExprNode::Literal(Literal::Integer(1))));
            row(T, &search.columns, Some(next))
        } else {
            operator(before, "||", row_array(T, &search.columns))
        };
        targets.push(target(SEQ, seq));
    }
    if let Some(cycle) = &cte.cycle {
        let met = node(ExprNode::OpArray {
            op: OperatorName::bare("="),
            quantifier: Quantifier::Any,
            left: Box::new(row(T, &cycle.columns, None)),
            right: Box::new(column(T, PATH)),
        });
        let mark = CaseExpr {
            arg: None,
            whens: vec![CaseWhen { condition: met, result: cycle.mark_value.clone(), pos: 0 }],
            default: Some(cycle.mark_default.clone()),
        };
        targets.push(target(MARK, node(ExprNode::Case(Box::new(mark)))));
        targets.push(target(PATH, operator(column(T, PATH), "||", row_array(T, &cycle.columns))));
    }
    targets
}

/// `SELECT targets FROM (query) AS alias(columns)`.
fn wrap(query: SelectStmt, alias: &str, columns: &[SmolStr], targets: Vec<Target>) -> SelectStmt {
    let alias = Alias { name: SmolStr::new(alias), columns: columns.to_vec() };
    let from = FromItem::Subquery(Box::new(FromSubquery { lateral: false, query, alias: Some(alias), pos: 0 }));
    let core = SelectCore { targets, from: vec![from], ..SelectCore::default() };
    SelectStmt {
        with: None,
        body: SelectBody::Select(Box::new(core)),
        order_by: Vec::new(),
        limit: Limit::default(),
        locking: Vec::new(),
    }
}

/// The name by which FROM's top level knows the recursive query.
fn self_alias(item: &FromItem, name: &str) -> Option<SmolStr> {
    match item {
        FromItem::Table(t) if t.schema.is_none() && t.name == name => {
            Some(t.alias.as_ref().map_or_else(|| t.name.clone(), |a| a.name.clone()))
        }
        FromItem::Join(join) => self_alias(&join.left, name).or_else(|| self_alias(&join.right, name)),
        _ => None,
    }
}

fn check_names(cte: &Cte, names: &[SmolStr]) -> Result<()> {
    let check_list = |what: &str, list: &[SmolStr], pos: usize| -> Result<()> {
        for (i, name) in list.iter().enumerate() {
            if !names.contains(name) {
                return Err(err!(SqlState::SYNTAX_ERROR, "{what} column \"{name}\" not in WITH query column list").at(pos));
            }
            if list[..i].contains(name) {
                return Err(err!(SqlState::DUPLICATE_COLUMN, "{what} column \"{name}\" specified more than once").at(pos));
            }
        }
        Ok(())
    };
    let used = |what: &str, name: &SmolStr, pos: usize| -> Result<()> {
        if names.contains(name) {
            return Err(
                err!(SqlState::SYNTAX_ERROR, "{what} column name \"{name}\" already used in WITH query column list").at(pos)
            );
        }
        Ok(())
    };
    let same = |what: &str, pos: usize| Err(err!(SqlState::SYNTAX_ERROR, "{what} are the same").at(pos));
    if let Some(search) = &cte.search {
        check_list("search", &search.columns, search.pos)?;
        used("search sequence", &search.seq_column, search.pos)?;
    }
    if let Some(cycle) = &cte.cycle {
        check_list("cycle", &cycle.columns, cycle.pos)?;
        used("cycle mark", &cycle.mark_column, cycle.pos)?;
        used("cycle path", &cycle.path_column, cycle.pos)?;
        if cycle.mark_column == cycle.path_column {
            return same("cycle mark column name and cycle path column name", cycle.pos);
        }
        if let Some(search) = &cte.search {
            if search.seq_column == cycle.mark_column {
                return same("search sequence column name and cycle mark column name", search.pos);
            }
            if search.seq_column == cycle.path_column {
                return same("search sequence column name and cycle path column name", search.pos);
            }
        }
    }
    Ok(())
}
