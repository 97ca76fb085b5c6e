//! An offer: how much load is put on a server, and whether the load waits for replies.

use std::fmt;

/// How sends are timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offer {
    /// Open loop: messages per second on a fixed schedule, whatever the server does.
    Rate(u64),
    /// Closed loop: messages in flight per connection; the next is sent when a reply comes.
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

    /// Messages in flight of a closed loop.
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

/// How a thread waits for its next send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Pace {
    /// Sleep until shortly before the send, then spin
    #[default]
    Hybrid,
    /// Sleep until the send: late by one wake-up
    Sleep,
    /// Never sleep: exact, and takes a core
    Spin,
}
