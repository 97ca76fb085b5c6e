//! Decode error: bytes that are not what they should be, and what is wrong with them.

use std::fmt;

use allot_domain::Reject;

use crate::json;

/// What is wrong with bytes that another box, or the server, has sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecodeError(String);

impl DecodeError {
    /// An error that says this.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

impl From<Reject> for DecodeError {
    fn from(reject: Reject) -> Self {
        Self(reject.to_string())
    }
}

impl From<DecodeError> for Reject {
    fn from(error: DecodeError) -> Self {
        Self::MalformedMessage(error.0)
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self(json::fault(&error))
    }
}
