//! Every bound of this crate, with its reason, checked against the others at compile time.

use std::time::Duration;

use allot_allocation_rules::limits::ACCOUNTS_MAX;
use allot_domain::limits::{ID_LEN_MAX, MESSAGE_MAX, TICKER_LEN_MAX};

/// Fills in flight, unless configured: enough to hide a round trip, few enough to resend in one go.
pub(crate) const IN_FLIGHT_DEFAULT: usize = 256;

/// The most fills in flight that can be configured: consecutive ones stay within [`SPAN_MAX`].
pub(crate) const IN_FLIGHT_MAX: usize = 16_384;

/// The most by which the sequence numbers of two messages in flight may differ: all of them are
/// among the names that a shard remembers exactly, a million of them unless configured, with those
/// of many other sources.
pub(crate) const SPAN_MAX: u64 = 32_768;

/// The most fills of one message: the message stays below [`MESSAGE_MAX`].
pub(crate) const BATCH_MAX: usize = 2_048;

/// No fill is longer in either encoding: source, id and ticker, three numbers of at most 20 digits,
/// and the text around them.
pub(crate) const FILL_LEN_MAX: usize = 2 * ID_LEN_MAX + TICKER_LEN_MAX + 3 * 20 + 96;

/// The most fills of one feed that wait for the first split, as many as one shard holds: then the
/// feed takes no more from its source. It keeps the lines of all of them, and, if it waits for
/// their shares, the fills themselves.
pub(crate) const HELD_MAX: usize = allot_allocation_rules::limits::HELD_MAX;

/// When a message without a reply is first resent; each wait is twice the one before. Far longer
/// than a round trip, so that a slow reply causes no repeat.
pub(crate) const RESEND_FIRST: Duration = Duration::from_secs(1);
/// The longest of these waits: a server that returns hears of every message within half a minute.
pub(crate) const RESEND_LONGEST: Duration = Duration::from_secs(30);

/// When a message that there was no room for is first resent; each wait is twice the one before.
/// About the time in which a shard works off a full queue.
pub(crate) const BUSY_FIRST: Duration = Duration::from_millis(10);
/// The longest of these waits: it bounds the idle time after the room is back.
pub(crate) const BUSY_LONGEST: Duration = Duration::from_secs(1);

/// The first silence, while a reply is expected, after which a session reconnects; each is twice
/// the one before. ZeroMQ's own heartbeats take as long to find a connection dead.
pub(crate) const SILENCE_FIRST: Duration = Duration::from_secs(3);
/// The longest of these silences: a server that returns is found within half a minute.
pub(crate) const SILENCE_LONGEST: Duration = Duration::from_secs(30);

/// How often a feed that waits for the shares of a held fill asks for them. The server sends the
/// reply that follows `held` once, to the connection that the source has then.
pub(crate) const HELD_ASK_EVERY: Duration = Duration::from_secs(10);

/// How long a feed waits for a server that it hears nothing from: for ever, unless configured.
pub(crate) const GIVE_UP: Duration = Duration::MAX;

/// How long a feed whose source has ended waits for its last replies: several resends.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);

/// Messages that are sent or received in one turn; other agents may share the thread.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// Fills that are taken from a source in one turn, for the same reason.
pub(crate) const PULLS_PER_TURN: usize = 1_024;

/// Buffers that are kept for the next messages: as many as can be in flight.
pub(crate) const SPARES_MAX: usize = IN_FLIGHT_MAX;

/// The longest line of a file; a fill needs about a hundred bytes.
pub(crate) const LINE_LEN_MAX: usize = 64 << 10;

/// The most lines of one record, whose quotes go over lines: a note is shorter.
pub(crate) const RECORD_LINES_MAX: usize = 32;

/// The most lines that a format can skip at the end of a file: they are held in memory until then.
pub(crate) const SKIP_AFTER_MAX: usize = 100;

/// The largest file with a format.
pub(crate) const FORMAT_LEN_MAX: u64 = 1 << 20;

