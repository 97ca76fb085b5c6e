//! Auditors beside real books: they agree whatever comes, and no lie gets past one.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod names;
mod script;
mod numbering;
mod pair;
mod random;
mod bounds;
mod tampering;
mod differing;
mod summing;
mod blend;
mod zero;
