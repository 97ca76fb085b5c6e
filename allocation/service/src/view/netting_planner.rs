//! Netting planner: when value moves between the residuals of shards. How much is the rules' to
//! say.
//!
//! One netting is in flight at a time: the next is computed only from parts that all contain it,
//! because correcting twice oscillates; or else once it must have been lost on the way. What a
//! netting did that reached only some shards is put right by the next.

use allot_allocation_rules::{Netting, Part, plan_netting};
use allot_domain::Marker;

/// This many markers for each shard without the netting in every part mean that it was lost.
///
/// More than a loaded stream can lag: a shard may owe 8,192 replies, markers are made every 256
/// inputs of the firm, and all shards' inputs count; so 32 markers for each shard, twice over.
const LOST_AFTER_MARKERS: usize = 64;

/// The netting in flight, if there is one.
#[derive(Default)]
pub(crate) struct NettingPlanner {
    /// The number of the last netting that was sent.
    sent: u64,
    /// The marker from whose parts it was computed.
    sent_at: u64,
}

impl NettingPlanner {
    /// The netting for each shard that the parts of this cut call for, if none is in flight and
    /// something is to be moved.
    pub(crate) fn plan(&mut self, marker: &Marker, parts: &[Part]) -> Option<Vec<Netting>> {
        let first = parts.first()?;
        let split = first.split?;
        let agree = |part: &Part| part.split == first.split && part.weights == first.weights;
        if parts.len() < 2 || !parts.iter().all(agree) || self.in_flight(marker, parts) {
            return None;
        }
        let newest = parts.iter().map(|part| part.netting).max()?;
        let columns = plan_netting(parts)?;
        self.sent = self.sent.max(newest) + 1;
        self.sent_at = marker.number;
        let number = self.sent;
        let nettings = columns.into_iter().map(|transfers| Netting { number, split, transfers });
        Some(nettings.collect())
    }

    /// Whether the last netting is missing in some part, but may still come.
    fn in_flight(&self, marker: &Marker, parts: &[Part]) -> bool {
        let marker = marker.number;
        let patience = u64::try_from(LOST_AFTER_MARKERS * parts.len()).expect("at most SHARDS_MAX");
        // Markers that count anew are those of a new router, which knows of no netting before it.
        let lost = marker < self.sent_at || self.sent_at + patience < marker;
        !lost && parts.iter().any(|part| part.netting < self.sent)
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{SplitKey, SplitNumber, Weight};
    use allot_domain::{Money, Seq, SourceId};

    use super::*;

    /// Two shards with the same flow, all value in the first; by the netting each contains.
    fn parts(nettings: [u64; 2]) -> Vec<Part> {
        let part = |netting, value| Part {
            netting,
            split: Some(SplitKey { source: SourceId::new(b"aum").unwrap(), seq: Seq::new(1) }),
            split_number: SplitNumber::new(1),
            fills: 1,
            held: 0,
            turnover: Money::from_nanos(1),
            flow: Money::from_nanos(1),
            price_max: 1,
            weights: vec![Weight::from_nanos("a", 1).unwrap(); 2],
            values: vec![Money::from_nanos(value), Money::ZERO],
            values_then: vec![Money::ZERO; 2],
            netted: vec![Money::ZERO; 2],
            positions: None,
        };
        vec![part(nettings[0], 1_000), part(nettings[1], 0)]
    }

    /// The number of the netting that is planned at a marker, from parts that contain these.
    fn plan(planner: &mut NettingPlanner, marker: u64, nettings: [u64; 2]) -> Option<u64> {
        let marker = Marker { number: marker, time_ns: 0, report: false };
        planner.plan(&marker, &parts(nettings)).map(|nettings| nettings[0].number)
    }

    #[test]
    fn one_netting_is_in_flight_until_every_part_contains_it() {
        let mut planner = NettingPlanner::default();
        assert_eq!(plan(&mut planner, 1, [0, 0]), Some(1));
        assert_eq!(plan(&mut planner, 2, [0, 0]), None);
        assert_eq!(plan(&mut planner, 3, [1, 0]), None);
        assert_eq!(plan(&mut planner, 4, [1, 1]), Some(2));
    }

    #[test]
    fn a_netting_that_only_some_shards_got_does_not_end_nettings() {
        let mut planner = NettingPlanner::default();
        assert_eq!(plan(&mut planner, 1, [0, 0]), Some(1));
        let patience = u64::try_from(2 * LOST_AFTER_MARKERS).unwrap();
        assert_eq!(plan(&mut planner, 1 + patience, [1, 0]), None);
        assert_eq!(plan(&mut planner, 2 + patience, [1, 0]), Some(2));
        assert_eq!(plan(&mut planner, 3 + patience, [2, 2]), Some(3));
    }

    #[test]
    fn numbers_go_on_after_those_of_an_earlier_publisher_or_router() {
        let mut planner = NettingPlanner::default();
        assert_eq!(plan(&mut planner, 900, [8, 7]), Some(9));
        assert_eq!(plan(&mut planner, 2, [0, 0]), Some(10));
    }
}
