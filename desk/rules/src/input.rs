//! Input: everything that can happen to the accounts of a shard.

use alloc::boxed::Box;
use core::num::NonZeroU64;

use allot_domain::{Content, Marker, MessageId, SourceId};

use crate::{Cents, Command, FileName, Symbol, User};

/// What a shard applies, in the order of its log. Each input has the router's time, and nothing
/// else tells what time it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A command of a user.
    Command(Request),
    /// A DUMPLOG of all users; goes to all shards.
    DumpAll(DumpAll),
    /// A quote; goes to all shards.
    Quote(Quoted),
    /// A quote that could not be had; goes to all shards.
    QuoteFailed(QuoteFailed),
    /// A try of a quote that brought none, and is followed by another; goes to all shards.
    QuoteRetried(QuoteRetried),
    /// A cut through all shards.
    Marker(Marker),
    /// Something is due, and no other input tells the time; goes to all shards.
    Tick(Tick),
}

impl Input {
    /// When the router took or made it, in nanoseconds of Unix time.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        match self {
            Self::Command(request) => request.time_ns,
            Self::DumpAll(dump) => dump.time_ns,
            Self::Quote(quoted) => quoted.time_ns,
            Self::QuoteFailed(failed) => failed.time_ns,
            Self::QuoteRetried(retried) => retried.time_ns,
            Self::Marker(marker) => marker.time_ns,
            Self::Tick(tick) => tick.time_ns,
        }
    }
}

impl From<Marker> for Input {
    fn from(marker: Marker) -> Self {
        Self::Marker(marker)
    }
}

/// A command of a user, as a message brought it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who sent it; not the user, but for example a front end of many.
    pub source: SourceId,
    /// Which of the source's messages to this user: the two name it for ever.
    pub id: MessageId,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The number that the client gave the transaction; the workload files have it in brackets.
    pub transaction: Option<NonZeroU64>,
    /// Whose account.
    pub user: User,
    /// What is asked for.
    pub command: Command,
}

impl Request {
    /// What it says: that of a repeat is equal.
    pub(crate) fn content(&self) -> Content {
        let [name, symbol, amount, file] = self.command.content_words();
        let transaction = self.transaction.map_or(0, NonZeroU64::get);
        Content::of_words([name, symbol, amount, file, transaction])
    }
}

/// A wish for the log of all users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DumpAll {
    /// Who sent it.
    pub source: SourceId,
    /// Which of the source's requests to all.
    pub id: MessageId,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The number that the client gave the transaction.
    pub transaction: Option<NonZeroU64>,
    /// Where to.
    pub file: FileName,
}

impl DumpAll {
    pub(crate) fn content(&self) -> Content {
        let file = Content::of(self.file.as_str().as_bytes()).get();
        Content::of_words([file, self.transaction.map_or(0, NonZeroU64::get)])
    }
}

/// A quote, as the quote manager had it from the legacy server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Of which stock.
    pub symbol: Symbol,
    /// What one share costs.
    pub price: Cents,
    /// The legacy server's time: milliseconds of Unix time. It is logged, and decides nothing.
    pub server_time_ms: u64,
    /// The legacy server's signature; logged.
    pub cryptokey: Box<str>,
    /// The user in whose name it was asked for.
    pub asked_by: User,
    /// The transaction for which it was asked, if that had a number.
    pub transaction: Option<NonZeroU64>,
    /// When the router took it: nanoseconds of Unix time. It is valid for 60 seconds from here.
    pub time_ns: u64,
}

/// A quote that could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteFailed {
    /// Of which stock.
    pub symbol: Symbol,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
}

/// A try of a quote that brought none, and is followed by another. It is logged, and changes
/// nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuoteRetried {
    /// Of which stock.
    pub symbol: Symbol,
    /// The user in whose name it was asked for.
    pub asked_by: User,
    /// The transaction for which it was asked, if that had a number.
    pub transaction: Option<NonZeroU64>,
    /// Why it brought none; logged.
    pub fault: Box<str>,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
}

/// The time, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tick {
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
}
