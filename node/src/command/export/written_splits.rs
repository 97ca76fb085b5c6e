//! Written splits: all shards have the same splits, and an export has each once.

use allot_allocation_rules::SplitNumber;

/// The splits that are written: all shards have the same, and each is written once.
#[derive(Clone, Copy, Default)]
pub(super) struct WrittenSplits {
    /// The first and the last that the shards before this one have written.
    before: Option<(SplitNumber, SplitNumber)>,
    /// Those that this one has seen.
    own: Option<(SplitNumber, SplitNumber)>,
}

impl WrittenSplits {
    /// Whether no shard before has written the split of this number. The numbers that a shard has
    /// are without a gap, and those of all shards end alike.
    pub(super) fn claim(&mut self, number: SplitNumber) -> bool {
        let (first, _) = *self.own.get_or_insert((number, number));
        self.own = Some((first, number));
        self.before.is_none_or(|(first, last)| number < first || last < number)
    }

    /// The next shard begins.
    pub(super) fn end_shard(&mut self) {
        let own = self.own.take();
        self.before = match (self.before, own) {
            (Some(before), Some(own)) => Some((before.0.min(own.0), before.1.max(own.1))),
            (before, own) => before.or(own),
        };
    }
}
