//! Testimony: all that a book said of one input, read in order and to its end.

use crate::accounts::Accounts;
use crate::fault::{Verdict, agree};
use allot_allocation_rules::Reject;
use allot_allocation_rules::{Origin, Outcome, Outcomes, Share};
use allot_domain::{AccountId, SourceId};
use std::ops::Range;
use std::slice;

/// Outcomes of one input, and how far they have been read.
pub(crate) struct Testimony<'a> {
    outcomes: slice::Iter<'a, Outcome>,
    shares: &'a [Share],
    /// How many of the shares were referred to: each is, once and in order.
    shares_read: usize,
    account: &'a dyn Fn(u32) -> AccountId,
}

impl<'a> Testimony<'a> {
    pub(crate) fn new(outcomes: &'a Outcomes, account: &'a dyn Fn(u32) -> AccountId) -> Self {
        let (list, shares) = (outcomes.list.iter(), outcomes.shares.as_slice());
        Self { outcomes: list, shares, shares_read: 0, account }
    }

    /// The next outcome.
    pub(crate) fn next(&mut self) -> Verdict<&'a Outcome> {
        self.outcomes.next().ok_or_else(|| "the book says nothing of it".to_owned())
    }

    /// Who got or gave how much, in byte order of the ids.
    pub(crate) fn shares(
        &mut self,
        range: &Range<usize>,
        accounts: &Accounts,
    ) -> Verdict<Vec<(AccountId, u64)>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        agree("the place of its first share", range.start, self.shares_read)?;
        let Some(shares) = self.shares.get(range.clone()) else {
            return Err(format!("it refers to {} shares of {}", range.end, self.shares.len()));
        };
        self.shares_read = range.end;
        let mut named: Vec<(AccountId, u64)> = Vec::with_capacity(shares.len());
        for share in shares {
            let id = self.name(share.account, accounts)?;
            if share.quantity == 0 {
                return Err(format!("{id} stands there with no share"));
            }
            if let Some((before, _)) = named.last().filter(|(before, _)| *before >= id) {
                return Err(format!("{id} stands behind {before}, against the byte order"));
            }
            named.push((id, share.quantity));
        }
        Ok(named)
    }

    fn name(&self, place: u32, accounts: &Accounts) -> Verdict<AccountId> {
        let Some(known) = accounts.at(place) else {
            return Err(format!("no account has the place {place}"));
        };
        agree(&format!("the account at place {place}"), (self.account)(place), known)?;
        Ok(known)
    }

    /// The next outcome is a rejection for this very reason.
    pub(crate) fn rejected(
        &mut self,
        source: SourceId,
        seq: u64,
        reason: &Reject,
        is_late: bool,
    ) -> Verdict {
        let outcome = self.next()?;
        let Outcome::Rejected { origin, reject, late } = outcome else {
            return Err(format!("it {}; but {reason}", told(outcome)));
        };
        answers(origin, source, seq, false)?;
        agree("whether it had been held", *late, is_late)?;
        if reject == reason {
            return Ok(());
        }
        let (code, known) = (reject.code(), reason.code());
        Err(format!("it is rejected as {code} ({reject}); it should be as {known} ({reason})"))
    }

    /// Nothing more was said.
    pub(crate) fn end(&mut self) -> Verdict {
        if let Some(outcome) = self.outcomes.next() {
            return Err(format!("one outcome too many: it {}", told(outcome)));
        }
        agree("the count of shares", self.shares.len(), self.shares_read)
    }
}

/// Whether an outcome answers this message.
pub(crate) fn answers(origin: &Origin, source: SourceId, seq: u64, is_repeat: bool) -> Verdict {
    agree("the source", origin.source, source)?;
    agree("the sequence", origin.seq, seq)?;
    agree("whether it is a repeat", origin.duplicate, is_repeat)
}

/// What an outcome says, in a few words.
pub(crate) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Allocated(_) => "is divided".to_owned(),
        Outcome::Held(_) => "is held".to_owned(),
        Outcome::Busted { .. } => "is busted".to_owned(),
        Outcome::Accepted { .. } => "is accepted".to_owned(),
        Outcome::Rejected { reject, .. } => format!("is rejected as {} ({reject})", reject.code()),
    }
}
