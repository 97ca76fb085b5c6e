//! Every bound of quotes and their server, each with its reason.

use std::time::Duration;

use allot_desk_rules::limits::QUOTE_VALID_NS;

/// Connections to the legacy server at a time: it takes one request on each, and a symbol needs one
/// only, however many users wait.
pub const CONNECTIONS_MAX: usize = 64;

/// How long the first try of a quote may take: two thirds of the answers come within 26 ms, and the
/// rest at whole seconds, so that asking again is quicker than waiting.
pub const TIMEOUT_FIRST: Duration = Duration::from_millis(25);

/// The longest that one try may take, after doublings: the legacy server answers within 4 seconds.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// After how long a quote is given up. Commands wait 30 seconds at most, so there is time for two.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// The longest answer of the legacy server: five fields, of which the key is the longest.
pub const ANSWER_LEN_MAX: usize = 1_024;

/// The longest cryptokey that is kept: the legacy server's has 44 characters.
pub const CRYPTOKEY_LEN_MAX: usize = 256;

/// The longest reason that is kept of a try that brought no quote: a sentence, which may have a
/// part of what the legacy server said.
pub const FAULT_LEN_MAX: usize = 256;

/// The longest line of a refused command that is kept for the log: the longest one that can be read
/// is shorter, but for blanks.
pub const REFUSED_LINE_MAX: usize = 1_024;

/// For so long after a quote was handed over nobody can want another: what is said then was said
/// before the shards had it. A quote is valid for a minute, and a wish that was lost is said again
/// with the next report.
pub const ON_ITS_WAY: Duration = Duration::from_secs(1);
const _: () = assert!(ON_ITS_WAY.as_nanos() < QUOTE_VALID_NS as u128);

/// Publications that are taken in a turn.
pub const PUBLICATIONS_PER_TURN: usize = 256;

/// Quotes that are handed over in a turn.
pub const QUOTES_PER_TURN: usize = 256;

/// Quotes, and tries without one, that wait for room at the router, beyond which no more are asked
/// for.
pub const OUTBOX_MAX: usize = 1_024;

/// How soon the router is tried again where it had no room.
pub const ROUTER_RETRY: Duration = Duration::from_millis(1);

/// The longest request that the simulated server reads.
pub const QUESTION_LEN_MAX: usize = 256;

/// Connections that the simulated server holds at a time.
pub const SERVER_CONNECTIONS_MAX: usize = 1_024;

const _: () = assert!(CRYPTOKEY_LEN_MAX < ANSWER_LEN_MAX);
