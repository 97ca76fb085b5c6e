//! Splits: how they are numbered, and for how long their numbers are known.

use std::collections::VecDeque;

use allot_allocation_rules::{ListedSplit, Split, SplitKey, SplitNumber, Weight, limits};
use allot_domain::AccountId;

use crate::mismatch::Mismatch;

/// What a split says, apart from its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SplitContent {
    weights: Vec<(AccountId, Weight)>,
    closes: Vec<AccountId>,
}

impl SplitContent {
    pub(crate) fn of(split: &Split) -> Self {
        Self { weights: split.weights().to_vec(), closes: split.closes().to_vec() }
    }
}

/// All splits so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Splits {
    /// How many there were; the number of the one in force.
    pub(crate) number: SplitNumber,
    /// The latest, oldest first.
    known: VecDeque<ListedSplit>,
    /// The first of those in a row up to now that name the same accounts.
    same_accounts_since: SplitNumber,
}

impl Splits {
    /// Nothing is known but the one in force, and its number.
    pub(crate) fn at(number: SplitNumber, in_force: Option<SplitKey>) -> Self {
        let known = in_force.map(|SplitKey { source, seq }| ListedSplit {
            number,
            source,
            seq,
            time_ns: 0,
            weights: Vec::new(),
        });
        Self { number, known: known.into_iter().collect(), same_accounts_since: number }
    }

    /// The split in force.
    pub(crate) fn in_force(&self) -> Option<SplitKey> {
        self.known.back().map(key_of)
    }

    /// The number of a split, if it is still known.
    pub(crate) fn number_of(&self, key: SplitKey) -> Option<SplitNumber> {
        self.known.iter().rev().find(|split| key_of(split) == key).map(|split| split.number)
    }

    /// Whether all splits since this one name its accounts.
    pub(crate) fn has_same_accounts_since(&self, key: SplitKey) -> bool {
        self.number_of(key).is_some_and(|number| self.same_accounts_since <= number)
    }

    /// A new split comes into force.
    pub(crate) fn follow(&mut self, split: &Split, has_same_accounts: bool) {
        self.number = self.number.next();
        if !has_same_accounts {
            self.same_accounts_since = self.number;
        }
        self.known.push_back(ListedSplit {
            number: self.number,
            source: split.source,
            seq: split.seq,
            time_ns: split.time_ns,
            weights: split.weights().to_vec(),
        });
        if limits::SPLITS_KEPT < self.known.len() {
            self.known.pop_front();
        }
        // A split has accounts: one without is one whose weights are forgotten.
        let mut kept: usize = self.known.iter().map(|split| split.weights.len()).sum();
        for split in &mut self.known {
            if kept <= limits::SPLIT_WEIGHTS_KEPT {
                break;
            }
            kept -= split.weights.len();
            split.weights = Vec::new();
        }
    }

    /// Those that a shard keeps with their weights, oldest first.
    pub(crate) fn weighed(&self) -> impl Iterator<Item = &ListedSplit> {
        self.known.iter().filter(|split| !split.weights.is_empty())
    }
}

const fn key_of(split: &ListedSplit) -> SplitKey {
    SplitKey { source: split.source, seq: split.seq }
}

/// Whether weights are a split: some accounts, each once, in byte order, adding up to 100 %.
pub(crate) fn check_weights(weights: &[(AccountId, Weight)]) -> Result<(), Mismatch> {
    if weights.is_empty() || limits::ACCOUNTS_MAX < weights.len() {
        return Err(Mismatch::SplitSize(weights.len()));
    }
    if let Some(pair) = weights.windows(2).find(|pair| pair[1].0 <= pair[0].0) {
        return Err(Mismatch::AccountOrder(Box::new([pair[0].0, pair[1].0])));
    }
    let sum: u64 = weights.iter().map(|(_, weight)| weight.nanos()).sum();
    if limits::WEIGHT_TOLERANCE < sum.abs_diff(limits::WEIGHT_TOTAL) {
        return Err(Mismatch::SplitSum(sum));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use allot_domain::{Seq, SourceId};

    use super::*;

    #[track_caller]
    fn check(weights: &[(&str, i128)], expected: &str) {
        let weight = |(id, nanos): &(&str, i128)| {
            (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(id, *nanos).unwrap())
        };
        let weights: Vec<_> = weights.iter().map(weight).collect();
        let found =
            check_weights(&weights).map_or_else(|wrong| wrong.to_string(), |()| String::new());
        assert!(found.starts_with(expected), "{found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
    }

    #[test]
    fn weights_add_up_to_100_within_a_hundredth() {
        check(&[("a", 100_000_000_000)], "");
        check(&[("a", 60_000_000_000), ("b", 40_010_000_000)], "");
        check(&[("a", 60_000_000_000), ("b", 40_010_000_001)], "the weights of a split add up to");
        check(&[("a", 99_989_999_999)], "the weights of a split add up to 99989999999");
        check(&[("b", 60_000_000_000), ("a", 40_000_000_000)], "a is listed after b");
        check(&[("a", 60_000_000_000), ("a", 40_000_000_000)], "a is listed after a");
        check(&[], "a split of 0 accounts");
    }

    #[test]
    fn splits_are_known_by_their_keys_for_a_while() {
        let key = |seq| SplitKey { source: SourceId::new(b"aum").unwrap(), seq: Seq::new(seq) };
        let mut splits = Splits::default();
        for seq in 1..=1_025 {
            let (source, account) = (key(seq).source, AccountId::new(b"a").unwrap());
            let weights = vec![(account, Weight::parse("a", "100").unwrap())];
            splits.follow(&Split::new(source, Seq::new(seq), weights).unwrap(), seq % 100 != 0);
        }
        assert_eq!(
            [1, 2, 1_025, 1_026].map(|seq| splits.number_of(key(seq))),
            [None, Some(2), Some(1_025), None].map(|number| number.map(SplitNumber::new))
        );
        assert_eq!(splits.in_force(), Some(key(1_025)));
        assert!(splits.has_same_accounts_since(key(1_000)));
        assert!(!splits.has_same_accounts_since(key(999)));
    }
}
