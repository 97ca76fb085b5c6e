//! A link: frames of bytes between two agents, each way, in order.
//!
//! ```text
//!            send: the bytes leave, an empty buffer comes back
//!   agent A ═══════════════════════════════════════════════════► agent B
//!           ◄═══════════════════════════════════════════════════
//!            receive: the buffer is exchanged for a full one
//! ```
//!
//! Neither end can tell whether the other is on another thread or in another process.

mod ring;
mod dealer;
mod native;
mod poller;
mod connection_monitor;

use std::fmt;

use crate::limits::{LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER};
use crate::native_socket::Target;
use crate::{Context, Counters, CurveKey, Nanos, PollSet, RuntimeError, Transport, Waker};
use dealer::Dealer;
use native::NativeDealer;
pub use poller::LinkPoller;
use ring::Ring;

/// One end of a link.
pub struct Link(Kind);

enum Kind {
    Ring(Ring),
    Dealer(Box<Dealer>),
    Native(Box<NativeDealer>),
}

/// Why a frame was not taken. The sender still has it, unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The peer is connected but has too much to read. A later try may succeed.
    Full,
    /// The peer is not connected.
    Away,
}

/// The bounds of a link over a socket.
#[derive(Clone, Copy, Debug)]
pub struct LinkOptions {
    /// Messages that may wait for the peer before it counts as full.
    pub high_water: usize,
    /// The largest frame that is read.
    pub frame_bytes_max: usize,
    /// The public key of the front door at the other end, if it encrypts.
    pub door_key: Option<CurveKey>,
    /// Who speaks ZeroMQ's protocol. Names of hosts are always libzmq's, whose thread may wait for
    /// them to be resolved. A native link counts bytes that wait, and is to be told the time in
    /// every turn ([`Link::tick`]) and flushed at its end ([`Link::flush`]).
    pub transport: Transport,
}

/// The two ends of a link within this process. `capacity` frames may wait in each direction.
///
/// `waker_a` wakes the thread that owns the first end, when the second end sends to it; `waker_b`
/// wakes that of the second.
#[must_use]
pub fn ring_pair(capacity: usize, waker_a: &Waker, waker_b: &Waker) -> (Link, Link) {
    let (first, second) = Ring::pair(capacity, waker_a, waker_b);
    (Link(Kind::Ring(first)), Link(Kind::Ring(second)))
}

impl Link {
    /// The end of a link that connects to a [`Hub`](crate::Hub) or to a [`Door`](crate::Door),
    /// over `tcp://` or `ipc://`.
    ///
    /// The name is the one under which a hub expects this peer; a client of the front door has
    /// none. The other side need not exist yet.
    ///
    /// # Errors
    /// When the endpoint is malformed or there are no more file descriptors.
    pub fn dealer(
        context: &Context,
        endpoint: &str,
        name: Option<&str>,
        options: LinkOptions,
    ) -> Result<Self, RuntimeError> {
        if options.transport == Transport::Native
            && let Some(target) = Target::of(endpoint)
        {
            let dealer = NativeDealer::new(target, name, options);
            return Ok(Self(Kind::Native(Box::new(dealer))));
        }
        let dealer = Dealer::connect(context, endpoint, name, options)?;
        Ok(Self(Kind::Dealer(Box::new(dealer))))
    }

