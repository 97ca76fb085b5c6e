//! A hub: one agent's ends of its links to many peers, each with a number.
//!
//! ```text
//!                 ┌─ 0 ── "shard-0"
//!   agent ── Hub ─┼─ 1 ── "shard-1"
//!                 └─ 2 ── "publisher"
//! ```
//!
//! Over rings, peer `n` is the n-th link. Over ZeroMQ each peer connects under its name, and a name
//! has one holder at a time: frames of a second peer of that name are dropped while the first is
//! reachable.

mod ends;
mod named_peers;

use crate::{Context, Counters, Link, Nanos, PollSet, RuntimeError, SendError, Transport};
use named_peers::NamedPeers;
pub(crate) use named_peers::routing_id;

/// The links to peers `0..n`.
pub struct Hub(Kind);

enum Kind {
    Links(Links),
    Named(Box<NamedPeers>),
}

impl Hub {
    /// Peers that have a link each, in that order.
    #[must_use]
    pub fn rings(links: Vec<Link>) -> Self {
        Self(Kind::Links(Links { links, next: 0, may_lose: false }))
    }

    /// The same, but frames may be lost between the two ends of a ring, as on a connection that
    /// breaks. For simulations.
    #[must_use]
    pub fn lossy_rings(links: Vec<Link>) -> Self {
        Self(Kind::Links(Links { links, next: 0, may_lose: true }))
    }

    /// Whether a frame that was taken may still be lost: connections break, rings do not.
    #[must_use]
    pub fn may_lose(&self) -> bool {
        match &self.0 {
            Kind::Links(links) => links.may_lose,
            Kind::Named(_) => true,
        }
    }

    /// Peers that connect to `endpoint` under these names, in that order, over either transport.
    /// With `tcp://127.0.0.1:*` the operating system chooses a port: see [`Hub::endpoint`]. A
    /// native hub is to be told the time in every turn ([`Hub::tick`]) and flushed at its end
    /// ([`Hub::flush`]).
    ///
    /// # Errors
    /// When the endpoint is taken or malformed, or a name is empty, longer than 128 bytes, given
    /// twice, or contains a `#`.
    pub fn bind(
        context: &Context,
        endpoint: &str,
        names: &[String],
        transport: Transport,
    ) -> Result<Self, RuntimeError> {
        let peers = NamedPeers::bind(context, endpoint, names, transport)?;
        Ok(Self(Kind::Named(Box::new(peers))))
    }

    /// Sends a frame to one peer. On success `frame` is empty; after an error it is unchanged.
    ///
    /// # Errors
    /// [`SendError`]: the frame was not taken.
    ///
    /// # Panics
    /// When there is no peer with that number, or the frame is empty.
    pub fn send(&mut self, peer: usize, frame: &mut Vec<u8>) -> Result<(), SendError> {
        assert!(!frame.is_empty(), "only sockets send empty frames");
        match &mut self.0 {
            Kind::Links(links) => links.links[peer].send(frame),
            Kind::Named(named) => named.send(peer, frame),
        }
    }

    /// Replaces the content of `frame` by the next frame of any peer; returns the number of the
    /// peer. The peers take turns, so that a busy one does not delay the others.
    pub fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        match &mut self.0 {
            Kind::Links(links) => links.receive(frame),
            Kind::Named(named) => named.receive(frame),
        }
    }

    /// Adds what must end the sleep of the thread that owns this hub.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Kind::Links(links) => links.links.iter().for_each(|link| link.wait_on(poll_set)),
            Kind::Named(named) => named.wait_on(poll_set),
        }
    }

    /// What the time is in this turn.
    pub fn tick(&mut self, now: Nanos) {
        match &mut self.0 {
            Kind::Links(links) => links.links.iter_mut().for_each(|link| link.tick(now)),
            Kind::Named(named) => named.tick(now),
        }
    }

    /// Lets everything that was sent leave.
    pub fn flush(&mut self) {
        match &mut self.0 {
            Kind::Links(links) => links.links.iter_mut().for_each(Link::flush),
            Kind::Named(named) => named.flush(),
        }
    }

    /// When it has something to do next.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        match &self.0 {
            Kind::Links(links) => links.links.iter().map(Link::wake_at).min().unwrap_or(Nanos::MAX),
            Kind::Named(named) => named.wake_at(),
        }
    }

    /// The number of peers, connected or not.
    #[must_use]
    pub fn peers(&self) -> usize {
        match &self.0 {
            Kind::Links(links) => links.links.len(),
            Kind::Named(named) => named.peers(),
        }
    }

    /// The endpoint to which peers connect, with the real port; `None` over rings.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Kind::Links(_) => None,
            Kind::Named(named) => Some(named.endpoint()),
        }
    }

    /// Counts the frames that this hub drops in the set of the box that owns it.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Kind::Links(links) => links.links.iter_mut().for_each(|link| link.count_into(counters)),
            Kind::Named(named) => named.count_into(counters),
        }
    }
}

struct Links {
    links: Vec<Link>,
    may_lose: bool,
    /// The peer whose turn it is.
    next: usize,
}

impl Links {
    fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        let count = self.links.len();
        let turns = (self.next..count).chain(0..self.next);
        let peer = turns.into_iter().find(|&peer| self.links[peer].receive(frame))?;
        self.next = if peer + 1 < count { peer + 1 } else { 0 };
        Some(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Waker, ring_pair};

    #[test]
    fn links_take_turns() {
        let silent = Waker::silent();
        let (ours, mut theirs): (Vec<Link>, Vec<Link>) =
            (0..3).map(|_| ring_pair(4, &silent, &silent)).unzip();
        for (peer, count) in [(0, 3), (2, 2)] {
            for turn in 0..count {
                theirs[peer].send(&mut vec![turn]).unwrap();
            }
        }
        let (mut hub, mut frame) = (Hub::rings(ours), Vec::new());
        let mut seen = Vec::new();
        while let Some(peer) = hub.receive(&mut frame) {
            seen.push((peer, frame[0]));
        }
        assert_eq!(seen, [(0, 0), (2, 0), (0, 1), (2, 1), (0, 2)]);
        hub.send(1, &mut vec![9]).unwrap();
        assert!(theirs[1].receive(&mut frame));
    }
}
