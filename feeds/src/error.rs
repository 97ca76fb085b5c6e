//! A feed error: why a feed cannot be set up, and what to do about it.

use std::fmt;
use std::io::{self, ErrorKind};

use crate::{BadLine, LineError, WeightsError, plural};

/// The name of standard input in messages.
pub(crate) const STDIN: &str = "standard input";

/// What is wrong before anything is sent; [`FeedError::Unwritable`] may come later.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedError {
    /// A file cannot be read.
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        cause: io::Error,
    },
    /// A file cannot be written.
    Unwritable {
        /// Which.
        file: String,
        /// Why.
        cause: io::Error,
    },
    /// A file cannot be read as its format says.
    BadHeader {
        /// Which.
        file: String,
        /// The line, and what is wrong with it.
        line: Box<BadLine>,
    },
    /// A file has bad lines, and such lines stop the feed.
    BadLines {
        /// Which.
        file: String,
        /// How many.
        count: u64,
        /// The first of them.
        first: Vec<BadLine>,
    },
    /// A file has no weights.
    BadWeights {
        /// Which.
        file: String,
        /// Why.
        cause: WeightsError,
    },
    /// A text is not a value of a setting.
    Setting {
        /// What is being set.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What is wrong with it, or what is expected.
        reason: String,
    },
}

impl FeedError {
    pub(crate) fn setting(setting: &'static str, given: &str, reason: impl fmt::Display) -> Self {
        Self::Setting { setting, given: given.to_owned(), reason: reason.to_string() }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, cause } => {
                write!(f, "cannot read {file}: {cause}{}", remedy(file, cause.kind()))
            }
            Self::Unwritable { file, cause } => write!(f, "cannot write {file}: {cause}"),
            Self::BadWeights { file, cause } => write!(f, "{file}: {cause}"),
            Self::Setting { setting, given, reason } => {
                write!(f, "invalid {setting} {given:?}: {reason}")
            }
            Self::BadHeader { file, line } => match &line.cause {
                LineError::Header { problems } => {
                    write!(f, "{file} is not of its format; nothing of it was sent:")?;
                    let number = line.number;
                    problems
                        .iter()
                        .try_for_each(|problem| write!(f, "\n  line {number}: {problem}"))
                }
                _ => write!(f, "{file}, {line}; nothing of it was sent"),
            },
            Self::BadLines { file, count, first } => {
                let lines = plural(*count, "line");
                writeln!(f, "{file} has {count} bad {lines}; nothing of it was sent:")?;
                first.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
                let more = count.saturating_sub(u64::try_from(first.len()).unwrap_or(u64::MAX));
                if 0 < more {
                    writeln!(f, "  and {more} more")?;
                }
                f.write_str("correct them, or skip them with --on-bad-line skip")
            }
        }
    }
}

impl std::error::Error for FeedError {}

/// What to do about a file that cannot be read.
fn remedy(file: &str, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "; is the path right?",
        ErrorKind::IsADirectory => "; name a file in it",
        // A socket cannot be opened again, nor can the terminal of another user.
        _ if file == STDIN => "; put a pipe before it: cat | allot …",
        _ => "",
    }
}
