//! Jobs: what is made and published in steps, one after the other.
//!
//! One job is under way. Behind it waits at most the report of the latest cut: one that a later
//! one overtakes before it was begun is not made. The prefixes of new subscribers wait as well, and
//! the last values are published once for all of them.

use allot_domain::ReportNumber;

use crate::View;
use crate::subscriptions::Subscriptions;

/// The job under way.
pub(crate) struct Work<V: View> {
    pub(crate) job: V::Job,
    pub(crate) purpose: Purpose,
}

/// What a job is for.
pub(crate) enum Purpose {
    /// A new report.
    Report(ReportNumber),
    /// The last values, for those who subscribed to these prefixes.
    Last(Subscriptions),
}

/// What is under way and what waits.
pub(crate) struct Jobs<V: View> {
    under_way: Option<Work<V>>,
    next: Option<(ReportNumber, V::Job)>,
    asked: Subscriptions,
}

impl<V: View> Jobs<V> {
    pub(crate) fn new() -> Self {
        Self { under_way: None, next: None, asked: Subscriptions::default() }
    }

    /// A report is to be made; returns the number of the one that it overtakes.
    pub(crate) fn add_report(&mut self, report: ReportNumber, job: V::Job) -> Option<ReportNumber> {
        self.next.replace((report, job)).map(|(overtaken, _)| overtaken)
    }

    /// Somebody subscribed to this prefix and is due its last values.
    pub(crate) fn ask(&mut self, prefix: &[u8]) {
        self.asked.set(prefix, true);
    }

    /// The job under way, or the next one; none where there is nothing to do.
    pub(crate) fn take(&mut self, state: &V::State) -> Option<Work<V>> {
        if let Some(work) = self.under_way.take() {
            return Some(work);
        }
        if let Some((report, job)) = self.next.take() {
            return Some(Work { job, purpose: Purpose::Report(report) });
        }
        if self.asked.is_empty() {
            return None;
        }
        let asked = std::mem::take(&mut self.asked);
        V::last(state).map(|job| Work { job, purpose: Purpose::Last(asked) })
    }

    /// The job goes on in the next turn.
    pub(crate) fn put_back(&mut self, work: Work<V>) {
        assert!(self.under_way.is_none(), "one job is under way at a time");
        self.under_way = Some(work);
    }

    /// Whether there is something to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.next.is_none() && self.asked.is_empty()
    }
}
