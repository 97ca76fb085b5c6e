//! The publisher: merges the shards' parts of one cut into a report, and tells all who listen.
//!
//! ```text
//!   shards ═► snapshotter ─► report ─► feed ═► subscribers (XPUB)
//!       ║          └──────► netting ──────────► router
//!       ╚══ what was applied ────────► feed
//! ```
//!
//! Start with [`Publisher`]: its duty cycle is the whole road.
//!
//! Invariants:
//! * A report is made of parts of one marker, one from each shard, or it is not made.
//! * A body is encoded only while somebody subscribes to its topic.
//! * Every topic has a sequence of its own without gaps; what was lost on the way shows as one.

mod config;
mod publisher;
mod snapshotter;
mod presence;
mod netter;
mod merge;
mod feed;
mod subscriptions;

pub use config::PublisherConfig;
pub use publisher::Publisher;
