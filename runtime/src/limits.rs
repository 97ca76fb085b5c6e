//! Every bound of this crate, with its reason, each checked against the others at compile time.

use std::time::Duration;

/// How long a closing socket may try to deliver what was already sent. It is bounded so that a
/// shutdown never hangs on a peer that has gone.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// After this long without traffic the kernel probes a TCP connection, then again at the interval,
/// as often as the count: a vanished host is noticed after 10 seconds.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// See [`KEEPALIVE_IDLE`].
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// See [`KEEPALIVE_IDLE`].
pub(crate) const KEEPALIVE_COUNT: u32 = 5;

/// A TCP connection whose peer takes no bytes for this long is closed. By default the kernel tries
/// for a quarter of an hour, and it does not probe a connection while bytes are due.
pub(crate) const UNTAKEN: Duration = Duration::from_secs(10);

/// A connection that has not finished its handshake within this time is closed, so that half-open
/// connections cannot pile up.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(3);

/// The first and the longest pause between two attempts to connect.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(50);
/// See [`RECONNECT_FIRST`].
pub(crate) const RECONNECT_LONGEST: Duration = Duration::from_secs(1);

/// Messages that may wait for one peer of a link before a send returns `Full`.
pub(crate) const LINK_HIGH_WATER: usize = 4_096;

/// A ring does not reuse larger buffers: otherwise rare large frames would in time make all its
/// buffers as large. Those who fill frames end one long before; buffers double as they grow, and
/// the last record may be long.
pub const RECYCLED_BYTES_MAX: usize = 192 << 10;

/// The largest frame of a link. The parts of the largest report fit many times over; a corrupt
/// length field does not.
pub(crate) const LINK_FRAME_BYTES_MAX: usize = 256 << 20;

/// Messages that may wait for one client of the front door before it counts as slow.
pub(crate) const DOOR_HIGH_WATER: usize = 1_000;

/// Connections that may wait to be accepted. The kernel drops the first bytes of any further ones,
/// so that a client that connects together with a thousand others would be seconds late, or more.
pub(crate) const DOOR_BACKLOG: i32 = 4_096;

/// The largest frame that the front door reads; a larger one closes its connection. It is twice
/// what the wire format allows, so that a message above that limit gets a reply with the reason.
pub(crate) const DOOR_MESSAGE_BYTES_MAX: usize = 2 << 20;

/// Publications that may wait for one subscriber before the next ones are dropped for it.
pub(crate) const BROADCAST_HIGH_WATER: usize = 10_000;

/// The longest name of a peer. ZeroMQ keeps the length of a routing id in one byte, and the number
/// of the socket must fit as well.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Steps after which a stepped thread group that still has work counts as stuck.
pub(crate) const IDLE_STEPS_MAX: usize = 1_000_000;

/// Shared counters stand this far apart, so that two threads never write one cache line;
/// 128, because x86 prefetches lines in pairs.
pub(crate) const CACHE_LINE_PAIR_BYTES: usize = 128;

/// How many receives in a row from a socket that had nothing return without asking ZeroMQ. Asking
/// is a system call; a busy thread asks again soon enough, and one that sleeps is woken by the
/// descriptor.
pub(crate) const RECEIVES_SKIPPED: u32 = 3;

/// How long a thread of the adaptive strategy looks for work before it sleeps: about what a
/// wake-up costs.
pub(crate) const SPIN_DEFAULT: Duration = Duration::from_micros(20);

/// How long each connection of a probe may take: a handshake on a loaded machine.
pub(crate) const PROBE: Duration = Duration::from_secs(1);

const _: () = {
    let asked = KEEPALIVE_INTERVAL.as_secs() * KEEPALIVE_COUNT as u64;
    assert!(KEEPALIVE_IDLE.as_secs() + asked == UNTAKEN.as_secs());
    assert!(LINGER.as_millis() < UNTAKEN.as_millis());
    assert!(RECONNECT_FIRST.as_millis() < RECONNECT_LONGEST.as_millis());
    assert!(RECONNECT_LONGEST.as_millis() < UNTAKEN.as_millis());
    assert!(DOOR_MESSAGE_BYTES_MAX < LINK_FRAME_BYTES_MAX);
    assert!(HANDSHAKE.as_millis() < UNTAKEN.as_millis());
    assert!(PROBE.as_millis() <= HANDSHAKE.as_millis());
    assert!(RECONNECT_LONGEST.as_millis() <= HANDSHAKE.as_millis());
    // ZeroMQ counts messages in 32 bits.
    assert!(LINK_HIGH_WATER <= i32::MAX as usize);
    assert!(BROADCAST_HIGH_WATER <= i32::MAX as usize);
    assert!(DOOR_HIGH_WATER <= i32::MAX as usize);
    assert!(RECYCLED_BYTES_MAX <= LINK_FRAME_BYTES_MAX);
    // A name, the separator and the number of the socket: a process and a socket of 32 bits, a
    // time of 64, in hexadecimal, with two dashes.
    assert!(NAME_BYTES_MAX + 1 + 8 + 1 + 16 + 1 + 16 <= u8::MAX as usize);
    assert!(CACHE_LINE_PAIR_BYTES.is_power_of_two());
    assert!(SPIN_DEFAULT.as_nanos() < RECONNECT_FIRST.as_nanos());
    assert!(0 < RECEIVES_SKIPPED && 0 < IDLE_STEPS_MAX);
};