    /// Sends a frame to the peer. On success `frame` is empty, and may have the capacity of a
    /// buffer that was used before; after an error it is unchanged.
    ///
    /// After [`SendError::Full`] the thread is woken when there may be room.
    ///
    /// # Errors
    /// [`SendError`]: the frame was not taken.
    ///
    /// # Panics
    /// When the frame is empty.
    pub fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        assert!(!frame.is_empty(), "only sockets send empty frames");
        match &mut self.0 {
            Kind::Ring(ring) => ring.send(frame),
            Kind::Dealer(dealer) => dealer.send(frame),
            Kind::Native(dealer) => dealer.send(frame),
        }
    }

    /// Replaces the content of `frame` by the next frame of the peer.
    /// False, and `frame` unchanged, if there is none.
    pub fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        match &mut self.0 {
            Kind::Ring(ring) => ring.receive(frame),
            Kind::Dealer(dealer) => dealer.receive(frame),
            Kind::Native(dealer) => dealer.receive(frame),
        }
    }

    /// Whether a frame could reach the peer now. Always true for a ring, even if the other end was
    /// dropped; then a send returns [`SendError::Away`].
    #[must_use]
    pub fn is_connected(&self) -> bool {
        match &self.0 {
            Kind::Ring(_) => true,
            Kind::Dealer(dealer) => dealer.is_connected(),
            Kind::Native(dealer) => dealer.is_connected(),
        }
    }

    /// Whether a frame could reach the peer now, and how many connections were made so far, which
    /// tells whether this is still the one of before. A ring has one.
    #[must_use]
    pub fn connection(&self) -> (bool, u64) {
        match &self.0 {
            Kind::Ring(_) => (true, 1),
            Kind::Dealer(dealer) => dealer.connection(),
            Kind::Native(dealer) => dealer.connection(),
        }
    }

    /// Whether nothing can have come since a receive and a look at the connection found nothing,
    /// as far as the sleeps of this thread tell. An owner of many links then passes over this one,
    /// because asking takes system calls; if it has not slept for a while it asks all the same.
    /// Never true for a ring.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match &self.0 {
            Kind::Ring(_) => false,
            Kind::Dealer(dealer) => dealer.is_quiet(),
            Kind::Native(dealer) => dealer.is_quiet(),
        }
    }

    /// Adds what must end the sleep of the thread that owns this end.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Kind::Ring(_) => {}
            Kind::Dealer(dealer) => dealer.wait_on(poll_set),
            Kind::Native(dealer) => dealer.wait_on(poll_set),
        }
    }

    /// What the time is in this turn: a native link makes its connection.
    pub fn tick(&mut self, now: Nanos) {
        if let Kind::Native(dealer) = &mut self.0 {
            dealer.tick(now);
        }
    }

    /// When a native link has something to do next.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        match &self.0 {
            Kind::Native(dealer) => dealer.wake_at(),
            Kind::Ring(_) | Kind::Dealer(_) => Nanos::MAX,
        }
    }

    /// Whether the [`LinkPoller`] of this link tells of whatever happens next, until something is
    /// sent: then it needs no look, no [`tick`](Self::tick) and no [`flush`](Self::flush) in a
    /// turn. Never true for a link that has none.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.0 {
            Kind::Ring(_) | Kind::Dealer(_) => false,
            Kind::Native(dealer) => dealer.is_settled(),
        }
    }

    /// A [`LinkPoller`] has told that there is something.
    pub fn wake(&self) {
        if let Kind::Native(dealer) = &self.0 {
            dealer.wake();
        }
    }

    /// Lets everything that was sent leave.
    pub fn flush(&mut self) {
        if let Kind::Native(dealer) = &mut self.0 {
            dealer.flush();
        }
    }

    /// Drops the connection and makes a new one, for a client that has received nothing for too
    /// long. What was sent and is not delivered yet is lost. On a ring this does nothing.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn reconnect(&mut self) -> Result<(), RuntimeError> {
        match &mut self.0 {
            Kind::Ring(_) => Ok(()),
            Kind::Dealer(dealer) => dealer.reconnect(),
            Kind::Native(dealer) => {
                dealer.reconnect();
                Ok(())
            }
        }
    }

    /// Counts the frames that this end drops in the set of the box that owns it.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Kind::Ring(_) => {}
            Kind::Dealer(dealer) => dealer.count_into(counters),
            Kind::Native(dealer) => dealer.count_into(counters),
        }
    }
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            high_water: LINK_HIGH_WATER,
            frame_bytes_max: LINK_FRAME_BYTES_MAX,
            door_key: None,
            transport: Transport::Libzmq,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full => "the peer has too much to read; try again later",
            Self::Away => "the peer is not connected",
        })
    }
}

impl std::error::Error for SendError {}
