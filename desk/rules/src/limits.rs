//! Every bound of the rules, each with its reason, asserted against the others.

pub use allot_domain::limits::*;

/// A second, in the nanoseconds of all times.
pub const SECOND_NS: u64 = 1_000_000_000;

/// How long a quote is valid from when the router took it: the rule of the course.
pub const QUOTE_VALID_NS: u64 = 60 * SECOND_NS;

/// How long a BUY or a SELL can be committed from when it was applied: the rule of the course.
pub const ORDER_VALID_NS: u64 = 60 * SECOND_NS;

/// How long a command waits for a quote before it is refused: the legacy server answers within
/// four seconds, and a person does not wait longer.
pub const WAIT_NS: u64 = 30 * SECOND_NS;

/// After a quote failed, how long the triggers of its symbol wait before they want another.
pub const QUOTE_RETRY_NS: u64 = 5 * SECOND_NS;

/// How exactly a shard says when something is due next: times within half a second are one, so that
/// on a busy desk it says so twice a second.
pub const DUE_GRAIN_NS: u64 = SECOND_NS / 2;

/// The most cents of one command: ten billion of the currency.
pub const AMOUNT_MAX: u64 = 1_000_000_000_000;

/// The most cents of one share: a million of the currency is more than the dearest share costs.
pub const SHARE_PRICE_MAX: u64 = 100_000_000;

/// The most cents of a user, so that no sum of them comes near the end of 64 bits.
pub const MONEY_MAX: u64 = 1 << 62;

/// The most shares of a user in one stock.
pub const HOLDING_MAX: u64 = 1 << 62;

/// The most users of a shard.
pub const USERS_MAX: usize = 1 << 22;

/// Characters of a symbol: the quote server cuts longer ones off.
pub const SYMBOL_LEN_MAX: usize = 3;

/// The most symbols there are: 1 to 3 of 62 characters.
pub const SYMBOLS_MAX: usize = 62 + 62 * 62 + 62 * 62 * 62;

/// Bytes of a file's name.
pub const FILE_NAME_LEN_MAX: usize = 255;

/// The most files that a user has the log in, and that have the log of all: each takes as much as
/// the log, and the disk of all of them is bounded so by a multiple of it.
pub const LOG_FILES_MAX: usize = 16;

/// The most stocks, pending buys and triggers of a user, and the most pending sells and triggers:
/// a summary lists them all, and stays below a MiB.
pub const POSITIONS_MAX: usize = 4_096;

/// The transactions that a summary shows.
pub const RECENT_MAX: usize = 20;

/// The most commands of one user that wait for quotes.
pub const WAITING_USER_MAX: usize = 256;

/// The most commands of a shard that wait for quotes: two for each of 100,000 users.
pub const WAITING_MAX: usize = 1 << 18;

/// What a command that waits counts for in bytes, without the name of a file: what it takes in
/// memory, rounded up, for what is refused must not depend on how a compiler lays it out.
pub const WAITING_LEN: usize = 512;

/// The most bytes that all of them count for; 16 MiB are for names of files.
pub const WAITING_BYTES_MAX: usize = WAITING_MAX * WAITING_LEN + (16 << 20);

/// The most steps of a slice of outcomes: what one quote fires and releases, or one moment lets
/// expire, is never in memory at once.
pub const SLICE_STEPS_MAX: usize = 1_024;

/// How many answers are kept for commands that are sent again, unless configured otherwise.
pub const HISTORY_DEFAULT: usize = 65_536;

/// The most answers that may be kept: their memory is a few GiB.
pub const HISTORY_MAX: usize = 1 << 26;

// What a user has and one command brings never overflows.
const _: () = assert!(AMOUNT_MAX < MONEY_MAX && MONEY_MAX <= u64::MAX / 2);
const _: () = assert!(HOLDING_MAX <= u64::MAX / 2 && SHARE_PRICE_MAX <= AMOUNT_MAX);
// A lookup has four slots for each thing, numbered by 32 bits.
const _: () = assert!(SYMBOLS_MAX <= USERS_MAX && USERS_MAX * 4 <= u32::MAX as usize);
const _: () = assert!(FILE_NAME_LEN_MAX <= u8::MAX as usize);
const _: () = assert!(WAITING_USER_MAX <= WAITING_MAX && POSITIONS_MAX < u32::MAX as usize);
// A release of one command, which may be a summary, fits a few slices.
const _: () = assert!(RECENT_MAX < SLICE_STEPS_MAX);
