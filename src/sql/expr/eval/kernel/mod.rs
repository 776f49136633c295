//! Loops over whole vectors for the operators queries spend their time in.
//!
//! `Kernel::of` recognises a built-in by its symbol. A kernel answers `None` when the vectors at hand are not of a shape it
//! knows (numerics of mixed scale, mantissas that overflow); the caller then runs the function row by row, which also produces
//! the error where there is one. Values at NULL and unselected positions are computed too where that cannot fail, and ignored.

mod arith;
mod cast;
mod compare;
mod decimal;
mod like;
mod operand;

pub use compare::CmpOp;
pub use compare::of_symbol as comparison_of;
pub use like::LikePattern;
pub(crate) use operand::and_validity;

use super::CompiledExpr;
use crate::sql::executor::batch::Column;
use like::LikeKernel;

/// Integer and float arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithOp {
    /// +
    Add,
    /// -
    Sub,
    /// *
    Mul,
    /// /
    Div,
    /// %
    Mod,
}

/// A vectorised operator.
pub enum Kernel {
    /// Comparison by btree order.
    Compare(CmpOp),
    /// date with timestamp; the other way round if set.
    CompareDate(CmpOp, bool),
    /// smallint, integer, bigint arithmetic; the result has the result type's width.
    Int(ArithOp),
    /// double precision arithmetic.
    Float(ArithOp),
    /// numeric arithmetic (not division).
    Decimal(ArithOp),
    /// LIKE with a pattern that does not change.
    Like(LikeKernel),
    /// Conversions between numbers.
    Cast(cast::Cast),
    /// date - integer, date + integer
    DateShift(ArithOp),
}

impl Kernel {
    /// The kernel for a function symbol, if there is one.
    pub fn of(symbol: &str, args: &[CompiledExpr]) -> Option<Self> {
        if args.len() == 2 {
            if let Some(op) = compare::of_symbol(symbol) {
                return Some(Self::Compare(op));
            }
            if let Some((op, turned)) = compare::date_with_timestamp(symbol) {
                return Some(Self::CompareDate(op, turned));
            }
            if let Some(kernel) = arith::of_symbol(symbol) {
                return Some(kernel);
            }
            if let Some(like) = like::of_symbol(symbol, args) {
                return Some(Self::Like(like));
            }
        }
        if args.len() == 1 {
            return cast::of_symbol(symbol).map(Self::Cast);
        }
        None
    }

    /// Runs over argument columns; `None` when the shape at hand is not known or a row overflowed.
    pub fn run(&self, args: &[Column], rows: Option<&[u32]>, expr_kind: crate::sql::executor::batch::ColumnKind) -> Option<Column> {
        match self {
            Self::Compare(op) => Some(compare::run(*op, &args[0], &args[1], rows)),
            Self::CompareDate(op, false) => compare::run_dates(*op, &args[0], &args[1]),
            Self::CompareDate(op, true) => compare::run_dates(op.flipped(), &args[1], &args[0]),
            Self::Int(op) => arith::run_int(*op, &args[0], &args[1], rows, expr_kind),
            Self::Float(op) => arith::run_float(*op, &args[0], &args[1], rows),
            Self::Decimal(op) => decimal::run(*op, &args[0], &args[1], rows),
            Self::Like(like) => like.run(&args[0], rows),
            Self::Cast(c) => cast::run(*c, &args[0], rows),
            Self::DateShift(op) => arith::run_date_shift(*op, &args[0], &args[1], rows),
        }
    }
}
