//! Recent splits: the latest, each with its number, and as many of them as have room with their
//! weights.
//!
//! ```text
//!   known      k … k+1023     who sent each: nettings name the split that they are of
//!   weighed        w … k+1023 its time and its weights too: clients ask for them
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::input::SplitKey;
use crate::{AccountIndex, SplitNumber, Weight, limits};

/// When a split came, and what it says, in the byte order of its accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Weighed {
    /// When the router took it: nanoseconds of Unix time.
    pub(crate) time_ns: u64,
    pub(crate) weights: Vec<(AccountIndex, Weight)>,
}

/// The latest splits, oldest first; the last one is in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentSplits {
    known: VecDeque<(SplitKey, SplitNumber)>,
    /// The latest of them.
    weighed: VecDeque<Weighed>,
    /// The weights of all of these.
    weights: usize,
}

impl RecentSplits {
    /// A split comes into force.
    pub(crate) fn push(&mut self, key: SplitKey, number: SplitNumber, weighed: Weighed) {
        self.push_known(key, number);
        self.push_weighed(weighed);
    }

    /// One of those that a snapshot has.
    pub(crate) fn push_known(&mut self, key: SplitKey, number: SplitNumber) {
        self.known.push_back((key, number));
        if limits::SPLITS_KEPT < self.known.len() {
            self.known.pop_front();
        }
    }

    /// What the next of the latest says.
    pub(crate) fn push_weighed(&mut self, weighed: Weighed) {
        self.weights += weighed.weights.len();
        self.weighed.push_back(weighed);
        while self.known.len() < self.weighed.len() || limits::SPLIT_WEIGHTS_KEPT < self.weights {
            let oldest = self.weighed.pop_front().expect("a split has fewer weights than are kept");
            self.weights -= oldest.weights.len();
        }
    }

    /// Who sent them, each with its number.
    pub(crate) fn known(&self) -> impl ExactSizeIterator<Item = &(SplitKey, SplitNumber)> {
        self.known.iter()
    }

    /// Those that are kept with what they say.
    pub(crate) fn weighed(
        &self,
    ) -> impl ExactSizeIterator<Item = (&(SplitKey, SplitNumber), &Weighed)> {
        self.known.iter().skip(self.known.len() - self.weighed.len()).zip(&self.weighed)
    }

    /// The split in force.
    pub(crate) fn in_force(&self) -> Option<SplitKey> {
        self.known.back().map(|(key, _)| *key)
    }

    /// What the split in force says.
    pub(crate) fn newest(&self) -> Option<&Weighed> {
        self.weighed.back()
    }

    /// The number of a split, if it is still known.
    pub(crate) fn number_of(&self, of: SplitKey) -> Option<SplitNumber> {
        self.known.iter().rev().find(|(key, _)| *key == of).map(|(_, number)| *number)
    }

    #[cfg(test)]
    pub(crate) fn known_mut(&mut self) -> &mut VecDeque<(SplitKey, SplitNumber)> {
        &mut self.known
    }

    #[cfg(test)]
    pub(crate) fn weighed_mut(&mut self) -> &mut VecDeque<Weighed> {
        &mut self.weighed
    }
}
