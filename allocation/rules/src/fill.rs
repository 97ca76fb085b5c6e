//! Fill and bust: what venues report.

use allot_domain::{Price, Quantity, Seq, Side, SourceId, Ticker};

/// A block of shares bought or sold at one price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Who reports it.
    pub source: SourceId,
    /// The source's number of it, from 1.
    pub seq: Seq,
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
    /// The source's number of the bust itself.
    pub seq: Seq,
    /// The fill's ticker, which names the shard that holds it.
    pub ticker: Ticker,
    /// The fill's sequence.
    pub of: Seq,
}
