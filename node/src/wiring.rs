//! The wiring: every arrow of the picture is a function of this file, in the picture's order.
//!
//! ```text
//!   feeds ──0──┐
//!              ▼
//!   clients ◄──1──► router ═══2═══ shard ══3══► publisher ══5══► subscribers
//!                     ▲                             ║
//!                     ╚══════════════4══════════════╝
//! ```
//!
//! The same three boxes run in three shapes: [`embedded`] in one process, over rings;
//! [`router_process`], [`shard_process`] and [`publisher_process`] over sockets; and [`stepped`] on
//! one thread and a clock that a test owns.

use crate::archive::Archive;
use crate::front_keys;
use crate::run_dir;
use crate::setting::Key;
use crate::settings::Settings;
use crate::stage_file::StageFile;
use allot_publisher::{Publisher, PublisherConfig};
use allot_router::{Router, RouterConfig};
use allot_runtime::{
    Agent, Broadcast, BroadcastListener, BroadcastOptions, Clock, Context, Counters, Crew,
    CurveKey, CurveKeys, Door, DoorClients, DoorOptions, Hub, Link, LinkOptions, Nanos, Running,
    Stages, Stepper, ThreadSlot, Threads, Waker, cores, ring_pair,
};
use allot_shard::{Shard, ShardConfig};
use anyhow::Result;
use std::fmt;

/// Frames that may wait in each direction of a ring. A frame holds all inputs of one turn, so that
/// a thousand turns may pass before the slower side holds up the faster.
const RING_FRAMES: usize = 1_024;

/// The publisher's name on the router's backplane.
const PUBLISHER: &str = "publisher";

/// A running server, or one box of it.
pub struct Server {
    /// Its threads.
    pub running: Running,
    /// Where it is found.
    pub endpoints: Endpoints,
    /// What its boxes count, by their names.
    pub counters: Vec<(String, Counters)>,
    /// Where what they time is written, if it is.
    pub(crate) stage_file: Option<StageFile>,
}

/// Where a server is found, with real ports.
#[derive(Clone, Debug, Default)]
pub struct Endpoints(Vec<(Key, String)>);

/// A server without threads and sockets.
pub struct Stepped {
    /// Router, shards by number, publisher: they take their turns in this order.
    pub stepper: Stepper,
    /// The clients of the front door.
    pub clients: DoorClients,
    /// The subscribers of the position feed.
    pub listener: BroadcastListener,
    /// What its boxes count, by their names.
    pub counters: Vec<(String, Counters)>,
}

/// Everything in one process: router, shards and publisher, over rings.
///
/// # Errors
/// When an endpoint is taken, the stage file cannot be written, or the process is given no more
/// threads or file descriptors.
pub fn embedded(settings: &Settings) -> Result<Server> {
    let (context, clock) = (Context::new()?, Clock::system());
    let mut stage_file = StageFile::open(settings)?;
    let mut crew = Crew::new(clock.clone(), settings.wait, settings.threads);
    let router_slot = crew.thread("router")?;
    let shard_slots = (0..settings.shards)
        .map(|shard| crew.thread(&shard_name(shard)))
        .collect::<Result<Vec<_>, _>>()?;
    let publisher_slot = crew.thread(PUBLISHER)?;
    let archives = shard_slots
        .iter()
        .enumerate()
        .map(|(shard, slot)| Archive::open(settings, shard, &mut crew, slot))
        .collect::<Result<Vec<_>>>()?;
    let slots = [&router_slot].into_iter().chain(&shard_slots).chain([&publisher_slot]);
    pin(&mut crew, settings, slots.clone());

    let keys = front_keys::of(settings)?;
    let door = front_door(&context, settings, keys)?;
    let feed = position_feed(&context, settings)?;
    let wakers: Vec<_> = slots.map(ThreadSlot::waker).collect();
    let boxes = over_rings(settings, clock.now(), (door, feed), &wakers, archives);
    let endpoints = Endpoints::default()
        .and(Key::Front, boxes.router.endpoint())
        .and(Key::Publish, boxes.publisher.endpoint())
        .and_key(keys);
    crew.add(&router_slot, Box::new(boxes.router.timed(&stages(&mut stage_file, &clock))));
    for (slot, shard) in shard_slots.iter().zip(boxes.shards) {
        crew.add(slot, Box::new(shard.timed(&stages(&mut stage_file, &clock))));
    }
    crew.add(&publisher_slot, Box::new(boxes.publisher));
    Ok(Server { running: crew.start()?, endpoints, counters: boxes.counters, stage_file })
}

