//! The shelf: which files a start would need, and which nobody does.

use std::collections::BTreeMap;

use crate::file_name::{self, Listing};
use crate::{JournalError, Media};

/// How many good images are kept: the latest, and one to fall back to.
const IMAGES_KEPT: usize = 2;

/// What stands on disk, as far as it matters.
pub(crate) struct Shelf {
    prune: bool,
    /// The first sequence of each segment that was begun, from the one on that the last start
    /// read first.
    segments: BTreeMap<u64, u64>,
    /// The sequences of the latest images that were read and found good, ascending.
    images: Vec<u64>,
}

impl Shelf {
    pub(crate) fn new(prune: bool, segments: &[(u64, u64)], image: Option<u64>) -> Self {
        let segments = segments.iter().copied().collect();
        Self { prune, segments, images: image.into_iter().collect() }
    }

    /// A segment was begun with this record.
    pub(crate) fn begun(&mut self, number: u64, first_sequence: u64) {
        self.segments.insert(number, first_sequence);
    }

    /// An image was read back and found good.
    pub(crate) fn kept(&mut self, sequence: u64) {
        self.images.retain(|image| *image != sequence);
        self.images.push(sequence);
        let surplus = self.images.len().saturating_sub(IMAGES_KEPT);
        self.images.drain(..surplus);
    }

    /// Removes every image but the latest good ones, and every segment that not even the older of
    /// them needs.
    pub(crate) fn prune(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        let Some(first) = self.first_needed().filter(|_| self.prune) else {
            return Ok(());
        };
        let listing = Listing::of(media)?;
        let images = listing.images.iter().filter(|image| !self.images.contains(image));
        let segments = listing.segments.iter().filter(|number| **number < first);
        let images = images.map(|image| file_name::image(*image));
        let names: Vec<String> =
            images.chain(segments.map(|number| file_name::segment(*number))).collect();
        for name in &names {
            media
                .remove(name)
                .map_err(|cause| JournalError::final_media("remove", name, &cause))?;
        }
        self.segments = self.segments.split_off(&first);
        if names.is_empty() {
            return Ok(());
        }
        media
            .sync_folder()
            .map_err(|cause| JournalError::final_media("sync the folder of", &names[0], &cause))
    }

    /// The segment with the record after the older image, once there are enough images.
    fn first_needed(&self) -> Option<u64> {
        let older = self.images.first().filter(|_| self.images.len() == IMAGES_KEPT)?;
        let holds = |&(_, first): &(&u64, &u64)| *first <= older + 1;
        self.segments.iter().filter(holds).map(|(number, _)| *number).next_back()
    }
}
