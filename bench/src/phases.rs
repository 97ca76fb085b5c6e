//! The phases of a run: when messages are sent, and which of them are measured.
//!
//! ```text
//!   │ warm-up │        measure        │ cool-down │ drain │
//!   start     from                    to          end     give up
//!             └─ only this is recorded            └─ nothing new is sent
//! ```
//!
//! The cool-down keeps the server as busy as before while the last measured replies arrive.

use std::time::Duration;

use allot_runtime::Nanos;

use crate::estimate::START;

/// How long each phase is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lengths {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    pub(crate) cool_down: Duration,
    /// The longest; it ends with the last reply.
    pub(crate) drain: Duration,
}

/// When each phase ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Phases {
    pub(crate) start: Nanos,
    pub(crate) from: Nanos,
    pub(crate) to: Nanos,
    pub(crate) end: Nanos,
    pub(crate) give_up: Nanos,
}

impl Lengths {
    /// The phases of a run whose first message leaves at `start`.
    pub(crate) fn from(self, start: Nanos) -> Phases {
        let from = start + self.warm_up;
        let to = from + self.measure;
        let end = to + self.cool_down;
        Phases { start, from, to, end, give_up: end + self.drain }
    }

    /// How long a measurement will take, from the start of its process on.
    pub(crate) fn estimate(self) -> Duration {
        START + self.warm_up + self.measure + self.cool_down
    }
}

impl Phases {
    /// Whether a message that was due, or came, at this moment is measured.
    pub(crate) fn counts(&self, at: Nanos) -> bool {
        self.from <= at && at < self.to
    }

    /// The name of the phase at this moment.
    pub(crate) fn name(&self, now: Nanos) -> &'static str {
        match now {
            now if now < self.from => "warm-up",
            now if now < self.to => "measure",
            now if now < self.end => "cool-down",
            _ => "drain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_middle_counts() {
        let ms = Duration::from_millis;
        let lengths = Lengths { warm_up: ms(2), measure: ms(5), cool_down: ms(1), drain: ms(10) };
        let phases = lengths.from(Nanos::ZERO);
        let at = |milliseconds| Nanos::ZERO + ms(milliseconds);
        let counted: Vec<_> = (0..20).filter(|time| phases.counts(at(*time))).collect();
        assert_eq!(counted, [2, 3, 4, 5, 6]);
        assert_eq!([0, 2, 7, 8].map(|time| phases.name(at(time)))[3], "drain");
        assert_eq!(phases.give_up, at(18));
    }
}
