//! What can be chosen of a router.

use std::time::Duration;

use allot_domain::Incarnation;

use crate::limits;

/// How many shards there are, and the cadence of its markers.
#[derive(Clone, Copy, Debug)]
pub struct RouterConfig {
    /// How many shards there are.
    pub shards: usize,
    /// How often reports are made.
    pub report_every: Duration,
    /// A marker goes to all shards after this many inputs; feedback is computed from its parts.
    pub marker_every: u64,
    /// The most inputs that a shard may owe replies to; then its clients are told `busy`.
    pub inputs_owed_max: u64,
    /// Two incarnations of a router never have the same number, and none is zero.
    pub incarnation: Incarnation,
}

impl RouterConfig {
    /// Reports every 10 seconds, a marker every 256 inputs.
    #[must_use]
    pub const fn new(shards: usize, incarnation: Incarnation) -> Self {
        Self {
            shards,
            report_every: limits::REPORT_EVERY,
            marker_every: allot_domain::limits::MARKER_EVERY,
            inputs_owed_max: limits::INPUTS_OWED_MAX,
            incarnation,
        }
    }
}
