//! A dealer: the connecting end of a link over ZeroMQ, one frame per message.

use zmq::{Message, POLLIN, POLLOUT};

use super::connection_monitor::ConnectionMonitor;
use super::{LinkOptions, SendError};
use crate::hub::routing_id;
use crate::socket::{Bounds, Part, Socket};
use crate::{Context, Counter, Counters, PollSet, RuntimeError};

/// A DEALER socket, and everything that is needed to replace it.
pub(super) struct Dealer {
    socket: Socket,
    monitor: ConnectionMonitor,
    context: Context,
    name: Option<String>,
    options: LinkOptions,
    /// Reused for every receive: ZeroMQ owns its memory.
    message: Message,
    /// Whether the last send was refused. Then the sender waits until the socket is writable.
    refused: bool,
    counters: Counters,
}

impl Dealer {
    pub(super) fn connect(
        context: &Context,
        endpoint: &str,
        name: Option<&str>,
        options: LinkOptions,
    ) -> Result<Self, RuntimeError> {
        let (socket, monitor) = connected(context, endpoint, name, options)?;
        Ok(Self {
            socket,
            monitor,
            context: context.clone(),
            name: name.map(str::to_owned),
            options,
            message: Message::new(),
            refused: false,
            counters: Counters::new(),
        })
    }

    pub(super) fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        let sent = self.socket.send(frame, Part::Last);
        self.refused = sent.is_err();
        match sent {
            Ok(()) => frame.clear(),
            Err(_) if !self.monitor.is_connected() => return Err(SendError::Away),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        while self.socket.receive(&mut self.message) {
            if self.message.get_more() {
                self.socket.discard_more(&mut self.message);
                self.counters.add(Counter::PartsDropped, 1);
            } else if !self.message.is_empty() {
                frame.clear();
                frame.extend_from_slice(&self.message);
                return true;
            }
        }
        false
    }

    pub(super) fn is_connected(&self) -> bool {
        self.monitor.is_connected()
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.monitor.refresh();
        let events = if self.refused { POLLIN | POLLOUT } else { POLLIN };
        self.socket.wait_on(poll_set, events);
    }

    pub(super) fn reconnect(&mut self) -> Result<(), RuntimeError> {
        let endpoint = self.socket.endpoint().to_owned();
        let name = self.name.as_deref();
        (self.socket, self.monitor) = connected(&self.context, &endpoint, name, self.options)?;
        self.refused = false;
        self.counters.add(Counter::Reconnects, 1);
        Ok(())
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }
}

fn connected(
    context: &Context,
    endpoint: &str,
    name: Option<&str>,
    options: LinkOptions,
) -> Result<(Socket, ConnectionMonitor), RuntimeError> {
    let LinkOptions { high_water, frame_bytes_max, door_key } = options;
    let bounds = Bounds { high_water, receive_high_water: high_water, frame_bytes_max };
    let socket = Socket::open(context, zmq::DEALER, bounds, |socket| {
        // Queue frames only for a peer that is connected. Others would arrive late, as if they were
        // new, or never.
        socket.set_immediate(true)?;
        door_key.map_or(Ok(()), |key| key.expect(socket))?;
        let Some(name) = name else { return Ok(()) };
        // An empty frame at every connection tells the hub that this peer is connected.
        socket.set_probe_router(true)?;
        socket.set_identity(routing_id(name).as_bytes())
    })?;
    let monitor = ConnectionMonitor::watch(context, socket.raw())?;
    Ok((socket.connect(endpoint)?, monitor))
}
