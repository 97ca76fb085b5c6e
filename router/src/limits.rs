//! Every limit of a router, each with its reason, asserted against the others.

use std::time::Duration;

use allot_domain::limits::{MESSAGE_MAX, SHARDS_MAX};
use allot_runtime::RECYCLED_BYTES_MAX;
use allot_wire::backplane::AWAY_AFTER;

/// Messages taken in one turn; other agents may share the thread.
pub(crate) const MESSAGES_PER_TURN: usize = 256;

/// Frames of the shards taken in one turn: each may hold the replies to a frame of inputs, and
/// clients wait meanwhile.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// How long the door stays shut while a shard is missing at the start.
pub(crate) const SHUT_AT_MOST: Duration = Duration::from_secs(5);

/// How often clients that do not read, and shards that are silent, are checked.
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(500);

/// How soon a parked client is tried again: soon enough that it does not notice, and rarely enough
/// that clients that never read cost nothing that others notice.
pub(crate) const PARKED_RETRY: Duration = Duration::from_millis(1);

/// A frame of inputs that has grown to this length is sent at once rather than at the end of the
/// turn: before its buffer doubles to more than rings hand back.
pub(crate) const INPUTS_LEN_FULL: usize = 32 << 10;

/// A message of replies that has grown to this length is sent at once rather than at the end of
/// the turn.
pub(crate) const MESSAGE_LEN_FULL: usize = 32 << 10;

/// The largest buffer that a client keeps: buffers double as they grow, and the last reply may be
/// long.
pub(crate) const OUTGOING_LEN_MAX: usize = 3 * MESSAGE_LEN_FULL;

/// The most bytes that wait for a client that does not read.
pub(crate) const PARKED_LEN_MAX: usize = 8 << 20;

/// The most clients that are known at once: more than a process has descriptors, and memory is
/// bounded.
pub(crate) const CLIENTS_MAX: usize = 65_536;

/// The most sources whose client is remembered, for late replies.
pub(crate) const SOURCES_MAX: usize = 65_536;

/// The rest of a message is not read after this many refused lines: the rejections of a message of
/// garbage would be many times as long as it.
pub(crate) const REFUSED_LINES_MAX: u32 = 1_000;

/// The most inputs that a shard may owe replies to, unless told otherwise.
pub(crate) const INPUTS_OWED_MAX: u64 = 8_192;

/// How often reports are made, unless told otherwise.
pub(crate) const REPORT_EVERY: Duration = Duration::from_secs(10);

// A shard is checked several times before it counts as away, and the door opens in spite of it.
const _: () = assert!(CHECK_EVERY.as_millis() * 4 <= AWAY_AFTER.as_millis());
const _: () = assert!(AWAY_AFTER.as_millis() < SHUT_AT_MOST.as_millis());
const _: () = assert!(PARKED_RETRY.as_millis() < CHECK_EVERY.as_millis());
// One message of replies never fills what may be parked.
const _: () = assert!(OUTGOING_LEN_MAX < PARKED_LEN_MAX);
// The buffer of a full frame, which doubles as it grows, is one that a ring hands back.
const _: () = assert!(INPUTS_LEN_FULL * 2 <= RECYCLED_BYTES_MAX);
// The rejections of one message of garbage fit among what may be parked.
const _: () = assert!(REFUSED_LINES_MAX as usize * 1_024 <= PARKED_LEN_MAX);
const _: () = assert!(MESSAGE_MAX < PARKED_LEN_MAX);
// One client may speak for many sources, and many clients for one; neither table is the first to
// be full.
const _: () = assert!(CLIENTS_MAX == SOURCES_MAX);
// What a handle keeps of the number of a slot.
const _: () = assert!(CLIENTS_MAX <= u32::MAX as usize);
// One turn takes a frame of every shard.
const _: () = assert!(SHARDS_MAX <= FRAMES_PER_TURN);
const _: () = assert!(AWAY_AFTER.as_millis() < REPORT_EVERY.as_millis());
// A shard may owe several turns' worth of messages.
const _: () = assert!(MESSAGES_PER_TURN as u64 <= INPUTS_OWED_MAX / 4);
