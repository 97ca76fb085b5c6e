//! A feed error: why a feed could not be set up, and what to do about it.

use crate::{BadLine, plural};
use std::fmt;

/// What was wrong before anything was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FeedError {
    /// A file cannot be read.
    Unreadable {
        /// Which.
        file: String,
        /// Why, and what to do.
        cause: String,
    },
    /// A file cannot be written.
    Unwritable {
        /// Which.
        file: String,
        /// Why.
        cause: String,
    },
    /// A file has lines that are not understood, and such lines stop the feed.
    BadLines {
        /// Which.
        file: String,
        /// How many.
        count: u64,
        /// The first of them.
        first: Vec<BadLine>,
    },
    /// A file is not of the expected form.
    BadFile {
        /// Which.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A text that is no value of a setting.
    Setting {
        /// What is being set.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What is expected.
        expected: String,
    },
}

impl FeedError {
    pub(crate) fn setting(setting: &'static str, given: &str, expected: impl fmt::Display) -> Self {
        Self::Setting { setting, given: given.to_owned(), expected: expected.to_string() }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, cause } => write!(f, "cannot read {file}: {cause}"),
            Self::Unwritable { file, cause } => write!(f, "cannot write {file}: {cause}"),
            Self::BadFile { file, what } => write!(f, "{file}: {what}"),
            Self::Setting { setting, given, expected } => {
                write!(f, "{given:?} is no {setting}: {expected}")
            }
            Self::BadLines { file, count, first } => {
                let lines = plural(*count, "line");
                writeln!(f, "{file} has {count} bad {lines}, so nothing of it was sent:")?;
                first.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
                f.write_str("mend them, or skip them with --on-bad-line skip")
            }
        }
    }
}

impl std::error::Error for FeedError {}
