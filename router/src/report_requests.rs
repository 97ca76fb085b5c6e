//! Report requests: one report is under way at a time; who asks meanwhile shares the next.
//!
//! A report of a large firm is megabytes that shards, publisher and subscribers all work on, and a
//! request for one is a few bytes.

use allot_domain::{ReportNumber, Seq};
use allot_runtime::Nanos;
use allot_wire::backplane::ReplyTo;

use crate::limits::{REPORT_LOST_AFTER, REPORTS_WAITING_MAX};

/// A request that waits.
pub(crate) struct ReportRequest {
    pub(crate) reply_to: ReplyTo,
    pub(crate) source: Box<[u8]>,
    pub(crate) seq: Seq,
}

struct UnderWay {
    report: ReportNumber,
    lost_at: Nanos,
}

/// The report under way, and what waits for it.
#[derive(Default)]
pub(crate) struct ReportRequests {
    under_way: Option<UnderWay>,
    /// The regular report came due meanwhile.
    is_due: bool,
    waiting: Vec<ReportRequest>,
}

impl ReportRequests {
    /// Whether a report is under way, so that the next one has to wait.
    pub(crate) const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// A report is under way from now on.
    pub(crate) fn begin(&mut self, report: ReportNumber, now: Nanos) {
        assert!(self.waiting.is_empty(), "those who waited have been replied to");
        self.is_due = false;
        self.under_way = Some(UnderWay { report, lost_at: now + REPORT_LOST_AFTER });
    }

    /// The regular report waits for the one under way.
    pub(crate) const fn delay(&mut self) {
        self.is_due = true;
    }

    /// A request waits for the next report; false if too many do.
    pub(crate) fn wait(&mut self, request: ReportRequest) -> bool {
        assert!(self.is_under_way(), "a request waits for a report");
        let has_room = self.waiting.len() < REPORTS_WAITING_MAX;
        if has_room {
            self.waiting.push(request);
        }
        has_room
    }

    /// A report is out; true if it is the one under way, or a later one.
    pub(crate) fn end(&mut self, report: ReportNumber) -> bool {
        let is_it = self.under_way.as_ref().is_some_and(|one| one.report <= report);
        if is_it {
            self.under_way = None;
        }
        is_it
    }

    /// The report under way will not come, or may not: a shard has joined.
    pub(crate) fn give_up(&mut self) {
        self.under_way = None;
    }

    /// Whether the report under way counts as lost by now.
    pub(crate) fn is_lost(&self, now: Nanos) -> bool {
        self.under_way.as_ref().is_some_and(|one| one.lost_at <= now)
    }

    /// When the report under way counts as lost, if anything waits for it.
    pub(crate) fn lost_at(&self) -> Nanos {
        let is_awaited = self.is_due || !self.waiting.is_empty();
        self.under_way.as_ref().filter(|_| is_awaited).map_or(Nanos::MAX, |one| one.lost_at)
    }

    /// What waits for the next report, if it may be made now: the requests, perhaps none where the
    /// regular report waits alone.
    pub(crate) fn take_next(&mut self) -> Option<Vec<ReportRequest>> {
        let is_awaited = self.is_due || !self.waiting.is_empty();
        (is_awaited && self.under_way.is_none()).then(|| std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(seq: u64) -> ReportRequest {
        ReportRequest { reply_to: ReplyTo::NOBODY, source: Box::from(*b"ops"), seq: Seq::new(seq) }
    }

    #[test]
    fn requests_share_the_report_after_the_one_under_way() {
        let mut requests = ReportRequests::default();
        requests.begin(ReportNumber::new(3), Nanos::ZERO);
        assert!(requests.wait(request(1)) && requests.wait(request(2)));
        assert!(requests.take_next().is_none());
        assert!(!requests.end(ReportNumber::new(2)), "an earlier one");
        assert!(requests.end(ReportNumber::new(3)));
        assert_eq!(requests.take_next().map(|all| all.len()), Some(2));
        assert!(requests.take_next().is_none(), "nothing waits");
    }

    #[test]
    fn a_regular_report_waits_and_is_made_alone() {
        let mut requests = ReportRequests::default();
        requests.begin(ReportNumber::new(1), Nanos::ZERO);
        assert_eq!(requests.lost_at(), Nanos::MAX, "nobody waits");
        requests.delay();
        let lost_at = Nanos::ZERO + REPORT_LOST_AFTER;
        assert_eq!(requests.lost_at(), lost_at);
        assert!(requests.is_lost(lost_at));
        requests.give_up();
        assert_eq!(requests.take_next().map(|all| all.len()), Some(0));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut requests = ReportRequests::default();
        requests.begin(ReportNumber::new(1), Nanos::ZERO);
        assert!((0..REPORTS_WAITING_MAX).all(|_| requests.wait(request(1))));
        assert!(!requests.wait(request(1)));
    }
}
