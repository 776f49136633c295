//! Order-preserving keys and the row format.
