//! Sources: which messages of whom were applied. Nothing is applied twice.

use allot_allocation_rules::Reject;
use allot_domain::Reject as Core;
use allot_domain::{SourceId, limits};
use std::collections::{BTreeMap, BTreeSet};

/// What is to become of a message, as far as its number says.
pub(crate) enum Standing {
    /// It was not applied yet.
    New,
    /// It was applied: the first answer is due again.
    Applied,
    /// Nobody can tell, or there is no room for its source.
    Refused(Reject),
}

/// Everyone who sent anything that was applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    by_id: BTreeMap<SourceId, Sent>,
}

/// What one source sent.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// The numbers that were applied; those older than the window are dropped.
    applied: BTreeSet<u64>,
    highest: u64,
}

impl Sent {
    /// The oldest number of which it is known whether it was applied.
    fn oldest(&self) -> u64 {
        self.highest.saturating_sub(limits::WINDOW - 1)
    }
}

impl Sources {
    pub(crate) fn standing(&self, source: &SourceId, seq: u64) -> Standing {
        match self.by_id.get(source) {
            None if self.by_id.len() == limits::SOURCES_MAX => {
                Standing::Refused(Core::TooManySources.into())
            }
            None => Standing::New,
            Some(sent) if seq < sent.oldest() => {
                Standing::Refused(Core::SequenceTooOld(sent.oldest()).into())
            }
            Some(sent) if sent.applied.contains(&seq) => Standing::Applied,
            Some(_) => Standing::New,
        }
    }

    /// Remembers a message as applied; says whether one with a higher number came before it.
    pub(crate) fn mark(&mut self, source: SourceId, seq: u64) -> bool {
        let sent = self.by_id.entry(source).or_default();
        sent.applied.insert(seq);
        let is_out_of_order = seq < sent.highest;
        sent.highest = sent.highest.max(seq);
        while sent.applied.first().is_some_and(|first| *first < sent.oldest()) {
            sent.applied.pop_first();
        }
        is_out_of_order
    }

    /// Forgets a message: it was held and came to nothing.
    pub(crate) fn unmark(&mut self, source: &SourceId, seq: u64) {
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
            sources.mark(source("f"), *seq);
        }
        let standing = match sources.standing(&source("f"), seq) {
            Standing::New => "new".to_owned(),
            Standing::Applied => "applied".to_owned(),
            Standing::Refused(reject) => reject.to_string(),
        };
        assert!(standing.contains(expected), "{standing}");
    }

    #[test]
    fn what_was_applied_is_known_within_the_window_and_not_guessed_at_outside() {
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
        assert!(!sources.mark(source("f"), 2));
        assert!(sources.mark(source("f"), 1));
        assert!(!sources.mark(source("g"), 1));
    }

    #[test]
    fn there_is_no_room_for_one_source_too_many() {
        let mut sources = Sources::default();
        for number in 0..limits::SOURCES_MAX {
            sources.mark(source(&format!("f{number}")), 1);
        }
        let refused = sources.standing(&source("g"), 1);
        assert!(matches!(refused, Standing::Refused(Core::TooManySources.into())));
        assert!(matches!(sources.standing(&source("f7"), 2), Standing::New));
    }
}
