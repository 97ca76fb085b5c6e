//! A rig: a server of counters with all boxes in one process, and what is left when it has ended.

use std::path::Path;

use allot_counter::Counter;
use allot_counter::rules::CounterConfig;
use allot_journal::SEGMENT_BYTES_REAL_MIN;
use allot_runtime::{Context, Stages, Transport};
use allot_server::{EndpointConfig, JournalOptions, Ledger, RunningServer, ServerConfig, embedded};
use allot_shard::Service;

use crate::client::{Client, Listener};

/// The rules of all tests.
pub(crate) const RULES: CounterConfig = CounterConfig { limit: 1_000 };

/// Three keys, each of another shard of three.
pub(crate) const KEYS: [&str; 3] = ["e", "a", "f"];

/// A running server, and the context of its clients.
pub(crate) struct Rig {
    pub(crate) server: RunningServer,
    pub(crate) context: Context,
}

/// Three shards in one process.
pub(crate) fn config() -> ServerConfig<CounterConfig> {
    ServerConfig::in_memory(3, RULES)
}

/// Each box by itself, over sockets in this directory.
pub(crate) fn over_ipc(folder: &Path, shards: usize) -> ServerConfig<CounterConfig> {
    let at = |name: &str| format!("ipc://{}", folder.join(name).display());
    let endpoints = EndpointConfig {
        front: at("front"),
        transport: Transport::default(),
        front_keys: None,
        publish_keys: None,
        publish: at("publish"),
        backplane: at("backplane"),
        parts: at("parts"),
    };
    ServerConfig { endpoints, ..ServerConfig::in_memory(shards, RULES) }
}

/// Three shards in one process with small journals in this directory, and a snapshot after every
/// few KiB.
pub(crate) fn with_journal(data: &Path) -> ServerConfig<CounterConfig> {
    let options = JournalOptions {
        segment_bytes: SEGMENT_BYTES_REAL_MIN,
        snapshot_every_bytes: 4 << 10,
        ..JournalOptions::new(data.to_owned(), ledger(data, Counter::NAME))
    };
    ServerConfig { journal: Some(options), ..config() }
}

/// The ledger in this directory, made at the first call.
pub(crate) fn ledger(data: &Path, system: &'static str) -> Ledger {
    Ledger::open(data, system).or_else(|_| Ledger::create(data, system)).unwrap()
}

impl Rig {
    pub(crate) fn start(config: &ServerConfig<CounterConfig>) -> Self {
        let server = embedded::<Counter>(config, &mut |_| Stages::off()).unwrap();
        Self { server, context: Context::new().unwrap() }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.context, self.server.bound.front.as_deref().unwrap())
    }

    pub(crate) fn listener(&self, topics: &[&str]) -> Listener {
        let publish = self.server.bound.publish.as_deref().unwrap();
        Listener::connect(&self.context, publish, topics)
    }

    pub(crate) fn stop(self) {
        self.server.running.stop();
        self.server.running.join().unwrap();
    }
}
