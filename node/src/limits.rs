//! Limits: the largest and smallest values of the settings, each with its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

use allot_allocation_rules::limits::HISTORY_DEFAULT;
use allot_domain::limits::MARKER_EVERY;
use allot_journal::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_REAL_MIN};

/// The longest path of a socket in the file system, as the kernel has it (`sun_path`).
pub(crate) const SOCKET_PATH_LEN_MAX: usize = 107;

/// The shortest interval between reports: with a shorter one, no reader keeps up.
pub(crate) const REPORT_EVERY_MIN: Duration = Duration::from_millis(10);

/// The most inputs between two markers: with more, the shards drift apart.
pub(crate) const MARKER_EVERY_MAX: u64 = 1_000_000;

/// The longest history: about 200 bytes per reply, so a few gigabytes.
pub(crate) const HISTORY_MAX: usize = 1 << 24;

/// Bytes of a MiB.
pub(crate) const MIB: u64 = 1 << 20;

/// Sizes of a segment, in MiB: the journal's.
pub(crate) const SEGMENT_MIB: RangeInclusive<u64> =
    SEGMENT_BYTES_REAL_MIN / MIB..=SEGMENT_BYTES_MAX / MIB;

/// Journal size between two snapshots, in MiB. The largest is a terabyte, longer than any journal.
pub(crate) const IMAGE_MIB: RangeInclusive<u64> = 1..=1 << 20;

/// The most replies that a shard may owe: what it can apply in about a second.
pub(crate) const OWED_MAX: u64 = 1 << 20;

/// The longest sampling interval: with a longer one, a run of minutes has no samples.
pub(crate) const STAGES_EVERY_MAX: u64 = 1_000_000;

const _: () = {
    assert!(MARKER_EVERY <= MARKER_EVERY_MAX);
    assert!(HISTORY_DEFAULT <= HISTORY_MAX);
    assert!(*IMAGE_MIB.end() <= u64::MAX / MIB, "in bytes it must fit");
};
