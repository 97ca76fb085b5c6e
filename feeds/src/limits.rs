//! Every bound of this crate, with its reason, each checked against the others at compile time.

use allot_domain::limits::{ACCOUNTS_MAX, ID_LEN_MAX, MESSAGE_MAX, TICKER_LEN_MAX, WINDOW};
use std::time::Duration;

/// Fills that may be unanswered at once, unless told otherwise: enough to hide a round trip, few
/// enough to be sent again in one go.
pub(crate) const IN_FLIGHT_DEFAULT: usize = 256;

/// The most fills that may be unanswered at once.
pub(crate) const IN_FLIGHT_MAX: usize = 16_384;

/// How far the numbers of two unanswered messages may lie apart. A shard remembers [`WINDOW`]
/// numbers exactly; half of it leaves room for copies that are still on their way.
pub(crate) const SPAN_MAX: u64 = WINDOW / 2;

/// The most fills of one message.
pub(crate) const BATCH_MAX: usize = 2_048;

/// No fill is longer, in either encoding: two names, four numbers of at most 20 digits, and the
/// words around them.
pub(crate) const FILL_LEN_MAX: usize = ID_LEN_MAX + TICKER_LEN_MAX + 4 * 20 + 96;

/// An unanswered message is sent again after so long, then after twice that, and so on.
pub(crate) const RESEND_FIRST: Duration = Duration::from_secs(1);
/// See [`RESEND_FIRST`].
pub(crate) const RESEND_LONGEST: Duration = Duration::from_secs(30);

/// A message that there was no room for is sent again after so long, then after twice that, and so
/// on. The first is about the time in which a shard works off a full queue.
pub(crate) const BUSY_FIRST: Duration = Duration::from_millis(10);
/// See [`BUSY_FIRST`].
pub(crate) const BUSY_LONGEST: Duration = Duration::from_secs(1);

/// A connection on which an answer is due and nothing was heard for so long is made anew; then
/// after twice that, and so on. As long as ZeroMQ's own heartbeats take to find it dead.
pub(crate) const SILENCE_FIRST: Duration = Duration::from_secs(3);
/// See [`SILENCE_FIRST`].
pub(crate) const SILENCE_LONGEST: Duration = Duration::from_secs(30);

/// How often a held fill is asked after by a feed that waits for its shares: the answer that
/// follows `held` is sent once, to wherever the source is connected then.
pub(crate) const HELD_ASK_EVERY: Duration = Duration::from_secs(10);

/// How long a feed whose source has ended waits for the last answers.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);

/// Messages that are read or written in one turn; other agents may share the thread.
pub(crate) const FRAMES_PER_TURN: usize = 64;

/// Fills that are taken from a source in one turn.
pub(crate) const PULLS_PER_TURN: usize = 1_024;

/// Buffers of answered messages that are kept for the next ones.
pub(crate) const SPARES_MAX: usize = IN_FLIGHT_MAX;

/// The longest line of a file; a fill needs a hundred bytes.
pub(crate) const LINE_LEN_MAX: usize = 64 << 10;

/// How much of a file is read at once.
pub(crate) const READ_LEN: usize = 64 << 10;

/// The largest file of weights: several splits of the most accounts.
pub(crate) const WEIGHTS_LEN_MAX: u64 = 64 << 20;

/// Bad lines and reasons of rejections that are kept in full; the rest is counted.
pub(crate) const REASONS_MAX: usize = 5;

/// Rejections that are logged; the rest is counted.
pub(crate) const REJECTIONS_LOGGED_MAX: u64 = 5;

/// Messages of the server that answer nothing of a feed are logged up to so many.
pub(crate) const UNEXPECTED_LOGGED_MAX: u64 = 5;

/// Accounts of a split that are named in the log; the rest is counted.
pub(crate) const ACCOUNTS_LOGGED_MAX: usize = 10;

/// How often the AUM server sends a split.
pub(crate) const SPLIT_EVERY: Duration = Duration::from_secs(30);

/// The longest pause between two fills of the brief's fill servers.
pub(crate) const GAP_MAX: Duration = Duration::from_secs(10);

const _: () = {
    assert!(0 < IN_FLIGHT_DEFAULT && IN_FLIGHT_DEFAULT <= IN_FLIGHT_MAX);
    // A full window of consecutive numbers is within the span.
    assert!(IN_FLIGHT_MAX <= 32_768 && SPAN_MAX == 32_768);
    assert!(BATCH_MAX <= IN_FLIGHT_MAX && BATCH_MAX * FILL_LEN_MAX < MESSAGE_MAX);
    assert!(FILL_LEN_MAX < LINE_LEN_MAX && LINE_LEN_MAX <= READ_LEN);
    assert!(RESEND_FIRST.as_millis() < SILENCE_FIRST.as_millis());
    assert!(BUSY_LONGEST.as_millis() <= RESEND_FIRST.as_millis());
    // A question that is lost is asked again in time.
    assert!(2 * HELD_ASK_EVERY.as_secs() < DRAIN.as_secs());
    assert!(ACCOUNTS_MAX * (ID_LEN_MAX + 32) < MESSAGE_MAX);
};
