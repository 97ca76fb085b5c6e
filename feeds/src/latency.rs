//! Latency: how fast the replies to a feed were.

use std::time::Duration;

/// The shortest and the longest time from a message's first sending to its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latency {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}
