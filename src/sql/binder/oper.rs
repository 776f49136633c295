//! Operator resolution (parse_oper.c) and the expressions operators become.

use super::Binder;
use super::coerce::Context;
use super::same::{at, location};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::registry::{Operator, registry};
use crate::sql::parser::ast::OperatorName;
use crate::sql::plan::{CallForm, Callee, Expr, ExprKind};
use crate::sql::types::{Oid, Type};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

type ExactMap =
    HashMap<&'static str, HashMap<(Oid, Oid), &'static Operator, foldhash::fast::RandomState>, foldhash::fast::RandomState>;

fn exact_map() -> &'static ExactMap {
    static MAP: OnceLock<ExactMap> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = ExactMap::default();
        for op in registry().operators() {
            map.entry(op.name).or_default().insert((op.left, op.right), op);
        }
        map
    })
}

/// What ordering and equality a type has of its own.
struct Orderings {
    btree: HashSet<Oid>,
    hash: HashSet<Oid>,
    /// Btree operators: whether they are the less-than (true) or greater-than one.
    sort_operators: HashMap<Oid, bool>,
}

fn orderings() -> &'static Orderings {
    static ORDERINGS: OnceLock<Orderings> = OnceLock::new();
    ORDERINGS.get_or_init(|| {
        let oid = |text: &str| Oid(text.parse().unwrap_or(0));
        let mut result = Orderings { btree: HashSet::new(), hash: HashSet::new(), sort_operators: HashMap::new() };
        for line in include_str!("../catalog/data/opclass.tsv").lines() {
            let f: Vec<&str> = line.split('\t').collect();
            match (f[1], f[5]) {
                ("403", "t") => result.btree.insert(oid(f[4])),
                ("405", "t") => result.hash.insert(oid(f[4])),
                _ => false,
            };
        }
        for line in include_str!("../catalog/data/amop.tsv").lines() {
            let f: Vec<&str> = line.split('\t').collect();
            if f[7] == "403" && f[2] == f[3] && (f[4] == "1" || f[4] == "5") {
                result.sort_operators.insert(oid(f[6]), f[4] == "1");
            }
        }
        result
    })
}

