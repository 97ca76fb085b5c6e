//! A link: frames of bytes between two agents, each way, in order.
//!
//! ```text
//!            send: the bytes leave, an empty buffer comes back
//!   agent A ═══════════════════════════════════════════════════► agent B
//!           ◄═══════════════════════════════════════════════════
//!            receive: the buffer is exchanged for a full one
//! ```
//!
//! Neither end can tell whether the other is on the next thread or in another process.

mod ring;
mod dealer;
mod presence;

use std::fmt;

use crate::limits::{LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER};
use crate::{Context, Counters, CurveKey, PollSet, RuntimeError, Waker};
use dealer::Dealer;
use ring::Ring;

/// One end of a link.
pub struct Link(Kind);

enum Kind {
    Ring(Ring),
    Dealer(Box<Dealer>),
}

/// Why a frame was not taken. It is still the sender's, unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The peer is there and has too much to read already. Worth another try later.
    Full,
    /// The peer is not connected, or has gone.
    Away,
}

/// The bounds of a link over a socket.
#[derive(Clone, Copy, Debug)]
pub struct LinkOptions {
    /// Messages that may wait for the peer before it counts as full.
    pub high_water: usize,
    /// The largest frame that is read.
    pub frame_bytes_max: usize,
    /// The public key of the front door at the other end, if that encrypts.
    pub door_key: Option<CurveKey>,
}

/// Two ends of one link within this process. `capacity` frames may wait in each direction.
///
/// Each end is given the waker of the thread that owns it: `waker_a` is rung when the second end
/// sends to the first.
pub fn ring_pair(capacity: usize, waker_a: &Waker, waker_b: &Waker) -> (Link, Link) {
    let (first, second) = Ring::pair(capacity, waker_a, waker_b);
    (Link(Kind::Ring(first)), Link(Kind::Ring(second)))
}

impl Link {
    /// The end of a link that connects to a [`Hub`](crate::Hub) or to a [`Door`](crate::Door),
    /// over `tcp://` or `ipc://`.
    ///
    /// The name is the one under which a hub expects this peer; a client of the front door has
    /// none. The other side need not be there yet.
    ///
    /// # Errors
    /// When the endpoint is malformed or there are no more file descriptors.
    pub fn dealer(
        context: &Context,
        endpoint: &str,
        name: Option<&str>,
        options: LinkOptions,
    ) -> Result<Self, RuntimeError> {
        let dealer = Dealer::connect(context, endpoint, name, options)?;
        Ok(Self(Kind::Dealer(Box::new(dealer))))
    }

    /// Hands a frame to the peer. On success `frame` is empty, and has the capacity of a buffer
    /// that was used before; after an error it is as it was.
    ///
    /// An agent whose frame was refused is woken when another try is worthwhile.
    ///
    /// # Errors
    /// [`SendError`]: the frame was not taken.
    ///
    /// # Panics
    /// When the frame is empty.
    pub fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        assert!(!frame.is_empty(), "empty frames are the sockets' own");
        match &mut self.0 {
            Kind::Ring(ring) => ring.send(frame),
            Kind::Dealer(dealer) => dealer.send(frame),
        }
    }

    /// Replaces the content of `frame` by the next frame of the peer.
    /// False, and `frame` unchanged, if there is none.
    pub fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        match &mut self.0 {
            Kind::Ring(ring) => ring.receive(frame),
            Kind::Dealer(dealer) => dealer.receive(frame),
        }
    }

    /// Whether a frame could reach the peer now. A ring always says yes, until a send finds the
    /// other end dropped.
    pub fn is_connected(&self) -> bool {
        match &self.0 {
            Kind::Ring(_) => true,
            Kind::Dealer(dealer) => dealer.is_connected(),
        }
    }

    /// Names what must end the sleep of the thread that owns this end.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Kind::Ring(_) => {}
            Kind::Dealer(dealer) => dealer.wait_on(poll_set),
        }
    }

    /// Drops the connection and makes a new one, for a client that has heard nothing for long.
    /// What was sent and not yet taken is forgotten. A ring cannot break: nothing happens.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn reconnect(&mut self) -> Result<(), RuntimeError> {
        match &mut self.0 {
            Kind::Ring(_) => Ok(()),
            Kind::Dealer(dealer) => dealer.reconnect(),
        }
    }

    /// Counts what this end drops into the set of the box that owns it.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Kind::Ring(_) => {}
            Kind::Dealer(dealer) => dealer.count_into(counters),
        }
    }
}

impl Default for LinkOptions {
    fn default() -> Self {
        let (high_water, frame_bytes_max) = (LINK_HIGH_WATER, LINK_FRAME_BYTES_MAX);
        Self { high_water, frame_bytes_max, door_key: None }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full => "the peer has too much to read already",
            Self::Away => "the peer is not connected",
        })
    }
}

impl std::error::Error for SendError {}
