//! Every bound of this crate, with its reason, each checked against the others at compile time.

/// What a disk writes whole or not at all. Disks of today write 4,096 bytes so; none writes less
/// than this.
pub(crate) const SECTOR_BYTES: usize = 512;
/// [`SECTOR_BYTES`], as places in files are counted.
pub(crate) const SECTOR: u64 = 512;

/// The most that one write and one sync put on disk. It is also how far behind the end of the
/// journal the rest of a torn batch can stand.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;
/// [`BATCH_BYTES_MAX`], as places in files are counted.
pub(crate) const BATCH_MAX: u64 = 4 << 20;

/// The largest payload of a record: twice the largest message of the front door.
pub const PAYLOAD_BYTES_MAX: usize = 2 << 20;

/// The longest stamp; it must fit into the first sector of a file.
pub const STAMP_BYTES_MAX: usize = 256;

/// The smallest segment there is: for tests, which want many.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// The smallest segment that takes every payload: the least for real use.
pub const SEGMENT_BYTES_REAL_MIN: u64 = 8 << 20;
/// A segment unless something else is asked for.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;
/// The largest segment: all of it is read at a start to see that nothing stands behind the end.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How much is appended between two snapshots unless something else is asked for: what a start has
/// to apply again, a few seconds' work.
pub const SNAPSHOT_EVERY_BYTES_DEFAULT: u64 = 256 << 20;

/// A buffer between the shard and the committer. A ring keeps and reuses buffers up to this size.
pub(crate) const FRAME_BYTES: usize = 64 << 10;

/// Buffers that may wait for the committer: with full ones, 4 MiB, a largest batch.
pub(crate) const LINK_FRAMES: usize = 64;

/// Messages that may wait between the committer and the checkpointer: a few for each segment.
pub(crate) const CHECKPOINTER_FRAMES: usize = 16;

/// Empty buffers that the shard's end keeps for the next time that the committer is behind.
pub(crate) const FREE_BUFFERS_MAX: usize = 64;

/// How much the checkpointer writes, and syncs, in one turn: short enough not to hold up the shard
/// where both share a thread, and the committer's syncs where both share a disk.
pub(crate) const STEP_BYTES: usize = 1 << 20;

/// How much is read from a file at once.
pub(crate) const READ_AHEAD_BYTES: usize = 1 << 20;

/// Lines of its log that a simulated disk keeps.
pub(crate) const LOG_LINES_MAX: usize = 4_096;

const _: () = {
    assert!(BATCH_BYTES_MAX.is_multiple_of(SECTOR_BYTES));
    assert!(SEGMENT_BYTES_MIN.is_multiple_of(SECTOR) && 4 * SECTOR <= SEGMENT_BYTES_MIN);
    assert!(SEGMENT_BYTES_MIN <= SEGMENT_BYTES_REAL_MIN);
    assert!(SEGMENT_BYTES_REAL_MIN <= SEGMENT_BYTES_DEFAULT);
    assert!(SEGMENT_BYTES_DEFAULT <= SEGMENT_BYTES_MAX);
    assert!(SECTOR + BATCH_MAX <= SEGMENT_BYTES_REAL_MIN);
    // The heads of a batch and of a record, and both paddings, are less than two sectors.
    assert!(PAYLOAD_BYTES_MAX + 2 * SECTOR_BYTES <= BATCH_BYTES_MAX);
    assert!(STAMP_BYTES_MAX + 128 <= SECTOR_BYTES);
    assert!(FRAME_BYTES * LINK_FRAMES == BATCH_BYTES_MAX);
};
