//! A snapshot: everything that `allot top` shows, as it was at one time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use allot_domain::ReportNumber;
use allot_runtime::{Nanos, duration};

use crate::board::{Board, Freshness};
use crate::limits::SCRAPES_KEPT;
use crate::picture::Picture;
use crate::scrape::{Figures, Shared};

/// How the server was.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) at: Nanos,
    pub(crate) freshness: Freshness,
    pub(crate) picture: Option<Arc<Picture>>,
    pub(crate) is_front_connected: bool,
    /// Fills that were divided, by the last reports.
    pub(crate) fills_per_second: Option<f64>,
    pub(crate) figures: Figures,
    /// Whether any process was asked for its metrics.
    pub(crate) has_metrics: bool,
}

/// Where snapshots come from.
pub(crate) struct Watch {
    board: Board,
    scrapes: Arc<Shared>,
    has_metrics: bool,
    /// The number, time and fills of the last reports.
    reports: VecDeque<(ReportNumber, u64, u64)>,
}

impl Watch {
    pub(crate) fn new(board: Board, scrapes: Arc<Shared>, has_metrics: bool) -> Self {
        Self { board, scrapes, has_metrics, reports: VecDeque::new() }
    }

    /// How the server is now.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let at = self.board.clock.now();
        let (freshness, picture, is_front_connected) = {
            let known = self.board.known();
            (known.freshness(at), known.picture.clone(), known.feed.is_front_connected)
        };
        if let Some(picture) = &picture {
            self.note(picture);
        }
        let figures = self.scrapes.get().figures();
        Snapshot {
            at,
            freshness,
            picture,
            is_front_connected,
            fills_per_second: self.fills_per_second(),
            figures,
            has_metrics: self.has_metrics,
        }
    }

    /// Whether there is a report, and two scrapes where there are any.
    pub(crate) fn is_whole(&self) -> bool {
        self.board.picture().is_some() && self.has_rates()
    }

    /// Looks at the newest report; says whether fills have a rate, which takes two of them.
    pub(crate) fn has_fill_rate(&mut self) -> bool {
        if let Some(picture) = self.board.picture() {
            self.note(&picture);
        }
        self.fills_per_second().is_some()
    }

    fn has_rates(&self) -> bool {
        !self.has_metrics || self.scrapes.get().has_rates()
    }

    /// Waits for the next scrape, but not for longer than this.
    pub(crate) fn wait(&self, patience: Duration) {
        self.scrapes.wait(patience);
    }

    /// Why a process says nothing, if one does not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.scrapes.get().problem()
    }

    /// What did not come, in a sentence.
    pub(crate) fn missing(&self, timeout: Duration) -> String {
        let within = duration::show(timeout);
        if self.has_rates() {
            return format!(
                "no report came within {within}; check that a server publishes there, and that its \
                 --report-every is shorter than --timeout"
            );
        }
        let problem = self.problem().unwrap_or_else(|| "no metrics".to_owned());
        format!(
            "{problem} (within {within}); start the server with --metrics, and give its address"
        )
    }

    fn note(&mut self, picture: &Picture) {
        let report = (picture.report, picture.time_ns, picture.fills);
        if self.reports.back().is_some_and(|last| last.0 == report.0) {
            return;
        }
        // Where there are fewer fills than before, it is another ledger.
        if self.reports.back().is_some_and(|last| report.2 < last.2) {
            self.reports.clear();
        }
        self.reports.push_back(report);
        if SCRAPES_KEPT < self.reports.len() {
            self.reports.pop_front();
        }
    }

    fn fills_per_second(&self) -> Option<f64> {
        let ((_, from, before), (_, to, after)) = (self.reports.front()?, self.reports.back()?);
        let span = Duration::from_nanos(to.saturating_sub(*from)).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with few digits")]
        let fills = (after - before) as f64;
        (0.0 < span).then(|| fills / span)
    }
}

impl Snapshot {
    /// The number of its report.
    pub(crate) fn report(&self) -> u64 {
        self.picture.as_ref().map_or(0, |picture| picture.report.get())
    }

    /// How far it is behind a later one, in words: `12 s and 3 reports behind`.
    pub(crate) fn behind(&self, live: &Self) -> String {
        let seconds = (live.at - self.at).as_secs();
        let reports = live.report().saturating_sub(self.report());
        let plural = if reports == 1 { "" } else { "s" };
        format!("{seconds} s and {reports} report{plural} behind")
    }
}
