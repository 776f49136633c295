//! The protocol codec.
