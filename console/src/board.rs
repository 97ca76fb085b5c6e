//! The board: what the follower knows, for the pages to read.
//!
//! The follower writes in batches; a page takes what it needs and lets go. Neither waits for a
//! socket while it holds the lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allot_allocation_rules::SplitNumber;
use allot_domain::{AccountId, Incarnation, LedgerId, Money, ReportNumber, Ticker};
use allot_runtime::{Clock, Nanos};
use allot_wire::Heartbeat;
use tokio::sync::watch;

use crate::fill_log::FillLog;
use crate::limits::{GAPS_MAX, POINTS_MAX, SILENCE, STALE_FIRST, STALE_MIN};
use crate::past::Past;
use crate::picture::Picture;
use crate::split_log::SplitLog;
use crate::tracking_log::TrackingLog;

/// What the follower knows. Clones are the same board.
#[derive(Clone)]
pub(crate) struct Board {
    known: Arc<Mutex<Known>>,
    /// When it began: nothing on it is older.
    pub(crate) began_ns: u64,
    changes: watch::Sender<Changes>,
    /// How often fills came. That is thousands of times a second, so whoever waits for something
    /// else is not woken by them.
    fills: watch::Sender<u64>,
    pub(crate) clock: Clock,
}

/// How often each part of the board has changed, but for fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) reports: u64,
    pub(crate) health: u64,
    /// Of any user's account at the desk.
    pub(crate) desk: u64,
}

/// Everything that is known.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) picture: Option<Arc<Picture>>,
    /// The last ledger that was named, also while a report names none.
    ledger: Option<LedgerId>,
    /// Counts how often what was fetched was dropped: it has to be fetched anew.
    pub(crate) epoch: u64,
    /// Since when fills are counted, where that is not since the console began.
    pub(crate) began_ns: Option<u64>,
    pub(crate) fills: FillLog,
    /// What there is from before the console began.
    pub(crate) past: Past,
    /// The splits so far.
    pub(crate) splits: SplitLog,
    /// How far accounts were from their targets, oldest first.
    pub(crate) points: VecDeque<Point>,
    /// The same of each account.
    pub(crate) tracking: TrackingLog,
    pub(crate) feed: FeedHealth,
}

/// How far accounts were from their targets in one report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) time_ns: u64,
    pub(crate) split: SplitNumber,
    pub(crate) worst: AccountId,
    pub(crate) deviation: Money,
    pub(crate) avoidable: Money,
    pub(crate) unavoidable: Money,
}

/// What is known of the feed and the front door.
#[derive(Clone, Debug, Default)]
pub(crate) struct FeedHealth {
    /// When anything came last, by our clock.
    pub(crate) heard_at: Option<Nanos>,
    /// When the last report came.
    pub(crate) report_at: Option<Nanos>,
    /// How far reports are apart.
    pub(crate) report_interval: Option<Duration>,
    pub(crate) publisher: Option<Incarnation>,
    pub(crate) ledger: Option<LedgerId>,
    /// The number of the newest report, by the heartbeats.
    pub(crate) report: ReportNumber,
    /// Since when they name one that did not come.
    pub(crate) report_due_since: Option<Nanos>,
    pub(crate) shards: u32,
    /// What heartbeats call missing or doubtful.
    pub(crate) degraded: Vec<String>,
    /// How often the publisher was seen to restart.
    pub(crate) publisher_restarts: u64,
    /// Reports that passed unseen.
    pub(crate) reports_missed: u64,
    /// Outcomes that passed unseen, and sentences on some of them.
    pub(crate) fills_missed: u64,
    pub(crate) gaps: VecDeque<String>,
    /// Publications that could not be read.
    pub(crate) unreadable: u64,
    /// Why the last report was not taken.
    pub(crate) report_problem: Option<String>,
    pub(crate) is_front_connected: bool,
}

/// How the data on a page is: right and new, or not, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Freshness {
    pub(crate) state: State,
    /// Sentences, the most important first.
    pub(crate) reasons: Vec<String>,
    /// The age of the report.
    pub(crate) age: Option<Duration>,
}

/// In one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Fresh,
    Degraded,
    Stale,
    Empty,
}

impl State {
    /// The word, for people and for the style sheet.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Degraded => "degraded",
            Self::Stale => "stale",
            Self::Empty => "empty",
        }
    }
}

