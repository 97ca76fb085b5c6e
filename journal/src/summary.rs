//! A summary: what is in a folder, file by file, found by reading all of it once.

use std::sync::Arc;

use crate::file_name::{self, Listing};
use crate::reader::{SegmentState, SegmentSummary, SnapshotSummary};
use crate::scan::{Opened, Scan, open_segment};
use crate::snapshot::{Found, SnapshotHead, open_snapshot};
use crate::{JournalError, Media};

/// The summaries, and what they were made of.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) segments: Vec<SegmentSummary>,
    pub(crate) snapshots: Vec<SnapshotSummary>,
    /// The heads of the snapshots that read well, in the same order.
    heads: Vec<Option<SnapshotHead>>,
}

impl Summary {
    pub(crate) fn of(media: &Arc<dyn Media>, listing: &Listing) -> Result<Self, JournalError> {
        let mut summary = Self::default();
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

    fn read_snapshot(&mut self, media: &dyn Media, index: u64) -> Result<(), JournalError> {
        let (head, damage) = match open_snapshot(media, index, None, false)? {
            Found::Good(head, _) => (Some(head), None),
            Found::Damaged(what) => (None, Some(what)),
        };
        let (bytes, hash) = head.as_ref().map_or((0, 0), |head| (head.bytes, head.hash));
        let file = file_name::snapshot(index);
        self.snapshots.push(SnapshotSummary { file, index, bytes, hash, damage });
        self.heads.push(head);
        Ok(())
    }

    /// Reads everything that hangs together; `run` is the place of its first segment.
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
        for (&(_, first), summary) in scan.begun().iter().zip(&mut self.segments[run..]) {
            summary.first_index = first;
            summary.last_index = summary.last_index.max(first - 1);
            summary.state = SegmentState::Sealed;
        }
        let last = run + scan.begun().len() - 1;
        match result {
            Ok(_) => self.end(&scan, last),
            Err(error) => self.damage(error, scan.file()),
        }
    }

    /// The journal was read to its end, in the segment at this place.
    fn end(&mut self, scan: &Scan, last: usize) {
        let torn_bytes = scan.tail().map_or(0, |tail| tail.torn_bytes);
        self.segments[last].state = match torn_bytes {
            0 => SegmentState::Current,
            torn_bytes => SegmentState::Torn(torn_bytes),
        };
        if scan.spare().is_some() {
            self.segments[last + 1].state = SegmentState::Spare;
        }
        for snapshot in self.snapshots.iter_mut().filter(|snapshot| scan.index() < snapshot.index) {
            snapshot.damage = Some("the journal ends before it".to_owned());
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

    /// Whether the snapshot of the record that the scan stands at was made of this journal.
    fn check_snapshots(&mut self, scan: &Scan) {
        let Ok(place) =
            self.snapshots.binary_search_by_key(&scan.index(), |snapshot| snapshot.index)
        else {
            return;
        };
        let made_of_this = |head: &SnapshotHead| {
            (head.chain, head.stamp.as_str()) == (scan.chain(), scan.head().stamp.as_str())
        };
        if self.heads[place].as_ref().is_some_and(|head| !made_of_this(head)) {
            self.snapshots[place].damage =
                Some("the snapshot was not made of this journal".to_owned());
        }
    }

    /// Whether a record is in a good snapshot.
    pub(crate) fn has_snapshot_from(&self, index: u64) -> bool {
        self.snapshots.iter().any(|snapshot| index <= snapshot.index && snapshot.damage.is_none())
    }
}

fn unread(number: u64) -> SegmentSummary {
    SegmentSummary {
        file: file_name::segment(number),
        number,
        first_index: 0,
        last_index: 0,
        bytes_used: 0,
        state: SegmentState::Unread,
    }
}

/// The scan over everything that hangs together; none if nothing was ever begun.
pub(crate) fn start(
    media: &Arc<dyn Media>,
    listing: &Listing,
) -> Result<Option<Scan>, JournalError> {
    let Some((&first, after)) = listing.run().split_first() else {
        return Ok(None);
    };
    match open_segment(&**media, first, 1, None)? {
        Opened::Spare(_) => Ok(None),
        Opened::Begun(head, read_ahead) => {
            Ok(Some(Scan::start(Arc::clone(media), head, read_ahead, after.to_vec())))
        }
    }
}
