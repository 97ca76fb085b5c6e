//! A violation: a promise that was not kept.

use std::error::Error;
use std::fmt;

/// Which promise, and what happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The promise of docs/GUARANTEES.md, `P1` to `P10` and `D4`, or `liveness`, or `panic`.
    pub promise: &'static str,
    /// What was found.
    pub what: String,
}

impl Violation {
    /// A violation of this promise.
    pub fn new(promise: &'static str, what: impl Into<String>) -> Self {
        Self { promise, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

impl Error for Violation {}

/// Checks one condition of a promise; `what` describes the violation.
///
/// # Errors
/// The condition does not hold.
pub fn ensure(
    holds: bool,
    promise: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(promise, what())) }
}
