//! What is to become of a fill: held, divided, refused, or answered again.

use super::{Auditor, sign};
use crate::answers::{Answer, Said};
use crate::division::{Claim, Division};
use crate::fault::{Verdict, agree};
use crate::sources::Standing;
use crate::testimony::{Testimony, answers, told};
use allot_allocation_rules::{Allocated, Fill, Outcome, Reject, limits};
use allot_domain::Reject as Core;
use allot_domain::{AccountId, Side, SourceId};

impl Auditor {
    pub(super) fn fill(&mut self, fill: &Fill, said: &mut Testimony<'_>) -> Verdict {
        let key = (fill.source, fill.seq);
        let rejection = match self.feeds.standing(&fill.source, fill.seq) {
            Standing::Applied => return self.repeated_fill(fill, said),
            Standing::Refused(reason) => Some(reason),
            Standing::New => self.rejection(fill),
        };
        if let Some(reason) = rejection {
            return self.refused(key, &reason, said);
        }
        self.apply(key);
        if self.splits.number > 0 {
            return self.divided(fill, false, said);
        }
        self.held.push_back(*fill);
        self.summary.held += 1;
        held(fill.source, fill.seq, false, said)
    }

    /// Why a new fill cannot be taken, if it cannot: the reason that comes first.
    pub(super) fn rejection(&self, fill: &Fill) -> Option<Reject> {
        if self.splits.number == 0 {
            return (self.held.len() == limits::HELD_MAX).then_some(Core::Busy.into());
        }
        let row = self.positions.by_ticker.get(&fill.ticker);
        if row.is_none() && self.positions.by_ticker.len() == limits::TICKERS_MAX {
            return Some(Reject::TooManyTickers);
        }
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
        let is_within = all <= limits::HOLDING_MAX
            && self.turnover + price * i128::from(quantity) <= limits::VALUE_MAX;
        (!is_within).then_some(Reject::ExceedsLimits)
    }

    /// The shares that accounts of the split hold; closed accounts keep theirs.
    fn sellable(&self, fill: &Fill) -> u64 {
        let row = self.positions.by_ticker.get(&fill.ticker);
        let held = |id: &AccountId| row.map_or(0, |row| row.of(id).quantity);
        self.accounts.open().map(|(id, ..)| held(id)).sum()
    }

    /// The next outcome divides the fill, and the shares are the ones that are due.
    pub(super) fn divided(
        &mut self,
        fill: &Fill,
        is_late: bool,
        said: &mut Testimony<'_>,
    ) -> Verdict {
        let outcome = said.next()?;
        let Outcome::Allocated(allocated) = outcome else {
            return Err(format!("it {}; nothing speaks against dividing it", told(outcome)));
        };
        agree_division(allocated, fill, self.splits.number, false)?;
        agree("whether it had been held", allocated.late, is_late)?;
        let shares = said.shares(&allocated.shares, &self.accounts)?;
        self.check_shares(fill, &shares)?;
        self.book(fill, shares)
    }

    /// Whether a division is whole, goes to nobody who may not, and is the one that is due.
    fn check_shares(&self, fill: &Fill, shares: &[(AccountId, u64)]) -> Verdict {
        check_sum(fill, shares)?;
        let division = self.division(fill);
        let mut given = vec![0; division.claims.len()];
        for (id, quantity) in shares {
            let Ok(at) = division.claims.binary_search_by_key(id, |claim| claim.account) else {
                return Err(format!("{id} has {quantity} shares of it and no part in the split"));
            };
            let most = division.claims[at].most;
            if *quantity > most {
                return Err(match fill.side {
                    Side::Buy => format!("{id} buys {quantity} shares at 0 %"),
                    Side::Sell => format!("{id} sells {quantity} shares and holds {most}"),
                });
            }
            given[at] = *quantity;
        }
        division.check(&given)
    }

