//! SnapshotWriter on their way to the disk, one at a time.

use std::mem;

use super::Retention;
use super::unfinished_file::UnfinishedFile;
use crate::field::{narrow, wide};
use crate::file_name;
use crate::limits::{SECTOR, SECTOR_BYTES};
use crate::snapshot::{Found, SnapshotHead, open_snapshot};
use crate::status::read_snapshot;
use crate::{JournalError, Media};

/// Writes snapshots, reads them back, and removes what they replace.
pub(super) struct SnapshotWriter {
    stamp: String,
    pub(super) retention: Retention,
    /// State and trailer of the snapshot under way, as they came; empty if there is none.
    frame: Vec<u8>,
    writing: Option<(SnapshotHead, UnfinishedFile)>,
    /// The snapshot after it, which came meanwhile.
    next: Vec<u8>,
}

impl SnapshotWriter {
    pub(super) fn new(stamp: String, retention: Retention) -> Self {
        Self { stamp, retention, frame: Vec::new(), writing: None, next: Vec::new() }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_idle(&self) -> bool {
        self.frame.is_empty()
    }

    /// Whether some of a snapshot was written.
    pub(super) fn is_under_way(&self) -> bool {
        self.writing.is_some()
    }

    /// This is the next. What still waits is not worth writing any more.
    pub(super) fn take(&mut self, frame: Vec<u8>) {
        if self.is_under_way() {
            self.next = frame;
        } else {
            self.frame = frame;
        }
    }

    /// A bit more of the snapshot; its index when it is kept.
    pub(super) fn step(&mut self, media: &dyn Media) -> Result<Option<u64>, JournalError> {
        let (index, chain, state) = read_snapshot(&self.frame);
        let Some((head, mut draft)) = self.writing.take() else {
            let head = SnapshotHead::new(index, chain, state, &self.stamp);
            let bytes = SECTOR + wide(state.len());
            let mut draft = UnfinishedFile::create(media, file_name::snapshot(index), bytes)?;
            let written = draft.write(&head.sector());
            self.writing = Some((head, draft));
            return written.map(|()| None);
        };
        let bytes = draft.next_bytes();
        if 0 < bytes {
            let at = narrow(draft.written()) - SECTOR_BYTES;
            let written = draft.write(&state[at..at + bytes]);
            self.writing = Some((head, draft));
            return written.map(|()| None);
        }
        draft.publish(media)?;
        self.read_back(media, &head)?;
        self.frame = mem::take(&mut self.next);
        self.retention.kept(index);
        self.retention.prune(media)?;
        Ok(Some(index))
    }

    /// Gives back the room that was taken so far, to begin anew.
    pub(super) fn abandon(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        self.writing.take().map_or(Ok(()), |(_, draft)| draft.abandon(media))
    }

    fn read_back(&self, media: &dyn Media, head: &SnapshotHead) -> Result<(), JournalError> {
        match open_snapshot(media, head.index, Some(&self.stamp), false)? {
            Found::Good(found, _) if found == *head => Ok(()),
            _ => Err(JournalError::Corrupt {
                file: file_name::snapshot(head.index),
                offset: 0,
                index: head.index,
                what: "the snapshot does not read back as it was written",
            }),
        }
    }
}
