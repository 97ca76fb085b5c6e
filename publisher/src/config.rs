//! What can be chosen of a publisher.

use allot_domain::Incarnation;

/// How many shards report, and which incarnation of the publisher this is.
#[derive(Clone, Copy, Debug)]
pub struct PublisherConfig {
    /// How many shards there are.
    pub shards: usize,
    /// Two incarnations of the publisher never have the same number; it stands in each heartbeat.
    pub incarnation: Incarnation,
}
