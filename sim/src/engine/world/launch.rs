//! How processes start: boxes with their links, on what is on their disks.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_runtime::{
    Broadcast, BroadcastListener, Door, DoorClients, Hub, Link, Nanos, Waker, ring_pair,
};

use super::World;
use crate::engine::boxes::{self, Identity, Recovered, ShardLinks};
use crate::engine::network_link::Side;
use crate::engine::options::Shape;
use crate::engine::process::{Actor, Site, Slot};
use crate::engine::violation::Violation;
use crate::engine::workload::Workload;

/// The ends of the links of all boxes that start together.
#[derive(Default)]
struct Ends {
    /// The router's: to each shard, then to the publisher.
    router: Vec<Link>,
    /// Each shard's.
    shards: BTreeMap<usize, ShardLinks>,
    /// The publisher's: to each shard, then to the router.
    publisher: Vec<Link>,
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
        for shard in 0..self.disks.len() {
            if self.full_until[shard] <= self.now {
                self.full_until[shard] = Nanos::MAX;
                self.disks[shard].sim().set_capacity(None);
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
    fn recover_shards(
        &mut self,
        sites: &[Site],
    ) -> Result<Option<BTreeMap<usize, Recovered>>, Violation> {
        let mut recovered = BTreeMap::new();
        for site in sites {
            let Site::Shard(shard) = *site else { continue };
            let Some(one) = self.recover(shard)? else { return Ok(None) };
            recovered.insert(shard, one);
        }
        Ok(Some(recovered))
    }

    fn actors(&mut self, sites: &[Site], mut recovered: BTreeMap<usize, Recovered>) -> Vec<Actor> {
        let mut ends = self.ends(sites);
        let mut actors = Vec::new();
        for site in sites {
            match *site {
                Site::Router => actors.push(self.router(std::mem::take(&mut ends.router))),
                Site::Shard(shard) => {
                    let recovered = recovered.remove(&shard).expect("it was recovered");
                    let links = ends.shards.remove(&shard).expect("each shard has its links");
                    actors.extend(self.shard(shard, recovered, links));
                }
                Site::Publisher => actors.push(self.publisher(std::mem::take(&mut ends.publisher))),
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
        if self.options.shape == Shape::One {
            return if sites.contains(&Site::Router) { self.rings() } else { Ends::default() };
        }
        let mut ends = Ends::default();
        let links = &mut self.network_links;
        for site in sites {
            match *site {
                Site::Router => {
                    let to_shards = (0..shards).map(|shard| links[shard].attach(Side::Hub));
                    ends.router = to_shards.collect();
                    ends.router.push(links[2 * shards].attach(Side::Hub));
                }
                Site::Shard(shard) => {
                    let router = links[shard].attach(Side::Dealer);
                    let publisher = links[shards + shard].attach(Side::Dealer);
                    ends.shards.insert(shard, ShardLinks { router, publisher });
                }
                Site::Publisher => {
                    let to_shards = (shards..2 * shards).map(|link| links[link].attach(Side::Hub));
                    ends.publisher = to_shards.collect();
                    ends.publisher.push(links[2 * shards].attach(Side::Dealer));
                }
                Site::Client(_) => {}
            }
        }
        ends
    }

    fn rings(&self) -> Ends {
        let frames = self.options.setup.ring_frames;
        let ring = || ring_pair(frames, &Waker::silent(), &Waker::silent());
        let mut ends = Ends::default();
        for shard in 0..self.options.shards {
            let (of_router, router) = ring();
            let (of_publisher, publisher) = ring();
            ends.router.push(of_router);
            ends.publisher.push(of_publisher);
            ends.shards.insert(shard, ShardLinks { router, publisher });
        }
        let (of_router, of_publisher) = ring();
        ends.router.push(of_router);
        ends.publisher.push(of_publisher);
        ends
    }

    /// An identity with an incarnation that no box has had before.
    fn identity(&mut self) -> Identity {
        self.starts += 1;
        Identity { shards: self.options.shards, incarnation: self.now.as_unix() + self.starts }
    }

    fn router(&mut self, links: Vec<Link>) -> Actor {
        let (door, clients): (Door, DoorClients) = Door::memory();
        self.client_network.open(clients);
        let hub = match self.options.shape {
            Shape::One => Hub::rings(links),
            Shape::Separate => Hub::lossy_rings(links),
        };
        let identity = self.identity();
        Actor::Router(Box::new(boxes::router(&self.options.setup, identity, door, hub)))
    }

    fn shard(&mut self, shard: usize, recovered: Recovered, links: ShardLinks) -> [Actor; 3] {
        let Recovered { state, journal, committer, checkpointer } = recovered;
        let agent = boxes::shard(shard, self.identity(), state, journal, links);
        [
            Actor::Shard(shard, Box::new(agent)),
            Actor::Committer(shard, Box::new(committer)),
            Actor::Checkpointer(shard, Box::new(checkpointer)),
        ]
    }

    fn publisher(&mut self, mut links: Vec<Link>) -> Actor {
        let (feed, listener): (Broadcast, BroadcastListener) = Broadcast::memory();
        self.workload.connect_subscriber(Some(listener));
        let router = links.pop().expect("the last is the router's");
        let hub = Hub::rings(links);
        Actor::Publisher(Box::new(boxes::publisher(self.identity(), feed, hub, router)))
    }
}
