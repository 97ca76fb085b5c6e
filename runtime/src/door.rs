//! The front door: clients that are not known in advance send requests here and get replies.
//!
//! A client is a DEALER or a REQ socket, in any language. ZeroMQ assigns its address when it
//! connects, and the address is void when it disconnects.

mod memory;
mod native;
mod router_door;
mod transport;

use crate::connections::ConnectionBounds;
use crate::limits::{
    DOOR_BACKLOG, DOOR_HIGH_WATER, DOOR_KERNEL_BYTES, DOOR_MESSAGE_BYTES_MAX,
    DOOR_RECEIVE_HIGH_WATER, DOOR_UNFINISHED_BYTES_MAX_OF_ALL, DOOR_UNREAD_BYTES_MAX,
    DOOR_UNREAD_BYTES_MAX_OF_ALL,
};
use crate::native_socket;
use crate::socket::{Bounds, Socket};
use crate::{Context, Counters, CurveKeys, Envelope, Nanos, PollSet, RuntimeError, SendError};
pub use memory::DoorClients;
use memory::MemoryDoor;
pub(crate) use native::NativeDoor;
use router_door::RouterDoor;
pub use transport::Transport;

/// The server's side of the front door.
pub struct Door(Kind);

enum Kind {
    Native(Box<NativeDoor>),
    Router(Box<RouterDoor>),
    Memory(MemoryDoor),
}

/// The bounds of a front door.
#[derive(Clone, Copy, Debug)]
pub struct DoorOptions {
    /// The largest frame that is read. A client that sends a larger one is disconnected without a
    /// reply, so this should be more than the largest valid message.
    pub message_bytes_max: usize,
    /// Replies that may wait for one client before it counts as full, where ZeroMQ's library
    /// counts them. A native door counts bytes.
    pub high_water: usize,
    /// With keys the door encrypts, and accepts only clients that know the public key.
    pub keys: Option<CurveKeys>,
    /// Who speaks ZeroMQ's protocol.
    pub transport: Transport,
}

impl Door {
    /// Opens at an endpoint. With `tcp://127.0.0.1:*` the operating system chooses a port: see
    /// [`Door::endpoint`].
    ///
    /// # Errors
    /// When the endpoint is taken or malformed.
    pub fn bind(
        context: &Context,
        endpoint: &str,
        options: DoorOptions,
    ) -> Result<Self, RuntimeError> {
        if options.transport == Transport::Native && native_socket::knows(endpoint) {
            let door = NativeDoor::bind(endpoint, options, DOOR_UNFINISHED_BYTES_MAX_OF_ALL)?;
            return Ok(Self(Kind::Native(Box::new(door))));
        }
        let DoorOptions { message_bytes_max, high_water, keys, .. } = options;
        let bounds = Bounds {
            high_water,
            receive_high_water: DOOR_RECEIVE_HIGH_WATER,
            frame_bytes_max: message_bytes_max,
        };
        // Mandatory: otherwise a reply to a client that is slow or gone is dropped, and the send
        // succeeds. Handover: otherwise a client with a name of its own that comes back is not
        // replied to until its old connection is seen to be dead.
        let router = |socket: &mut zmq::Socket| {
            keys.map_or(Ok(()), |keys| keys.serve(socket))?;
            socket.set_backlog(DOOR_BACKLOG)?;
            socket.set_rcvbuf(DOOR_KERNEL_BYTES)?;
            socket.set_sndbuf(DOOR_KERNEL_BYTES)?;
            socket.set_router_handover(true)?;
            socket.set_router_mandatory(true)
        };
        let unread = ConnectionBounds {
            unread_max: DOOR_UNREAD_BYTES_MAX,
            unread_max_of_all: DOOR_UNREAD_BYTES_MAX_OF_ALL,
        };
        let socket = Socket::open(context, zmq::ROUTER, bounds, router)?;
        let door = RouterDoor::bind(context, socket, endpoint, unread, keys.is_some())?;
        Ok(Self(Kind::Router(Box::new(door))))
    }

