//! Answers: what was said first, for as long as a repeat gets it again and a fill can be busted.

use allot_allocation_rules::{Fill, limits};
use allot_domain::{AccountId, SourceId, Ticker};
use std::collections::{BTreeMap, VecDeque};

/// What was said of a message.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// A fill was divided by the split of this number.
    Divided { fill: Fill, split: u64, is_busted: bool },
    /// A fill was held, and taken back before it was divided.
    Held,
    /// A fill was taken back.
    Busted { ticker: Ticker, of: u64 },
}

/// An answer with its shares.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) said: Said,
    pub(crate) shares: Vec<(AccountId, u64)>,
}

/// Who sent a message, and its number.
pub(crate) type Key = (SourceId, u64);

/// The latest answers; each takes one of so many places, and its shares take room of their own.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    by_key: BTreeMap<Key, Answer>,
    oldest_first: VecDeque<Key>,
    capacity: usize,
    shares: usize,
    shares_max: usize,
}

impl Answers {
    /// The book keeps at least one answer, and eight shares for each.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let shares_max = capacity * limits::HISTORY_SHARES_EACH;
        let (by_key, oldest_first) = (BTreeMap::new(), VecDeque::new());
        Self { by_key, oldest_first, capacity, shares: 0, shares_max }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Answer> {
        self.by_key.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Answer> {
        self.by_key.get_mut(key)
    }

    /// Keeps an answer and forgets the oldest ones that there is no room for any more.
    pub(crate) fn keep(&mut self, key: Key, mut answer: Answer) {
        if answer.shares.len() > self.shares_max {
            answer.shares.clear();
        }
        self.shares += answer.shares.len();
        self.by_key.insert(key, answer);
        self.oldest_first.push_back(key);
        while self.oldest_first.len() > self.capacity || self.shares > self.shares_max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let key = self.oldest_first.pop_front().expect("the newest always has room");
        let answer = self.by_key.remove(&key).expect("each key has its answer");
        self.shares -= answer.shares.len();
    }
}
