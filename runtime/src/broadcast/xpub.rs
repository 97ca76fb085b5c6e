//! An XPUB socket of libzmq.

use zmq::Message;

use super::{BroadcastOptions, Subscription};
use crate::connections::{ConnectionBounds, Connections};
use crate::guard::Guard;
use crate::limits::{
    BROADCAST_RECEIVE_HIGH_WATER, BROADCAST_UNREAD_BYTES_MAX, BROADCAST_UNREAD_BYTES_MAX_OF_ALL,
    BROADCAST_WAITING_BYTES_END, BROADCAST_WAITING_BYTES_MAX, PUBLICATION_ENTRY_BYTES,
    SUBSCRIPTION_FRAME_BYTES_MAX,
};
use crate::socket::{Bounds, Part, Socket, be_verboser};
use crate::waiting_bytes::WaitingBytes;
use crate::{Context, Counter, Counters, PollSet, RuntimeError};

/// The publisher's side.
pub(super) struct Xpub {
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

impl Xpub {
    pub(super) fn bind(
        context: &Context,
        endpoint: &str,
        options: BroadcastOptions,
    ) -> Result<Self, RuntimeError> {
        let bounds = Bounds {
            high_water: options.high_water,
            receive_high_water: BROADCAST_RECEIVE_HIGH_WATER,
            frame_bytes_max: SUBSCRIPTION_FRAME_BYTES_MAX,
        };
        let socket = Socket::open(context, zmq::XPUB, bounds, |socket| {
            options.keys.map_or(Ok(()), |keys| keys.serve(socket))?;
            be_verboser(socket)
        })?;
        let unread = ConnectionBounds {
            unread_max: BROADCAST_UNREAD_BYTES_MAX,
            unread_max_of_all: BROADCAST_UNREAD_BYTES_MAX_OF_ALL,
        };
        let connections = Connections::follow(context, socket.raw(), unread)?;
        let waiting = WaitingBytes::default();
        let socket = socket.bind(endpoint)?;
        Ok(Self {
            guard: Guard::start(connections, waiting.clone())?,
            socket,
            message: Message::new(),
            waiting,
            counters: Counters::new(),
        })
    }

    /// An XPUB accepts every frame. It drops whole publications for slow subscribers.
    pub(super) fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
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
    pub(super) fn next_subscription(&mut self) -> Option<Subscription> {
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

    /// Whether subscribers take what is published.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.get() < BROADCAST_WAITING_BYTES_MAX
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        counters.levels().open_subscribers();
        self.guard.connections().count_into(counters);
        self.counters = counters.clone();
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set, zmq::POLLIN);
    }

    pub(super) fn endpoint(&self) -> &str {
        self.socket.endpoint()
    }
}
