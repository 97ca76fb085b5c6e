//! News: what the agents of a journal tell each other, as frames on their links.
//!
//! ```text
//!            records, snapshots             segments begun, snapshots
//!   Journal ════════════════► Committer ═══════════════════════► Checkpointer
//!           ◄════════════════           ◄═══════════════════════
//!            CommitStatus                    CheckpointStatus
//! ```
//!
//! What flows back is the whole state of affairs, each time: the latest frame is the only one that
//! counts, and one that finds no room is made again.

use crate::field::get_u64;

/// The last byte of a frame says what it is, so that a buffer can be filled from its start.
pub(crate) const RECORDS: u8 = 1;
/// See [`RECORDS`]. Before it stand the state, its index, and the chain after it.
pub(crate) const SNAPSHOT: u8 = 2;
/// See [`RECORDS`]. Before it stand the number of a segment and its first index.
pub(crate) const BEGUN: u8 = 3;

/// What ends the frame of a snapshot: index, chain, [`SNAPSHOT`].
pub(crate) const SNAPSHOT_TRAILER_BYTES: usize = 17;

/// What the committer tells the shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CommitStatus {
    /// The last record on disk.
    pub(crate) durable: u64,
    pub(crate) checkpoint: CheckpointStatus,
    /// The journal has failed; why, is in the [`Failure`](crate::failure::Failure).
    pub(crate) failed: bool,
}

/// What the checkpointer tells the committer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CheckpointStatus {
    /// The last segment that is ready to be begun.
    pub(crate) spare: u64,
    /// There is no room for another.
    pub(crate) full: bool,
    /// One more than the index of the last snapshot that is kept.
    pub(crate) snapshotd: u64,
    /// The journal has failed.
    pub(crate) failed: bool,
}

impl CommitStatus {
    pub(crate) fn write(&self, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend_from_slice(&self.durable.to_le_bytes());
        frame.push(u8::from(self.failed));
        self.checkpoint.append(frame);
    }

    pub(crate) fn read(frame: &[u8]) -> Self {
        let checkpoint = CheckpointStatus::read(&frame[9..]);
        Self { durable: get_u64(frame, 0), failed: frame[8] != 0, checkpoint }
    }
}

impl CheckpointStatus {
    pub(crate) fn write(&self, frame: &mut Vec<u8>) {
        frame.clear();
        self.append(frame);
    }

    fn append(&self, frame: &mut Vec<u8>) {
        frame.extend_from_slice(&self.spare.to_le_bytes());
        frame.extend_from_slice(&self.snapshotd.to_le_bytes());
        frame.extend_from_slice(&[u8::from(self.full), u8::from(self.failed)]);
    }

    pub(crate) fn read(frame: &[u8]) -> Self {
        let (spare, snapshotd) = (get_u64(frame, 0), get_u64(frame, 8));
        Self { spare, snapshotd, full: frame[16] != 0, failed: frame[17] != 0 }
    }
}

/// Ends the frame of a snapshot; the chain is still to come.
pub(crate) fn end_snapshot(frame: &mut Vec<u8>, index: u64) {
    frame.extend_from_slice(&index.to_le_bytes());
    frame.extend_from_slice(&[0; 8]);
    frame.push(SNAPSHOT);
}

/// The chain after the snapshot's last record, which the committer alone knows.
pub(crate) fn put_snapshot_chain(frame: &mut [u8], chain: u64) {
    let at = frame.len() - 9;
    frame[at..at + 8].copy_from_slice(&chain.to_le_bytes());
}

/// Index, chain and state of a snapshot.
pub(crate) fn read_snapshot(frame: &[u8]) -> (u64, u64, &[u8]) {
    let (state, trailer) = frame.split_at(frame.len() - SNAPSHOT_TRAILER_BYTES);
    (get_u64(trailer, 0), get_u64(trailer, 8), state)
}

/// A segment was begun.
pub(crate) fn write_begun(frame: &mut Vec<u8>, number: u64, first_index: u64) {
    frame.clear();
    frame.extend_from_slice(&number.to_le_bytes());
    frame.extend_from_slice(&first_index.to_le_bytes());
    frame.push(BEGUN);
}

/// Number and first index of a segment that was begun.
pub(crate) fn read_begun(frame: &[u8]) -> (u64, u64) {
    (get_u64(frame, 0), get_u64(frame, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_read_as_it_was_written() {
        let checkpoint = CheckpointStatus { spare: 3, full: true, snapshotd: 9, failed: false };
        let status = CommitStatus { durable: 77, checkpoint, failed: true };
        let mut frame = vec![1, 2, 3];
        status.write(&mut frame);
        assert_eq!(CommitStatus::read(&frame), status);
        checkpoint.write(&mut frame);
        assert_eq!(CheckpointStatus::read(&frame), checkpoint);
        write_begun(&mut frame, 5, 6);
        assert_eq!((read_begun(&frame), frame.last()), ((5, 6), Some(&BEGUN)));
        let mut frame = b"state".to_vec();
        end_snapshot(&mut frame, 7);
        put_snapshot_chain(&mut frame, 8);
        assert_eq!(read_snapshot(&frame), (7, 8, &b"state"[..]));
        assert_eq!(frame.last(), Some(&SNAPSHOT));
    }
}
