//! A client of the front door and of the position feed in Rust alone: no libzmq, no thread of its
//! own.
//!
#![doc = concat!("```no_run\n", include_str!("../examples/fills.rs"), "```")]
//!
//! ```text
//!   ask, submit ─► in flight ─► Connection ═══════════════════► front door
//!                   ▲    │ due                                      ║
//!                   │    └─► sent again, as the same bytes          ║
//!   poll, next_reply ◄── replies ◄══════════════════════════════════╝
//! ```
//!
//! [`Client`] gives every request a name, `(source, seq)`, and sends it until it has its reply:
//! over new connections too, and always as the same bytes. The server changes its state once for
//! each name, so nothing is lost and nothing is doubled. [`Client::ask`] waits for a reply;
//! [`Client::submit`] and [`Client::poll`] never wait, and [`Client::descriptor`] is for a loop of
//! your own.
//!
//! [`Feed`] is a subscriber: positions, accounts, fills and heartbeats, each publication once, with
//! how many were lost before it. With a front door ([`Feed::repaired_by`]) it asks for outcomes
//! that were lost, and gives them where they belong. This follows a ticker from its first outcome
//! on:
//!
#![doc = concat!("```no_run\n", include_str!("../examples/follow.rs"), "```")]
//!
//! [`Connection`] is what is below: messages of bytes over one connection, without names.
//!
//! Messages are binary batches, or JSON, as `docs/WIRE.md` describes them.
//!
//! Invariants:
//! * What was submitted is kept until it has its reply, and is sent again as the same bytes.
//! * Each request brings at most one first reply, and a `held` one that follows it.
//! * What is kept is bounded in bytes: requests without a reply, replies that were not taken, what
//!   a connection has not taken, and what one message may bring.
//! * Nothing waits but [`Client::ask`], [`Client::reply_to`], [`Client::next_reply`],
//!   [`Feed::next`] and [`Connection::wait`]; and the resolver of names, where an endpoint has a
//!   name of a host.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod limits;
mod clock;
mod error;
mod endpoint;
mod server_key;
mod stream;
mod connection;
mod patience;
mod request;
mod reply;
mod report;
mod in_flight;
mod config;
mod stage;
mod client;
mod gap;
mod history;
mod publication;
mod repairs;
mod feed;

pub use allot_domain::{
    AccountId, LedgerId, MessageId, Money, Price, Quantity, Reject, Seq, Side, SourceId, Ticker,
};
pub use allot_wire::{Encoding, Heartbeat};

pub use client::Client;
pub use config::Config;
pub use connection::{Connection, SendError};
pub use endpoint::Endpoint;
pub use error::{ClientError, Lost, Refusal, Unanswered};
pub use feed::Feed;
pub use gap::{Gap, Unrepaired};
pub use patience::Patience;
pub use publication::{Body, Publication};
pub use reply::{Event, Listed, ListedSplit, Outcome, Replayed, Reply};
pub use report::{AccountReport, PositionReport, Report, Statement, Tracking};
pub use request::{Bust, Fill, Replay, Request, Split, Splits};
pub use server_key::ServerKey;
