//! Input: what the counters of a shard are told, in order.

use allot_domain::{Marker, Seq, SourceId, Ticker};

/// The key of a counter: a short name.
pub type Key = Ticker;

/// The name of a message, for ever.
///
/// A source numbers its commands and its raises apart: a command is seen by one shard, a raise by
/// all, and all of them must find the same raise new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    /// Who sent it.
    pub source: SourceId,
    /// The source's number of it.
    pub seq: Seq,
}

/// What one source wants of one counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// Its name.
    pub name: Name,
    /// Which counter.
    pub key: Key,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done with a counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Add this amount. The first one makes the counter.
    Add(u64),
    /// Reply once the counter has at least this value.
    Await(u64),
    /// Reply no more to the source's await with this number.
    Cancel(Seq),
}

/// Adds an amount to every counter of every shard, each up to the limit.
///
/// It stops at the limit instead of being refused there: what one shard refuses and another
/// applies would tear them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Raise {
    /// Its name.
    pub name: Name,
    /// How much.
    pub amount: u64,
}

/// The sum of all counters of all shards, at a cut: the feedback of the view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Level {
    /// The number of the marker; zero before the first level.
    pub marker: u64,
    /// The sum.
    pub total: u64,
}

/// An input of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// For the shard of its key.
    Command(Command),
    /// For all shards.
    Raise(Raise),
    /// For all shards, from the view.
    Level(Level),
    /// A cut. It changes nothing.
    Marker(Marker),
}

impl From<Marker> for Input {
    fn from(marker: Marker) -> Self {
        Self::Marker(marker)
    }
}
