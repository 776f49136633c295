//! Listener, sessions, authentication.

pub mod backend;
