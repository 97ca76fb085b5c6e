//! P3: what came over one connection stands in the journal of each shard in the order in which it
//! came, and nothing stands there more often than it came.

use std::collections::BTreeMap;

use crate::history::{ClientHistory, Key};
use crate::replica::Replica;
use crate::violation::{Violation, ensure};

/// Checks one shard; returns how many pairs of messages were compared.
///
/// Only of a message that came once is it known which of its places belongs to which delivery.
///
/// # Errors
/// The first pair that stands the wrong direction round.
pub fn check(shard: usize, replica: &Replica, history: &ClientHistory) -> Result<u64, Violation> {
    let mut by_connection: BTreeMap<u64, BTreeMap<u64, (Key, u64)>> = BTreeMap::new();
    for (key, places) in replica.places() {
        let deliveries = history.sent.get(key).map_or(&[][..], |sent| &sent.deliveries);
        ensure(places.len() <= deliveries.len(), "P2", || {
            let (stands, came) = (places.len(), deliveries.len());
            format!("shard {shard}: {key:?} came {came} times and stands in the journal {stands}")
        })?;
        if let [(connection, delivery)] = deliveries {
            by_connection.entry(*connection).or_default().insert(*delivery, (*key, places[0]));
        }
    }
    let mut pairs = 0;
    for messages in by_connection.values() {
        let messages: Vec<_> = messages.values().collect();
        for pair in messages.windows(2) {
            pairs += 1;
            ensure(pair[0].1 < pair[1].1, "P3", || {
                format!("shard {shard}: {:?} came before {:?}", pair[0], pair[1])
            })?;
        }
    }
    Ok(pairs)
}
