//! What can be chosen of a router.

use std::time::Duration;

/// How many shards there are, and the cadence of its markers.
#[derive(Clone, Copy, Debug)]
pub struct RouterConfig {
    /// How many shards the firm has.
    pub shards: usize,
    /// How often positions are reported.
    pub report_every: Duration,
    /// A marker goes to all shards after so many inputs; it is what nettings are computed from.
    pub marker_every: u64,
    /// The most inputs that a shard may owe answers to; then its clients are told `busy`.
    pub inputs_owed_max: u64,
    /// Which life of the router this is: two lives never have the same.
    pub incarnation: u64,
}

impl RouterConfig {
    /// Reports every 10 seconds, a marker every 256 inputs.
    #[must_use]
    pub const fn new(shards: usize, incarnation: u64) -> Self {
        Self {
            shards,
            report_every: Duration::from_secs(10),
            marker_every: allot_domain::limits::MARKER_EVERY,
            inputs_owed_max: 8_192,
            incarnation,
        }
    }
}
