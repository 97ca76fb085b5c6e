//! Mismatch: one thing that a shard gave, and that should be something else.

use std::error::Error;
use std::fmt;

use allot_desk_rules::{Outcome, User};
use allot_domain::LogIndex;

/// What is wrong. [`crate::Fault`] adds where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// The index of an input does not come after that of the last, which it holds.
    NotAfter(LogIndex),
    /// An outcome is missing; holds what is due.
    NoOutcome(Box<Outcome>),
    /// There is an outcome too many; holds it.
    ExtraOutcome(Box<Outcome>),
    /// The outcome is another than is due.
    WrongOutcome {
        /// Which, from 1.
        number: usize,
        /// What the shard gave.
        given: Box<Outcome>,
        /// What is due.
        expected: Box<Outcome>,
    },
    /// Lines of a summary are others than are due.
    WrongLines {
        /// Which lines.
        of: &'static str,
        /// What the shard gave.
        given: String,
        /// What is due.
        expected: String,
    },
    /// A value of the state is another than is due.
    WrongState {
        /// Which value.
        of: &'static str,
        /// Whose, if it is a user's.
        user: Option<User>,
        /// What the shard has.
        given: String,
        /// What is due.
        expected: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAfter(last) => write!(f, "its index does not come after {last}"),
            Self::NoOutcome(expected) => write!(f, "an outcome is missing: {expected:?}"),
            Self::ExtraOutcome(given) => write!(f, "an outcome too many: {given:?}"),
            Self::WrongOutcome { number, given, expected } => {
                write!(f, "outcome {number} is {given:?}, expected {expected:?}")
            }
            Self::WrongLines { of, given, expected } => {
                write!(f, "the {of} of a summary are {given}, expected {expected}")
            }
            Self::WrongState { of, user: None, given, expected } => {
                write!(f, "{of}: {given}, expected {expected}")
            }
            Self::WrongState { of, user: Some(user), given, expected } => {
                write!(f, "{of} of {user}: {given}, expected {expected}")
            }
        }
    }
}

impl Error for Mismatch {}
