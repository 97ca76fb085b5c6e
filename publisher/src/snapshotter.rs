//! Snapshotter: collects the parts of each cut until every shard's is there.

use allot_domain::Marker;
use allot_wire::backplane::PartFrame;
use std::collections::VecDeque;

/// How many cuts may be incomplete at once, for memory must be bounded.
///
/// A shard can lag further behind than that. What it costs then are nettings: cuts without a
/// report are given up first, and reports are few.
const CUTS_MAX: usize = 256;

struct Cut {
    /// All of it: a new life of the router may give an old number to another cut.
    marker: Marker,
    parts: Vec<Option<PartFrame>>,
}

/// The cuts that wait for parts, in the order of their markers.
pub(crate) struct Snapshotter {
    shards: usize,
    cuts: VecDeque<Cut>,
    reports_missed: u64,
}

impl Snapshotter {
    pub(crate) fn new(shards: usize) -> Self {
        Self { shards, cuts: VecDeque::new(), reports_missed: 0 }
    }

    /// Takes a part; returns all parts of its cut, by shard, once they are complete.
    ///
    /// A shard sends its parts in order, so the cuts before a complete one will never be.
    pub(crate) fn add(&mut self, frame: PartFrame) -> Option<Vec<PartFrame>> {
        let marker = frame.part.marker;
        let shard = usize::try_from(frame.shard).ok().filter(|shard| *shard < self.shards)?;
        let at = match self.cuts.iter().position(|cut| cut.marker == marker) {
            Some(at) => at,
            None => self.start(marker)?,
        };
        self.cuts[at].parts[shard] = Some(frame);
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
        self.cuts.insert(at, Cut { marker, parts });
        if self.cuts.len() <= CUTS_MAX {
            return Some(at);
        }
        let given_up = self.cuts.iter().position(|cut| !cut.marker.report).unwrap_or(0);
        if let Some(cut) = self.cuts.remove(given_up) {
            self.reports_missed += u64::from(cut.marker.report);
        }
        (given_up != at).then(|| at - usize::from(given_up < at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::{Book, BookConfig, Marker};

    fn marker(number: u64) -> Marker {
        Marker { number, time_ns: 0, report: true }
    }

    fn part(shard: u32, number: u64) -> PartFrame {
        part_of(shard, marker(number))
    }

    fn part_of(shard: u32, marker: Marker) -> PartFrame {
        let part = Book::new(BookConfig { history: 1, ..BookConfig::default() }).part(&marker);
        PartFrame { shard, shards: 2, incarnation: 1, lost_inputs: 0, routed: 0, splits: 0, part }
    }

    #[test]
    fn a_cut_is_complete_with_a_part_of_every_shard() {
        let mut snapshotter = Snapshotter::new(2);
        assert!(snapshotter.add(part(0, 1)).is_none());
        assert!(snapshotter.add(part(0, 2)).is_none());
        let parts = snapshotter.add(part(1, 1)).expect("complete");
        assert_eq!(parts.len(), 2);
        assert!(snapshotter.add(part(7, 2)).is_none(), "nobody's part");
        assert!(snapshotter.add(part(1, 2)).is_some());
        assert_eq!(snapshotter.take_missed(), 0);
    }

    #[test]
    fn cuts_before_a_complete_one_are_given_up_and_counted() {
        let mut snapshotter = Snapshotter::new(2);
        snapshotter.add(part(0, 1));
        snapshotter.add(part(0, 2));
        assert!(snapshotter.add(part(1, 2)).is_some());
        assert_eq!(snapshotter.take_missed(), 1);
        for number in 3..3 + u64::try_from(CUTS_MAX).unwrap() + 5 {
            snapshotter.add(part(0, number));
        }
        assert_eq!(snapshotter.take_missed(), 5);
    }

    #[test]
    fn parts_of_two_cuts_with_one_number_make_no_report() {
        let mut snapshotter = Snapshotter::new(2);
        let after_restart = Marker { time_ns: 7, ..marker(1) };
        assert!(snapshotter.add(part(0, 1)).is_none());
        assert!(snapshotter.add(part_of(1, after_restart)).is_none());
        let parts = snapshotter.add(part_of(0, after_restart)).expect("complete");
        assert!(parts.iter().all(|frame| frame.part.marker == after_restart));
        assert_eq!(snapshotter.take_missed(), 1);
    }

    #[test]
    fn a_report_outlives_the_cuts_that_are_none() {
        let cuts = u64::try_from(CUTS_MAX).unwrap();
        let mut snapshotter = Snapshotter::new(2);
        snapshotter.add(part(0, 1));
        for number in 2..2 + 2 * cuts {
            snapshotter.add(part_of(0, Marker { report: false, ..marker(number) }));
        }
        assert!(snapshotter.cuts.len() == CUTS_MAX && snapshotter.take_missed() == 0);
        assert!(snapshotter.add(part(1, 1)).is_some());
        snapshotter.add(part_of(0, Marker { report: false, ..marker(2 + 2 * cuts) }));
        let oldest = snapshotter.cuts.front().unwrap().marker;
        let given_up = Marker { report: false, ..marker(2) };
        assert!(snapshotter.add(part_of(1, given_up)).is_none(), "it was given up");
        let front = snapshotter.cuts.front().unwrap().marker;
        assert!(front == oldest, "and pushes out no other");
    }
}
