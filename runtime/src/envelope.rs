//! An envelope: one message of a client at the front door, with its sender.
//!
//! ```text
//!   DEALER   [identity] [body]
//!   REQ      [identity] [empty delimiter] [body]
//! ```

use zmq::Message;

use crate::socket::Socket;

/// A message that can be received again and again into the same memory.
pub struct Envelope {
    identity: Message,
    body: Message,
    delimiter: bool,
    malformed: bool,
}

impl Envelope {
    /// Nothing yet; hand it to [`Door::receive`](crate::Door::receive).
    pub fn new() -> Self {
        let (identity, body) = (Message::new(), Message::new());
        Self { identity, body, delimiter: false, malformed: false }
    }

    /// What the body, and nothing else, of the client's message was; empty if malformed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The client's address for answers. It means nothing elsewhere, and not after the client
    /// has gone.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Whether the client sent the empty delimiter of a REQ, and wants it before each answer.
    pub fn delimiter(&self) -> bool {
        self.delimiter
    }

    /// Whether the number of frames was wrong. There is somebody to tell, and no body.
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

    /// An envelope that did not come through a socket, by the same rules.
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
