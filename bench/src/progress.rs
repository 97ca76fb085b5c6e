//! Progress of a run, shown while it lasts, on a terminal only.

use std::io::{self, IsTerminal};
use std::sync::atomic::Ordering;
use std::time::Duration;

use allot_runtime::Nanos;
use indicatif::{ProgressBar, ProgressStyle};

use crate::loader::Board;
use crate::offer::Offer;
use crate::phases::Phases;

const TEMPLATE: &str = "{spinner} {bar:24} {wide_msg}";

/// Between two readings of the rate.
const RATE_EVERY: Duration = Duration::from_secs(1);

/// The progress bar of one point.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    offer: Offer,
    phases: Phases,
    /// When the rate was read last, and the replies by then.
    counted: (Nanos, u64),
    rate: u64,
}

impl Progress {
    /// A bar at zero.
    pub(crate) fn new(offer: Offer, phases: Phases) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let length = milliseconds(phases.end - phases.start);
            let style = ProgressStyle::with_template(TEMPLATE).expect("a template of known words");
            ProgressBar::new(length).with_style(style)
        });
        Self { bar, offer, phases, counted: (phases.start, 0), rate: 0 }
    }

    /// Draws the current state.
    pub(crate) fn show(&mut self, now: Nanos, board: &Board) {
        let Some(bar) = &self.bar else { return };
        let sent = board.sent.load(Ordering::Relaxed);
        let answered = board.answered.load(Ordering::Relaxed);
        if RATE_EVERY < now - self.counted.0 {
            let span = milliseconds(now - self.counted.0).max(1);
            self.rate = (answered - self.counted.1) * 1_000 / span;
            self.counted = (now, answered);
        }
        let (offer, phase, rate) = (self.offer, self.phases.name(now), self.rate);
        let open = sent.saturating_sub(answered);
        bar.set_position(milliseconds(now - self.phases.start));
        bar.set_message(format!(
            "{offer}  {phase}  {sent} sent, {answered} answered, {open} open, {rate}/s"
        ));
    }

    /// Removes the bar from the screen.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_understood() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
