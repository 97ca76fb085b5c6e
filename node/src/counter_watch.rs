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
    Counter::ConnectionsUnread,
    Counter::ConnectionsSurplus,
    Counter::ConnectionsLost,
    Counter::IdentitiesTaken,
    Counter::DescriptorsOut,
    Counter::SubscribersDropped,
    Counter::SubscriptionsRefused,
    Counter::PublicationsDropped,
    Counter::ReportsDegraded,
    Counter::ReportsLate,
    Counter::ReportsSkipped,
    Counter::FramesUnknown,
    Counter::FramesDropped,
    Counter::PartsDropped,
    Counter::FramesRefused,
    Counter::LogsFailed,
];

/// Counters that mean nothing yet while boxes look for each other.
const QUIET_AT_START: &[Counter] = &[Counter::FramesRefused];

/// How long boxes look for each other after a start, by far.
const START: Duration = Duration::from_secs(10);

/// An agent that logs every change of a counter, as a warning or as a trace.
pub(crate) struct CounterWatch {
    boxes: Vec<Watched>,
    read_at: Nanos,
    /// Until when it is quiet about some counters; none before its first turn.
    quiet_until: Option<Nanos>,
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
        let boxes = boxes.into_iter().map(watched).collect();
        Self { boxes, read_at: Nanos::ZERO, quiet_until: None }
    }

    fn read(&mut self, now: Nanos) {
        let is_start = now < *self.quiet_until.get_or_insert(now + START);
        self.boxes.iter_mut().for_each(|watched| watched.read(is_start));
    }
}

impl Watched {
    fn read(&mut self, is_start: bool) {
        for (last, (counter, total)) in self.last.iter_mut().zip(self.counters.snapshot()) {
            let more = total - *last;
            *last = total;
            if 0 < more {
                let warns = is_warned(counter, is_start);
                log(&self.name, counter, more, total, warns);
            }
        }
    }
}

/// Whether an operator should look into a change of this counter.
fn is_warned(counter: Counter, is_start: bool) -> bool {
    WARNED.contains(&counter) && !(is_start && QUIET_AT_START.contains(&counter))
}

fn log(name: &str, counter: Counter, more: u64, total: u64, warns: bool) {
    let label = counter.label();
    let sentence = counter.sentence();
    if warns {
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
            self.read(now);
        }
        0
    }

    fn wake_at(&self) -> Nanos {
        self.read_at
    }

    /// Changes of the last second are logged too.
    fn close(&mut self, now: Nanos) {
        self.read(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_normal_at_a_start_is_no_warning_then() {
        assert!(
            !is_warned(Counter::FramesRefused, true) && is_warned(Counter::FramesRefused, false)
        );
        assert!(is_warned(Counter::DiskFull, true) && !is_warned(Counter::Routed, false));
    }
}
