//! What is said: messages to bytes and back, binary and JSON.
//!
//! ```text
//!   clients ── requests ──► router ── inputs ───► shard ── parts, applied ─► publisher
//!           ◄── replies ───        ◄── answers ──                              │
//!   subscribers ◄──────────────── topics: positions, accounts, fills ──────────┘
//! ```
//!
//! `docs/WIRE.md` describes every byte of it for authors of clients; a test holds page and code
//! against each other. Nothing here has state, and no bytes can make anything here panic.
//!
//! Start reading with [`decode_line`] (JSON) and [`decode_request`] (binary): what a request may
//! be. [`encode_outcome`] is the way back, and [`backplane`] what the boxes say among themselves.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod decode_error;
mod cursor;
mod codec;
mod encoding;
mod timestamp;
mod request;
mod rejection;
mod weights;
mod batch;
mod padded_ticker;
mod binary;
mod json;
mod reply;
mod topic;
mod report;
pub mod backplane;

pub use batch::{
    Batch, KIND_ACCOUNT, KIND_HEARTBEAT, KIND_POSITIONS, KIND_REPLIES, begin_batch, end_batch,
    push_record,
};
pub use binary::{RoutingKeys, decode_request, encode_request, routing_keys, routing_rejection};
pub use decode_error::DecodeError;
pub use encoding::Encoding;
pub use json::{decode_line, encode_line};
pub use rejection::Rejection;
pub use reply::{
    Reply, decode_replies, encode_outcome, encode_rejection, encode_reply, encode_reply_message,
    encode_reported,
};
pub use report::{
    AccountReport, AccountStatement, Heartbeat, PositionReport, Report, TrackingReport,
};
pub use request::{ReportRequest, Request, RequestKind};
pub use topic::{Topic, TopicName};
