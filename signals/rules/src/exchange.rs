//! Exchange: what a request and its reply tell of the other side's clock.
//!
//! ```text
//!   asker      sent ─────┐                 ┌────► taken
//!                        ▼                 │
//!   replier           received  …waits…  replied
//! ```
//!
//! The four times of NTP (RFC 5905, section 8): the offset is the mean of the two differences, and
//! it is uncertain by half of the time that the messages were on their way. However long the
//! replier keeps a request, it does not blur the measurement.

use core::fmt;
use core::time::Duration;

use crate::Unix;

/// The four times of a request and its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// When the request left, by the asker's clock.
    pub sent: Unix,
    /// When it came in, by the replier's clock.
    pub received: Unix,
    /// When the reply left, by the replier's clock.
    pub replied: Unix,
    /// When the reply came in, by the asker's clock.
    pub taken: Unix,
}

/// Which side a clock is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    /// The other clock is ahead of ours.
    Ahead,
    /// The other clock is behind ours.
    Behind,
}

/// A clock that is off by at least so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockOff {
    /// By at least so much.
    pub by: Duration,
    /// Which way.
    pub lead: Lead,
    /// What is tolerated.
    pub tolerance: Duration,
}

impl Exchange {
    /// How far the other clock is off at least, where that is more than is tolerated.
    #[must_use]
    pub fn clock_off(&self, tolerance: Duration) -> Option<ClockOff> {
        let signed =
            |later: Unix, earlier: Unix| i128::from(later.get()) - i128::from(earlier.get());
        let twice = signed(self.received, self.sent) + signed(self.replied, self.taken);
        let on_the_way = signed(self.taken, self.sent) - signed(self.replied, self.received);
        let least = (twice.abs() - on_the_way.max(0)).max(0) / 2;
        let by = Duration::from_nanos(u64::try_from(least).unwrap_or(u64::MAX));
        let lead = if twice < 0 { Lead::Behind } else { Lead::Ahead };
        ClockOff { by, lead, tolerance }.beyond()
    }
}

impl ClockOff {
    /// What a message tells that went one way: the way is included.
    #[must_use]
    pub fn one_way(sent: Unix, received: Unix, tolerance: Duration) -> Option<Self> {
        let lead = if received < sent { Lead::Ahead } else { Lead::Behind };
        Self { by: sent.apart(received), lead, tolerance }.beyond()
    }

    fn beyond(self) -> Option<Self> {
        (self.tolerance < self.by).then_some(self)
    }
}

impl fmt::Display for ClockOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, lead, tolerance } = self;
        let lead = match lead {
            Lead::Ahead => "ahead",
            Lead::Behind => "behind",
        };
        let (by, tolerance) = (Readable(*by), Readable(*tolerance));
        write!(f, "its clock is {by} {lead}, and {tolerance} are tolerated; run NTP on its machine")
    }
}

/// A time as people read it.
struct Readable(Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (millis, seconds) = (self.0.as_millis(), self.0.as_secs());
        let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
        let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
        match seconds {
            ..10 => write!(f, "{millis} ms"),
            10..60 => write!(f, "{rest}s"),
            60..3_600 => write!(f, "{minutes}m {rest}s"),
            3_600..86_400 => write!(f, "{hours}h {minutes}m"),
            _ => write!(f, "{days}d {hours}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// The offset of the other clock, each way, and how long the request is kept; in seconds.
    fn off(offset: i64, way: u64, back: u64, kept: u64) -> Option<(u64, Lead)> {
        let there =
            |here: u64| Unix::new((here * SECOND).wrapping_add_signed(offset * 1_000_000_000));
        let exchange = Exchange {
            sent: Unix::new(1_000 * SECOND),
            received: there(1_000 + way),
            replied: there(1_000 + way + kept),
            taken: Unix::new((1_000 + way + kept + back) * SECOND),
        };
        exchange.clock_off(Duration::from_secs(1)).map(|off| (off.by.as_secs(), off.lead))
    }

    #[test]
    fn the_way_is_not_taken_for_an_offset_nor_the_time_a_request_is_kept() {
        assert_eq!(off(0, 0, 0, 0), None);
        assert_eq!(off(0, 20, 0, 0), None, "a slow way there");
        assert_eq!(off(0, 0, 20, 500), None, "a slow way back, and kept for long");
        assert_eq!(off(1, 0, 0, 30), None, "what is tolerated");
        assert_eq!(off(5, 0, 0, 30), Some((5, Lead::Ahead)));
        assert_eq!(off(-5, 0, 0, 30), Some((5, Lead::Behind)));
        assert_eq!(off(9, 2, 2, 0), Some((7, Lead::Ahead)), "at least");
    }

    #[test]
    fn one_way_includes_the_way() {
        let seconds = |seconds: u64| Unix::new(seconds * SECOND);
        let off = |sent, received| {
            let tolerance = Duration::from_secs(1);
            ClockOff::one_way(seconds(sent), seconds(received), tolerance)
                .map(|off| off.to_string())
        };
        assert_eq!(off(10, 11), None);
        let ahead = "its clock is 2000 ms ahead, and 1000 ms are tolerated; run NTP on its machine";
        assert_eq!(off(12, 10).as_deref(), Some(ahead));
        let behind =
            "its clock is 59m 59s behind, and 1000 ms are tolerated; run NTP on its machine";
        assert_eq!(off(10, 3_609).as_deref(), Some(behind));
        for (seconds, shown) in [(10, "10s"), (3_600, "1h 0m"), (90_000, "1d 1h")] {
            assert_eq!(Readable(Duration::from_secs(seconds)).to_string(), shown);
        }
    }
}
