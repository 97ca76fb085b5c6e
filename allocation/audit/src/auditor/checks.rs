//! What is due for a split, and for the check before it: the holders that it leaves out.
//!
//! A split closes no account that holds something in this shard unless it lists it. Its record is
//! applied whatever accounts hold, for it was checked before; so both are looked at together:
//!
//! ```text
//!   check (clear) … split           as it should be: nothing stood in the way
//!   check (omits) … split           wrong: it should have been refused
//!   check (clear) … fills … check (omits) … split
//!                                   torn: a router was lost after the first check, another shard
//!                                   had the split already, and so this one has to follow
//! ```
//!
//! So of a split that leaves out a holder, an earlier check must have been clear.

use std::collections::{BTreeMap, BTreeSet};

use allot_allocation_rules::limits::{HELD_SHOWN, HOLDERS_SHOWN};
use allot_allocation_rules::{Finding, Omitted, Reject, Split, limits};
use allot_domain::{AccountId, Reject as Core, Ticker};

use super::{Auditor, split_name, split_origin, split_reused};
use crate::mismatch::{Field, Mismatch, expect};
use crate::names::Standing;
use crate::outcome_reader::OutcomeReader;
use crate::splits::SplitContent;

impl Auditor {
    /// The only outcome of a check is what is due.
    pub(super) fn check_check(
        &mut self,
        split: &Split,
        outcomes: &mut OutcomeReader<'_>,
    ) -> Result<(), Mismatch> {
        let due = self.finding(split);
        let given = outcomes.expect_checked(split_origin(split))?;
        expect(Field::Named("the finding"), format!("{given:?}"), format!("{due:?}"))?;
        if due == Finding::Omits(Vec::new()) {
            self.cleared.insert(split_name(split), SplitContent::of(split));
        }
        self.summary.checks += 1;
        Ok(())
    }

    fn finding(&self, split: &Split) -> Finding {
        match self.split_names.standing(&split_name(split)) {
            Standing::Applied((_, content)) if content == SplitContent::of(split) => {
                Finding::Applied
            }
            Standing::Applied(_) => Finding::Refused(split_reused(split)),
            Standing::TooOld(forgotten) => Finding::Refused(Core::SequenceTooOld(forgotten).into()),
            Standing::New if limits::ACCOUNTS_EVER_MAX < self.accounts.count_after(split) => {
                Finding::Refused(Reject::TooManyAccountsEver)
            }
            Standing::New => {
                let is_unknown = |id: &&AccountId| !self.accounts.by_id.contains_key(*id);
                match split.closes().iter().find(is_unknown) {
                    Some(unknown) => Finding::Refused(Reject::UnknownAccount(*unknown)),
                    None => Finding::Omits(self.omitted(split)),
                }
            }
        }
    }

    /// The accounts that a split closes without listing them although they hold shares, as a shard
    /// tells of them.
    fn omitted(&self, split: &Split) -> Vec<Omitted> {
        let omitted = self.holders_left_out(split).into_iter().enumerate();
        omitted
            .map(|(at, (account, held))| {
                let shown = if at < HOLDERS_SHOWN { HELD_SHOWN } else { 0 };
                let tickers = held.len();
                Omitted { account, tickers, positions: held.into_iter().take(shown).collect() }
            })
            .collect()
    }

    fn holders_left_out(&self, split: &Split) -> BTreeMap<AccountId, BTreeMap<Ticker, u64>> {
        let weighed = split.weights().iter().map(|(id, _)| id);
        let named: BTreeSet<_> = weighed.chain(split.closes()).collect();
        let mut holders = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (id, ..) in self.accounts.open().filter(|(id, ..)| !named.contains(id)) {
            for (ticker, row) in &self.positions.by_ticker {
                let shares = row.of(id).quantity;
                if 0 < shares {
                    holders.entry(*id).or_default().insert(*ticker, shares);
                }
            }
        }
        holders
    }

    /// A split that comes into force leaves out no holder, unless that was decided before.
    pub(super) fn check_holders(&mut self, split: &Split) -> Result<(), Mismatch> {
        let was_clear = self.cleared.remove(&split_name(split)) == Some(SplitContent::of(split));
        let left_out = self.holders_left_out(split).into_iter().next().filter(|_| !was_clear);
        match left_out {
            Some((account, held)) => {
                let (ticker, shares) = held.into_iter().next().expect("a holder holds something");
                Err(Mismatch::ClosesHolder(Box::new((account, ticker, shares))))
            }
            None => Ok(()),
        }
    }
}
