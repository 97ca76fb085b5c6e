//! A dealer: the connecting end of a link over ZeroMQ, one frame per message.

use std::cell::Cell;

use zmq::{Message, POLLIN, POLLOUT, PollEvents};

use super::connection_monitor::ConnectionMonitor;
use super::{LinkOptions, SendError};
use crate::hub::routing_id;
use crate::socket::{Bounds, Part, Socket};
use crate::{Context, Counter, Counters, PollSet, RuntimeError};

/// A DEALER socket, and everything that is needed to replace it.
pub(super) struct Dealer {
    /// Dropped before its monitor.
    socket: Socket,
    monitor: ConnectionMonitor,
    context: Context,
    name: Option<String>,
    options: LinkOptions,
    /// Reused for every receive: ZeroMQ owns its memory.
    message: Message,
    /// Whether the last send was refused. Then the sender waits until the socket is writable.
    refused: bool,
    /// Whether the thread was told since that it is: a sender that waits for something else too
    /// must not keep it awake.
    told: Cell<bool>,
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
            told: Cell::new(false),
            counters: Counters::new(),
        })
    }

    pub(super) fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        let sent = self.socket.send(frame, Part::Last);
        self.refused = sent.is_err();
        self.told.set(false);
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

    pub(super) fn connection(&self) -> (bool, u64) {
        self.monitor.connection()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.socket.is_quiet() && self.monitor.is_quiet()
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.monitor.wait_on(poll_set);
        self.socket.wait_on(poll_set, self.events());
    }

    /// What ends the sleep that follows. Room for a frame that was refused ends one, and no more.
    fn events(&self) -> PollEvents {
        if !self.refused {
            return POLLIN;
        }
        let has_room = self.socket.has_room();
        if self.told.replace(has_room) && has_room { POLLIN } else { POLLIN | POLLOUT }
    }

    pub(super) fn reconnect(&mut self) -> Result<(), RuntimeError> {
        let endpoint = self.socket.endpoint().to_owned();
        let name = self.name.as_deref();
        (self.socket, self.monitor) = connected(&self.context, &endpoint, name, self.options)?;
        self.refused = false;
        self.told.set(false);
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
    let LinkOptions { high_water, frame_bytes_max, door_key, .. } = options;
    let bounds = Bounds { high_water, receive_high_water: high_water, frame_bytes_max };
    let socket = Socket::open(context, zmq::DEALER, bounds, |socket| {
        // Queue frames only for a peer that is connected. Others would arrive late, as if they were
        // new, or never.
        socket.set_immediate(true)?;
        socket.set_ipv6(endpoint.contains('['))?;
        door_key.map_or(Ok(()), |key| key.expect(socket))?;
        let Some(name) = name else { return Ok(()) };
        // An empty frame at every connection tells the hub that this peer is connected.
        socket.set_probe_router(true)?;
        socket.set_identity(routing_id(name).as_bytes())
    })?;
    let monitor = ConnectionMonitor::watch(context, socket.raw())?;
    Ok((socket.connect(endpoint)?, monitor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Door, DoorOptions};

    #[test]
    fn links_that_go_as_their_connections_break_block_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let context = Context::new().unwrap();
        let pair = |number: u32| {
            let endpoint = format!("ipc://{}", folder.path().join(number.to_string()).display());
            let door = Door::bind(&context, &endpoint, DoorOptions::default()).unwrap();
            let mut link =
                Dealer::connect(&context, &endpoint, None, LinkOptions::default()).unwrap();
            while link.send(&mut b"frame".to_vec()).is_err() {
                let mut poll_set = PollSet::without_waker();
                link.wait_on(&mut poll_set);
                poll_set.sleep(None);
            }
            (door, link)
        };
        // The I/O thread, which all of them share, tells of ends to whom it can.
        for number in 0..200 {
            drop(pair(number));
        }
        for number in 200..400 {
            let (door, link) = pair(number);
            drop((link, door));
        }
    }

    #[test]
    fn room_wakes_a_sender_once_and_keeps_none_awake_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = format!("ipc://{}", folder.path().join("door").display());
        let context = Context::new().unwrap();
        let mut dealer =
            Dealer::connect(&context, &endpoint, None, LinkOptions::default()).unwrap();
        let mut frame = b"frame".to_vec();
        assert_eq!(dealer.send(&mut frame), Err(SendError::Away));
        assert_eq!(dealer.events(), POLLIN | POLLOUT, "there is no room");
        let _door = Door::bind(&context, &endpoint, DoorOptions::default()).unwrap();
        while !dealer.socket.has_room() {
            let mut poll_set = PollSet::without_waker();
            dealer.wait_on(&mut poll_set);
            poll_set.sleep(None);
        }
        // The last turn may have told it.
        dealer.told.set(false);
        assert_eq!(dealer.events(), POLLIN | POLLOUT, "there is room");
        for _ in 0..3 {
            assert_eq!(dealer.events(), POLLIN, "the sender has had a turn");
        }
        assert_eq!(dealer.send(&mut frame), Ok(()));
        assert_eq!(dealer.events(), POLLIN);
    }
}
