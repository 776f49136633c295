//! Start-up failures: one line each, exit code 1.

use std::fmt;

/// Why the server does not start, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl StartError {
    /// A failure told in one line.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}
