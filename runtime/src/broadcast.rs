//! A broadcast: publications to all who have subscribed to their topic.
//!
//! ```text
//!   [topic] [sequence of that topic: 8 bytes, big-endian] [body]
//! ```
//!
//! A subscriber that is too slow loses publications and sees the gap in the sequence. It does not
//! slow down the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use zmq::Message;

use crate::connections::{ConnectionBounds, Connections};
use crate::guard::Guard;
use crate::limits::{
    BROADCAST_HIGH_WATER, BROADCAST_RECEIVE_HIGH_WATER, BROADCAST_UNREAD_BYTES_MAX,
    BROADCAST_UNREAD_BYTES_MAX_OF_ALL, BROADCAST_WAITING_BYTES_END, BROADCAST_WAITING_BYTES_MAX,
    PUBLICATION_ENTRY_BYTES, SUBSCRIPTION_FRAME_BYTES_MAX,
};
use crate::socket::{Bounds, Part, Socket, be_verboser};
use crate::waiting_bytes::WaitingBytes;
use crate::{Context, Counter, Counters, PollSet, RuntimeError};

/// The publisher's side.
pub struct Broadcast(Kind);

enum Kind {
    Xpub(Box<Xpub>),
    Memory(Arc<Mutex<Subscribers>>),
}

struct Xpub {
    /// Dropped before the socket that it looks at.
    guard: Guard,
    socket: Socket,
    message: Message,
    /// What subscribers have not taken yet.
    waiting: WaitingBytes,
    counters: Counters,
}

impl Drop for Xpub {
    fn drop(&mut self) {
        // The guard has the monitor.
        self.socket.stop_monitor();
    }
}

/// The bounds of a broadcast.
#[derive(Clone, Copy, Debug)]
pub struct BroadcastOptions {
    /// Publications that may wait for one subscriber; the next ones are dropped for it.
    pub high_water: usize,
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
        let bounds = Bounds {
            high_water: options.high_water,
            receive_high_water: BROADCAST_RECEIVE_HIGH_WATER,
            frame_bytes_max: SUBSCRIPTION_FRAME_BYTES_MAX,
        };
        let socket = Socket::open(context, zmq::XPUB, bounds, be_verboser)?;
        let unread = ConnectionBounds {
            unread_max: BROADCAST_UNREAD_BYTES_MAX,
            unread_max_of_all: BROADCAST_UNREAD_BYTES_MAX_OF_ALL,
        };
        let connections = Connections::follow(context, socket.raw(), unread)?;
        let waiting = WaitingBytes::default();
        let socket = socket.bind(endpoint)?;
        Ok(Self(Kind::Xpub(Box::new(Xpub {
            guard: Guard::start(connections, waiting.clone())?,
            socket,
            message: Message::new(),
            waiting,
            counters: Counters::new(),
        }))))
    }

    /// A broadcast without sockets, and its listener, for a test that makes each step.
    #[must_use]
    pub fn memory() -> (Self, BroadcastListener) {
        let subscribers = Arc::new(Mutex::new(Subscribers::default()));
        let listener = BroadcastListener { subscribers: Arc::clone(&subscribers) };
        (Self(Kind::Memory(subscribers)), listener)
    }

    /// Sends a publication to all who subscribed to a prefix of its topic.
    pub fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        match &mut self.0 {
            Kind::Xpub(xpub) => xpub.publish(topic, sequence, body),
            Kind::Memory(subscribers) => lock(subscribers).publish(topic, sequence, body),
        }
    }

    /// The next change of the subscriptions.
    pub fn next_subscription(&mut self) -> Option<Subscription> {
        match &mut self.0 {
            Kind::Xpub(xpub) => xpub.next_subscription(),
            Kind::Memory(subscribers) => lock(subscribers).changes.pop_front(),
        }
    }

    /// Whether subscribers take what is published: large bodies wait while too much is due to them.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.0 {
            Kind::Xpub(xpub) => xpub.waiting.get() < BROADCAST_WAITING_BYTES_MAX,
            Kind::Memory(_) => true,
        }
    }

    /// Counts connections that are cut off, and what is dropped, into these counters from now on.
    pub fn count_into(&mut self, counters: &Counters) {
        if let Kind::Xpub(xpub) = &mut self.0 {
            xpub.guard.connections().count_into(counters);
            xpub.counters = counters.clone();
        }
    }

    /// Adds what must end the sleep of the thread that owns this broadcast.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if let Kind::Xpub(xpub) = &self.0 {
            xpub.socket.wait_on(poll_set, zmq::POLLIN);
        }
    }

    /// The endpoint to which subscribers connect, with the real port; `None` without sockets.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Kind::Xpub(xpub) => Some(xpub.socket.endpoint()),
            Kind::Memory(_) => None,
        }
    }
}

