//! Totals: what a book counts of its inputs.

use alloc::vec::Vec;

use allot_domain::Side;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure};

use crate::{Block, Limit, Reject, SplitNumber, limits};

/// What a book counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// How many splits there were.
    pub(super) splits: SplitNumber,
    /// The first split of the latest run of splits that name the same accounts.
    pub(super) same_accounts_since: SplitNumber,
    /// The number of the last netting.
    pub(super) netting: u64,
    /// How many fills were divided.
    pub(super) fills: u64,
    /// The value of all fills that were not busted, in 1e-9, bought and sold alike.
    pub(super) turnover: i128,
    /// The same, but a quarter of it fades at each marker.
    pub(super) flow: i128,
    /// The highest price of a fill, in 1e-9.
    pub(super) price_max: i64,
}

impl Totals {
    /// Checks that a block fits in where `held` shares of its ticker are held; a sale adds none.
    #[inline]
    pub(super) fn check_limits(&self, block: Block, held: u64) -> Result<(), Reject> {
        let bought = if block.side == Side::Buy { block.quantity.get() } else { 0 };
        let held = held + bought;
        let turnover = self.turnover + block.price.times(block.quantity).nanos();
        if limits::HOLDING_MAX < held {
            return Err(Reject::ExceedsLimits(Limit::Holding));
        }
        if limits::VALUE_MAX < turnover {
            return Err(Reject::ExceedsLimits(Limit::Turnover));
        }
        Ok(())
    }

    /// Counts a fill that is divided.
    #[inline]
    pub(super) fn count_fill(&mut self, block: Block) {
        let notional = block.price.times(block.quantity).nanos();
        self.fills += 1;
        self.turnover += notional;
        self.flow += notional;
        self.price_max = self.price_max.max(block.price.nanos());
    }

    /// A fill that was counted is taken back.
    pub(super) fn count_bust(&mut self, block: Block) {
        let notional = block.price.times(block.quantity).nanos();
        self.turnover -= notional;
        self.flow = (self.flow - notional).max(0);
        assert!(0 <= self.turnover, "each fill is taken back once");
    }

    /// A quarter of the flow fades.
    pub(super) const fn fade(&mut self) {
        self.flow -= self.flow / 4;
    }

    pub(super) fn save(&self, out: &mut Vec<u8>) {
        let counters =
            [self.splits.get(), self.same_accounts_since.get(), self.netting, self.fills];
        for counter in counters {
            out.extend_from_slice(&counter.to_le_bytes());
        }
        out.extend_from_slice(&self.turnover.to_le_bytes());
        out.extend_from_slice(&self.flow.to_le_bytes());
        out.extend_from_slice(&self.price_max.to_le_bytes());
    }

    /// Reads what [`Totals::save`] wrote.
    pub(super) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let totals = Self {
            splits: SplitNumber::new(cursor.counter()?),
            same_accounts_since: SplitNumber::new(cursor.counter()?),
            netting: cursor.u64()?,
            fills: cursor.counter()?,
            turnover: cursor.i128()?,
            flow: cursor.i128()?,
            price_max: cursor.i64()?,
        };
        totals.check()?;
        Ok(totals)
    }

    fn check(&self) -> Result<(), SnapshotError> {
        let none = SplitNumber::default();
        let is_past = self.same_accounts_since <= self.splits;
        let is_some = (self.same_accounts_since == none) == (self.splits == none);
        ensure(is_past && is_some, "accounts named by a split that never was")?;
        let is_within = (0..=limits::VALUE_MAX).contains(&self.turnover);
        ensure(is_within, "a turnover beyond its limits")?;
        ensure((0..=self.turnover).contains(&self.flow), "a flow that is not of the turnover")?;
        ensure((0..=limits::PRICE_MAX).contains(&self.price_max), "a price beyond its limits")?;
        let has_fills = 0 < self.fills;
        // All of them may have been busted: then nothing is left of the turnover.
        let is_theirs = has_fills == (0 < self.price_max) && (has_fills || self.turnover == 0);
        ensure(is_theirs, "fills without a price, or the reverse")
    }
}
