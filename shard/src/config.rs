//! What a shard is told of itself.

/// Which shard it is, and which life of it.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Its number, from zero.
    pub shard: u32,
    /// How many shards the firm has.
    pub shards: u32,
    /// Which life of the shard this is: two lives of one shard never have the same.
    pub incarnation: u64,
}
