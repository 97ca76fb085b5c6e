//! Patience: how long a feed waits before it acts.

use std::time::Duration;

use crate::limits::{
    BUSY_FIRST, BUSY_LONGEST, DRAIN, GIVE_UP, HELD_ASK_EVERY, RESEND_FIRST, RESEND_LONGEST,
    SILENCE_FIRST, SILENCE_LONGEST,
};

/// How long a feed waits before it acts. A wait that has a longest one doubles each time, up to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For a reply, before the message is resent.
    pub resend: Duration,
    /// The longest of these waits.
    pub resend_longest: Duration,
    /// After the reply `busy`, before the message is resent.
    pub busy: Duration,
    /// The longest of these waits.
    pub busy_longest: Duration,
    /// For any message from the server while a reply is expected, before the feed reconnects.
    pub silence: Duration,
    /// The longest of these waits.
    pub silence_longest: Duration,
    /// Between two questions for the shares of a held fill, by a feed that waits for them.
    pub ask_every: Duration,
    /// For any message from the server while a reply is expected, before the feed ends.
    pub give_up: Duration,
    /// For the last replies, once there is nothing new to send.
    pub drain: Duration,
}

impl Default for Patience {
    /// Resends after 1 s to 30 s, `busy` after 10 ms to 1 s, silence of 3 s to 30 s, drain 30 s;
    /// a feed never gives up while it has something to send.
    fn default() -> Self {
        Self {
            resend: RESEND_FIRST,
            resend_longest: RESEND_LONGEST,
            busy: BUSY_FIRST,
            busy_longest: BUSY_LONGEST,
            silence: SILENCE_FIRST,
            silence_longest: SILENCE_LONGEST,
            ask_every: HELD_ASK_EVERY,
            give_up: GIVE_UP,
            drain: DRAIN,
        }
    }
}
