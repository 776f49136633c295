//! bool_and, bool_or, every; bit_and, bit_or, bit_xor.

use super::{Accumulator, Input};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::context::ExecCx;
use crate::sql::types::Datum;
use crate::sql::types::bit::BitString;
use std::any::Any;
use std::sync::Arc;

/// bool_and (`all`) and bool_or.
pub struct Bools {
    all: bool,
    states: Vec<Option<bool>>,
}

impl Bools {
    pub fn new(all: bool) -> Self {
        Self { all, states: Vec::new() }
    }
}

impl Accumulator for Bools {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, None);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.each(|row, group| {
            if let Some(value) = input.args[0].get_bool(row) {
                let state = self.states[group].unwrap_or(self.all);
                self.states[group] = Some(if self.all { state && value } else { state || value });
            }
        });
        Ok(())
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        Ok(self.states[group].map_or(Datum::Null, Datum::Bool))
    }

    fn memory(&self) -> usize {
        self.states.len()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[derive(Clone, Copy)]
enum BitOp {
    And,
    Or,
    Xor,
}

/// bit_and, bit_or, bit_xor over integers and bit strings.
pub struct Bits {
    op: BitOp,
    states: Vec<Datum>,
}

impl Bits {
    pub fn new(name: &str) -> Self {
        let op = match name {
            "bit_and" => BitOp::And,
            "bit_or" => BitOp::Or,
            _ => BitOp::Xor,
        };
        Self { op, states: Vec::new() }
    }
}

fn combine(op: BitOp, a: &Datum, b: &Datum) -> Result<Datum> {
    fn apply<T: std::ops::BitAnd<Output = T> + std::ops::BitOr<Output = T> + std::ops::BitXor<Output = T>>(
        op: BitOp,
        a: T,
        b: T,
    ) -> T {
        match op {
            BitOp::And => a & b,
            BitOp::Or => a | b,
            BitOp::Xor => a ^ b,
        }
    }
    Ok(match (a, b) {
        (Datum::Int2(a), Datum::Int2(b)) => Datum::Int2(apply(op, *a, *b)),
        (Datum::Int4(a), Datum::Int4(b)) => Datum::Int4(apply(op, *a, *b)),
        (Datum::Int8(a), Datum::Int8(b)) => Datum::Int8(apply(op, *a, *b)),
        (Datum::Bit(a), Datum::Bit(b)) => {
            if a.len != b.len {
                let verb = match op {
                    BitOp::And => "AND",
                    BitOp::Or => "OR",
                    BitOp::Xor => "XOR",
                };
                return Err(err!(SqlState::STRING_DATA_LENGTH_MISMATCH, "cannot {verb} bit strings of different sizes"));
            }
            let bytes = a.bytes.iter().zip(&b.bytes).map(|(&x, &y)| apply(op, x, y)).collect();
            Datum::Bit(Arc::new(BitString { len: a.len, bytes }))
        }
        _ => Datum::Null,
    })
}

impl Accumulator for Bits {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, Datum::Null);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| {
            let value = input.args[0].get(row);
            if !value.is_null() {
                let state = &mut self.states[group];
                *state = if state.is_null() { value } else { combine(self.op, state, &value)? };
            }
            Ok(())
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        Ok(self.states[group].clone())
    }

    fn memory(&self) -> usize {
        self.states.len() * 32
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
