//! Preallocation: the segment after the current one, made of zeros before it is needed.
//!
//! Zeros that were written, and not a length that was set: a write into a hole would have to find
//! room on the disk, and tell the file system, just when somebody waits for the sync.

use super::unfinished_file::UnfinishedFile;
use crate::file_name;
use crate::limits::STEP_BYTES;
use crate::{JournalError, Media};

/// Makes spare segments, one at a time.
pub(crate) struct Preallocation {
    segment_bytes: u64,
    /// The segment that is ready, or an earlier one.
    ready: u64,
    wanted: u64,
    draft: Option<UnfinishedFile>,
    zeros: Vec<u8>,
}

impl Preallocation {
    /// The last segment that is there, begun or not, is `ready`.
    pub(crate) fn new(segment_bytes: u64, ready: u64) -> Self {
        Self { segment_bytes, ready, wanted: ready, draft: None, zeros: vec![0; STEP_BYTES] }
    }

    /// This segment is to be ready.
    pub(crate) fn want(&mut self, number: u64) {
        self.wanted = number;
    }

    /// Whether what is wanted is there.
    pub(crate) fn is_ready(&self) -> bool {
        self.wanted <= self.ready
    }

    /// The last segment that is there.
    pub(crate) fn ready(&self) -> u64 {
        self.ready
    }

    /// A bit more of the segment that is wanted.
    pub(crate) fn step(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        let mut draft = match self.draft.take() {
            Some(draft) => draft,
            None => {
                UnfinishedFile::create(media, file_name::segment(self.wanted), self.segment_bytes)?
            }
        };
        let bytes = draft.next_bytes();
        if bytes == 0 {
            draft.publish(media)?;
            self.ready = self.wanted;
            return Ok(());
        }
        let written = draft.write(&self.zeros[..bytes]);
        self.draft = Some(draft);
        written
    }

    /// Gives back the room that was taken so far.
    pub(crate) fn abandon(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        self.draft.take().map_or(Ok(()), |draft| draft.abandon(media))
    }
}
