//! Append: one input after the other (UNION ALL).

use super::{Batch, BoxOperator, ExecCx, Operator};
use crate::error::Result;

/// Rows of all inputs.
pub struct Append {
    inputs: Vec<BoxOperator>,
    at: usize,
}

impl Append {
    /// All rows of the first input, then of the second, and so on.
    pub fn new(inputs: Vec<BoxOperator>) -> Self {
        Self { inputs, at: 0 }
    }
}

impl Operator for Append {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while let Some(input) = self.inputs.get_mut(self.at) {
            if let Some(batch) = input.next(cx)? {
                return Ok(Some(batch));
            }
            self.at += 1;
        }
        Ok(None)
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.at = 0;
        self.inputs.iter_mut().try_for_each(|input| input.rescan(cx))
    }
}
