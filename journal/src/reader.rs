//! A reader: reads a journal that is not being written, from the first segment on.

use std::sync::Arc;

use allot_domain::LogIndex;

use crate::file_name::{self, Listing};
use crate::scan::{Scan, Tail};
use crate::snapshot::{Found, open_snapshot};
use crate::summary::{self, FolderSummary};
pub use crate::summary::{SegmentState, SegmentSummary, SnapshotSummary};
use crate::{JournalError, Media, Record, Snapshot};

/// Reads a whole journal and changes nothing. It needs no settings: the first segment has them.
pub struct Reader {
    media: Arc<dyn Media>,
    scan: Option<Scan>,
    stamp: String,
    segments: Vec<SegmentSummary>,
    snapshots: Vec<SnapshotSummary>,
    lost: Option<String>,
    failed: Option<JournalError>,
}

/// A record and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The segment.
    pub file: &'a str,
    /// Where in it the record begins.
    pub offset: u64,
    /// The record.
    pub record: Record<'a>,
}

impl Reader {
    /// Reads everything once, for the summaries. Damage is in the summaries, and
    /// [`next`](Self::next) returns it when it gets there.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read.
    pub fn open(media: Arc<dyn Media>) -> Result<Self, JournalError> {
        let listing = Listing::of(&*media)?;
        let summary = FolderSummary::of(&media, &listing)?;
        let (scan, failed) = match summary::start(&media, &listing) {
            Ok(scan) => (scan, None),
            Err(error) => (None, Some(error)),
        };
        let failed = failed.or_else(|| missing(&listing, &summary, scan.as_ref()));
        let stamp = scan.as_ref().map_or(String::new(), |scan| scan.head().stamp.clone());
        let lost = listing.lost(summary.kept_from).map(file_name::segment);
        let FolderSummary { segments, snapshots, .. } = summary;
        Ok(Self { media, scan, stamp, segments, snapshots, lost, failed })
    }

    /// The stamp of the journal in a folder, of which nothing else is read; empty if nothing was
    /// ever written.
    ///
    /// # Errors
    /// [`JournalError`]: the folder or its first segment cannot be read.
    pub fn stamp_of(media: &Arc<dyn Media>) -> Result<String, JournalError> {
        let scan = summary::start(media, &Listing::of(&**media)?)?;
        Ok(scan.map_or(String::new(), |scan| scan.head().stamp.clone()))
    }

    /// The stamp of the journal; empty if nothing was ever written.
    #[must_use]
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// All segments, ascending.
    #[must_use]
    pub fn segments(&self) -> &[SegmentSummary] {
        &self.segments
    }

    /// All snapshots, ascending.
    #[must_use]
    pub fn snapshots(&self) -> &[SnapshotSummary] {
        &self.snapshots
    }

    /// The first segment that is missing although it was not pruned, if one is. What follows it can
    /// be read where a snapshot holds what was in it.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// The record of the newest snapshot, if the records end before it: the last segments are gone.
    #[must_use]
    pub fn cut_before(&self) -> Option<LogIndex> {
        let last = self.segments.iter().map(|segment| segment.last_index).max();
        let newest = self.snapshots.iter().map(|snapshot| snapshot.index).max();
        newest.filter(|newest| last.unwrap_or_default() < *newest)
    }

    /// What is wrong with the journal as a whole, if it cannot be read at all:
    /// [`next`](Self::next) returns it.
    #[must_use]
    pub fn failed(&self) -> Option<&JournalError> {
        self.failed.as_ref()
    }

    /// The snapshot after this record; `None` if there is no good one.
    ///
    /// # Errors
    /// [`JournalError`]: the snapshot has a version that this program does not know.
    pub fn snapshot(&self, index: LogIndex) -> Result<Option<Snapshot>, JournalError> {
        Ok(match open_snapshot(&*self.media, index, None, true)? {
            Found::Good(_, state) => Some(Snapshot { index, state }),
            Found::Damaged { .. } => None,
        })
    }

    /// The next record and where it is; `None` at the end.
    ///
    /// # Errors
    /// [`JournalError`]: what is wrong, and where. Every later call returns the same.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend what it reads")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(scan) = &mut self.scan else {
            return Ok(None);
        };
        match scan.advance() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
        }
        Ok(Some(Entry { file: scan.file(), offset: scan.record_at(), record: scan.record() }))
    }

    /// Where the journal ends, once [`next`](Self::next) has reached the end.
    pub fn tail(&self) -> Option<&Tail> {
        self.scan.as_ref().and_then(Scan::tail)
    }
}

/// The file that is missing, if one is. Records that are in no segment must be in a good snapshot.
fn missing(
    listing: &Listing,
    summary: &FolderSummary,
    scan: Option<&Scan>,
) -> Option<JournalError> {
    let before = scan.map_or(LogIndex::ZERO, Scan::before_first);
    let is_new =
        scan.is_none() && listing.snapshots.is_empty() && matches!(listing.run(), [] | [1]);
    let is_complete =
        scan.is_some() && (before == LogIndex::ZERO || summary.has_snapshot_from(before));
    if is_new || is_complete {
        return None;
    }
    if let Some(last) = listing.snapshots.last().filter(|last| scan.is_some() && before <= **last) {
        return Some(JournalError::NoSnapshot { file: file_name::snapshot(*last) });
    }
    let number = listing.run().first().map_or(1, |number| number.saturating_sub(1));
    let after_snapshots = listing.snapshots.last().map_or(LogIndex::FIRST, |last| last.next());
    let index = if scan.is_some() { before } else { after_snapshots };
    Some(JournalError::Missing { file: file_name::segment(number), index })
}
