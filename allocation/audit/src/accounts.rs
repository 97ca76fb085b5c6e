//! Accounts: every account that a split ever named, its weight and its value.

use std::collections::BTreeMap;

use allot_allocation_rules::{AccountIndex, Split};
use allot_domain::AccountId;

/// One account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    /// In 1e-9 of a percent; none while it is closed.
    pub(crate) weight: Option<u64>,
    /// Bought less sold at fill prices, in 1e-9.
    pub(crate) value: i128,
    /// What nettings moved, in 1e-9.
    pub(crate) netted: i128,
}

impl Account {
    /// Its value in this shard's residuals.
    pub(crate) fn value_with_nettings(&self) -> i128 {
        self.value + self.netted
    }
}

/// All accounts, closed ones included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) by_id: BTreeMap<AccountId, Account>,
    /// By index: in the order in which splits first named them.
    pub(crate) by_index: Vec<AccountId>,
}

impl Accounts {
    /// The account of an index.
    pub(crate) fn at(&self, index: AccountIndex) -> Option<AccountId> {
        self.by_index.get(index.index()).copied()
    }

    /// The accounts of the split, in byte order, each with its weight.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&AccountId, &Account, u64)> + Clone {
        self.by_id
            .iter()
            .filter_map(|(id, account)| account.weight.map(|weight| (id, account, weight)))
    }

    /// How many accounts there would be after a split.
    pub(crate) fn count_after(&self, split: &Split) -> usize {
        let is_new = |id: &AccountId| !self.by_id.contains_key(id);
        self.by_index.len() + split.weights().iter().filter(|(id, _)| is_new(id)).count()
    }

    /// Closes the accounts that a split leaves out and opens the others; values stay.
    ///
    /// Returns whether the open accounts are the same as before.
    pub(crate) fn follow(&mut self, split: &Split) -> bool {
        let before: Vec<_> = self.open().map(|(id, ..)| *id).collect();
        for account in self.by_id.values_mut() {
            account.weight = None;
        }
        for (id, weight) in split.weights() {
            let by_index = &mut self.by_index;
            let account = self.by_id.entry(*id).or_insert_with(|| {
                by_index.push(*id);
                Account::default()
            });
            account.weight = Some(weight.nanos());
        }
        self.open().map(|(id, ..)| *id).eq(before)
    }
}
