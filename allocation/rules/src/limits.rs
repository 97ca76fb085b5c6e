//! Every bound of the rules, each with its reason, asserted against the others.
//!
//! The sums at the end show that no intermediate value of the allocator can overflow an `i128`;
//! the border (`service`, [`crate::Book`]) checks the bounds, and nothing inside has to. The bounds
//! of all systems stand here too, so that rules have one list to ask.

pub use allot_domain::limits::*;

/// The most shares of one ticker that a shard holds, so that holdings stay far from `u64::MAX`.
pub const HOLDING_MAX: u64 = 1 << 62;

/// The most value that passes through one shard over its log, in 1e-9: 75 trillion of the currency.
/// It bounds turnover, and so whatever accounts have paid for a ticker, summed without sign.
pub const VALUE_MAX: i128 = 1 << 76;

/// The most value that residuals may hold after nettings, summed over accounts without sign.
/// Shards exchange at most what all of them hold together, hence the factor.
pub const NETTED_VALUE_MAX: i128 = VALUE_MAX * 4 * SHARDS_MAX as i128;

/// What the weights of a split add up to: 100 %, in 1e-9 of a percent.
pub const WEIGHT_TOTAL: u64 = 100 * NANOS as u64;

/// How far the weights may miss [`WEIGHT_TOTAL`]: 0.01 %, for splits rounded to two decimals.
pub const WEIGHT_TOLERANCE: u64 = NANOS as u64 / 100;

/// The most that numerator and denominator of a blend add up to.
pub const BLEND_MAX: u32 = 8;

/// The most accounts of a split: a firm with more runs several Allots.
pub const ACCOUNTS_MAX: usize = 10_000;

/// The most tickers of one shard: all listed equities of the world fit in a few shards.
pub const TICKERS_MAX: usize = 65_536;

/// The most fills that wait for the first split.
pub const HELD_MAX: usize = 65_536;

/// The most shares in one slice of outcomes when held fills are divided: 1 MiB of them, so that
/// all held fills over all accounts (up to 10 GiB) are never in memory together.
pub const RELEASE_SHARES_MAX: usize = 65_536;

/// How many outcomes (and so fills that can be busted) a shard keeps unless configured otherwise.
pub const HISTORY_DEFAULT: usize = 65_536;

/// The room for shares in the history, for each outcome kept: more accounts, a shorter history.
pub const HISTORY_SHARES_EACH: usize = 8;

/// The most outcomes in one reply to a replay: with [`REPLAY_SHARES_MAX`], half a MiB of JSON.
pub const REPLAY_OUTCOMES_MAX: u64 = 256;

/// The most shares in one reply to a replay, but where its first outcome alone has more.
pub const REPLAY_SHARES_MAX: usize = 4_096;

/// The weights of the latest splits that a shard keeps, 4 MiB of them: over a thousand splits of
/// 200 accounts, or 26 of the most.
pub const SPLIT_WEIGHTS_KEPT: usize = 262_144;

/// The most splits in one reply to a request for splits.
pub const LISTED_SPLITS_MAX: usize = 256;

/// The most weights in one reply to a request for splits, but where its first split alone has more.
pub const LISTED_WEIGHTS_MAX: usize = 4_096;

/// A netting moves only what exceeds this many maximum prices, so that rounding is not chased.
pub const DEAD_BAND_PRICES: i128 = 4;

/// The most accounts that splits ever name, closed ones included.
pub const ACCOUNTS_EVER_MAX: usize = 4 * ACCOUNTS_MAX;

/// How many splits are kept with their numbers: nettings name the split that they are of.
pub const SPLITS_KEPT: usize = 1_024;

/// The accounts that the rejection of a split names when it leaves out some that hold shares, and
/// the tickers of each: one can read that many.
pub const HOLDERS_SHOWN: usize = 3;
/// See [`HOLDERS_SHOWN`].
pub const HELD_SHOWN: usize = 3;

// The largest weight sum, as a power of two: 100.01 % is below 2^37.
const WEIGHT_BITS: u32 = 37;
const _: () = assert!(WEIGHT_TOTAL + WEIGHT_TOLERANCE < 1 << WEIGHT_BITS);
// A residual is W_i·T − W·V_i: twice a weight times a value; a fill adds a weight times a value.
const RESIDUAL_MAX: i128 = (NETTED_VALUE_MAX << WEIGHT_BITS) * 2 + (VALUE_MAX << WEIGHT_BITS);
// The blended key adds, for the ticker's own term, twice a weight times what was paid for the
// ticker, this fill included, and both terms times their part of the blend. What was paid may be
// negative, where shares were sold dearer than bought, but without sign it is within the turnover.
const KEY_MAX: i128 = (RESIDUAL_MAX + (VALUE_MAX << WEIGHT_BITS) * 2) * BLEND_MAX as i128;
const _: () = assert!(KEY_MAX < i128::MAX / 2);
// Sums of keys over accounts stay within twice the largest key, for values are bounded as a sum.
const _: () = assert!(VALUE_MAX * 2 <= NETTED_VALUE_MAX);
// One share at the highest price, the largest quantity at the lowest: both are within reach.
const _: () = assert!((PRICE_MAX as i128) < VALUE_MAX && (QUANTITY_MAX as i128) < VALUE_MAX);
const _: () = assert!(QUANTITY_MAX < HOLDING_MAX && HOLDING_MAX < u64::MAX / 2);
// The split in force is always kept with its weights.
const _: () = assert!(ACCOUNTS_MAX <= SPLIT_WEIGHTS_KEPT);
// The selection packs an account's rank into 14 bits of a sort key.
const _: () = assert!(ACCOUNTS_MAX < 1 << 14);
// Every slice of a release divides at least one fill.
const _: () = assert!(ACCOUNTS_MAX <= RELEASE_SHARES_MAX);
