//! History: what came of a message first, while a repeat gets it again and a fill can be busted.

use std::collections::{BTreeMap, VecDeque};

use allot_allocation_rules::{Fill, SplitNumber, limits};
use allot_domain::{AccountId, Seq, SourceId, Ticker};

/// Shares of some accounts, in byte order of their ids.
pub(crate) type Shares = Vec<(AccountId, u64)>;

/// What came of a message.
#[derive(Clone, Debug)]
pub(crate) enum Applied {
    /// A fill was divided by the split of this number.
    Divided { fill: Fill, split: SplitNumber, is_busted: bool },
    /// A fill was held, and taken back before it was divided.
    Held,
    /// A fill was taken back.
    Busted { ticker: Ticker, of: Seq },
}

/// What came of a message, with its shares.
#[derive(Clone, Debug)]
pub(crate) struct FirstOutcome {
    pub(crate) applied: Applied,
    pub(crate) shares: Shares,
}

/// Who sent a message, and its number.
pub(crate) type Key = (SourceId, Seq);

/// The latest outcomes. Their number is bounded, and so is that of their shares.
#[derive(Clone, Debug)]
pub(crate) struct History {
    by_key: BTreeMap<Key, FirstOutcome>,
    oldest_first: VecDeque<Key>,
    capacity: usize,
    shares: usize,
    shares_max: usize,
}

impl History {
    /// The book keeps at least one outcome, and eight shares for each.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let shares_max = capacity * limits::HISTORY_SHARES_EACH;
        let (by_key, oldest_first) = (BTreeMap::new(), VecDeque::new());
        Self { by_key, oldest_first, capacity, shares: 0, shares_max }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&FirstOutcome> {
        self.by_key.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut FirstOutcome> {
        self.by_key.get_mut(key)
    }

    /// Stores an outcome and forgets the oldest ones, for which there is no more room.
    pub(crate) fn store(&mut self, key: Key, mut outcome: FirstOutcome) {
        if self.shares_max < outcome.shares.len() {
            outcome.shares.clear();
        }
        self.shares += outcome.shares.len();
        self.by_key.insert(key, outcome);
        self.oldest_first.push_back(key);
        while self.capacity < self.oldest_first.len() || self.shares_max < self.shares {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let key = self.oldest_first.pop_front().expect("the newest always has room");
        let outcome = self.by_key.remove(&key).expect("each key has its outcome");
        self.shares -= outcome.shares.len();
    }
}
