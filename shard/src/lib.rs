//! A shard: one thread, one writer, one [`State`].
//!
//! ```text
//!   router ═► inbox ─► journal ─► state ─► outbox ═► router       answers
//!                         └── durable ────────┘ ╚══► publisher    parts at markers, the fills
//! ```
//!
//! Start with [`Shard`]: its duty cycle is the whole road, and the only caller of the other files.
//!
//! Invariants:
//! * Inputs are applied in the order of their numbers, each once; a gap is never stepped over.
//! * An input is journaled before it is applied, and its answer leaves once the journal says that
//!   it is durable.
//! * A slow router, or a slow disk, slows the shard: what waits is bounded.
//! * The publisher can never slow the shard: what it has no room for is dropped, counted, and
//!   seen by it as a gap.
//! * There is no socket of the front door here, no clock but what is read to be counted, and
//!   nothing that decides anything: the book does that.

mod config;
mod shard;
mod inbox;
mod state;
mod outbox;
mod recovery;

pub use config::ShardConfig;
pub use recovery::{RecoverError, recover};
pub use shard::Shard;
pub use state::{Entry, ImageError, State};
