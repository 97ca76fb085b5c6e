//! The start point: where a start begins to read.

use std::sync::Arc;

use allot_domain::LogIndex;

use crate::file_name::{self, Listing};
use crate::opened_segment::{OpenedSegment, first_written, open_segment};
use crate::scan::Scan;
use crate::snapshot::{Found, Snapshot, SnapshotHead, open_snapshot};
use crate::{JournalError, Media};

/// The place in the log at which a snapshot was made.
#[derive(Clone, Copy)]
pub(super) struct SnapshotEnd {
    /// The last record in it.
    pub(super) index: LogIndex,
    /// The chain of the record after it.
    pub(super) chain: u64,
    /// The first segment that was not removed on purpose; zero: not known.
    pub(super) kept_from: u64,
}

/// The latest snapshot that is as it was written, and where it ends.
pub(super) fn latest_snapshot(
    media: &dyn Media,
    listing: &Listing,
    stamp: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<(Snapshot, SnapshotEnd)>, JournalError> {
    // What was removed on purpose, the latest says, even if its state is damaged.
    let mut latest = None;
    for &index in listing.snapshots.iter().rev() {
        match open_snapshot(media, index, Some(stamp), true)? {
            Found::Good(SnapshotHead { chain, kept_from: own, .. }, state) => {
                let kept_from = latest.unwrap_or(own);
                let end = SnapshotEnd { index, chain, kept_from };
                return Ok(Some((Snapshot { index, state }, end)));
            }
            Found::Damaged { damage, kept_from } => {
                latest.get_or_insert(kept_from);
                let file = file_name::snapshot(index);
                warnings.push(format!("{file} is {damage}; starting from an earlier one"));
            }
        }
    }
    Ok(None)
}

/// The scan that begins in the segment with the record after `snapshot`; `None` in a new folder.
pub(super) fn find_segment(
    media: &Arc<dyn Media>,
    listing: &Listing,
    stamp: &str,
    snapshot: LogIndex,
) -> Result<Option<Scan>, JournalError> {
    let run = listing.run();
    let wanted = snapshot.next();
    for (position, &number) in run.iter().enumerate().rev() {
        match open_segment(&**media, number, wanted, Some(stamp))? {
            OpenedSegment::Begun(head, read_ahead) if head.first_index <= wanted => {
                let after = run[position + 1..].to_vec();
                return Ok(Some(Scan::start(Arc::clone(media), head, read_ahead, after)));
            }
            OpenedSegment::Begun(..) => {}
            OpenedSegment::Spare(read_ahead) if position + 1 < run.len() => {
                let what = "a segment was never begun, but another follows";
                return read_ahead.corrupt(0, wanted, what);
            }
            OpenedSegment::Spare(mut read_ahead) if run == [1] => {
                if let Some(offset) = first_written(&mut read_ahead, 0)? {
                    let what = "a segment that was never begun is not all zeros";
                    return read_ahead.corrupt(offset, wanted, what);
                }
            }
            // The scan checks it.
            OpenedSegment::Spare(_) => {}
        }
    }
    if let (LogIndex::ZERO, Some(last)) = (snapshot, listing.snapshots.last()) {
        return Err(JournalError::NoSnapshot { file: file_name::snapshot(*last) });
    }
    let is_new = listing.snapshots.is_empty() && matches!(run, [] | [1]);
    let missing = run.first().map_or(1, |first| first.saturating_sub(1));
    let file = file_name::segment(missing);
    if is_new { Ok(None) } else { Err(JournalError::Missing { file, index: wanted }) }
}
