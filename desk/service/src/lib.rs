//! The desk on the core: its messages, and what joins its rules to router, shard and publisher.
//!
//! ```text
//!   router::Protocol ─► request ─► input ─► shard::Service ─► reply, part ─► publisher::View
//!         ▲ feedback                                                          │ wanted
//!         └────────────────────── quote manager ◄────────────────────────────┘
//!                                     │ ▲ TCP
//!                                 legacy quote server
//! ```
//!
//! Start with [`Desk`]: the marker type that router, shard and publisher are made of. Then
//! [`decode_line`] (JSON) and [`decode_request`] (binary): what a request may be. [`QuoteManager`]
//! hears which quotes are wanted, asks the legacy server, and feeds the router with what it says.
//! `docs/WIRE-DESK.md` describes every byte.
//!
//! Invariants:
//! * It holds no rule: what comes of an input is for `rules` to say.
//! * No bytes from outside can make anything here panic.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

pub mod limits;
pub mod log;
mod request;
mod input;
mod reply;
mod report;
mod wanted;
mod service;
mod protocol;
mod view;
mod quotes;
mod quote_server;

pub use input::{
    InputName, decode_input, encode_failure, encode_quote, encode_retry, encode_tick, is_dump,
};
pub use quote_server::{Delay, PriceScript, QuoteServer, QuoteServerOptions};
pub use quotes::{QuoteManager, QuoteTimes, read_answer};
pub use reply::{Reply, ReplyBody, decode_replies, notices_as_json};
pub use report::{Report, ShardReport};
pub use request::{
    ReportRequest, Request, RequestKind, RoutingKeys, decode_line, decode_request,
    encode_as_written, encode_line, encode_request, request_of_line, routing_keys,
    routing_rejection,
};
pub use view::{DeskJob, DeskState};
pub use wanted::{WantedEvent, Wish};

/// The system: commands of users and quotes in; trades, reserves and triggers that fire out.
#[derive(Clone, Copy, Debug)]
pub struct Desk;
