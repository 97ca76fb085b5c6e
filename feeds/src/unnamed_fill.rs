//! An unnamed fill: a fill as its source yields it, before a feed adds its own name.

use allot_allocation_rules::Fill;
use allot_domain::{MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};

/// What a [`Source`](crate::Source) yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnnamedFill {
    /// Its sequence number: from 1, each higher than the one before.
    pub seq: Seq,
    /// What was traded.
    pub ticker: Ticker,
    /// Bought or sold.
    pub side: Side,
    /// The price of one share.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
    /// When it happened, in nanoseconds by the source's own clock; only differences count.
    pub time_ns: Option<u64>,
}

impl UnnamedFill {
    /// The fill under the name of a feed.
    #[must_use]
    pub const fn named(self, source: SourceId) -> Fill {
        let Self { seq, ticker, side, price, quantity, time_ns: _ } = self;
        Fill { source, seq, id: MessageId::Number(seq), time_ns: 0, ticker, side, price, quantity }
    }
}
