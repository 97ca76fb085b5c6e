//! Stepped: all boxes on one thread that a test steps, on its clock, with a door and a broadcast in
//! memory.

use allot_domain::Incarnation;
use allot_runtime::{Broadcast, BroadcastListener, Clock, Counters, Door, DoorClients, Stepper};
use allot_shard::ConfigOf;

use crate::boxes::shard_ids;
use crate::embedded::{Front, over_rings};
use crate::rings::BoxWakers;
use crate::{CoreConfig, System, open_shard};

/// A server without threads and sockets.
pub struct Stepped {
    /// Router, shards by id, publisher: they take their turns in this order.
    pub stepper: Stepper,
    /// The clients of the front door.
    pub clients: DoorClients,
    /// The subscribers.
    pub listener: BroadcastListener,
    /// What its boxes count, by their names.
    pub counters: Vec<(String, Counters)>,
}

/// Everything on one thread; state lives in memory.
#[must_use]
pub fn stepped<S: System>(core: &CoreConfig, machine: ConfigOf<S>, clock: Clock) -> Stepped {
    let (door, clients) = Door::memory();
    let (broadcast, listener) = Broadcast::memory();
    let opened = shard_ids(core.shards).map(|_| open_shard::in_memory::<S>(machine)).collect();
    let incarnation = Incarnation::new(clock.now().as_unix());
    let wakers = BoxWakers::silent(core.shards);
    let boxes = over_rings(core, incarnation, Front { door, broadcast }, &wakers, None, opened);
    let mut stepper = Stepper::new(clock);
    stepper.add(Box::new(boxes.router));
    boxes.shards.into_iter().for_each(|shard| stepper.add(Box::new(shard)));
    stepper.add(Box::new(boxes.publisher));
    Stepped { stepper, clients, listener, counters: boxes.counters }
}
