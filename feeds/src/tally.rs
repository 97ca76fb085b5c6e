//! A tally: how often something happened to a feed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the list once: the sentence is both the documentation and what is printed.
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

tallies! {
    Sent sent "sent" "Messages that left, each counted once."
    Answered answered "answered" "Messages that were answered, each counted once."
    Allocated allocated "allocated" "Fills that were divided."
    Accepted accepted "accepted" "Splits that came into force."
    Rejected rejected "rejected" "Messages that were refused for good."
    Held held "held" "Fills that were answered with held: they wait for the first split."
    Followed followed "followed up" "Held fills whose shares, or rejection, came later."
    Duplicates duplicates "duplicates" "Messages that the server had already."
    Resent resent "sent again" "Messages that left once more, for lack of an answer or of room."
    Busy busy "busy" "Answers that the server had no room."
    Again again "answered again" "Answers to what had been answered."
    Strange strange "strange" "Messages of the server that answer nothing of this feed."
    Reconnects reconnects "reconnects" "Connections made anew because what had left got no answer."
    BadLines bad_lines "bad lines" "Lines that are no fill, or weights that are no split."
    Lost lost "lost" "Messages that left and were never answered."
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
