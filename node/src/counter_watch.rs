//! Counter watch: says aloud what the boxes only count, so that no hot thread ever logs.

use allot_runtime::{Agent, Counter, Counters, Nanos};
use std::time::Duration;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What somebody should look into when it happens.
const LOUD: &[Counter] = &[
    Counter::Busy,
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

/// An agent that logs every change of a counter: warnings of the loud ones, traces of the others.
pub(crate) struct CounterWatch {
    boxes: Vec<Watched>,
    look_at: Nanos,
}

struct Watched {
    name: String,
    counters: Counters,
    /// In the order of [`Counter::ALL`].
    last: Vec<u64>,
}

impl CounterWatch {
    /// Watches the counters of some boxes, by name.
    pub(crate) fn new(boxes: Vec<(String, Counters)>) -> Self {
        let watched =
            |(name, counters)| Watched { name, counters, last: vec![0; Counter::ALL.len()] };
        Self { boxes: boxes.into_iter().map(watched).collect(), look_at: Nanos::ZERO }
    }

    fn look(&mut self) {
        self.boxes.iter_mut().for_each(Watched::look);
    }
}

impl Watched {
    fn look(&mut self) {
        for (last, (counter, total)) in self.last.iter_mut().zip(self.counters.snapshot()) {
            let more = total - *last;
            *last = total;
            if more > 0 {
                say(&self.name, counter, more, total);
            }
        }
    }
}

fn say(name: &str, counter: Counter, more: u64, total: u64) {
    let (label, sentence) = (counter.label(), counter.sentence());
    if LOUD.contains(&counter) {
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
        if now >= self.look_at {
            self.look_at = now + LOOK_EVERY;
            self.look();
        }
        0
    }

    fn wake_at(&self) -> Nanos {
        self.look_at
    }

    /// What happened in the last second is said too.
    fn close(&mut self, _now: Nanos) {
        self.look();
    }
}
