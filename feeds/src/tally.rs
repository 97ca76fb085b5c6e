//! A tally: a count of one thing that happens to a feed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the list once. The labels are printed in summaries and do not change.
macro_rules! tallies {
    ($($name:ident $field:ident $label:literal $sentence:literal)+) => {
        /// What is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Tally {
            $(#[doc = $sentence] $name,)+
        }

        impl Tally {
            /// All of them, in the order in which they are printed.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in a summary.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }
        }

        /// The values, written by the feed alone.
        #[derive(Default)]
        pub(crate) struct Tallies {
            $($field: AtomicU64,)+
        }

        impl Tallies {
            fn value(&self, tally: Tally) -> &AtomicU64 {
                match tally { $(Tally::$name => &self.$field,)+ }
            }
        }
    };
}

impl Tally {
    /// What a rejection with this code counts as, where it only means that nothing takes the
    /// message now.
    pub(crate) fn of_no_room(code: &str) -> Self {
        match code {
            "storage_full" => Self::StorageFull,
            "shard_away" => Self::ShardAway,
            _ => Self::Busy,
        }
    }
}

tallies! {
    Sent sent "sent" "Messages that left, each counted once."
    Replied replied "answered" "Messages that have a reply, each counted once."
    Allocated allocated "allocated" "Fills that were divided."
    Accepted accepted "accepted" "Splits that came into force."
    Rejected rejected "rejected" "Messages that were rejected for good."
    Held held "held" "Fills whose reply was `held`: they wait for the first split."
    Followed followed "followed up" "Held fills whose shares, or rejection, came later."
    Duplicates duplicates "known before" "Replies that say that the server already had the message."
    Resent resent "sent again" "Messages that left again, because there was no reply or no room."
    Busy busy "busy" "Replies that say that a queue of the server was full."
    StorageFull storage_full "storage_full" "Replies that say that the journal's disk was full."
    ShardAway shard_away "shard_away" "Replies that say that the shard was away."
    Again again "answered again" "Replies to messages that already had theirs."
    Strange strange "strange" "Messages from the server that reply to nothing that this feed sent."
    Reconnects reconnects "reconnects" "Reconnects because the server was silent."
    NotFills not_fills "left out" "Lines that are no fills, as the format says."
    BadLines bad_lines "bad lines" "Lines that are not a fill, and weights that are not a split."
    Lost lost "lost" "Messages that left and never had a reply."
    Unsent unsent "unsent" "Messages that never left."
}

impl Tallies {
    pub(crate) fn add(&self, tally: Tally, count: u64) {
        self.value(tally).fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, tally: Tally) -> u64 {
        self.value(tally).load(Ordering::Relaxed)
    }
}
