//! What can be chosen of a publisher.

/// How many shards report, and which life of the publisher this is.
#[derive(Clone, Copy, Debug)]
pub struct PublisherConfig {
    /// How many shards the firm has.
    pub shards: usize,
    /// Two lives of the publisher never have the same; it stands in each heartbeat.
    pub incarnation: u64,
}
