//! Embedded: router, shards and publisher in one process, over rings.

use allot_domain::Incarnation;
use allot_publisher::Publisher;
use allot_router::Router;
use allot_runtime::{
    Agent, Broadcast, BroadcastOptions, Clock, Context, Counters, Door, DoorOptions, Link,
    RuntimeError, ThreadGroup, ThreadSlot, Threads, cores, ring_pair,
};
use allot_shard::Shard;

use crate::boxes::{self, Identity, PUBLISHER, ROUTER, shard_ids, shard_name};
use crate::config::ConfigFor;
use crate::ledger::holds_journal;
use crate::open_shard::{self, Opened};
use crate::rings::{BoxWakers, RING_FRAMES, RingEnds};
use crate::{Bound, CoreConfig, RunningServer, ServerError, System, Timing, begun};

/// The boxes of a server, linked and not yet running.
pub(crate) struct Boxes<S: System> {
    pub(crate) router: Router<S>,
    pub(crate) shards: Vec<Shard<S>>,
    pub(crate) publisher: Publisher<S>,
    pub(crate) counters: Vec<(String, Counters)>,
}

/// What faces the outside: where clients send to, and what subscribers receive from.
pub(crate) struct Front {
    pub(crate) door: Door,
    pub(crate) broadcast: Broadcast,
}

/// What a feeder is made with.
pub struct FeederEnds {
    /// Its link to the router, which takes feedback from it.
    pub router: Link,
    /// Where it subscribes.
    pub publish: String,
    /// The context of the sockets of this process.
    pub context: Context,
    /// What it counts.
    pub counters: Counters,
}

/// A box beside the others that sends the router feedback, as the publisher does: what it learns
/// from outside becomes an input of all shards.
pub struct Feeder<'a> {
    /// Its name, also that of its thread.
    pub name: &'static str,
    /// Makes it.
    pub make: MakeFeeder<'a>,
}

/// Makes a feeder of its ends.
pub type MakeFeeder<'a> = Box<dyn FnOnce(FeederEnds) -> Result<Box<dyn Agent>, RuntimeError> + 'a>;

/// The threads of all boxes.
struct Slots {
    router: ThreadSlot,
    shards: Vec<ThreadSlot>,
    publisher: ThreadSlot,
}

/// Everything in one process: router, shards and publisher, over rings.
///
/// # Errors
/// When an endpoint is taken, a journal cannot be recovered, or the process is given no more
/// threads or file descriptors.
pub fn embedded<S: System>(
    config: &ConfigFor<S>,
    timing: Timing<'_>,
) -> Result<RunningServer, ServerError> {
    embedded_with::<S>(config, timing, None)
}

/// As [`embedded`], with a feeder, which has a thread of its own.
///
/// # Errors
/// As [`embedded`], and those of the feeder.
///
/// # Panics
/// Never: a server in one process publishes.
pub fn embedded_with<S: System>(
    config: &ConfigFor<S>,
    timing: Timing<'_>,
    feeder: Option<Feeder<'_>>,
) -> Result<RunningServer, ServerError> {
    let context = Context::new()?;
    let clock = Clock::system();
    let mut group = config.thread_group(clock.clone(), config.threads);
    let slots = slots(config.core.shards, &mut group)?;
    check_complete::<S>(config)?;
    let opened = shard_ids(config.core.shards)
        .zip(&slots.shards)
        .map(|(shard, slot)| open_shard::open::<S>(config, shard, &mut group, slot))
        .collect::<Result<Vec<_>, _>>()?;
    shard_ids(opened.len()).for_each(|shard| open_shard::note_begun::<S>(config, shard));
    pin(&mut group, config.threads, &slots);
    let door = front_door(&context, config)?;
    let broadcast = broadcast(&context, config)?;
    let incarnation = Incarnation::new(clock.now().as_unix());
    let front = Front { door, broadcast };
    let wakers = slots.wakers();
    let feeder = feeder
        .map(|feeder| {
            let slot = group.blocking_thread(feeder.name)?;
            let (of_router, of_feeder) = ring_pair(RING_FRAMES, &wakers.router, slot.waker());
            Ok::<_, RuntimeError>((feeder, slot, of_router, of_feeder))
        })
        .transpose()?;
    let (feeder, of_router) = match feeder {
        Some((feeder, slot, of_router, of_feeder)) => {
            (Some((feeder, slot, of_feeder)), Some(of_router))
        }
        None => (None, None),
    };
    let mut boxes = over_rings(&config.core, incarnation, front, &wakers, of_router, opened);
    let bound = Bound {
        front: boxes.router.endpoint().map(str::to_owned),
        publish: boxes.publisher.endpoint().map(str::to_owned),
        ..Bound::default()
    };
    group.add(&slots.router, Box::new(boxes.router.timed(&timing(&clock))));
    for (slot, shard) in slots.shards.iter().zip(boxes.shards) {
        group.add(slot, Box::new(shard.timed(&timing(&clock))));
    }
    group.add(&slots.publisher, Box::new(boxes.publisher));
    if let Some((feeder, slot, router)) = feeder {
        let publish = bound.publish.clone().expect("a server in one process publishes");
        let counters = Counters::new();
        boxes.counters.push((feeder.name.to_owned(), counters.clone()));
        let ends = FeederEnds { router, publish, context, counters };
        group.add(&slot, (feeder.make)(ends)?);
    }
    Ok(RunningServer { running: group.start()?, bound, counters: boxes.counters })
}

