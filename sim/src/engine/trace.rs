//! The trace of a run: its last events, printed after a violation.

use std::collections::VecDeque;
use std::time::Duration;

use allot_runtime::Nanos;

/// Events that are kept: enough to see what led to a violation, few enough to read.
const EVENTS_MAX: usize = 400;

/// The last events.
#[derive(Default)]
pub struct Trace {
    events: VecDeque<(Nanos, String)>,
    /// Prints each event as it happens.
    is_verbose: bool,
    start: Nanos,
}

impl Trace {
    /// An empty trace; times count from `start`.
    #[must_use]
    pub fn new(start: Nanos, is_verbose: bool) -> Self {
        Self { events: VecDeque::new(), is_verbose, start }
    }

    /// Adds an event.
    pub fn note(&mut self, now: Nanos, event: impl Into<String>) {
        let event = event.into();
        if self.is_verbose {
            println!("{}", line(now - self.start, &event));
        }
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((now, event));
    }

    /// One line for each event, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(|(when, event)| line(*when - self.start, event)).collect()
    }
}

fn line(since: Duration, event: &str) -> String {
    format!("{:>14.6} {event}", since.as_secs_f64())
}