impl Xpub {
    /// An XPUB accepts every frame. It drops whole publications for slow subscribers.
    fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        if BROADCAST_WAITING_BYTES_END <= self.waiting.get() {
            self.counters.add(Counter::PublicationsDropped, 1);
            return;
        }
        for frame in [topic, &sequence.to_be_bytes()] {
            // The only error left is that the context is being closed.
            let _ = self.socket.send(frame, Part::More);
        }
        // Those who are not behind have taken it soon.
        let entries = (self.guard.behind() + 1) * PUBLICATION_ENTRY_BYTES;
        self.socket.send_counted(body.to_vec(), entries, &self.waiting);
    }

    /// A subscription is one frame: 1 or 0, then the topic. Other messages do not come from a
    /// subscriber. Who subscribes to more than is allowed is disconnected.
    fn next_subscription(&mut self) -> Option<Subscription> {
        while self.socket.receive(&mut self.message) {
            if self.message.get_more() {
                self.socket.discard_more(&mut self.message);
                continue;
            }
            let [on @ (0 | 1), topic @ ..] = &self.message[..] else {
                continue;
            };
            let subscription = Subscription { topic: topic.to_vec(), on: *on == 1 };
            self.guard.connections().subscribe(&mut self.message, &subscription);
            return Some(subscription);
        }
        None
    }
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self { high_water: BROADCAST_HIGH_WATER }
    }
}

/// The subscribers' side of [`Broadcast::memory`].
#[derive(Clone)]
pub struct BroadcastListener {
    subscribers: Arc<Mutex<Subscribers>>,
}

impl BroadcastListener {
    /// Subscribes to all topics with this prefix, as one more subscriber.
    pub fn subscribe(&self, topic: &[u8]) {
        let mut subscribers = lock(&self.subscribers);
        subscribers.topics.push(topic.to_vec());
        subscribers.changes.push_back(Subscription { topic: topic.to_vec(), on: true });
    }

    /// Ends one such subscription.
    pub fn unsubscribe(&self, topic: &[u8]) {
        let mut subscribers = lock(&self.subscribers);
        let Some(index) = subscribers.topics.iter().position(|one| one == topic) else { return };
        subscribers.topics.swap_remove(index);
        subscribers.changes.push_back(Subscription { topic: topic.to_vec(), on: false });
    }

    /// The oldest publication that was subscribed to and not yet read.
    #[must_use]
    pub fn receive(&self) -> Option<Publication> {
        lock(&self.subscribers).received.pop_front()
    }
}

#[derive(Default)]
struct Subscribers {
    /// One entry for each subscriber.
    topics: Vec<Vec<u8>>,
    changes: VecDeque<Subscription>,
    received: VecDeque<Publication>,
}

impl Subscribers {
    fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        if self.topics.iter().any(|prefix| topic.starts_with(prefix)) {
            let publication = Publication { topic: topic.to_vec(), sequence, body: body.to_vec() };
            self.received.push_back(publication);
        }
    }
}

fn lock(subscribers: &Mutex<Subscribers>) -> MutexGuard<'_, Subscribers> {
    subscribers.lock().expect("nothing panics while it holds the lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscriber_is_announced_and_only_the_last_to_leave() {
        let (mut broadcast, listener) = Broadcast::memory();
        listener.subscribe(b"a:");
        listener.subscribe(b"a:");
        listener.unsubscribe(b"a:");
        listener.unsubscribe(b"a:");
        listener.unsubscribe(b"a:");
        let changes: Vec<bool> =
            std::iter::from_fn(|| broadcast.next_subscription()).map(|one| one.on).collect();
        assert_eq!(changes, [true, true, false, false]);
    }

    #[test]
    fn a_publication_reaches_subscribers_of_a_prefix_of_its_topic() {
        let (mut broadcast, listener) = Broadcast::memory();
        broadcast.publish(b"a:json", 0, b"without a subscriber");
        listener.subscribe(b"a:");
        broadcast.publish(b"a:json", 1, b"heard");
        broadcast.publish(b"b:json", 1, b"other");
        let heard = Publication { topic: b"a:json".to_vec(), sequence: 1, body: b"heard".to_vec() };
        assert_eq!(listener.receive(), Some(heard));
        assert_eq!(listener.receive(), None);
    }
}