impl Board {
    /// An empty board.
    pub(crate) fn new(clock: Clock) -> Self {
        let began_ns = clock.now().as_unix();
        let (changes, fills) = Default::default();
        Self { known: Arc::default(), changes, fills, clock, began_ns }
    }

    /// What is known, for as short as possible.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        // A page that panicked has only read.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest picture.
    pub(crate) fn picture(&self) -> Option<Arc<Picture>> {
        self.known().picture.clone()
    }

    /// Tells whoever waits that something has changed.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Changes)) {
        self.changes.send_modify(change);
    }

    /// Tells whoever waits for fills that some have come.
    pub(crate) fn tell_fills(&self) {
        self.fills.send_modify(|count| *count += 1);
    }

    /// What changes from now on, but for fills.
    pub(crate) fn changes(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }

    /// How often fills come from now on.
    pub(crate) fn fills(&self) -> watch::Receiver<u64> {
        self.fills.subscribe()
    }

    /// How the data is.
    pub(crate) fn freshness(&self) -> Freshness {
        self.known().freshness(self.clock.now())
    }
}

impl Known {
    /// A new report is there.
    pub(crate) fn take_picture(&mut self, picture: Picture, now: Nanos) {
        self.check_ledger(picture.ledger, now);
        if self.picture.as_ref().is_some_and(|before| picture.cut < before.cut) {
            // A backup was restored, a shard has lost its journal, or nothing is kept there.
            self.forget("the server has taken fewer inputs than before", now);
        }
        self.feed.report_at = Some(now);
        if let Some(before) = &self.picture {
            // A report that somebody asked for does not make the regular ones due much earlier, and
            // a pause does not make them due much later.
            let since = Nanos::from_unix(picture.time_ns) - Nanos::from_unix(before.time_ns);
            let bounded = |before: Duration| since.clamp(before * 3 / 4, before * 2);
            self.feed.report_interval = Some(self.feed.report_interval.map_or(since, bounded));
        }
        self.feed.report_problem = None;
        if self.feed.report <= picture.report {
            self.feed.report_due_since = None;
        }
        let before = self.picture.take();
        self.feed.degraded.clone_from(&picture.degraded);
        self.feed.ledger = picture.ledger;
        self.splits.take_report(&picture);
        self.note_tracking(&picture);
        let before = before.filter(|before| before.ledger == picture.ledger);
        self.tracking.take(&picture, before.as_deref(), &self.fills);
        self.picture = Some(Arc::new(picture));
    }

    /// Nothing that was known belongs to another ledger.
    fn check_ledger(&mut self, ledger: Option<LedgerId>, now: Nanos) {
        let Some(ledger) = ledger else { return };
        if self.ledger.replace(ledger).is_some_and(|known| known != ledger) {
            self.forget("the server has another ledger now", now);
        }
    }

    /// Drops what is known of a state that the server does not have any more.
    fn forget(&mut self, why: &str, now: Nanos) {
        tracing::warn!("{why}: what was known is of the one before, and is fetched anew");
        self.fetch_anew(now);
        self.tracking = TrackingLog::default();
        (self.picture, self.points) = Default::default();
        self.feed.report_at = None;
        self.feed.report_interval = None;
    }

    /// Drops what the front door can tell again, and may tell otherwise.
    fn fetch_anew(&mut self, now: Nanos) {
        self.epoch += 1;
        self.began_ns = Some(now.as_unix());
        // What was missed is fetched with everything else.
        self.feed.fills_missed = 0;
        self.feed.gaps.clear();
        (self.fills, self.past, self.splits) = Default::default();
    }

    /// The feed passed over these outcomes of a ticker.
    pub(crate) fn miss(&mut self, ticker: &Ticker, from: u64, to: u64) {
        self.feed.fills_missed += to - from + 1;
        self.feed.gaps.push_back(format!(
            "Outcomes {from} to {to} of {ticker} passed unseen: allot fills --ticker '{ticker}' \
             --from {from} prints them."
        ));
        if GAPS_MAX < self.feed.gaps.len() {
            self.feed.gaps.pop_front();
        }
    }

    fn note_tracking(&mut self, picture: &Picture) {
        let Some(tracking) = picture.tracking else { return };
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(Point {
            time_ns: picture.time_ns,
            split: picture.split,
            worst: tracking.worst_account,
            deviation: tracking.deviation_in_prices,
            avoidable: tracking.avoidable,
            unavoidable: tracking.unavoidable,
        });
    }

