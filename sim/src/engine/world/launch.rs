//! How processes start: boxes with their links, on what is on their disks.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_domain::{Incarnation, ShardId};
use allot_runtime::{
    Broadcast, BroadcastListener, Counters, Door, DoorClients, Hub, Link, Nanos, Waker, ring_pair,
};
use allot_server::boxes::{self, Identity, shard_ids};
use allot_server::open_shard::Recovered;
use allot_server::rings::{BoxWakers, RingEnds};
use allot_shard::ShardLinks;

use super::World;
use crate::engine::network_link::Side;
use crate::engine::options::Shape;
use crate::engine::process::{Actor, Site, Slot};
use crate::engine::violation::Violation;
use crate::engine::workload::Workload;

/// The ends of the links of all boxes that start together.
#[derive(Default)]
struct Ends {
    router: Option<Hub>,
    shards: BTreeMap<ShardId, ShardLinks>,
    publisher: Option<PublisherEnds>,
}

/// What the shards of a process start from.
type RecoveredShards<W> = BTreeMap<ShardId, Recovered<<W as Workload>::System>>;

/// The publisher's ends.
struct PublisherEnds {
    shards: Hub,
    router: Link,
}

impl<W: Workload> World<W> {
    /// Starts the processes that are due, and gives full disks their room back.
    pub(super) fn start_those_due(&mut self) -> Result<(), Violation> {
        for process in 0..self.processes.len() {
            let one = &self.processes[process];
            if !one.is_up() && one.up_at <= self.now {
                self.start(process)?;
            }
        }
        for shard in shard_ids(self.disks.len()) {
            if self.full_until[shard.index()] <= self.now {
                self.full_until[shard.index()] = Nanos::MAX;
                self.disks[shard.index()].set_capacity(None);
                self.trace.note(self.now, format!("the disk of shard {shard} has room again"));
            }
        }
        Ok(())
    }

    /// Starts a process, unless a disk fails.
    fn start(&mut self, process: usize) -> Result<(), Violation> {
        let sites = self.processes[process].sites.clone();
        let Some(recovered) = self.recover_shards(&sites)? else {
            let pause = self.prng.span(Duration::from_millis(20)..=Duration::from_secs(2));
            self.processes[process].up_at = self.now + pause;
            return Ok(());
        };
        let now = self.now;
        let mut actors = self.actors(&sites, recovered);
        actors.iter_mut().for_each(|actor| actor.agent().start(now));
        let slot = |actor| Slot { actor, stalled_until: Nanos::ZERO };
        self.processes[process].slots = actors.into_iter().map(slot).collect();
        let name = self.processes[process].name();
        self.trace.note(now, format!("{name} starts"));
        Ok(())
    }

    /// Recovers the shards of a process; `None` if the disk of one fails.
    fn recover_shards(&mut self, sites: &[Site]) -> Result<Option<RecoveredShards<W>>, Violation> {
        let mut recovered = BTreeMap::new();
        for site in sites {
            let Site::Shard(shard) = *site else { continue };
            let Some(one) = self.recover(shard)? else { return Ok(None) };
            recovered.insert(shard, one);
        }
        Ok(Some(recovered))
    }

    fn actors(
        &mut self,
        sites: &[Site],
        mut recovered: RecoveredShards<W>,
    ) -> Vec<Actor<W::System>> {
        let mut ends = self.ends(sites);
        let mut actors = Vec::new();
        for site in sites {
            match *site {
                Site::Router => {
                    let hub = ends.router.take().expect("the router has its links");
                    actors.push(self.router(hub));
                }
                Site::Shard(shard) => {
                    let recovered = recovered.remove(&shard).expect("it was recovered");
                    let links = ends.shards.remove(&shard).expect("each shard has its links");
                    actors.extend(self.shard(shard, recovered, links));
                }
                Site::Publisher => {
                    let ends = ends.publisher.take().expect("the publisher has its links");
                    actors.push(self.publisher(ends));
                }
                Site::Client(client) => {
                    let link = self.client_network.attach(client);
                    actors.push(Actor::Client(self.workload.start_client(client, link)));
                }
            }
        }
        actors
    }

