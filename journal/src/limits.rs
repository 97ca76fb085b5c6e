//! Every bound of this crate, with its reason, each checked against the others at compile time.

use std::time::Duration;

/// What a disk writes completely or not at all. Disks of today do so with 4,096 bytes, and none
/// with fewer than this.
pub(crate) const SECTOR_BYTES: usize = 512;
/// [`SECTOR_BYTES`] as a length in a file.
pub(crate) const SECTOR: u64 = 512;

/// The most that one write and one sync put on disk. The rest of a torn batch therefore stands at
/// most this far behind the end of the journal.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;
/// [`BATCH_BYTES_MAX`] as a length in a file.
pub(crate) const BATCH_MAX: u64 = 4 << 20;

/// The largest payload of a record: twice the largest message of the front door.
pub const PAYLOAD_BYTES_MAX: usize = 2 << 20;

/// The longest stamp. It must fit into the first sector of a file.
pub const STAMP_BYTES_MAX: usize = 256;

/// The largest number of a segment, and the largest index of a record or snapshot, that is read
/// from disk. Adding one to it cannot overflow, and no journal ever gets there.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;

/// The smallest segment. It is for tests, which want many segments.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// The smallest segment into which every payload fits: the least for production.
pub const SEGMENT_BYTES_REAL_MIN: u64 = 8 << 20;
/// The size of a segment by default: room for sixteen largest batches, so that segments change
/// rarely beside syncs.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;
/// The largest segment. A start reads all of it to see that nothing stands behind the end.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How much is appended between two snapshots by default. A start has to apply this much again,
/// which takes a few seconds.
pub const SNAPSHOT_EVERY_BYTES_DEFAULT: u64 = 256 << 20;

/// How many good snapshots are kept: the latest, and one to fall back to if it is damaged.
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

/// A buffer between the shard and the committer. A ring keeps and reuses buffers up to this size.
pub(crate) const FRAME_BYTES: usize = 64 << 10;

/// Frames that may wait on the link to the committer. If all are full they make 4 MiB, one largest
/// batch.
pub(crate) const LINK_FRAMES: usize = 64;

/// Frames that may wait on the link between committer and checkpointer: a few for each segment.
pub(crate) const CHECKPOINTER_FRAMES: usize = 16;

/// Empty buffers that the shard's end keeps for the next time that the committer is behind: as
/// many as the link can hold.
pub(crate) const FREE_BUFFERS_MAX: usize = 64;

/// How much the checkpointer writes and syncs in one turn. It must delay neither the shard, if both
/// share a thread, nor the committer's syncs on the same disk.
pub(crate) const STEP_BYTES: usize = 1 << 20;

/// How long the checkpointer waits, after the disk was full, before it tries again: long enough
/// to cost nothing, and short beside the time in which an operator makes room.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often the checkpointer looks whether the folder and the current segment are still there:
/// what is written to a file without a name is lost when the process ends.
pub(crate) const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How much is read from a file at once: two thousand sectors for one system call.
pub(crate) const READ_AHEAD_BYTES: usize = 1 << 20;

/// Lines of its log that a simulated disk keeps, so that the log of a long test stays bounded.
pub(crate) const LOG_LINES_MAX: usize = 4_096;

const _: () = {
    assert!(SECTOR_BYTES.is_power_of_two() && SECTOR_BYTES as u64 == SECTOR);
    assert!(BATCH_BYTES_MAX as u64 == BATCH_MAX && BATCH_BYTES_MAX.is_multiple_of(SECTOR_BYTES));
    // A batch and a record have their lengths in fields of 32 bits.
    assert!(BATCH_MAX <= u32::MAX as u64);
    assert!(SEGMENT_BYTES_MIN.is_multiple_of(SECTOR) && 4 * SECTOR <= SEGMENT_BYTES_MIN);
    assert!(SEGMENT_BYTES_MIN <= SEGMENT_BYTES_REAL_MIN);
    assert!(SEGMENT_BYTES_REAL_MIN <= SEGMENT_BYTES_DEFAULT);
    assert!(SEGMENT_BYTES_DEFAULT <= SEGMENT_BYTES_MAX);
    assert!(16 * BATCH_MAX <= SEGMENT_BYTES_DEFAULT);
    assert!(SECTOR + BATCH_MAX <= SEGMENT_BYTES_REAL_MIN);
    assert!(SEGMENT_BYTES_DEFAULT <= SNAPSHOT_EVERY_BYTES_DEFAULT);
    assert!(SEGMENT_BYTES_MAX < NUMBER_MAX);
    // The heads of a batch and of a record, and both paddings, are less than two sectors.
    assert!(PAYLOAD_BYTES_MAX + 2 * SECTOR_BYTES <= BATCH_BYTES_MAX);
    assert!(STAMP_BYTES_MAX + 128 <= SECTOR_BYTES);
    assert!(FRAME_BYTES * LINK_FRAMES == BATCH_BYTES_MAX);
    assert!(FREE_BUFFERS_MAX == LINK_FRAMES);
    // Pieces of whole sectors: a sector is written once.
    assert!(STEP_BYTES.is_multiple_of(SECTOR_BYTES));
    assert!(READ_AHEAD_BYTES.is_multiple_of(SECTOR_BYTES));
    assert!(0 < SNAPSHOTS_KEPT);
};
