//! Event: what a replica is told.

use crate::{Address, Message, Symbol, TradeQuantity, Unix};

allot_domain::number!(
    /// A connection to a peer. The service numbers them, and uses no number twice.
    LinkId(u64)
);

allot_domain::number!(
    /// Which record of this run, from 1.
    RecordNumber(u64)
);

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time has passed. Due when [`Replica::wake_at`](crate::Replica::wake_at) says so.
    Tick,
    /// The strategy has traded. Only after [`Effect::Started`](crate::Effect::Started).
    Trade(Trade),
    /// All records up to this one are on disk; or there is no disk, and they never will be.
    Durable(RecordNumber),
    /// There is a connection: to this address, or from somebody.
    LinkUp(LinkId, Option<Address>),
    /// A connection is gone. Its number is not used again.
    LinkDown(LinkId),
    /// Everything that was sent on the link has left, and the peer reads: more may be sent.
    Room(LinkId),
    /// A message has come.
    Received(LinkId, Message),
}

/// A trade of the strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trade {
    /// What was traded.
    pub symbol: Symbol,
    /// How much; sold is less than zero.
    pub quantity: TradeQuantity,
    /// When, by the wall clock; none is now.
    pub time: Option<Unix>,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a trade came from: what a restart must know to take nothing twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Somebody typed it.
    Typed,
    /// A line of a file.
    Line {
        /// Which, from 1.
        number: u64,
        /// A running hash of all lines up to it.
        hash: u64,
    },
    /// A fill of a feed.
    Fill {
        /// Which stream of the feed.
        stream: u64,
        /// Its number in the stream.
        sequence: u64,
    },
    /// No trade: the owner wrote its position again, because somebody held another.
    Settled,
}
