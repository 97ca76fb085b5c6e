//! Every limit of a router, each with its reason, asserted against the others.

use std::time::Duration;

use allot_domain::limits::{ID_LEN_MAX, MESSAGE_MAX, SHARDS_MAX};
use allot_runtime::RECYCLED_BYTES_MAX;
use allot_wire::backplane::AWAY_AFTER;

/// Messages taken in one turn; other agents may share the thread.
pub(crate) const MESSAGES_PER_TURN: usize = 256;

/// Bytes of messages after which a turn takes no more of them.
pub(crate) const MESSAGES_LEN_PER_TURN: usize = 64 << 10;

/// So much of a message is taken, and then others have their turn: a client with large messages
/// makes no other wait for long.
pub(crate) const SLICE_LEN_FULL: usize = 32 << 10;

/// So many bytes of longer messages are read off the door, and then a slice of one of them is
/// taken: short ones behind them do not wait for long, and what is copied meanwhile is bounded.
pub(crate) const LONG_LEN_FULL: usize = 4 << 20;

/// What a request counts for beside its length.
pub(crate) const RECORD_LEN_LEAST: usize = 128;

/// Frames of the shards taken in one turn: each may hold the replies to a frame of inputs, and
/// clients wait meanwhile.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// How long the door stays shut while a shard is missing at the start.
pub(crate) const SHUT_AT_MOST: Duration = Duration::from_secs(5);

/// How often clients that do not read, and shards that are silent, are checked.
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A check that comes so much too late comes after a pause of the process.
pub(crate) const PAUSE_LEAST: Duration = Duration::from_secs(2);

/// How soon a parked client is tried again: soon enough that it does not notice, and rarely enough
/// that clients that never read cost nothing that others notice.
pub(crate) const PARKED_RETRY: Duration = Duration::from_millis(1);

/// A frame of inputs that has grown to this length is sent at once rather than at the end of the
/// turn: before its buffer doubles to more than rings hand back.
pub(crate) const INPUTS_LEN_FULL: usize = 32 << 10;

/// A message of replies that has grown to this length is sent at once rather than at the end of
/// the turn.
pub(crate) const MESSAGE_LEN_FULL: usize = 32 << 10;

/// The largest buffer that is kept for the next messages: buffers double as they grow, and the last
/// reply may be long.
pub(crate) const OUTGOING_LEN_MAX: usize = 3 * MESSAGE_LEN_FULL;

/// Buffers that are kept, and their bytes. They belong to no client: one that was here once and
/// got a long reply costs nothing afterwards.
pub(crate) const SPARE_BUFFERS: usize = 1_024;
pub(crate) const SPARE_BUFFERS_LEN: usize = 8 << 20;

/// The most bytes that wait for a client that does not read: beyond that it is given up.
pub(crate) const PARKED_LEN_MAX: usize = 8 << 20;

/// A client that takes something within this time reads.
pub(crate) const PARKED_PATIENCE: Duration = Duration::from_secs(1);

/// While more bytes wait for a client than this, its messages wait too: no reply is made for a
/// client that does not read those before.
pub(crate) const BEHIND_LEN: usize = 256 << 10;

/// The most bytes of such messages of a client; beyond that it is given up.
pub(crate) const SET_ASIDE_LEN_MAX: usize = 16 << 20;

/// The same of all clients; beyond that the one with most of them is given up.
pub(crate) const SET_ASIDE_LEN_MAX_OF_ALL: usize = 64 << 20;

/// Envelopes that are kept to be filled again. Each has at most the longest message.
pub(crate) const SPARE_ENVELOPES: usize = 16;

/// What a message that is set aside takes besides its bytes.
pub(crate) const SET_ASIDE_ENTRY_LEN: usize = 256;

/// The most bytes that wait for all clients together, whether they read or not: beyond that the one
/// with most of them is given up.
pub(crate) const PARKED_LEN_MAX_OF_ALL: usize = 128 << 20;

