//! Nettings move value between shards and create none: account by account they add up to zero.

use allot_allocation_rules::Part;
use allot_allocation_service::Allocation;
use allot_domain::Marker;
use allot_shard::State;

/// The sum over the accounts of the split in force of what nettings have left; `None` while the
/// shards are not under the same split.
///
/// A netting that a crash kept from some shards leaves a remainder until the next one.
#[must_use]
pub fn remainder(states: &[&State<Allocation>]) -> Option<i128> {
    let marker = Marker { number: 0, time_ns: 0, report: false };
    let parts: Vec<Part> = states.iter().map(|state| state.machine().part(&marker)).collect();
    let first = parts.first()?;
    if parts.iter().any(|part| part.split != first.split || part.weights != first.weights) {
        return None;
    }
    let sum = |rank: usize| parts.iter().map(|part| part.netted[rank].nanos()).sum::<i128>();
    Some((0..first.netted.len()).map(|rank| sum(rank).abs()).sum())
}
