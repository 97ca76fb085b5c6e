//! What is due for a bust: exactly the shares of the fill are given back, once.

use allot_allocation_rules::{Bust, Fill, Limit, Reject, TickerSeq, limits};
use allot_domain::{Reject as Core, Side};

use super::{Auditor, again, bust_origin, reused};
use crate::history::{Applied, FirstOutcome, Said, Shares, Told};
use crate::mismatch::Mismatch;
use crate::names::{Name, Standing};
use crate::outcome_reader::OutcomeReader;

impl Auditor {
    pub(super) fn check_bust(
        &mut self,
        bust: &Bust,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let (name, said) = (name_of(bust), Said::by_bust(bust));
        let reason = match self.standing(&name) {
            Standing::Applied(told) if told.said == said => {
                return self.check_repeated_bust(bust, told, outcomes);
            }
            Standing::Applied(_) => reused(name),
            Standing::TooOld(forgotten) => Core::SequenceTooOld(forgotten).into(),
            Standing::New => {
                let of = (bust.source, Some(bust.ticker), bust.of);
                let Standing::Applied(told) = self.standing(&of) else {
                    let unknown = Reject::UnknownFill(bust.of);
                    return self.check_rejection(bust_origin(bust), &unknown, outcomes);
                };
                let held = self.held.iter().position(|fill| super::name_of(fill) == of);
                if let Some(at) = held {
                    self.held.remove(at);
                    return self.check_bust_of_held(bust, outcomes);
                }
                match self.to_reverse(bust, &told) {
                    Ok((fill, shares)) => {
                        return self.check_reversal(bust, told, &fill, shares, outcomes);
                    }
                    Err(reason) => reason,
                }
            }
        };
        self.check_rejection(bust_origin(bust), &reason, outcomes)
    }

    /// No shares are given back of a fill that was still held.
    fn check_bust_of_held(
        &mut self,
        bust: &Bust,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.held -= 1;
        self.summary.busts += 1;
        let number = self.count_outcome(bust.ticker);
        outcomes.expect_busted(bust, bust_origin(bust), number, &[], &self.accounts)?;
        self.keep_bust(bust, Vec::new());
        Ok(())
    }

    fn keep_bust(&mut self, bust: &Bust, shares: Shares) {
        let (applied, time_ns) = (Applied::Busted(Box::new(*bust)), bust.time_ns);
        let outcome = Some(self.history.store(FirstOutcome { applied, time_ns, shares }));
        let said = Said::by_bust(bust);
        self.mark_applied(name_of(bust), Told { said, outcome });
    }

    /// The fill that a bust takes back and its shares, or the reason why it cannot be.
    fn to_reverse(&self, bust: &Bust, told: &Told) -> Result<(Fill, Shares), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let first = told.outcome.and_then(|outcome| self.history.get(outcome));
        let first = first.ok_or(unknown.clone())?;
        let Applied::Divided { fill, is_busted: false, .. } = &first.applied else {
            return Err(unknown);
        };
        // One with more shares than the history has room for is kept without them.
        if first.shares.is_empty() {
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
                Err(Reject::ExceedsLimits(Limit::Holding))
            }
            _ => Ok((**fill, first.shares.clone())),
        }
    }

    fn check_reversal(
        &mut self,
        bust: &Bust,
        told: Told,
        fill: &Fill,
        shares: Shares,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let number = self.count_outcome(bust.ticker);
        outcomes.expect_busted(bust, bust_origin(bust), number, &shares, &self.accounts)?;
        let back = if fill.side == Side::Buy { Side::Sell } else { Side::Buy };
        self.apply_shares(fill.ticker, back, fill.price.nanos(), &shares)?;
        let notional = fill.price.times(fill.quantity);
        self.turnover -= notional.nanos();
        self.flow = (self.flow - notional.nanos()).max(0);
        let value = if fill.side == Side::Buy { notional } else { -notional };
        self.summary.busts += 1;
        self.summary.take_back(fill.ticker, fill.side, fill.quantity.get(), value);
        let first = told.outcome.and_then(|outcome| self.history.get_mut(outcome));
        if let Applied::Divided { is_busted, .. } = &mut first.expect("it was found").applied {
            *is_busted = true;
        }
        self.keep_bust(bust, shares);
        Ok(())
    }

    fn check_repeated_bust(
        &mut self,
        bust: &Bust,
        told: Told,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.repeats += 1;
        let mut origin = again(bust_origin(bust));
        let mut shares = &Vec::new();
        if let Some(first) = told.outcome.and_then(|outcome| self.history.get(outcome)) {
            (origin.time_ns, shares) = (first.time_ns, &first.shares);
        }
        outcomes.expect_busted(bust, origin, TickerSeq::ZERO, shares, &self.accounts)
    }
}

/// What a bust is called, among the fills and busts of its source and ticker.
const fn name_of(bust: &Bust) -> Name {
    (bust.source, Some(bust.ticker), bust.id)
}
