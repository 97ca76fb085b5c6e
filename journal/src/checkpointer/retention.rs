//! The retention: which files a start would need, and which nobody does.

use std::collections::BTreeMap;

use crate::file_name::{self, Listing};
use crate::{JournalError, Media};

/// How many good snapshots are kept: the latest, and one to fall back to.
const SNAPSHOTS_KEPT: usize = 2;

/// What stands on disk, as far as it matters.
pub(crate) struct Retention {
    prune: bool,
    /// The first index of each segment that was begun, from the one on that the last start
    /// read first.
    segments: BTreeMap<u64, u64>,
    /// The indexes of the latest snapshots that were read and found good, ascending.
    snapshots: Vec<u64>,
}

impl Retention {
    pub(crate) fn new(prune: bool, segments: &[(u64, u64)], snapshot: Option<u64>) -> Self {
        let segments = segments.iter().copied().collect();
        Self { prune, segments, snapshots: snapshot.into_iter().collect() }
    }

    /// A segment was begun with this record.
    pub(crate) fn begun(&mut self, number: u64, first_index: u64) {
        self.segments.insert(number, first_index);
    }

    /// A snapshot was read back and found good.
    pub(crate) fn kept(&mut self, index: u64) {
        self.snapshots.retain(|snapshot| *snapshot != index);
        self.snapshots.push(index);
        let surplus = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        self.snapshots.drain(..surplus);
    }

    /// Removes every snapshot but the latest good ones, and every segment that not even the older of
    /// them needs.
    pub(crate) fn prune(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        let Some(first) = self.first_needed().filter(|_| self.prune) else {
            return Ok(());
        };
        let listing = Listing::of(media)?;
        let snapshots =
            listing.snapshots.iter().filter(|snapshot| !self.snapshots.contains(snapshot));
        let segments = listing.segments.iter().filter(|number| **number < first);
        let snapshots = snapshots.map(|snapshot| file_name::snapshot(*snapshot));
        let names: Vec<String> =
            snapshots.chain(segments.map(|number| file_name::segment(*number))).collect();
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

    /// The segment with the record after the older snapshot, once there are enough snapshots.
    fn first_needed(&self) -> Option<u64> {
        let older = self.snapshots.first().filter(|_| self.snapshots.len() == SNAPSHOTS_KEPT)?;
        let holds = |&(_, first): &(&u64, &u64)| *first <= older + 1;
        self.segments.iter().filter(holds).map(|(number, _)| *number).next_back()
    }
}
