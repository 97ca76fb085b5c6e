//! Budget: how much of a report is done in one turn.

use crate::limits::REPORT_LEN_PER_TURN;

/// What is left of a turn, in bytes read, written or published.
#[derive(Debug)]
pub struct Budget {
    left: usize,
}

impl Budget {
    /// That of one turn.
    pub(crate) const fn of_turn() -> Self {
        Self { left: REPORT_LEN_PER_TURN }
    }

    /// A budget for a test, or for those who do all at once.
    #[must_use]
    pub const fn of(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Counts what was done.
    pub const fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// Whether the turn is over.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.left == 0
    }
}
