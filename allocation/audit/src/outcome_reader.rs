//! Outcome reader: reads all outcomes of one input in order and to the end, each as what is due.

use std::ops::Range;
use std::slice;

use allot_allocation_rules::{
    AccountIndex, Allocated, Bust, Fill, Finding, Listed, Listing, Origin, Outcome, Outcomes,
    Reject, Replay, Share, SplitNumber, TickerSeq,
};
use allot_domain::{AccountId, Ticker};

use crate::accounts::Accounts;
use crate::history::Shares;
use crate::mismatch::{Field, Mismatch, OutcomeKind, expect, expect_option};

/// The outcomes of one input, and how far they have been read.
pub(crate) struct OutcomeReader<'a> {
    outcomes: slice::Iter<'a, Outcome>,
    shares: &'a [Share],
    /// How many of the shares were referred to: each is, once and in order.
    shares_read: usize,
    account: &'a dyn Fn(AccountIndex) -> AccountId,
}

/// A division that is due, but for its shares.
#[derive(Clone, Copy)]
pub(crate) struct DueDivision<'a> {
    pub(crate) fill: &'a Fill,
    pub(crate) origin: Origin,
    /// The number of the split; zero where it is forgotten.
    pub(crate) split: SplitNumber,
    /// The number among the outcomes of the ticker; zero of a repeat.
    pub(crate) number: TickerSeq,
    pub(crate) is_late: bool,
}

/// What is due of a replay, but for its outcomes.
#[derive(Clone, Copy)]
pub(crate) struct DueReplay {
    pub(crate) from: TickerSeq,
    pub(crate) last: TickerSeq,
    pub(crate) oldest: TickerSeq,
}

impl<'a> OutcomeReader<'a> {
    pub(crate) fn new(
        outcomes: &'a Outcomes,
        account: &'a dyn Fn(AccountIndex) -> AccountId,
    ) -> Self {
        let (list, shares) = (outcomes.list.iter(), outcomes.shares.as_slice());
        Self { outcomes: list, shares, shares_read: 0, account }
    }

