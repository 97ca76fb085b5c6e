//! P1 and P2: every answer that a client has seen is what the journal of its shard says.

use allot_wire::Reply;

use crate::history::{ClientHistory, Key};
use crate::replica::Replica;
use crate::violation::{Violation, ensure};

/// Looks up the answers of a shard that were not looked up yet; they stay in its replica.
///
/// # Errors
/// The first answer that the journal does not bear out.
pub fn check(
    shard: usize,
    replica: &Replica,
    history: &mut ClientHistory,
) -> Result<(), Violation> {
    let pending = std::mem::take(&mut history.pending[shard]);
    let lost = pending.iter().filter(|(key, reply)| !bears_out(shard, replica, key, reply));
    let lost: Vec<_> = lost.collect();
    let Some((key, reply)) = lost.first() else { return Ok(()) };
    let last = replica.log().len();
    let said = replica.said(key);
    let what = format!(
        "shard {shard}: {} of {} answers seen since the last look are not in the journal of {last} \
         inputs{}; the first is {reply:?}; the journal says {said:?}",
        lost.len(),
        pending.len(),
        pattern(&pending, &lost),
    );
    Err(Violation::new("P1", what))
}

/// The first shard answers for all what a split comes to; the others must have it.
fn bears_out(shard: usize, replica: &Replica, key: &Key, reply: &Reply) -> bool {
    let said = replica.said(key);
    if key.is_split && 0 < shard && matches!(reply, Reply::Accepted { .. }) {
        return said.iter().any(|said| matches!(said, Reply::Accepted { .. }));
    }
    said.contains(reply) || (key.is_split && 0 < shard)
}

/// Which of the answers are lost, in the words of Jepsen.
fn pattern(pending: &[(Key, Reply)], lost: &[&(Key, Reply)]) -> &'static str {
    let is_lost = |answer: &(Key, Reply)| lost.contains(&answer);
    let first = pending.iter().position(is_lost).unwrap_or(0);
    let last = pending.iter().rposition(is_lost).unwrap_or(0);
    match (first == 0, last + 1 == pending.len(), last + 1 - first == lost.len()) {
        (true, true, true) => " (all)",
        (true, false, true) => " (a prefix)",
        (false, true, true) => " (a postfix)",
        (_, _, true) => " (a piece in the middle)",
        (_, _, false) => " (here and there)",
    }
}

/// Every message of a fill server was looked at by its shard in the end.
///
/// # Errors
/// The first that was not.
pub fn check_all_replied(replicas: &[Replica], history: &ClientHistory) -> Result<(), Violation> {
    for (key, sent) in &history.sent {
        let shards = match sent.shard {
            Some(shard) => &replicas[shard..=shard],
            None => replicas,
        };
        ensure(shards.iter().all(|replica| !replica.said(key).is_empty()), "liveness", || {
            format!("{key:?} was sent {} times and is in no journal", sent.deliveries.len())
        })?;
    }
    Ok(())
}
