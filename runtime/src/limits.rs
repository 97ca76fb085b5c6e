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

/// A TCP connection whose peer takes no bytes for this long is closed, and one of a host that does
/// not answer the questions of [`KEEPALIVE_IDLE`]. By default the kernel tries for a quarter of an
/// hour, and it does not probe a connection while bytes are due. It counts bytes as taken once
/// there is room for a whole segment, of 64 KiB within one machine: in less time, whoever reads
/// slowly would be closed as well.
pub(crate) const UNTAKEN: Duration = Duration::from_secs(60);

/// A connection that has not finished its handshake within this time is closed, so that half-open
/// connections cannot pile up.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(3);

/// The first and the longest pause between two attempts to connect.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(50);
/// See [`RECONNECT_FIRST`].
pub(crate) const RECONNECT_LONGEST: Duration = Duration::from_secs(1);

/// Messages that may wait for one peer of a link before a send returns `Full`.
pub(crate) const LINK_HIGH_WATER: usize = 4_096;

/// Bytes that the peer of a native link has not taken, before the link is full: two of the largest
/// frames of a mesh.
pub(crate) const LINK_UNTAKEN_BYTES_MAX: usize = 128 << 10;

/// How much a native link reads at once: many links have such a buffer each.
pub(crate) const LINK_READ_BYTES: usize = 16 << 10;

/// A ring does not reuse larger buffers: otherwise rare large frames would in time make all its
/// buffers as large. Those who fill frames end one long before; buffers double as they grow, and
/// the last record may be long.
pub const RECYCLED_BYTES_MAX: usize = 192 << 10;

/// Bytes that may wait in one direction of a ring, and one frame more.
pub(crate) const RING_BYTES_MAX: usize = 32 << 20;

/// The largest frame of a link. The parts of the largest report fit many times over; a corrupt
/// length field does not.
pub(crate) const LINK_FRAME_BYTES_MAX: usize = 256 << 20;

/// Bytes of the path of a socket: `sun_path` has 108, and the last one ends it.
pub(crate) const SOCKET_PATH_MAX: usize = 107;

/// What the unfinished frames of all peers of a native hub may take together.
pub(crate) const HUB_UNFINISHED_BYTES_MAX: usize = 2 * LINK_FRAME_BYTES_MAX;

/// Messages that may wait for one client of the front door before it counts as slow. Long ones are
/// counted in bytes as well: [`DOOR_CLIENT_BYTES_MAX`]. With a quarter of them, a client with a
/// thousand messages on their way gets 0.85 times as many through: ZeroMQ wakes its thread each
/// time half of them have left.
pub(crate) const DOOR_HIGH_WATER: usize = 256;

/// Replies shorter than this are counted as messages alone: to count the bytes of a message costs
/// an allocation, and most messages are short. The router closes a message at 32 KiB.
pub(crate) const DOOR_SHORT_BYTES: usize = 40 << 10;

/// Bytes of long replies that may wait in the socket for one client before it counts as slow, and
/// one reply more.
pub(crate) const DOOR_CLIENT_BYTES_MAX: usize = 1 << 20;

/// Messages of one client that are read from its connection and not taken yet. A client that sends
/// faster than they are taken is slowed down by its own connection. With a quarter of them, a
/// client with a thousand messages on their way gets 0.9 times as many through: ZeroMQ wakes its
/// thread each time half of them are taken.
pub(crate) const DOOR_RECEIVE_HIGH_WATER: usize = 512;

/// What is read of one connection to a native front door before it is another's turn. It is more
/// than the kernel has of most; with more, one client keeps the others waiting for longer.
pub(crate) const DOOR_READ_BYTES: usize = 64 << 10;

/// Messages that one read of a connection to a native front door is to have at the most, as far as
/// their length can be foreseen; where several connections can be read, they share them.
pub(crate) const DOOR_READ_MESSAGES: usize = 1_024;

