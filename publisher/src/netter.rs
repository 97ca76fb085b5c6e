//! Netter: when value moves between the ledgers of shards. How much is the domain's to say.
//!
//! One netting is in flight at a time: it is computed only from parts that all contain the one
//! before, because correcting twice oscillates.

use allot_domain::{Netting, Part, plan_netting};
use allot_wire::backplane::Plan;

/// After so many markers without it in every part, a netting has been lost on the way.
const LOST_AFTER_MARKERS: u64 = 64;

/// The netting in flight, if there is one.
#[derive(Default)]
pub(crate) struct Netter {
    /// The number of the last netting that was sent.
    sent: u64,
    /// The marker from whose parts it was computed.
    sent_at: u64,
}

impl Netter {
    /// The netting that these parts call for, if none is in flight and something is to be moved.
    pub(crate) fn plan(&mut self, parts: &[Part]) -> Option<Plan> {
        let first = parts.first()?;
        let split = first.split?;
        let agree = |part: &Part| {
            part.split == first.split
                && part.netting == first.netting
                && part.weights == first.weights
        };
        let lost = first.marker.number > self.sent_at + LOST_AFTER_MARKERS;
        if parts.len() < 2 || !parts.iter().all(agree) || (first.netting < self.sent && !lost) {
            return None;
        }
        let columns = plan_netting(parts)?;
        self.sent = self.sent.max(first.netting) + 1;
        self.sent_at = first.marker.number;
        let number = self.sent;
        let columns = columns.into_iter().map(|transfers| Netting { number, split, transfers });
        Some(Plan { number, marker: first.marker.number, columns: columns.collect() })
    }
}