/// The most bytes of replies that a client may be owed, by the length of recent replies, before its
/// requests wait: replies to a large firm are thousands of times as long as requests, and those to
/// others wait until they are made.
pub(crate) const OWED_LEN_MAX: usize = 1 << 20;

/// The same of all clients: beyond that each of them may be owed the least alone.
pub(crate) const OWED_LEN_MAX_OF_ALL: usize = 2 << 20;

/// What a client may be owed whatever others are.
pub(crate) const OWED_LEN_LEAST: usize = 64 << 10;

/// The most replies that a client may be owed that has got none yet: nobody knows how long they
/// will be.
pub(crate) const FIRST_OWED_MAX: u64 = 32;

/// The most bytes of messages of one client that wait for their turn, or until it is owed less;
/// beyond that its requests are refused as `busy`.
pub(crate) const SET_ASIDE_LEN_FULL: usize = 4 << 20;

/// The most clients that are known at once: more than a process has descriptors, and memory is
/// bounded.
pub(crate) const CLIENTS_MAX: usize = 65_536;

/// The most sources whose client is remembered, for late replies.
pub(crate) const SOURCES_MAX: usize = 65_536;

/// The rest of a message is not read after this many refused requests, lines of JSON or binary
/// records: the rejections of a message of garbage would be many times as long as it.
pub(crate) const REFUSED_MAX: u32 = 1_000;

/// The same of a message of a client that has as much waiting as it may: it is read at one go, as
/// far as a slice reaches, and others wait meanwhile.
pub(crate) const TOO_MUCH_REFUSED_MAX: u32 = 64;

/// What such a message counts for in a turn at least.
pub(crate) const TOO_MUCH_LEN: usize = 2 << 10;

/// Requests that wait for the report under way, to share the next one; further ones are told
/// `busy`.
pub(crate) const REPORTS_WAITING_MAX: usize = 1_024;

/// A report that is not out after this long counts as lost, with a publisher that restarts or a
/// part that never comes: the next one is made.
pub(crate) const REPORT_LOST_AFTER: Duration = Duration::from_secs(5);

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
const _: () = assert!(REFUSED_MAX as usize * 1_024 <= PARKED_LEN_MAX);
const _: () = assert!(MESSAGE_MAX < PARKED_LEN_MAX);
// A client has replies waiting for long before it is given up for them.
const _: () = assert!(BEHIND_LEN < PARKED_LEN_MAX);
const _: () = assert!(SET_ASIDE_LEN_MAX < SET_ASIDE_LEN_MAX_OF_ALL);
const _: () = assert!(BEHIND_LEN < OWED_LEN_MAX && OWED_LEN_MAX < PARKED_LEN_MAX);
const _: () = assert!(OWED_LEN_LEAST < OWED_LEN_MAX && OWED_LEN_MAX < OWED_LEN_MAX_OF_ALL);
const _: () = assert!(PARKED_LEN_MAX < PARKED_LEN_MAX_OF_ALL);
// A client that reads is not given up for what waits until it is owed less.
const _: () =
    assert!(SET_ASIDE_LEN_FULL + 2 * MESSAGE_MAX + SET_ASIDE_ENTRY_LEN < SET_ASIDE_LEN_MAX);
const _: () = assert!(PARKED_RETRY.as_millis() < PARKED_PATIENCE.as_millis());
const _: () = assert!(MESSAGES_LEN_PER_TURN <= MESSAGE_MAX);
const _: () = assert!(SLICE_LEN_FULL < MESSAGES_LEN_PER_TURN);
const _: () = assert!(MESSAGE_MAX <= LONG_LEN_FULL);
const _: () = assert!(RECORD_LEN_LEAST * 64 <= SLICE_LEN_FULL);
// What waits for a report is a name and a number each: a few MiB.
const _: () = assert!(REPORTS_WAITING_MAX * 2 * ID_LEN_MAX <= 2 << 20);
// A report that was lost delays no more than the one after it.
const _: () = assert!(REPORT_LOST_AFTER.as_millis() < REPORT_EVERY.as_millis());
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
