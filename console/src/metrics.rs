//! Metrics: what is counted and timed, in the text format of Prometheus.
//!
//! The counters and the stages are read as they are: a scrape takes no lock of a hot thread.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use allot_domain::decimal::nanos_text;
use allot_runtime::{Counter, Counters, Levels, Nanos, Stage, Stages, SubscriberLevel};
use serde_json::{Value, json};

use crate::board::{Board, Freshness, Known, State};
use crate::picture::Picture;

/// The content type of the format.
pub(crate) const CONTENT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The edges of the histograms: powers of two from 256 ns to 34 s. Those of the stages lie on them,
/// so every time is counted exactly where it belongs.
const EDGES: std::ops::RangeInclusive<u32> = 8..=35;

/// Names that more than one place has: `allot top` reads them.
pub(crate) const STAGES: &str = "allot_stage_seconds";
pub(crate) const QUEUE: &str = "allot_shard_queue";
pub(crate) const JOURNAL_APPENDED: &str = "allot_journal_appended";
pub(crate) const JOURNAL_DURABLE: &str = "allot_journal_durable";
pub(crate) const SUBSCRIBERS: &str = "allot_subscribers";
pub(crate) const WAITING_BYTES: &str = "allot_subscribers_waiting_bytes";
pub(crate) const JOURNAL_FREE_BYTES: &str = "allot_journal_free_bytes";

/// What a process counts and times.
#[derive(Clone, Default)]
pub struct Measured {
    /// The counters of its boxes, by their names.
    pub boxes: Vec<(String, Counters)>,
    /// The stages of its boxes, by the names of the boxes.
    pub stages: Vec<(String, Stages)>,
    /// The directory of its journals, if it keeps any.
    pub data: Option<PathBuf>,
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let boxes: Vec<_> = self.boxes.iter().map(|(name, _)| name).collect();
        f.debug_struct("Measured").field("boxes", &boxes).finish_non_exhaustive()
    }
}

impl Measured {
    /// All of it as a page of metrics.
    #[must_use]
    pub fn page(&self) -> String {
        let mut out = String::new();
        for counter in Counter::ALL {
            let name = format!("allot_{}_total", counter.label());
            head(&mut out, &name, "counter", counter.sentence());
            for (of, counters) in &self.boxes {
                line(&mut out, &name, &[("box", of)], &counters.get(*counter).to_string());
            }
        }
        self.write_levels(&mut out);
        if !self.stages.is_empty() {
            self.write_stages(&mut out);
        }
        out
    }

    /// The subscribers for whom most waits, one by one, as JSON. Their addresses come and go, so
    /// they are no labels of the page of metrics.
    #[must_use]
    pub fn subscribers(&self) -> String {
        let levels = self.boxes.iter().filter_map(|(_, counters)| counters.levels().subscribers());
        let told: Vec<_> = levels.flat_map(|levels| levels.most_pending).collect();
        let peer =
            |peer: Option<SocketAddr>| peer.map_or("ipc".to_owned(), |peer| peer.to_string());
        let line = |level: &SubscriberLevel| {
            json!({
                "peer": peer(level.peer), "pending_bytes": level.pending_bytes,
            })
        };
        Value::Array(told.iter().map(line).collect()).to_string()
    }

    fn write_levels(&self, out: &mut String) {
        let levels = || self.boxes.iter().map(|(_, counters)| counters.levels());
        let queues: Vec<_> = levels().flat_map(Levels::queues).collect();
        if !queues.is_empty() {
            let help = "Inputs of a shard that it owes a reply to.";
            head(out, QUEUE, "gauge", help);
            for (shard, depth) in queues.iter().enumerate() {
                line(out, QUEUE, &[("shard", &shard.to_string())], &depth.to_string());
            }
        }
        self.write_journals(out);
        if let Some(now) = levels().find_map(Levels::subscribers) {
            head(out, SUBSCRIBERS, "gauge", "Connections of subscribers.");
            line(out, SUBSCRIBERS, &[], &now.count.to_string());
            let help = "Bytes of publications that somebody has not taken.";
            head(out, WAITING_BYTES, "gauge", help);
            line(out, WAITING_BYTES, &[], &now.waiting_bytes.to_string());
        }
        // Where the disk cannot be asked, nothing is said of it.
        let disk = self.data.as_ref().and_then(|data| rustix::fs::statvfs(data).ok());
        if let Some(disk) = disk {
            let help = "Room on the disk of the journals, for the user of this process.";
            head(out, JOURNAL_FREE_BYTES, "gauge", help);
            let free = u128::from(disk.f_bavail) * u128::from(disk.f_frsize);
            line(out, JOURNAL_FREE_BYTES, &[], &free.to_string());
        }
    }

