//! Cut collector: keeps the parts of each cut until every shard's is there.

use std::collections::VecDeque;

use allot_domain::Marker;
use allot_wire::backplane::PartHead;

use crate::limits::CUTS_MAX;

/// The part of one shard.
#[derive(Debug)]
pub(crate) struct Collected<P> {
    pub(crate) head: PartHead,
    pub(crate) part: P,
}

struct Incomplete<P> {
    /// All of it: a new incarnation of the router may give an old number to another cut.
    marker: Marker,
    parts: Vec<Option<Collected<P>>>,
}

/// The cuts that wait for parts, in the order of their markers.
pub(crate) struct CutCollector<P> {
    shards: usize,
    cuts: VecDeque<Incomplete<P>>,
    reports_missed: u64,
}

impl<P> CutCollector<P> {
    pub(crate) fn new(shards: usize) -> Self {
        Self { shards, cuts: VecDeque::new(), reports_missed: 0 }
    }

    /// Takes a part; returns all parts of its cut, by shard, once they are complete.
    ///
    /// A shard sends its parts in order, so the cuts before a complete one will never be.
    pub(crate) fn add(&mut self, head: PartHead, part: P) -> Option<Vec<Collected<P>>> {
        if self.shards <= head.shard.index() {
            return None;
        }
        let at = match self.cuts.iter().position(|cut| cut.marker == head.marker) {
            Some(at) => at,
            None => self.start(head.marker)?,
        };
        self.cuts[at].parts[head.shard.index()] = Some(Collected { head, part });
        if self.cuts[at].parts.iter().any(Option::is_none) {
            return None;
        }
        for given_up in self.cuts.drain(..at) {
            self.reports_missed += u64::from(given_up.marker.report);
        }
        self.cuts.pop_front().map(|cut| cut.parts.into_iter().flatten().collect())
    }

    /// How many reports will never be made because a part is missing, since the last call.
    pub(crate) fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.reports_missed)
    }

    /// Begins a cut, and says where it stands; none if it is the one for which no room is left.
    ///
    /// The order is that of the markers and not of arrival: a part that comes after its cut was
    /// given up is then the next to go, and pushes out no cut that can still be complete.
    fn start(&mut self, marker: Marker) -> Option<usize> {
        let age = |marker: &Marker| (marker.time_ns, marker.number);
        let at = self.cuts.partition_point(|cut| age(&cut.marker) <= age(&marker));
        let parts = (0..self.shards).map(|_| None).collect();
        self.cuts.insert(at, Incomplete { marker, parts });
        if self.cuts.len() <= CUTS_MAX {
            return Some(at);
        }
        let given_up = self.cuts.iter().position(|cut| !cut.marker.report).unwrap_or(0);
        if let Some(cut) = self.cuts.remove(given_up) {
            self.reports_missed += u64::from(cut.marker.report);
        }
        assert!(self.cuts.len() <= CUTS_MAX, "memory is bounded");
        (given_up != at).then(|| at - usize::from(given_up < at))
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::{Incarnation, ShardId};

    use super::*;

    fn marker(number: u64) -> Marker {
        Marker { number, time_ns: 0, report: true }
    }

    fn head(shard: u32, marker: Marker) -> PartHead {
        PartHead {
            shard: ShardId::new(shard),
            shards: 2,
            incarnation: Incarnation::new(1),
            ledger: None,
            lost_inputs: 0,
            keyed: 0,
            to_all: 0,
            marker,
        }
    }

    fn add(collector: &mut CutCollector<()>, shard: u32, marker: Marker) -> bool {
        let parts = collector.add(head(shard, marker), ());
        let same = |parts: &Vec<Collected<()>>| parts.iter().all(|part| part.head.marker == marker);
        assert!(parts.as_ref().is_none_or(|parts| parts.len() == 2 && same(parts)));
        parts.is_some()
    }

    #[test]
    fn a_cut_is_complete_with_a_part_of_every_shard() {
        let mut collector = CutCollector::new(2);
        assert!(!add(&mut collector, 0, marker(1)));
        assert!(!add(&mut collector, 0, marker(2)));
        assert!(add(&mut collector, 1, marker(1)));
        assert!(!add(&mut collector, 7, marker(2)), "there is no shard 7");
        assert!(add(&mut collector, 1, marker(2)));
        assert_eq!(collector.take_missed(), 0);
    }

    #[test]
    fn cuts_before_a_complete_one_are_given_up_and_counted() {
        let mut collector = CutCollector::new(2);
        add(&mut collector, 0, marker(1));
        add(&mut collector, 0, marker(2));
        assert!(add(&mut collector, 1, marker(2)));
        assert_eq!(collector.take_missed(), 1);
        for number in 3..3 + u64::try_from(CUTS_MAX).unwrap() + 5 {
            add(&mut collector, 0, marker(number));
        }
        assert_eq!(collector.take_missed(), 5);
    }

    #[test]
    fn parts_of_two_cuts_with_one_number_make_no_report() {
        let mut collector = CutCollector::new(2);
        let after_restart = Marker { time_ns: 7, ..marker(1) };
        assert!(!add(&mut collector, 0, marker(1)));
        assert!(!add(&mut collector, 1, after_restart));
        assert!(add(&mut collector, 0, after_restart));
        assert_eq!(collector.take_missed(), 1);
    }

    #[test]
    fn a_report_outlives_the_cuts_that_are_none() {
        let cuts = u64::try_from(CUTS_MAX).unwrap();
        let silent = |number| Marker { report: false, ..marker(number) };
        let mut collector = CutCollector::new(2);
        add(&mut collector, 0, marker(1));
        for number in 2..2 + 2 * cuts {
            add(&mut collector, 0, silent(number));
        }
        assert!(collector.cuts.len() == CUTS_MAX && collector.take_missed() == 0);
        assert!(add(&mut collector, 1, marker(1)));
        add(&mut collector, 0, silent(2 + 2 * cuts));
        let oldest = collector.cuts.front().unwrap().marker;
        assert!(!add(&mut collector, 1, silent(2)), "it was given up");
        let front = collector.cuts.front().unwrap().marker;
        assert!(front == oldest, "and pushes out no other");
    }
}
