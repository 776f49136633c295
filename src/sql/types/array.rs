//! Arrays: PostgreSQL's multi-dimensional arrays with lower bounds.

use super::{Datum, Oid};

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
