//! A socket monitor: what ZeroMQ's I/O thread says of the connections of one socket.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use zmq::{DONTWAIT, Message, POLLIN, SocketEvent};

use crate::{Context, RuntimeError};

/// The monitor of one socket.
pub(crate) struct SocketMonitor(zmq::Socket);

/// Something that happened to a connection.
pub(crate) struct ConnectionEvent {
    event: u16,
    /// The descriptor of the connection; another number for events of the handshake.
    pub(crate) value: i32,
}

impl SocketMonitor {
    /// Watches a socket that is neither bound nor connected yet, for events of these kinds.
    pub(crate) fn watch(
        context: &Context,
        socket: &zmq::Socket,
        kinds: &[SocketEvent],
    ) -> Result<Self, RuntimeError> {
        // Monitors are found by name, and two must not share one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("inproc://monitor-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let kinds = kinds.iter().fold(0, |bits, kind| bits | i32::from(kind.to_raw()));
        let monitor = context.socket(zmq::PAIR)?;
        // The I/O thread would block on a monitor with a full queue, so the queue has no bound.
        // Whoever watches reads it at each check, which keeps it short.
        monitor
            .set_rcvhwm(0)
            .and_then(|()| socket.monitor(&name, kinds))
            .and_then(|()| monitor.connect(&name))
            .map_err(|error| RuntimeError::Socket {
                what: "a socket's monitor",
                cause: error.message().to_owned(),
            })?;
        Ok(Self(monitor))
    }

    /// The next event, waited for until the deadline.
    pub(crate) fn next_before(&self, deadline: Instant) -> Option<ConnectionEvent> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(event) = self.next() {
                return Some(event);
            }
            if left.is_zero() {
                return None;
            }
            // Rounded up, or the last part of a millisecond would be spun away. A wait that a
            // signal ends is begun again.
            let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            _ = self.0.poll(POLLIN, left_ms);
        }
    }

    /// Its own socket, to wait on.
    pub(crate) fn raw(&self) -> &zmq::Socket {
        &self.0
    }

    /// The next event, if it is there: `[event: 2 bytes, value: 4] [address]`.
    pub(crate) fn next(&self) -> Option<ConnectionEvent> {
        let mut frame = Message::new();
        loop {
            self.0.recv(&mut frame, DONTWAIT).ok()?;
            if let (true, [low, high, value @ ..]) = (frame.get_more(), &frame[..])
                && let Some(value) = value.first_chunk()
            {
                let event = u16::from_ne_bytes([*low, *high]);
                return Some(ConnectionEvent { event, value: i32::from_ne_bytes(*value) });
            }
        }
    }
}

impl ConnectionEvent {
    /// What happened.
    pub(crate) fn kind(&self) -> SocketEvent {
        SocketEvent::from_raw(self.event)
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, kind: SocketEvent) -> bool {
        self.event == kind.to_raw()
    }
}
