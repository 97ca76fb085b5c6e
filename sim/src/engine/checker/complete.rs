//! Liveness: every message that reached the front door is in the journal of each shard it goes to.

use std::collections::BTreeMap;
use std::fmt::Debug;

use allot_domain::ShardId;
use allot_server::boxes::shard_ids;

use crate::engine::sent::Sent;
use crate::engine::violation::{Violation, ensure};

/// Checks it; `is_logged` says whether the journal of a shard has a message.
///
/// # Errors
/// The first message that is not there.
pub fn check<K: Ord + Debug>(
    shards: usize,
    sent: &BTreeMap<K, Sent>,
    is_logged: impl Fn(ShardId, &K) -> bool,
) -> Result<(), Violation> {
    for (name, sent) in sent {
        let is_there = match sent.shard {
            Some(shard) => is_logged(shard, name),
            None => shard_ids(shards).all(|shard| is_logged(shard, name)),
        };
        ensure(is_there, "liveness", || {
            format!("{name:?} was delivered {} times and is in no journal", sent.deliveries.len())
        })?;
    }
    Ok(())
}
