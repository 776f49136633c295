//! Arrays: PostgreSQL's multi-dimensional arrays with lower bounds.

use super::{Datum, Oid};

/// Most dimensions an array has.
pub const MAX_DIMS: usize = 6;
/// Most elements an array holds.
pub const MAX_ELEMENTS: usize = 134_217_727;

/// An array value. Elements are in row-major order; an empty array has no dimensions.
#[derive(Clone, Debug)]
pub struct Array {
    /// Element type.
    pub elem: Oid,
    /// One entry a dimension.
    pub dims: Vec<Dim>,
    /// The elements; their number is the product of the dimensions' lengths.
    pub values: Vec<Datum>,
}

/// Length and lower bound of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dim {
    /// Number of elements.
    pub len: i32,
    /// Subscript of the first.
    pub lower: i32,
}

impl Dim {
    /// Subscript of the last element.
    pub fn upper(&self) -> i32 {
        self.lower + self.len - 1
    }
}

impl Array {
    /// An array without elements.
    pub fn empty(elem: Oid) -> Self {
        Self { elem, dims: Vec::new(), values: Vec::new() }
    }

    /// A one-dimensional array starting at 1; empty for no values.
    pub fn one_dim(elem: Oid, values: Vec<Datum>) -> Self {
        Self::with_lower_bound(elem, values, 1)
    }

    /// A one-dimensional array starting at `lower`; empty for no values.
    pub fn with_lower_bound(elem: Oid, values: Vec<Datum>, lower: i32) -> Self {
        let dims = if values.is_empty() { Vec::new() } else { vec![Dim { len: values.len() as i32, lower }] };
        Self { elem, dims, values }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The element at these subscripts; `None` outside the bounds or for another number of dimensions.
    pub fn get(&self, subscripts: &[i32]) -> Option<&Datum> {
        if subscripts.len() != self.dims.len() || self.dims.is_empty() {
            return None;
        }
        let mut at = 0usize;
        for (dim, s) in self.dims.iter().zip(subscripts) {
            let offset = i64::from(*s) - i64::from(dim.lower);
            if !(0..i64::from(dim.len)).contains(&offset) {
                return None;
            }
            at = at * dim.len as usize + offset as usize;
        }
        self.values.get(at)
    }
}
