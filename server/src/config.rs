//! Config: what a server is started with.

use std::path::PathBuf;
use std::time::Duration;

use allot_domain::limits;
use allot_journal::{Ack, JournalConfig, SEGMENT_BYTES_DEFAULT, SNAPSHOT_EVERY_BYTES_DEFAULT};
use allot_router::RouterConfig;
use allot_runtime::{Clock, CurveKeys, ThreadGroup, Threads, Transport, WaitStrategy};
use allot_shard::ConfigOf;

use crate::Ledger;

/// What the boxes share, whatever their links are.
#[derive(Clone, Copy, Debug)]
pub struct CoreConfig {
    /// How many shards there are.
    pub shards: usize,
    /// How often reports are made.
    pub report_every: Duration,
    /// Inputs between two markers.
    pub marker_every: u64,
    /// The most inputs that a shard may owe replies to.
    pub inputs_owed_max: u64,
}

/// How journals are kept.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// Where the directories of the shards are.
    pub data: PathBuf,
    /// The identity of that directory.
    pub ledger: Ledger,
    /// Whether a reply waits for the disk.
    pub ack: Ack,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes of journal between two snapshots.
    pub snapshot_every_bytes: u64,
    /// Whether segments are removed that no recovery needs.
    pub prune: bool,
}

/// Where the sockets are; each box uses its own.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Where clients connect.
    pub front: String,
    /// Who speaks ZeroMQ's protocol there, and with subscribers.
    pub transport: Transport,
    /// The keys of the front door, if it encrypts.
    pub front_keys: Option<CurveKeys>,
    /// The keys of the feed, if it encrypts.
    pub publish_keys: Option<CurveKeys>,
    /// Where subscribers connect.
    pub publish: String,
    /// Where shards and publisher meet the router.
    pub backplane: String,
    /// Where shards meet the publisher.
    pub parts: String,
}

/// Everything that a server of a system is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig<C> {
    /// What the boxes share.
    pub core: CoreConfig,
    /// The rules of the machine in each shard.
    pub machine: C,
    /// Where the sockets are.
    pub endpoints: EndpointConfig,
    /// How journals are kept; without, state lives in memory only.
    pub journal: Option<JournalOptions>,
    /// A thread for each box, or one for all.
    pub threads: Threads,
    /// What a thread does when there is nothing to do.
    pub wait: WaitStrategy,
}

/// The config of a server of this system.
pub type ConfigFor<S> = ServerConfig<ConfigOf<S>>;

impl CoreConfig {
    /// Reports every 10 seconds, a marker every 256 inputs.
    #[must_use]
    pub const fn new(shards: usize) -> Self {
        let RouterConfig { report_every, marker_every, inputs_owed_max, .. } =
            RouterConfig::new(shards, allot_domain::Incarnation::new(1));
        Self { shards, report_every, marker_every, inputs_owed_max }
    }
}

impl JournalOptions {
    /// The usual settings.
    #[must_use]
    pub const fn new(data: PathBuf, ledger: Ledger) -> Self {
        Self {
            data,
            ledger,
            ack: Ack::Journal,
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES_DEFAULT,
            prune: false,
        }
    }

    /// The config of one shard's journal, under this stamp.
    pub(crate) fn of_shard(&self, name: &str, stamp: &str) -> JournalConfig {
        JournalConfig {
            segment_bytes: self.segment_bytes,
            snapshot_every_bytes: self.snapshot_every_bytes,
            ack: self.ack,
            prune: self.prune,
            ..JournalConfig::new(name, stamp)
        }
    }
}

impl<C> ServerConfig<C> {
    /// The threads of a process of this server, none yet.
    pub(crate) fn thread_group(&self, clock: Clock, threads: Threads) -> ThreadGroup {
        let group = ThreadGroup::new(clock, self.wait, threads);
        match self.endpoints.transport {
            Transport::Native => group.without_io_thread(),
            Transport::Libzmq => group,
        }
    }

    /// All of it in memory, on ports of the system's choice.
    ///
    /// # Panics
    /// With no shards, or more than [`limits::SHARDS_MAX`].
    #[must_use]
    pub fn in_memory(shards: usize, machine: C) -> Self {
        assert!((1..=limits::SHARDS_MAX).contains(&shards), "from 1 to SHARDS_MAX shards");
        let any = "tcp://127.0.0.1:*".to_owned();
        Self {
            core: CoreConfig::new(shards),
            machine,
            endpoints: EndpointConfig {
                front: any.clone(),
                transport: Transport::default(),
                front_keys: None,
                publish_keys: None,
                publish: any.clone(),
                backplane: any.clone(),
                parts: any,
            },
            journal: None,
            threads: Threads::Shared,
            wait: WaitStrategy::Block,
        }
    }
}
