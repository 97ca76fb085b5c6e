//! Applied: what is kept of each name that is remembered.

use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError};
use allot_domain::{Content, Remembered};

use crate::{OutcomeNumber, SplitNumber};

/// Of a fill or a bust.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Applied {
    /// What it said.
    pub(crate) content: Content,
    /// What came of it, in the history; zero of a fill that is held, or was busted while it was.
    pub(crate) outcome: OutcomeNumber,
}

impl Applied {
    /// Of a fill that is held.
    pub(crate) const fn held(content: Content) -> Self {
        Self { content, outcome: OutcomeNumber::ZERO }
    }

    /// What came of it first, if a message of the same name says the same.
    pub(crate) fn repeat_of(&self, content: Content) -> Option<OutcomeNumber> {
        (self.content == content).then_some(self.outcome)
    }
}

impl Remembered for Applied {
    const LEN: usize = 16;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content.get().to_le_bytes());
        out.extend_from_slice(&self.outcome.get().to_le_bytes());
    }

    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let content = Content::new(cursor.u64()?);
        Ok(Self { content, outcome: OutcomeNumber::new(cursor.counter()?) })
    }
}

/// Of a split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AppliedSplit {
    /// What it said.
    pub(crate) content: Content,
    /// Its number.
    pub(crate) split: SplitNumber,
}

impl Remembered for AppliedSplit {
    const LEN: usize = 16;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content.get().to_le_bytes());
        out.extend_from_slice(&self.split.get().to_le_bytes());
    }

    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let content = Content::new(cursor.u64()?);
        Ok(Self { content, split: SplitNumber::new(cursor.counter()?) })
    }
}
