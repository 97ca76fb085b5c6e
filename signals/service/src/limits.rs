//! Every bound of the messages and agents, each with its reason.

use std::time::Duration;

use allot_signals_rules::limits::{
    ADDRESS_LEN_MAX, GENERATORS_MAX, KEPT_MAX, NAME_LEN_MAX, REASON_LEN_MAX,
};

/// Problems in one message; the number of all stands beside them.
pub const PROBLEMS_MAX: usize = 256;

/// Bytes of strategies in one reply to `status`; the others follow in the next.
pub(crate) const STATUS_BYTES_MAX: usize = 256 << 10;

/// Requests for a status that a trader replies to in one turn: each looks at all strategies, and
/// one message may have thousands.
pub(crate) const STATUSES_PER_TURN: usize = 16;

/// Requests of one message. Each gets a reply of its own, and all of them must find room before the
/// client can have read the first.
pub const REQUESTS_PER_MESSAGE: usize = 256;

/// Messages that an agent takes in one turn.
pub(crate) const MESSAGES_PER_TURN: usize = 64;

/// Lines or records of one message that are refused before the rest of it is not read.
pub(crate) const REFUSED_MAX: usize = 100;

/// Requests that wait for a reply, of all clients together: those that a generator keeps, and as
/// many that wait for the journal.
pub(crate) const PENDING_MAX: usize = 2 * KEPT_MAX;

/// Replies that may wait for one client before it is cut off: nobody has more requests on their
/// way who reads the replies.
pub(crate) const HIGH_WATER: usize = 1_024;

/// Bytes that a program may write as its answer, and bytes of a line of a file of signals.
pub(crate) const LINE_BYTES_MAX: usize = 4_096;

/// Pieces of [`LINE_BYTES_MAX`] that a generator passes over in one period, of a line that is too
/// long: a MiB takes it about a millisecond.
pub(crate) const BLOCKS_PASSED_MAX: usize = 256;

/// Lines on problems that an agent logs in a minute: each strategy of a large trader may have one
/// at once, and more at the next change.
pub(crate) const LOG_LINES_PER_MINUTE: usize = 1_000;

/// How long a peer may be silent before a strategy connects anew: first, and at most.
pub(crate) const SILENCE_FIRST: Duration = Duration::from_secs(2);
/// See [`SILENCE_FIRST`].
pub(crate) const SILENCE_LONGEST: Duration = Duration::from_secs(16);

/// A disk that makes nothing durable for this long, or for a period, is stalled.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(1);
/// How long a trader that is stopped waits for its disk, and for replies to its orders.
pub(crate) const TRADER_STOP_WITHIN: Duration = Duration::from_secs(5);

/// The journal of a trader: a segment, and what is appended between two snapshots. It grows by
/// some hundred bytes a period.
pub(crate) const SEGMENT_BYTES: u64 = allot_journal::SEGMENT_BYTES_REAL_MIN;
/// See [`SEGMENT_BYTES`].
pub(crate) const SNAPSHOT_EVERY_BYTES: u64 = 1 << 20;

/// A report of one generator in a message: its texts, each with its length, and some numbers.
pub(crate) const REPORT_BYTES: usize = NAME_LEN_MAX + ADDRESS_LEN_MAX + REASON_LEN_MAX + 200;

const _: () = {
    // A registration with all its reports, with every character escaped, is a message.
    assert!(GENERATORS_MAX * REPORT_BYTES * 6 < allot_domain::limits::MESSAGE_MAX);
    // A page of a status, and one strategy more with all its generators, is a frame of a link.
    assert!(STATUS_BYTES_MAX + (GENERATORS_MAX + PROBLEMS_MAX) * REPORT_BYTES * 6 < 16 << 20);
    // With `held` an `ask` has two replies.
    assert!(2 * REQUESTS_PER_MESSAGE < HIGH_WATER && REFUSED_MAX < REQUESTS_PER_MESSAGE);
    assert!(SNAPSHOT_EVERY_BYTES < SEGMENT_BYTES);
    assert!(SILENCE_FIRST.as_millis() < SILENCE_LONGEST.as_millis());
};
