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

/// Frames of a message: a reply has one, a publication three.
pub(crate) const FRAMES_MAX: usize = 4;

/// Subscriptions of a feed, as many as the server keeps of one connection; and the longest.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 16_383;
pub(crate) const TOPIC_LEN_MAX: usize = 256;

/// Bytes of all of them, less that of the heartbeat.
pub(crate) const SUBSCRIPTION_BYTES_MAX: usize = (128 << 10) - 10;

/// Topics whose last number is kept: those of all tickers that a server of 64 shards may have.
/// Beyond, what was lost before a publication is not known.
pub(crate) const TOPICS_MAX: usize = 64 * 65_536;

/// Gaps that were not taken: beyond, the oldest is forgotten.
pub(crate) const GAPS_MAX: usize = 4_096;

/// How long a publisher may be silent, whose heartbeat comes each second, before the connection is
/// made anew.
pub(crate) const FEED_SILENCE: Duration = Duration::from_secs(5);

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
    // Each has a header of two bytes at least, and one that says what it is.
    assert!(SUBSCRIPTION_BYTES_MAX + 16 * SUBSCRIPTIONS_MAX < OUTPUT_BYTES_MAX);
    assert!(OUTPUT_BYTES_MAX <= RECEIVED_BYTES_MAX && READ_BYTES < RECEIVED_BYTES_MAX);
};
