//! Audit: a second, independent check of a shard of the desk.
//!
//! An [`Auditor`] is given each input that a shard applied, together with all that came of it. It
//! works out by obvious means what must come: maps in byte order, what is free as what came in less
//! what is set aside, sums made anew. It stops at the first [`Mismatch`]. Start reading with
//! [`Auditor::check`].
//!
//! Of the rules it uses the types alone: two implementations that agree by sharing code prove
//! nothing.

#![forbid(unsafe_code)]

mod mismatch;
mod fault;
mod summary;
mod names;
mod account;
mod market;
mod shard;
mod comparison;
mod auditor;

pub use auditor::Auditor;
pub use fault::{Fault, Subject};
pub use mismatch::Mismatch;
pub use summary::Summary;
