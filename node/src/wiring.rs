//! The wiring: from the settings to a running server of allocation, in each of its shapes.
//!
//! The boxes and the links between them are made by [`allot_server`]; what is left here is what the
//! settings say of them. Feeds connect to the front door like any other client.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use allot_allocation_rules::BookConfig;
use allot_allocation_service::Allocation;
use allot_console::{Measured, MetricsServer};
use allot_desk_rules::DeskConfig;
use allot_desk_service::{Desk, QuoteManager, QuoteTimes};
use allot_domain::{LedgerId, ShardId};
use allot_runtime::{
    Agent, Broadcast, BroadcastOptions, Clock, Context, Counters, CurveKey, CurveKeys, Link,
    LinkOptions, Running,
};
use allot_server::{
    Bound, CoreConfig, EndpointConfig, Feeder, FeederEnds, JournalOptions, Ledger, LedgerCopy,
    RunningServer, ServerConfig, Stepped,
};
use allot_shard::Service;
use anyhow::{Result, bail};

use crate::exposure;
use crate::front_keys;
use crate::run_dir;
use crate::setting::Key;
use crate::settings::Settings;
use crate::time_text;
use crate::timing::Timing;

/// A running server, or one box of it.
pub struct Server {
    /// Its threads.
    pub running: Running,
    /// Where it is found.
    pub endpoints: Endpoints,
    /// What its boxes count, by their names.
    pub counters: Vec<(String, Counters)>,
    /// What times them, if anything does.
    pub(crate) timing: Timing,
    /// Where metrics are served, if they are.
    metrics: Option<SocketAddr>,
    /// The directory of its journals, if it keeps any.
    data: Option<PathBuf>,
}

/// Where a server is found, with real ports, and which ledger it serves.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    known: Vec<(Key, String)>,
    ledger: Option<LedgerId>,
}

/// Everything in one process: router, shards and publisher.
///
/// # Errors
/// When an endpoint is taken, a journal cannot be recovered, the stage file cannot be written, or
/// the process is given no more threads or file descriptors.
pub fn embedded(settings: &Settings) -> Result<Server> {
    exposure::warn_of_endpoints(settings, &[Key::Front, Key::Publish]);
    make_directories(&[&settings.front, &settings.publish])?;
    let ledger = open_ledger(settings, Allocation::NAME)?;
    let config = server_config(settings, ledger, book_config(settings))?;
    let mut timing = Timing::open(settings)?;
    let server = allot_server::embedded::<Allocation>(&config, &mut timing.stages())?;
    Ok(Server::new(server, Keys::of(&config.endpoints), timing, settings).of_ledger(ledger))
}

/// A desk in one process: router, shards and publisher, and what gets quotes from this server.
///
/// # Errors
/// As [`embedded`].
pub(crate) fn desk(settings: &Settings, quotes: SocketAddr, times: QuoteTimes) -> Result<Server> {
    exposure::warn_of_endpoints(settings, &[Key::Front, Key::Publish]);
    make_directories(&[&settings.front, &settings.publish])?;
    let ledger = open_ledger(settings, Desk::NAME)?;
    let Settings { history, names, shards, .. } = *settings;
    let config = DeskConfig { history, names, keeps_log: settings.data.is_some() };
    let config = server_config(settings, ledger, config)?;
    let mut timing = Timing::open(settings)?;
    let publish_key = config.endpoints.publish_keys.as_ref().map(CurveKeys::public);
    let feeder = Feeder {
        name: "quotes",
        make: Box::new(move |ends: FeederEnds| {
            let FeederEnds { router, publish, context, .. } = ends;
            let feed = (publish.as_str(), publish_key);
            let manager = QuoteManager::new(quotes, times, shards, &context, feed, router)?;
            Ok(Box::new(manager) as Box<dyn Agent>)
        }),
    };
    let server = {
        let stages = &mut timing.stages();
        allot_server::embedded_with::<Desk>(&config, stages, Some(feeder))?
    };
    Ok(Server::new(server, Keys::of(&config.endpoints), timing, settings).of_ledger(ledger))
}

/// The router as a process of its own.
///
/// # Errors
/// As [`embedded`].
pub fn router_process(settings: &Settings) -> Result<Server> {
    exposure::warn_of_endpoints(settings, &[Key::Front, Key::Backplane]);
    make_directories(&[&settings.front, &settings.backplane])?;
    let config = server_config(settings, None, book_config(settings))?;
    let mut timing = Timing::open(settings)?;
    let server = {
        let stages = &mut timing.stages();
        allot_server::router_process::<Allocation>(&config, stages)?
    };
    let keys = Keys { front: config.endpoints.front_keys, publish: None };
    Ok(Server::new(server, keys, timing, settings))
}

