//! What is due for a bust: exactly the shares of the fill are given back, once.

use allot_allocation_rules::{Bust, Fill, Reject, limits};
use allot_domain::Side;

use super::Auditor;
use crate::history::{Applied, FirstOutcome, Shares};
use crate::mismatch::Mismatch;
use crate::outcome_reader::OutcomeReader;
use crate::sources::Standing;

impl Auditor {
    pub(super) fn check_bust(
        &mut self,
        bust: &Bust,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let key = (bust.source, bust.seq);
        match self.feeds.standing(&bust.source, bust.seq) {
            Standing::Applied => return self.check_repeated_bust(bust, outcomes),
            Standing::Rejected(reason) => {
                return self.check_rejection(key, &reason.into(), outcomes);
            }
            Standing::New => {}
        }
        let is_it = |fill: &Fill| {
            (fill.source, fill.seq, fill.ticker) == (bust.source, bust.of, bust.ticker)
        };
        if let Some(at) = self.held.iter().position(is_it) {
            self.held.remove(at);
            return self.check_bust_of_held(bust, outcomes);
        }
        match self.to_reverse(bust) {
            Ok((fill, shares)) => self.check_reversal(bust, &fill, shares, outcomes),
            Err(reason) => self.check_rejection(key, &reason, outcomes),
        }
    }

    /// No shares are given back of a fill that was still held.
    fn check_bust_of_held(
        &mut self,
        bust: &Bust,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.held -= 1;
        self.summary.busts += 1;
        self.mark_applied((bust.source, bust.seq));
        let without_shares = |applied| FirstOutcome { applied, shares: Vec::new() };
        self.history.store((bust.source, bust.of), without_shares(Applied::Held));
        let busted = Applied::Busted { ticker: bust.ticker, of: bust.of };
        self.history.store((bust.source, bust.seq), without_shares(busted));
        outcomes.expect_busted(bust, &[], false, &self.accounts)
    }

    /// The fill that a bust takes back and its shares, or the reason why it cannot be.
    fn to_reverse(&self, bust: &Bust) -> Result<(Fill, Shares), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let first = self.history.get(&(bust.source, bust.of)).ok_or(unknown.clone())?;
        let Applied::Divided { fill, is_busted: false, .. } = &first.applied else {
            return Err(unknown);
        };
        // One with more shares than the history has room for is kept without them.
        if fill.ticker != bust.ticker || first.shares.is_empty() {
            return Err(unknown);
        }
        let Some(row) = self.positions.by_ticker.get(&fill.ticker) else {
            return Err(unknown);
        };
        let left = first.shares.iter().map(|(id, quantity)| row.of(id).quantity.min(*quantity));
        let left: u64 = left.sum();
        match fill.side {
            Side::Buy if left < fill.quantity.get() => Err(Reject::ExceedsHoldings(left)),
            Side::Sell if limits::HOLDING_MAX < row.total() + fill.quantity.get() => {
                Err(Reject::ExceedsLimits)
            }
            _ => Ok((*fill, first.shares.clone())),
        }
    }

    fn check_reversal(
        &mut self,
        bust: &Bust,
        fill: &Fill,
        shares: Shares,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        outcomes.expect_busted(bust, &shares, false, &self.accounts)?;
        self.mark_applied((bust.source, bust.seq));
        let back = if fill.side == Side::Buy { Side::Sell } else { Side::Buy };
        self.apply_shares(fill.ticker, back, fill.price.nanos(), &shares)?;
        let notional = fill.price.times(fill.quantity);
        let value = if fill.side == Side::Buy { notional } else { -notional };
        self.summary.busts += 1;
        self.summary.take_back(fill.ticker, fill.side, fill.quantity.get(), value);
        let first = self.history.get_mut(&(bust.source, bust.of)).expect("it was found");
        if let Applied::Divided { is_busted, .. } = &mut first.applied {
            *is_busted = true;
        }
        let applied = Applied::Busted { ticker: fill.ticker, of: bust.of };
        self.history.store((bust.source, bust.seq), FirstOutcome { applied, shares });
        Ok(())
    }

    fn check_repeated_bust(
        &mut self,
        bust: &Bust,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.repeats += 1;
        let key = (bust.source, bust.seq);
        match self.history.get(&key) {
            Some(first) => outcomes.expect_repeat(key, first, &self.accounts),
            None => outcomes.expect_busted(bust, &[], true, &self.accounts),
        }
    }
}
