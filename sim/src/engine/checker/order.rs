//! P2, P3: each shard's log keeps the order of each connection, and has no message more often than
//! it was delivered.

use std::collections::BTreeMap;
use std::fmt::Debug;

use allot_domain::{LogIndex, ShardId};

use crate::engine::sent::Sent;
use crate::engine::violation::{Violation, ensure};

/// Checks one shard, by where each message stands in its log; returns how many pairs of messages
/// were compared.
///
/// Only messages that were delivered once are compared: of the others it is not known which log
/// index belongs to which delivery.
///
/// # Errors
/// The first pair in the wrong order, or a message that is there too often.
pub fn check<K: Copy + Ord + Debug>(
    shard: ShardId,
    logged: &BTreeMap<K, Vec<LogIndex>>,
    sent: &BTreeMap<K, Sent>,
) -> Result<u64, Violation> {
    let mut connections: BTreeMap<u64, BTreeMap<u64, (K, LogIndex)>> = BTreeMap::new();
    for (name, indexes) in logged {
        let deliveries = sent.get(name).map_or(&[][..], |sent| &sent.deliveries);
        let (logged, delivered) = (indexes.len(), deliveries.len());
        ensure(logged <= delivered, "P2", || {
            format!("shard {shard}: {name:?} was delivered {delivered} times and logged {logged}")
        })?;
        if let [delivery] = deliveries {
            let messages = connections.entry(delivery.connection).or_default();
            messages.insert(delivery.ordinal, (*name, indexes[0]));
        }
    }
    let mut pairs = 0;
    for messages in connections.values() {
        let messages: Vec<_> = messages.values().collect();
        for pair in messages.windows(2) {
            pairs += 1;
            ensure(pair[0].1 < pair[1].1, "P3", || {
                format!("shard {shard}: {:?} was delivered before {:?}", pair[0], pair[1])
            })?;
        }
    }
    Ok(pairs)
}
