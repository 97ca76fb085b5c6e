//! Auditors beside real books: they agree on every input, and an auditor finds every tampering.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod names;
mod script;
mod numbering;
mod pair;
mod random;
mod bounds;
mod tampering;
mod closing;
mod differing;
mod summing;
mod blend;
mod zero;
mod explaining;
