//! A draft: a file under another name until it is whole and on disk.

use crate::field::{narrow, wide};
use crate::file_name::unfinished;
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

    /// How much was written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// How much the next step should write; nothing when the file is whole.
    pub(super) fn next_bytes(&self) -> usize {
        narrow((self.bytes - self.written).min(wide(STEP_BYTES)))
    }

    /// Writes the next piece and syncs it: many small syncs delay the committer's less than one
    /// large one.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), JournalError> {
        let media = |operation| {
            let name = unfinished(&self.name);
            move |cause| JournalError::media(operation, &name, &cause)
        };
        self.file.write_at(self.written, piece).map_err(media("write"))?;
        self.file.sync().map_err(media("sync"))?;
        self.written += wide(piece.len());
        Ok(())
    }

    /// Gives the file its name, for good. There is no way back from here: an error is no lack of
    /// room that could be waited out.
    pub(super) fn publish(self, media: &dyn Media) -> Result<(), JournalError> {
        let failed = |operation| {
            let name = self.name.clone();
            move |cause| JournalError::final_media(operation, &name, &cause)
        };
        media.rename(&unfinished(&self.name), &self.name).map_err(failed("rename to"))?;
        media.sync_folder().map_err(failed("sync the folder of"))
    }

    /// Gives its room back.
    pub(super) fn abandon(self, media: &dyn Media) -> Result<(), JournalError> {
        let name = unfinished(&self.name);
        media.remove(&name).map_err(|cause| JournalError::media("remove", &name, &cause))
    }
}
