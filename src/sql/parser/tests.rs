//! The parser against answers recorded from PostgreSQL 15.

use super::ast::*;
use super::lift::{LiteralKind, lift_literals};
use super::*;
use crate::error::SqlError;

fn fault(source: &str) -> (String, String, Option<usize>) {
    let error: SqlError = parse(source).expect_err(source);
    (error.code().as_str().to_owned(), error.message().to_owned(), error.fields().position)
}

fn check(source: &str, message: &str, position: usize) {
    assert_eq!(fault(source), ("42601".to_owned(), message.to_owned(), Some(position - 1)), "{source}");
}

#[test]
fn syntax_errors_stand_where_postgresql_puts_them() {
    check("selec 1", "syntax error at or near \"selec\"", 1);
    check("select 1 from", "syntax error at end of input", 14);
    check("select a < b < c", "syntax error at or near \"<\"", 14);
    check("select 'abc", "unterminated quoted string at or near \"'abc\"", 8);
    check("select 123abc", "trailing junk after numeric literal at or near \"123abc\"", 8);
    check("select \"\"", "zero-length delimited identifier at or near \"\"\"\"", 8);
    check("select 1 /* x", "unterminated /* comment at or near \"/* x\"", 10);
    check("select * from (select 1)", "subquery in FROM must have an alias", 15);
    check("insert into t values (1) on", "syntax error at end of input", 28);
    check("create table t (a int,)", "syntax error at or near \")\"", 23);
    check("select 1 order by nulls first", "syntax error at or near \"nulls\"", 19);
    check("drop cast if (int as text)", "syntax error at or near \"(\"", 14);
}

#[test]
fn words_become_labels_or_operators_by_what_follows() {
    for source in ["select 1 like", "select 1 and", "select 1 is from t", "select not from t", "select 1 between, 2"] {
        assert_eq!(parse(source).is_ok(), source != "select not from t", "{source}");
    }
    check("select 1 + 1 collate from t", "syntax error at or near \"from\"", 22);
}

fn expression(source: &str) -> Expr {
    parse_expression(source).expect(source)
}

#[test]
fn positions_are_those_of_postgresql_nodes() {
    assert_eq!(expression("a + b").pos, 2);
    assert_eq!(expression("a::int").pos, 1);
    assert_eq!(expression("a AND b AND c").pos, 2);
    assert_eq!(expression("f(x)").pos, 0);
    assert_eq!(expression("x NOT IN (1)").pos, 2);
    assert_eq!(expression("x at time zone 'utc'").pos, 2);
    assert_eq!(expression("a + b * c").location(), 0);
}

#[test]
fn shapes_follow_the_raw_parse_tree() {
    let ExprNode::Function(call) = expression("extract(year from x)").node else { panic!("a call") };
    assert_eq!((call.name.join("."), call.args.len(), call.form), ("pg_catalog.extract".into(), 2, CallForm::SqlSyntax));
    assert_eq!(expression("- 5").node, ExprNode::Literal(Literal::Integer(-5)));
    assert_eq!(expression("9999999999").node, ExprNode::Literal(Literal::Float("9999999999".into())));
    assert_eq!(expression("E'a\\n\\u00e9'").node, ExprNode::Literal(Literal::String("a\né".into())));
    assert_eq!(expression("U&'d!0061t' UESCAPE '!'").node, ExprNode::Literal(Literal::String("dat".into())));
    assert_eq!(expression("'one'\n  ' two'").node, ExprNode::Literal(Literal::String("one two".into())));
    let ExprNode::Or(list) = expression("a or b or (c and d) or e").node else { panic!("a flat OR") };
    assert_eq!(list.len(), 4);
    let ExprNode::Operator { op, .. } = expression("a != b").node else { panic!("an operator") };
    assert!(op.is("<>"));
    let name = parse_type_name("timestamp(3) with time zone[]").expect("a type");
    assert_eq!((name.names.join("."), name.typmods.len(), name.array_bounds), ("pg_catalog.timestamptz".into(), 1, vec![-1]));
    assert_eq!(parse_type_name("interval day to second(2)").expect("a type").typmods.len(), 2);
}

#[test]
fn statements_know_their_range() {
    let script = " select 1 ;; -- x\n update t set a = 1";
    let ranges: Vec<&str> = parse(script).expect("a script").iter().map(|s| &script[s.start..s.end]).collect();
    assert_eq!(ranges, ["select 1 ", "update t set a = 1"]);
}

#[test]
fn nesting_is_bounded_and_long_chains_are_safe() {
    let parens = |n: usize| format!("select {}1{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&parens(60)).is_ok());
    assert_eq!(fault(&parens(100_000)).0, "54001");
    assert_eq!(fault(&format!("select 1{}", "+1".repeat(100_000))).0, "54001");
    assert!(parse(&format!("select {}1", "a = 1 or ".repeat(100_000))).is_ok());
    assert_eq!(fault(&format!("select {}1", "- ".repeat(100_000))).0, "54001");
    assert_eq!(fault(&format!("select 1{}", " union select 1".repeat(100_000))).0, "54001");
    assert!(parse(&format!("select 1 in (1{})", ",1".repeat(100_000))).is_ok());
}

#[test]
fn literals_are_lifted_from_plain_statements_only() {
    let lifted = lift_literals("SELECT a FROM t WHERE id = 5 AND name = 'it''s' ORDER BY 1 LIMIT 10").expect("lifted");
    assert_eq!(lifted.key, "SELECT a FROM t WHERE id = $1 AND name = $2 ORDER BY 1 LIMIT 10");
    assert_eq!(lifted.literals[0].kind, LiteralKind::Integer(5));
    assert_eq!(lifted.literals[1].kind, LiteralKind::String);
    let lifted = lift_literals("INSERT INTO s.t (a, b) VALUES (1, 'x'), (-2, date '2020-01-01');").expect("lifted");
    assert_eq!(lifted.key, "INSERT INTO s.t (a, b) VALUES ($1, $2), (-$3, date '2020-01-01');");
    let lifted = lift_literals("UPDATE t SET a = a + 1, b = '1'::int8, c = round(x, 2) WHERE d IN (3, 4)").expect("lifted");
    assert_eq!(lifted.key, "UPDATE t SET a = a + $1, b = '1'::int8, c = round(x, 2) WHERE d IN ($2, $3)");
    for source in [
        "select 1; select 2",
        "select a + 1 from t group by a + 1",
        "select $1, 2",
        "select 1 -- x",
        "select E'x', 1",
        "create table t (a int default 1)",
        "select mytype(3) 'x', 1",
        "select distinct a + 1 from t order by a + 1",
        "select a from t limit 5",
    ] {
        assert_eq!(lift_literals(source), None, "{source}");
    }
}
