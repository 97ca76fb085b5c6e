//! What is due for a fill: held, divided, rejected, or its first outcome again.

use allot_allocation_rules::{Fill, Limit, Reject, SplitNumber, TickerSeq, limits};
use allot_domain::{AccountId, Reject as Core, Side};

use super::{Auditor, again, fill_origin, name_of, reused, sign};
use crate::division::{Claim, Division};
use crate::history::{Applied, FirstOutcome, Said, Shares, Told};
use crate::mismatch::{Field, Mismatch, expect};
use crate::names::Standing;
use crate::outcome_reader::{DueDivision, OutcomeReader, expect_shares};
use crate::positions::Position;

impl Auditor {
    pub(super) fn check_fill(
        &mut self,
        fill: &Fill,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let (name, said) = (name_of(fill), Said::by(fill));
        let rejection = match self.standing(&name) {
            Standing::Applied(told) if told.said == said => {
                return self.check_repeated_fill(fill, told, outcomes);
            }
            Standing::Applied(_) => Some(reused(name)),
            Standing::TooOld(forgotten) => Some(Core::SequenceTooOld(forgotten).into()),
            Standing::New => self.rejection(fill),
        };
        if let Some(reason) = rejection {
            return self.check_rejection(fill_origin(fill), &reason, outcomes);
        }
        if self.splits.in_force().is_some() {
            let due = self.due(fill, false);
            let outcome = Some(self.check_division(due, outcomes)?);
            self.mark_applied(name, Told { said, outcome });
            return Ok(());
        }
        self.mark_applied(name, Told { said, outcome: None });
        self.tickers.entry(fill.ticker).or_default();
        self.held.push_back(*fill);
        self.summary.held += 1;
        outcomes.expect_held(fill_origin(fill), fill.ticker)
    }

    /// Why a new fill is rejected, if it is: the first reason that applies.
    pub(super) fn rejection(&self, fill: &Fill) -> Option<Reject> {
        let is_new = !self.tickers.contains_key(&fill.ticker);
        if is_new && self.tickers.len() == limits::TICKERS_MAX {
            return Some(Reject::TooManyTickers);
        }
        if self.splits.in_force().is_none() {
            return (self.held.len() == limits::HELD_MAX).then_some(Core::Busy.into());
        }
        let row = self.positions.by_ticker.get(&fill.ticker);
        let all = row.map_or(0, |row| row.total());
        let (price, quantity) = (i128::from(fill.price.nanos()), fill.quantity.get());
        let all = match fill.side {
            Side::Buy => all + quantity,
            Side::Sell => {
                let sellable = self.sellable(fill);
                if sellable < quantity {
                    return Some(Reject::ExceedsHoldings(sellable));
                }
                all
            }
        };
        let turnover = self.turnover + price * i128::from(quantity);
        let limit = if limits::HOLDING_MAX < all {
            Some(Limit::Holding)
        } else {
            (limits::VALUE_MAX < turnover).then_some(Limit::Turnover)
        };
        limit.map(Reject::ExceedsLimits)
    }

    /// The shares that accounts of the split hold; closed accounts keep theirs.
    fn sellable(&self, fill: &Fill) -> u64 {
        let row = self.positions.by_ticker.get(&fill.ticker);
        let held = |id: &AccountId| row.map_or(0, |row| row.of(id).quantity);
        self.accounts.open().map(|(id, ..)| held(id)).sum()
    }

    /// The next outcome divides the fill, and the shares are the ones that are due. Returns its
    /// number in the history.
    pub(super) fn check_division(
        &mut self,
        due: DueDivision<'_>,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<u64, Mismatch> {
        let shares = outcomes.expect_divided(due, &self.accounts)?;
        self.check_shares(due.fill, &shares)?;
        self.apply_division(due.fill, due.is_late, shares)
    }

    /// A division is whole, goes to accounts that may take part, and is the one that is due.
    pub(super) fn check_shares(
        &self,
        fill: &Fill,
        shares: &[(AccountId, u64)],
    ) -> Result<(), Mismatch> {
        check_sum(fill, shares)?;
        let division = self.division(fill);
        let mut given = vec![0; division.claims.len()];
        for (account, quantity) in shares {
            let (account, shares) = (*account, *quantity);
            let claims = &division.claims;
            let Ok(at) = claims.binary_search_by_key(&account, |claim| claim.account) else {
                return Err(Mismatch::NotInSplit { account, shares });
            };
            let most = claims[at].most;
            if most < shares {
                return Err(match fill.side {
                    Side::Buy => Mismatch::BuysAtZero { account, shares },
                    Side::Sell => Mismatch::Oversold { account, shares, held: most },
                });
            }
            given[at] = shares;
        }
        division.check(&given)
    }

