//! The publisher: collects the parts of one cut, hands them to the system's view, and publishes.
//!
//! ```text
//!   shards ═► cut collector ─► view ─► topics ═► subscribers (XPUB)
//!       ║                        └───► feedback ═► router
//!       ╚══ events ────────────► view ─► topics
//! ```
//!
//! Start with [`Publisher`]: its duty cycle is the whole path. Then [`View`]: what a system makes
//! of parts and events, and [`Topics`], through which it publishes.
//!
//! Invariants:
//! * A report is made of parts of one marker, one from each shard, or it is not made.
//! * A report is made and published in steps: no turn does more than a few milliseconds of it.
//! * A body is encoded only while its topic has a subscriber.
//! * Every topic has a sequence of its own without gaps; what was lost on the way shows as one.

mod limits;
mod config;
mod budget;
mod view;
mod publisher;
mod cut;
mod shard_monitor;
mod jobs;
mod topics;
mod subscriptions;

pub use budget::Budget;
pub use config::PublisherConfig;
pub use publisher::Publisher;
pub use topics::{Topics, Version};
pub use view::{Cut, Made, View};
