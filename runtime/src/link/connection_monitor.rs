//! A connection monitor: whether the peer to which a socket connects is there.
//!
//! A DEALER refuses a frame with the same error if its peer is slow and if it is gone. The stream
//! of connections made and lost tells which.

use std::cell::Cell;

use zmq::SocketEvent;

use crate::socket::Quiet;
use crate::socket_monitor::SocketMonitor;
use crate::{Context, PollSet, RuntimeError};

/// The monitor of one socket.
pub(super) struct ConnectionMonitor {
    monitor: SocketMonitor,
    connected: Cell<bool>,
    connections: Cell<u64>,
    /// Whether it was told everything: its descriptor then says when there is more.
    quiet: Quiet,
}

impl ConnectionMonitor {
    /// Watches a socket that has not connected yet.
    pub(super) fn watch(context: &Context, socket: &zmq::Socket) -> Result<Self, RuntimeError> {
        let kinds = [SocketEvent::HANDSHAKE_SUCCEEDED, SocketEvent::DISCONNECTED];
        let monitor = SocketMonitor::watch(context, socket, &kinds)?;
        let (connected, connections) = (Cell::new(false), Cell::new(0));
        Ok(Self { monitor, connected, connections, quiet: Quiet::default() })
    }

    /// Whether there is a connection now, according to the I/O thread.
    pub(super) fn is_connected(&self) -> bool {
        self.refresh();
        self.connected.get()
    }

    /// The same, and how many connections were made so far: one may be lost and another made
    /// between two looks.
    pub(super) fn connection(&self) -> (bool, u64) {
        self.refresh();
        (self.connected.get(), self.connections.get())
    }

    /// Reads the events since the last call.
    pub(super) fn refresh(&self) {
        while let Some(event) = self.monitor.next() {
            let is_made = event.is(SocketEvent::HANDSHAKE_SUCCEEDED);
            self.connected.set(is_made);
            self.connections.set(self.connections.get() + u64::from(is_made));
        }
        self.quiet.begin();
    }

    /// Whether nothing was to be read at the last refresh, and nothing was signalled since.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.holds()
    }

    /// Reads the events that are signalled, and has further ones end the sleep.
    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if !self.is_quiet() {
            self.refresh();
        }
        poll_set.socket(self.monitor.raw(), &self.quiet, zmq::POLLIN);
    }
}
