//! Every bound of this crate, with its reason, checked against the others at compile time.

use std::time::Duration;

use allot_domain::limits::MESSAGE_MAX;

/// Requests without a reply, unless configured: enough to hide a round trip many times over.
pub(crate) const IN_FLIGHT_DEFAULT: usize = 1_024;

/// The most requests without a reply that can be configured: consecutive ones stay within
/// [`SPAN_MAX`].
pub(crate) const IN_FLIGHT_MAX: usize = 16_384;

/// The most by which the numbers of two requests without a reply may differ: all of them are among
/// the names that a shard remembers exactly, with those of many other sources.
pub(crate) const SPAN_MAX: u64 = 32_768;

/// Bytes of requests without a reply, and as many of replies that were not taken, unless
/// configured.
pub(crate) const BYTES_DEFAULT: usize = 16 << 20;

/// The least of these bytes: the longest request fits.
pub(crate) const BYTES_LEAST: usize = 2 << 20;

/// What each request and each reply counts beside its bytes: the memory of its place.
pub(crate) const WEIGHT: usize = 128;

/// Fills that wait for the first split, as many as one shard holds: then no more are taken.
pub(crate) const HELD_MAX: usize = 65_536;

/// Bytes that a connection has not taken, before it takes no more.
pub(crate) const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Bytes of the output that are worth a write of their own, before the end of a turn.
pub(crate) const WRITE_BYTES: usize = 32 << 10;

/// The longest message that is read: replies to the longest message of requests, for a split of
/// very many accounts each.
pub(crate) const RECEIVED_BYTES_MAX: usize = 64 << 20;

/// Frames of a message: an answer has one.
pub(crate) const FRAMES_MAX: usize = 2;

/// How much is read at once.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// Messages that are read in one turn, before requests have theirs.
pub(crate) const MESSAGES_PER_TURN: usize = 256;

/// How long a connection may take until it is open: as long as the server waits.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(3);

const _: () = {
    assert!(0 < IN_FLIGHT_DEFAULT && IN_FLIGHT_DEFAULT <= IN_FLIGHT_MAX);
    assert!(IN_FLIGHT_MAX <= 32_768 && SPAN_MAX == 32_768);
    assert!(MESSAGE_MAX + WEIGHT <= BYTES_LEAST && BYTES_LEAST <= BYTES_DEFAULT);
    assert!(MESSAGE_MAX <= OUTPUT_BYTES_MAX && WRITE_BYTES < OUTPUT_BYTES_MAX);
    assert!(OUTPUT_BYTES_MAX <= RECEIVED_BYTES_MAX && READ_BYTES < RECEIVED_BYTES_MAX);
};
