//! Ends: the socket under a hub, of either transport, with the last message that came through it.

use zmq::{Message, POLLIN};

use crate::door::NativeDoor;
use crate::limits::{HUB_UNFINISHED_BYTES_MAX, LINK_FRAME_BYTES_MAX, LINK_HIGH_WATER};
use crate::native_socket;
use crate::socket::{Bounds, Part, Socket};
use crate::{
    Context, Counters, DoorOptions, Envelope, Nanos, PollSet, RuntimeError, SendError, Transport,
};

/// A ROUTER socket.
pub(super) enum Ends {
    Native(Box<Native>),
    Router(Box<Router>),
}

/// One on the thread of its owner.
pub(super) struct Native {
    door: NativeDoor,
    envelope: Envelope,
}

/// One of ZeroMQ, which owns the memory of what it received.
pub(super) struct Router {
    socket: Socket,
    sender: Message,
    body: Message,
    is_whole: bool,
}

impl Ends {
    pub(super) fn bind(
        context: &Context,
        endpoint: &str,
        transport: Transport,
    ) -> Result<Self, RuntimeError> {
        if transport == Transport::Native && native_socket::knows(endpoint) {
            let options =
                DoorOptions { message_bytes_max: LINK_FRAME_BYTES_MAX, ..DoorOptions::DEFAULT };
            let mut door = NativeDoor::bind(endpoint, options, HUB_UNFINISHED_BYTES_MAX)?;
            door.use_reserved_descriptors();
            return Ok(Self::Native(Box::new(Native { door, envelope: Envelope::new() })));
        }
        let bounds = Bounds {
            high_water: LINK_HIGH_WATER,
            receive_high_water: LINK_HIGH_WATER,
            frame_bytes_max: LINK_FRAME_BYTES_MAX,
        };
        let socket = Socket::open(context, zmq::ROUTER, bounds, |socket| {
            // Otherwise a frame for a peer that is away is dropped, and the send succeeds.
            socket.set_router_mandatory(true)?;
            // A routing id belongs to one socket: a second connection with it is a reconnect.
            socket.set_router_handover(true)
        })?
        .bind(endpoint)?;
        let (sender, body) = (Message::new(), Message::new());
        Ok(Self::Router(Box::new(Router { socket, sender, body, is_whole: false })))
    }

    /// Sends a frame to a routing id. After an error nothing was sent.
    pub(super) fn send(&mut self, to: &[u8], frame: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Native(native) => native.door.send(to, false, frame),
            Self::Router(router) => {
                // The routing id finds the peer: once it is taken, the body is.
                router.socket.send(to, Part::More)?;
                router.socket.send(frame, Part::Last)
            }
        }
    }

    /// Whether there is a connection to a routing id.
    pub(super) fn reaches(&self, id: &[u8]) -> bool {
        match self {
            Self::Native(native) => native.door.knows(id),
            // An empty frame finds out; its link ignores it.
            Self::Router(router) => {
                let offered = router.socket.send(id, Part::More);
                let offered = offered.and_then(|()| router.socket.send(&[], Part::Last));
                offered != Err(SendError::Away)
            }
        }
    }

    /// Takes the next message; false if there is none.
    pub(super) fn receive(&mut self) -> bool {
        match self {
            Self::Native(native) => native.door.receive(&mut native.envelope),
            Self::Router(router) => router.receive(),
        }
    }

    /// The routing id of whoever sent the message that was taken last.
    pub(super) fn sender(&self) -> &[u8] {
        match self {
            Self::Native(native) => native.envelope.identity(),
            Self::Router(router) => &router.sender,
        }
    }

    /// Its only frame; none if it has another number of them.
    pub(super) fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Native(native) => {
                let envelope = &native.envelope;
                let is_one = !envelope.malformed() && !envelope.delimiter();
                is_one.then(|| envelope.body())
            }
            Self::Router(router) => router.is_whole.then_some(&*router.body),
        }
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match self {
            Self::Native(native) => native.door.wait_on(poll_set),
            Self::Router(router) => router.socket.wait_on(poll_set, POLLIN),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        match self {
            Self::Native(native) => native.door.endpoint(),
            Self::Router(router) => router.socket.endpoint(),
        }
    }

    pub(super) fn tick(&mut self, now: Nanos) {
        if let Self::Native(native) = self {
            native.door.tick(now);
        }
    }

    pub(super) fn flush(&mut self) {
        if let Self::Native(native) = self {
            native.door.flush();
        }
    }

    pub(super) fn wake_at(&self) -> Nanos {
        match self {
            Self::Native(native) => native.door.wake_at(),
            Self::Router(_) => Nanos::MAX,
        }
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        if let Self::Native(native) = self {
            native.door.count_into(counters);
        }
    }
}

impl Router {
    fn receive(&mut self) -> bool {
        if !self.socket.receive(&mut self.sender) {
            return false;
        }
        let has_body = self.sender.get_more() && self.socket.receive(&mut self.body);
        self.is_whole = has_body && !self.body.get_more();
        if has_body {
            self.socket.discard_more(&mut self.body);
        }
        true
    }
}
