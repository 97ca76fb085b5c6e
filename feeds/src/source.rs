//! A source: where fills come from.

use crate::UnnamedFill;
use allot_runtime::PollSet;
use std::fmt;

/// Something that yields fills, one by one, and never blocks.
///
/// It says what happened, and on its own time when; the feed's [`Pace`](crate::Pace) decides when
/// it is sent.
pub trait Source: Send {
    /// The next fill.
    fn next(&mut self) -> Pull;

    /// How many fills it will yield in all, where that is known.
    fn expected(&self) -> Option<u64> {
        None
    }

    /// Names what will end the sleep of a feed that was told [`Pull::Waiting`].
    fn wait_on<'a>(&'a self, _waits: &mut PollSet<'a>) {}
}

/// What a source has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pull {
    /// A fill.
    Fill(UnnamedFill),
    /// Nothing yet; [`Source::wait_on`] names what will end that.
    Waiting,
    /// A line that is not understood; it is left out, and what follows it is not.
    Bad(BadLine),
    /// A line after which nothing more can be had.
    Broken(BadLine),
    /// There is no more.
    Done,
}

/// A line of a file that is no fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.what)
    }
}
