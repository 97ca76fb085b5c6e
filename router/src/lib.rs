//! The front door: admits messages, hands each to the shard that owns its key, returns replies.
//!
//! ```text
//!             ┌──────────────────── router ────────────────────┐
//!   clients ◄─┤ door ─► protocol ─► admission ─► shard streams ─┼═► shards
//!             │   ▲                                   ▲ markers │
//!             │   └──── replies ◄─────────────────────┼─────────┼═══ replies
//!             └───────────────────────────────────────┴─────────┘◄══ publisher: feedback
//! ```
//!
//! Start with [`Router`]: its duty cycle is the whole path. Then [`Protocol`]: what a system says
//! of its messages, and [`Admission`], with which it says it.
//!
//! Invariants:
//! * It keeps no state of a system, and no sequence: it can be restarted at any moment.
//! * Of a binary message it reads the header and the routing keys, nothing else.
//! * What goes to all shards goes to all of them between the same inputs, or to none.
//! * Between what the shards find of a request to all and the request itself they hear of no other.
//! * A message is replied to: by a shard, or here with a rejection; `busy` where a queue is full.

mod limits;
mod config;
mod progress;
mod protocol;
mod pending_to_all;
mod pending_check;
mod router;
mod admission;
mod shard_stream;
mod shard_streams;
mod markers;
mod report_requests;
mod clients;
mod replies;

pub use admission::{Admission, Submission};
pub use config::RouterConfig;
pub use protocol::Protocol;
pub use router::Router;
