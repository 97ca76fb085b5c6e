//! A source: where fills come from.

use std::fmt;

use allot_domain::Seq;
use allot_runtime::PollSet;

use crate::{LineError, UnnamedFill, WeightsError};

/// Yields fills one by one, and never blocks.
///
/// It says what happened, and when by its own clock; the feed's [`Pace`](crate::Pace) decides when
/// a fill is sent.
pub trait Source: Send {
    /// The next fill.
    fn next(&mut self) -> Pull;

    /// The file that its lines are of, if they are of one.
    fn file(&self) -> Option<&str> {
        None
    }

    /// How many fills it yields in all, if that is known.
    fn expected(&self) -> Option<u64> {
        None
    }

    /// The front door has replied to a fill: it is there, or rejected for good.
    fn replied(&mut self, _seq: Seq) {}

    /// Adds what ends a [`Pull::Waiting`] to the poll set.
    fn wait_on<'a>(&'a self, _poll_set: &mut PollSet<'a>) {}
}

/// What a source yields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pull {
    /// A fill.
    Fill(UnnamedFill),
    /// Nothing yet; [`Source::wait_on`] tells what to wait for.
    Waiting,
    /// A line that the format leaves out. The source continues with the next line.
    NotFill,
    /// A line that is not a fill. The source continues with the next line.
    Bad(BadLine),
    /// A line that ends the source.
    Broken(BadLine),
    /// There are no more fills.
    Done,
}

/// A line of a file that is not a fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub cause: LineError,
}

/// Something that a feed skipped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Skipped {
    /// A line that is not a fill.
    Line(BadLine),
    /// A tick of the AUM feed: its weights were no split.
    Split {
        /// The sequence number that the next split has instead.
        seq: Seq,
        /// The file of the weights.
        file: String,
        /// What is wrong with it.
        cause: WeightsError,
    },
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.cause)
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Split { seq, file, cause } => write!(f, "split {seq}: {file}: {cause}"),
        }
    }
}
