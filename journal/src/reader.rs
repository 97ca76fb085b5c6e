//! A reader: a journal that nobody writes, looked at from the first segment on.

use std::sync::Arc;

use crate::file_name::{self, Listing};
use crate::scan::{Scan, Tail};
use crate::snapshot::{Found, open_snapshot};
use crate::summary::{self, Summary};
use crate::{JournalError, Media, Record, Snapshot};

/// Reads a whole journal and changes nothing. It knows no settings: the first segment says them.
pub struct Reader {
    media: Arc<dyn Media>,
    scan: Option<Scan>,
    stamp: String,
    segments: Vec<SegmentSummary>,
    snapshots: Vec<SnapshotSummary>,
    failed: Option<JournalError>,
}

/// One segment, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentSummary {
    /// Its name.
    pub file: String,
    /// Its number.
    pub number: u64,
    /// The first record that is or will be in it; zero if it was never begun.
    pub first_index: u64,
    /// The last record in it; one less than the first if there is none.
    pub last_index: u64,
    /// How much of it is used, its head included.
    pub bytes_used: u64,
    /// What it is.
    pub state: SegmentState,
}

/// What a segment is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SegmentState {
    /// It was filled, and another follows.
    Sealed,
    /// It is written.
    Current,
    /// It is written, and so many bytes at its end were never finished: a start cuts them.
    Torn(u64),
    /// It was made and never begun.
    Spare,
    /// It is not as it was written.
    Damaged(JournalError),
    /// It stands behind the damage, or before a gap, and was not read.
    Unread,
}

/// One snapshot, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotSummary {
    /// Its name.
    pub file: String,
    /// The last record that is in it.
    pub index: u64,
    /// The length of the state.
    pub bytes: u64,
    /// The XXH3 hash of the state, of 128 bits.
    pub hash: u128,
    /// What is wrong with it, if something is.
    pub damage: Option<String>,
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
    /// Reads everything once for the summaries; damage is in them, and where [`next`](Self::next)
    /// comes to it.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read, or has no segment that could be read first.
    pub fn open(media: Arc<dyn Media>) -> Result<Self, JournalError> {
        let listing = Listing::of(&*media)?;
        let summary = Summary::of(&media, &listing)?;
        let (scan, failed) = match summary::start(&media, &listing) {
            Ok(scan) => (scan, None),
            Err(error) => (None, Some(error)),
        };
        let failed = failed.or_else(|| missing(&listing, &summary, scan.as_ref()));
        let stamp = scan.as_ref().map_or(String::new(), |scan| scan.head().stamp.clone());
        Ok(Self {
            media,
            scan,
            stamp,
            segments: summary.segments,
            snapshots: summary.snapshots,
            failed,
        })
    }

    /// What the journal was stamped with; empty if nothing was ever written.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// All segments, ascending.
    pub fn segments(&self) -> &[SegmentSummary] {
        &self.segments
    }

    /// All snapshots, ascending.
    pub fn snapshots(&self) -> &[SnapshotSummary] {
        &self.snapshots
    }

    /// The state in the snapshot of this record; none if there is no good one.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read.
    pub fn snapshot(&self, index: u64) -> Result<Option<Snapshot>, JournalError> {
        Ok(match open_snapshot(&*self.media, index, None, true)? {
            Found::Good(_, state) => Some(Snapshot { index, state }),
            Found::Damaged(_) => None,
        })
    }

    /// The next record and its place; none at the end.
    ///
    /// # Errors
    /// [`JournalError`]: what is wrong, and where. It stays so.
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
        let (file, offset, record) = (scan.file(), scan.record_at(), scan.record());
        Ok(Some(Entry { file, offset, record }))
    }

    /// Where the journal ends, once [`next`](Self::next) has come there.
    pub fn tail(&self) -> Option<&Tail> {
        self.scan.as_ref().and_then(Scan::tail)
    }
}

/// What is not there and should be: records that are in no segment must be in a good snapshot.
fn missing(listing: &Listing, summary: &Summary, scan: Option<&Scan>) -> Option<JournalError> {
    let first = scan.map_or(1, |scan| scan.head().first_index);
    let is_new =
        scan.is_none() && listing.snapshots.is_empty() && matches!(listing.run(), [] | [1]);
    let is_whole = scan.is_some() && (first == 1 || summary.has_snapshot_from(first - 1));
    if is_new || is_whole {
        return None;
    }
    let number = listing.run().first().map_or(1, |number| number.saturating_sub(1));
    let after_snapshots = listing.snapshots.last().map_or(1, |snapshot| snapshot + 1);
    let index = if scan.is_some() { first - 1 } else { after_snapshots };
    Some(JournalError::Missing { file: file_name::segment(number), index })
}
