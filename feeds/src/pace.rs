//! A pace: when each fill is due.
//!
//! ```text
//!   rate      t0 + k / rate                  k: how many came before it
//!   recorded  t0 + (time − time of the first) / speed
//! ```
//!
//! t0 is when the link took the first message, so that a feed that starts before its server does
//! not rush afterwards. From then on times are absolute: nothing drifts, and a feed that was
//! delayed (too many fills in flight, a server that was away) catches up. Integers only, exact to
//! the nanosecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use allot_domain::decimal::{nanos_text, parse_nanos};
use allot_runtime::Nanos;

use crate::{FeedError, UnnamedFill};

/// One, in 1e-9: of a second, of a rate, of a speed.
const ONE: u128 = 1_000_000_000;

/// When fills are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pace {
    /// As fast as the limit of fills in flight allows.
    #[default]
    Unlimited,
    /// This many per second.
    Rate(Rate),
    /// As far apart as their source says they happened; what has no time is due at once.
    Recorded(Speed),
}

/// Fills a second, in 1e-9; read from text such as `2500` or `0.5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate(u64);

/// How many times faster than recorded, in 1e-9; read from text such as `2.5` or `10x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Speed(u64);

impl Rate {
    /// When fill number `count` is due, counted from 0, after the first.
    fn offset(self, count: u64) -> Duration {
        span(u128::from(count) * ONE * ONE / u128::from(self.0))
    }
}

impl Speed {
    /// The pace at which it happened.
    pub const REAL: Self = Self(1_000_000_000);

    /// How long a span of recorded time takes.
    fn scaled(self, recorded_ns: u64) -> Duration {
        span(u128::from(recorded_ns) * ONE / u128::from(self.0))
    }
}

fn span(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// The times at which a feed's fills are due.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    start: Option<Nanos>,
    /// How many fills were taken.
    count: u64,
    /// The recorded time of the first fill that has one.
    first_ns: Option<u64>,
}

impl Schedule {
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace, start: None, count: 0, first_ns: None }
    }

    /// The first message was taken; times count from here.
    pub(crate) fn begin(&mut self, now: Nanos) {
        self.start.get_or_insert(now);
    }

    /// When the next fill is due; never, while the first is still waiting to be taken.
    pub(crate) fn due(&self, fill: &UnnamedFill) -> Nanos {
        match (self.pace, self.start) {
            (Pace::Unlimited, _) => Nanos::ZERO,
            (_, None) if self.count == 0 => Nanos::ZERO,
            (_, None) => Nanos::MAX,
            (Pace::Rate(rate), Some(start)) => start + rate.offset(self.count),
            (Pace::Recorded(speed), Some(start)) => start + speed.scaled(self.recorded_ns(fill)),
        }
    }

    /// The next fill is being sent.
    pub(crate) fn take(&mut self, fill: &UnnamedFill) {
        self.count += 1;
        self.first_ns = self.first_ns.or(fill.time_ns);
    }

    /// How long after the first fill it happened.
    fn recorded_ns(&self, fill: &UnnamedFill) -> u64 {
        let times = fill.time_ns.zip(self.first_ns);
        times.map_or(0, |(time_ns, first_ns)| time_ns.saturating_sub(first_ns))
    }
}

impl FromStr for Rate {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let expected = "expected fills per second, more than zero, such as 2500 or 0.5";
        positive(text).map(Self).ok_or_else(|| FeedError::setting("rate", text, expected))
    }
}

impl FromStr for Speed {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let expected = "expected a factor, more than zero, such as 10 or 0.5";
        let number = text.strip_suffix('x').unwrap_or(text);
        positive(number).map(Self).ok_or_else(|| FeedError::setting("speed", text, expected))
    }
}

/// A decimal above zero and at most a billion, in units of 1e-9.
fn positive(text: &str) -> Option<u64> {
    let nanos = parse_nanos(text).ok().and_then(|nanos| u64::try_from(nanos).ok())?;
    (0 < nanos && u128::from(nanos) <= ONE * ONE).then_some(nanos)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&nanos_text(self.0.into()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&nanos_text(self.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::{Price, Quantity, Seq, Side, Ticker};

    use super::*;

    fn fill(time_ns: Option<u64>) -> UnnamedFill {
        UnnamedFill {
            seq: Seq::new(1),
            id: None,
            line: None,
            ticker: Ticker::new(b"A").unwrap(),
            side: Side::Buy,
            price: Price::parse("1").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            time_ns,
        }
    }

    /// When fills of these times are due, the first message being taken at 1,000.
    fn due(pace: Pace, times: &[Option<u64>]) -> Vec<u64> {
        let mut schedule = Schedule::new(pace);
        let mut due = Vec::new();
        for time_ns in times {
            due.push(schedule.due(&fill(*time_ns)).as_unix());
            schedule.take(&fill(*time_ns));
            schedule.begin(Nanos::from_unix(1_000));
        }
        due
    }

    #[test]
    fn a_rate_never_drifts() {
        let rate = Pace::Rate("3".parse().unwrap());
        assert_eq!(due(rate, &[None; 4]), [0, 333_334_333, 666_667_666, 1_000_001_000]);
        let mut schedule = Schedule::new(rate);
        schedule.begin(Nanos::ZERO);
        schedule.count = 3 * 86_400 * 365;
        let year = Duration::from_secs(86_400 * 365);
        assert_eq!(schedule.due(&fill(None)), Nanos::ZERO + year, "to the nanosecond");
        schedule.count = u64::MAX;
        assert_eq!(
            schedule.due(&fill(None)) - Nanos::ZERO,
            Rate(3 * 1_000_000_000).offset(u64::MAX)
        );
    }

    #[test]
    fn recorded_fills_are_as_far_apart_as_they_were() {
        let times = [Some(500), Some(700), Some(600), None, Some(1_500)];
        let paced = |speed: &str| due(Pace::Recorded(speed.parse().unwrap()), &times);
        assert_eq!(paced("1"), [0, 1_200, 1_100, 1_000, 2_000]);
        assert_eq!(paced("10x"), [0, 1_020, 1_010, 1_000, 1_100]);
        assert_eq!(paced("0.5"), [0, 1_400, 1_200, 1_000, 3_000]);
    }

    #[test]
    fn nothing_is_due_while_the_first_waits_for_a_server() {
        for pace in ["1".parse().map(Pace::Rate), "1".parse().map(Pace::Recorded)] {
            let mut schedule = Schedule::new(pace.unwrap());
            assert_eq!(schedule.due(&fill(Some(7))), Nanos::ZERO);
            schedule.take(&fill(Some(7)));
            assert_eq!(schedule.due(&fill(Some(8))), Nanos::MAX);
            schedule.begin(Nanos::from_unix(5));
            schedule.begin(Nanos::from_unix(6));
            assert!(schedule.due(&fill(Some(7))) <= Nanos::from_unix(1_000_000_005));
        }
        assert_eq!(due(Pace::Unlimited, &[None; 3]), [0; 3]);
    }

    #[test]
    fn rates_and_speeds_are_read_exactly_or_not_at_all() {
        for (text, shown) in [("2500", "2500"), ("0.5", "0.5"), ("1000000000", "1000000000")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
            assert_eq!(text.parse::<Speed>().unwrap().to_string(), shown);
        }
        for text in ["", "0", "-1", "1e3", "fast", "1000000000.1", "x"] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.contains("invalid rate"), "{error}");
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
