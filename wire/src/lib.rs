//! Framing: messages to bytes and back, binary and JSON, whatever system they belong to.
//!
//! ```text
//!   clients ── requests ──► router ── inputs ───► shard ── parts, events ─► publisher
//!           ◄── replies ───        ◄── replies ──                              │
//!   subscribers ◄──────────────────────── topics ──────────────────────────────┘
//! ```
//!
//! Here are the encodings, batches, the codec, what reads and writes JSON, the replies that every
//! system gives, the heartbeat, and the frames of the [`backplane`]. The messages of a system are
//! its own. `docs/WIRE.md` describes every byte for authors of clients.
//!
//! Invariants:
//! * Nothing here has state.
//! * No bytes from outside can make anything here panic, or allocate without bound.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod decode_error;
mod sized;
pub mod codec;
mod encoding;
pub mod timestamp;
mod rejection;
mod batch;
mod padded_ticker;
mod nearest;
pub mod json;
pub mod reply;
pub mod ledger;
mod heartbeat;
mod topic;
pub mod backplane;

pub use batch::{
    Batch, KIND_HEARTBEAT, KIND_REPLIES, begin_batch, end_batch, push_record, write_only_record,
};
pub use decode_error::DecodeError;
pub use encoding::Encoding;
pub use heartbeat::Heartbeat;
pub use nearest::nearest_name;
pub use padded_ticker::PaddedTicker;
pub use rejection::{Rejection, origin};
pub use sized::append_sized;
pub use topic::{HEARTBEAT, split_topic, write_topic};
