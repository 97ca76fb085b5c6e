//! A tally: how often each thing happened in a run, or in all of them.

use std::ops::AddAssign;

/// Declares the list once: the sentence is both the documentation and what is printed.
macro_rules! tallies {
    ($($field:ident $sentence:literal)+) => {
        /// What happened, and what was checked.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Tally {
            $(#[doc = $sentence] pub $field: u64,)+
        }

        impl Tally {
            /// Every count with its sentence, in the order of the list.
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$(($sentence, self.$field),)+]
            }
        }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)+
            }
        }
    };
}

tallies! {
    runs "Runs."
    in_one_process "Runs with everything in one process."
    pruned "Runs in which old segments were removed."
    turns "Turns of agents."
    virtual_seconds "Seconds of virtual time."
    inputs "Inputs in journals at the end."
    crashes "Crashes of processes."
    crashes_within "Of these, crashes within something that the disk did."
    power_failures "Disks that lost what was not synced."
    stops "Processes that were told to end, and did."
    breaks "Connections that broke."
    frames_lost "Frames lost with a connection or a process."
    stalls "Agents that got no turn for a while."
    recoveries "Recoveries of a shard."
    torn "Recoveries that cut a batch which was never finished."
    with_snapshot "Recoveries of a shard that had an image."
    broken_starts "Starts during which the machine failed."
    refused_starts "Starts refused by a disk that failed or was full."
    failures "Boxes that stopped because their disk failed."
    syncs_failed "Syncs that were made to fail."
    writes_failed "Writes that were made to fail."
    full_disks "Disks that were full for a while."
    flips "Bits flipped in copies of a disk."
    flips_stopped "Flips that stopped a start, with the place named."
    flips_repaired "Flips in spite of which the state was right."
    copies "Old messages of clients that were sent again."
    busy "Answers that there was no room."
    storage_full "Answers that there was no room on the disk."
    answers "Answers of shards that clients saw, each found in a journal."
    allocated "Of these, fills that were divided."
    held "Of these, fills that were held."
    late "Of these, answers that followed held."
    busted "Of these, fills that were taken back."
    accepted "Of these, splits."
    rejected "Of these, refusals."
    duplicates "Of these, first answers given again."
    ordered "Pairs of messages whose order was checked."
    audited "Inputs divided once more by the auditor."
    live_states "States of running shards compared with their replay."
    rebatched "Journals replayed from other batches."
    splits "Splits in journals."
    nettings "Nettings in journals."
    nettings_void "Of these, nettings that moved nothing."
    markers "Markers in journals."
    reports "Reports compared with the journals."
    degraded "Of these, reports that said what was missing."
    publications "Publications that the subscriber heard."
    publications_lost "Publications that it lost on purpose."
    gaps "Gaps that it saw."
    resynchronised "Tickers that it took from a report after a gap."
}
