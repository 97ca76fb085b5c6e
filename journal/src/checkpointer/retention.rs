//! Retention: which files a start would need, and which can be removed.

use std::collections::BTreeMap;

use allot_domain::LogIndex;

use crate::file_name::{self, Listing};
use crate::limits::SNAPSHOTS_KEPT;
use crate::segment::SegmentStart;
use crate::{JournalError, Media};

/// The files on disk, as far as a start would read them.
pub(crate) struct Retention {
    prune: bool,
    /// The first index of each segment that was begun, by its number, from the segment on that the
    /// last start read first.
    segments: BTreeMap<u64, LogIndex>,
    /// The latest snapshots that were read and found good, ascending.
    snapshots: Vec<LogIndex>,
    /// The first segment that was not removed on purpose; zero: not known.
    kept_from: u64,
}

impl Retention {
    pub(crate) fn new(
        prune: bool,
        begun: &[SegmentStart],
        snapshot: Option<LogIndex>,
        kept_from: u64,
    ) -> Self {
        assert!(!begun.is_empty(), "the current segment was begun");
        let segments = begun.iter().map(|start| (start.number, start.first_index)).collect();
        Self { prune, segments, snapshots: snapshot.into_iter().collect(), kept_from }
    }

    /// The current segment.
    pub(crate) fn current(&self) -> u64 {
        *self.segments.last_key_value().expect("the current segment is always kept").0
    }

    /// The first segment that will be kept once this snapshot is stored.
    pub(crate) fn kept_from(&self, snapshot: LogIndex) -> u64 {
        let snapshots = with(&self.snapshots, snapshot);
        let first = self.first_needed(&snapshots).filter(|_| self.prune);
        first.unwrap_or(self.kept_from)
    }

    /// A segment was begun.
    pub(crate) fn segment_begun(&mut self, start: SegmentStart) {
        let (&number, &first_index) =
            self.segments.last_key_value().expect("the current segment is always kept");
        assert_eq!(start.number, number + 1, "segments are begun one after the other");
        assert!(first_index <= start.first_index, "later segments hold later records");
        self.segments.insert(start.number, start.first_index);
    }

    /// A snapshot was read back and found good.
    pub(crate) fn snapshot_stored(&mut self, index: LogIndex) {
        assert!(self.snapshots.last() <= Some(&index), "snapshots are stored in order");
        self.snapshots = with(&self.snapshots, index);
    }

    /// Removes every snapshot but the latest good ones, and every segment that not even the older
    /// of them needs.
    pub(crate) fn prune(&mut self, media: &dyn Media) -> Result<(), JournalError> {
        let Some(first) = self.first_needed(&self.snapshots).filter(|_| self.prune) else {
            return Ok(());
        };
        self.kept_from = first;
        let listing = Listing::of(media)?;
        let snapshots = listing.snapshots.iter().filter(|index| !self.snapshots.contains(index));
        let segments = listing.segments.iter().filter(|number| **number < first);
        let snapshots = snapshots.map(|index| file_name::snapshot(*index));
        let names: Vec<String> =
            snapshots.chain(segments.map(|number| file_name::segment(*number))).collect();
        for name in &names {
            media
                .remove(name)
                .map_err(|cause| JournalError::final_media("remove", name, &cause))?;
        }
        self.segments = self.segments.split_off(&first);
        assert!(!self.segments.is_empty(), "the current segment is always kept");
        if names.is_empty() {
            return Ok(());
        }
        media
            .sync_folder()
            .map_err(|cause| JournalError::final_media("sync the folder of", &names[0], &cause))
    }

    /// The segment that holds the record after the older of these snapshots, once there are enough.
    fn first_needed(&self, snapshots: &[LogIndex]) -> Option<u64> {
        let older = snapshots.first().filter(|_| snapshots.len() == SNAPSHOTS_KEPT)?;
        let holds = |&(_, first): &(&u64, &LogIndex)| *first <= older.next();
        self.segments.iter().filter(holds).map(|(number, _)| *number).next_back()
    }
}

/// The snapshots that are kept once this one is stored.
fn with(snapshots: &[LogIndex], index: LogIndex) -> Vec<LogIndex> {
    let mut snapshots: Vec<_> = snapshots.iter().copied().filter(|one| *one != index).collect();
    snapshots.push(index);
    let surplus = snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
    snapshots.drain(..surplus);
    snapshots
}
