//! What a shard is told of itself.

use allot_domain::{Incarnation, LedgerId, ShardId};

/// Which shard it is, and which incarnation of it.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Its id, from zero.
    pub shard: ShardId,
    /// How many shards there are.
    pub shards: u32,
    /// Two incarnations of one shard never have the same number.
    pub incarnation: Incarnation,
    /// Which ledger its journal is of; none without a journal.
    pub ledger: Option<LedgerId>,
}
