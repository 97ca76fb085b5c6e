//! Every bound of the rules, each with its reason, asserted against the others.

use allot_domain::{limits, snapshot};

/// The highest limit that a counter may have: the total of all shards fits into 64 bits.
pub const LIMIT_MAX: u64 = 1 << 40;

/// How many names of messages a shard remembers.
pub const NAMES: usize = 65_536;

/// The most keys of a shard: a part of a cut stays a small frame.
pub const KEYS_MAX: usize = 4_096;

/// The most awaits that a shard holds at once: a few MiB.
pub const AWAITS_MAX: usize = 16_384;

/// The most late outcomes of one slice: their replies fit into one frame with ease.
pub const RELEASED_MAX: usize = 64;

// A total is written into snapshots as a counter.
const _: () = assert!(KEYS_MAX <= 1 << 12 && limits::SHARDS_MAX <= 1 << 6);
const _: () = assert!(LIMIT_MAX << (12 + 6) <= snapshot::COUNT_MAX);
const _: () = assert!(RELEASED_MAX < AWAITS_MAX);