/// So many are read of each, however many there are.
pub(crate) const DOOR_READ_MESSAGES_LEAST: usize = 16;

/// Replies to one client of a native front door that are written before the end of a turn: the
/// client can begin to read them.
pub(crate) const DOOR_WRITE_BYTES: usize = 256 << 10;

/// Descriptors of which one look tells; the others are told at the next ones.
pub(crate) const READY_PER_LOOK: usize = 64;

/// Turns that a native front door leaves out after it has read what a look found: in them the
/// shards work and replies leave, and one that finds nothing ends in a sleep, which looks as well.
pub(crate) const DOOR_TURNS_SKIPPED: u32 = 1;

/// Frames of a message at a native front door. Every one of more than two is refused with a reason,
/// so there may be more.
pub(crate) const DOOR_FRAMES_MAX: usize = 1_024;

/// A client of a native front door that had [`DOOR_CLIENT_BYTES_MAX`] waiting is read again when it
/// has taken all but these.
pub(crate) const DOOR_CLIENT_BYTES_RESUME: usize = DOOR_CLIENT_BYTES_MAX / 2;

/// What the unfinished messages of all connections to a native front door may take together; who
/// has most of it is cut off.
pub(crate) const DOOR_UNFINISHED_BYTES_MAX_OF_ALL: usize = 64 << 20;

/// Bytes of replies that may wait at a native front door, for all clients together: beyond that,
/// whoever has not taken [`DOOR_SHORT_BYTES`] counts as slow.
pub(crate) const DOOR_WAITING_BYTES_MAX_OF_ALL: usize = 64 << 20;

/// Whoever has nothing waiting may have one reply of any length all the same, up to these for all
/// clients together: beyond, who has most waiting is disconnected.
pub(crate) const DOOR_WAITING_BYTES_END: usize = 2 * DOOR_WAITING_BYTES_MAX_OF_ALL;

/// How long no connection is accepted after descriptors ran out, unless one is closed before.
pub(crate) const DESCRIPTORS_WAIT: Duration = Duration::from_secs(1);

/// How often the clients of a native front door are looked at: buffers with nothing in them are
/// given back, and those that want to be forgotten when they are silent are.
pub(crate) const REST_CHECK_EVERY: Duration = Duration::from_secs(1);

/// A message in the queue of a connection counts as one more for each of these many bytes of its
/// last frame (third_party/zeromq-src/repair-c++.sh).
const QUEUED_UNIT_BYTES: usize = 64 << 10;

/// What the kernel may hold of a connection to the front door, each way; it doubles what it is
/// told.
pub(crate) const DOOR_KERNEL_BYTES: i32 = 512 << 10;

/// Bytes that one connection to the front door may have sent and that no message was made of yet: a
/// message that never ends is cut off here.
pub(crate) const DOOR_UNREAD_BYTES_MAX: u64 = 40 << 20;

/// The same of all connections together; the one with most of them is cut off.
pub(crate) const DOOR_UNREAD_BYTES_MAX_OF_ALL: u64 = 144 << 20;

/// How often connections are looked at. A connection over loopback sends some 20 MiB in that time.
pub(crate) const CONNECTIONS_CHECK_EVERY: Duration = Duration::from_millis(20);

/// What takes less of the processors than this, all threads of the process together, has brought
/// little: a thread that reads at full speed for as long brings some 5 MiB. Connections are not
/// looked at again before.
pub(crate) const CONNECTIONS_CHECK_CPU: Duration = Duration::from_millis(5);

/// After this long they are looked at whatever the process has done.
pub(crate) const CONNECTIONS_CHECK_LONGEST: Duration = Duration::from_millis(200);

/// Connections that are looked at in one check, the others in the next ones: a check of all takes
/// long where they are thousands.
pub(crate) const CONNECTIONS_PER_CHECK: usize = 1_024;

