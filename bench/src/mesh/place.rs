//! Place: a peer that is to run in this process, on a thread of its own, without a disk.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use allot_mesh_rules::{
    Address, Instance, Origin, Settings, StrategyName, Symbol, Trade, TradeQuantity, limits,
};
use allot_mesh_service::{
    OwnerJournal, PeerAgent, PeerDoor, PeerStart, SourceItem, TradeSource, ViewBoard,
};
use allot_runtime::{Clock, Context, StopRequest, ThreadGroup, ThreadSlot, Threads};
use allot_runtime::{WaitStrategy, WallClock};
use anyhow::{Context as _, Result, anyhow};

/// Nothing takes longer, unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// One of them.
pub(super) const SHARE: i128 = 1_000_000_000;
/// Peers that an owner sends its changes to itself, as `allot mesh` has it.
const DIRECT: usize = 16;

/// A peer that is to run: its door is open.
pub(super) struct Place {
    pub(super) number: usize,
    door: PeerDoor,
    connect: Vec<Address>,
}

impl Place {
    pub(super) fn open(number: usize, connect: Vec<Address>) -> Result<Self> {
        let door = PeerDoor::bind(&Context::new()?, "tcp://127.0.0.1:*", None)?;
        Ok(Self { number, door, connect })
    }

    /// Where its door is.
    pub(super) fn address(&self) -> Result<Address> {
        let endpoint = self.door.endpoint().context("a door has an endpoint")?;
        Address::new(endpoint).context("an endpoint is an address")
    }

    /// Puts the peer on a thread, and gives the board of its view. Others reach it at the address.
    /// The receiver must be kept for as long as the peer is to run.
    pub(super) fn settle(
        self,
        group: &mut ThreadGroup,
        slot: &ThreadSlot,
        address: Address,
        source: Box<dyn TradeSource>,
    ) -> Result<(ViewBoard, Receiver<()>)> {
        let settings = Settings {
            name: name(self.number)?,
            address,
            instance: Instance::new(u64::try_from(self.number)? + 1),
            connect: self.connect,
            heartbeat: Duration::from_secs(1),
            join_wait: Duration::from_secs(3),
            adopt: false,
            direct: DIRECT,
            delta_rows: limits::DELTA_ROWS_MAX,
        };
        let board = ViewBoard::new(slot.waker());
        let (sender, stopped) = channel();
        let start = PeerStart {
            settings,
            journal: OwnerJournal::none(),
            others: Vec::new(),
            lineages: Vec::new(),
            source,
            board: Some(board.clone()),
            history: None,
            stop: (StopRequest::new(slot.waker()), sender),
            wall: WallClock::system(),
        };
        group.add(slot, Box::new(PeerAgent::new(self.door, start)));
        Ok((board, stopped))
    }
}

/// A share is bought.
pub(super) fn trade(symbol: &[u8]) -> SourceItem {
    SourceItem::Trade(Trade {
        symbol: Symbol::new(symbol).expect("it is one"),
        quantity: TradeQuantity::from_nanos(SHARE).expect("it is small"),
        time: None,
        origin: Origin::Typed,
    })
}

pub(super) fn name(number: usize) -> Result<StrategyName> {
    StrategyName::new(format!("s{number}").as_bytes()).map_err(|bad| anyhow!("{bad}"))
}

pub(super) fn group() -> ThreadGroup {
    ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated)
}
