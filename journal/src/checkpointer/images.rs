//! Images on their way to the disk, one at a time.

use std::mem;

use super::Shelf;
use super::draft::Draft;
use crate::field::{narrow, wide};
use crate::file_name;
use crate::image::{Found, ImageHead, open_image};
use crate::limits::{SECTOR, SECTOR_BYTES};
use crate::news::read_image;
use crate::{JournalError, Media};

/// Writes images, reads them back, and removes what they replace.
pub(super) struct Images {
    stamp: String,
    pub(super) shelf: Shelf,
    /// State and trailer of the image under way, as they came; empty if there is none.
    frame: Vec<u8>,
    writing: Option<(ImageHead, Draft)>,
    /// The image after it, which came meanwhile.
    next: Vec<u8>,
}

impl Images {
    pub(super) fn new(stamp: String, shelf: Shelf) -> Self {
        Self { stamp, shelf, frame: Vec::new(), writing: None, next: Vec::new() }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_idle(&self) -> bool {
        self.frame.is_empty()
    }

    /// Whether some of an image was written.
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

    /// A bit more of the image; its sequence when it is kept.
    pub(super) fn step(&mut self, media: &dyn Media) -> Result<Option<u64>, JournalError> {
        let (sequence, chain, state) = read_image(&self.frame);
        let Some((head, mut draft)) = self.writing.take() else {
            let head = ImageHead::new(sequence, chain, state, &self.stamp);
            let bytes = SECTOR + wide(state.len());
            let mut draft = Draft::create(media, file_name::image(sequence), bytes)?;
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
        self.shelf.kept(sequence);
        self.shelf.prune(media)?;
        Ok(Some(sequence))
    }

    /// Gives back the room that was taken so far, to begin anew.
    pub(super) fn abandon(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        self.writing.take().map_or(Ok(()), |(_, draft)| draft.abandon(media))
    }

    fn read_back(&self, media: &dyn Media, head: &ImageHead) -> Result<(), JournalError> {
        match open_image(media, head.sequence, Some(&self.stamp), false)? {
            Found::Good(found, _) if found == *head => Ok(()),
            _ => Err(JournalError::Corrupt {
                file: file_name::image(head.sequence),
                offset: 0,
                sequence: head.sequence,
                what: "the image does not read back as it was written",
            }),
        }
    }
}
