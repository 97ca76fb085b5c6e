//! P1 and P2: every reply that a client has seen is one that the journal of its shard gives.

use allot_allocation_rules::{Finding, Omitted};
use allot_allocation_service::Reply;
use allot_domain::ShardId;

use crate::allocation::history::{ClientHistory, MessageKey};
use crate::allocation::replica::Replica;
use crate::engine::violation::{Violation, ensure};

/// Looks up the replies of a shard that were not looked up yet; what was found stays found, as a
/// recovered log only grows.
///
/// # Errors
/// The first reply that the journal does not give.
pub fn check(replica: &Replica, history: &mut ClientHistory) -> Result<(), Violation> {
    let shard = replica.shard();
    let pending = std::mem::take(&mut history.pending[shard.index()]);
    let lost = pending.iter().filter(|(key, reply)| !is_given(replica, key, reply));
    let lost: Vec<_> = lost.collect();
    let Some((key, reply)) = lost.first() else { return Ok(()) };
    let what = format!(
        "shard {shard}: {} of {} replies seen since the last look are not in the journal{}; the \
         first is {reply:?}; the journal gives {:?}",
        lost.len(),
        pending.len(),
        pattern(&pending, &lost),
        replica.given(key),
    );
    Err(Violation::new("P1", what))
}

/// The first shard replies for all to a split; the others must have accepted it too.
fn is_given(replica: &Replica, key: &MessageKey, reply: &Reply) -> bool {
    let given = replica.given(key);
    let is_follower = key.is_split && replica.shard() != ShardId::default();
    if is_follower && matches!(reply, Reply::Accepted { .. }) {
        return given.iter().any(|given| matches!(given, Reply::Accepted { .. }));
    }
    is_follower || given.contains(reply)
}

/// Which of the replies are lost, in the words of Jepsen.
fn pattern(pending: &[(MessageKey, Reply)], lost: &[&(MessageKey, Reply)]) -> &'static str {
    let is_lost = |reply: &(MessageKey, Reply)| lost.contains(&reply);
    let first = pending.iter().position(is_lost).unwrap_or(0);
    let last = pending.iter().rposition(is_lost).unwrap_or(0);
    match (first == 0, last + 1 == pending.len(), last + 1 - first == lost.len()) {
        (true, true, true) => " (all)",
        (true, false, true) => " (a prefix)",
        (false, true, true) => " (a postfix)",
        (_, _, true) => " (a contiguous range)",
        (_, _, false) => " (scattered)",
    }
}

/// Every split that was refused because it left out holders did leave them out: every shard was
/// asked, and the reason is that of what they found. Returns how many were looked up.
///
/// # Errors
/// The first that was refused for something else.
pub fn check_refused(replicas: &[Replica], history: &ClientHistory) -> Result<u64, Violation> {
    let mut count = 0;
    for (key, reason) in &history.refused {
        let found: Vec<_> = replicas.iter().map(|replica| replica.findings(key)).collect();
        ensure(is_due(&found, &mut Vec::new(), reason), "P10", || {
            format!("{key:?} was refused: {reason}; the shards found {found:?}")
        })?;
        count += 1;
    }
    Ok(count)
}

/// Whether one finding of each shard gives this reason: a shard is asked again after a crash.
fn is_due(found: &[&[Finding]], chosen: &mut Vec<Vec<Omitted>>, reason: &str) -> bool {
    let Some((first, rest)) = found.split_first() else {
        return Omitted::rejection(chosen).is_some_and(|due| due.to_string() == reason);
    };
    first.iter().any(|finding| {
        let Finding::Omits(omitted) = finding else { return false };
        chosen.push(omitted.clone());
        let is_due = is_due(rest, chosen, reason);
        chosen.pop();
        is_due
    })
}