    /// What each account of the split wants of a fill, by the definition of the residual.
    ///
    /// With `p` for the price, `Q` for the quantity and `s` for the sign of the side, account *i*
    /// misses `W_i·(T + s·p·Q) − W·V_i` once the fill is in the total and in no account. A blend
    /// adds the same of the ticker alone, whose values are those of the positions.
    pub(super) fn division(&self, fill: &Fill) -> Division {
        let (sign, price) = (sign(fill.side), i128::from(fill.price.nanos()));
        let quantity = fill.quantity.get();
        let moved = sign * price * i128::from(quantity);
        let row = self.positions.by_ticker.get(&fill.ticker);
        let position = |id: &AccountId| row.map(|row| row.of(id)).unwrap_or_default();
        let mut open = Vec::with_capacity(self.accounts.by_id.len());
        open.extend(self.accounts.open().map(|(id, account, weight)| {
            (*id, account.value_with_nettings(), i128::from(weight), position(id))
        }));
        let weight_total: i128 = open.iter().map(|(_, _, weight, _)| weight).sum();
        let total: i128 = open.iter().map(|(_, value, ..)| value).sum();
        let row_total: i128 = open.iter().map(|(.., held)| held.value).sum();
        let mix = i128::from(self.config.blend.mix());
        let of = i128::from(self.config.blend.total());
        let claim = |(account, value, own, held): (AccountId, i128, i128, Position)| {
            let misses = own * (total + moved) - weight_total * value;
            let misses_of_row = own * (row_total + moved) - weight_total * held.value;
            let want = sign * (of * misses + mix * misses_of_row);
            let most = match fill.side {
                Side::Buy if own == 0 => 0,
                Side::Buy => quantity,
                Side::Sell => held.quantity,
            };
            Claim { account, want, most }
        };
        let claims = open.into_iter().map(claim).collect();
        Division { claims, step: (mix + of) * weight_total * price, quantity }
    }

    /// Applies a division to positions, values and history.
    fn apply_division(
        &mut self,
        fill: &Fill,
        is_late: bool,
        shares: Shares,
    ) -> Result<u64, Mismatch> {
        self.apply_shares(fill.ticker, fill.side, fill.price.nanos(), &shares)?;
        let notional = fill.price.times(fill.quantity);
        self.turnover += notional.nanos();
        self.flow += notional.nanos();
        self.price_max = self.price_max.max(fill.price.nanos());
        self.summary.fills += 1;
        let value = if fill.side == Side::Buy { notional } else { -notional };
        self.summary.divide(fill.ticker, fill.side, fill.quantity.get(), value);
        let split = self.splits.number;
        let (fill, time_ns) = (Box::new(*fill), fill.time_ns);
        let applied = Applied::Divided { fill, split, is_busted: false, is_late };
        Ok(self.history.store(FirstOutcome { applied, time_ns, shares }))
    }

    /// A fill that was applied before: its first outcome, or what replaces one that is forgotten.
    fn check_repeated_fill(
        &mut self,
        fill: &Fill,
        told: Told,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        self.summary.repeats += 1;
        let mut origin = again(fill_origin(fill));
        let Some(outcome) = told.outcome else {
            return outcomes.expect_held(origin, fill.ticker);
        };
        let (mut split, mut shares) = (SplitNumber::ZERO, Vec::new());
        if let Some(first) = self.history.get(outcome) {
            origin.time_ns = first.time_ns;
            if let Applied::Divided { split: by, .. } = &first.applied {
                (split, shares) = (*by, first.shares.clone());
            }
        }
        let due = DueDivision { fill, origin, split, number: TickerSeq::ZERO, is_late: false };
        expect_shares(&outcomes.expect_divided(due, &self.accounts)?, &shares)
    }
}

fn check_sum(fill: &Fill, shares: &[(AccountId, u64)]) -> Result<(), Mismatch> {
    let sum: u128 = shares.iter().map(|(_, quantity)| u128::from(*quantity)).sum();
    expect(Field::Named("the sum of the shares"), sum, u128::from(fill.quantity.get()))
}
