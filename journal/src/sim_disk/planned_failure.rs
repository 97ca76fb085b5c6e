//! Planned failures: which of the next writes and syncs reports an error.

use std::io;

#[derive(Clone, Copy, Default)]
pub(super) struct PlannedFailures {
    writes_left: Option<u64>,
    syncs_left: Option<u64>,
    /// Whether one has happened since the last crash or restart.
    has_failed: bool,
}

impl PlannedFailures {
    /// Makes the `n`-th write from now on fail; 1 is the next.
    pub(super) const fn plan_write(&mut self, n: u64) {
        self.writes_left = Some(n);
    }

    /// Makes the `n`-th sync from now on fail; 1 is the next.
    pub(super) const fn plan_sync(&mut self, n: u64) {
        self.syncs_left = Some(n);
    }

    /// Counts a write; true if it fails.
    pub(super) fn is_write_due(&mut self) -> bool {
        let is_due = is_due(&mut self.writes_left);
        self.has_failed |= is_due;
        is_due
    }

    /// Counts a sync; true if it fails.
    pub(super) fn is_sync_due(&mut self) -> bool {
        let is_due = is_due(&mut self.syncs_left);
        self.has_failed |= is_due;
        is_due
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The process ends. What is planned stays planned.
    pub(super) const fn restart(&mut self) {
        self.has_failed = false;
    }

    /// The power fails, and nothing is planned any more.
    pub(super) fn crash(&mut self) {
        *self = Self::default();
    }
}

/// Counts down to the failure that was planned.
fn is_due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        None => false,
        Some(left) if *left <= 1 => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    }
}

/// What the operation that fails returns.
pub(super) fn failed() -> io::Error {
    io::Error::other("the disk cannot be written (simulated)")
}
