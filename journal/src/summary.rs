//! A summary: what is in a folder, file by file, found by reading all of it once.

use std::sync::Arc;

use allot_domain::LogIndex;

use crate::file_name::{self, Listing};
use crate::opened_segment::{OpenedSegment, open_segment};
use crate::scan::Scan;
use crate::snapshot::{Found, SnapshotHead, damaged_at, open_snapshot};
use crate::{JournalError, Media};

/// One segment, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentSummary {
    /// Its name.
    pub file: String,
    /// Its number.
    pub number: u64,
    /// The first record that is or will be in it; zero if it was never begun.
    pub first_index: LogIndex,
    /// The last record in it; the one before the first if it has none.
    pub last_index: LogIndex,
    /// How much of it is used, its head included.
    pub bytes_used: u64,
    /// Its state.
    pub state: SegmentState,
}

/// The state of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SegmentState {
    /// It was filled, and another follows.
    Sealed,
    /// The next batch goes into it.
    Current,
    /// The next batch goes into it, and its last batch, with this many bytes, was never finished.
    /// A start cuts that batch.
    Torn(u64),
    /// It was made and never begun.
    Spare,
    /// It is not as it was written.
    Damaged(JournalError),
    /// It was not read, because it is behind damage or before a gap.
    Unread,
}

/// One snapshot, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotSummary {
    /// Its name.
    pub file: String,
    /// The last record that is in it.
    pub index: LogIndex,
    /// The length of the state.
    pub bytes: u64,
    /// The XXH3 hash of the state, 128 bits.
    pub hash: u128,
    /// What is wrong with it, if anything, and where; to be read after "is".
    pub damage: Option<String>,
}

/// The summaries of all files.
#[derive(Debug, Default)]
pub(crate) struct FolderSummary {
    pub(crate) segments: Vec<SegmentSummary>,
    pub(crate) snapshots: Vec<SnapshotSummary>,
    /// The heads of the snapshots, in the same order; `None` for those that cannot be read.
    heads: Vec<Option<SnapshotHead>>,
    /// The first segment that was not removed on purpose, as the latest snapshot says; zero: not
    /// known.
    pub(crate) kept_from: u64,
}

impl FolderSummary {
    pub(crate) fn of(media: &Arc<dyn Media>, listing: &Listing) -> Result<Self, JournalError> {
        let mut summary = Self { kept_from: 1, ..Self::default() };
        for &index in &listing.snapshots {
            summary.read_snapshot(&**media, index)?;
        }
        summary.segments = listing.segments.iter().map(|number| unread(*number)).collect();
        let Some(&first) = listing.run().first() else {
            return Ok(summary);
        };
        let run = listing.segments.len() - listing.run().len();
        match start(media, listing) {
            Ok(Some(scan)) => summary.read_segments(scan, run),
            Ok(None) => summary.segments[run].state = SegmentState::Spare,
            Err(error) => summary.damage(error, &file_name::segment(first)),
        }
        Ok(summary)
    }

    fn read_snapshot(&mut self, media: &dyn Media, index: LogIndex) -> Result<(), JournalError> {
        let (head, damage) = match open_snapshot(media, index, None, false)? {
            Found::Good(head, _) => {
                self.kept_from = head.kept_from;
                (Some(head), None)
            }
            Found::Damaged { damage, kept_from } => {
                self.kept_from = kept_from;
                (None, Some(damage))
            }
        };
        let (bytes, hash) = head.as_ref().map_or((0, 0), |head| (head.bytes, head.hash));
        let file = file_name::snapshot(index);
        self.snapshots.push(SnapshotSummary { file, index, bytes, hash, damage });
        self.heads.push(head);
        Ok(())
    }

    /// Reads all segments without a gap; `run` is the position of the first of them in `segments`.
    fn read_segments(&mut self, mut scan: Scan, run: usize) {
        self.check_snapshots(&scan);
        let result = loop {
            let result = scan.advance();
            let summary = &mut self.segments[run + scan.begun().len() - 1];
            summary.last_index = scan.index();
            summary.bytes_used = scan.offset();
            match result {
                Ok(true) => self.check_snapshots(&scan),
                other => break other,
            }
        };
        for (start, summary) in scan.begun().iter().zip(&mut self.segments[run..]) {
            assert_eq!(summary.number, start.number, "the scan reads the segments in order");
            let before = start.first_index.previous().expect("no segment begins with record 0");
            summary.first_index = start.first_index;
            summary.last_index = summary.last_index.max(before);
            summary.state = SegmentState::Sealed;
        }
        let last = run + scan.begun().len() - 1;
        match result {
            Ok(_) => self.end(&scan, last),
            Err(error) => self.damage(error, scan.file()),
        }
    }

    /// The journal was read to its end, in the segment at position `last`.
    fn end(&mut self, scan: &Scan, last: usize) {
        let torn_bytes = scan.tail().map_or(0, |tail| tail.torn_bytes);
        self.segments[last].state = match torn_bytes {
            0 => SegmentState::Current,
            torn_bytes => SegmentState::Torn(torn_bytes),
        };
        if scan.spare().is_some() {
            self.segments[last + 1].state = SegmentState::Spare;
        }
        for snapshot in self.snapshots.iter_mut().filter(|one| scan.index() < one.index) {
            snapshot.damage = Some(damaged_at(0, "the journal ends before it"));
        }
    }

    /// Marks the segment that an error names, or else this one.
    fn damage(&mut self, error: JournalError, file: &str) {
        let named = match &error {
            JournalError::Corrupt { file, .. } | JournalError::Media { file, .. } => file,
            JournalError::Stamp { file, .. } | JournalError::Version { file, .. } => file,
            _ => file,
        };
        if let Some(summary) = self.segments.iter_mut().find(|summary| summary.file == *named) {
            summary.state = SegmentState::Damaged(error);
        }
    }

    /// Checks that the snapshot of the record at which the scan is was made from this journal.
    fn check_snapshots(&mut self, scan: &Scan) {
        let Ok(at) = self.snapshots.binary_search_by_key(&scan.index(), |one| one.index) else {
            return;
        };
        let is_from_this =
            |head: &SnapshotHead| head.chain == scan.chain() && head.stamp == scan.head().stamp;
        if self.heads[at].as_ref().is_some_and(|head| !is_from_this(head)) {
            let what = "the snapshot was not made from this journal";
            self.snapshots[at].damage = Some(damaged_at(0, what));
        }
    }

    /// Whether a good snapshot holds this record.
    pub(crate) fn has_snapshot_from(&self, index: LogIndex) -> bool {
        self.snapshots.iter().any(|one| index <= one.index && one.damage.is_none())
    }
}

fn unread(number: u64) -> SegmentSummary {
    SegmentSummary {
        file: file_name::segment(number),
        number,
        first_index: LogIndex::ZERO,
        last_index: LogIndex::ZERO,
        bytes_used: 0,
        state: SegmentState::Unread,
    }
}

/// The scan over all segments without a gap; `None` if none of them was ever begun.
pub(crate) fn start(
    media: &Arc<dyn Media>,
    listing: &Listing,
) -> Result<Option<Scan>, JournalError> {
    let Some((&first, after)) = listing.run().split_first() else {
        return Ok(None);
    };
    match open_segment(&**media, first, LogIndex::FIRST, None)? {
        OpenedSegment::Spare(_) => Ok(None),
        OpenedSegment::Begun(head, read_ahead) => {
            Ok(Some(Scan::start(Arc::clone(media), head, read_ahead, after.to_vec())))
        }
    }
}
