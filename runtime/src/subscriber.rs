//! A subscriber: the receiving side of a broadcast, in another process.

use std::time::Duration;

use zmq::Message;

use crate::limits::{BROADCAST_HIGH_WATER, LINK_FRAME_BYTES_MAX};
use crate::socket::{Bounds, Socket};
use crate::{Context, CurveKey, PollSet, Publication, RuntimeError};

/// A SUB socket. It reconnects and subscribes again by itself.
pub struct Subscriber {
    socket: Socket,
    message: Message,
}

impl Subscriber {
    /// Connects to a broadcast, which need not be there yet, and subscribes to all topics that
    /// begin with one of `topics`; an empty prefix means all.
    ///
    /// # Errors
    /// When the endpoint is malformed or there are no more file descriptors.
    pub fn connect(
        context: &Context,
        endpoint: &str,
        topics: &[&[u8]],
    ) -> Result<Self, RuntimeError> {
        Self::connect_to(context, endpoint, None, topics)
    }

    /// The same with the key of a broadcast that encrypts: no other is understood.
    ///
    /// # Errors
    /// As [`Subscriber::connect`].
    pub fn connect_to(
        context: &Context,
        endpoint: &str,
        key: Option<CurveKey>,
        topics: &[&[u8]],
    ) -> Result<Self, RuntimeError> {
        let bounds = Bounds {
            high_water: BROADCAST_HIGH_WATER,
            receive_high_water: BROADCAST_HIGH_WATER,
            frame_bytes_max: LINK_FRAME_BYTES_MAX,
        };
        let socket = Socket::open(context, zmq::SUB, bounds, |socket| {
            // Subscriptions wait in the send queue, so it must have no bound, or some are dropped.
            socket.set_sndhwm(0)?;
            key.map_or(Ok(()), |key| key.expect(socket))?;
            // A subscription that was not delivered need not be.
            socket.set_linger(0)?;
            topics.iter().try_for_each(|topic| socket.set_subscribe(topic))
        })?
        .connect(endpoint)?;
        Ok(Self { socket, message: Message::new() })
    }

    /// The next publication. Waits at most `timeout`; zero means not at all. It may return `None`
    /// earlier, when a signal interrupts the wait or what arrived was not a publication.
    pub fn receive(&mut self, timeout: Duration) -> Option<Publication> {
        if let Some(publication) = self.take() {
            return Some(publication);
        }
        if !timeout.is_zero() {
            self.sleep(timeout);
        }
        self.take()
    }

    /// Adds what must end the sleep of the thread that owns this subscriber.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set, zmq::POLLIN);
    }

    fn sleep(&self, timeout: Duration) {
        let mut poll_set = PollSet::without_waker();
        self.wait_on(&mut poll_set);
        poll_set.sleep(Some(timeout));
    }

    /// A message without the three frames of a publication does not come from a broadcast and is
    /// skipped.
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
