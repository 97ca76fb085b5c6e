//! Fault: the first mismatch of a book, and where it is.

use std::error::Error;
use std::fmt;

use allot_allocation_rules::Input;
use allot_domain::LogIndex;

use crate::mismatch::Mismatch;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The log index of the input; of a comparison, that of the last input before it.
    pub index: LogIndex,
    /// In what it is wrong.
    pub subject: Subject,
    /// What is wrong.
    pub mismatch: Box<Mismatch>,
}

/// In what a mismatch is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// In what came of an input.
    Outcomes(Box<Input>),
    /// In the state of the book.
    Book,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A split or a netting may have thousands of accounts: its number says which.
            Self::Outcomes(input) => match &**input {
                Input::Split(split) => write!(f, "split {} {}", split.source, split.seq),
                Input::Netting(netting) => write!(f, "netting {}", netting.number),
                input => input.fmt(f),
            },
            Self::Book => f.write_str("the book"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {}, {}: {}", self.index, self.subject, self.mismatch)
    }
}

impl Error for Fault {}
