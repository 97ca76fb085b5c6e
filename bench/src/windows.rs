//! Windows: the response times of a run by each 10 ms of it.
//!
//! A percentile of a whole run hides a stop of some milliseconds every few seconds, and what was
//! sent meanwhile felt all of it. So each window has its own 99.9th percentile, by when its
//! messages were meant to leave, and the page says when the worst were: a server that stops in a
//! beat shows it there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::span;

/// The length of a window in milliseconds.
const WINDOW_MS: u64 = 10;

/// The longest times that are kept of each window: enough for the 99.9th percentile of 16,000.
const KEPT: usize = 16;

/// A window is bad whose 99.9th percentile is more than so many times the median of the run.
const BAD_TIMES: u64 = 10;

/// Of how many bad windows the page says when they were.
const SHOWN: usize = 12;

/// The windows of a run so far.
#[derive(Clone, Default)]
pub(crate) struct Windows(Vec<Window>);

/// One window.
#[derive(Clone, Copy, Default)]
struct Window {
    count: u64,
    /// The longest first.
    longest_ns: [u64; KEPT],
}

/// What is kept of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WindowFigures {
    /// How many windows had messages.
    pub(crate) count: u64,
    /// The highest 99.9th percentile of any, and the millisecond of the run in which it began.
    pub(crate) worst_ns: u64,
    pub(crate) worst_at_ms: u64,
    /// When those began that were bad.
    pub(crate) bad_at_ms: Vec<u64>,
}

impl Windows {
    /// A message was meant to leave at this time of the run, and took so long.
    pub(crate) fn record(&mut self, since: Duration, response_ns: u64) {
        let place = since.as_millis() / u128::from(WINDOW_MS);
        let place = usize::try_from(place).expect("a run lasts hours at most");
        if self.0.len() <= place {
            self.0.resize(place + 1, Window::default());
        }
        let window = &mut self.0[place];
        window.count += 1;
        window.keep(response_ns);
    }

    /// Adds those of another connection.
    pub(crate) fn merge(&mut self, other: &Self) {
        let len = self.0.len().max(other.0.len());
        self.0.resize(len, Window::default());
        for (window, other) in self.0.iter_mut().zip(&other.0) {
            window.count += other.count;
            other.longest_ns.iter().for_each(|time| window.keep(*time));
        }
    }

    /// The figures, for a run with these response times; none without a median.
    pub(crate) fn figures(&self, response: &Latency) -> Option<WindowFigures> {
        let bad_ns = response.p50?.saturating_mul(BAD_TIMES);
        let begun = (0..).step_by(usize::try_from(WINDOW_MS).expect("it is short"));
        let mut figures = WindowFigures::default();
        for (at_ms, window) in begun.zip(&self.0).filter(|(_, window)| 0 < window.count) {
            figures.count += 1;
            let time = window.p999();
            if bad_ns < time {
                figures.bad_at_ms.push(at_ms);
            }
            if figures.worst_ns < time {
                (figures.worst_ns, figures.worst_at_ms) = (time, at_ms);
            }
        }
        (0 < figures.count).then_some(figures)
    }
}

impl Window {
    fn keep(&mut self, time: u64) {
        if time <= self.longest_ns[KEPT - 1] {
            return;
        }
        let place = self.longest_ns.partition_point(|kept| time <= *kept);
        self.longest_ns[place..].rotate_right(1);
        self.longest_ns[place] = time;
    }

    /// Of fewer than a thousand messages the longest time.
    fn p999(&self) -> u64 {
        let above = usize::try_from(self.count / 1_000).unwrap_or(KEPT);
        self.longest_ns[above.min(KEPT - 1)]
    }
}

impl WindowFigures {
    /// A line of the page.
    pub(crate) fn line(&self) -> String {
        let Self { count, worst_ns, worst_at_ms, bad_at_ms } = self;
        let seconds = |milliseconds: &u64| format!("{:.2}", *milliseconds as f64 / 1e3);
        let (worst, bad) = (span::show(*worst_ns), bad_at_ms.len());
        let mut line = format!(
            "windows of {WINDOW_MS} ms: worst p99.9 {worst}, at {} s; of {count}, {bad} are over \
             {BAD_TIMES} times the median of the run",
            seconds(worst_at_ms)
        );
        if 0 < bad {
            let shown: Vec<_> = bad_at_ms.iter().take(SHOWN).map(seconds).collect();
            let more = if SHOWN < bad { ", ..." } else { "" };
            line.push_str(&format!(": at {}{more} s", shown.join(", ")));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn with_median(p50: u64) -> Latency {
        Latency { p50: Some(p50), ..Latency::default() }
    }

    #[test]
    fn each_window_has_its_own_percentile() {
        let mut windows = Windows::default();
        // Of 3,000 in the first window, the three longest are above the percentile.
        (0..3_000).for_each(|time| windows.record(at(3), 1_000 + time));
        windows.record(at(35), 50_000);
        let figures = windows.figures(&with_median(2_500)).unwrap();
        let expected =
            WindowFigures { count: 2, worst_ns: 50_000, worst_at_ms: 30, bad_at_ms: vec![30] };
        assert_eq!(figures, expected);
        assert_eq!(windows.0[0].p999(), 3_996);
        assert_eq!(
            figures.line(),
            "windows of 10 ms: worst p99.9 50.0 µs, at 0.03 s; of 2, 1 are over 10 times the \
             median of the run: at 0.03 s"
        );
        assert_eq!(windows.figures(&Latency::default()), None);
        assert_eq!(Windows::default().figures(&with_median(1)), None);
    }

    #[test]
    fn connections_add_up() {
        let mut all = Windows::default();
        for connection in 0..4 {
            let mut one = Windows::default();
            for place in 0..1_000 {
                one.record(at(connection), place * 4 + connection);
            }
            all.merge(&one);
        }
        let mut alone = Windows::default();
        (0..4_000).for_each(|time| alone.record(at(0), time));
        assert_eq!(all.0[0].longest_ns, alone.0[0].longest_ns);
        assert_eq!((all.0[0].count, all.0[0].p999()), (4_000, 3_995));
    }
}
