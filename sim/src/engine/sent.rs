//! Sent: what is known of a message that reached the front door.

use allot_domain::ShardId;

/// One delivery of a message to the front door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The connection that brought it.
    pub connection: u64,
    /// Its ordinal among all deliveries.
    pub ordinal: u64,
}

/// What is known of a message that reached the front door.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The shard it goes to; `None` if it goes to all.
    pub shard: Option<ShardId>,
    /// Every delivery, the first one first.
    pub deliveries: Vec<Delivery>,
}
