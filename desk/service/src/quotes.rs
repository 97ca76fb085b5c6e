//! Quotes: the box that gets quotes from the legacy server, which speaks TCP.
//!
//! ```text
//!   wanted: ──► one fetch a symbol ──► at most 64 connections ──► SYM,USER\n
//!   router ◄── quote, or failure ◄───── price,SYM,USER,timestamp,cryptokey
//! ```
//!
//! One request a connection, and one a symbol, however many users wait. A try that takes too long
//! is ended, and made anew with twice the time; what cannot be had in time fails, and the shards
//! say so to those who wait.

mod answer;
mod connection;
mod manager;

use std::time::Duration;

use crate::limits::{CONNECTIONS_MAX, GIVE_UP_AFTER, TIMEOUT_FIRST};
pub use answer::read as read_answer;
pub use manager::QuoteManager;

/// How long things may take, and how many connections there are.
#[derive(Clone, Copy, Debug)]
pub struct QuoteTimes {
    /// The first try; each further one has twice the time.
    pub timeout_first: Duration,
    /// After how long a quote fails.
    pub give_up_after: Duration,
    /// Connections at a time.
    pub connections_max: usize,
}

impl Default for QuoteTimes {
    fn default() -> Self {
        Self {
            timeout_first: TIMEOUT_FIRST,
            give_up_after: GIVE_UP_AFTER,
            connections_max: CONNECTIONS_MAX,
        }
    }
}
