//! An envelope: one message of a client at the front door, with its sender.
//!
//! ```text
//!   DEALER   [identity] [body]
//!   REQ      [identity] [empty delimiter] [body]
//! ```

use std::ops::Deref;

use zmq::Message;

use crate::limits::RECYCLED_BYTES_MAX;
use crate::socket::Socket;

/// A message and its sender. Each receive reuses the same memory.
pub struct Envelope {
    identity: Frame,
    body: Frame,
    delimiter: bool,
    malformed: bool,
    /// How many bytes its frames took on the connection.
    framed_bytes: u64,
}

/// A frame, in the memory of ZeroMQ or in our own.
enum Frame {
    Zmq(Message),
    Own(Vec<u8>),
}

impl Frame {
    /// One that ZeroMQ can fill.
    fn zmq(&mut self) -> &mut Message {
        if let Self::Own(_) = self {
            *self = Self::Zmq(Message::new());
        }
        match self {
            Self::Zmq(message) => message,
            Self::Own(_) => unreachable!("it was replaced just now"),
        }
    }

    /// Makes it a copy of these bytes.
    #[inline]
    fn set(&mut self, bytes: &[u8]) {
        match self {
            Self::Zmq(_) => *self = Self::Own(bytes.to_vec()),
            Self::Own(own) => {
                own.clear();
                own.shrink_to(RECYCLED_BYTES_MAX);
                own.extend_from_slice(bytes);
            }
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Zmq(message) => message,
            Self::Own(own) => own,
        }
    }
}

/// What an envelope that is kept may have beyond its body: a multiple, and some bytes.
const SPARE_FACTOR: usize = 2;
const SPARE_LEN: usize = 4 << 10;

/// What CURVE adds to a frame: the name of the command, a nonce, a code and the flags.
pub(crate) const CURVE_BYTES: usize = 8 + 8 + 16 + 1;

impl Envelope {
    /// An empty envelope, for [`Door::receive`](crate::Door::receive).
    #[must_use]
    pub fn new() -> Self {
        Self {
            identity: Frame::Own(Vec::new()),
            body: Frame::Own(Vec::new()),
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

    /// Gives back memory that is far more than its body needs, for an envelope that is kept.
    pub fn shrink(&mut self) {
        if let Frame::Own(own) = &mut self.body
            && SPARE_FACTOR * own.len() + SPARE_LEN < own.capacity()
        {
            own.shrink_to_fit();
        }
    }

    /// Takes one message with all its frames off a ROUTER, if there is one. Encryption adds
    /// `sealing_bytes` to each frame.
    pub(crate) fn receive(&mut self, socket: &Socket, sealing_bytes: usize) -> bool {
        let identity = self.identity.zmq();
        if !socket.receive(identity) {
            return false;
        }
        let has_body = identity.get_more();
        let body = self.body.zmq();
        let mut framed_bytes = 0;
        let mut receive_frame = |body: &mut Message| {
            let received = socket.receive(body);
            if received {
                // ZMTP: flags and a length of one byte, or of eight.
                let bytes = body.len() + sealing_bytes;
                let framed = bytes + if bytes <= usize::from(u8::MAX) { 2 } else { 9 };
                framed_bytes += u64::try_from(framed).expect("a frame has a length");
            }
            received
        };
        let has_body = has_body && receive_frame(body);
        self.delimiter = has_body && body.is_empty() && body.get_more();
        if self.delimiter {
            receive_frame(body);
        }
        self.malformed = !has_body || body.get_more();
        if self.malformed {
            while body.get_more() && receive_frame(body) {}
            *body = Message::new();
        }
        self.framed_bytes = framed_bytes;
        true
    }

    /// How many bytes it took on the connection.
    pub(crate) const fn framed_bytes(&self) -> u64 {
        self.framed_bytes
    }

    /// The frame that says over which connection it came.
    pub(crate) fn head(&mut self) -> &mut Message {
        self.identity.zmq()
    }

    /// Fills the envelope with a message that did not come through a socket of ZeroMQ, by the same
    /// rules.
    #[inline]
    pub(crate) fn fill<'a>(
        &mut self,
        identity: &[u8],
        count: usize,
        frame: impl Fn(usize) -> &'a [u8],
    ) {
        self.identity.set(identity);
        self.delimiter = 1 < count && frame(0).is_empty();
        let rest = usize::from(self.delimiter);
        self.malformed = count != rest + 1;
        self.body.set(if self.malformed { &[] } else { frame(rest) });
    }
}

impl Default for Envelope {
    fn default() -> Self {
        Self::new()
    }
}
