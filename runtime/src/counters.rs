//! A counter: how often something happened in a box since it started.
//!
//! There is one closed list for all boxes, so that a label means the same everywhere. Each box has
//! its own set of values, which only it writes and any thread may read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::levels::Levels;
use crate::limits::CACHE_LINE_PAIR_BYTES;

/// Declares the list once: the sentence is both the documentation and what is printed.
macro_rules! counters {
    ($($name:ident $label:literal $sentence:literal)+) => {
        /// What is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Counter {
            $(#[doc = $sentence] $name,)+
        }

        impl Counter {
            /// All of them, in the order in which they are printed.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in logs and tables.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What it means, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }
        }
    };
}

counters! {
    Received "received" "Messages taken from clients at the front door."
    RejectedAtDoor "rejected_at_door" "Messages rejected before any shard saw them."
    Routed "routed" "Inputs handed to a shard."
    Busy "busy" "Inputs refused because a shard owed too many replies."
    QuestionsRefused "questions_refused" "Questions refused because a shard had one on its way."
    RefusedAway "refused_away" "Inputs refused because a shard was away."
    StorageFull "storage_full" "Inputs refused because the disk of a shard's journal had no room."
    DiskFull "disk_full" "Times that the disk of the journal had no room for another segment."
    ShardAway "shard_away" "Times that a shard was silent for too long and counted as away."
    InputsApplied "inputs_applied" "Inputs that a shard took, in order."
    InputsRejected "inputs_rejected" "Inputs that a shard rejected with a reason."
    Duplicates "duplicates" "Inputs that a shard had applied before; it sent the first reply again."
    Batches "batches" "Groups of inputs that a shard committed together."
    Markers "markers" "Markers that the router sent to all shards."
    Parts "parts" "Parts of a cut that shards handed to the publisher."
    Feedback "nettings" "Inputs that the publisher sent back to all shards."
    Replies "replies" "Replies handed to the front door's socket."
    RepliesParked "replies_parked" "Replies kept because the client was not reading."
    RepliesUndeliverable "replies_undeliverable" "Replies dropped because the client had gone."
    ClientsDropped "clients_dropped" "Clients disconnected because their backlog was full."
    ConnectionsUnread "connections_unread" "Connections closed: too much of them was unread."
    ConnectionsSurplus "connections_surplus" "Connections closed: there were too many."
    ConnectionsFaulty "connections_faulty" "Connections closed: what came was not the protocol."
    ConnectionsLost "connections_lost" "Connections closed: the host was silent, or took nothing."
    IdentitiesTaken "identities_taken" "Connections that came with the identity of another."
    DescriptorsOut "descriptors_out" "Times that no descriptor was left to accept a connection."
    SubscribersDropped "subscribers_dropped" "Subscribers cut off: behind for longest."
    SubscriptionsRefused "subscriptions_refused" "Subscribers cut off: too many topics."
    PublicationsDropped "publications_dropped" "Publications dropped: too much waited."
    Reports "reports" "Reports published."
    ReportsDegraded "reports_degraded" "Reports not made because a part was missing."
    ReportsLate "reports_late" "Report ticks that came before the report of the previous tick."
    ReportsSkipped "reports_skipped" "Reports overtaken before they were begun."
    Published "published" "Messages handed to the publisher's socket."
    Subscriptions "subscriptions" "Subscriptions that arrived at the publisher."
    FramesUnknown "frames_unknown" "Frames dropped because no peer of that name is expected."
    NamesTaken "names_taken" "Frames dropped because another peer holds the sender's name."
    FramesDropped "frames_dropped" "Frames dropped because they could not be understood."
    PartsDropped "parts_dropped" "Messages dropped because they had the wrong number of frames."
    FramesRefused "frames_refused" "Sends to a peer refused because it was full or away."
    Reconnects "reconnects" "Sockets replaced because nothing was received for too long."
    FeedSent "feed_sent" "Messages that a feed handed to its link."
    FeedResent "feed_resent" "Messages that a feed sent again because no reply had come."
    FeedReplied "feed_answered" "Replies that a feed received."
    LogsWritten "logs_written" "Files that were written for a DUMPLOG."
    LogsFailed "logs_failed" "Times that a file for a DUMPLOG could not be written."
}

/// One value on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

const _: () = assert!(align_of::<Padded>() == CACHE_LINE_PAIR_BYTES);

/// The counters of one box. Clones count into the same values.
#[derive(Clone)]
pub struct Counters {
    values: Arc<[Padded]>,
    levels: Arc<Levels>,
}

impl Counters {
    /// A set of zeros.
    #[must_use]
    pub fn new() -> Self {
        let values = Counter::ALL.iter().map(|_| Padded::default()).collect();
        Self { values, levels: Arc::default() }
    }

    /// Counts `count` more events.
    pub fn add(&self, counter: Counter, count: u64) {
        self.values[counter as usize].0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number of events so far.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize].0.load(Ordering::Relaxed)
    }

    /// What goes up and down in the box.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// All values, in the order of [`Counter::ALL`]. They are read one after the other.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Counter, u64)> {
        Counter::ALL.iter().map(|&counter| (counter, self.get(counter))).collect()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Counters {
    /// Shows the counters that are not zero.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let happened = self.snapshot().into_iter().filter(|&(_, value)| 0 < value);
        out.debug_map().entries(happened.map(|(counter, value)| (counter.label(), value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_its_own_index_in_the_list() {
        for (index, &counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(counter as usize, index);
            assert!(counter.sentence().ends_with('.'), "{counter:?}");
            let same_label = |other: &&Counter| other.label() == counter.label();
            assert_eq!(Counter::ALL.iter().filter(same_label).count(), 1, "{counter:?}");
        }
    }

    #[test]
    fn clones_share_their_values_and_sets_do_not() {
        let (router, shard) = (Counters::new(), Counters::new());
        router.clone().add(Counter::Busy, 2);
        router.add(Counter::Busy, 1);
        shard.add(Counter::Replies, 7);
        assert_eq!(router.get(Counter::Busy), 3);
        assert_eq!(shard.get(Counter::Busy), 0);
        assert!(shard.snapshot().contains(&(Counter::Replies, 7)));
        assert_eq!(format!("{router:?}"), r#"{"busy": 3}"#);
    }
}