/// All shards make their journals before the first takes an input: one that has none, where others
/// have inputs, has lost it. This is seen before any is made: the next start must find the same.
fn check_complete<S: System>(config: &ConfigFor<S>) -> Result<(), ServerError> {
    let Some(options) = &config.journal else {
        return Ok(());
    };
    let directories = shard_ids(config.core.shards)
        .map(|shard| (shard, open_shard::directory(&options.data, shard)));
    let (kept, lacking): (Vec<_>, Vec<_>) =
        directories.partition(|(_, folder)| !matches!(holds_journal(folder), Ok(false)));
    let has_inputs = |folder| begun::has_inputs::<S>(folder, config.core.shards);
    match lacking.into_iter().next() {
        Some((shard, directory)) if kept.iter().any(|(_, folder)| has_inputs(folder)) => {
            Err(ServerError::ShardLost { shard, directory })
        }
        _ => Ok(()),
    }
}

fn slots(shards: usize, group: &mut ThreadGroup) -> Result<Slots, ServerError> {
    let router = group.thread(ROUTER)?;
    let shards = shard_ids(shards)
        .map(|shard| group.thread(&shard_name(shard)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Slots { router, shards, publisher: group.thread(PUBLISHER)? })
}

impl Slots {
    fn wakers(&self) -> BoxWakers {
        BoxWakers {
            router: self.router.waker().clone(),
            shards: self.shards.iter().map(|slot| slot.waker().clone()).collect(),
            publisher: self.publisher.waker().clone(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &ThreadSlot> + Clone {
        [&self.router].into_iter().chain(&self.shards).chain([&self.publisher])
    }
}

/// Ties each thread to a core of its own, where that leaves at least one for everything else:
/// the first, which by habit serves interrupts too.
fn pin(group: &mut ThreadGroup, threads: Threads, slots: &Slots) {
    if threads == Threads::Dedicated && slots.all().count() < cores().len() {
        for (slot, core) in slots.all().zip(&cores()[1..]) {
            group.pin(slot, *core);
        }
    }
}

/// All boxes over rings, with a door, a broadcast, and the router's link to a feeder.
pub(crate) fn over_rings<S: System>(
    core: &CoreConfig,
    incarnation: Incarnation,
    front: Front,
    wakers: &BoxWakers,
    feeder: Option<Link>,
    opened: Vec<Opened<S>>,
) -> Boxes<S> {
    let Front { door, broadcast } = front;
    let mut ends = RingEnds::link(RING_FRAMES, wakers);
    ends.router.extend(feeder);
    let mut counters = Vec::new();
    let mut counters_of = |name: String| {
        let of_box = Counters::new();
        counters.push((name, of_box.clone()));
        of_box
    };
    let hub = ends.take_router_hub();
    let router = boxes::router(core, incarnation, door, hub, counters_of(ROUTER.to_owned()));
    let links = shard_ids(core.shards).zip(ends.shards.drain(..)).zip(opened);
    let shards = links.map(|((shard, links), opened)| {
        let identity = Identity { shard, incarnation };
        boxes::shard(core, identity, opened, links, counters_of(shard_name(shard)))
    });
    let shards = shards.collect();
    let hub = ends.take_publisher_hub();
    let publisher = boxes::publisher(
        core,
        incarnation,
        broadcast,
        hub,
        ends.publisher_to_router,
        counters_of(PUBLISHER.to_owned()),
    );
    Boxes { router, shards, publisher, counters }
}

/// Arrow 1: clients to the router and back.
pub(crate) fn front_door<C>(
    context: &Context,
    config: &crate::ServerConfig<C>,
) -> Result<Door, ServerError> {
    let endpoints = &config.endpoints;
    let options = DoorOptions {
        keys: endpoints.front_keys,
        transport: endpoints.transport,
        ..DoorOptions::default()
    };
    Ok(Door::bind(context, &endpoints.front, options)?)
}

/// Arrow 5: what is published, to all who subscribe.
pub(crate) fn broadcast<C>(
    context: &Context,
    config: &crate::ServerConfig<C>,
) -> Result<Broadcast, ServerError> {
    let endpoints = &config.endpoints;
    let options = BroadcastOptions {
        keys: endpoints.publish_keys,
        transport: endpoints.transport,
        ..BroadcastOptions::default()
    };
    Ok(Broadcast::bind(context, &endpoints.publish, options)?)
}
