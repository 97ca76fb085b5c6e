//! Remedies: what to do about the counters that need attention, by their names.
//!
//! `docs/OPERATING.md` has the same with what each means.

const REMEDIES: &[(&str, &str)] = &[
    ("busy", "Slow the feeds down, or give the shard a core; feeds resend by themselves."),
    ("disk_full", "Free space on the disk of the journal: fills are refused until then."),
    ("storage_full", "Free space on the disk of the journal: the shard goes on by itself."),
    ("refused_away", "Check that the process of the shard runs; feeds resend by themselves."),
    ("shard_away", "Check that the process of the shard runs."),
    ("clients_dropped", "Check who does not read its replies."),
    ("connections_unread", "Check who connects to that port."),
    ("connections_surplus", "Raise ulimit -n, and check who connects."),
    ("connections_faulty", "Check what connects to that port, and its key."),
    ("descriptors_out", "Raise ulimit -n."),
    ("connections_lost", "Check the network, and who does not read what is due to it."),
    ("identities_taken", "Give each client an identity of its own."),
    ("subscribers_dropped", "Check the subscribers that are slow, and their network."),
    ("subscriptions_refused", "Subscribe to a prefix of many topics instead."),
    ("publications_dropped", "Check the subscribers that are slow, and their network."),
    ("reports_degraded", "Check that all shards run."),
    ("reports_late", "Check that all shards run; if they do, raise report-every."),
    ("reports_skipped", "Check that all shards run; if they do, raise report-every."),
    ("frames_dropped", "Run one version in all processes."),
    ("frames_unknown", "Start all processes with the same number of shards."),
    ("names_taken", "Start each process once."),
    ("parts_dropped", "Check what connects to backplane and parts."),
    ("frames_refused", "Check that peer, unless all have just been started."),
    ("logs_failed", "Make room, or give the directory of --logs to the user of the server."),
];

/// What to do about a counter that is not zero; none where it is how things go.
pub(crate) fn remedy(counter: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(name, _)| *name == counter).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use allot_runtime::Counter;

    use super::*;

    #[test]
    fn each_is_of_a_counter_that_there_is() {
        for (name, remedy) in REMEDIES {
            assert!(Counter::ALL.iter().any(|counter| counter.label() == *name), "{name}");
            assert!(remedy.ends_with('.'), "{remedy}");
        }
    }
}
