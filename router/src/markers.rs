//! Markers: when a cut through all shards is due.
//!
//! Reports have a fixed cadence, t0 + k · period: a late turn delays one report and moves no other.

use std::time::Duration;

use allot_domain::{Marker, ReportNumber};
use allot_runtime::Nanos;
use allot_wire::backplane::encode_marker;

/// The numbers of the cuts.
pub(crate) struct Markers {
    report_every: Duration,
    every: u64,
    next_report: Nanos,
    number: u64,
    /// Inputs since the last marker.
    since: u64,
    /// The last report, while nothing has changed since.
    report_here: Option<ReportNumber>,
    /// The body of the last marker.
    body: Vec<u8>,
}

impl Markers {
    pub(crate) fn new(report_every: Duration, every: u64) -> Self {
        Self {
            report_every,
            every,
            next_report: Nanos::MAX,
            number: 0,
            since: 0,
            report_here: None,
            body: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self, now: Nanos) {
        self.next_report = now + self.report_every;
    }

    /// When the next report is due.
    pub(crate) const fn report_at(&self) -> Nanos {
        self.next_report
    }

    /// Whether a report is due; the next is one period after this one was, not after now.
    pub(crate) fn report_is_due(&mut self, now: Nanos) -> bool {
        if now < self.next_report {
            return false;
        }
        while self.next_report <= now {
            self.next_report += self.report_every;
        }
        assert!(now < self.next_report, "the next report lies ahead");
        true
    }

    /// Counts an input that went to its shard; says whether a marker is due after it.
    pub(crate) fn count(&mut self) -> bool {
        self.report_here = None;
        self.since += 1;
        self.every <= self.since
    }

    /// The report that a marker asked for after the last input, if there is one.
    pub(crate) const fn report_here(&self) -> Option<ReportNumber> {
        self.report_here
    }

    /// A new cut, here and now; `whole` where every shard hears of it.
    pub(crate) fn next(&mut self, now: Nanos, report: bool, whole: bool) -> Marker {
        self.number += 1;
        self.since = 0;
        if report && whole {
            self.report_here = Some(ReportNumber::new(self.number));
        }
        let marker = Marker { number: self.number, time_ns: now.as_unix(), report };
        self.body.clear();
        encode_marker(&marker, &mut self.body);
        marker
    }

    /// The body of the last marker, as shards read it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// A shard has joined that has seen a marker of this number. Whether it has seen the last one
    /// is not known: the next request makes a report of its own.
    pub(crate) fn catch_up(&mut self, number: u64) {
        self.number = self.number.max(number);
        assert!(number <= self.number, "a number is given once");
        self.report_here = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_keep_their_cadence_when_a_turn_is_late() {
        let second = Duration::from_secs(1);
        let mut markers = Markers::new(10 * second, 256);
        let start = Nanos::from_unix(1_000);
        markers.start(start);
        assert!(!markers.report_is_due(start + 9 * second));
        assert!(markers.report_is_due(start + 13 * second));
        assert_eq!(markers.report_at(), start + 20 * second);
        assert!(markers.report_is_due(start + 45 * second), "one report for those missed");
        assert_eq!(markers.report_at(), start + 50 * second);
    }

    #[test]
    fn a_marker_is_due_after_every_so_many_inputs() {
        let mut markers = Markers::new(Duration::from_secs(10), 3);
        let due: Vec<_> = (0..3).map(|_| markers.count()).collect();
        assert_eq!(due, [false, false, true]);
        let marker = markers.next(Nanos::from_unix(7), false, true);
        assert_eq!((marker.number, marker.time_ns), (1, 7));
        assert!(!markers.count());
    }

    #[test]
    fn requests_share_a_report_until_something_changes() {
        let mut markers = Markers::new(Duration::from_secs(10), 256);
        let report =
            |markers: &mut Markers, whole| markers.next(Nanos::from_unix(7), true, whole).number;
        assert_eq!(markers.report_here(), None);
        assert_eq!(report(&mut markers, true), 1);
        assert_eq!(markers.report_here(), Some(ReportNumber::new(1)));
        markers.count();
        assert_eq!(markers.report_here(), None, "an input");
        assert_eq!(report(&mut markers, true), 2);
        markers.catch_up(1);
        assert_eq!(markers.report_here(), None, "a shard that joined");
        assert_eq!(report(&mut markers, false), 3);
        assert_eq!(markers.report_here(), None, "not every shard hears of it");
    }
}
