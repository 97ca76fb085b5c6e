//! Tallies: how often each thing happened in a run, and in all of them.

use std::ops::AddAssign;

/// Declares a tally once: the sentence is both the documentation and what is printed.
macro_rules! tally {
    ($(#[$doc:meta])+ $name:ident { $($field:ident $sentence:literal)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $name {
            $(#[doc = $sentence] pub $field: u64,)+
        }

        impl $name {
            /// Every count with its sentence, in the order of the declaration.
            pub fn counts(&self) -> Vec<(&'static str, u64)> {
                vec![$(($sentence, self.$field),)+]
            }
        }
    };
}
pub(crate) use tally;

tally! {
    /// What the engine did and checked.
    Tally {
        runs "Runs."
        in_one_process "Runs with all boxes in one process."
        pruned "Runs that removed old segments."
        turns "Turns of agents."
        virtual_seconds "Seconds of virtual time."
        inputs "Inputs in the journals at the end."
        crashes "Crashes of processes."
        crashes_within "Of these, crashes in the middle of a disk operation."
        power_failures "Disks that lost what was not synced."
        stops "Processes that were asked to stop, and did."
        breaks "Connections that broke."
        frames_lost "Frames lost with a connection or a process."
        stalls "Agents that got no turn for a while."
        recoveries "Recoveries of a shard."
        torn "Recoveries that cut off an unfinished batch."
        with_snapshot "Recoveries that had a snapshot."
        broken_starts "Starts during which the machine failed."
        refused_starts "Starts that failed because the disk had failed or was full."
        failures "Boxes that stopped because their disk had failed."
        syncs_failed "Syncs that were made to fail."
        writes_failed "Writes that were made to fail."
        full_disks "Disks that were full for a while."
        flips "Bits flipped in copies of a disk."
        flips_stopped "Flips that stopped a start, with the file named."
        flips_repaired "Flips after which the state was still right."
        copies "Old client messages that were sent again."
        live_states "States of running shards compared with their replay."
        rebatched "Journals replayed from other batches."
    }
}

/// Counts with their sentences, summed over runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals(Vec<(&'static str, u64)>);

impl Totals {
    /// The counts of one run, the engine's first.
    #[must_use]
    pub fn of(engine: &Tally, workload: Vec<(&'static str, u64)>) -> Self {
        Self(engine.counts().into_iter().chain(workload).collect())
    }

    /// Every count with its sentence.
    #[must_use]
    pub fn counts(&self) -> &[(&'static str, u64)] {
        &self.0
    }
}

impl AddAssign for Totals {
    /// # Panics
    /// When the two count different things: one campaign runs one workload.
    fn add_assign(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for ((sentence, count), (same, more)) in self.0.iter_mut().zip(other.0) {
            assert_eq!(*sentence, same, "all runs of a campaign count the same things");
            *count += more;
        }
    }
}
