//! Allocation on the core: its messages, and what joins its rules to router, shard and publisher.
//!
//! ```text
//!   router::Protocol ─► request ─► input ─► shard::Service ─► reply, part ─► publisher::View
//! ```
//!
//! Start with [`Allocation`]: the marker type that router, shard and publisher are made of, as in
//! `Shard<Allocation>`. Then [`decode_line`] (JSON) and [`decode_request`] (binary): what a request
//! may be. [`encode_outcome`] is the way back. `docs/WIRE.md` describes every byte of it for
//! authors of clients, and a test holds page and code against each other.
//!
//! Invariants:
//! * It holds no rule: what comes of an input is for `rules` to say.
//! * No bytes from outside can make anything here panic.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod request;
mod input;
mod finding;
mod reply;
mod part;
mod report;
mod topic;
mod service;
mod protocol;
mod view;

pub use input::{InputName, decode_input, encode_netting};
pub use part::{decode_part, encode_part};
pub use reply::{Reply, decode_replies, encode_outcome, encode_reply, encode_reply_message};
pub use report::{
    AccountReport, AccountStatement, KIND_ACCOUNT, KIND_POSITIONS, PositionReport, Report,
    TrackingReport,
};
pub use request::{
    FillLine, ReportRequest, Request, RequestKind, RoutingKeys, decode_line, decode_request,
    encode_line, encode_request, routing_keys, routing_rejection,
};
pub use topic::{Topic, TopicName};
pub use view::{Positions, ReportJob, report_of};

/// The system: fills and splits in, whole shares for every account out.
#[derive(Clone, Copy, Debug)]
pub struct Allocation;
