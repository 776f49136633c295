//! Schema objects: what they are (`objects`), where they are kept and looked up.

pub mod objects;
