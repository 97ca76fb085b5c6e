//! Fill and bust: what venues report.

use allot_domain::{Content, MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};

/// A block of shares bought or sold at one price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Who reports it.
    pub source: SourceId,
    /// The source's number of the message, from 1: replies repeat it.
    pub seq: Seq,
    /// What names the fill within its source and ticker, for ever: the venue's id, or `seq`.
    pub id: MessageId,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// What was traded.
    pub ticker: Ticker,
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares.
    pub quantity: Quantity,
}

/// A venue takes a fill back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bust {
    /// Who reports it: the source of the fill.
    pub source: SourceId,
    /// The source's number of the message: replies repeat it.
    pub seq: Seq,
    /// What names the bust itself, among the fills and busts of its source and ticker.
    pub id: MessageId,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The fill's ticker, which names the shard that holds it.
    pub ticker: Ticker,
    /// The fill's id.
    pub of: MessageId,
}

/// What tells the contents of fills and busts apart.
const PURCHASE: u64 = 1;
const SALE: u64 = 2;
const BUST: u64 = 3;

impl Fill {
    /// What it says, apart from its name.
    pub(crate) fn content(&self) -> Content {
        let kind = if self.side == Side::Sell { SALE } else { PURCHASE };
        Content::of_words([kind, self.price.nanos().cast_unsigned(), self.quantity.get()])
    }
}

impl Bust {
    /// What it says, apart from its name.
    pub(crate) fn content(&self) -> Content {
        let [low, high] = self.of.digest_words();
        Content::of_words([BUST, low, high])
    }
}
