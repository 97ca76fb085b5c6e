//! What is to become of a bust: exactly the shares of the fill are given back, once.

use super::Auditor;
use super::fills::{agree_division, held};
use crate::accounts::Accounts;
use crate::answers::{Answer, Said};
use crate::fault::{Verdict, agree};
use crate::sources::Standing;
use crate::testimony::{Testimony, answers, told};
use allot_allocation_rules::{Bust, Fill, Outcome, Reject, limits};
use allot_domain::{AccountId, Side, SourceId, Ticker};

impl Auditor {
    pub(super) fn bust(&mut self, bust: &Bust, said: &mut Testimony<'_>) -> Verdict {
        let key = (bust.source, bust.seq);
        match self.feeds.standing(&bust.source, bust.seq) {
            Standing::Applied => return self.repeated_bust(bust, said),
            Standing::Refused(reason) => return self.refused(key, &reason, said),
            Standing::New => {}
        }
        let is_it = |fill: &Fill| {
            (fill.source, fill.seq, fill.ticker) == (bust.source, bust.of, bust.ticker)
        };
        if let Some(at) = self.held.iter().position(is_it) {
            self.held.remove(at);
            self.summary.held -= 1;
            self.summary.busts += 1;
            self.apply(key);
            let nobodys = |said| Answer { said, shares: Vec::new() };
            self.answers.keep((bust.source, bust.of), nobodys(Said::Held));
            let taken_back = Said::Busted { ticker: bust.ticker, of: bust.of };
            self.answers.keep(key, nobodys(taken_back));
            return busted(bust, &[], false, said, &self.accounts);
        }
        match self.to_reverse(bust) {
            Ok((fill, shares)) => self.reversed(bust, &fill, shares, said),
            Err(reason) => self.refused(key, &reason, said),
        }
    }

    /// The fill that a bust takes back and its shares, or the reason why it cannot be.
    fn to_reverse(&self, bust: &Bust) -> Result<(Fill, Vec<(AccountId, u64)>), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let answer = self.answers.get(&(bust.source, bust.of)).ok_or(unknown.clone())?;
        let Said::Divided { fill, is_busted: false, .. } = &answer.said else {
            return Err(unknown);
        };
        // One with more shares than there is room for is known without them.
        if fill.ticker != bust.ticker || answer.shares.is_empty() {
            return Err(unknown);
        }
        let Some(row) = self.positions.by_ticker.get(&fill.ticker) else {
            return Err(unknown);
        };
        let left = answer.shares.iter().map(|(id, quantity)| row.of(id).quantity.min(*quantity));
        let left: u64 = left.sum();
        match fill.side {
            Side::Buy if left < fill.quantity.get() => Err(Reject::ExceedsHoldings(left)),
            Side::Sell if row.total() + fill.quantity.get() > limits::HOLDING_MAX => {
                Err(Reject::ExceedsLimits)
            }
            _ => Ok((*fill, answer.shares.clone())),
        }
    }

    fn reversed(
        &mut self,
        bust: &Bust,
        fill: &Fill,
        shares: Vec<(AccountId, u64)>,
        said: &mut Testimony<'_>,
    ) -> Verdict {
        busted(bust, &shares, false, said, &self.accounts)?;
        self.apply((bust.source, bust.seq));
        let back = if fill.side == Side::Buy { Side::Sell } else { Side::Buy };
        self.hand(fill.ticker, back, fill.price.nanos(), &shares)?;
        let notional = fill.price.times(fill.quantity);
        let value = if fill.side == Side::Buy { notional } else { -notional };
        self.summary.busts += 1;
        self.summary.take_back(fill.ticker, fill.side, fill.quantity.get(), value);
        let answer = self.answers.get_mut(&(bust.source, bust.of)).expect("it was found");
        if let Said::Divided { is_busted, .. } = &mut answer.said {
            *is_busted = true;
        }
        let said = Said::Busted { ticker: fill.ticker, of: bust.of };
        self.answers.keep((bust.source, bust.seq), Answer { said, shares });
        Ok(())
    }

    fn repeated_bust(&mut self, bust: &Bust, said: &mut Testimony<'_>) -> Verdict {
        self.summary.repeats += 1;
        match self.answers.get(&(bust.source, bust.seq)) {
            Some(answer) => repeated(answer, bust.source, bust.seq, said, &self.accounts),
            None => busted(bust, &[], true, said, &self.accounts),
        }
    }
}

/// The next outcome is an answer that was given before, to the last share.
pub(super) fn repeated(
    answer: &Answer,
    source: SourceId,
    seq: u64,
    said: &mut Testimony<'_>,
    accounts: &Accounts,
) -> Verdict {
    match &answer.said {
        Said::Held => held(source, seq, true, said),
        Said::Busted { ticker, of } => {
            let bust = Bust { source, seq, ticker: *ticker, of: *of };
            busted(&bust, &answer.shares, true, said, accounts)
        }
        Said::Divided { fill, split, .. } => {
            let outcome = said.next()?;
            let Outcome::Allocated(allocated) = outcome else {
                return Err(format!("it {}; it was divided before", told(outcome)));
            };
            agree_division(allocated, fill, *split, true)?;
            agree("whether it had been held", allocated.late, false)?;
            agree_shares(&said.shares(&allocated.shares, accounts)?, &answer.shares)
        }
    }
}

/// The next outcome takes these shares back.
fn busted(
    bust: &Bust,
    shares: &[(AccountId, u64)],
    is_repeat: bool,
    said: &mut Testimony<'_>,
    accounts: &Accounts,
) -> Verdict {
    let outcome = said.next()?;
    let Outcome::Busted { origin, ticker, of, shares: range } = outcome else {
        return Err(format!("it {}; nothing speaks against the bust", told(outcome)));
    };
    answers(origin, bust.source, bust.seq, is_repeat)?;
    agree::<Ticker>("the ticker", *ticker, bust.ticker)?;
    agree("the sequence of the fill", *of, bust.of)?;
    agree_shares(&said.shares(range, accounts)?, shares)
}

/// Whether shares are those that were given.
fn agree_shares(said: &[(AccountId, u64)], given: &[(AccountId, u64)]) -> Verdict {
    agree("how many accounts had shares of it", said.len(), given.len())?;
    for ((said_id, said), (id, given)) in said.iter().zip(given) {
        agree("the account that had shares of it", said_id, id)?;
        agree(&format!("what {id} had of it"), said, given)?;
    }
    Ok(())
}
