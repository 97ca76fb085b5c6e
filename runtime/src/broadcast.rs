//! A broadcast: publications to all who have subscribed to their topic.
//!
//! ```text
//!   [topic] [sequence of that topic: 8 bytes, big-endian] [body]
//! ```
//!
//! A subscriber that is too slow loses publications and sees the gap in the sequence. It does not
//! slow down the others.

mod memory;
mod native;
mod xpub;

use std::sync::{Arc, Mutex};

use crate::limits::BROADCAST_HIGH_WATER;
use crate::{Context, Counters, CurveKeys, Nanos, PollSet, RuntimeError, Transport, native_socket};
pub use memory::BroadcastListener;
use memory::{Subscribers, lock};
use native::NativeBroadcast;
use xpub::Xpub;

/// The publisher's side.
pub struct Broadcast(Side);

enum Side {
    Native(Box<NativeBroadcast>),
    Xpub(Box<Xpub>),
    Memory(Arc<Mutex<Subscribers>>),
}

/// Whom a publication is for, and what becomes of it where it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// For all who hear its topic.
    Event,
    /// The same; a later one of its topic takes its place.
    State,
    /// A state for those who have not heard it.
    Last,
}

/// The bounds of a broadcast.
#[derive(Clone, Copy, Debug)]
pub struct BroadcastOptions {
    /// Publications that may wait for one subscriber, where ZeroMQ's library counts them; the next
    /// ones are dropped for it. A native broadcast counts bytes.
    pub high_water: usize,
    /// With keys the broadcast encrypts, and accepts only subscribers that know the public key.
    pub keys: Option<CurveKeys>,
    /// Who speaks ZeroMQ's protocol.
    pub transport: Transport,
}

/// A prefix of topics that gained a subscriber or lost its last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The prefix; empty for everything.
    pub topic: Vec<u8>,
    /// True for every new subscriber; false when the last subscriber of the prefix has left.
    pub on: bool,
}

/// What a subscriber receives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// The whole topic.
    pub topic: Vec<u8>,
    /// The number that the publisher gave it on this topic; a gap is a loss.
    pub sequence: u64,
    /// The content.
    pub body: Vec<u8>,
}

impl Broadcast {
    /// Opens at an endpoint. With `tcp://127.0.0.1:*` the operating system chooses a port: see
    /// [`Broadcast::endpoint`].
    ///
    /// # Errors
    /// When the endpoint is taken or malformed.
    pub fn bind(
        context: &Context,
        endpoint: &str,
        options: BroadcastOptions,
    ) -> Result<Self, RuntimeError> {
        if options.transport == Transport::Native && native_socket::knows(endpoint) {
            return Ok(Self(Side::Native(Box::new(NativeBroadcast::bind(endpoint, options)?))));
        }
        Ok(Self(Side::Xpub(Box::new(Xpub::bind(context, endpoint, options)?))))
    }

    /// A broadcast without sockets, and its listener, for a test that makes each step.
    #[must_use]
    pub fn memory() -> (Self, BroadcastListener) {
        let subscribers = Arc::new(Mutex::new(Subscribers::default()));
        let listener = BroadcastListener { subscribers: Arc::clone(&subscribers) };
        (Self(Side::Memory(subscribers)), listener)
    }

    /// Sends an event to all who subscribed to a prefix of its topic. It may stay here until the
    /// next [`flush`](Self::flush).
    pub fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        self.send(topic, sequence, body, Kind::Event);
    }

    /// The same with a value that replaces the one before it: a subscriber that is behind may get
    /// the latest one alone.
    pub fn publish_state(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        self.send(topic, sequence, body, Kind::State);
    }

    /// The same with a value that was published before, for those alone whose subscriptions were
    /// told before [`begin_last`](Self::begin_last). With ZeroMQ's library all get it again.
    pub fn publish_last(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        self.send(topic, sequence, body, Kind::Last);
    }

    /// Last values are published from here on for those whose subscriptions were told since this
    /// was called before, and not for those who are told from here on.
    pub fn begin_last(&mut self) {
        if let Side::Native(native) = &mut self.0 {
            native.begin_last();
        }
    }

    fn send(&mut self, topic: &[u8], sequence: u64, body: &[u8], kind: Kind) {
        match &mut self.0 {
            Side::Native(native) => native.publish(topic, sequence, body, kind),
            Side::Xpub(xpub) => xpub.publish(topic, sequence, body),
            Side::Memory(subscribers) => lock(subscribers).publish(topic, sequence, body),
        }
    }

    /// Lets everything that was published leave: one write for many publications wakes their
    /// reader once.
    pub fn flush(&mut self) {
        if let Side::Native(native) = &mut self.0 {
            native.flush();
        }
    }

    /// The next change of the subscriptions.
    pub fn next_subscription(&mut self) -> Option<Subscription> {
        match &mut self.0 {
            Side::Native(native) => native.next_subscription(),
            Side::Xpub(xpub) => xpub.next_subscription(),
            Side::Memory(subscribers) => lock(subscribers).changes.pop_front(),
        }
    }

    /// Whether subscribers take what is published: large bodies wait while too much is due to them.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.0 {
            Side::Native(native) => native.has_room(),
            Side::Xpub(xpub) => xpub.has_room(),
            Side::Memory(_) => true,
        }
    }

    /// Counts connections that are cut off, and what is dropped, into these counters from now on.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Side::Native(native) => native.count_into(counters),
            Side::Xpub(xpub) => xpub.count_into(counters),
            Side::Memory(_) => {}
        }
    }

    /// What the time is in this turn: connections that have been given up are closed.
    pub fn tick(&mut self, now: Nanos) {
        if let Side::Native(native) = &mut self.0 {
            native.tick(now);
        }
    }

    /// When the next connection is to be given up.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        match &self.0 {
            Side::Native(native) => native.wake_at(),
            Side::Xpub(_) | Side::Memory(_) => Nanos::MAX,
        }
    }

    /// Adds what must end the sleep of the thread that owns this broadcast.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Side::Native(native) => native.wait_on(poll_set),
            Side::Xpub(xpub) => xpub.wait_on(poll_set),
            Side::Memory(_) => {}
        }
    }

    /// The endpoint to which subscribers connect, with the real port; `None` without sockets.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Side::Native(native) => Some(native.endpoint()),
            Side::Xpub(xpub) => Some(xpub.endpoint()),
            Side::Memory(_) => None,
        }
    }
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self { high_water: BROADCAST_HIGH_WATER, keys: None, transport: Transport::default() }
    }
}
