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

/// What tells the contents of a fill from those of a bust.
const FILL: u8 = 1;
const BUST: u8 = 2;

impl Fill {
    /// What it says, apart from its name.
    pub(crate) fn content(&self) -> Content {
        let mut bytes = [0; 1 + 1 + 8 + 8];
        bytes[0] = FILL;
        bytes[1] = u8::from(self.side == Side::Sell);
        bytes[2..10].copy_from_slice(&self.price.nanos().to_le_bytes());
        bytes[10..].copy_from_slice(&self.quantity.get().to_le_bytes());
        Content::of(&bytes)
    }
}

impl Bust {
    /// What it says, apart from its name.
    pub(crate) fn content(&self) -> Content {
        let mut bytes = [0; 1 + 16];
        bytes[0] = BUST;
        bytes[1..].copy_from_slice(&self.of.digest().to_le_bytes());
        Content::of(&bytes)
    }
}
