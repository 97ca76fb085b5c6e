//! Audit: a second, independent check of a shard's book.
//!
//! An [`Auditor`] is given each input that a shard applied, together with all outcomes of the
//! shard's book. It works out by obvious means what the outcomes must be: maps in byte order, sums
//! made anew, shares given out one at a time or held against the definition of the optimum. It
//! stops at the first [`Mismatch`]. Start reading with [`Auditor::check`]. Of one fill it tells why
//! it was divided as it was: [`Explanation`].
//!
//! Of the rules it uses the types alone. It never calls the allocator or the residuals, and of a
//! book it only reads what the book gives: two implementations that agree by sharing code prove
//! nothing.

#![forbid(unsafe_code)]

mod mismatch;
mod fault;
mod summary;
mod names;
mod splits;
mod accounts;
mod positions;
mod history;
mod outcome_reader;
mod division;
mod explanation;
mod auditor;

pub use auditor::Auditor;
pub use explanation::{AccountExplanation, Explanation};
pub use fault::{Fault, Subject};
pub use mismatch::{Field, Mismatch, OutcomeKind, Preference};
pub use summary::{AccountTotal, Summary, TickerTotal};