    /// The links of a process: rings within it, network links between processes.
    fn ends(&mut self, sites: &[Site]) -> Ends {
        let shards = self.options.shards;
        let mut feeder = self.feeder(sites);
        if self.options.shape == Shape::One {
            let has_boxes = sites.contains(&Site::Router);
            return if has_boxes { self.rings(feeder) } else { Ends::default() };
        }
        let mut ends = Ends::default();
        let links = &mut self.network_links;
        for site in sites {
            match *site {
                Site::Router => {
                    let peers = (0..shards).chain([2 * shards]);
                    let peers =
                        peers.map(|link| links[link].attach(Side::Hub)).chain(feeder.take());
                    ends.router = Some(Hub::lossy_rings(peers.collect()));
                }
                Site::Shard(shard) => {
                    let router = links[shard.index()].attach(Side::Dealer);
                    let publisher = links[shards + shard.index()].attach(Side::Dealer);
                    ends.shards.insert(shard, ShardLinks { router, publisher });
                }
                Site::Publisher => {
                    let peers = (shards..2 * shards).map(|link| links[link].attach(Side::Hub));
                    let peers = Hub::rings(peers.collect());
                    let router = links[2 * shards].attach(Side::Dealer);
                    ends.publisher = Some(PublisherEnds { shards: peers, router });
                }
                Site::Client(_) => {}
            }
        }
        ends
    }

    /// The router's link to the feeder, where the router starts and the workload has one.
    fn feeder(&mut self, sites: &[Site]) -> Option<Link> {
        let has_feeder = W::HAS_FEEDER && sites.contains(&Site::Router);
        has_feeder.then(|| {
            let silent = Waker::silent();
            let (of_router, of_feeder) =
                ring_pair(self.options.setup.ring_frames, &silent, &silent);
            self.workload.connect_feeder(Some(of_feeder));
            of_router
        })
    }

    fn rings(&self, feeder: Option<Link>) -> Ends {
        let wakers = BoxWakers::silent(self.options.shards);
        let mut rings = RingEnds::link(self.options.setup.ring_frames, &wakers);
        rings.router.extend(feeder);
        let router = Some(rings.take_router_hub());
        let shard_hub = rings.take_publisher_hub();
        let publisher =
            Some(PublisherEnds { shards: shard_hub, router: rings.publisher_to_router });
        let shards = shard_ids(self.options.shards).zip(rings.shards).collect();
        Ends { router, shards, publisher }
    }

    /// An incarnation that no box has had before.
    fn incarnation(&mut self) -> Incarnation {
        self.starts += 1;
        Incarnation::new(self.now.as_unix() + self.starts)
    }

    fn router(&mut self, hub: Hub) -> Actor<W::System> {
        let (door, clients): (Door, DoorClients) = Door::memory();
        self.client_network.open(clients);
        let core = self.options.core();
        let router = boxes::router(&core, self.incarnation(), door, hub, Counters::new());
        Actor::Router(Box::new(router))
    }

    fn shard(
        &mut self,
        shard: ShardId,
        recovered: Recovered<W::System>,
        links: ShardLinks,
    ) -> [Actor<W::System>; 3] {
        let Recovered { opened, committer, checkpointer } = recovered;
        let identity = Identity { shard, incarnation: self.incarnation() };
        let agent = boxes::shard(&self.options.core(), identity, opened, links, Counters::new());
        [
            Actor::Shard(shard, Box::new(agent)),
            Actor::Committer(shard, Box::new(committer)),
            Actor::Checkpointer(shard, Box::new(checkpointer)),
        ]
    }

    fn publisher(&mut self, ends: PublisherEnds) -> Actor<W::System> {
        let (broadcast, listener): (Broadcast, BroadcastListener) = Broadcast::memory();
        self.workload.connect_subscriber(Some(listener));
        let PublisherEnds { shards, router } = ends;
        let core = self.options.core();
        let incarnation = self.incarnation();
        let publisher =
            boxes::publisher(&core, incarnation, broadcast, shards, router, Counters::new());
        Actor::Publisher(Box::new(publisher))
    }
}
