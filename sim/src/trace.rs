//! A trace: the last events of a run, for whoever has to find out.

use std::collections::VecDeque;

use allot_runtime::Nanos;

/// Events that are kept.
const EVENTS_MAX: usize = 400;

/// What happened lately.
#[derive(Default)]
pub struct Trace {
    events: VecDeque<(Nanos, String)>,
    /// Prints each event as it happens.
    pub is_verbose: bool,
    start: Nanos,
}

impl Trace {
    /// A trace that begins now.
    pub fn new(start: Nanos, is_verbose: bool) -> Self {
        Self { events: VecDeque::new(), is_verbose, start }
    }

    /// Writes down an event.
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
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(|(when, event)| line(*when - self.start, event)).collect()
    }
}

fn line(since: std::time::Duration, event: &str) -> String {
    format!("{:>14.6} {event}", since.as_secs_f64())
}
