//! Audit: the second opinion on a shard.
//!
//! An [`Auditor`] is given each input that a shard applied, together with all that the shard's book
//! says came of it, and works out by obvious means whether that is so: maps in byte order, sums
//! made anew, shares given out one at a time or held against the definition of the optimum. It
//! stops at the first thing that is wrong and says it in plain words. Start reading with
//! [`Auditor::check`].
//!
//! It never calls the allocator or the residuals, and of the book it only reads what the book says:
//! two implementations that agree by sharing code prove nothing.

#![forbid(unsafe_code)]

mod fault;
mod summary;
mod testimony;
mod sources;
mod splits;
mod accounts;
mod positions;
mod answers;
mod division;
mod auditor;

pub use auditor::Auditor;
pub use fault::Fault;
pub use summary::{AccountTotal, Summary, TickerTotal};
