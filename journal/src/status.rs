//! Status: what the three ends of a journal tell each other, as frames on their links.
//!
//! ```text
//!            records, snapshots          segments begun, snapshots
//!   Journal ════════════════► Committer ═══════════════════════► Checkpointer
//!           ◄════════════════           ◄═══════════════════════
//!            CommitStatus                CheckpointStatus
//! ```
//!
//! A status is complete in itself: only the latest one counts. One that finds no room on the link
//! is dropped, and a later one is made from the values of that moment.

use allot_domain::{Cursor, CutShort, LogIndex};

use crate::field::put;
use crate::segment::SegmentStart;

/// The last byte of a frame says what the frame is, so that a buffer can be filled from its start.
pub(crate) const RECORDS: u8 = 1;
/// See [`RECORDS`]. The state comes first, then its index and the chain after it.
pub(crate) const SNAPSHOT: u8 = 2;
/// See [`RECORDS`]. The number of a segment and its first index come first.
pub(crate) const SEGMENT_BEGUN: u8 = 3;

/// The end of a frame with a snapshot: index, chain, [`SNAPSHOT`].
const SNAPSHOT_TRAILER_BYTES: usize = 8 + CHAIN_AND_KIND_BYTES;
const CHAIN_AND_KIND_BYTES: usize = 8 + 1;

/// What the committer tells the shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CommitStatus {
    /// The last record on disk.
    pub(crate) durable: LogIndex,
    /// The latest that the checkpointer said.
    pub(crate) checkpoint: CheckpointStatus,
    /// Whether the journal has failed; the [`Failure`](crate::failure::Failure) says why.
    pub(crate) is_failed: bool,
}

/// What the checkpointer tells the committer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CheckpointStatus {
    /// The last segment that can be begun, or was.
    pub(crate) ready_segment: u64,
    /// Whether the disk has no room for another segment.
    pub(crate) is_full: bool,
    /// The last snapshot that was stored since the start.
    pub(crate) snapshot: Option<LogIndex>,
    /// Whether the journal has failed.
    pub(crate) is_failed: bool,
}

/// A snapshot as it travels from the shard to the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SnapshotFrame<'a> {
    pub(crate) index: LogIndex,
    /// The chain after its last record.
    pub(crate) chain: u64,
    pub(crate) state: &'a [u8],
}

impl CommitStatus {
    pub(crate) fn write(&self, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend_from_slice(&self.durable.get().to_le_bytes());
        frame.push(u8::from(self.is_failed));
        self.checkpoint.append(frame);
    }

    pub(crate) fn read(frame: &[u8]) -> Self {
        let mut fields = Cursor::new(frame);
        Self::fields(&mut fields).expect("the committer sends complete frames")
    }

    fn fields(fields: &mut Cursor<'_>) -> Result<Self, CutShort> {
        let durable = LogIndex::new(fields.u64()?);
        let is_failed = fields.u8()? != 0;
        Ok(Self { durable, is_failed, checkpoint: CheckpointStatus::fields(fields)? })
    }
}

impl CheckpointStatus {
    pub(crate) fn write(&self, frame: &mut Vec<u8>) {
        frame.clear();
        self.append(frame);
    }

    /// The index of the snapshot travels as that of the record after it, and `None` as zero.
    fn append(&self, frame: &mut Vec<u8>) {
        let after_snapshot = self.snapshot.map_or(LogIndex::ZERO, LogIndex::next);
        frame.extend_from_slice(&self.ready_segment.to_le_bytes());
        frame.extend_from_slice(&after_snapshot.get().to_le_bytes());
        frame.extend_from_slice(&[u8::from(self.is_full), u8::from(self.is_failed)]);
    }

    pub(crate) fn read(frame: &[u8]) -> Self {
        let mut fields = Cursor::new(frame);
        Self::fields(&mut fields).expect("the checkpointer sends complete frames")
    }

    fn fields(fields: &mut Cursor<'_>) -> Result<Self, CutShort> {
        Ok(Self {
            ready_segment: fields.u64()?,
            snapshot: LogIndex::new(fields.u64()?).previous(),
            is_full: fields.u8()? != 0,
            is_failed: fields.u8()? != 0,
        })
    }
}

impl<'a> SnapshotFrame<'a> {
    /// Ends a frame that holds the state after record `index`. The chain is added by
    /// [`put_chain`](Self::put_chain).
    pub(crate) fn end(frame: &mut Vec<u8>, index: LogIndex) {
        frame.extend_from_slice(&index.get().to_le_bytes());
        frame.extend_from_slice(&[0; 8]);
        frame.push(SNAPSHOT);
    }

    /// Adds the chain after the last record of the snapshot, which only the committer knows.
    pub(crate) fn put_chain(frame: &mut [u8], chain: u64) {
        let at = frame.len() - CHAIN_AND_KIND_BYTES;
        put(frame, at, &chain.to_le_bytes());
    }

    pub(crate) fn read(frame: &'a [u8]) -> Self {
        assert_eq!(frame.last(), Some(&SNAPSHOT), "the frame holds a snapshot");
        let (state, trailer) = frame.split_at(frame.len() - SNAPSHOT_TRAILER_BYTES);
        let mut fields = Cursor::new(trailer);
        let mut field = || fields.u64().expect("the trailer has its full length");
        Self { index: LogIndex::new(field()), chain: field(), state }
    }
}

/// Tells the checkpointer that a segment was begun.
pub(crate) fn write_segment_begun(frame: &mut Vec<u8>, start: SegmentStart) {
    frame.clear();
    frame.extend_from_slice(&start.number.to_le_bytes());
    frame.extend_from_slice(&start.first_index.get().to_le_bytes());
    frame.push(SEGMENT_BEGUN);
}

/// The segment that was begun.
pub(crate) fn read_segment_begun(frame: &[u8]) -> SegmentStart {
    assert_eq!(frame.last(), Some(&SEGMENT_BEGUN), "the frame names a segment");
    let mut fields = Cursor::new(frame);
    let mut field = || fields.u64().expect("the committer sends complete frames");
    SegmentStart { number: field(), first_index: LogIndex::new(field()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_was_written() {
        for snapshot in [None, Some(LogIndex::ZERO), Some(LogIndex::new(9))] {
            let checkpoint =
                CheckpointStatus { ready_segment: 3, is_full: true, snapshot, is_failed: false };
            let status = CommitStatus { durable: LogIndex::new(77), checkpoint, is_failed: true };
            let mut frame = vec![1, 2, 3];
            status.write(&mut frame);
            assert_eq!(CommitStatus::read(&frame), status);
            checkpoint.write(&mut frame);
            assert_eq!(CheckpointStatus::read(&frame), checkpoint);
        }
    }

    #[test]
    fn a_segment_and_a_snapshot_are_read_as_they_were_written() {
        let start = SegmentStart { number: 5, first_index: LogIndex::new(6) };
        let mut frame = vec![1, 2, 3];
        write_segment_begun(&mut frame, start);
        assert_eq!(read_segment_begun(&frame), start);

        let mut frame = b"state".to_vec();
        SnapshotFrame::end(&mut frame, LogIndex::new(7));
        SnapshotFrame::put_chain(&mut frame, 8);
        let expected = SnapshotFrame { index: LogIndex::new(7), chain: 8, state: b"state" };
        assert_eq!(SnapshotFrame::read(&frame), expected);
    }
}
