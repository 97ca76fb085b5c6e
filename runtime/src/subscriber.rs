//! A subscriber: the listening side of a broadcast, in another process.

use std::time::Duration;

use zmq::Message;

use crate::limits::{BROADCAST_HIGH_WATER, LINK_FRAME_BYTES_MAX};
use crate::socket::{Bounds, Socket};
use crate::{Context, PollSet, Publication, RuntimeError};

/// A SUB socket. It connects again, and subscribes again, by itself.
pub struct Subscriber {
    socket: Socket,
    message: Message,
}

impl Subscriber {
    /// Connects to a broadcast, which need not be there yet, and subscribes to all topics that
    /// begin with one of `topics`; an empty one means all.
    ///
    /// # Errors
    /// When the endpoint is malformed or there are no more file descriptors.
    pub fn connect(
        context: &Context,
        endpoint: &str,
        topics: &[&[u8]],
    ) -> Result<Self, RuntimeError> {
        let bounds =
            Bounds { high_water: BROADCAST_HIGH_WATER, frame_bytes_max: LINK_FRAME_BYTES_MAX };
        let socket = Socket::open(context, zmq::SUB, bounds, |socket| {
            // Its own subscriptions wait in the send queue: bounded, it would drop some of them.
            socket.set_sndhwm(0)?;
            // Nobody waits for a subscription that was not delivered.
            socket.set_linger(0)?;
            topics.iter().try_for_each(|topic| socket.set_subscribe(topic))
        })?
        .connect(endpoint)?;
        Ok(Self { socket, message: Message::new() })
    }

    /// The next publication, waited for until the time is over; with zero, what has arrived.
    /// May come back with nothing earlier, when a signal interrupts the wait or what arrived was
    /// no publication.
    pub fn receive(&mut self, timeout: Duration) -> Option<Publication> {
        if let Some(publication) = self.take() {
            return Some(publication);
        }
        if !timeout.is_zero() {
            self.sleep(timeout);
        }
        self.take()
    }

    /// Names what must end the sleep of the thread that owns this subscriber.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set, zmq::POLLIN);
    }

    fn sleep(&self, timeout: Duration) {
        let mut waits = PollSet::without_waker();
        self.wait_on(&mut waits);
        waits.sleep(Some(timeout));
    }

    /// What is not of the three frames of a publication is not from a broadcast, and passed over.
    fn take(&mut self) -> Option<Publication> {
        while self.socket.receive(&mut self.message) {
            let topic = self.message.to_vec();
            let sequence = self.next_frame(|frame| frame.try_into().ok().map(u64::from_be_bytes));
            let body = self.next_frame(|frame| Some(frame.to_vec()));
            let complete = !self.message.get_more();
            self.socket.discard_more(&mut self.message);
            if let (true, Some(sequence), Some(body)) =
                (complete, sequence.flatten(), body.flatten())
            {
                return Some(Publication { topic, sequence, body });
            }
        }
        None
    }

    fn next_frame<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.socket.receive_more(&mut self.message).then(|| read(&self.message))
    }
}
