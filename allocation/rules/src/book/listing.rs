//! Listing: gives the splits that are kept with their weights, by their numbers.

use alloc::vec::Vec;

use super::Book;
use crate::input::{Origin, Outcome, Outcomes};
use crate::limits::{LISTED_SPLITS_MAX, LISTED_WEIGHTS_MAX};
use crate::listing::{Listed, ListedSplit, Listing};

impl Book {
    /// Gives splits, as many as a reply holds. The state stays as it is.
    pub(super) fn apply_listing(&self, listing: &Listing, outcomes: &mut Outcomes) {
        let last = self.totals.splits;
        let mut kept = self.recent_splits.weighed().peekable();
        let oldest = kept.peek().map_or(last.next(), |((_, number), _)| *number);
        let from = listing.from.max(oldest);
        let mut splits = Vec::new();
        let mut weights_left = LISTED_WEIGHTS_MAX;
        for ((key, number), weighed) in kept.filter(|((_, number), _)| from <= *number) {
            let is_full = weights_left < weighed.weights.len() && !splits.is_empty();
            if is_full || splits.len() == LISTED_SPLITS_MAX {
                break;
            }
            weights_left = weights_left.saturating_sub(weighed.weights.len());
            let named =
                weighed.weights.iter().map(|(index, weight)| (*self.account(*index), *weight));
            splits.push(ListedSplit {
                number: *number,
                source: key.source,
                seq: key.seq,
                time_ns: weighed.time_ns,
                weights: named.collect(),
            });
        }
        let Listing { source, seq, time_ns, .. } = *listing;
        let origin = Origin { source, seq, id: seq.into(), time_ns, duplicate: false };
        let listed = Listed { origin, from, last, oldest, splits };
        outcomes.list.push(Outcome::Listed(listed.into()));
    }
}
