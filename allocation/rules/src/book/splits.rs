//! Splits: what one would close, and how it comes into force.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use allot_domain::{AccountId, MessageId, Name, Reject as Core, Standing};

use super::{Account, Book};
use crate::applied::AppliedSplit;
use crate::input::{Origin, Outcome, Outcomes, SplitKey};
use crate::recent_splits::Weighed;
use crate::{AccountIndex, AccountRank, Cell, Finding, Omitted, Reject, Residuals, Split, limits};

/// The scope of the names of splits: they have no ticker.
pub(super) const OF_SPLITS: u32 = 0;

impl Book {
    /// Says what is in the way of a split, and changes nothing.
    pub(super) fn check_split(&self, split: &Split, outcomes: &mut Outcomes) {
        let (origin, finding) = (Origin::of_split(split), Box::new(self.finding(split)));
        outcomes.list.push(Outcome::Checked { origin, finding });
    }

    fn finding(&self, split: &Split) -> Finding {
        let id = MessageId::Number(split.seq);
        let name = Name { source: &split.source, scope: OF_SPLITS, id: &id };
        let is_known = |id: &&AccountId| self.indexes.contains_key(*id);
        match self.split_names.look(name) {
            Standing::Known(entry) if self.split_names.get(entry).content == split.content() => {
                Finding::Applied
            }
            Standing::Known(_) => Finding::Refused(split_reused(split).into()),
            Standing::TooOld(forgotten) => Finding::Refused(Core::SequenceTooOld(forgotten).into()),
            Standing::New => match split.closes().iter().find(|id| !is_known(id)) {
                _ if self.has_no_room_for(split) => Finding::Refused(Reject::TooManyAccountsEver),
                Some(unknown) => Finding::Refused(Reject::UnknownAccount(*unknown)),
                None => Finding::Omits(self.omitted(split)),
            },
        }
    }

    /// The accounts that hold shares and that a split would close without saying so. To look
    /// through what is held costs what a part of a report does, and only where one is left out.
    fn omitted(&self, split: &Split) -> Vec<Omitted> {
        let mut is_omitted = alloc::vec![false; self.accounts.len()];
        for index in &self.open {
            is_omitted[index.index()] = split.omits(self.account(*index));
        }
        let mut holders: BTreeMap<AccountId, Vec<_>> = BTreeMap::new();
        if !is_omitted.contains(&true) {
            return Vec::new();
        }
        for row in self.holdings.rows() {
            let held = row.cells().filter(|(index, _)| is_omitted[index.index()]);
            for (index, cell) in held.filter(|(_, cell)| 0 < cell.quantity) {
                let held = holders.entry(*self.account(index)).or_default();
                held.push((row.ticker, cell.quantity));
            }
        }
        Omitted::of(holders)
    }

    pub(super) fn apply_split(&mut self, split: &Split, outcomes: &mut Outcomes) {
        let origin = Origin::of_split(split);
        let id = MessageId::Number(split.seq);
        let name = Name { source: &split.source, scope: OF_SPLITS, id: &id };
        let named = match self.split_names.look(name) {
            Standing::New => self.name_accounts(split),
            Standing::Known(entry) => {
                let applied = *self.split_names.get(entry);
                if applied.content == split.content() {
                    let (origin, split) = (origin.again(), applied.split);
                    return outcomes.list.push(Outcome::Accepted { origin, split });
                }
                Err(split_reused(split).into())
            }
            Standing::TooOld(forgotten) => Err(Core::SequenceTooOld(forgotten).into()),
        };
        if let Err(reject) = named {
            return outcomes.reject(origin, reject);
        }
        self.totals.splits = self.totals.splits.next();
        let number = self.totals.splits;
        self.split_names.store(name, AppliedSplit { content: split.content(), split: number });
        let key = SplitKey { source: split.source, seq: split.seq };
        self.open_accounts(split);
        let weights = split.weights().iter().map(|(id, weight)| (self.indexes[id], *weight));
        let weighed = Weighed { time_ns: split.time_ns, weights: weights.collect() };
        self.recent_splits.push(key, number, weighed);
        outcomes.list.push(Outcome::Accepted { origin, split: number });
        self.release_held(outcomes);
    }

    /// The accounts of a split that none before has named.
    fn fresh_accounts(&self, split: &Split) -> impl Iterator<Item = AccountId> {
        let named = split.weights().iter().map(|(id, _)| *id);
        named.filter(|id| !self.indexes.contains_key(id))
    }

    /// Whether a split names too many accounts that none before has named.
    fn has_no_room_for(&self, split: &Split) -> bool {
        limits::ACCOUNTS_EVER_MAX < self.accounts.len() + self.fresh_accounts(split).count()
    }

    /// Gives every account of a split an index.
    fn name_accounts(&mut self, split: &Split) -> Result<(), Reject> {
        if self.has_no_room_for(split) {
            return Err(Reject::TooManyAccountsEver);
        }
        let fresh: Vec<_> = self.fresh_accounts(split).collect();
        for id in fresh {
            self.indexes.insert(id, AccountIndex::at(self.accounts.len()));
            self.accounts.push(Account { id, rank: None, value: 0, netted: 0 });
        }
        Ok(())
    }

    /// Closes the accounts of the old split and opens those of the new one.
    fn open_accounts(&mut self, split: &Split) {
        for (index, value) in self.open.iter().zip(self.residuals.values()) {
            let account = &mut self.accounts[index.index()];
            account.value = value;
            account.rank = None;
        }
        let open: Vec<_> = split.weights().iter().map(|(id, _)| self.indexes[id]).collect();
        if open != self.open {
            self.totals.same_accounts_since = self.totals.splits;
        }
        self.open = open;
        for (rank, index) in self.open.iter().enumerate() {
            self.accounts[index.index()].rank = Some(AccountRank::at(rank));
        }
        let weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
        let values = self.open.iter().map(|index| self.accounts[index.index()].value).collect();
        self.residuals = Residuals::new(weights, values);
        let of_fills = |index: &AccountIndex| {
            let account = &self.accounts[index.index()];
            account.value - account.netted
        };
        self.values_then = self.open.iter().map(of_fills).collect();
        self.shares = alloc::vec![0; self.open.len()];
        self.cells = alloc::vec![Cell::default(); self.open.len()];
    }
}

fn split_reused(split: &Split) -> Core {
    Core::NameReused(format!("split {} of source {}", split.seq, split.source))
}