/// The router as a process of its own.
///
/// # Errors
/// As [`embedded`].
pub fn router_process(settings: &Settings) -> Result<Server> {
    let (context, clock) = (Context::new()?, Clock::system());
    let mut stage_file = StageFile::open(settings)?;
    let peers = router_backplane(&context, settings)?;
    let backplane = peers.endpoint().map(str::to_owned);
    let (counters, incarnation) = (Counters::new(), clock.now());
    let keys = front_keys::of(settings)?;
    let door = front_door(&context, settings, keys)?;
    let router = Router::new(router_config(settings, incarnation), door, peers, counters.clone());
    let endpoints = Endpoints::default()
        .and(Key::Front, router.endpoint())
        .and(Key::Backplane, backplane.as_deref())
        .and_key(keys);
    let router = router.timed(&stages(&mut stage_file, &clock));
    let server = alone(settings, clock, Box::new(router), endpoints, counters)?;
    Ok(Server { stage_file, ..server })
}

/// One shard as a process of its own.
///
/// # Errors
/// When an endpoint is malformed, the stage file cannot be written, or the process is given no more
/// threads or file descriptors.
pub fn shard_process(settings: &Settings, shard: usize) -> Result<Server> {
    let (context, clock) = (Context::new()?, Clock::system());
    let mut stage_file = StageFile::open(settings)?;
    let router = shard_to_router(&context, settings, shard)?;
    let publisher = shard_to_publisher(&context, settings, shard)?;
    let mut crew = Crew::new(clock.clone(), settings.wait, Threads::Dedicated);
    let slot = crew.thread(&shard_name(shard))?;
    let archive = Archive::open(settings, shard, &mut crew, &slot)?;
    let (counters, config) = (Counters::new(), shard_config(settings, clock.now(), shard));
    let endpoints = Endpoints::default()
        .and(Key::Backplane, Some(&settings.backplane))
        .and(Key::Parts, Some(&settings.parts));
    let links = (router, publisher);
    let shard = Shard::new(config, archive.state, archive.journal, links, counters.clone());
    let shard = shard.timed(&stages(&mut stage_file, &clock));
    Ok(Server { stage_file, ..run_alone(crew, &slot, Box::new(shard), endpoints, counters)? })
}

/// The publisher as a process of its own.
///
/// # Errors
/// When an endpoint is taken, or the process is given no more threads or file descriptors.
pub fn publisher_process(settings: &Settings) -> Result<Server> {
    let (context, clock) = (Context::new()?, Clock::system());
    let shards = publisher_parts(&context, settings)?;
    let parts = shards.endpoint().map(str::to_owned);
    let router = publisher_to_router(&context, settings)?;
    let feed = position_feed(&context, settings)?;
    let (counters, config) = (Counters::new(), publisher_config(settings, clock.now()));
    let publisher = Publisher::new(config, feed, shards, router, counters.clone());
    let endpoints = Endpoints::default()
        .and(Key::Publish, publisher.endpoint())
        .and(Key::Parts, parts.as_deref());
    alone(settings, clock, Box::new(publisher), endpoints, counters)
}

/// Everything on one thread that a test steps, on its clock, with a door and a feed in memory.
pub fn stepped(settings: &Settings, clock: Clock) -> Stepped {
    let (door, clients) = Door::memory();
    let (feed, listener) = Broadcast::memory();
    let silent = Waker::silent();
    let wakers = vec![&silent; settings.shards + 2];
    let archives = (0..settings.shards).map(|_| Archive::without_journal(settings)).collect();
    let boxes = over_rings(settings, clock.now(), (door, feed), &wakers, archives);
    let mut stepper = Stepper::new(clock);
    stepper.add(Box::new(boxes.router));
    boxes.shards.into_iter().for_each(|shard| stepper.add(Box::new(shard)));
    stepper.add(Box::new(boxes.publisher));
    Stepped { stepper, clients, listener, counters: boxes.counters }
}

