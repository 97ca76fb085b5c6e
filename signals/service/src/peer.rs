//! Peer: a generator or the trader, as a strategy talks to it.

use allot_runtime::{Link, Nanos, PollSet};
use allot_wire::Encoding;

use crate::limits::{MESSAGES_PER_TURN, SILENCE_FIRST, SILENCE_LONGEST};
use crate::{Reply, Request};

/// A link, and how long the other side has been silent.
pub(crate) struct Peer {
    address: String,
    link: Link,
    /// Since when a reply is expected.
    asked: Option<Nanos>,
    patience: std::time::Duration,
    frame: Vec<u8>,
}

impl Peer {
    pub(crate) const fn new(address: String, link: Link) -> Self {
        Self { address, link, asked: None, patience: SILENCE_FIRST, frame: Vec::new() }
    }

    /// Sends a request; false if nobody is there.
    pub(crate) fn send(&mut self, now: Nanos, request: &Request) -> bool {
        let mut frame = std::mem::take(&mut self.frame);
        request.encode(Encoding::Binary, &mut frame);
        let is_sent = self.link.send(&mut frame).is_ok();
        self.frame = frame;
        if is_sent {
            self.asked.get_or_insert(now);
        }
        is_sent
    }

    /// Takes the replies that have arrived, or why a message cannot be read; returns how many
    /// messages there were.
    pub(crate) fn receive(&mut self, replies: &mut Vec<Result<Reply, String>>) -> usize {
        let mut count = 0;
        while count < MESSAGES_PER_TURN && self.link.receive(&mut self.frame) {
            count += 1;
            (self.asked, self.patience) = (None, SILENCE_FIRST);
            match Reply::decode_all(&self.frame) {
                Ok(read) => replies.extend(read.into_iter().map(Ok)),
                Err(error) => replies.push(Err(error.to_string())),
            }
        }
        count
    }

    /// When the silence is too long.
    pub(crate) fn silent_at(&self) -> Nanos {
        self.asked.map_or(Nanos::MAX, |asked| asked + self.patience)
    }

    /// Connects anew after too long a silence: the other side may be there, and the way broken.
    pub(crate) fn check(&mut self, now: Nanos) {
        if now < self.silent_at() {
            return;
        }
        (self.asked, self.patience) = (None, (self.patience * 2).min(SILENCE_LONGEST));
        if let Err(error) = self.link.reconnect() {
            tracing::error!(peer = self.address, %error, "cannot reconnect");
        }
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }
}