    /// A heartbeat came. True if it says something new.
    pub(crate) fn take_heartbeat(&mut self, heartbeat: Heartbeat, now: Nanos) -> bool {
        let known = self.feed.publisher.replace(heartbeat.incarnation);
        let is_restart = known.is_some_and(|known| known != heartbeat.incarnation);
        self.feed.publisher_restarts += u64::from(is_restart);
        let is_new = known != Some(heartbeat.incarnation)
            || self.feed.degraded != heartbeat.degraded
            || self.feed.ledger != heartbeat.ledger;
        self.check_ledger(heartbeat.ledger, now);
        if is_restart && heartbeat.ledger.is_none() {
            self.forget("a server without a ledger has restarted", now);
        } else if is_restart {
            // Its reports may be due at other times.
            self.feed.report_interval = None;
            // It may go on from a backup, with inputs of the same numbers.
            self.fetch_anew(now);
        }
        self.feed.ledger = heartbeat.ledger;
        self.feed.report = heartbeat.report;
        let is_due = self.picture.as_ref().is_some_and(|picture| picture.report < heartbeat.report);
        let since = self.feed.report_due_since.unwrap_or(now);
        self.feed.report_due_since = is_due.then_some(since);
        self.feed.shards = heartbeat.shards;
        self.feed.degraded = heartbeat.degraded;
        is_new
    }

    /// How the data is at this time.
    pub(crate) fn freshness(&self, now: Nanos) -> Freshness {
        let mut reasons = Vec::new();
        let feed = &self.feed;
        let silent = feed.heard_at.map(|heard| now - heard).filter(|silent| SILENCE <= *silent);
        if let Some(silent) = silent {
            reasons.push(format!(
                "Nothing was heard from the publisher for {} s: check that it runs and can be \
                 reached.",
                silent.as_secs()
            ));
        }
        let age = self.picture.as_ref().map(|picture| self.age(picture, now));
        let due = feed.report_due_since.filter(|since| SILENCE <= now - *since);
        let is_due = due.is_some() && silent.is_none() && feed.report_problem.is_none();
        if is_due {
            reasons.push(format!(
                "Report {} was published and has not arrived: it is too long for the connection, \
                 or the publisher disconnects this console as too slow.",
                feed.report
            ));
        }
        let is_old = is_due || age.is_some_and(|age| self.stale_after() <= age);
        if is_old && !is_due && silent.is_none() {
            reasons.push(
                "The publisher is there and sends no report: a shard may be away, or reports wait \
                 for slow subscribers."
                    .to_owned(),
            );
        }
        reasons.extend(feed.report_problem.clone());
        reasons.extend(feed.degraded.iter().map(|sentence| sentence_of(sentence)));
        let state = match age {
            None => State::Empty,
            Some(_) if is_old || silent.is_some() => State::Stale,
            Some(_) if !reasons.is_empty() => State::Degraded,
            Some(_) => State::Fresh,
        };
        if state == State::Empty && feed.heard_at.is_none() {
            reasons
                .push("Nothing came from the publisher yet: check that a server runs.".to_owned());
        } else if state == State::Empty {
            reasons.push("The first report of this ledger is on its way.".to_owned());
        }
        Freshness { state, reasons, age }
    }

    /// The age of a report: by its own time, or since it came, where the clock of the server is
    /// ahead.
    pub(crate) fn age(&self, picture: &Picture, now: Nanos) -> Duration {
        let since = self.feed.report_at.map_or(Duration::ZERO, |came| now - came);
        since.max(now - Nanos::from_unix(picture.time_ns))
    }

    /// From which age on a report is stale.
    pub(crate) fn stale_after(&self) -> Duration {
        let known = self.feed.report_interval.map(|interval| STALE_MIN.max(3 * interval));
        known.unwrap_or(STALE_FIRST)
    }
}

