//! P3: each shard's log keeps the order of each connection, and has no message more often than it
//! was delivered.

use std::collections::BTreeMap;

use allot_domain::LogIndex;

use crate::allocation::history::{ClientHistory, MessageKey};
use crate::allocation::replica::Replica;
use crate::engine::violation::{Violation, ensure};

/// Checks one shard; returns how many pairs of messages were compared.
///
/// Only messages that were delivered once are compared: of the others it is not known which log
/// index belongs to which delivery.
///
/// # Errors
/// The first pair in the wrong order.
pub fn check(replica: &Replica, history: &ClientHistory) -> Result<u64, Violation> {
    let shard = replica.shard();
    let mut by_connection: BTreeMap<u64, BTreeMap<u64, (MessageKey, LogIndex)>> = BTreeMap::new();
    for (key, indexes) in replica.indexes() {
        let deliveries = history.sent.get(key).map_or(&[][..], |sent| &sent.deliveries);
        ensure(indexes.len() <= deliveries.len(), "P2", || {
            let in_log = indexes.len();
            let delivered = deliveries.len();
            format!("shard {shard}: {key:?} was delivered {delivered} times and logged {in_log}")
        })?;
        if let [delivery] = deliveries {
            let messages = by_connection.entry(delivery.connection).or_default();
            messages.insert(delivery.ordinal, (*key, indexes[0]));
        }
    }
    let mut pairs = 0;
    for messages in by_connection.values() {
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
