//! An unnamed fill: a fill as its source yields it, before a feed adds its own name.

use allot_allocation_rules::Fill;
use allot_domain::{MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};

use crate::LineId;

/// What a [`Source`](crate::Source) yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnnamedFill {
    /// Its sequence number: from 1, each higher than the one before.
    pub seq: Seq,
    /// The name of the fill for ever, with source and ticker; without one, `seq` is it.
    pub id: Option<LineId>,
    /// The number of its line, if it comes from a file.
    pub line: Option<u64>,
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
    ///
    /// # Panics
    /// Never: the id of a line is one of a message.
    #[must_use]
    pub fn named(self, source: SourceId) -> Fill {
        let Self { seq, id, line: _, ticker, side, price, quantity, time_ns: _ } = self;
        let id = id.map_or(MessageId::Number(seq), |id| {
            MessageId::new(id.as_str().as_bytes()).expect("the id of a line is one of a message")
        });
        Fill { source, seq, id, time_ns: 0, ticker, side, price, quantity }
    }
}