/// One shard as a process of its own.
///
/// # Errors
/// As [`embedded`].
pub fn shard_process(settings: &Settings, shard: ShardId) -> Result<Server> {
    let ledger = open_ledger(settings, Allocation::NAME)?;
    let config = server_config(settings, ledger, book_config(settings))?;
    let mut timing = Timing::open(settings)?;
    let server = {
        let stages = &mut timing.stages();
        allot_server::shard_process::<Allocation>(&config, shard, stages)?
    };
    Ok(Server::new(server, Keys::default(), timing, settings).of_ledger(ledger))
}

/// The publisher as a process of its own.
///
/// # Errors
/// As [`embedded`].
pub fn publisher_process(settings: &Settings) -> Result<Server> {
    exposure::warn_of_endpoints(settings, &[Key::Publish, Key::Parts]);
    make_directories(&[&settings.publish, &settings.parts])?;
    let config = server_config(settings, None, book_config(settings))?;
    let server = allot_server::publisher_process::<Allocation>(&config)?;
    let keys = Keys { front: None, publish: config.endpoints.publish_keys };
    Ok(Server::new(server, keys, Timing::open(settings)?, settings))
}

/// Everything on one thread that a test steps, on its clock, with a door and a feed in memory.
#[must_use]
pub fn stepped(settings: &Settings, clock: Clock) -> Stepped {
    allot_server::stepped::<Allocation>(&core_config(settings), book_config(settings), clock)
}

/// A feed's link to the front door.
pub(crate) fn feed_to_front(
    context: &Context,
    front: &str,
    door_key: Option<CurveKey>,
) -> Result<Link> {
    Ok(Link::dealer(context, front, None, LinkOptions { door_key, ..LinkOptions::default() })?)
}

/// Makes the ledger in the data directory, as `--new` asks for.
///
/// # Errors
/// When there is no data directory, or there is a ledger in it already.
pub(crate) fn make_ledger(settings: &Settings) -> Result<()> {
    make_ledger_of(settings, Allocation::NAME)
}

/// Makes the ledger of a system in the data directory.
///
/// # Errors
/// As [`make_ledger`].
pub(crate) fn make_ledger_of(settings: &Settings, system: &'static str) -> Result<()> {
    let Some(data) = &settings.data else {
        bail!("--new makes a ledger in a data directory; add --data DIR");
    };
    let ledger = Ledger::create(data, system)?;
    tracing::info!(ledger = %ledger.id, "a new ledger in {}", data.display());
    Ok(())
}

