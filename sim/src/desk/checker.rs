//! The checkers of the desk's promises; those of every system are in [`crate::engine::checker`].
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1      | [`replies`]: what clients have seen is in the journal, at every recovery      |
//! | P2      | the auditor                                                                   |
//! | P3      | quotes are as given                                                           |
//! | D4, P5  | the auditor, and the sum of all cents, in [`super::replica`]                  |
//! | P9      | [`report`]: a report is the sum of the shards at its cut                      |

use allot_desk_service::Report;

use super::history::ClientHistory;
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
