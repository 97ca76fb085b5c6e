//! Reject: why a request changes nothing. One closed list, in order of precedence.

use core::fmt;
use core::time::Duration;

use allot_domain::{Incarnation, Reject as Core, reasons};

use crate::{ClockOff, ComponentName, Period, Unix, Value, limits};

reasons! {
    /// Why a request was refused.
    pub enum Reject extends Core(Core) {
        /// The name is not 1 to 32 of the allowed characters; holds it.
        BadName(String) = "bad_name",
        /// The value is no decimal number; holds it.
        ValueMalformed(String) = "value_malformed",
        /// The value is not finite; holds it.
        ValueNotFinite(String) = "value_not_finite",
        /// The length of a period is none, or differs from that of the other side.
        PeriodMismatch(PeriodMismatch) = "period_mismatch",
        /// Nobody of that name is registered; holds it.
        NotRegistered(ComponentName) = "not_registered",
        /// Another instance holds the name.
        NameTaken(NameTaken) = "name_taken",
        /// The trader has [`limits::STRATEGIES_MAX`] strategies.
        TooManyStrategies = "too_many_strategies",
        /// The clock of the sender is off by more than the tolerance.
        ClockOff(ClockOff) = "clock_off",
        /// The period is over.
        Stale(Periods) = "stale",
        /// The period has not begun.
        TooEarly(Periods) = "too_early",
        /// The strategy decided otherwise in this period; holds how.
        AlreadyDecided(Value) = "already_decided",
        /// There is no signal in this period; holds why.
        NoSignal(String) = "no_signal",
        /// The generator started in this period, and owes no signal of it.
        JustStarted(Period) = "just_started",
    }
}

/// Two lengths that should be one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeriodMismatch {
    /// That of the strategy, which sent the request.
    pub strategy: Duration,
    /// Who received it.
    pub receiver: &'static str,
    /// That of the receiver.
    pub ours: Duration,
}

/// Who holds a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameTaken {
    /// The name.
    pub name: ComponentName,
    /// Which run of it.
    pub instance: Incarnation,
    /// Since when.
    pub since: Unix,
}

/// The period that was meant and the one that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Periods {
    /// What the sender meant.
    pub meant: Period,
    /// What it is by the receiver's clock.
    pub current: Period,
}

impl Reject {
    /// All codes, the core's among them, in order of precedence.
    pub const CODES: &[&str] = &[
        "oversized_message",
        "malformed_message",
        "unknown_type",
        "unknown_field",
        "missing_field",
        "malformed_field",
        "bad_source",
        "sequence_must_be_positive",
        "busy",
        "bad_name",
        "value_malformed",
        "value_not_finite",
        "period_mismatch",
        "not_registered",
        "name_taken",
        "too_many_strategies",
        "clock_off",
        "stale",
        "too_early",
        "already_decided",
        "no_signal",
        "just_started",
    ];
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(reject) => reject.fmt(f),
            Self::BadName(name) => {
                write!(f, "a name must be 1 to 32 of A-Z a-z 0-9 . - _ @; it was {name}")
            }
            Self::ValueMalformed(value) => {
                write!(f, "a value must be a decimal number; it was {value}")
            }
            Self::ValueNotFinite(value) => write!(
                f,
                "a value must be finite: no NaN, no infinity, nothing beyond 1.8e308; it was \
                 {value}"
            ),
            Self::PeriodMismatch(PeriodMismatch { strategy, receiver, ours }) => write!(
                f,
                "the period of the {receiver} is {ours:?}, and that of the strategy is \
                 {strategy:?}; start both with the same --period"
            ),
            Self::NotRegistered(name) => {
                write!(f, "{name} is not registered; `allot signals status` shows who is")
            }
            Self::NameTaken(NameTaken { name, .. }) => write!(
                f,
                "another instance of {name} is registered, and its lease has not run out; stop \
                 it, or choose another name"
            ),
            Self::TooManyStrategies => {
                write!(f, "the trader has {} strategies already", limits::STRATEGIES_MAX)
            }
            Self::ClockOff(off) => off.fmt(f),
            Self::Stale(Periods { meant, current }) => {
                write!(f, "period {meant} is over; it is period {current} here")
            }
            Self::TooEarly(Periods { meant, current }) => {
                write!(f, "period {meant} has not begun; it is period {current} here")
            }
            Self::AlreadyDecided(value) => {
                write!(f, "the decision of this period is {value}, and is given once")
            }
            Self::NoSignal(why) => write!(f, "there is no signal in this period: {why}"),
            Self::JustStarted(period) => write!(
                f,
                "the generator started in period {period}, and its first signal is of the next one"
            ),
        }
    }
}

impl From<Core> for Reject {
    fn from(reject: Core) -> Self {
        Self::Core(reject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_codes_ends_with_those_of_signals_in_their_order() {
        let (_, own) = Reject::CODES.split_at(Reject::CODES.len() - Reject::OWN_CODES.len());
        assert_eq!(own, Reject::OWN_CODES);
    }
}
