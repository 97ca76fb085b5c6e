//! The three boxes of a system, each with its ends of the links.

use allot_domain::{Incarnation, ShardId};
use allot_publisher::{Publisher, PublisherConfig};
use allot_router::{Router, RouterConfig};
use allot_runtime::{Broadcast, Counters, Door, Hub, Link};
use allot_shard::{Shard, ShardConfig, ShardLinks};

use crate::open_shard::Opened;
use crate::{CoreConfig, System};

/// The name of the publisher, as a peer and as a thread.
pub const PUBLISHER: &str = "publisher";

/// The name of the router's thread.
pub const ROUTER: &str = "router";

/// The name of a shard, as a peer and as a thread.
#[must_use]
pub fn shard_name(shard: ShardId) -> String {
    format!("shard-{shard}")
}

/// All shards, in order.
pub fn shard_ids(shards: usize) -> impl Iterator<Item = ShardId> + use<> {
    (0..shards).map(ShardId::at)
}

/// The router, with its links in `hub`: one to each shard, then the publisher's, then a feeder's if
/// there is one.
#[must_use]
pub fn router<S: System>(
    core: &CoreConfig,
    incarnation: Incarnation,
    door: Door,
    hub: Hub,
    counters: Counters,
) -> Router<S> {
    let CoreConfig { shards, report_every, marker_every, inputs_owed_max } = *core;
    let config = RouterConfig { shards, report_every, marker_every, inputs_owed_max, incarnation };
    Router::new(config, door, hub, counters)
}

/// A shard, from what it starts from.
#[must_use]
pub fn shard<S: System>(
    core: &CoreConfig,
    identity: Identity,
    opened: Opened<S>,
    links: ShardLinks,
    counters: Counters,
) -> Shard<S> {
    let Identity { shard, incarnation } = identity;
    let shards = ShardId::at(core.shards).get();
    let config = ShardConfig { shard, shards, incarnation, ledger: opened.ledger };
    Shard::new(config, opened.state, opened.journal, links, counters)
}

/// Which shard, and which incarnation of it.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Its id.
    pub shard: ShardId,
    /// Two incarnations of one shard never have the same number.
    pub incarnation: Incarnation,
}

/// The publisher, with its links to the shards in `hub`.
#[must_use]
pub fn publisher<S: System>(
    core: &CoreConfig,
    incarnation: Incarnation,
    broadcast: Broadcast,
    hub: Hub,
    router: Link,
    counters: Counters,
) -> Publisher<S> {
    let config = PublisherConfig { shards: core.shards, incarnation };
    Publisher::new(config, broadcast, hub, router, counters)
}
