//! The checkers of the desk's promises; those of every system are in [`crate::engine::checker`].
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1      | [`replies`]: what clients have seen is in the journal, at every recovery      |
//! | P2      | [`order`]: no message is logged more often than delivered; the auditor        |
//! | P3      | [`order`]: the log keeps the order of each connection; quotes are as given     |
//! | D4, P5  | the auditor, and the sum of all cents, in [`super::replica`]                  |
//! | P9      | [`report`]: a report is the sum of the shards at its cut                      |

use std::collections::BTreeMap;
use std::slice;

use allot_desk_service::Report;
use allot_domain::LogIndex;

use super::history::{ClientHistory, MessageName};
use super::replica::Replica;
use crate::engine::violation::{Violation, ensure};

/// Looks up the replies of a shard that were not looked up yet, byte for byte.
///
/// # Errors
/// The first reply that the journal does not give.
pub fn replies(replica: &Replica, history: &mut ClientHistory) -> Result<(), Violation> {
    for (name, body) in std::mem::take(&mut history.pending[replica.shard().index()]) {
        ensure(replica.given(&name).contains(&body), "P1", || {
            let shard = replica.shard();
            let given = replica.given(&name).iter().map(|one| String::from_utf8_lossy(one));
            let given: Vec<_> = given.collect();
            let body = String::from_utf8_lossy(&body);
            format!("shard {shard}: the journal does not give {body}; it gives {given:?}")
        })?;
    }
    Ok(())
}

/// Every message that reached the front door is in the journal of each shard it goes to.
///
/// # Errors
/// The first that is not.
pub fn all_replied(replicas: &[Replica], history: &ClientHistory) -> Result<(), Violation> {
    for (name, sent) in &history.sent {
        let shards = match sent.shard {
            Some(shard) => slice::from_ref(&replicas[shard.index()]),
            None => replicas,
        };
        ensure(shards.iter().all(|replica| !replica.given(name).is_empty()), "liveness", || {
            format!("{name:?} was delivered {} times and is in no journal", sent.deliveries.len())
        })?;
    }
    Ok(())
}

/// Checks the order of one shard's log; returns how many pairs of messages were compared.
///
/// Only messages that were delivered once are compared: of the others it is not known which log
/// index belongs to which delivery.
///
/// # Errors
/// The first pair in the wrong order, or a message that is there too often.
pub fn order(replica: &Replica, history: &ClientHistory) -> Result<u64, Violation> {
    let shard = replica.shard();
    let mut connections: BTreeMap<u64, BTreeMap<u64, (MessageName, LogIndex)>> = BTreeMap::new();
    for (name, indexes) in replica.indexes() {
        let deliveries = history.sent.get(name).map_or(&[][..], |sent| &sent.deliveries);
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

/// Compares a report with the journals of all shards.
///
/// # Errors
/// The first thing in which they differ.
pub fn report(report: &Report, replicas: &[Replica]) -> Result<(), Violation> {
    let number = report.report;
    let shards = replicas.iter().map(|replica| replica.at_report(number, report.time_ns));
    let Some(shards) = shards.collect::<Option<Vec<_>>>() else {
        let what = format!("report {number} was published, and its marker is not in every journal");
        return Err(Violation::new("P9", what));
    };
    let parts: Vec<_> = shards.iter().map(|at| at.part.clone()).collect();
    ensure(report.shards == parts, "P9", || {
        format!("report {number} has {:?}, the journals {parts:?}", report.shards)
    })?;
    let sum = |of: fn(&allot_desk_service::ShardReport) -> u128| parts.iter().map(of).sum::<u128>();
    let total = &report.total;
    let published = [total.cash, total.held, total.reserved, total.earned, total.spent];
    let sums = [
        sum(|part| part.cash),
        sum(|part| part.held),
        sum(|part| part.reserved),
        sum(|part| part.earned),
        sum(|part| part.spent),
    ];
    ensure(published == sums, "P9", || {
        format!("report {number} has the sums {published:?}, the journals {sums:?}")
    })?;
    let inputs = shards.iter().map(|at| at.keyed).sum::<u64>()
        + shards.iter().map(|at| at.to_all).max().unwrap_or(0);
    ensure(report.inputs == inputs, "P9", || {
        format!("report {number} has {} inputs, the journals {inputs}", report.inputs)
    })
}
