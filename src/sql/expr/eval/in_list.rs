//! `x = ANY (constants)` and `x <> ALL (constants)` by a set of the constants.

use super::kernel::CmpOp;
use super::node::CompiledExpr;
use super::row::Row;
use crate::error::Result;
use crate::sql::executor::batch::{Column, ColumnKind, Data, hash_datum};
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::order;
use crate::sql::plan::Callee;
use crate::sql::types::Datum;
use hashbrown::{HashMap, HashSet};

/// A membership test against constants.
pub(crate) struct InList {
    left: Option<CompiledExpr>,
    set: Set,
    /// The list holds a NULL: a value not found is unknown.
    has_null: bool,
    /// `<> ALL`
    negated: bool,
}

enum Set {
    /// A few integers: compared one by one.
    FewInts(Vec<i64>),
    Ints(HashSet<i64, foldhash::fast::FixedState>),
    Bytes(HashSet<Vec<u8>, foldhash::fast::FixedState>),
    /// By hash, then compared.
    Datums(ColumnKind, HashMap<u64, Vec<Datum>, foldhash::fast::FixedState>),
}

impl InList {
    /// A set when `op` is a built-in equality (ANY) or inequality (ALL) and the array is constant.
    pub(super) fn new(op: &Callee, any: bool, left: &CompiledExpr, array: &CompiledExpr) -> Option<Self> {
        let Callee::Builtin(function) = op else { return None };
        let comparison = super::kernel::comparison_of(function.symbol)?;
        if comparison != if any { CmpOp::Eq } else { CmpOp::Ne } {
            return None;
        }
        let Datum::Array(array) = array.as_const()? else { return None };
        if array.values.is_empty() {
            return None;
        }
        let has_null = array.values.iter().any(Datum::is_null);
        let values: Vec<Datum> = array.values.iter().filter(|v| !v.is_null()).cloned().collect();
        Some(Self { left: None, set: Set::of(left.kind, values), has_null, negated: !any })
    }

    pub(super) fn with_left(mut self, left: CompiledExpr) -> Self {
        self.left = Some(left);
        self
    }

    fn answer(&self, found: bool) -> Option<bool> {
        match (found, self.has_null) {
            (true, _) => Some(!self.negated),
            (false, true) => None,
            (false, false) => Some(self.negated),
        }
    }

    pub(super) fn eval_at(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        let Some(left) = &mut self.left else { return Ok(Datum::Null) };
        let value = left.eval_at(cx, row)?;
        if value.is_null() {
            return Ok(Datum::Null);
        }
        let found = self.set.contains(&value);
        Ok(self.answer(found).map_or(Datum::Null, Datum::Bool))
    }

    pub(super) fn eval_on(&mut self, cx: &mut ExecCx<'_>, columns: &[Column], len: usize, rows: Option<&[u32]>) -> Result<Column> {
        let Some(left) = &mut self.left else { return Ok(Column::nulls(ColumnKind::Bool, len)) };
        let column = left.eval_on(cx, columns, len, rows)?;
        let mut found = vec![false; len];
        let mut each = |i: usize| found[i] = !column.is_null(i) && self.set.contains_at(&column, i);
        match rows {
            Some(rows) => rows.iter().for_each(|&i| each(i as usize)),
            None => (0..len).for_each(&mut each),
        }
        let valid = column.valid_flags();
        if self.has_null {
            let valid: Vec<bool> = found.iter().enumerate().map(|(i, &f)| f && valid.as_ref().is_none_or(|v| v[i])).collect();
            return Ok(Column::bools(vec![!self.negated; len], Some(std::sync::Arc::new(valid))));
        }
        if self.negated {
            found.iter_mut().for_each(|f| *f = !*f);
        }
        Ok(Column::bools(found, valid))
    }
}

fn as_int(value: &Datum) -> Option<i64> {
    Some(match value {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) | Datum::Date(v) => (*v).into(),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Money(v) => *v,
        Datum::Oid(v) => v.0.into(),
        _ => return None,
    })
}

impl Set {
    fn of(kind: ColumnKind, values: Vec<Datum>) -> Self {
        if let Some(ints) = values.iter().map(as_int).collect::<Option<Vec<_>>>() {
            return if ints.len() <= 8 { Self::FewInts(ints) } else { Self::Ints(ints.into_iter().collect()) };
        }
        if kind == ColumnKind::Text && values.iter().all(|v| matches!(v, Datum::Text(_))) {
            return Self::Bytes(values.iter().map(|v| v.as_str().as_bytes().to_vec()).collect());
        }
        let mut map: HashMap<u64, Vec<Datum>, foldhash::fast::FixedState> = HashMap::default();
        for value in values {
            map.entry(hash_datum(kind, &value)).or_default().push(value);
        }
        Self::Datums(kind, map)
    }

    fn contains(&self, value: &Datum) -> bool {
        match (self, value) {
            (Self::FewInts(list), v) => as_int(v).is_some_and(|v| list.contains(&v)),
            (Self::Ints(set), v) => as_int(v).is_some_and(|v| set.contains(&v)),
            (Self::Bytes(set), Datum::Text(text)) => set.contains(text.as_bytes()),
            (Self::Bytes(_), _) => false,
            (Self::Datums(kind, map), v) => {
                map.get(&hash_datum(*kind, v)).is_some_and(|bucket| bucket.iter().any(|x| order::compare(*kind, x, v).is_eq()))
            }
        }
    }

    fn contains_at(&self, column: &Column, i: usize) -> bool {
        match (self, column.data()) {
            (Self::FewInts(list), Data::I32(v)) => list.contains(&v[i].into()),
            (Self::FewInts(list), Data::I64(v)) => list.contains(&v[i]),
            (Self::Ints(set), Data::I32(v)) => set.contains(&i64::from(v[i])),
            (Self::Ints(set), Data::I64(v)) => set.contains(&v[i]),
            (Self::Bytes(set), Data::Bytes(v)) => set.contains(v.get(i)),
            _ => self.contains(&column.get(i)),
        }
    }
}
