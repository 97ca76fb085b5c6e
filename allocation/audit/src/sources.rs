//! Sources: which messages of each source were applied. Nothing is applied twice.

use std::collections::{BTreeMap, BTreeSet};

use allot_domain::{Reject, Seq, SourceId, limits};

/// What is due for a message, as far as its number tells.
pub(crate) enum Standing {
    /// It was not applied yet.
    New,
    /// It was applied: its first outcome is due again.
    Applied,
    /// It is too old to tell, or there is no room for its source.
    Rejected(Reject),
}

/// All sources of messages that were applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    by_id: BTreeMap<SourceId, Sent>,
}

/// What one source sent.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// The numbers that were applied; those older than the window are dropped.
    applied: BTreeSet<Seq>,
    highest: Seq,
}

impl Sent {
    /// The oldest number of which it is known whether it was applied.
    fn oldest(&self) -> Seq {
        Seq::new(self.highest.get().saturating_sub(limits::WINDOW - 1))
    }
}

impl Sources {
    pub(crate) fn standing(&self, source: &SourceId, seq: Seq) -> Standing {
        match self.by_id.get(source) {
            None if self.by_id.len() == limits::SOURCES_MAX => {
                Standing::Rejected(Reject::TooManySources)
            }
            None => Standing::New,
            Some(sent) if seq < sent.oldest() => {
                Standing::Rejected(Reject::SequenceTooOld(sent.oldest()))
            }
            Some(sent) if sent.applied.contains(&seq) => Standing::Applied,
            Some(_) => Standing::New,
        }
    }

    /// Remembers a message as applied; returns whether one with a higher number came before it.
    pub(crate) fn mark(&mut self, source: SourceId, seq: Seq) -> bool {
        let sent = self.by_id.entry(source).or_default();
        sent.applied.insert(seq);
        let is_out_of_order = seq < sent.highest;
        sent.highest = sent.highest.max(seq);
        while sent.applied.first().is_some_and(|first| *first < sent.oldest()) {
            sent.applied.pop_first();
        }
        is_out_of_order
    }

    /// Forgets a message: a held fill that was then rejected.
    pub(crate) fn unmark(&mut self, source: &SourceId, seq: Seq) {
        if let Some(sent) = self.by_id.get_mut(source) {
            sent.applied.remove(&seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceId {
        SourceId::new(text.as_bytes()).unwrap()
    }

    /// The standing of a number after these were applied.
    #[track_caller]
    fn check(applied: &[u64], seq: u64, expected: &str) {
        let mut sources = Sources::default();
        for seq in applied {
            sources.mark(source("f"), Seq::new(*seq));
        }
        let standing = match sources.standing(&source("f"), Seq::new(seq)) {
            Standing::New => "new".to_owned(),
            Standing::Applied => "applied".to_owned(),
            Standing::Rejected(reject) => reject.to_string(),
        };
        assert!(standing.contains(expected), "{standing}");
    }

    #[test]
    fn what_was_applied_is_known_within_the_window_and_rejected_outside() {
        check(&[], 1, "new");
        check(&[1], 1, "applied");
        check(&[2], 1, "new");
        check(&[1, 65_536], 1, "applied");
        check(&[1, 65_537], 1, "2");
        check(&[1, 65_537], 2, "new");
        check(&[u64::MAX], u64::MAX, "applied");
        check(&[u64::MAX], 7, "18446744073709486080");
    }

    #[test]
    fn an_older_number_after_a_newer_one_is_out_of_order() {
        let mut sources = Sources::default();
        assert!(!sources.mark(source("f"), Seq::new(2)));
        assert!(sources.mark(source("f"), Seq::new(1)));
        assert!(!sources.mark(source("g"), Seq::new(1)));
    }

    #[test]
    fn there_is_no_room_for_one_source_too_many() {
        let mut sources = Sources::default();
        for number in 0..limits::SOURCES_MAX {
            sources.mark(source(&format!("f{number}")), Seq::new(1));
        }
        let rejected = sources.standing(&source("g"), Seq::new(1));
        assert!(matches!(rejected, Standing::Rejected(Reject::TooManySources)));
        assert!(matches!(sources.standing(&source("f7"), Seq::new(2)), Standing::New));
    }
}