    /// A door without sockets, and its clients, for a test that makes each step.
    #[must_use]
    pub fn memory() -> (Self, DoorClients) {
        Self::memory_with(DoorOptions::default())
    }

    /// The same with other bounds.
    #[must_use]
    pub fn memory_with(options: DoorOptions) -> (Self, DoorClients) {
        let memory = MemoryDoor::new(options);
        let clients = DoorClients::new(&memory);
        (Self(Kind::Memory(memory)), clients)
    }

    /// Takes the next message, with all its frames, into `envelope`. False if there is none.
    pub fn receive(&mut self, envelope: &mut Envelope) -> bool {
        match &mut self.0 {
            Kind::Native(door) => door.receive(envelope),
            Kind::Router(door) => door.receive(envelope),
            Kind::Memory(memory) => memory.receive(envelope),
        }
    }

    /// Sends a reply to a client, with the delimiter if its request had one. It may stay here until
    /// the next [`flush`](Self::flush): one write for many replies wakes their reader once.
    ///
    /// # Errors
    /// [`SendError::Full`] when the client does not read; [`SendError::Away`] when it has gone.
    pub fn send(&mut self, identity: &[u8], delimiter: bool, body: &[u8]) -> Result<(), SendError> {
        match &mut self.0 {
            Kind::Native(door) => door.send(identity, delimiter, body),
            Kind::Router(door) => door.send(identity, delimiter, body),
            Kind::Memory(memory) => memory.reply(identity, delimiter, body),
        }
    }

    /// Lets everything that was sent leave.
    pub fn flush(&mut self) {
        if let Kind::Native(door) = &mut self.0 {
            door.flush();
        }
    }

    /// Ends the connection of a client, and drops what it has sent that was not taken yet.
    pub fn cut_off(&mut self, identity: &[u8]) {
        match &mut self.0 {
            Kind::Native(door) => door.cut_off(identity),
            Kind::Router(door) => door.cut_off(identity),
            Kind::Memory(memory) => memory.cut_off(identity),
        }
    }

    /// The identities of clients that have gone since the last call, for an owner that calls in
    /// every turn. A native door tells of them from the first call on; others never do.
    pub fn take_gone(&mut self) -> Vec<Vec<u8>> {
        match &mut self.0 {
            Kind::Native(door) => door.take_gone(),
            Kind::Router(_) | Kind::Memory(_) => Vec::new(),
        }
    }

    /// Counts connections that are cut off into these counters from now on.
    pub fn count_into(&mut self, counters: &Counters) {
        match &mut self.0 {
            Kind::Native(door) => door.count_into(counters),
            Kind::Router(door) => door.count_into(counters),
            Kind::Memory(_) => {}
        }
    }

    /// What the time is in this turn: connections that have been given up are closed.
    pub fn tick(&mut self, now: Nanos) {
        if let Kind::Native(door) = &mut self.0 {
            door.tick(now);
        }
    }

    /// When the next connection is to be given up.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        match &self.0 {
            Kind::Native(door) => door.wake_at(),
            Kind::Router(_) | Kind::Memory(_) => Nanos::MAX,
        }
    }

    /// Adds what must end the sleep of the thread that owns this door.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.0 {
            Kind::Native(door) => door.wait_on(poll_set),
            Kind::Router(door) => door.wait_on(poll_set),
            Kind::Memory(_) => {}
        }
    }

    /// The endpoint to which clients connect, with the real port; `None` without sockets.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Kind::Native(door) => Some(door.endpoint()),
            Kind::Router(door) => Some(door.endpoint()),
            Kind::Memory(_) => None,
        }
    }
}

impl DoorOptions {
    /// What the wire format needs, without keys.
    pub const DEFAULT: Self = Self {
        message_bytes_max: DOOR_MESSAGE_BYTES_MAX,
        high_water: DOOR_HIGH_WATER,
        keys: None,
        transport: Transport::Libzmq,
    };
}

impl Default for DoorOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
