//! The server: listens, lets clients in, and runs each one's session.
//!
//! - `listener`: sockets, accepting, limits, stopping;
//! - `connection`: one client from its first byte to its last;
//! - `handshake`, `auth`: start-up packets and who the client is;
//! - `session`: the protocol's state machine over a [`backend::Backend`];
//! - `sessions`: who is connected, cancel keys, stopping everybody;
//! - `datadir`: the data folder, its lock and its format;
//! - `start`: from a configuration to a running server and back down.

pub mod auth;
pub mod backend;
pub mod connection;
pub mod datadir;
pub mod handshake;
pub mod listener;
pub mod session;
pub mod sessions;
pub mod start;

pub use crate::config::StartError;
pub use datadir::DataDir;
pub use listener::{Limits, Listeners, serve};

#[cfg(test)]
mod tests;
