//! Every bound that all systems share, each with its reason, asserted against the others.
//!
//! The border (`wire`) checks the bounds, and nothing inside has to.

/// Units of one: prices, money and weights count in 1e-9, as DBN and NautilusTrader do.
pub const NANOS: i64 = 1_000_000_000;

/// The highest price, in 1e-9: a billion of the currency, a thousand times the dearest share.
pub const PRICE_MAX: i64 = 1_000_000_000 * NANOS;

/// The most shares of one quantity.
pub const QUANTITY_MAX: u64 = 1 << 40;

/// How many names of messages a shard remembers exactly, unless configured otherwise: hours of a
/// busy firm, in some tens of MiB.
pub const NAMES_DEFAULT: usize = 1_000_000;

/// The most names that a shard may be told to remember: their memory is a few GiB.
pub const NAMES_MAX: usize = 1 << 26;

/// Of how many sources that have no name left a shard keeps up to where they are forgotten.
pub const QUIET_SOURCES_MAX: usize = 65_536;

/// The most shards: one for each core of the largest machines this is meant for.
pub const SHARDS_MAX: usize = 64;

/// Bytes of a ticker: option symbols of the OCC have 21, those of crypto venues more.
pub const TICKER_LEN_MAX: usize = 32;

/// Bytes of an account's or a source's id: 1 to 64 of `A–Z a–z 0–9 . - _ @`.
pub const ID_LEN_MAX: usize = 64;

/// The longest message of the front door, in bytes: the largest request of any system fits.
pub const MESSAGE_MAX: usize = 1 << 20;

/// A marker goes to all shards after this many inputs.
pub const MARKER_EVERY: u64 = 256;

const _: () = assert!(NAMES_DEFAULT <= NAMES_MAX);
// A lookup has four slots for each thing, numbered by 32 bits.
const _: () = assert!((NAMES_MAX + QUIET_SOURCES_MAX) * 4 <= u32::MAX as usize);
// A value of the largest price and the largest quantity is far from the ends of an `i128`.
const _: () = assert!((PRICE_MAX as i128) * (QUANTITY_MAX as i128) < 1 << 101);
const _: () = assert!(ID_LEN_MAX <= u8::MAX as usize && TICKER_LEN_MAX <= ID_LEN_MAX);
