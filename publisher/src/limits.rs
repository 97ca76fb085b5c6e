//! Every limit of a publisher, each with its reason, asserted against the others.

use std::time::Duration;

use allot_domain::limits::{ID_LEN_MAX, SHARDS_MAX};
use allot_runtime::PREFIX_BYTES_MAX;
use allot_wire::backplane::AWAY_AFTER;

/// Frames of the shards taken in one turn; other agents may share the thread.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// Bytes of frames after which a turn takes no more of them: events are encoded for subscribers,
/// and other agents may share the thread.
pub(crate) const FRAMES_LEN_PER_TURN: usize = 128 << 10;

/// How often subscribers hear that the publisher is there.
pub(crate) const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// How many cuts may be incomplete at once, for memory must be bounded.
///
/// A shard can lag further behind than that. The cost is feedback: cuts without a report are given
/// up first, and reports are few.
pub(crate) const CUTS_MAX: usize = 256;

/// Subscriptions taken in one turn: other agents may share the thread, and a long new prefix takes
/// some 0.2 ms.
pub(crate) const SUBSCRIPTIONS_PER_TURN: usize = 8;

/// Bytes that a turn reads, writes and publishes of a report: a few milliseconds of work. A large
/// report takes many turns, and other agents may share the thread.
pub(crate) const REPORT_LEN_PER_TURN: usize = 256 << 10;

/// What a publication counts for beside its length: to look a topic up costs as much as to write
/// some bytes.
pub(crate) const PUBLICATION_LEN_LEAST: usize = 128;

/// The largest buffer for bodies that is kept: one large report must not make it large for ever.
pub(crate) const BODY_LEN_KEPT: usize = 1 << 20;

/// How often a report that waits for subscribers is tried again.
pub(crate) const ROOM_RETRY: Duration = Duration::from_millis(1);

/// How many prefixes are kept: every topic of a large firm by itself, and memory is bounded.
pub(crate) const PREFIXES_MAX: usize = 65_536;

// Subscribers hear of a shard that is away soon after it counts as such.
const _: () = assert!(HEARTBEAT_EVERY.as_millis() < AWAY_AFTER.as_millis());
const _: () = assert!(ID_LEN_MAX * 2 < PREFIX_BYTES_MAX);
// More cuts may be incomplete than there are shards that can be late with one.
const _: () = assert!(SHARDS_MAX <= CUTS_MAX);
const _: () = assert!(SUBSCRIPTIONS_PER_TURN < PREFIXES_MAX);
// The prefixes that are kept are bounded in bytes.
const _: () = assert!(PREFIXES_MAX * PREFIX_BYTES_MAX <= 16 << 20);
// A turn publishes more than one body.
const _: () = assert!(PUBLICATION_LEN_LEAST * 64 <= REPORT_LEN_PER_TURN);
const _: () = assert!(REPORT_LEN_PER_TURN <= BODY_LEN_KEPT);
// One turn takes a part of every shard.
const _: () = assert!(SHARDS_MAX <= FRAMES_PER_TURN);