impl Binder<'_> {
    fn exact(op: &str, left: Oid, right: Oid) -> Option<&'static Operator> {
        exact_map().get(op)?.get(&(left, right)).copied()
    }

    /// `oper()`: the binary operator for these types. Errors: 42883, 42725 at the operator.
    pub(super) fn binary_operator(&self, op: &OperatorName, left: Oid, right: Oid, pos: usize) -> Result<&'static Operator> {
        self.check_operator_schema(op, pos)?;
        let (l, r) = match (left == Oid::UNKNOWN, right == Oid::UNKNOWN) {
            (true, false) => (right, right),
            (false, true) => (left, left),
            _ => (left, right),
        };
        if let Some(found) = Self::exact(&op.symbol, l, r) {
            return Ok(found);
        }
        if (l, r) != (left, right) {
            let base = self.base_oid(l);
            if base != l
                && let Some(found) = Self::exact(&op.symbol, base, base)
            {
                return Ok(found);
            }
        }
        let candidates = registry().operators_named(&op.symbol).filter(|o| o.left.is_valid());
        self.select_operator(op, candidates.collect(), &[left, right], pos)
    }

    /// `left_oper()`: the prefix operator for a type.
    pub(super) fn prefix_operator(&self, op: &OperatorName, arg: Oid, pos: usize) -> Result<&'static Operator> {
        self.check_operator_schema(op, pos)?;
        if let Some(found) = Self::exact(&op.symbol, Oid::INVALID, arg) {
            return Ok(found);
        }
        let candidates = registry().operators_named(&op.symbol).filter(|o| !o.left.is_valid());
        self.select_operator(op, candidates.collect(), &[arg], pos)
    }

    fn check_operator_schema(&self, op: &OperatorName, pos: usize) -> Result<()> {
        let Some(schema) = op.qualifier.as_ref().and_then(|q| q.last()) else { return Ok(()) };
        if schema == "pg_catalog" {
            return Ok(());
        }
        match self.cx.catalog.schema_oid(schema) {
            // Every operator lives in pg_catalog.
            Some(_) => Ok(()),
            None => Err(err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist").at(pos)),
        }
    }

    fn select_operator(
        &self,
        op: &OperatorName,
        all: Vec<&'static Operator>,
        types: &[Oid],
        pos: usize,
    ) -> Result<&'static Operator> {
        let foreign = op.qualifier.as_ref().is_some_and(|q| q.last().is_some_and(|s| s != "pg_catalog"));
        let lists: Vec<[Oid; 2]> =
            all.iter().map(|o| if types.len() == 2 { [o.left, o.right] } else { [o.right, Oid::INVALID] }).collect();
        let fitting: Vec<usize> = (0..all.len())
            .filter(|i| !foreign && self.can_coerce_all(types, &lists[*i][..types.len()], Context::Implicit))
            .collect();
        match fitting[..] {
            [] => Err(self.operator_error(op, types, pos, false)),
            [one] => Ok(all[one]),
            _ => {
                let slices: Vec<&[Oid]> = fitting.iter().map(|i| &lists[*i][..types.len()]).collect();
                match self.select_candidate(types, &slices) {
                    Some(i) => Ok(all[fitting[i]]),
                    None => Err(self.operator_error(op, types, pos, true)),
                }
            }
        }
    }

    #[cold]
    fn operator_error(&self, op: &OperatorName, types: &[Oid], pos: usize, multiple: bool) -> SqlError {
        let name = operator_text(op);
        let signature = match types {
            [arg] => format!("{name} {}", self.type_text(*arg)),
            [left, right] => format!("{} {name} {}", self.type_text(*left), self.type_text(*right)),
            _ => name,
        };
        if multiple {
            return err!(SqlState::AMBIGUOUS_FUNCTION, "operator is not unique: {signature}")
                .hint("Could not choose a best candidate operator. You might need to add explicit type casts.")
                .at(pos);
        }
        let hint = if types.len() == 1 {
            "No operator matches the given name and argument type. You might need to add an explicit type cast."
        } else {
            "No operator matches the given name and argument types. You might need to add explicit type casts."
        };
        err!(SqlState::UNDEFINED_FUNCTION, "operator does not exist: {signature}").hint(hint).at(pos)
    }

    /// `make_op` for two operands.
    pub(super) fn make_binary(&mut self, op: &OperatorName, left: Expr, right: Expr, pos: usize) -> Result<Expr> {
        let found = self.binary_operator(op, left.ty.oid, right.ty.oid, pos)?;
        self.operator_call(found, vec![left, right], &[found.left, found.right], pos)
    }

    /// `make_op` for a prefix operator.
    pub(super) fn make_prefix(&mut self, op: &OperatorName, arg: Expr, pos: usize) -> Result<Expr> {
        let found = self.prefix_operator(op, arg.ty.oid, pos)?;
        self.operator_call(found, vec![arg], &[found.right], pos)
    }

    fn operator_call(&mut self, op: &'static Operator, mut args: Vec<Expr>, declared: &[Oid], pos: usize) -> Result<Expr> {
        let actual: super::func::Types = args.iter().map(|a| a.ty.oid).collect();
        let mut declared: super::func::Types = declared.iter().copied().collect();
        let returns = self.resolve_generics(&actual, &mut declared, op.result, false).map_err(|e| e.at(pos))?;
        self.coerce_arguments(&mut args, &declared)?;
        let kind = ExprKind::Call { callee: Callee::Builtin(op.function), args, form: CallForm::Operator(op.oid), variadic: false };
        let collation = self.desc(returns).collation;
        Ok(Expr { kind, ty: Type::new(returns), collation, pos: Some(pos as u32) })
    }

    /// `make_scalar_array_op`.
    pub(super) fn make_array_compare(&mut self, op: &OperatorName, any: bool, left: Expr, right: Expr, pos: usize) -> Result<Expr> {
        let wrong = |message: &str| SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).at(pos);
        let array = right.ty.oid;
        let elem = if array == Oid::UNKNOWN {
            Oid::UNKNOWN
        } else {
            self.element_type(self.base_oid(array)).ok_or_else(|| wrong("op ANY/ALL (array) requires array on right side"))?
        };
        let found = self.binary_operator(op, left.ty.oid, elem, pos)?;
        let mut declared = [found.left, found.right];
        let returns = self.resolve_generics(&[left.ty.oid, elem], &mut declared, found.result, false).map_err(|e| e.at(pos))?;
        if returns != Oid::BOOL {
            return Err(wrong("op ANY/ALL (array) requires operator to yield boolean"));
        }
        let wanted = if super::poly::is_polymorphic(found.right) {
            array
        } else {
            self.array_type(declared[1]).ok_or_else(|| {
                err!(SqlState::UNDEFINED_OBJECT, "could not find array type for data type {}", self.type_text(declared[1])).at(pos)
            })?
        };
        let mut args = [left, right];
        self.coerce_arguments(&mut args, &[declared[0], wanted])?;
        let [left, right] = args;
        let kind = ExprKind::ArrayCompare {
            op: Callee::Builtin(found.function),
            op_oid: found.oid,
            any,
            left: Box::new(left),
            array: Box::new(right),
        };
        Ok(Expr { kind, ty: Type::new(Oid::BOOL), collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    /// Whether values of a type have an order (a default btree operator class).
    pub(super) fn is_orderable(&self, oid: Oid) -> bool {
        let oid = self.base_oid(oid);
        let desc = self.desc(oid);
        if desc.elem.is_valid() {
            return self.is_orderable(desc.elem);
        }
        match desc.kind {
            b'e' | b'r' | b'm' => true,
            b'c' => self.composite_relation(oid).is_none_or(|r| r.live_columns().all(|(_, c)| self.is_orderable(c.ty.oid))),
            _ => {
                let registry_alias = matches!(
                    oid,
                    Oid::REGCLASS
                        | Oid::REGTYPE
                        | Oid::REGPROC
                        | Oid::REGPROCEDURE
                        | Oid::REGOPER
                        | Oid::REGOPERATOR
                        | Oid::REGNAMESPACE
                );
                let reg = registry_alias || matches!(oid, Oid::REGROLE | Oid::REGCOLLATION | Oid::REGCONFIG | Oid::REGDICTIONARY);
                reg || oid == Oid::RECORD || oid == Oid::VARCHAR || oid == Oid::CIDR || orderings().btree.contains(&oid)
            }
        }
    }

    /// Whether values of a type can be tested for equality (btree or hash).
    pub(super) fn is_comparable(&self, oid: Oid) -> bool {
        let base = self.base_oid(oid);
        let desc = self.desc(base);
        if desc.elem.is_valid() {
            return self.is_comparable(desc.elem);
        }
        self.is_orderable(oid) || orderings().hash.contains(&base)
    }

    /// 42883 unless the type has an order.
    pub(super) fn check_orderable(&self, e: &Expr) -> Result<()> {
        if self.is_orderable(e.ty.oid) {
            return Ok(());
        }
        let text = self.type_text(e.ty.oid);
        let error = err!(SqlState::UNDEFINED_FUNCTION, "could not identify an ordering operator for type {text}")
            .hint("Use an explicit ordering operator or modify the query.");
        Err(at(error, location(e)))
    }

    /// 42883 unless the type has equality.
    pub(super) fn check_comparable(&self, oid: Oid, pos: Option<u32>) -> Result<()> {
        if self.is_comparable(oid) {
            return Ok(());
        }
        let text = self.type_text(oid);
        Err(at(err!(SqlState::UNDEFINED_FUNCTION, "could not identify an equality operator for type {text}"), pos))
    }

    /// Whether a sort operator (ORDER BY USING) sorts descending. Errors: 42809.
    pub(super) fn sort_operator(&self, op: &OperatorName, ty: Oid, pos: usize) -> Result<bool> {
        let found = self.binary_operator(op, ty, ty, pos)?;
        match orderings().sort_operators.get(&found.oid) {
            Some(ascending) => Ok(!ascending),
            None => {
                let name = operator_text(op);
                Err(err!(SqlState::WRONG_OBJECT_TYPE, "operator {name} is not a valid ordering operator")
                    .hint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
                    .at(pos))
            }
        }
    }
}

/// An operator's name as PostgreSQL prints it.
pub(super) fn operator_text(op: &OperatorName) -> String {
    match &op.qualifier {
        Some(parts) => format!("{}.{}", parts.join("."), op.symbol),
        None => op.symbol.to_string(),
    }
}
