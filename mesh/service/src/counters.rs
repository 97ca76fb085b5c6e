//! Counters: what a peer has counted, by name, for its state.

use allot_mesh_rules::Counters;
use allot_runtime::Counter;

/// What its door counts: connections that it has ended, or could not take.
const OF_DOOR: [Counter; 5] = [
    Counter::ConnectionsSurplus,
    Counter::ConnectionsUnread,
    Counter::ConnectionsFaulty,
    Counter::IdentitiesTaken,
    Counter::DescriptorsOut,
];

/// What the service of a peer counts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ServiceCounters {
    /// Frames that could not be read.
    pub(crate) garbage: u64,
    /// Frames that were taken.
    pub(crate) frames_received: u64,
    /// Frames that were sent.
    pub(crate) frames_sent: u64,
    /// Frames other than deltas that were dropped for a peer that does not read.
    pub(crate) frames_dropped: u64,
    /// Trades that were taken.
    pub(crate) trades: u64,
    /// Trades that were refused.
    pub(crate) trades_refused: u64,
    /// Snapshots that were not taken because the one before was not stored yet.
    pub(crate) snapshots_skipped: u64,
}

/// All of them, as a client sees them.
pub(crate) fn named(
    replica: &Counters,
    service: &ServiceCounters,
    door: &allot_runtime::Counters,
    output_conflated: u64,
    source: &[(&'static str, u64)],
) -> Vec<(String, u64)> {
    let all = [
        ("trades", service.trades),
        ("trades_refused", service.trades_refused),
        ("gaps_noticed", replica.gaps_noticed),
        ("gaps_repaired", replica.gaps_repaired),
        ("conflated", replica.conflated),
        ("foreign_rows", replica.foreign_rows),
        ("rows_ahead", replica.rows_ahead),
        ("other_life_rows", replica.other_life_rows),
        ("unfounded", replica.unfounded),
        ("conflicts", replica.conflicts),
        ("settled", replica.settled),
        ("superseded", replica.superseded),
        ("over_bounds", replica.over_bounds),
        ("differences", replica.differences),
        ("stale_rows", replica.stale_rows),
        ("applied_rows", replica.applied_rows),
        ("before_hello", replica.before_hello),
        ("bad_messages", replica.bad_messages),
        ("garbage", service.garbage),
        ("frames_received", service.frames_received),
        ("frames_sent", service.frames_sent),
        ("frames_dropped", service.frames_dropped),
        ("output_conflated", output_conflated),
        ("snapshots_skipped", service.snapshots_skipped),
    ];
    let of_door = OF_DOOR.map(|counter| (counter.label(), door.get(counter)));
    let all = all.iter().chain(&of_door).chain(source);
    all.map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who adds a counter says in the page what it counts.
    #[test]
    fn the_page_has_every_counter() {
        let page = include_str!("../../../docs/MESH.md");
        let table = page.lines().filter(|line| line.starts_with("| `"));
        let table: Vec<&str> = table.collect();
        let (replica, service) = (Counters::default(), ServiceCounters::default());
        let all = named(&replica, &service, &allot_runtime::Counters::new(), 0, &[]);
        for (name, _) in all {
            let is_there = table.iter().any(|line| line.contains(&format!("`{name}`")));
            assert!(is_there, "{name} is not in a table of docs/MESH.md");
        }
    }
}
