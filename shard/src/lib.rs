//! A shard: one thread, one writer, one [`State`] of whichever system it runs.
//!
//! ```text
//!   router ═► sequence ─► journal ─► state ─► replies ─► commit ═► router       replies
//!                            └────── durable ──────────────┘  ╚══► publisher    parts, events
//! ```
//!
//! Start with [`Shard`]: its duty cycle is the whole path, and the only caller of the other files.
//! Then [`Service`]: what a system gives the shard.
//!
//! Invariants:
//! * Inputs are applied in the order of their indexes, each once; a gap is never stepped over.
//! * An input is journaled before it is applied, and its reply leaves once the journal says that it
//!   is durable.
//! * A slow router, or a slow disk, slows the shard: what waits is bounded.
//! * The publisher can never slow the shard: what it has no room for is dropped, counted, and
//!   seen by it as a gap.
//! * There is no front-door socket here, no clock but what is read to be counted, and nothing that
//!   decides anything: the machine does that.

mod limits;
mod config;
mod service;
mod shard;
mod failure;
mod inline_commit;
mod sequence;
mod state;
mod owed;
mod replies;
mod commit;
mod recovery;

pub use commit::ShardLinks;
pub use config::ShardConfig;
pub use failure::ShardFailure;
pub use recovery::{RecoverError, recover};
pub use service::{Delivery, Description, InputOf, OutcomeOf, OutcomesOf, Reach, Service};
pub use shard::Shard;
pub use state::{ConfigOf, Entry, State};
