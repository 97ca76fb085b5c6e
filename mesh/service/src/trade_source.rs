//! Trade source: where a strategy's trades come from, besides its peers.

use allot_mesh_rules::Trade;
use allot_runtime::PollSet;

/// What a source gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SourceItem {
    /// A trade.
    Trade(Trade),
    /// Much was passed over that is no trade, and there may be more: others have their turn first.
    PassedOver,
    /// It cannot go on, for this reason; the peer stops.
    Failed(String),
}

/// Where trades come from. It never blocks.
pub trait TradeSource: Send {
    /// The next trade that is there. It takes a bounded time, whatever there is.
    fn next(&mut self) -> Option<SourceItem>;

    /// What it has counted, by name.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Adds what must end the sleep of the peer's thread.
    fn wait_on<'a>(&'a self, _poll_set: &mut PollSet<'a>) {}
}

/// A source without trades.
#[derive(Clone, Copy, Debug)]
pub struct NoTrades;

impl TradeSource for NoTrades {
    fn next(&mut self) -> Option<SourceItem> {
        None
    }
}
