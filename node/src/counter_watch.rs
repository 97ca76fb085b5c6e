//! Counter watch: logs what the boxes count, so that no hot thread ever logs.

use std::time::Duration;

use allot_runtime::{Agent, Counter, Counters, Nanos};

/// How often it reads the counters.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Counters whose changes an operator should look into.
const WARNED: &[Counter] = &[
    Counter::Busy,
    Counter::RefusedAway,
    Counter::StorageFull,
    Counter::DiskFull,
    Counter::ShardAway,
    Counter::RepliesUndeliverable,
    Counter::ClientsDropped,
    Counter::ReportsDegraded,
    Counter::ReportsLate,
    Counter::FramesUnknown,
    Counter::FramesDropped,
    Counter::PartsDropped,
    Counter::FramesRefused,
];

/// An agent that logs every change of a counter, as a warning or as a trace.
pub(crate) struct CounterWatch {
    boxes: Vec<Watched>,
    read_at: Nanos,
}

struct Watched {
    name: String,
    counters: Counters,
    /// In the order of [`Counter::ALL`].
    last: Vec<u64>,
}

impl CounterWatch {
    /// Watches the counters of these boxes, each with its name.
    pub(crate) fn new(boxes: Vec<(String, Counters)>) -> Self {
        let watched =
            |(name, counters)| Watched { name, counters, last: vec![0; Counter::ALL.len()] };
        Self { boxes: boxes.into_iter().map(watched).collect(), read_at: Nanos::ZERO }
    }

    fn read(&mut self) {
        self.boxes.iter_mut().for_each(Watched::read);
    }
}

impl Watched {
    fn read(&mut self) {
        for (last, (counter, total)) in self.last.iter_mut().zip(self.counters.snapshot()) {
            let more = total - *last;
            *last = total;
            if 0 < more {
                log(&self.name, counter, more, total);
            }
        }
    }
}

fn log(name: &str, counter: Counter, more: u64, total: u64) {
    let label = counter.label();
    let sentence = counter.sentence();
    if WARNED.contains(&counter) {
        tracing::warn!(r#box = name, more, total, "{label}: {sentence}");
    } else {
        tracing::trace!(r#box = name, more, total, "{label}");
    }
}

impl Agent for CounterWatch {
    fn role(&self) -> &str {
        "counter-watch"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if self.read_at <= now {
            self.read_at = now + READ_EVERY;
            self.read();
        }
        0
    }

    fn wake_at(&self) -> Nanos {
        self.read_at
    }

    /// Changes of the last second are logged too.
    fn close(&mut self, _now: Nanos) {
        self.read();
    }
}