/// The most connections of one socket, however many descriptors there are.
pub(crate) const CONNECTIONS_MAX: usize = 65_536;

/// Descriptors that are always left to what opens files while it works: three for each of 64
/// shards, which are a new segment, a snapshot and their folder.
pub(crate) const DESCRIPTORS_RESERVED: usize = 192;

/// Connections that may wait to be accepted. The kernel drops the first bytes of any further ones,
/// so that a client that connects together with a thousand others would be seconds late, or more.
pub(crate) const DOOR_BACKLOG: i32 = 4_096;

/// The largest message that the wire format allows.
const DOOR_VALID_BYTES_MAX: usize = 1 << 20;

/// The largest frame that the front door reads; a larger one closes its connection. It is more
/// than the wire format allows, so that a message above that limit gets a reply with the reason.
pub(crate) const DOOR_MESSAGE_BYTES_MAX: usize = 2 * DOOR_VALID_BYTES_MAX;

/// Publications that may wait for one subscriber before the next ones are dropped for it.
pub(crate) const BROADCAST_HIGH_WATER: usize = 10_000;

/// Subscriptions of one subscriber that are read and not taken yet: ZeroMQ takes all that it has
/// within one call, and holds the publisher's thread there.
pub(crate) const BROADCAST_RECEIVE_HIGH_WATER: usize = 4;

/// Bytes of publications that may wait for subscribers, all together: a body is in memory once
/// however many it is due to. Beyond that reports wait, and whoever is behind longest is cut off.
pub(crate) const BROADCAST_WAITING_BYTES_MAX: usize = 64 << 20;

/// Beyond this publications are dropped: subscribers see the gap.
pub(crate) const BROADCAST_WAITING_BYTES_END: usize = 2 * BROADCAST_WAITING_BYTES_MAX;

/// What a publication takes in the queue of one subscriber, whatever it is: three frames of 64
/// bytes and a part of a block of the queue.
pub(crate) const PUBLICATION_ENTRY_BYTES: usize = 256;

/// What is read of one subscriber to a native broadcast before it is another's turn: some hundred
/// subscriptions, which all wait for the publisher then.
pub(crate) const BROADCAST_READ_BYTES: usize = 4 << 10;

/// Frames of a message to a native broadcast. A subscription has one.
pub(crate) const BROADCAST_FRAMES_MAX: usize = 8;

/// What the protocol has to say to one subscriber that has not taken it: beyond that it is not
/// read.
pub(crate) const BROADCAST_CONTROL_BYTES_MAX: usize = 64 << 10;

/// Bytes that are published by a native broadcast before they are written, also before the end of
/// a turn: subscribers can begin to read them.
pub(crate) const BROADCAST_WRITE_BYTES: usize = 256 << 10;

/// Bytes that a native broadcast writes at the end of a turn, whoever they are for, and one
/// subscriber's more; the rest at the end of the next turns. Where one thread also replies to
/// clients, these do not wait until a thousand subscribers have their report.
pub(crate) const BROADCAST_FLUSH_BYTES: usize = 64 << 10;

/// What a write counts there beside its bytes: as many take as long to copy.
pub(crate) const BROADCAST_FLUSH_BYTES_EACH: usize = 2 << 10;

/// Publications of one write.
pub(crate) const SLICES_PER_WRITE: usize = 64;

/// What is sealed for one subscriber ahead of the kernel, and one publication more. Nothing sealed
/// is shared, so publications are sealed late.
pub(crate) const BROADCAST_SEALED_BYTES: usize = 64 << 10;

/// What may wait for one subscriber to a native broadcast when another event is due to it: beyond
/// that it is cut off. States are not events: of each topic one waits at most.
pub(crate) const BROADCAST_SUBSCRIBER_BYTES_MAX: usize = BROADCAST_WAITING_BYTES_MAX / 2;