/// The longest id of a fill: the venues' ids are shorter.
pub(crate) const LINE_ID_LEN_MAX: usize = 64;

/// Lines of one file whose ids are remembered, to tell equal lines apart: some 150 MB at most.
pub(crate) const LINE_IDS_MAX: usize = 4_000_000;

/// Bad lines of a file that are shown; the rest is only counted.
pub(crate) const BAD_LINES_SHOWN_MAX: usize = 20;

/// Fills that a survey shows.
pub(crate) const SURVEY_FILLS_MAX: usize = 10;

/// How much of a file is read at once: what a pipe of Linux holds.
pub(crate) const READ_LEN: usize = 64 << 10;

/// A line of which so much was skipped is no line of a file: a device, for one, has no end.
pub(crate) const SKIPPED_LEN_MAX: usize = 64 << 20;

/// The largest file of weights: several splits of the most accounts.
pub(crate) const WEIGHTS_LEN_MAX: u64 = 64 << 20;

/// Skipped lines, and places of what is not in the books, that are kept for each cause; the rest is
/// only counted.
pub(crate) const REASONS_MAX: usize = 5;

/// Codes of rejections that are counted each on its own: more than any server has.
pub(crate) const CODES_MAX: usize = 256;

/// Rejections that are logged; the rest is only counted, or they would fill the log.
pub(crate) const REJECTIONS_LOGGED_MAX: u64 = 5;

/// Unexpected messages from the server that are logged, for the same reason.
pub(crate) const UNEXPECTED_LOGGED_MAX: u64 = 5;

/// Accounts of a split that are named in the log; the rest is only counted.
pub(crate) const ACCOUNTS_LOGGED_MAX: usize = 10;

/// How often the AUM server sends a split: the brief's cadence.
pub(crate) const SPLIT_EVERY: Duration = Duration::from_secs(30);

/// The longest pause between two fills of the brief's fill servers.
pub(crate) const GAP_MAX: Duration = Duration::from_secs(10);

const _: () = {
    assert!(0 < IN_FLIGHT_DEFAULT && IN_FLIGHT_DEFAULT <= IN_FLIGHT_MAX);
    // Consecutive sequence numbers in flight are within the span.
    assert!(IN_FLIGHT_MAX <= 32_768 && SPAN_MAX == 32_768);
    assert!(BATCH_MAX <= IN_FLIGHT_MAX && BATCH_MAX * FILL_LEN_MAX < MESSAGE_MAX);
    // All that a feed keeps of its fills, with as many buffers to spare.
    assert!((2 * IN_FLIGHT_MAX + HELD_MAX) * FILL_LEN_MAX <= 32 << 20);
    assert!(FILL_LEN_MAX < LINE_LEN_MAX && LINE_LEN_MAX <= READ_LEN);
    assert!(SKIP_AFTER_MAX * LINE_LEN_MAX <= 8 << 20 && RECORD_LINES_MAX < SKIP_AFTER_MAX);
    // No wait is longer than its longest.
    assert!(RESEND_FIRST.as_millis() <= RESEND_LONGEST.as_millis());
    assert!(BUSY_FIRST.as_millis() <= BUSY_LONGEST.as_millis());
    assert!(SILENCE_FIRST.as_millis() <= SILENCE_LONGEST.as_millis());
    // A message is resent over the connection before the connection is given up.
    assert!(RESEND_FIRST.as_millis() < SILENCE_FIRST.as_millis());
    assert!(BUSY_LONGEST.as_millis() <= RESEND_FIRST.as_millis());
    // A question that is lost is asked again before the feed gives up.
    assert!(2 * HELD_ASK_EVERY.as_secs() < DRAIN.as_secs());
    assert!(SILENCE_FIRST.as_secs() + RESEND_FIRST.as_secs() < DRAIN.as_secs());
    assert!(ACCOUNTS_MAX * (ID_LEN_MAX + 32) < MESSAGE_MAX);
    assert!(PULLS_PER_TURN <= IN_FLIGHT_MAX && FRAMES_PER_TURN <= PULLS_PER_TURN);
};
