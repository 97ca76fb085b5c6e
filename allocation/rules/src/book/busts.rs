//! Busts: fills that are taken back, with exactly the shares that they gave.

use core::ops::Range;

use allot_domain::{Name, Reject as Core, Side, Standing};

use super::{Book, reused};
use crate::applied::Applied;
use crate::history::What;
use crate::input::{Origin, Outcome, Outcomes, Share};
use crate::{Block, Bust, Fill, Limit, OutcomeNumber, Reject, RowIndex, TickerSeq, limits};

impl Book {
    pub(super) fn apply_bust(&mut self, bust: &Bust, outcomes: &mut Outcomes) {
        let row = self.holdings.find(&bust.ticker);
        let done = match self.standing(row, &bust.source, &bust.id) {
            Standing::New => self.apply_new_bust(bust, row, outcomes),
            Standing::Known(entry) => match self.names.get(entry).repeat_of(bust.content()) {
                Some(outcome) => return self.repeat_bust(bust, outcome, outcomes),
                None => Err(reused(&bust.source, &bust.ticker, &bust.id).into()),
            },
            Standing::TooOld(forgotten) => Err(Core::SequenceTooOld(forgotten).into()),
        };
        if let Err(reject) = done {
            outcomes.reject(Origin::of_bust(bust), reject);
        }
    }

    fn repeat_bust(&mut self, bust: &Bust, outcome: OutcomeNumber, outcomes: &mut Outcomes) {
        let mut origin = Origin::of_bust(bust).again();
        let mut shares = 0..0;
        if let Some((first, kept)) = self.history.get(outcome) {
            origin.time_ns = first.time_ns;
            shares = outcomes.keep_shares(kept);
        }
        let (ticker, of, number) = (bust.ticker, bust.of, TickerSeq::ZERO);
        outcomes.list.push(Outcome::Busted { origin, ticker, of, number, shares });
    }

    fn apply_new_bust(
        &mut self,
        bust: &Bust,
        row: Option<RowIndex>,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let Standing::Known(of) = self.standing(row, &bust.source, &bust.of) else {
            return Err(unknown);
        };
        let row = row.ok_or(unknown)?;
        if !self.bust_held(bust, row, outcomes) {
            self.bust_allocated(bust, self.names.get(of).outcome, outcomes)?;
        }
        let name = Name { source: &bust.source, scope: row.get(), id: &bust.id };
        // The last that was kept is this bust.
        let outcome = self.holdings.row(row).last();
        self.names.store(name, Applied { content: bust.content(), outcome });
        Ok(())
    }

    /// Takes back a fill that was divided.
    fn bust_allocated(
        &mut self,
        bust: &Bust,
        outcome: OutcomeNumber,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let (first, shares) = self.history.get(outcome).ok_or(unknown.clone())?;
        let row = first.row;
        let What::Divided { side, price, quantity, busted: false, .. } = first.what else {
            return Err(unknown);
        };
        let kept: u64 = shares.into_iter().flatten().map(|share| share.quantity).sum();
        if kept < quantity.get() {
            return Err(unknown);
        }
        let block = Block { side, price, quantity };
        let from = outcomes.shares.len();
        let shares = outcomes.keep_shares(shares);
        if let Err(reject) = self.check_reversal(row, block, &outcomes.shares[shares.clone()]) {
            outcomes.shares.truncate(from);
            return Err(reject);
        }
        self.reverse(row, block, &outcomes.shares[shares.clone()]);
        self.totals.count_bust(block);
        self.history.mark_busted(outcome);
        self.tell_bust(bust, row, shares, outcomes);
        Ok(())
    }

    fn tell_bust(
        &mut self,
        bust: &Bust,
        row: RowIndex,
        shares: Range<usize>,
        outcomes: &mut Outcomes,
    ) {
        let (origin, of, ticker) = (Origin::of_bust(bust), bust.of, bust.ticker);
        let what = What::Busted { of };
        let number = self.keep(origin, row, what, &outcomes.shares[shares.clone()]);
        outcomes.list.push(Outcome::Busted { origin, ticker, of, number, shares });
    }

    /// Takes back a fill that is still held: it gives back no shares, and a repeat of it is held.
    fn bust_held(&mut self, bust: &Bust, row: RowIndex, outcomes: &mut Outcomes) -> bool {
        let of_bust = |fill: &Fill| {
            fill.source == bust.source && fill.id == bust.of && fill.ticker == bust.ticker
        };
        let Some(at) = self.held.iter().position(of_bust) else {
            return false;
        };
        self.held.remove(at);
        self.tell_bust(bust, row, 0..0, outcomes);
        true
    }

    fn check_reversal(&self, row: RowIndex, block: Block, shares: &[Share]) -> Result<(), Reject> {
        let row = self.holdings.row(row);
        let left = shares.iter().map(|share| row.cell(share.account).quantity.min(share.quantity));
        let left: u64 = left.sum();
        match block.side {
            Side::Buy if left < block.quantity.get() => Err(Reject::ExceedsHoldings(left)),
            Side::Sell if limits::HOLDING_MAX < row.total() + block.quantity.get() => {
                Err(Reject::ExceedsLimits(Limit::Holding))
            }
            _ => Ok(()),
        }
    }

    /// Takes back exactly the shares of a fill.
    fn reverse(&mut self, row: RowIndex, block: Block, shares: &[Share]) {
        let price = block.price.nanos();
        let sign = if block.side == Side::Buy { -1 } else { 1 };
        self.shares.fill(0);
        let row = self.holdings.row_mut(row);
        for share in shares {
            match block.side {
                Side::Buy => row.take(share.account, share.quantity, price),
                Side::Sell => row.add(share.account, share.quantity, price),
            }
            let account = &mut self.accounts[share.account.index()];
            match account.rank {
                Some(rank) => self.shares[rank.index()] = share.quantity,
                None => account.value += sign * i128::from(price) * i128::from(share.quantity),
            }
        }
        self.residuals.reverse(block, &self.shares);
    }
}
