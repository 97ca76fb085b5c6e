//! A connection monitor: whether the peer to which a socket connects is there.
//!
//! A DEALER refuses a frame with the same error if its peer is slow and if it is gone. ZeroMQ's
//! monitor of the socket, a stream of connections made and lost, tells which.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use zmq::{DONTWAIT, Message, SocketEvent};

use crate::{Context, RuntimeError};

/// The monitor of one socket.
pub(super) struct ConnectionMonitor {
    monitor: zmq::Socket,
    connected: Cell<bool>,
}

impl ConnectionMonitor {
    /// Watches a socket that has not connected yet.
    pub(super) fn watch(context: &Context, socket: &zmq::Socket) -> Result<Self, RuntimeError> {
        // Monitors are found by name, and two must not share one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("inproc://monitor-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let events = SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() | SocketEvent::DISCONNECTED.to_raw();
        let monitor = context.socket(zmq::PAIR)?;
        // The I/O thread would block on a monitor with a full queue, so the queue has no bound.
        // `refresh` keeps it short.
        monitor
            .set_rcvhwm(0)
            .and_then(|()| socket.monitor(&name, i32::from(events)))
            .and_then(|()| monitor.connect(&name))
            .map_err(|error| RuntimeError::Socket {
                what: "a socket's monitor",
                cause: error.message().to_owned(),
            })?;
        Ok(Self { monitor, connected: Cell::new(false) })
    }

    /// Whether there is a connection now, according to the I/O thread.
    pub(super) fn is_connected(&self) -> bool {
        self.refresh();
        self.connected.get()
    }

    /// Reads the events since the last call: `[event: 2 bytes, value: 4] [address]`.
    pub(super) fn refresh(&self) {
        let mut frame = Message::new();
        while self.monitor.recv(&mut frame, DONTWAIT).is_ok() {
            if let (true, [low, high, ..]) = (frame.get_more(), &frame[..]) {
                let event = u16::from_ne_bytes([*low, *high]);
                self.connected.set(event == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw());
            }
        }
    }
}
