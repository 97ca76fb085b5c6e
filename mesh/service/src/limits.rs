//! Every bound of the frames and the agent, each with its reason.

use std::time::Duration;

use allot_mesh_rules::limits::{ADDRESS_LEN_MAX, DELTA_ROWS_MAX, NAME_LEN_MAX, PENDING_MAX};

/// The largest frame. A larger one closes its connection.
pub const FRAME_BYTES_MAX: usize = 64 << 10;

/// Frames that may wait for one peer before the link counts as full: a slow peer gets the latest
/// rows later, and not all of them in a queue.
pub(crate) const HIGH_WATER: usize = 16;

/// Frames that wait for one peer that is full, besides its deltas: heartbeats, and what is said
/// when a link comes up. Further ones are dropped.
pub(crate) const WAITING_MAX: usize = 32;

/// Frames of one link, or of the door, that are taken in one turn.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// A link of libzmq whose descriptor has told of nothing is asked all the same in one turn of so
/// many, for a thread that does not come to sleep. To ask all 64 in each turn took half a core, and
/// in each 64th half of all system calls: a thread takes three turns for what wakes it.
pub(crate) const TURNS_UNTIL_ASKED: u64 = 256;

/// Trades that are taken in one turn: their changes leave together, in few frames.
pub(crate) const TRADES_PER_TURN: usize = 256;

/// Trades on their way to the disk before no further ones are taken from their source.
pub(crate) const IN_FLIGHT_MAX: u64 = 16_384;

/// Pages of views and states that are given in one turn: each walks over many rows, and one client
/// may have asked for thousands.
pub(crate) const PAGES_PER_TURN: usize = 8;

/// After this long a door is asked again whether a peer that was full reads: it does not tell.
pub(crate) const ROOM_AGAIN: Duration = Duration::from_millis(2);

/// Rows in a page of the view: with their owners they stay below a frame.
pub(crate) const VIEW_PAGE_ROWS: usize = 512;

/// Members in a page of the state.
pub(crate) const STATUS_PAGE_MEMBERS: usize = 128;

/// Counters in a state.
pub(crate) const COUNTERS_MAX: usize = 64;

/// The journal of an owner: a segment, and what is appended between two snapshots.
pub(crate) const SEGMENT_BYTES: u64 = allot_journal::SEGMENT_BYTES_REAL_MIN;
/// See [`SEGMENT_BYTES`].
pub(crate) const SNAPSHOT_EVERY_BYTES: u64 = 4 << 20;

/// Streams of a feed that are followed: each is a ticker.
pub const STREAMS_MAX: usize = 65_536;

/// How long a write to the history waits for somebody who reads it.
pub(crate) const HISTORY_BUSY: Duration = Duration::from_secs(5);

/// The largest row: symbol, position, version and time.
const ROW_BYTES: usize = 1 + 32 + 16 + 16 + 8;
/// The largest entry of a member in a state.
const MEMBER_BYTES: usize = 2 * (1 + NAME_LEN_MAX) + 1 + ADDRESS_LEN_MAX + 128 + NAMESAKE_BYTES;
/// Another process of a name.
const NAMESAKE_BYTES: usize = 1 + 8 + 8 + 1 + ADDRESS_LEN_MAX;

const _: () = {
    assert!(DELTA_ROWS_MAX * ROW_BYTES + 128 < FRAME_BYTES_MAX);
    assert!(VIEW_PAGE_ROWS * (1 + NAME_LEN_MAX + ROW_BYTES) + 128 < FRAME_BYTES_MAX);
    assert!(STATUS_PAGE_MEMBERS * MEMBER_BYTES + COUNTERS_MAX * 64 + 512 < FRAME_BYTES_MAX);
    assert!(IN_FLIGHT_MAX + (TRADES_PER_TURN as u64) < PENDING_MAX as u64);
    assert!(SNAPSHOT_EVERY_BYTES < SEGMENT_BYTES);
};
