//! Uniform access to vector and constant operands, and to the rows a kernel works on.

use crate::sql::executor::batch::{Column, Validity};
use std::sync::Arc;

/// A vector or one value for all positions.
#[derive(Clone, Copy)]
pub(super) enum Operand<'a, T> {
    Vector(&'a [T]),
    Const(T),
}

impl<T: Copy> Operand<'_, T> {
    #[inline]
    pub(super) fn get(&self, i: usize) -> T {
        match self {
            Self::Vector(v) => v[i],
            Self::Const(c) => *c,
        }
    }
}

/// `f` over two operands, every position.
#[inline]
pub(super) fn map2<T: Copy, U: Copy, R>(a: Operand<'_, T>, b: Operand<'_, U>, len: usize, mut f: impl FnMut(T, U) -> R) -> Vec<R> {
    match (a, b) {
        (Operand::Vector(a), Operand::Vector(b)) => a.iter().zip(b).map(|(&x, &y)| f(x, y)).collect(),
        (Operand::Vector(a), Operand::Const(y)) => a.iter().map(|&x| f(x, y)).collect(),
        (Operand::Const(x), Operand::Vector(b)) => b.iter().map(|&y| f(x, y)).collect(),
        (Operand::Const(x), Operand::Const(y)) => (0..len).map(|_| f(x, y)).collect(),
    }
}

/// Positions where both columns hold a value.
pub(crate) fn and_validity(a: &Column, b: &Column) -> Validity {
    match (a.valid_flags(), b.valid_flags()) {
        (None, v) | (v, None) => v,
        (Some(x), Some(y)) => Some(Arc::new(x.iter().zip(y.iter()).map(|(&x, &y)| x & y).collect())),
    }
}

/// The selected rows when they are few enough that visiting only them is cheaper than a straight loop.
pub(crate) fn sparse_rows(rows: Option<&[u32]>, len: usize) -> Option<&[u32]> {
    rows.filter(|r| r.len() * 4 < len)
}

/// Whether `check` holds at some selected position that is valid.
pub(super) fn any_selected(rows: Option<&[u32]>, len: usize, valid: &Validity, check: impl Fn(usize) -> bool) -> bool {
    let at = |i: usize| valid.as_ref().is_none_or(|v| v[i]) && check(i);
    match rows {
        Some(rows) => rows.iter().any(|&i| at(i as usize)),
        None => (0..len).any(at),
    }
}
