//! Applied: what is kept of each name that is remembered.

use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError};
use allot_domain::{Content, Remembered};

use crate::history::AnswerNumber;

/// Of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Applied {
    /// What it said.
    pub(crate) content: Content,
    /// What it was told, in the history; zero of one that waits, and of a DUMPLOG of all.
    pub(crate) answer: AnswerNumber,
}

impl Remembered for Applied {
    const LEN: usize = 16;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content.get().to_le_bytes());
        out.extend_from_slice(&self.answer.get().to_le_bytes());
    }

    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let content = Content::new(cursor.u64()?);
        Ok(Self { content, answer: AnswerNumber::new(cursor.counter()?) })
    }
}
