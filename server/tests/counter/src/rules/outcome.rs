//! Outcome: what came of an input, or of an earlier one that it has released.

use allot_domain::Seq;

use super::{Key, Name, Reject};

/// What came of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Which message.
    pub name: Name,
    /// Whether the message was applied before: it changed nothing, and this is what holds now.
    pub is_duplicate: bool,
    /// Whether it follows an [`What::Awaiting`].
    pub is_late: bool,
    /// What came of it.
    pub what: What,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The counter has this value.
    Counted {
        /// Which counter.
        key: Key,
        /// Its value.
        value: u64,
    },
    /// The counter is below the threshold; the late outcome is owed.
    Awaiting {
        /// Which counter.
        key: Key,
        /// What it has to reach.
        threshold: u64,
    },
    /// The counter has reached the threshold.
    Reached {
        /// Which counter.
        key: Key,
        /// Its value.
        value: u64,
    },
    /// An await is no longer open, and was not reached.
    Cancelled {
        /// Which counter.
        key: Key,
        /// The source's number of the await.
        of: Seq,
    },
    /// Every counter was raised.
    Raised {
        /// How many raises there were: the same in all shards.
        number: u64,
    },
    /// Nothing changed.
    Rejected(Reject),
}

impl What {
    /// The counter that it tells of.
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Counted { key, .. }
            | Self::Awaiting { key, .. }
            | Self::Reached { key, .. }
            | Self::Cancelled { key, .. } => Some(key),
            Self::Raised { .. } | Self::Rejected(_) => None,
        }
    }
}

/// What came of some inputs, in order.
#[derive(Debug, Default)]
pub struct Outcomes {
    list: Vec<Outcome>,
}

impl Outcomes {
    /// Appends what came of a message.
    pub(super) fn push(&mut self, outcome: Outcome) {
        self.list.push(outcome);
    }
}

impl allot_domain::Outcomes for Outcomes {
    type Outcome = Outcome;

    fn list(&self) -> &[Outcome] {
        &self.list
    }

    fn clear(&mut self) {
        self.list.clear();
    }
}
