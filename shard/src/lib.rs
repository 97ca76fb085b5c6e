//! A shard: one thread, one writer, one [`Book`](allot_domain::Book).
//!
//! ```text
//!   router ═► inbox ─► book ─► outbox ═► router       answers
//!                                 ╚════► publisher    parts at markers, what was applied
//! ```
//!
//! Start with [`Shard`]: its duty cycle is the whole road, and the only caller of the other files.
//!
//! Invariants:
//! * Inputs are applied in the order of their numbers, each once; a gap is never stepped over.
//! * A frame of answers leaves before the next frame of inputs is taken: a slow router slows the
//!   shard, and nothing piles up.
//! * The publisher can never slow the shard: what it has no room for is dropped, counted, and
//!   seen by it as a gap.
//! * There is no socket of the front door here, no clock, and nothing that decides anything: the
//!   book does that.

mod config;
mod shard;
mod inbox;
mod outbox;

pub use config::ShardConfig;
pub use shard::Shard;
