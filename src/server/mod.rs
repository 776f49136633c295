//! Listener, sessions, authentication.
