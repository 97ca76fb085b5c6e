//! Pending to all: the one request to every shard that is on its way.

use allot_wire::Encoding;
use allot_wire::backplane::ClientHandle;

/// A request to all shards that not every shard has replied to.
pub(crate) struct PendingToAll {
    pub(crate) client: ClientHandle,
    /// What the first shard replied for all.
    pub(crate) reply: Option<(Encoding, Vec<u8>)>,
}
