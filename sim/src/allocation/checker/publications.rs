//! P9: what was published of single fills and accounts agrees with the journals and the reports.

use std::collections::BTreeMap;

use allot_allocation_service::Reply;

use crate::allocation::history::key_of_reply;
use crate::allocation::replica::Replica;
use crate::allocation::subscriber::Subscriber;
use crate::engine::violation::{Violation, ensure};

/// An account's own statement says what the report of the same number says of it.
///
/// # Errors
/// The first statement that differs.
pub fn check_statements(subscriber: &Subscriber) -> Result<(), Violation> {
    let reports = subscriber.reports.iter();
    let by_number: BTreeMap<_, _> =
        reports.map(|report| ((report.report, report.time_ns), report)).collect();
    for statement in &subscriber.statements {
        let Some(report) = by_number.get(&(statement.report, statement.time_ns)) else { continue };
        let account = report.accounts.iter().find(|one| one.id == statement.account.id);
        ensure(account == Some(&statement.account), "P9", || {
            format!("report {} has {account:?}, and alone {statement:?}", report.report)
        })?;
    }
    Ok(())
}

/// A published fill is a reply that its journal gives.
///
/// # Errors
/// The first fill that is not.
pub fn check_fills(subscriber: &Subscriber, replicas: &[Replica]) -> Result<(), Violation> {
    subscriber.fills.iter().try_for_each(|fill| check_fill(fill, replicas))
}

fn check_fill(fill: &Reply, replicas: &[Replica]) -> Result<(), Violation> {
    let not_a_fill = || Violation::new("P9", format!("published, and not a fill: {fill:?}"));
    let ticker = fill.ticker().ok_or_else(not_a_fill)?;
    let given = replicas[ticker.shard(replicas.len()).index()].given(&key_of_reply(fill)?);
    ensure(given.contains(fill), "P9", || {
        format!("{fill:?} was published; the journal gives {given:?}")
    })
}
