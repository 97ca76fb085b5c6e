//! Every limit of a shard, each with its reason, asserted against the others.

use std::time::Duration;

use allot_domain::limits::MESSAGE_MAX;
use allot_journal::PAYLOAD_BYTES_MAX;
use allot_runtime::RECYCLED_BYTES_MAX;
use allot_wire::backplane::INPUT_BODY_MAX;

/// Frames of inputs taken in one turn; other agents may share the thread.
pub(crate) const FRAMES_PER_TURN: usize = 16;

/// Turns with one input each before the shard syncs by itself: a client that waits for each reply
/// gets there at once, and one that sends many at a time never does.
pub(crate) const INLINE_AFTER: u32 = 8;

/// A turn with such a sync that takes longer is slow: others wait meanwhile.
pub(crate) const INLINE_TURN_MAX: Duration = Duration::from_millis(1);

/// More slow turns in a row than this, and the disk is left to the committer.
pub(crate) const INLINE_SLOW_MAX: u32 = 2;

/// For how long.
pub(crate) const INLINE_PAUSE: Duration = Duration::from_secs(1);

/// A frame of replies, or of events, that has grown to this length is sent before the frame of
/// inputs is done, and before its buffer doubles to more than is kept.
pub(crate) const REPLIES_LEN_FULL: usize = 32 << 10;

/// Bytes waiting for the disk or for the router at which the shard takes no more inputs.
pub(crate) const WAITING_LEN_MAX: usize = 16 << 20;

/// Buffers kept for reuse: as many frames as are in flight to a disk and two links.
pub(crate) const SPARES_MAX: usize = 64;

/// The largest buffer kept: one large report must not make all of them large. A frame of replies
/// always is kept: buffers double as they grow, and the last reply may be long.
pub(crate) const SPARE_LEN_MAX: usize = 3 * REPLIES_LEN_FULL;

const _: () = assert!(REPLIES_LEN_FULL < WAITING_LEN_MAX);
// Spare buffers never hold more than what may wait.
const _: () = assert!(SPARES_MAX * SPARE_LEN_MAX <= WAITING_LEN_MAX);
// The buffer of a full frame of replies, which doubles as it grows, is one that a ring hands back.
const _: () = assert!(REPLIES_LEN_FULL * 2 <= RECYCLED_BYTES_MAX);
// One turn cannot make more frames of full length than may wait.
const _: () = assert!(FRAMES_PER_TURN * REPLIES_LEN_FULL < WAITING_LEN_MAX);
// Whatever an input is, a record of the journal has room for it.
const _: () = assert!(MESSAGE_MAX <= PAYLOAD_BYTES_MAX && INPUT_BODY_MAX <= PAYLOAD_BYTES_MAX);
