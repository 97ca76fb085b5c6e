//! Replay: a request for outcomes of a ticker again, by their numbers, and what comes of it.

use alloc::vec::Vec;

use allot_domain::{Seq, SourceId, Ticker};

use crate::TickerSeq;
use crate::input::{Origin, Outcome};

/// A wish for outcomes that were given before. It changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replay {
    /// Who asks.
    pub source: SourceId,
    /// The source's number of the request; echoed, not remembered.
    pub seq: Seq,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// Whose outcomes.
    pub ticker: Ticker,
    /// The number of the first, from 1.
    pub from: TickerSeq,
    /// The number of the last, at least `from`; none where all there are is wanted.
    pub to: Option<TickerSeq>,
}

/// Outcomes of a ticker, as they were given first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// The request.
    pub origin: Origin,
    /// Whose outcomes.
    pub ticker: Ticker,
    /// The number of the first of them: what was asked for, or `oldest` where that is forgotten.
    pub from: TickerSeq,
    /// The number of the newest outcome of the ticker; zero where it never had one.
    pub last: TickerSeq,
    /// The number of the oldest that is kept; the one after `last` where none is.
    pub oldest: TickerSeq,
    /// Their numbers follow one another. Their shares are in [`crate::Outcomes::shares`].
    pub fills: Vec<Outcome>,
}
