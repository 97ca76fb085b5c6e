//! A publication: what comes of a feed, one at a time.

use allot_wire::Heartbeat;

use crate::reply::Event;
use crate::report::{Report, Statement};

/// One message of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// The topic.
    pub topic: String,
    /// Its number on the topic. On `fills:` it is the ticker's own count of outcomes.
    pub sequence: u64,
    /// How many messages of this topic were lost before this one, and not had again.
    pub missed: u64,
    /// Whether it is from the front door: the feed has lost it.
    pub replayed: bool,
    /// What it says.
    pub body: Body,
}

/// What a publication says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Body {
    /// The whole firm, of `positions:bin`.
    Report(Report),
    /// One account, of `account:bin:`.
    Statement(Statement),
    /// A fill that was divided or taken back, of `fills:bin:` and `fills:json:`.
    Event(Event),
    /// That the publisher is there, of `heartbeat:`.
    Heartbeat(Heartbeat),
    /// Anything else in JSON, as its text.
    Json(String),
    /// Anything else, as its bytes.
    Binary(Vec<u8>),
}
