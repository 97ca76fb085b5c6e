//! An error of the console: a sentence for whoever starts it.

use std::error::Error;
use std::fmt;

/// What is wrong, and what to do.
#[derive(Debug)]
pub struct ConsoleError(pub(crate) String);

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConsoleError {}
