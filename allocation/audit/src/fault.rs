//! Fault: the first thing that is wrong with what a book said.

use std::error::Error;
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The number of the input in the shard's log; of a comparison, the last input before it.
    pub number: u64,
    /// What is wrong, with names and numbers.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {}: {}", self.number, self.what)
    }
}

impl Error for Fault {}

/// Nothing is wrong, or what is; the number is added where it is known.
pub(crate) type Verdict<T = ()> = Result<T, String>;

/// Whether something said is so.
pub(crate) fn agree<T: PartialEq + fmt::Display>(what: &str, said: T, is: T) -> Verdict {
    if said == is { Ok(()) } else { Err(format!("{what} is said to be {said}; it is {is}")) }
}
