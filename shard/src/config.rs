//! What can be chosen of a shard.

use allot_domain::BookConfig;

/// Which shard it is, and how its book behaves.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Its number, from zero.
    pub shard: u32,
    /// How many shards the firm has.
    pub shards: u32,
    /// Which life of the shard this is: two lives of one shard never have the same.
    pub incarnation: u64,
    /// The rules.
    pub book: BookConfig,
}