    /// What everyone in the split wants of a fill, by the definition of the residual.
    ///
    /// With `p` for the price, `Q` for the quantity and `s` for the sign of the side, account *i*
    /// misses `W_i·(T + s·p·Q) − W·V_i` once the fill is booked to nobody. A blend adds the same of
    /// the ticker alone, whose values are those of the positions.
    fn division(&self, fill: &Fill) -> Division {
        let (sign, price) = (sign(fill.side), i128::from(fill.price.nanos()));
        let quantity = fill.quantity.get();
        let moved = sign * price * i128::from(quantity);
        let row = self.positions.by_ticker.get(&fill.ticker);
        let position = |id: &AccountId| row.map(|row| row.of(id)).unwrap_or_default();
        let open = || self.accounts.open();
        let weight_total: i128 = open().map(|(.., weight)| i128::from(weight)).sum();
        let total: i128 = open().map(|(_, account, _)| account.ledger_value()).sum();
        let row_total: i128 = open().map(|(id, ..)| position(id).value).sum();
        let mix = i128::from(self.config.blend.mix());
        let of = i128::from(self.config.blend.total());
        let claim = |(id, account, weight): (&AccountId, &crate::accounts::Account, u64)| {
            let (own, held) = (i128::from(weight), position(id));
            let misses = own * (total + moved) - weight_total * account.ledger_value();
            let misses_of_row = own * (row_total + moved) - weight_total * held.value;
            let want = sign * (of * misses + mix * misses_of_row);
            let most = match fill.side {
                Side::Buy if weight == 0 => 0,
                Side::Buy => quantity,
                Side::Sell => held.quantity,
            };
            Claim { account: *id, want, most }
        };
        let claims = open().map(claim).collect();
        Division { claims, step: (mix + of) * weight_total * price, quantity }
    }

    /// Books a division: positions, values, what was said.
    fn book(&mut self, fill: &Fill, shares: Vec<(AccountId, u64)>) -> Verdict {
        self.hand(fill.ticker, fill.side, fill.price.nanos(), &shares)?;
        let notional = fill.price.times(fill.quantity);
        self.turnover += notional.nanos();
        self.flow += notional.nanos();
        self.price_max = self.price_max.max(fill.price.nanos());
        self.summary.fills += 1;
        let value = if fill.side == Side::Buy { notional } else { -notional };
        self.summary.divide(fill.ticker, fill.side, fill.quantity.get(), value);
        let said = Said::Divided { fill: *fill, split: self.splits.number, is_busted: false };
        self.answers.keep((fill.source, fill.seq), Answer { said, shares });
        Ok(())
    }

    /// A message that was applied: its first answer, or what stands for it once it is forgotten.
    fn repeated_fill(&mut self, fill: &Fill, said: &mut Testimony<'_>) -> Verdict {
        self.summary.repeats += 1;
        match self.answers.get(&(fill.source, fill.seq)) {
            Some(answer) => {
                super::busts::repeated(answer, fill.source, fill.seq, said, &self.accounts)
            }
            None if self.splits.number == 0 => held(fill.source, fill.seq, true, said),
            None => {
                let outcome = said.next()?;
                let Outcome::Allocated(allocated) = outcome else {
                    return Err(format!("it {}; it was divided or held before", told(outcome)));
                };
                agree_division(allocated, fill, 0, true)?;
                agree("whether it had been held", allocated.late, false)?;
                agree("how many shares are still known", allocated.shares.len(), 0)
            }
        }
    }
}

/// The next outcome holds the fill.
pub(super) fn held(
    source: SourceId,
    seq: u64,
    is_repeat: bool,
    said: &mut Testimony<'_>,
) -> Verdict {
    let outcome = said.next()?;
    let Outcome::Held(origin) = outcome else {
        return Err(format!("it {} before the first split", told(outcome)));
    };
    answers(origin, source, seq, is_repeat)
}

/// Whether all that is said of a division, but the shares, is that of the fill.
pub(super) fn agree_division(
    said: &Allocated,
    fill: &Fill,
    split: u64,
    is_repeat: bool,
) -> Verdict {
    answers(&said.origin, fill.source, fill.seq, is_repeat)?;
    agree("the ticker", said.ticker, fill.ticker)?;
    agree("the side", said.side, fill.side)?;
    agree("the price", said.price, fill.price)?;
    agree("the quantity", said.quantity, fill.quantity)?;
    agree("the split", said.split, split)
}

fn check_sum(fill: &Fill, shares: &[(AccountId, u64)]) -> Verdict {
    let sum: u128 = shares.iter().map(|(_, quantity)| u128::from(*quantity)).sum();
    agree("the sum of the shares", sum, u128::from(fill.quantity.get()))
}