/// Bytes of the subscriptions to a native broadcast, of all connections; the one with most of them
/// is cut off.
pub(crate) const SUBSCRIPTIONS_BYTES_MAX_OF_ALL: usize = 16 << 20;

/// A subscriber that takes everything due to it within this time is not behind.
pub(crate) const BEHIND_LEAST: Duration = Duration::from_secs(1);

/// The longest frame that the broadcast reads: a subscription is a prefix of a topic, 256 bytes
/// at most, or the command that a handshake is made of.
pub(crate) const SUBSCRIPTION_FRAME_BYTES_MAX: usize = 512;

/// The longest prefix: longer ones match nothing.
pub const PREFIX_BYTES_MAX: usize = 256;

/// Subscriptions of one connection, and of all. ZeroMQ takes some 50 bytes for each of their bytes,
/// and as much for each subscriber of one that is there already.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 16_384;
/// See [`SUBSCRIPTIONS_MAX`].
pub(crate) const SUBSCRIPTIONS_MAX_OF_ALL: usize = 262_144;

/// Bytes of the subscriptions of one connection.
pub(crate) const SUBSCRIPTIONS_BYTES_MAX: usize = 128 << 10;

/// Nodes that the subscriptions of all connections make in the tree of ZeroMQ, about one for each
/// byte that no two begin with alike; the connection that has added most of them is cut off.
/// ZeroMQ walks all of them when a subscriber goes.
pub(crate) const SUBSCRIPTION_NODES_MAX_OF_ALL: usize = 16 << 10;

/// Bytes that a subscriber may have sent and that no subscription was made of.
pub(crate) const BROADCAST_UNREAD_BYTES_MAX: u64 = 256 << 10;
/// The same of all subscribers together; the one with most of them is cut off.
pub(crate) const BROADCAST_UNREAD_BYTES_MAX_OF_ALL: u64 = 2 << 20;

/// The longest name of a peer. ZeroMQ keeps the length of a routing id in one byte, and the number
/// of the socket must fit as well.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Steps after which a stepped thread group that still has work counts as stuck.
pub(crate) const IDLE_STEPS_MAX: usize = 1_000_000;

/// Subscribers whose pending bytes are told one by one: those for whom most waits. It is as many as
/// a screen has lines.
pub const SUBSCRIBERS_TOLD: usize = 32;

/// How often a native broadcast tells what waits for its subscribers, while they are the same.
pub(crate) const SUBSCRIBERS_TOLD_EVERY: Duration = Duration::from_secs(1);

/// Shared counters stand this far apart, so that two threads never write one cache line;
/// 128, because x86 prefetches lines in pairs.
pub(crate) const CACHE_LINE_PAIR_BYTES: usize = 128;

/// How many receives in a row from a socket that had nothing return without asking ZeroMQ. Asking
/// is a system call; a busy thread asks again soon enough, and one that sleeps is woken by the
/// descriptor.
pub(crate) const RECEIVES_SKIPPED: u32 = 3;

/// How long a thread of the adaptive strategy looks for work before it sleeps. A client that sends
/// its next message after a reply needs several wake-ups for that, of up to 50 µs each: its own,
/// and those of ZeroMQ's I/O thread.
pub(crate) const SPIN_DEFAULT: Duration = Duration::from_micros(200);

/// After so many spins in vain the number of sleeps without a spin doubles no more: a thread that
/// works all the time makes as many sleeps in a tenth of a second, and one that is idle spins for
/// less than a thousandth of the time.
pub(crate) const SPINS_SKIPPED_DOUBLED_MAX: u32 = 10;

/// How long each connection of a probe may take: a handshake on a loaded machine. Only silence
/// takes so long, and it must not end as a handshake that failed.
pub(crate) const PROBE: Duration = Duration::from_secs(2);

