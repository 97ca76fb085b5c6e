//! A gauge: how far the feeds of this process have come, drawn while they run.
//!
//! On a terminal it is a bar that is drawn again and again; elsewhere, in a log file for example, a
//! plain line each few seconds.

use crate::feed_crew::Feeds;
use allot_feeds::{Tally, plural};
use allot_runtime::{Clock, Nanos};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::Duration;

/// How often it is drawn, and so how late the end of the feeds may be noticed.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Over how long the rate beside a bar is counted.
const RATE_EVERY: Duration = Duration::from_secs(1);

/// How often a plain line is written, with the rate since the one before.
const LINE_EVERY: Duration = Duration::from_secs(5);

const WITH_END: &str = "{bar:30} {percent:>3} %  {msg}";
const WITHOUT_END: &str = "{spinner} {msg}";

/// The gauge of one run.
pub(crate) struct Gauge {
    /// For people who watch; none where the lines go to a file.
    bar: Option<ProgressBar>,
    clock: Clock,
    /// When the rate was counted last, and how many answers there were.
    counted: (Nanos, u64),
    rate: u64,
    /// The last plain line: one that says the same again is left out.
    line: String,
}

impl Gauge {
    /// A gauge at zero; `expected` is its end, where that is known.
    pub(crate) fn new(expected: Option<u64>) -> Self {
        let clock = Clock::system();
        let bar = io::stderr().is_terminal().then(|| bar(expected));
        Self { bar, counted: (clock.now(), 0), clock, rate: 0, line: String::new() }
    }

    /// Shows how far the feeds are.
    pub(crate) fn show(&mut self, feeds: &Feeds) {
        let is_counted = self.count(feeds.get(Tally::Answered));
        let line = remarks(feeds, self.rate);
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.set_position(feeds.get(Tally::Answered));
            }
            None if is_counted && line != self.line => {
                tracing::info!("{line}");
                self.line = line;
            }
            None => {}
        }
    }

    /// Takes a bar off the screen, to make room for the summary.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// Counts the rate, if it is time; true if it was.
    fn count(&mut self, answered: u64) -> bool {
        let (now, every) = (self.clock.now(), self.bar.as_ref().map_or(LINE_EVERY, |_| RATE_EVERY));
        let span = now - self.counted.0;
        if span < every {
            return false;
        }
        self.rate = per_second(answered - self.counted.1, span);
        self.counted = (now, answered);
        true
    }
}

fn bar(expected: Option<u64>) -> ProgressBar {
    let (bar, template) = match expected {
        Some(expected) => (ProgressBar::new(expected), WITH_END),
        None => (ProgressBar::no_length(), WITHOUT_END),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("a template of known words"))
}

/// So many in a time, as a count a second.
pub(crate) fn per_second(count: u64, span: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000_000;
    u64::try_from(rate.checked_div(span.as_nanos()).unwrap_or_default()).unwrap_or(u64::MAX)
}

/// The counts as a line; what has not happened is left out, but for rejections: that there are none
/// is news too.
fn remarks(feeds: &Feeds, rate: u64) -> String {
    let rare = [Tally::Rejected, Tally::Held, Tally::Busy, Tally::Resent, Tally::Duplicates];
    let rare = rare.map(|tally| (feeds.get(tally), tally));
    let said = rare.iter().filter(|(count, tally)| *count > 0 || *tally == Tally::Rejected);
    let said = said.map(|(count, tally)| match tally {
        Tally::Duplicates => format!(", {count} {}", plural(*count, "duplicate")),
        _ => format!(", {count} {}", tally.label()),
    });
    let (sent, answered) = (feeds.get(Tally::Sent), feeds.get(Tally::Answered));
    format!("{sent} sent, {answered} answered, {rate}/s{}", said.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for template in [WITH_END, WITHOUT_END] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_rate_is_counted_in_seconds() {
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(1, Duration::from_secs(2)), 0);
        assert_eq!(per_second(7, Duration::ZERO), 0);
    }
}
