//! Shard outcomes: one shard's journal with all that comes of it, applied on a thread of its own,
//! so that whoever checks the outcomes does it beside.

use std::collections::VecDeque;
use std::sync::Arc;

use allot_allocation_rules::{AccountIndex, Input, Outcomes};
use allot_domain::{AccountId, LogIndex};
use anyhow::Result;
use indicatif::ProgressBar;

use crate::replay_threads::Replayed;
use crate::shard_replay::ShardReplay;

/// Inputs of one batch, at most.
const BATCH_LEN: usize = 256;

/// Shares of one batch, and those of one input: a fill may be divided over 10,000 accounts.
const BATCH_SHARES: usize = 1 << 16;

/// Inputs that were applied, one after the other, and all that came of them.
///
/// The outcomes of all stand together: what is made on one thread and dropped on another costs
/// more than its copy.
pub(crate) struct Batch {
    inputs: Vec<Applied>,
    outcomes: Outcomes,
    /// The accounts after the last of them, by index; an index is for ever.
    accounts: Arc<[AccountId]>,
}

/// An input that was applied.
pub(crate) struct Applied {
    /// Its number in the journal.
    pub(crate) index: LogIndex,
    pub(crate) input: Input,
    /// How many outcomes it has, and how many shares they have.
    lens: (usize, usize),
}

impl Batch {
    /// Calls `each` for every input, with its outcomes, until it gives something.
    ///
    /// # Errors
    /// The first that it gives.
    pub(crate) fn find<T>(
        self,
        mut each: impl FnMut(&Applied, &Outcomes, &[AccountId]) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let Self { inputs, outcomes: Outcomes { list, shares }, accounts } = self;
        let (mut list, mut shares) = (list.into_iter(), &shares[..]);
        let mut outcomes = Outcomes::default();
        for applied in &inputs {
            let (own, left) = shares.split_at(applied.lens.1);
            shares = left;
            outcomes.clear();
            outcomes.list.extend(list.by_ref().take(applied.lens.0));
            outcomes.shares.extend_from_slice(own);
            if let Some(found) = each(applied, &outcomes, &accounts)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A journal whose inputs are applied.
pub(crate) struct ShardOutcomes {
    replay: ShardReplay,
    accounts: Arc<[AccountId]>,
    bar: ProgressBar,
}

impl ShardOutcomes {
    /// `bar` counts the bytes of its records.
    pub(crate) fn new(replay: ShardReplay, bar: ProgressBar) -> Self {
        Self { replay, accounts: Arc::new([]), bar }
    }

    /// The accounts now.
    fn accounts(&mut self) -> Arc<[AccountId]> {
        let book = self.replay.state().machine();
        if self.accounts.len() != book.account_count() {
            let indexes = (0..).map(AccountIndex::new).take(book.account_count());
            self.accounts = indexes.map(|index| *book.account(index)).collect();
        }
        Arc::clone(&self.accounts)
    }
}

impl Replayed for ShardOutcomes {
    type Item = Batch;

    const BLOCK_LEN: usize = 1;

    fn read(&mut self, batches: &mut VecDeque<Batch>) -> Result<bool> {
        let (mut inputs, mut outcomes) = (Vec::with_capacity(BATCH_LEN), Outcomes::default());
        let mut is_more = true;
        while is_more && inputs.len() < BATCH_LEN && outcomes.shares.len() < BATCH_SHARES {
            is_more = false;
            if let Some(input) = self.replay.advance(u64::MAX)? {
                let (index, came) = (self.replay.index(), self.replay.outcomes_mut());
                inputs.push(Applied { index, input, lens: (came.list.len(), came.shares.len()) });
                outcomes.list.append(&mut came.list);
                outcomes.shares.append(&mut came.shares);
                is_more = true;
            }
        }
        self.bar.inc(self.replay.take_bytes());
        let accounts = self.accounts();
        batches.push_back(Batch { inputs, outcomes, accounts });
        Ok(is_more)
    }
}
