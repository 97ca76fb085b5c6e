//! A progress bar: how far the feeds of this process are.
//!
//! On a terminal it is redrawn in place; elsewhere, for example in a log file, it is a line every
//! few seconds. Another bar shows how much of some journals was read.

use std::io::{self, IsTerminal};
use std::time::Duration;

use allot_feeds::{Tally, plural};
use allot_runtime::Clock;
use indicatif::ProgressStyle;

use crate::feed_group::Feeds;
use crate::rate_meter::RateMeter;

/// How often the bar is drawn; the end of the feeds is noticed at most this late.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The period over which the rate beside a bar is measured.
const RATE_EVERY: Duration = Duration::from_secs(1);

/// How often a line is written, with the rate since the one before.
const LINE_EVERY: Duration = Duration::from_secs(5);

const WITH_END: &str = "{bar:30} {percent:>3} %  {msg}";
const WITHOUT_END: &str = "{spinner} {msg}";
const READING: &str = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}";

/// Number of records between two updates of the bar of a reader.
pub(crate) const RECORDS_PER_TICK: u64 = 4_096;

/// A bar of how much of some journals was read. Its length is zero at first.
pub(crate) fn reading_bar() -> indicatif::ProgressBar {
    let style = ProgressStyle::with_template(READING).expect("the template is valid");
    indicatif::ProgressBar::new(0).with_style(style)
}

/// The bar of one run.
pub(crate) struct ProgressBar {
    /// `None` where stderr is not a terminal.
    bar: Option<indicatif::ProgressBar>,
    clock: Clock,
    meter: RateMeter,
    rate: u64,
    /// The last line; an equal one is left out.
    line: String,
}

impl ProgressBar {
    /// A bar at zero; `expected` is its end, if known.
    pub(crate) fn new(expected: Option<u64>) -> Self {
        let clock = Clock::system();
        let bar = io::stderr().is_terminal().then(|| bar(expected));
        let meter = RateMeter::new(clock.now());
        Self { bar, meter, clock, rate: 0, line: String::new() }
    }

    /// Shows how far the feeds are.
    pub(crate) fn show(&mut self, feeds: &Feeds) {
        let is_measured = self.measure(feeds.get(Tally::Replied));
        let line = remarks(feeds, self.rate);
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.set_position(feeds.get(Tally::Replied));
            }
            None if is_measured && line != self.line => {
                tracing::info!("{line}");
                self.line = line;
            }
            None => {}
        }
    }

    /// Removes the bar from the screen, to make room for the summary.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// Measures the rate if it is due; true if it was.
    fn measure(&mut self, replied: u64) -> bool {
        let now = self.clock.now();
        let every = if self.bar.is_some() { RATE_EVERY } else { LINE_EVERY };
        if self.meter.elapsed(now) < every {
            return false;
        }
        self.rate = self.meter.measure(now, replied);
        true
    }
}

fn bar(expected: Option<u64>) -> indicatif::ProgressBar {
    let (bar, template) = match expected {
        Some(expected) => (indicatif::ProgressBar::new(expected), WITH_END),
        None => (indicatif::ProgressBar::no_length(), WITHOUT_END),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is valid"))
}

/// The counts as one line. Zero counts are left out, except rejections.
fn remarks(feeds: &Feeds, rate: u64) -> String {
    let rare = [
        Tally::Rejected,
        Tally::Held,
        Tally::Busy,
        Tally::StorageFull,
        Tally::ShardAway,
        Tally::Resent,
        Tally::Duplicates,
    ];
    let rare = rare.map(|tally| (feeds.get(tally), tally));
    let shown = rare.iter().filter(|(count, tally)| 0 < *count || *tally == Tally::Rejected);
    let shown = shown.map(|(count, tally)| match tally {
        Tally::Duplicates => format!(", {count} {}", plural(*count, "duplicate")),
        _ => format!(", {count} {}", tally.label()),
    });
    let sent = feeds.get(Tally::Sent);
    let replied = feeds.get(Tally::Replied);
    format!("{sent} sent, {replied} answered, {rate}/s{}", shown.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for template in [WITH_END, WITHOUT_END, READING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
