//! A front door on a ROUTER, with the bytes of each client in sight.

use std::collections::BTreeMap;

use crate::connections::{ConnectionBounds, Connections, Peer};
use crate::envelope::CURVE_BYTES;
use crate::guard::Guard;
use crate::limits::{DOOR_CLIENT_BYTES_MAX, DOOR_SHORT_BYTES};
use crate::socket::{Part, Socket};
use crate::waiting_bytes::WaitingBytes;
use crate::{Context, Counters, Envelope, PollSet, RuntimeError, SendError};

/// Clients that have gone and are kept beside those that are there, before they are forgotten.
const GONE_MAX: usize = 64;

/// The server's side of the front door.
pub(super) struct RouterDoor {
    /// Dropped before the socket that it looks at.
    guard: Guard,
    socket: Socket,
    clients: BTreeMap<Vec<u8>, Client>,
    /// The client that was heard last.
    last: Vec<u8>,
    last_peer: Option<Peer>,
    /// How many of the clients were cut off.
    cut_off: usize,
    sealing_bytes: usize,
}

impl Drop for RouterDoor {
    fn drop(&mut self) {
        // The guard has the monitor.
        self.socket.stop_monitor();
    }
}

struct Client {
    peer: Peer,
    /// Bytes of long replies that wait for it.
    waiting: WaitingBytes,
    /// Whether it was cut off: what ZeroMQ still has of it is dropped.
    is_cut_off: bool,
}

impl RouterDoor {
    pub(super) fn bind(
        context: &Context,
        socket: Socket,
        endpoint: &str,
        bounds: ConnectionBounds,
        is_sealed: bool,
    ) -> Result<Self, RuntimeError> {
        let connections = Connections::follow(context, socket.raw(), bounds)?;
        Ok(Self {
            socket: socket.bind(endpoint)?,
            guard: Guard::start(connections, WaitingBytes::default())?,
            clients: BTreeMap::new(),
            last: Vec::new(),
            last_peer: None,
            cut_off: 0,
            sealing_bytes: if is_sealed { CURVE_BYTES } else { 0 },
        })
    }

    pub(super) fn receive(&mut self, envelope: &mut Envelope) -> bool {
        while envelope.receive(&self.socket, self.sealing_bytes) {
            if !self.is_dropped(envelope) {
                self.note(envelope);
                return true;
            }
        }
        false
    }

    /// Whether a message came over a connection that was cut off. A client with a name of its own
    /// may have come back over another.
    fn is_dropped(&self, envelope: &mut Envelope) -> bool {
        if self.cut_off == 0 {
            return false;
        }
        let client = self.clients.get(envelope.identity());
        let Some(client) = client.filter(|client| client.is_cut_off) else {
            return false;
        };
        let peer = self.guard.connections().of(envelope.head());
        peer.is_none_or(|peer| peer == client.peer)
    }

    pub(super) fn cut_off(&mut self, identity: &[u8]) {
        let client = self.clients.get_mut(identity).filter(|client| !client.is_cut_off);
        if let Some(client) = client {
            self.guard.connections().end(client.peer);
            client.is_cut_off = true;
            self.cut_off += 1;
        }
    }

    /// Counts what was taken from the client's connection.
    fn note(&mut self, envelope: &mut Envelope) {
        let bytes = envelope.framed_bytes();
        if self.last != envelope.identity() {
            self.last.clear();
            self.last.extend_from_slice(envelope.identity());
            self.last_peer = self.clients.get(envelope.identity()).map(|client| client.peer);
        }
        let mut connections = self.guard.connections();
        if self.last_peer.is_some_and(|peer| connections.take(peer, bytes)) {
            return;
        }
        self.last_peer = connections.of(envelope.head());
        if let Some(peer) = self.last_peer {
            connections.take(peer, bytes);
            let client = Client { peer, waiting: WaitingBytes::default(), is_cut_off: false };
            self.clients.insert(self.last.clone(), client);
            if connections.count() + GONE_MAX < self.clients.len() {
                self.clients.retain(|_, client| connections.knows(client.peer));
                self.cut_off = self.clients.values().filter(|client| client.is_cut_off).count();
            }
        }
    }

    /// The first frame, the identity, finds the client. If it is refused nothing was sent; once it
    /// is taken the other frames are always taken.
    pub(super) fn send(
        &mut self,
        identity: &[u8],
        delimiter: bool,
        body: &[u8],
    ) -> Result<(), SendError> {
        let is_long = DOOR_SHORT_BYTES < body.len();
        let waiting = if is_long { self.clients.get(identity) } else { None };
        let waiting = waiting.map(|client| &client.waiting);
        if waiting.is_some_and(|waiting| DOOR_CLIENT_BYTES_MAX <= waiting.get()) {
            return Err(SendError::Full);
        }
        self.socket.send(identity, Part::More)?;
        if delimiter {
            self.socket.send(&[], Part::More)?;
        }
        match waiting {
            Some(waiting) => self.socket.send_counted(body.to_vec(), 0, waiting),
            None => self.socket.send(body, Part::Last)?,
        }
        Ok(())
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.guard.connections().count_into(counters);
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set, zmq::POLLIN);
    }

    pub(super) fn endpoint(&self) -> &str {
        self.socket.endpoint()
    }
}
