//! A snapshot writer: stores snapshots, one at a time.

use std::mem;

use allot_domain::LogIndex;

use super::Retention;
use super::unfinished_file::UnfinishedFile;
use crate::file_name;
use crate::length::{narrow, wide};
use crate::limits::{SECTOR, SECTOR_BYTES};
use crate::snapshot::{Found, SnapshotHead, open_snapshot};
use crate::status::SnapshotFrame;
use crate::{JournalError, Media};

/// Writes snapshots, reads them back, and removes what they replace.
pub(super) struct SnapshotWriter {
    stamp: String,
    pub(super) retention: Retention,
    /// The snapshot to be written, as it was received; empty if there is none.
    frame: Vec<u8>,
    writing: Option<(SnapshotHead, UnfinishedFile)>,
    /// A later snapshot, received while that one is being written.
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

    /// Whether part of a snapshot was written.
    pub(super) fn is_under_way(&self) -> bool {
        self.writing.is_some()
    }

    /// Takes the next snapshot. It replaces one that still waits.
    pub(super) fn take(&mut self, frame: Vec<u8>) {
        let index = SnapshotFrame::read(&frame).index;
        let replaced = if self.is_under_way() { &mut self.next } else { &mut self.frame };
        let is_later = replaced.is_empty() || SnapshotFrame::read(replaced).index <= index;
        assert!(is_later, "snapshots arrive in order");
        *replaced = frame;
    }

    /// Writes the next piece of the snapshot; returns its index once it is stored.
    pub(super) fn step(&mut self, media: &dyn Media) -> Result<Option<LogIndex>, JournalError> {
        let SnapshotFrame { index, chain, state } = SnapshotFrame::read(&self.frame);
        let Some((head, mut file)) = self.writing.take() else {
            let kept_from = self.retention.kept_from(index);
            let head = SnapshotHead::new(index, chain, state, kept_from, &self.stamp);
            let bytes = SECTOR + wide(state.len());
            let mut file = UnfinishedFile::create(media, file_name::snapshot(index), bytes)?;
            let written = file.write(&head.sector());
            self.writing = Some((head, file));
            return written.map(|()| None);
        };
        assert_eq!(head.index, index, "the snapshot is not replaced while it is being written");
        let bytes = file.next_bytes();
        if 0 < bytes {
            let at = narrow(file.written()) - SECTOR_BYTES;
            let written = file.write(&state[at..at + bytes]);
            self.writing = Some((head, file));
            return written.map(|()| None);
        }
        file.publish(media)?;
        self.read_back(media, &head)?;
        self.frame = mem::take(&mut self.next);
        self.retention.snapshot_stored(index);
        self.retention.prune(media)?;
        Ok(Some(index))
    }

    /// Removes what was written of the snapshot, to free its room and to start again later; then
    /// with the later snapshot, if there is one.
    pub(super) fn abandon(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        if !self.next.is_empty() {
            self.frame = mem::take(&mut self.next);
        }
        self.writing.take().map_or(Ok(()), |(_, file)| file.abandon(media))
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