/// Tries whether the endpoints of a server in one process can be bound, before a ledger is made: a
/// port in use is to leave nothing behind. A socket that is a file is taken from no server that is
/// alive.
///
/// # Errors
/// When one of them is taken.
pub(crate) fn try_endpoints(settings: &Settings) -> Result<()> {
    let context = Context::new()?;
    let ends = [&settings.front, &settings.publish];
    make_directories(&ends.map(String::as_str))?;
    let bind = |endpoint| Broadcast::bind(&context, endpoint, BroadcastOptions::default());
    // All are bound at once, and closed before this returns: the context waits for that.
    ends.into_iter().map(|endpoint| bind(endpoint)).collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

/// The ledger in the data directory; none without a data directory.
fn open_ledger(settings: &Settings, system: &'static str) -> Result<Option<Ledger>> {
    let open = |data: &PathBuf| Ledger::open(data, system);
    let ledger = settings.data.as_ref().map(open).transpose()?;
    if let Some(LedgerCopy::Restored(time_ns)) = ledger.map(|ledger| ledger.copy) {
        tracing::warn!(
            "this ledger was restored from a backup of {}: what was acknowledged after it is not \
             in it",
            time_text::exact(time_ns)
        );
    }
    Ok(ledger)
}

/// Says so loudly where a restart loses everything.
pub(crate) fn warn_without_journal(settings: &Settings) {
    if settings.data.is_none() {
        tracing::warn!(
            "state is in memory only: positions are lost when this process ends; keep them with \
             --data DIR"
        );
    }
}

/// Makes the directories of sockets that are files.
fn make_directories(endpoints: &[&str]) -> Result<()> {
    endpoints.iter().try_for_each(|endpoint| run_dir::make_for(endpoint))
}

/// Journals are kept where there is a ledger.
fn server_config<C>(
    settings: &Settings,
    ledger: Option<Ledger>,
    machine: C,
) -> Result<ServerConfig<C>> {
    Ok(ServerConfig {
        core: core_config(settings),
        machine,
        endpoints: EndpointConfig {
            front: settings.front.clone(),
            transport: settings.transport,
            front_keys: front_keys::of(settings)?,
            publish: settings.publish.clone(),
            publish_keys: front_keys::of_feed(settings)?,
            backplane: settings.backplane.clone(),
            parts: settings.parts.clone(),
        },
        journal: settings.data.clone().zip(ledger).map(|(data, ledger)| JournalOptions {
            data,
            ledger,
            ack: settings.ack,
            segment_bytes: settings.segment_bytes,
            snapshot_every_bytes: settings.snapshot_every_bytes,
            prune: settings.prune,
        }),
        threads: settings.threads,
        wait: settings.wait,
    })
}

fn core_config(settings: &Settings) -> CoreConfig {
    CoreConfig {
        shards: settings.shards,
        report_every: settings.report_every,
        marker_every: settings.marker_every,
        inputs_owed_max: settings.owed_max,
    }
}

fn book_config(settings: &Settings) -> BookConfig {
    let Settings { blend, history, names, .. } = *settings;
    BookConfig { blend, history, names }
}

/// The keys of the ends of a server that encrypt.
#[derive(Clone, Copy, Default)]
struct Keys {
    front: Option<CurveKeys>,
    publish: Option<CurveKeys>,
}

impl Keys {
    const fn of(endpoints: &EndpointConfig) -> Self {
        Self { front: endpoints.front_keys, publish: endpoints.publish_keys }
    }
}

impl Server {
    fn new(server: RunningServer, keys: Keys, timing: Timing, settings: &Settings) -> Self {
        let RunningServer { running, bound, counters } = server;
        let endpoints = Endpoints::of_server(bound, keys);
        let (metrics, data) = (settings.metrics, settings.data.clone());
        Self { running, endpoints, counters, timing, metrics, data }
    }

    /// What the boxes count and time.
    pub(crate) fn measured(&self) -> Measured {
        // The router comes first, then the shards; a publisher has no stage.
        let names = self.counters.iter().map(|(name, _)| name.clone());
        let stages = names.zip(self.timing.sets.iter().cloned()).collect();
        Measured { boxes: self.counters.clone(), stages, data: self.data.clone() }
    }

    /// Serves what the boxes count and time, if the settings say so.
    ///
    /// # Errors
    /// When the address is taken.
    pub(crate) fn serve_metrics(&mut self) -> Result<Option<MetricsServer>> {
        let Some(listen) = self.metrics else { return Ok(None) };
        let measured = self.measured();
        if !listen.ip().is_loopback() {
            tracing::warn!(
                "metrics {listen} can be read from other machines: let only yours connect"
            );
        }
        let server = MetricsServer::start(listen, measured)?;
        self.endpoints.known.push((Key::Metrics, format!("http://{}/metrics", server.address())));
        Ok(Some(server))
    }

    /// The same, of this ledger.
    fn of_ledger(mut self, ledger: Option<Ledger>) -> Self {
        self.endpoints.ledger = ledger.map(|ledger| ledger.id);
        self
    }
}

impl Endpoints {
    /// Where a server is found, and the keys that clients are to expect of it.
    fn of_server(bound: Bound, keys: Keys) -> Self {
        let Bound { front, publish, backplane, parts } = bound;
        let [front_key, publish_key] =
            [keys.front, keys.publish].map(|keys| keys.map(|keys| keys.public().to_string()));
        let all = [
            (Key::Front, front),
            (Key::Publish, publish),
            (Key::Backplane, backplane),
            (Key::Parts, parts),
            (Key::FrontKey, front_key),
            (Key::PublishKey, publish_key),
        ];
        let known = all.into_iter().filter_map(|(key, text)| text.map(|text| (key, text)));
        Self { known: known.collect(), ledger: None }
    }

    /// Which ledger it serves; none if its state is in memory only.
    pub(crate) const fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// Where this is found.
    #[must_use]
    pub fn of(&self, key: Key) -> Option<&str> {
        self.known.iter().find(|(known, _)| *known == key).map(|(_, endpoint)| endpoint.as_str())
    }
}

impl fmt::Display for Endpoints {
    /// `front=tcp://… publish=tcp://… ledger=…`, for people and scripts; a server whose state is in
    /// memory only has no ledger.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, endpoint)) in self.known.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(out, "{space}{}={endpoint}", key.name())?;
        }
        self.ledger.map_or(Ok(()), |ledger| write!(out, " ledger={ledger}"))
    }
}
