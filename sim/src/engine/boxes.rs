//! The boxes: the only place that makes a router, a shard or a publisher.
//!
//! The rest of the engine sees the types of the core through the names below.

use std::sync::Arc;

use allot_allocation_rules::BookConfig;
use allot_journal::{Checkpointer, Committer, Journal, JournalConfig, Media, Recovery, Wakers};
use allot_publisher::PublisherConfig;
use allot_router::RouterConfig;
use allot_runtime::{Broadcast, Counters, Door, Hub, Link, Waker};
use allot_shard::ShardConfig;

use super::options::Setup;

pub use allot_publisher::Publisher;
pub use allot_router::Router;
pub use allot_shard::{RecoverError, Shard, State};

/// The configuration of the machine in each shard.
pub type Config = BookConfig;

/// What a shard starts from.
pub struct Recovered {
    /// The state after the last input of the journal.
    pub state: State,
    /// The journal, ready to append.
    pub journal: Journal,
    /// The agent that writes it.
    pub committer: Committer,
    /// The agent that writes snapshots.
    pub checkpointer: Checkpointer,
}

/// What the router, a shard and the publisher all start with.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// How many shards there are.
    pub shards: usize,
    /// Different at every start of any box.
    pub incarnation: u64,
}

/// The two links of a shard.
pub struct ShardLinks {
    /// To the router.
    pub router: Link,
    /// To the publisher.
    pub publisher: Link,
}

/// Why a box has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopCause {
    /// The journal lacks inputs whose replies had already left.
    RepliedInputsLost,
    /// The disk has no room.
    DiskFull,
    /// A simulated disk has failed.
    DiskFailed,
    /// Anything else.
    Other,
}

/// Recovers a shard from its disk.
///
/// # Errors
/// The disk fails, or its content is not what was written.
pub fn recover(
    media: Arc<dyn Media>,
    journal: JournalConfig,
    config: Config,
) -> Result<Recovered, RecoverError> {
    let mut recovery = Recovery::open(media, journal)?;
    let state = allot_shard::recover(&mut recovery, config)?;
    let silent = Waker::silent();
    let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
    let (journal, committer, checkpointer) = recovery.finish(wakers)?;
    Ok(Recovered { state, journal, committer, checkpointer })
}

/// Recovers the state alone, and leaves the disk as it is.
///
/// # Errors
/// As [`recover`].
pub fn recover_state(
    media: Arc<dyn Media>,
    journal: JournalConfig,
    config: Config,
) -> Result<State, RecoverError> {
    let mut recovery = Recovery::open(media, journal)?;
    allot_shard::recover(&mut recovery, config)
}

/// The stamp on the files of a shard's journal.
pub fn stamp(config: Config, shard: usize, shards: usize) -> String {
    let BookConfig { blend, history } = config;
    format!("shard {shard} of {shards}, blend {blend}, history {history}")
}

/// The router, with its links in `hub`: one to each shard, then the publisher's.
pub fn router(setup: &Setup, identity: Identity, door: Door, hub: Hub) -> Router {
    let config = RouterConfig {
        report_every: setup.report_every,
        marker_every: setup.marker_every,
        inputs_owed_max: setup.inputs_owed_max,
        ..RouterConfig::new(identity.shards, identity.incarnation)
    };
    Router::new(config, door, hub, Counters::new())
}

/// A shard, from the state and the journal that were recovered.
pub fn shard(
    shard: usize,
    identity: Identity,
    state: State,
    journal: Journal,
    links: ShardLinks,
) -> Shard {
    let config = ShardConfig {
        shard: u32::try_from(shard).expect("a few"),
        shards: u32::try_from(identity.shards).expect("a few"),
        incarnation: identity.incarnation,
    };
    Shard::new(config, state, journal, (links.router, links.publisher), Counters::new())
}

/// The publisher, with its links to the shards in `hub`.
pub fn publisher(identity: Identity, feed: Broadcast, hub: Hub, router: Link) -> Publisher {
    let Identity { shards, incarnation } = identity;
    Publisher::new(PublisherConfig { shards, incarnation }, feed, hub, router, Counters::new())
}

/// Why a box has stopped, from the text of [`allot_runtime::Agent::failure`].
///
/// The only place of the simulator that searches in a message: it reads the shard's typed failure
/// once there is one.
pub fn stop_cause(failure: &str) -> StopCause {
    if failure.contains("more were answered") {
        StopCause::RepliedInputsLost
    } else if failure.contains("there is no room") {
        StopCause::DiskFull
    } else if failure.contains("simulated") {
        StopCause::DiskFailed
    } else {
        StopCause::Other
    }
}
