//! The seam between sessions and SQL, under the name sessions know it by.
//!
//! The traits stand in `wire::backend`, on the ground floor, because `sql` implements them and must not import `server`.

pub use crate::wire::backend::*;