const _: () = {
    let asked = KEEPALIVE_INTERVAL.as_secs() * KEEPALIVE_COUNT as u64;
    assert!(KEEPALIVE_IDLE.as_secs() + asked < UNTAKEN.as_secs());
    assert!(LINGER.as_millis() < UNTAKEN.as_millis());
    assert!(RECONNECT_FIRST.as_millis() < RECONNECT_LONGEST.as_millis());
    assert!(RECONNECT_LONGEST.as_millis() < UNTAKEN.as_millis());
    assert!(DOOR_MESSAGE_BYTES_MAX < LINK_FRAME_BYTES_MAX);
    // A client that sends the largest valid messages without a pause is slowed down, and not cut
    // off.
    let queued = DOOR_RECEIVE_HIGH_WATER * QUEUED_UNIT_BYTES + DOOR_MESSAGE_BYTES_MAX;
    assert!(queued as u64 + 2 * DOOR_KERNEL_BYTES as u64 <= DOOR_UNREAD_BYTES_MAX);
    assert!(DOOR_UNREAD_BYTES_MAX < DOOR_UNREAD_BYTES_MAX_OF_ALL);
    assert!(DOOR_MESSAGE_BYTES_MAX < DOOR_UNFINISHED_BYTES_MAX_OF_ALL);
    assert!(DOOR_SHORT_BYTES < DOOR_CLIENT_BYTES_RESUME);
    assert!(DOOR_CLIENT_BYTES_MAX < DOOR_WAITING_BYTES_MAX_OF_ALL);
    assert!(0 < READY_PER_LOOK && 0 < DOOR_READ_BYTES);
    assert!(DOOR_WRITE_BYTES < DOOR_CLIENT_BYTES_MAX);
    // Short replies that are not counted are bounded by their number.
    assert!(DOOR_HIGH_WATER * DOOR_SHORT_BYTES <= 10 * DOOR_CLIENT_BYTES_MAX);
    assert!(PREFIX_BYTES_MAX + 16 <= SUBSCRIPTION_FRAME_BYTES_MAX);
    assert!((SUBSCRIPTIONS_BYTES_MAX as u64) < BROADCAST_UNREAD_BYTES_MAX);
    assert!(BROADCAST_UNREAD_BYTES_MAX < BROADCAST_UNREAD_BYTES_MAX_OF_ALL);
    assert!(SUBSCRIPTIONS_MAX < SUBSCRIPTIONS_MAX_OF_ALL);
    assert!(SUBSCRIPTIONS_BYTES_MAX < SUBSCRIPTIONS_BYTES_MAX_OF_ALL);
    assert!(SUBSCRIPTION_FRAME_BYTES_MAX < BROADCAST_READ_BYTES);
    assert!(0 < SLICES_PER_WRITE && 0 < BROADCAST_FRAMES_MAX);
    assert!(BROADCAST_WRITE_BYTES < BROADCAST_SUBSCRIBER_BYTES_MAX);
    assert!(BROADCAST_SUBSCRIBER_BYTES_MAX < BROADCAST_WAITING_BYTES_MAX);
    assert!(BROADCAST_SEALED_BYTES < BROADCAST_WAITING_BYTES_MAX);
    assert!(BROADCAST_CONTROL_BYTES_MAX < BROADCAST_SUBSCRIBER_BYTES_MAX);
    assert!(CONNECTIONS_CHECK_CPU.as_millis() < CONNECTIONS_CHECK_EVERY.as_millis());
    assert!(CONNECTIONS_CHECK_EVERY.as_millis() < CONNECTIONS_CHECK_LONGEST.as_millis());
    assert!(CONNECTIONS_CHECK_LONGEST.as_millis() < BEHIND_LEAST.as_millis());
    assert!(BEHIND_LEAST.as_millis() < UNTAKEN.as_millis());
    assert!(CONNECTIONS_PER_CHECK < CONNECTIONS_MAX);
    assert!(HANDSHAKE.as_millis() < UNTAKEN.as_millis());
    assert!(PROBE.as_millis() < HANDSHAKE.as_millis());
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
