//! Inline commit: when the shard waits for the disk itself, rather than the committer.
//!
//! To hand one input to another thread and to hear back from it takes about as long as a fast disk
//! takes to sync it. While inputs come one at a time, and each is replied to before the next comes,
//! the shard has nothing else to do meanwhile. As soon as two inputs come together it has: from
//! then on the committer writes, until inputs come one at a time again.

use allot_runtime::Nanos;

use crate::limits::{INLINE_AFTER, INLINE_PAUSE, INLINE_SLOW_MAX, INLINE_TURN_MAX};

/// Whether a turn ends with a sync.
#[derive(Default)]
pub(crate) struct InlineCommit {
    /// How many turns in a row had one input.
    single: u32,
    /// When the turn began that ended with a sync, until the next begins.
    synced_at: Option<Nanos>,
    /// How many such turns in a row were slow.
    slow: u32,
    /// Not before this, after syncs that were slow.
    resume_at: Nanos,
}

impl InlineCommit {
    /// A turn begins.
    pub(crate) fn begin(&mut self, now: Nanos) {
        let Some(began) = self.synced_at.take() else {
            return;
        };
        self.slow = if INLINE_TURN_MAX < now - began { self.slow + 1 } else { 0 };
        if INLINE_SLOW_MAX < self.slow {
            (self.slow, self.resume_at) = (0, now + INLINE_PAUSE);
        }
    }

    /// Whether the turn that began at this time, and took so many inputs, ends with a sync.
    pub(crate) fn is_due(&mut self, now: Nanos, inputs: u64) -> bool {
        self.single = match inputs {
            0 => return false,
            1 => self.single.saturating_add(1),
            _ => 0,
        };
        let is_due = INLINE_AFTER < self.single && self.resume_at <= now;
        self.synced_at = is_due.then_some(now);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Nanos = Nanos::from_unix(1_000_000_000);

    /// One that has seen enough single inputs.
    fn ready() -> InlineCommit {
        let mut commit = InlineCommit::default();
        assert!(!(0..INLINE_AFTER).any(|_| commit.is_due(START, 1)));
        assert!(commit.is_due(START, 1));
        commit
    }

    #[test]
    fn it_begins_after_single_inputs_and_ends_with_two_together() {
        let mut commit = ready();
        assert!(commit.is_due(START, 1));
        assert!(!commit.is_due(START, 2));
        assert!(!commit.is_due(START, 1), "it begins anew");
    }

    #[test]
    fn a_turn_without_an_input_changes_nothing() {
        let mut commit = ready();
        assert!(!commit.is_due(START, 0));
        assert!(commit.is_due(START, 1));
    }

    #[test]
    fn a_disk_that_stays_slow_is_left_to_the_committer_for_a_while() {
        let mut commit = ready();
        let mut now = START;
        for _ in 0..INLINE_SLOW_MAX {
            now = now + INLINE_TURN_MAX + Duration::from_nanos(1);
            commit.begin(now);
            assert!(commit.is_due(now, 1), "it may be so once");
        }
        now = now + INLINE_TURN_MAX + Duration::from_nanos(1);
        commit.begin(now);
        assert!(!commit.is_due(now, 1));
        now += INLINE_PAUSE;
        commit.begin(now);
        assert!(commit.is_due(now, 1));
    }

    #[test]
    fn a_disk_that_is_slow_now_and_then_is_not() {
        let mut commit = ready();
        let mut now = START;
        for _ in 0..10 {
            now = now + INLINE_TURN_MAX + Duration::from_nanos(1);
            commit.begin(now);
            assert!(commit.is_due(now, 1));
            now += INLINE_TURN_MAX;
            commit.begin(now);
            assert!(commit.is_due(now, 1));
        }
    }
}
