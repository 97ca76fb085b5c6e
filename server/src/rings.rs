//! Rings: the links of all boxes within one process.

use allot_runtime::{Hub, Link, Waker, ring_pair};
use allot_shard::ShardLinks;

/// Frames that may wait in each direction of a ring. A frame holds all inputs of one turn, so that
/// a thousand turns may pass before the slower side holds up the faster.
pub const RING_FRAMES: usize = 1_024;

/// What wakes the thread of each box.
#[derive(Clone, Debug)]
pub struct BoxWakers {
    /// The router's.
    pub router: Waker,
    /// The shards', by id.
    pub shards: Vec<Waker>,
    /// The publisher's.
    pub publisher: Waker,
}

/// The ends of all links.
pub struct RingEnds {
    /// The router's: to each shard, then to the publisher.
    pub router: Vec<Link>,
    /// Each shard's, by id.
    pub shards: Vec<ShardLinks>,
    /// The publisher's, to each shard.
    pub publisher: Vec<Link>,
    /// The publisher's, to the router.
    pub publisher_to_router: Link,
}

impl BoxWakers {
    /// For boxes that are stepped by one thread.
    #[must_use]
    pub fn silent(shards: usize) -> Self {
        let silent = Waker::silent();
        Self { router: silent.clone(), shards: vec![silent.clone(); shards], publisher: silent }
    }
}

impl RingEnds {
    /// Links all boxes; `frames` may wait in each direction of each ring.
    #[must_use]
    pub fn link(frames: usize, wakers: &BoxWakers) -> Self {
        let mut router = Vec::new();
        let mut publisher = Vec::new();
        let mut shards = Vec::new();
        for waker in &wakers.shards {
            let (of_router, to_router) = ring_pair(frames, &wakers.router, waker);
            let (of_publisher, to_publisher) = ring_pair(frames, &wakers.publisher, waker);
            router.push(of_router);
            publisher.push(of_publisher);
            shards.push(ShardLinks { router: to_router, publisher: to_publisher });
        }
        let (of_router, publisher_to_router) = ring_pair(frames, &wakers.router, &wakers.publisher);
        router.push(of_router);
        Self { router, shards, publisher, publisher_to_router }
    }

    /// The router's ends as its hub.
    #[must_use]
    pub fn take_router_hub(&mut self) -> Hub {
        Hub::rings(std::mem::take(&mut self.router))
    }

    /// The publisher's ends to the shards as its hub.
    #[must_use]
    pub fn take_publisher_hub(&mut self) -> Hub {
        Hub::rings(std::mem::take(&mut self.publisher))
    }
}