/// The boxes of a server, linked and not yet running.
struct Boxes {
    router: Router,
    shards: Vec<Shard>,
    publisher: Publisher,
    counters: Vec<(String, Counters)>,
}

/// All boxes over rings. `wakers`: the router's, the shards', the publisher's.
fn over_rings(
    settings: &Settings,
    incarnation: Nanos,
    (door, feed): (Door, Broadcast),
    wakers: &[&Waker],
    archives: Vec<Archive>,
) -> Boxes {
    let [router_waker, shard_wakers @ .., publisher_waker] = wakers else {
        panic!("a waker for each box: there are a router and a publisher at least");
    };
    let (mut to_shards, from_router) = rings(router_waker, shard_wakers);
    let (parts, to_publisher) = rings(publisher_waker, shard_wakers);
    let (nettings, to_router) = ring_pair(RING_FRAMES, router_waker, publisher_waker);
    to_shards.push(nettings);

    let names = (0..settings.shards).map(shard_name);
    let names = ["router".to_owned()].into_iter().chain(names).chain([PUBLISHER.to_owned()]);
    let counters: Vec<_> = names.map(|name| (name, Counters::new())).collect();
    let mut of_box = counters.iter().map(|(_, counters)| counters.clone());
    let mut next = || of_box.next().expect("a set for each box");

    let config = router_config(settings, incarnation);
    let router = Router::new(config, door, Hub::rings(to_shards), next());
    let links = from_router.into_iter().zip(to_publisher).zip(archives).enumerate();
    let shards = links.map(|(shard, (links, archive))| {
        let config = shard_config(settings, incarnation, shard);
        Shard::new(config, archive.state, archive.journal, links, next())
    });
    let shards = shards.collect();
    let config = publisher_config(settings, incarnation);
    let publisher = Publisher::new(config, feed, Hub::rings(parts), to_router, next());
    Boxes { router, shards, publisher, counters }
}

/// A ring from one box to each shard: the ends of the box, and the ends of the shards.
fn rings(waker: &Waker, shard_wakers: &[&Waker]) -> (Vec<Link>, Vec<Link>) {
    shard_wakers.iter().map(|shard_waker| ring_pair(RING_FRAMES, waker, shard_waker)).unzip()
}

/// Arrow 0: a feed to the front door, as any other client.
pub(crate) fn feed_to_front(
    context: &Context,
    front: &str,
    door_key: Option<CurveKey>,
) -> Result<Link> {
    Ok(Link::dealer(context, front, None, LinkOptions { door_key, ..LinkOptions::default() })?)
}

/// Arrow 1: clients to the router and back.
fn front_door(context: &Context, settings: &Settings, keys: Option<CurveKeys>) -> Result<Door> {
    run_dir::make_for(&settings.front)?;
    Ok(Door::bind(context, &settings.front, DoorOptions { keys, ..DoorOptions::default() })?)
}

/// Arrows 2 and 4 at the router's end: inputs to the shards, answers and nettings back.
fn router_backplane(context: &Context, settings: &Settings) -> Result<Hub> {
    run_dir::make_for(&settings.backplane)?;
    let mut names = shard_names(settings);
    names.push(PUBLISHER.to_owned());
    Ok(Hub::bind(context, &settings.backplane, &names)?)
}

/// Arrow 2 at a shard's end.
fn shard_to_router(context: &Context, settings: &Settings, shard: usize) -> Result<Link> {
    connect(context, &settings.backplane, &shard_name(shard))
}

/// Arrow 3 at a shard's end: parts of each cut, and what was applied.
fn shard_to_publisher(context: &Context, settings: &Settings, shard: usize) -> Result<Link> {
    connect(context, &settings.parts, &shard_name(shard))
}

/// Arrow 3 at the publisher's end.
fn publisher_parts(context: &Context, settings: &Settings) -> Result<Hub> {
    run_dir::make_for(&settings.parts)?;
    Ok(Hub::bind(context, &settings.parts, &shard_names(settings))?)
}

