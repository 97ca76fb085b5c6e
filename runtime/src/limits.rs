//! Every bound of this crate, with its reason, each checked against the others at compile time.

use std::time::Duration;

/// How long a closing socket may try to hand over what was already sent.
/// Bounded, so that a shutdown never hangs on a peer that has gone.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// A silent TCP connection is asked by the kernel whether it still stands after this long, and
/// then again at the interval, as often as the count: 10 seconds until a vanished host is noticed.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// See [`KEEPALIVE_IDLE`].
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// See [`KEEPALIVE_IDLE`].
pub(crate) const KEEPALIVE_COUNT: u32 = 5;

/// A TCP connection whose peer takes no bytes for this long is closed. The kernel alone would try
/// for a quarter of an hour, and does not ask whether a connection stands while bytes are due.
pub(crate) const UNTAKEN: Duration = Duration::from_secs(10);

/// A connection that has not said what it is within this time is closed,
/// so that half-open connections cannot pile up.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(3);

/// The first and the longest pause between two attempts to connect.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(50);
/// See [`RECONNECT_FIRST`].
pub(crate) const RECONNECT_LONGEST: Duration = Duration::from_secs(1);

/// Messages that may wait for one peer of a link before the sender is told `Full`.
pub(crate) const LINK_HIGH_WATER: usize = 4_096;

/// Buffers above this size are not reused by a ring: a rare large frame would in time make every
/// one of its buffers as large. Its users end a frame at 64 KiB; buffers double as they grow, and
/// the last record may be long.
pub(crate) const RECYCLED_BYTES_MAX: usize = 192 << 10;

/// The largest frame of a link. The parts of a report over the largest book fit many times;
/// a length field that was garbage does not.
pub(crate) const LINK_FRAME_BYTES_MAX: usize = 256 << 20;

/// Messages that may wait for one client of the front door before it counts as slow.
pub(crate) const DOOR_HIGH_WATER: usize = 1_000;

/// Connections that may wait to be accepted. Of those beyond, the kernel drops the first bytes, and
/// a client that comes with a thousand others would be there seconds late, or tens of them.
pub(crate) const DOOR_BACKLOG: i32 = 4_096;

/// The largest frame that the front door reads; the connection of a larger one is closed.
/// Twice what the wire format allows, so that its own limit can be answered with a reason.
pub(crate) const DOOR_MESSAGE_BYTES_MAX: usize = 2 << 20;

/// Publications that may wait for one subscriber before the next ones are dropped for it.
pub(crate) const BROADCAST_HIGH_WATER: usize = 10_000;

/// The longest name of a peer. ZeroMQ keeps the length of a routing id in one byte, and the
/// number of the socket must fit as well.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Steps after which a stepped crew that is still working counts as stuck.
pub(crate) const SETTLE_STEPS_MAX: usize = 1_000_000;

/// Shared counters stand this far apart, so that two threads never write one cache line;
/// 128, because x86 prefetches lines in pairs.
pub(crate) const CACHE_LINE_PAIR_BYTES: usize = 128;

const _: () = {
    let asked = KEEPALIVE_INTERVAL.as_secs() * KEEPALIVE_COUNT as u64;
    assert!(KEEPALIVE_IDLE.as_secs() + asked == UNTAKEN.as_secs());
    assert!(LINGER.as_millis() < UNTAKEN.as_millis());
    assert!(RECONNECT_FIRST.as_millis() < RECONNECT_LONGEST.as_millis());
    assert!(RECONNECT_LONGEST.as_millis() < UNTAKEN.as_millis());
    assert!(DOOR_MESSAGE_BYTES_MAX < LINK_FRAME_BYTES_MAX);
    assert!(LINK_HIGH_WATER <= i32::MAX as usize);
};

/// How many times in a row a socket that had nothing is not asked again. Each question is a system
/// call; a busy thread asks soon enough, and one that falls asleep is woken by the descriptor.
pub(crate) const QUESTIONS_SPARED: u32 = 3;