    fn write_journals(&self, out: &mut String) {
        let of_box = |(name, counters): &(String, Counters)| {
            counters.levels().journal().map(|now| (name.clone(), now))
        };
        let journals: Vec<_> = self.boxes.iter().filter_map(of_box).collect();
        let appended = "The last input in the journal of a shard.";
        let durable = "The last input of a shard that is on disk.";
        for (name, help) in [(JOURNAL_APPENDED, appended), (JOURNAL_DURABLE, durable)] {
            if !journals.is_empty() {
                head(out, name, "gauge", help);
            }
            for (of, now) in &journals {
                let value = if name == JOURNAL_DURABLE { now.durable } else { now.appended };
                line(out, name, &[("box", of)], &value.to_string());
            }
        }
    }

    fn write_stages(&self, out: &mut String) {
        let help = "Time in a stage of a fill, of a sample; the sum is high by up to a sixteenth.";
        head(out, STAGES, "histogram", help);
        for (of, set) in &self.stages {
            for stage in Stage::ALL {
                let times = set.times(*stage);
                if !times.is_empty() {
                    write_stage(out, of, *stage, &times);
                }
            }
        }
    }
}

/// The histogram of one stage of a box.
fn write_stage(out: &mut String, of: &str, stage: Stage, times: &[(u64, u64)]) {
    let below = |edge: u64| {
        let within = times.iter().filter(|(longest, _)| *longest < edge);
        within.map(|(_, count)| count).sum::<u64>()
    };
    let bucket = format!("{STAGES}_bucket");
    let labels = [("box", of), ("stage", stage.label())];
    for edge in EDGES.map(|bits| 1_u64 << bits) {
        let le = nanos_text(edge.into());
        line(out, &bucket, &[labels[0], labels[1], ("le", &le)], &below(edge).to_string());
    }
    let count: u64 = times.iter().map(|(_, count)| count).sum();
    line(out, &bucket, &[labels[0], labels[1], ("le", "+Inf")], &count.to_string());
    let sum = times.iter().map(|(longest, count)| i128::from(*longest) * i128::from(*count));
    line(out, &format!("{STAGES}_sum"), &labels, &nanos_text(sum.sum()));
    line(out, &format!("{STAGES}_count"), &labels, &count.to_string());
}

/// What the console knows of the server, as a page of metrics.
pub(crate) fn board_page(board: &Board) -> String {
    let now = board.clock.now();
    let known = board.known();
    let mut page = Page(String::new());
    page.write_feed(&known, now);
    if let Some(picture) = &known.picture {
        page.write_picture(picture, now);
    }
    page.0
}

/// A page that is being written.
struct Page(String);

impl Page {
    fn write_feed(&mut self, known: &Known, now: Nanos) {
        let feed = &known.feed;
        let Freshness { state, reasons, .. } = known.freshness(now);
        let is_stale = matches!(state, State::Stale | State::Empty);
        if let Some(heard) = feed.heard_at {
            let help = "Time since anything was published.";
            self.gauge("allot_feed_silence_seconds", help, seconds(heard, now));
        }
        let help = "1 while the data is new and nothing is missing.";
        self.gauge("allot_fresh", help, u8::from(state == State::Fresh));
        let help = "1 while the data is too old, or there is none.";
        self.gauge("allot_stale", help, u8::from(is_stale));
        let help = "What is missing or doubtful: a count of sentences.";
        self.gauge("allot_degraded_reasons", help, reasons.len());
        let help = "1 while the front door can be reached.";
        self.gauge("allot_front_connected", help, u8::from(feed.is_front_connected));
        self.gauge("allot_shards", "Shards of the server.", feed.shards);
        let help = "Outcomes that the console heard.";
        self.counter("allot_console_outcomes_total", help, known.fills.count());
        let help = "Outcomes that passed the console unseen.";
        self.counter("allot_console_outcomes_missed_total", help, feed.fills_missed);
        let help = "Reports that passed the console unseen.";
        self.counter("allot_console_reports_missed_total", help, feed.reports_missed);
        let help = "Publications that the console could not read.";
        self.counter("allot_console_unreadable_total", help, feed.unreadable);
        let help = "Restarts of the publisher that the console saw.";
        self.counter("allot_console_publisher_restarts_total", help, feed.publisher_restarts);
    }

