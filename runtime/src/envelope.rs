//! An envelope: one message of a client at the front door, with its sender.
//!
//! ```text
//!   DEALER   [identity] [body]
//!   REQ      [identity] [empty delimiter] [body]
//! ```

use zmq::Message;

use crate::socket::Socket;

/// A message and its sender. Each receive reuses the same memory.
pub struct Envelope {
    identity: Message,
    body: Message,
    delimiter: bool,
    malformed: bool,
}

impl Envelope {
    /// An empty envelope, for [`Door::receive`](crate::Door::receive).
    #[must_use]
    pub fn new() -> Self {
        Self { identity: Message::new(), body: Message::new(), delimiter: false, malformed: false }
    }

    /// The body of the client's message; empty if the message is malformed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The client's address for replies. It is valid only at this door, and until the client
    /// disconnects.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Whether the client sent the empty delimiter of a REQ, and expects it before each reply.
    #[must_use]
    pub fn delimiter(&self) -> bool {
        self.delimiter
    }

    /// Whether the number of frames was wrong. The sender is known, the body is not.
    #[must_use]
    pub fn malformed(&self) -> bool {
        self.malformed
    }

    /// Takes one message with all its frames off a ROUTER, if there is one.
    pub(crate) fn receive(&mut self, socket: &Socket) -> bool {
        if !socket.receive(&mut self.identity) {
            return false;
        }
        let has_body = self.identity.get_more() && socket.receive(&mut self.body);
        self.delimiter = has_body && self.body.is_empty() && self.body.get_more();
        if self.delimiter {
            socket.receive_more(&mut self.body);
        }
        self.malformed = !has_body || self.body.get_more();
        if self.malformed {
            socket.discard_more(&mut self.body);
            self.body = Message::new();
        }
        true
    }

    /// Fills the envelope with a message that did not come through a socket, by the same rules.
    pub(crate) fn write(&mut self, identity: &[u8], frames: &[Vec<u8>]) {
        self.identity = Message::from(identity);
        self.delimiter = 1 < frames.len() && frames[0].is_empty();
        let rest = &frames[usize::from(self.delimiter)..];
        self.malformed = rest.len() != 1;
        self.body = if self.malformed { Message::new() } else { Message::from(&rest[0][..]) };
    }
}

impl Default for Envelope {
    fn default() -> Self {
        Self::new()
    }
}
