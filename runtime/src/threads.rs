//! Threads: whether each agent of a process has its own, or all share one.

use std::fmt;
use std::str::FromStr;

use crate::RuntimeError;

/// How agents are spread over threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Threads {
    /// One thread for each [`ThreadSlot`](crate::ThreadSlot) of the group.
    #[default]
    Dedicated,
    /// One thread for all, for machines with too few cores: no wake-ups between agents.
    Shared,
}

impl fmt::Display for Threads {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
        })
    }
}

impl FromStr for Threads {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        match text {
            "dedicated" => Ok(Self::Dedicated),
            "shared" => Ok(Self::Shared),
            other => Err(RuntimeError::Setting {
                setting: "thread mode",
                given: other.to_owned(),
                expected: "dedicated or shared",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_read_as_they_are_written() {
        for threads in [Threads::Dedicated, Threads::Shared] {
            assert_eq!(threads.to_string().parse(), Ok(threads));
        }
        assert!("both".parse::<Threads>().is_err());
    }
}
