//! Input and outcome: everything that can happen to a book, and everything that can come of it.

mod text;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use allot_domain::{Marker, MessageId, Money, Price, Quantity, Seq, Side, SourceId, Ticker};

use crate::{
    AccountIndex, Bust, Fill, Finding, Listed, Listing, Reject, Replay, Replayed, Split,
    SplitNumber, TickerSeq,
};

/// What a shard applies, in the order of its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A block to divide.
    Fill(Fill),
    /// A fill to take back.
    Bust(Bust),
    /// New weights, for future fills; goes to all shards.
    Split(Split),
    /// A cut through all shards.
    Marker(Marker),
    /// Value moved between the residuals of shards.
    Netting(Netting),
    /// A split that every shard is asked about before it goes to all; changes nothing.
    Check(Split),
    /// A wish for outcomes that were given before; changes nothing.
    Replay(Replay),
    /// A wish for the splits so far; changes nothing.
    Listing(Listing),
}

impl From<Marker> for Input {
    fn from(marker: Marker) -> Self {
        Self::Marker(marker)
    }
}

/// One shard's column of a netting: value moved into its residuals, account by account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Netting {
    /// Counts up from 1; the next is computed from parts that contain this one, unless it was lost.
    pub number: u64,
    /// The split whose ranks `transfers` goes by; void unless all splits since name its accounts.
    pub split: SplitKey,
    /// In order of rank; over all shards each account's transfers add up to nothing.
    pub transfers: Vec<Money>,
}

/// Which split: all shards agree on it, whatever else each has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SplitKey {
    /// Who sent it.
    pub source: SourceId,
    /// The source's number of it.
    pub seq: Seq,
}

/// Shares that one account got, or gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// The account: see [`crate::Book::account`].
    pub account: AccountIndex,
    /// Whole shares, at least one.
    pub quantity: u64,
}

/// The message that an outcome is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The source.
    pub source: SourceId,
    /// Its sequence number.
    pub seq: Seq,
    /// What names it: the venue's id, or the sequence number.
    pub id: MessageId,
    /// When the router took it, in nanoseconds of Unix time; of a repeat, when it came first, as
    /// long as that is kept.
    pub time_ns: u64,
    /// Whether this is its first outcome given again.
    pub duplicate: bool,
}

impl Origin {
    /// The origin of a fill that comes for the first time.
    pub(crate) const fn of(fill: &Fill) -> Self {
        let Fill { source, seq, id, time_ns, .. } = *fill;
        Self { source, seq, id, time_ns, duplicate: false }
    }

    /// The origin of a bust that comes for the first time.
    pub(crate) const fn of_bust(bust: &Bust) -> Self {
        let Bust { source, seq, id, time_ns, .. } = *bust;
        Self { source, seq, id, time_ns, duplicate: false }
    }

    /// The origin of a split that comes for the first time.
    pub(crate) const fn of_split(split: &Split) -> Self {
        let Split { source, seq, time_ns, .. } = *split;
        Self { source, seq, id: MessageId::Number(seq), time_ns, duplicate: false }
    }

    /// The same, as a repeat.
    pub(crate) const fn again(self) -> Self {
        Self { duplicate: true, ..self }
    }
}

/// What came of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A fill was divided.
    Allocated(Allocated),
    /// A fill waits for the first split; also the repeat of one that was busted meanwhile.
    Held {
        /// The message it is of.
        origin: Origin,
        /// The fill's ticker.
        ticker: Ticker,
    },
    /// A fill was taken back.
    Busted {
        /// The message it is of.
        origin: Origin,
        /// The fill's ticker.
        ticker: Ticker,
        /// The fill's id.
        of: MessageId,
        /// The number of this outcome among those of its ticker; zero in a repeat.
        number: TickerSeq,
        /// The shares given back, in [`Outcomes::shares`].
        shares: Range<usize>,
    },
    /// A split is in force.
    Accepted {
        /// The message it is of.
        origin: Origin,
        /// The number of the split.
        split: SplitNumber,
    },
    /// What this shard finds of a split that it is asked about.
    Checked {
        /// The split.
        origin: Origin,
        /// What it finds.
        finding: Box<Finding>,
    },
    /// Nothing changed.
    Rejected {
        /// The message it is of.
        origin: Origin,
        /// Why.
        reject: Reject,
        /// The ticker of a fill that had been held: this outcome follows an earlier one.
        late: Option<Ticker>,
    },
    /// Outcomes of a ticker again.
    Replayed(Box<Replayed>),
    /// The splits so far.
    Listed(Box<Listed>),
}

/// A fill and its division.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocated {
    /// The message it is of.
    pub origin: Origin,
    /// The fill's ticker.
    pub ticker: Ticker,
    /// Bought or sold.
    pub side: Side,
    /// What one share cost.
    pub price: Price,
    /// How many shares in all.
    pub quantity: Quantity,
    /// The split by which it was divided; zero in the repeat of an outcome no longer kept.
    pub split: SplitNumber,
    /// The number of this outcome among those of its ticker; zero in a repeat.
    pub number: TickerSeq,
    /// The shares, in [`Outcomes::shares`]; empty in the repeat of an outcome no longer kept.
    pub shares: Range<usize>,
    /// Whether the fill had been held: this outcome follows an earlier one.
    pub late: bool,
}

/// What came of some inputs, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcomes {
    /// The outcomes.
    pub list: Vec<Outcome>,
    /// The shares they refer to: accounts with at least one share, in byte order of their ids.
    pub shares: Vec<Share>,
}

impl allot_domain::Outcomes for Outcomes {
    type Outcome = Outcome;

    #[inline]
    fn list(&self) -> &[Outcome] {
        &self.list
    }

    #[inline]
    fn clear(&mut self) {
        self.clear();
    }
}

impl Outcomes {
    /// Makes room for the next inputs, keeping the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.shares.clear();
    }
}

impl Outcomes {
    pub(crate) fn reject(&mut self, origin: Origin, reject: impl Into<Reject>) {
        self.list.push(Outcome::Rejected { origin, reject: reject.into(), late: None });
    }

    /// Appends shares found in a ring and returns where they are.
    pub(crate) fn keep_shares(&mut self, runs: [&[Share]; 2]) -> Range<usize> {
        let from = self.shares.len();
        for run in runs {
            self.shares.extend_from_slice(run);
        }
        from..self.shares.len()
    }
}

impl Outcome {
    /// The message it is of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        match self {
            Self::Allocated(allocated) => &allocated.origin,
            Self::Replayed(replayed) => &replayed.origin,
            Self::Listed(listed) => &listed.origin,
            Self::Held { origin, .. }
            | Self::Busted { origin, .. }
            | Self::Accepted { origin, .. }
            | Self::Checked { origin, .. }
            | Self::Rejected { origin, .. } => origin,
        }
    }

    /// The number of this outcome among those of its ticker; none where it is not one of them.
    #[must_use]
    pub const fn number(&self) -> Option<TickerSeq> {
        match self {
            Self::Allocated(Allocated { number, .. }) | Self::Busted { number, .. } => {
                Some(*number)
            }
            _ => None,
        }
    }

    /// Whether it follows an earlier outcome: the fill had been held.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        match self {
            Self::Allocated(allocated) => allocated.late,
            Self::Rejected { late, .. } => late.is_some(),
            _ => false,
        }
    }
}
