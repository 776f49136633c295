//! Ranges and multiranges.

use super::{Datum, Oid};

/// A range value in canonical form.
#[derive(Clone, Debug)]
pub struct Range {
    /// The range type.
    pub ty: Oid,
    /// No point lies inside.
    pub empty: bool,
    /// Lower bound and whether it is inclusive; `None` for unbounded.
    pub lower: Option<(Datum, bool)>,
    /// Upper bound and whether it is inclusive; `None` for unbounded.
    pub upper: Option<(Datum, bool)>,
}

/// An ordered list of disjoint, non-adjacent, non-empty ranges.
#[derive(Clone, Debug)]
pub struct Multirange {
    /// The multirange type.
    pub ty: Oid,
    /// The ranges.
    pub ranges: Vec<Range>,
}
