//! Numbers of a book: indexes and ranks that must not be mistaken for one another.

use allot_domain::{index, number};

index!(
    /// Which account of the firm, in the order in which splits first named them. It never changes.
    AccountIndex
);

index!(
    /// Which account of the split in force, in the byte order of their ids.
    ///
    /// Loops over slices that go by rank, those of the allocator above all, count with a plain
    /// `usize`: a conversion at each step would cost time, and no such counter leaves its function.
    AccountRank
);

index!(
    /// Which ticker of a book, in the order of their first fills.
    RowIndex
);

number!(
    /// The number of a split, counted from 1. Zero where it is forgotten, or before the first.
    SplitNumber(u64)
);

number!(
    /// The number of an outcome in the history of a book, counted from 1. Zero stands for none.
    OutcomeNumber(u64)
);

number!(
    /// How many outcomes a ticker had: the number of the last, from 1. Subscribers see its gaps.
    TickerSeq(u64)
);

impl TickerSeq {
    /// How far marked outcomes are apart.
    const MARK_EVERY: u64 = 256;

    /// Whether the outcome of this number is marked: those after it lead to it in one step.
    pub(crate) const fn is_marked(self) -> bool {
        self.get().is_multiple_of(Self::MARK_EVERY)
    }

    /// The last number before this one that is marked; zero where none is.
    pub(crate) const fn mark_before(self) -> Self {
        Self::new(self.get().saturating_sub(1) / Self::MARK_EVERY * Self::MARK_EVERY)
    }
}
