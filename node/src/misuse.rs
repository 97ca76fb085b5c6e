//! Misuse: flags that make no sense together, which only their command can see.

use std::fmt;

use anyhow::{Error, Result};

/// The exit status of a command line that is refused, as clap has it.
pub(crate) const EXIT_MISUSE: u8 = 2;

/// What is wrong with the command line.
#[derive(Debug)]
pub(crate) struct Misuse(String);

impl Misuse {
    /// An error that ends the process with the status of a refused command line.
    pub(crate) fn error(what: impl fmt::Display) -> Error {
        Self(what.to_string()).into()
    }
}

/// Refuses the command line unless this is so.
pub(crate) fn demand(is_so: bool, what: impl fmt::Display) -> Result<()> {
    if is_so { Ok(()) } else { Err(Misuse::error(what)) }
}

/// Refuses a period that ends before it begins, or contains no time.
pub(crate) fn demand_period(from: Option<u64>, to: Option<u64>) -> Result<()> {
    let is_period = from.zip(to).is_none_or(|(from, to)| from < to);
    demand(is_period, "--from is not before --to, so nothing is between them")
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}