/// Arrow 4 at the publisher's end: nettings, and whether anybody follows fills.
fn publisher_to_router(context: &Context, settings: &Settings) -> Result<Link> {
    connect(context, &settings.backplane, PUBLISHER)
}

/// Arrow 5: reports and fills to whoever subscribes.
fn position_feed(context: &Context, settings: &Settings) -> Result<Broadcast> {
    run_dir::make_for(&settings.publish)?;
    Ok(Broadcast::bind(context, &settings.publish, BroadcastOptions::default())?)
}

fn connect(context: &Context, endpoint: &str, name: &str) -> Result<Link> {
    Ok(Link::dealer(context, endpoint, Some(name), LinkOptions::default())?)
}

/// Runs one box on one thread.
fn alone(
    settings: &Settings,
    clock: Clock,
    agent: Box<dyn Agent>,
    endpoints: Endpoints,
    counters: Counters,
) -> Result<Server> {
    let mut crew = Crew::new(clock, settings.wait, Threads::Dedicated);
    let slot = crew.thread(agent.role())?;
    run_alone(crew, &slot, agent, endpoints, counters)
}

/// Runs a crew with one box, on the thread that it has for it.
fn run_alone(
    mut crew: Crew,
    slot: &ThreadSlot,
    agent: Box<dyn Agent>,
    endpoints: Endpoints,
    counters: Counters,
) -> Result<Server> {
    let name = agent.role().to_owned();
    crew.add(slot, agent);
    let counters = vec![(name, counters)];
    Ok(Server { running: crew.start()?, endpoints, counters, stage_file: None })
}

/// What one more box times, where that is wanted.
fn stages(file: &mut Option<StageFile>, clock: &Clock) -> Stages {
    file.as_mut().map_or_else(Stages::off, |file| file.add_box(clock))
}

/// Ties each thread to a core of its own, where that leaves at least one for everything else:
/// the first, which by habit serves interrupts too.
fn pin<'a>(
    crew: &mut Crew,
    settings: &Settings,
    slots: impl Iterator<Item = &'a ThreadSlot> + Clone,
) {
    if settings.threads == Threads::Dedicated && slots.clone().count() < cores().len() {
        for (slot, core) in slots.zip(&cores()[1..]) {
            crew.pin(slot, *core);
        }
    }
}

fn router_config(settings: &Settings, incarnation: Nanos) -> RouterConfig {
    RouterConfig {
        shards: settings.shards,
        report_every: settings.report_every,
        marker_every: settings.marker_every,
        inputs_owed_max: settings.owed_max,
        incarnation: incarnation.as_unix(),
    }
}

fn shard_config(settings: &Settings, incarnation: Nanos, shard: usize) -> ShardConfig {
    ShardConfig {
        shard: u32::try_from(shard).expect("at most SHARDS_MAX"),
        shards: u32::try_from(settings.shards).expect("at most SHARDS_MAX"),
        incarnation: incarnation.as_unix(),
    }
}

fn publisher_config(settings: &Settings, incarnation: Nanos) -> PublisherConfig {
    PublisherConfig { shards: settings.shards, incarnation: incarnation.as_unix() }
}

fn shard_name(shard: usize) -> String {
    format!("shard-{shard}")
}

fn shard_names(settings: &Settings) -> Vec<String> {
    (0..settings.shards).map(shard_name).collect()
}

impl Endpoints {
    /// Where this is found.
    pub fn of(&self, key: Key) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, endpoint)| endpoint.as_str())
    }

    fn and(mut self, key: Key, endpoint: Option<&str>) -> Self {
        self.0.extend(endpoint.map(|endpoint| (key, endpoint.to_owned())));
        self
    }

    /// The key that clients are to expect of the front door.
    fn and_key(self, keys: Option<CurveKeys>) -> Self {
        self.and(Key::FrontKey, keys.map(|keys| keys.public().to_string()).as_deref())
    }
}

impl fmt::Display for Endpoints {
    /// `front=tcp://… publish=tcp://…`, for people and scripts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, endpoint)) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(out, "{space}{}={endpoint}", key.name())?;
        }
        Ok(())
    }
}
