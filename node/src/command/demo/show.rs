//! A show: the reports of a demo, page after page, until it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allot_allocation_service::{Report, Topic};
use allot_feeds::{Tally, plural};
use allot_runtime::{Clock, Nanos};
use allot_wire::Encoding;
use anyhow::{Result, anyhow};

use super::screen::Screen;
use super::signals::Signals;
use crate::feed_group::Feeds;
use crate::feed_reader::FeedReader;
use crate::progress_bar::TICK;
use crate::rate_meter::RateMeter;
use crate::table::{self, Layout};

/// After an interrupt, how long the demo waits for the last replies.
const PATIENCE: Duration = Duration::from_millis(700);

/// How late the last report may be.
const REPORT_DELAY_MAX: Duration = Duration::from_secs(5);

/// A show in progress.
pub(super) struct Show {
    fills: Feeds,
    /// The signals, if they run.
    signals: Option<Signals>,
    reader: FeedReader,
    screen: Screen,
    clock: Clock,
    hint: String,
    is_interrupted: Arc<AtomicBool>,
    /// When the feeds stop sending; `MAX` without `--for`.
    end_at: Nanos,
    /// When the last reply to a fill arrived.
    finished_at: Option<Nanos>,
    /// How long after that the show waits for a report that includes it.
    report_late: Duration,
    /// When the show stops waiting for the last replies; `MAX` before a signal.
    give_up_at: Nanos,
    /// Replies since the last report.
    meter: RateMeter,
}

impl Show {
    /// A show of the reports from `publish`, until these fills are sent or a signal comes.
    pub(super) fn new(
        fills: Feeds,
        signals: Option<Signals>,
        publish: &str,
        report_every: Duration,
        is_interrupted: Arc<AtomicBool>,
        hint: String,
    ) -> Result<Self> {
        let clock = Clock::system();
        let topic = Topic::Positions(Encoding::Binary).to_string();
        Ok(Self {
            fills,
            signals,
            reader: FeedReader::connect(publish, None, &[&topic])?,
            screen: Screen::new(),
            hint,
            is_interrupted,
            end_at: Nanos::MAX,
            finished_at: None,
            report_late: report_every + REPORT_DELAY_MAX,
            give_up_at: Nanos::MAX,
            meter: RateMeter::new(clock.now()),
            clock,
        })
    }

    /// Shows every report until the end, or until the server fails; returns the feeds.
    pub(super) fn run(
        mut self,
        time: Option<Duration>,
        server_is_alive: impl Fn() -> bool,
    ) -> Result<Feeds> {
        self.end_at = time.map_or(Nanos::MAX, |time| self.clock.now() + time);
        while server_is_alive() {
            let shown = self.show_next()?;
            if self.is_over(shown) {
                break;
            }
        }
        Ok(self.fills)
    }

    /// Whether the show is over: a signal came and every fill has its reply, or a report was shown
    /// whose cut, at time `shown`, includes everything that was to be sent.
    fn is_over(&mut self, shown: Option<Nanos>) -> bool {
        let now = self.clock.now();
        if self.end_at <= now {
            self.end_at = Nanos::MAX;
            (self.fills.stopper())();
        }
        if self.is_interrupted.load(Ordering::SeqCst) {
            self.give_up_at = self.give_up_at.min(now + PATIENCE);
            return self.fills.are_finished() || self.give_up_at <= now;
        }
        if !self.fills.are_finished() {
            return false;
        }
        let since = *self.finished_at.get_or_insert(now);
        shown.is_some_and(|time| since <= time) || since + self.report_late <= now
    }

    /// Shows the next report, if one comes in time; returns the time of its cut.
    fn show_next(&mut self) -> Result<Option<Nanos>> {
        let signals = self.signals.as_mut().map(Signals::line);
        let Some(publication) = self.reader.next(TICK) else { return Ok(None) };
        let report = Report::decode(&publication.body).map_err(|error| anyhow!("{error}"))?;
        self.reader.note_degraded(&report.degraded);
        let mut page =
            vec![table::report(&report, &Layout::of_stdout()), String::new(), self.rate_line()];
        page.extend(signals);
        page.push(self.hint.clone());
        self.screen.show(&page.join("\n"))?;
        Ok(Some(Nanos::from_unix(report.time_ns)))
    }

    fn rate_line(&mut self) -> String {
        let replied = self.fills.get(Tally::Replied);
        let rate = self.meter.measure(self.clock.now(), replied);
        let sources = self.fills.sources().len();
        let sent = self.fills.get(Tally::Sent);
        let noun = plural(u64::try_from(sources).unwrap_or(u64::MAX), "source");
        format!("{sources} {noun} · {rate} fills/s · {sent} sent · {replied} answered")
    }
}