/// With a capital and a full stop.
pub(crate) fn sentence_of(text: &str) -> String {
    let mut signs = text.chars();
    let first: String = signs.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", signs.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Nanos = Nanos::from_unix(1_000_000_000_000);

    fn picture(split: u64) -> Picture {
        let mut picture = Picture::default();
        picture.time_ns = START.as_unix();
        picture.split = SplitNumber::new(split);
        picture
    }

    fn known() -> Known {
        let mut known = Known::default();
        known.feed.heard_at = Some(START);
        known.take_picture(picture(0), START);
        known
    }

    #[test]
    fn a_new_report_is_fresh_and_an_old_one_stale() {
        let mut known = known();
        assert_eq!(known.freshness(START).state, State::Fresh);
        known.feed.heard_at = Some(START + STALE_FIRST);
        let late = known.freshness(START + STALE_FIRST);
        assert_eq!(late.state, State::Stale);
        assert!(late.reasons[0].contains("sends no report"), "{late:?}");
        assert_eq!(late.age, Some(STALE_FIRST));
    }

    #[test]
    fn a_pause_does_not_make_old_reports_fresh() {
        let mut known = known();
        for seconds in [1, 2, 3, 44] {
            let at = START + Duration::from_secs(seconds);
            let mut picture = picture(0);
            picture.time_ns = at.as_unix();
            known.take_picture(picture, at);
        }
        assert_eq!(known.stale_after(), Duration::from_secs(6));
    }

    #[test]
    fn a_report_that_does_not_arrive_is_named() {
        let mut known = known();
        let heartbeat = Heartbeat {
            time_ns: 0,
            incarnation: Incarnation::new(1),
            ledger: None,
            report: ReportNumber::new(6),
            shards: 1,
            degraded: Vec::new(),
        };
        known.take_heartbeat(heartbeat.clone(), START);
        assert_eq!(known.freshness(START).state, State::Fresh, "it is on its way");
        let later = START + SILENCE;
        known.take_heartbeat(heartbeat, later);
        known.feed.heard_at = Some(later);
        let late = known.freshness(later);
        assert_eq!(late.state, State::Stale);
        assert!(late.reasons[0].contains("Report 6 was published"), "{late:?}");
        let mut sixth = picture(0);
        (sixth.report, sixth.time_ns) = (ReportNumber::new(6), later.as_unix());
        known.take_picture(sixth, later);
        assert_eq!(known.freshness(later).state, State::Fresh);
    }

    #[test]
    fn a_clock_that_is_ahead_makes_nothing_new() {
        let mut known = Known::default();
        let mut ahead = picture(0);
        ahead.time_ns = (START + Duration::from_secs(3_600)).as_unix();
        known.take_picture(ahead, START);
        let later = START + STALE_FIRST;
        known.feed.heard_at = Some(later);
        assert_eq!(known.freshness(later).state, State::Stale);
    }

    #[test]
    fn a_silent_publisher_is_named() {
        let known = known();
        let silent = known.freshness(START + SILENCE);
        assert_eq!(silent.state, State::Stale);
        assert!(silent.reasons[0].contains("for 5 s"), "{silent:?}");
        assert_eq!(Known::default().freshness(START).state, State::Empty);
    }

    #[test]
    fn what_is_degraded_is_said_in_sentences() {
        let mut known = known();
        known.feed.degraded = vec!["shard 1 is away".to_owned()];
        let degraded = known.freshness(START);
        assert_eq!(degraded.state, State::Degraded);
        assert_eq!(degraded.reasons, ["Shard 1 is away."]);
    }

    #[test]
    fn another_ledger_has_nothing_of_the_one_before() {
        let of = |ledger, split| {
            let mut picture = picture(split);
            picture.ledger = LedgerId::new(ledger);
            picture
        };
        let heartbeat = |number| Heartbeat {
            time_ns: 0,
            incarnation: Incarnation::new(1),
            ledger: LedgerId::new(number),
            report: ReportNumber::new(1),
            shards: 1,
            degraded: Vec::new(),
        };
        let mut known = known();
        known.take_picture(of(1, 1), START);
        known.take_heartbeat(heartbeat(1), START);
        assert!(known.picture.is_some() && known.splits.seen().count() == 1);
        // The heartbeat tells of it before the first report does.
        known.take_heartbeat(heartbeat(2), START);
        assert!(known.picture.is_none() && known.splits.seen().count() == 0);
        assert_eq!(known.freshness(START).state, State::Empty);
        known.take_picture(of(2, 5), START);
        assert_eq!(known.freshness(START).state, State::Fresh);
        known.take_picture(of(3, 1), START);
        assert_eq!(known.splits.seen().count(), 1);
    }
}
