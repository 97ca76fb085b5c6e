//! Separate: each box as a process of its own, over sockets.

use allot_domain::{Incarnation, ShardId};
use allot_runtime::{
    Agent, Clock, Context, Counters, Hub, Link, LinkOptions, ThreadGroup, ThreadSlot, Threads,
    Transport,
};
use allot_shard::ShardLinks;

use crate::boxes::{self, Identity, PUBLISHER, shard_ids, shard_name};
use crate::config::{ConfigFor, EndpointConfig};
use crate::embedded::{broadcast, front_door};
use crate::{Bound, RunningServer, ServerConfig, ServerError, System, Timing, open_shard};

/// The router as a process of its own.
///
/// # Errors
/// When an endpoint is taken, or the process is given no more threads or file descriptors.
pub fn router_process<S: System>(
    config: &ConfigFor<S>,
    timing: Timing<'_>,
) -> Result<RunningServer, ServerError> {
    let context = Context::new()?;
    let clock = Clock::system();
    let peers = router_backplane(&context, config)?;
    let backplane = peers.endpoint().map(str::to_owned);
    let door = front_door(&context, config)?;
    let counters = Counters::new();
    let router =
        boxes::router::<S>(&config.core, started_at(&clock), door, peers, counters.clone());
    let front = router.endpoint().map(str::to_owned);
    let bound = Bound { front, backplane, ..Bound::default() };
    let router = router.timed(&timing(&clock));
    run_alone(config, clock, Box::new(router), bound, counters)
}

/// One shard as a process of its own.
///
/// # Errors
/// When an endpoint is malformed, the journal cannot be recovered, or the process is given no more
/// threads or file descriptors.
pub fn shard_process<S: System>(
    config: &ConfigFor<S>,
    shard: ShardId,
    timing: Timing<'_>,
) -> Result<RunningServer, ServerError> {
    let context = Context::new()?;
    let clock = Clock::system();
    let name = shard_name(shard);
    let EndpointConfig { backplane, parts, transport, .. } = &config.endpoints;
    let links = ShardLinks {
        router: connect(&context, backplane, &name, *transport)?,
        publisher: connect(&context, parts, &name, *transport)?,
    };
    let mut group = config.thread_group(clock.clone(), Threads::Dedicated);
    let slot = group.thread(&name)?;
    let opened = open_shard::open::<S>(config, shard, &mut group, &slot)?;
    open_shard::note_begun::<S>(config, shard);
    let identity = Identity { shard, incarnation: started_at(&clock) };
    let counters = Counters::new();
    let shard = boxes::shard(&config.core, identity, opened, links, counters.clone());
    let bound = Bound {
        backplane: Some(config.endpoints.backplane.clone()),
        parts: Some(config.endpoints.parts.clone()),
        ..Bound::default()
    };
    let shard = shard.timed(&timing(&clock));
    start(group, &slot, Box::new(shard), bound, counters)
}

/// The publisher as a process of its own.
///
/// # Errors
/// When an endpoint is taken, or the process is given no more threads or file descriptors.
pub fn publisher_process<S: System>(config: &ConfigFor<S>) -> Result<RunningServer, ServerError> {
    let context = Context::new()?;
    let clock = Clock::system();
    let shards = publisher_parts(&context, config)?;
    let parts = shards.endpoint().map(str::to_owned);
    let EndpointConfig { backplane, transport, .. } = &config.endpoints;
    let router = connect(&context, backplane, PUBLISHER, *transport)?;
    let broadcast = broadcast(&context, config)?;
    let counters = Counters::new();
    let publisher = boxes::publisher::<S>(
        &config.core,
        started_at(&clock),
        broadcast,
        shards,
        router,
        counters.clone(),
    );
    let publish = publisher.endpoint().map(str::to_owned);
    let bound = Bound { publish, parts, ..Bound::default() };
    run_alone(config, clock, Box::new(publisher), bound, counters)
}

/// When a box starts names its incarnation.
fn started_at(clock: &Clock) -> Incarnation {
    Incarnation::new(clock.now().as_unix())
}

/// Arrows 2 and 4 at the router's end: inputs to the shards, replies and feedback back.
fn router_backplane<C>(context: &Context, config: &ServerConfig<C>) -> Result<Hub, ServerError> {
    let mut names = shard_names(config);
    names.push(PUBLISHER.to_owned());
    let EndpointConfig { backplane, transport, .. } = &config.endpoints;
    Ok(Hub::bind(context, backplane, &names, *transport)?)
}

/// Arrow 3 at the publisher's end: parts of each cut, and events.
fn publisher_parts<C>(context: &Context, config: &ServerConfig<C>) -> Result<Hub, ServerError> {
    let EndpointConfig { parts, transport, .. } = &config.endpoints;
    Ok(Hub::bind(context, parts, &shard_names(config), *transport)?)
}

/// Arrows 2, 3 and 4 at the other end.
fn connect(
    context: &Context,
    endpoint: &str,
    name: &str,
    transport: Transport,
) -> Result<Link, ServerError> {
    let options = LinkOptions { transport, ..LinkOptions::default() };
    Ok(Link::dealer(context, endpoint, Some(name), options)?)
}

fn shard_names<C>(config: &ServerConfig<C>) -> Vec<String> {
    shard_ids(config.core.shards).map(shard_name).collect()
}

/// Runs one box on one thread.
fn run_alone<C>(
    config: &ServerConfig<C>,
    clock: Clock,
    agent: Box<dyn Agent>,
    bound: Bound,
    counters: Counters,
) -> Result<RunningServer, ServerError> {
    let mut group = config.thread_group(clock, Threads::Dedicated);
    let slot = group.thread(agent.role())?;
    start(group, &slot, agent, bound, counters)
}

/// Starts a thread group with one box, on the thread that it has for it.
fn start(
    mut group: ThreadGroup,
    slot: &ThreadSlot,
    agent: Box<dyn Agent>,
    bound: Bound,
    counters: Counters,
) -> Result<RunningServer, ServerError> {
    let name = agent.role().to_owned();
    group.add(slot, agent);
    let counters = vec![(name, counters)];
    Ok(RunningServer { running: group.start()?, bound, counters })
}