    fn next(&mut self) -> Result<&'a Outcome, Mismatch> {
        self.outcomes.next().ok_or(Mismatch::NoOutcome)
    }

    /// The next outcome holds a fill.
    pub(crate) fn expect_held(&mut self, due: Origin, of: Ticker) -> Result<(), Mismatch> {
        match self.next()? {
            Outcome::Held { origin, ticker } => {
                expect_origin(origin, due)?;
                expect(Field::Named("the ticker"), *ticker, of)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Held)),
        }
    }

    /// The next outcome puts a split into force, under this number.
    pub(crate) fn expect_accepted(
        &mut self,
        due: Origin,
        number: SplitNumber,
    ) -> Result<(), Mismatch> {
        match self.next()? {
            Outcome::Accepted { origin, split } => {
                expect_origin(origin, due)?;
                expect(Field::Named("the number of the split"), *split, number)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Accepted)),
        }
    }

    /// The next outcome is what the shard finds of a split.
    pub(crate) fn expect_checked(&mut self, due: Origin) -> Result<&'a Finding, Mismatch> {
        match self.next()? {
            Outcome::Checked { origin, finding } => {
                expect_origin(origin, due)?;
                Ok(finding)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Checked)),
        }
    }

    /// The next outcome is a rejection for this very reason.
    pub(crate) fn expect_rejected(
        &mut self,
        due: Origin,
        reason: &Reject,
        late_of: Option<Ticker>,
    ) -> Result<(), Mismatch> {
        match self.next()? {
            Outcome::Rejected { origin, reject, late } if reject == reason => {
                expect_origin(origin, due)?;
                expect_option(Field::Named("the ticker of a late outcome"), *late, late_of)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Rejected(reason.clone()))),
        }
    }

    /// The next outcome divides a fill; returns its shares.
    pub(crate) fn expect_divided(
        &mut self,
        due: DueDivision<'_>,
        accounts: &Accounts,
    ) -> Result<Shares, Mismatch> {
        match self.next()? {
            Outcome::Allocated(allocated) => {
                expect_division(allocated, due)?;
                self.read_shares(&allocated.shares, accounts)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Divided)),
        }
    }

    /// The next outcome takes these shares back.
    pub(crate) fn expect_busted(
        &mut self,
        bust: &Bust,
        due: Origin,
        due_number: TickerSeq,
        shares: &[(AccountId, u64)],
        accounts: &Accounts,
    ) -> Result<(), Mismatch> {
        match self.next()? {
            Outcome::Busted { origin, ticker, of, number, shares: range } => {
                expect_origin(origin, due)?;
                expect(Field::Named("the ticker"), *ticker, bust.ticker)?;
                expect(Field::Named("the id of the fill"), *of, bust.of)?;
                expect(Field::Named("the number of the outcome"), *number, due_number)?;
                expect_shares(&self.read_shares(range, accounts)?, shares)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Busted)),
        }
    }

    /// The next outcome gives others again; returns a reader of these.
    pub(crate) fn expect_replayed(
        &mut self,
        replay: &Replay,
        due: DueReplay,
    ) -> Result<Self, Mismatch> {
        match self.next()? {
            Outcome::Replayed(replayed) => {
                let Replay { source, seq, time_ns, ticker, .. } = *replay;
                let origin = Origin { source, seq, id: seq.into(), time_ns, duplicate: false };
                expect_origin(&replayed.origin, origin)?;
                expect(Field::Named("the ticker"), replayed.ticker, ticker)?;
                expect(Field::Named("the number of the first"), replayed.from, due.from)?;
                expect(Field::Named("the number of the newest"), replayed.last, due.last)?;
                expect(Field::Named("the number of the oldest"), replayed.oldest, due.oldest)?;
                Ok(Self { outcomes: replayed.fills.iter(), ..*self })
            }
            other => Err(wrong_outcome(other, OutcomeKind::Replayed)),
        }
    }

    /// No outcome that was given again is left.
    pub(crate) fn end_replayed(&mut self, fills: &Self) -> Result<(), Mismatch> {
        self.shares_read = fills.shares_read;
        let left = fills.outcomes.as_slice().first();
        left.map_or(Ok(()), |outcome| Err(Mismatch::ExtraOutcome(Box::new(outcome.into()))))
    }

    /// The next outcome tells splits; returns it.
    pub(crate) fn expect_listed(&mut self, listing: &Listing) -> Result<&'a Listed, Mismatch> {
        match self.next()? {
            Outcome::Listed(listed) => {
                let Listing { source, seq, time_ns, .. } = *listing;
                let origin = Origin { source, seq, id: seq.into(), time_ns, duplicate: false };
                expect_origin(&listed.origin, origin)?;
                Ok(listed)
            }
            other => Err(wrong_outcome(other, OutcomeKind::Listed)),
        }
    }

    /// No outcome is left, and no share.
    pub(crate) fn expect_end(&mut self) -> Result<(), Mismatch> {
        if let Some(outcome) = self.outcomes.next() {
            return Err(Mismatch::ExtraOutcome(Box::new(outcome.into())));
        }
        expect(Field::Named("the number of shares"), self.shares.len(), self.shares_read)
    }

    /// The shares of an outcome: each account once, in byte order of the ids.
    fn read_shares(
        &mut self,
        range: &Range<usize>,
        accounts: &Accounts,
    ) -> Result<Shares, Mismatch> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        expect(Field::Named("the index of its first share"), range.start, self.shares_read)?;
        let Some(shares) = self.shares.get(range.clone()) else {
            return Err(Mismatch::SharesMissing { end: range.end, count: self.shares.len() });
        };
        self.shares_read = range.end;
        let mut read: Shares = Vec::with_capacity(shares.len());
        for Share { account, quantity } in shares {
            let account = self.read_account(*account, accounts)?;
            if *quantity == 0 {
                return Err(Mismatch::NoShare(account));
            }
            if let Some((first, _)) = read.last().filter(|(first, _)| account <= *first) {
                return Err(Mismatch::AccountOrder(Box::new([*first, account])));
            }
            read.push((account, *quantity));
        }
        Ok(read)
    }

    fn read_account(
        &self,
        index: AccountIndex,
        accounts: &Accounts,
    ) -> Result<AccountId, Mismatch> {
        let known = accounts.at(index).ok_or(Mismatch::UnknownAccount(index))?;
        expect(Field::Account(index), (self.account)(index), known)?;
        Ok(known)
    }
}

fn wrong_outcome(given: &Outcome, expected: OutcomeKind) -> Mismatch {
    Mismatch::WrongOutcome { given: Box::new(given.into()), expected: Box::new(expected) }
}

fn expect_origin(given: &Origin, due: Origin) -> Result<(), Mismatch> {
    expect(Field::Named("the source"), given.source, due.source)?;
    expect(Field::Named("the sequence"), given.seq, due.seq)?;
    expect(Field::Named("the id"), given.id, due.id)?;
    expect(Field::Named("the time"), given.time_ns, due.time_ns)?;
    expect(Field::Named("the duplicate flag"), given.duplicate, due.duplicate)
}

/// Compares everything of a division but its shares.
fn expect_division(given: &Allocated, due: DueDivision<'_>) -> Result<(), Mismatch> {
    let DueDivision { fill, origin, split, number, is_late } = due;
    expect_origin(&given.origin, origin)?;
    expect(Field::Named("the ticker"), given.ticker, fill.ticker)?;
    expect(Field::Named("the side"), given.side, fill.side)?;
    expect(Field::Named("the price"), given.price, fill.price)?;
    expect(Field::Named("the quantity"), given.quantity, fill.quantity)?;
    expect(Field::Named("the split"), given.split, split)?;
    expect(Field::Named("the number of the outcome"), given.number, number)?;
    expect(Field::Named("the late flag"), given.late, is_late)
}

/// Compares shares with those that were given before.
pub(crate) fn expect_shares(
    given: &[(AccountId, u64)],
    expected: &[(AccountId, u64)],
) -> Result<(), Mismatch> {
    expect(Field::Named("the number of accounts with shares"), given.len(), expected.len())?;
    for ((account, shares), (due, due_shares)) in given.iter().zip(expected) {
        expect(Field::Named("an account with shares"), account, due)?;
        expect(Field::SharesOf(*due), shares, due_shares)?;
    }
    Ok(())
}
