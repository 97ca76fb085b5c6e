//! Problem: what is wrong with a component, and since when.

use core::fmt;
use core::str::FromStr;

use crate::{Period, Unix, Value, limits};

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ProblemKind {
    /// Nothing came from it.
    Missing,
    /// It is not running, or cannot be reached: its lease has run out.
    Away,
    /// Its clock is off.
    ClockOff,
    /// It runs and has no data: its source or its program failed.
    NoData,
    /// It refuses what it is asked, or is refused.
    Refused,
    /// The trader has no strategies.
    NoStrategies,
    /// The trader has begun without knowing who was registered before, and waits for those.
    Starting,
    /// The disk of the trader's journal makes nothing durable, or not in time.
    JournalStalled,
}

impl ProblemKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Away,
        Self::ClockOff,
        Self::NoData,
        Self::Refused,
        Self::NoStrategies,
        Self::Starting,
        Self::JournalStalled,
    ];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Away => "away",
            Self::ClockOff => "clock_off",
            Self::NoData => "no_data",
            Self::Refused => "refused",
            Self::NoStrategies => "no_strategies",
            Self::Starting => "starting",
            Self::JournalStalled => "journal_stalled",
        }
    }
}

impl FromStr for ProblemKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(())
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is wrong with a component.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Since when, by the clock of whoever noticed.
    pub since: Unix,
    /// Why, in a sentence.
    pub reason: String,
}

impl Problem {
    /// A problem; a reason that is too long is cut, and is one printable line.
    #[must_use]
    pub fn new(kind: ProblemKind, since: Unix, reason: impl Into<String>) -> Self {
        let reason = printable(&cut(reason.into(), limits::REASON_LEN_MAX));
        Self { kind, since, reason }
    }

    /// Puts a problem where there may be one: of the same kind, it has been there since the first.
    pub fn set(at: &mut Option<Self>, kind: ProblemKind, since: Unix, reason: impl Into<String>) {
        let since = at.as_ref().filter(|old| old.kind == kind).map_or(since, |old| old.since);
        *at = Some(Self::new(kind, since, reason));
    }

    /// The reason without its digits: the number of a period changes with each, and is no news.
    #[must_use]
    pub fn gist(&self) -> String {
        self.reason.chars().filter(|letter| !letter.is_ascii_digit()).collect()
    }
}

/// Why there are no data of a program that still ran at the end of a period.
pub(crate) fn killed(period: Period) -> String {
    format!(
        "the program still ran at the end of period {period} and was killed; it may run for \
         --deadline, and not beyond its period"
    )
}

/// A text of at most so many bytes, cut between two characters.
pub(crate) fn cut(mut text: String, len_max: usize) -> String {
    if len_max < text.len() {
        let end = (0..=len_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
    }
    text
}

/// A text of somebody else with a space for each control character: it stands in logs and on
/// terminals, which obey them.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// What a strategy knows of one of its generators.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ComponentReport {
    /// What it calls itself; empty until it has replied.
    pub name: String,
    /// Where the strategy asks it.
    pub address: String,
    /// Its last signal.
    pub last: Option<(Period, Value)>,
    /// What is wrong with it.
    pub problem: Option<Problem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_the_same_kind_is_as_old_as_the_first() {
        let mut problem = None;
        Problem::set(&mut problem, ProblemKind::Missing, Unix::new(5), "of 1");
        Problem::set(&mut problem, ProblemKind::Missing, Unix::new(9), "of 2");
        assert_eq!(problem, Some(Problem::new(ProblemKind::Missing, Unix::new(5), "of 2")));
        Problem::set(&mut problem, ProblemKind::NoData, Unix::new(11), "the file has ended");
        assert_eq!(problem.unwrap().since, Unix::new(11));
    }

    #[test]
    fn a_reason_is_another_where_more_than_its_numbers_differs() {
        let gist = |reason: &str| Problem::new(ProblemKind::NoData, Unix::new(5), reason).gist();
        assert_eq!(gist("no reply in period 7"), gist("no reply in period 12"));
        assert_ne!(gist("no reply in period 7"), gist("no signal of period 7"));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut("aé".to_owned(), 3), "aé");
    }

    #[test]
    fn a_reason_is_one_line_that_no_terminal_obeys() {
        let problem = Problem::new(ProblemKind::NoData, Unix::new(5), "two\nlines\u{1b}[2J\u{9b}é");
        assert_eq!(problem.reason, "two lines [2J é");
    }

    #[test]
    fn kinds_read_back() {
        for kind in ProblemKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("late".parse::<ProblemKind>().is_err());
    }
}
