//! One client's session.

pub mod settings;