    fn write_picture(&mut self, picture: &Picture, now: Nanos) {
        let age = seconds(Nanos::from_unix(picture.time_ns), now);
        self.gauge("allot_report_age_seconds", "Age of the newest report.", age);
        self.gauge("allot_report_number", "Number of the newest report.", picture.report);
        self.gauge("allot_cut", "Inputs in the newest report.", picture.cut);
        self.gauge("allot_split_number", "Number of the split in force.", picture.split);
        self.gauge("allot_fills_divided", "Fills that were divided.", picture.fills);
        let help = "Fills that wait for the first split.";
        self.gauge("allot_fills_held", help, picture.held);
        self.gauge("allot_accounts", "Accounts that were ever named.", picture.accounts.len());
        if let Some(tracking) = picture.tracking {
            let help = "Largest deviation of an account, in highest prices.";
            self.gauge("allot_deviation_prices", help, tracking.deviation_in_prices);
            let help = "The part of it that a better division could have avoided.";
            self.gauge("allot_avoidable_prices", help, tracking.avoidable);
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        head(&mut self.0, name, "gauge", help);
        line(&mut self.0, name, &[], &value.to_string());
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        head(&mut self.0, name, "counter", help);
        line(&mut self.0, name, &[], &value.to_string());
    }
}

fn seconds(since: Nanos, now: Nanos) -> String {
    nanos_text(i128::try_from((now - since).as_nanos()).unwrap_or(i128::MAX))
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Names of boxes and stages have no sign that must be escaped.
fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: &str) {
    let label = |(key, value): &(&str, &str)| format!("{key}=\"{value}\"");
    let labels = labels.iter().map(label).collect::<Vec<_>>().join(",");
    let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
    let _ = writeln!(out, "{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use allot_runtime::{Clock, JournalNow};

    use super::*;

    #[test]
    fn counters_and_stages_are_written_for_prometheus() {
        let counters = Counters::new();
        counters.add(Counter::Busy, 3);
        let clock = Clock::virtual_at(Nanos::from_unix(1));
        let stages = Stages::every(1, clock.clone());
        for nanoseconds in [100, 300, 300, 1 << 36] {
            let began = stages.begin(Stage::Route);
            clock.advance(Duration::from_nanos(nanoseconds));
            stages.end(Stage::Route, began);
        }
        counters.levels().open_queues(2);
        counters.levels().set_queue(1, 5);
        counters.levels().open_journal();
        counters.levels().set_journal(JournalNow { appended: 12, durable: 11 });
        let measured = Measured {
            boxes: vec![("router".to_owned(), counters)],
            stages: vec![("router".to_owned(), stages)],
            data: Some("/".into()),
        };
        let page = measured.page();
        for line in [
            "# TYPE allot_busy_total counter",
            "allot_shard_queue{shard=\"1\"} 5",
            "allot_journal_appended{box=\"router\"} 12",
            "allot_journal_durable{box=\"router\"} 11",
            "# TYPE allot_journal_free_bytes gauge",
            "allot_busy_total{box=\"router\"} 3",
            "allot_stage_seconds_bucket{box=\"router\",stage=\"route\",le=\"0.000000256\"} 1",
            "allot_stage_seconds_bucket{box=\"router\",stage=\"route\",le=\"0.000000512\"} 3",
            "allot_stage_seconds_bucket{box=\"router\",stage=\"route\",le=\"34.359738368\"} 3",
            "allot_stage_seconds_bucket{box=\"router\",stage=\"route\",le=\"+Inf\"} 4",
            "allot_stage_seconds_count{box=\"router\",stage=\"route\"} 4",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }

    #[test]
    fn an_empty_board_is_stale() {
        let page = board_page(&Board::new(Clock::system()));
        assert!(page.contains("\nallot_stale 1\n") && !page.contains("allot_report_age"), "{page}");
    }
}
