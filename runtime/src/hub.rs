//! A hub: one agent's ends of its links to many peers, which it knows by number.
//!
//! ```text
//!                 ┌─ 0 ── "shard-0"
//!   agent ── Hub ─┼─ 1 ── "shard-1"
//!                 └─ 2 ── "snapshotter"
//! ```
//!
//! Over rings, peer `n` is the n-th link. Over ZeroMQ each peer connects under its name, and a
//! name has one holder at a time: who comes second under a name is not heard while the first is
//! reachable.

mod switchboard;

use crate::{Context, Counters, Link, PollSet, RuntimeError, SendError};
use switchboard::Switchboard;

pub(crate) use switchboard::routing_id;

/// The links to peers `0..n`.
pub struct Hub(Kind);

enum Kind {
    Links(Links),
    Switchboard(Box<Switchboard>),
}

impl Hub {
    /// Peers that have a link each, in that order.
    pub fn rings(links: Vec<Link>) -> Self {
        Self(Kind::Links(Links { links, next: 0, may_lose: false }))
    }

    /// The same, where something between the two ends of a ring may lose frames, as a connection
    /// that breaks does: for simulations.
    pub fn lossy_rings(links: Vec<Link>) -> Self {
        Self(Kind::Links(Links { links, next: 0, may_lose: true }))
    }

    /// Whether a frame that was taken may be lost on its way: sockets break, rings do not.
    pub fn may_lose(&self) -> bool {
        match &self.0 {
            Kind::Links(links) => links.may_lose,
            Kind::Switchboard(_) => true,
        }
    }

    /// Peers that connect to `endpoint` under these names, in that order.
    /// With `tcp://127.0.0.1:*` the operating system chooses a port: see [`Hub::endpoint`].
    ///
    /// # Errors
    /// When the endpoint is taken or malformed, or a name is empty, longer than 128 bytes, given
    /// twice, or contains a `#`.
    pub fn bind(context: &Context, endpoint: &str, names: &[String]) -> Result<Self, RuntimeError> {
        let switchboard = Switchboard::bind(context, endpoint, names)?;
        Ok(Self(Kind::Switchboard(Box::new(switchboard))))
    }

    /// Hands a frame to one peer. On success `frame` is empty; after an error it is as it was.
    ///
    /// # Errors
    /// [`SendError`]: the frame was not taken.
    ///
    /// # Panics
    /// When there is no peer of that number, or the frame is empty.
    pub fn send(&mut self, peer: usize, frame: &mut Vec<u8>) -> Result<(), SendError> {
        assert!(!frame.is_empty(), "empty frames are the sockets' own");
        match &mut self.0 {
            Kind::Links(links) => links.links[peer].send(frame),
            Kind::Switchboard(board) => board.send(peer, frame),
        }
    }

    /// Replaces the content of `frame` by the next frame of any peer, and says whose it is.
    /// A busy peer does not keep the others waiting.
    pub fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        match &mut self.0 {
            Kind::Links(links) => links.receive(frame),
            Kind::Switchboard(board) => board.receive(frame),
        }
    }

    /// Names what must end the sleep of the thread that owns this hub.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Kind::Links(links) => links.links.iter().for_each(|link| link.wait_on(poll_set)),
            Kind::Switchboard(board) => board.wait_on(poll_set),
        }
    }

    /// How many peers there are, connected or not.
    pub fn peers(&self) -> usize {
        match &self.0 {
            Kind::Links(links) => links.links.len(),
            Kind::Switchboard(board) => board.peers(),
        }
    }

    /// Where peers connect to, with the real port; none over rings.
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Kind::Links(_) => None,
            Kind::Switchboard(board) => Some(board.endpoint()),
        }
    }

    /// Counts what this hub drops into the set of the box that owns it.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Kind::Links(links) => links.links.iter_mut().for_each(|link| link.count_into(counters)),
            Kind::Switchboard(board) => board.count_into(counters),
        }
    }
}

struct Links {
    links: Vec<Link>,
    may_lose: bool,
    /// Whose turn it is.
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
