//! A draft: a fill that nobody has put a name to yet.

use allot_domain::{Fill, Price, Quantity, Side, SourceId, Ticker};

/// What a [`Source`](crate::Source) yields; a feed makes it a fill by adding its own name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnnamedFill {
    /// The source's number of it: from 1, each higher than the one before.
    pub seq: u64,
    /// What was traded.
    pub ticker: Ticker,
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
    /// When it happened, in nanoseconds on the source's own time; only differences count.
    pub time_ns: Option<u64>,
}

impl UnnamedFill {
    /// The fill under the name of a feed.
    #[must_use]
    pub const fn named(self, source: SourceId) -> Fill {
        let Self { seq, ticker, side, price, quantity, time_ns: _ } = self;
        Fill { source, seq, ticker, side, price, quantity }
    }
}
