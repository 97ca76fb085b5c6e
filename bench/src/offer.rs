//! An offer: how much load is put on a server, and whether the load waits for answers.

use std::fmt;

/// How sends are timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offer {
    /// Open loop: so many messages a second by schedule, whatever the server does.
    Rate(u64),
    /// Closed loop: so many messages of each connection unanswered at any time, the next sent when
    /// one is answered.
    Window(usize),
}

impl Offer {
    /// Messages a second of an open loop.
    pub(crate) fn rate(self) -> Option<u64> {
        match self {
            Self::Rate(rate) => Some(rate),
            Self::Window(_) => None,
        }
    }

    /// Unanswered messages of a closed loop.
    pub(crate) fn window(self) -> Option<usize> {
        match self {
            Self::Rate(_) => None,
            Self::Window(window) => Some(window),
        }
    }
}

impl fmt::Display for Offer {
    /// As in names of files.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(out, "rate={rate}"),
            Self::Window(window) => write!(out, "window={window}"),
        }
    }
}

/// When a thread that has nothing to send for a while may sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Pace {
    /// Sleeps until shortly before the next send, and spins from then on.
    #[default]
    Hybrid,
    /// Sleeps until the next send: late by a wake-up.
    Sleep,
    /// Never sleeps: exact, and costs a core.
    Spin,
}
