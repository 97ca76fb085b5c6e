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
    /// How many bytes its frames took on the connection.
    framed_bytes: u64,
}

/// What CURVE adds to a frame: the name of the command, a nonce, a code and the flags.
pub(crate) const CURVE_BYTES: usize = 8 + 8 + 16 + 1;

impl Envelope {
    /// An empty envelope, for [`Door::receive`](crate::Door::receive).
    #[must_use]
    pub fn new() -> Self {
        Self {
            identity: Message::new(),
            body: Message::new(),
            delimiter: false,
            malformed: false,
            framed_bytes: 0,
        }
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

    /// Takes one message with all its frames off a ROUTER, if there is one. Encryption adds
    /// `sealing_bytes` to each frame.
    pub(crate) fn receive(&mut self, socket: &Socket, sealing_bytes: usize) -> bool {
        if !socket.receive(&mut self.identity) {
            return false;
        }
        self.framed_bytes = 0;
        let has_body = self.identity.get_more() && self.receive_frame(socket, sealing_bytes);
        self.delimiter = has_body && self.body.is_empty() && self.body.get_more();
        if self.delimiter {
            self.receive_frame(socket, sealing_bytes);
        }
        self.malformed = !has_body || self.body.get_more();
        if self.malformed {
            while self.body.get_more() && self.receive_frame(socket, sealing_bytes) {}
            self.body = Message::new();
        }
        true
    }

    fn receive_frame(&mut self, socket: &Socket, sealing_bytes: usize) -> bool {
        let received = socket.receive(&mut self.body);
        if received {
            // ZMTP: flags and a length of one byte, or of eight.
            let bytes = self.body.len() + sealing_bytes;
            let framed = bytes + if bytes <= usize::from(u8::MAX) { 2 } else { 9 };
            self.framed_bytes += u64::try_from(framed).expect("a frame has a length");
        }
        received
    }

    /// How many bytes it took on the connection.
    pub(crate) const fn framed_bytes(&self) -> u64 {
        self.framed_bytes
    }

    /// The frame that says over which connection it came.
    pub(crate) const fn head(&mut self) -> &mut Message {
        &mut self.identity
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
