//! An unfinished file: it has another name until it is complete and on disk.

use crate::file_name::unfinished;
use crate::length::{narrow, wide};
use crate::limits::STEP_BYTES;
use crate::{JournalError, Media, MediaFile};

/// A file that is being written.
pub(super) struct UnfinishedFile {
    name: String,
    file: Box<dyn MediaFile>,
    written: u64,
    bytes: u64,
}

impl UnfinishedFile {
    /// A file that will have this name and this length.
    pub(super) fn create(
        media: &dyn Media,
        name: String,
        bytes: u64,
    ) -> Result<Self, JournalError> {
        let file = media
            .create(&unfinished(&name))
            .map_err(|cause| JournalError::media("create", &unfinished(&name), &cause))?;
        Ok(Self { name, file, written: 0, bytes })
    }

    /// The length of what was written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// How much the next step should write; zero if the file is complete.
    pub(super) fn next_bytes(&self) -> usize {
        narrow((self.bytes - self.written).min(wide(STEP_BYTES)))
    }

    /// Writes the next piece and syncs it. Many small syncs delay the committer's less than one
    /// large one does.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), JournalError> {
        assert!(self.written + wide(piece.len()) <= self.bytes, "the file keeps its length");
        let media = |operation| {
            let name = unfinished(&self.name);
            move |cause| JournalError::media(operation, &name, &cause)
        };
        self.file.write_at(self.written, piece).map_err(media("write"))?;
        self.file.sync().map_err(media("sync"))?;
        self.written += wide(piece.len());
        Ok(())
    }

    /// Gives the file its name. From here on it cannot be abandoned, so even a lack of room is
    /// final.
    pub(super) fn publish(self, media: &dyn Media) -> Result<(), JournalError> {
        assert_eq!(self.written, self.bytes, "only a complete file gets its name");
        let failed = |operation| {
            let name = self.name.clone();
            move |cause| JournalError::final_media(operation, &name, &cause)
        };
        media.rename(&unfinished(&self.name), &self.name).map_err(failed("rename to"))?;
        media.sync_folder().map_err(failed("sync the folder of"))
    }

    /// Removes the file, to free its room.
    pub(super) fn abandon(self, media: &dyn Media) -> Result<(), JournalError> {
        let name = unfinished(&self.name);
        media.remove(&name).map_err(|cause| JournalError::media("remove", &name, &cause))
    }
}
