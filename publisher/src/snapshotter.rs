//! Snapshotter: collects the parts of each cut until every shard's is there.

use allot_domain::Part;
use allot_wire::backplane::PartFrame;
use std::collections::VecDeque;

/// How many cuts may be incomplete at once: more than a shard can lag behind and still be heard.
const CUTS_MAX: usize = 256;

struct Cut {
    number: u64,
    report: bool,
    parts: Vec<Option<Part>>,
}

/// The cuts that wait for parts, in the order in which their first parts came.
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
    pub(crate) fn add(&mut self, frame: PartFrame) -> Option<Vec<Part>> {
        let PartFrame { shard, part, .. } = frame;
        let number = part.marker.number;
        let shard = usize::try_from(shard).ok().filter(|shard| *shard < self.shards)?;
        let at = match self.cuts.iter().position(|cut| cut.number == number) {
            Some(at) => at,
            None => self.start(number, part.marker.report),
        };
        self.cuts[at].parts[shard] = Some(part);
        if self.cuts[at].parts.iter().any(Option::is_none) {
            return None;
        }
        self.forget(at);
        self.cuts.pop_front().map(|cut| cut.parts.into_iter().flatten().collect())
    }

    /// How many reports will never be made because a part is missing, since the last call.
    pub(crate) fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.reports_missed)
    }

    fn start(&mut self, number: u64, report: bool) -> usize {
        if self.cuts.len() == CUTS_MAX {
            self.forget(1);
        }
        let parts = (0..self.shards).map(|_| None).collect();
        self.cuts.push_back(Cut { number, report, parts });
        self.cuts.len() - 1
    }

    fn forget(&mut self, count: usize) {
        for cut in self.cuts.drain(..count) {
            self.reports_missed += u64::from(cut.report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::{Book, BookConfig, Marker};

    fn part(shard: u32, number: u64) -> PartFrame {
        let marker = Marker { number, cut: 0, time_ns: 0, report: true };
        let part = Book::new(BookConfig { history: 1, ..BookConfig::default() }).part(&marker);
        PartFrame { shard, shards: 2, incarnation: 1, lost_inputs: 0, part }
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
}
