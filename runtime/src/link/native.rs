//! A native dealer: the connecting end of a link, on the thread of its owner.
//!
//! ```text
//!   waits ──► dials ──► shakes hands ──► open ──► broken ──► lost ──► waits
//!     50 ms to 1 s        3 s at most              50 ms at most
//! ```
//!
//! It is broken when nothing can be written any more. What the peer has said is still read, but an
//! owner that cannot take it, because it waits until it can send, is not waited for.
//!
//! It has no thread and no timer: its owner tells it the time in every turn, and flushes it at the
//! end of the turn.

use std::time::Duration;

use allot_zmtp::{Event, KeyPair, Options, PublicKey, Security, SocketType};

use super::poller::Place;
use super::{LinkOptions, SendError};
use crate::hub::routing_id;
use crate::limits::{
    HANDSHAKE, LINK_READ_BYTES, LINK_UNTAKEN_BYTES_MAX, RECONNECT_FIRST, RECONNECT_LONGEST,
};
use crate::native_socket::{self, Client, Target};
use crate::poller::Interest;
use crate::socket::Quiet;
use crate::{Counter, Counters, Nanos, PollSet};

/// The connecting end of a link.
pub(super) struct NativeDealer {
    target: Target,
    name: Option<String>,
    options: LinkOptions,
    client: Option<Client<()>>,
    /// Whether nothing can be written any more; what the peer has said is still read.
    is_broken: bool,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Where in it the next frame begins, and where what was read ends.
    begin: usize,
    end: usize,
    quiet: Quiet,
    /// How many connections were made.
    connections: u64,
    /// How many dials there were since one that lasted, and on which something was heard.
    tries: u32,
    opened_at: Nanos,
    now: Nanos,
    /// When it dials, or gives up a dial or a broken connection; none while it is open.
    due: Option<Nanos>,
    counters: Counters,
    /// Who waits for it, if its owner does not.
    place: Option<Place>,
}

impl NativeDealer {
    /// One that dials in its first turn.
    pub(super) fn new(target: Target, name: Option<&str>, options: LinkOptions) -> Self {
        Self {
            target,
            name: name.map(str::to_owned),
            options,
            client: None,
            is_broken: false,
            buffer: vec![0; LINK_READ_BYTES].into_boxed_slice(),
            begin: 0,
            end: 0,
            quiet: Quiet::default(),
            connections: 0,
            tries: 0,
            opened_at: Nanos::ZERO,
            now: Nanos::ZERO,
            due: Some(Nanos::ZERO),
            counters: Counters::new(),
            place: None,
        }
    }

    /// From the next connection on it is waited for there.
    pub(super) fn watch(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Something may have come, or there may be room.
    pub(super) fn wake(&self) {
        self.quiet.end();
    }

    pub(super) fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::Away);
        }
        let client = self.client.as_mut().expect("it is connected");
        let untaken = client.connection.output().len();
        if 0 < untaken && LINK_UNTAKEN_BYTES_MAX < untaken + frame.len() {
            return Err(SendError::Full);
        }
        client.connection.send(&[frame]);
        frame.clear();
        Ok(())
    }

    /// Takes the next frame. It reads once at most: a peer that sends nothing but empty frames and
    /// commands keeps its owner no longer than one that sends frames.
    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.take(Some(frame)) || (!self.quiet.skips() && self.read() && self.take(Some(frame)))
    }

    /// Takes the next frame of what was read last; without room for one, goes on with the
    /// handshake, and no further.
    fn take(&mut self, mut frame: Option<&mut Vec<u8>>) -> bool {
        while self.begin < self.end {
            let Some(client) = self.client.as_mut() else { break };
            if frame.is_none() && client.connection.is_open() {
                return false;
            }
            let mut bytes = &self.buffer[self.begin..self.end];
            let event = client.connection.read(&mut bytes);
            self.begin = self.end - bytes.len();
            match event {
                Ok(Some(Event::Ready)) => self.open(),
                Ok(Some(Event::Message(message))) if 1 < message.count() => {
                    self.counters.add(Counter::PartsDropped, 1);
                }
                Ok(Some(Event::Message(message))) => {
                    let body = message.frame(0);
                    if let Some(frame) = frame.as_deref_mut()
                        && !body.is_empty()
                    {
                        frame.clear();
                        frame.extend_from_slice(body);
                        // One that greets, says something and goes is dialled ever later, too.
                        if self.opened_at + RECONNECT_LONGEST <= self.now {
                            self.tries = 0;
                        }
                        return true;
                    }
                }
                // A DEALER's peers have nothing to subscribe to.
                Ok(Some(Event::Subscribe(_) | Event::Cancel(_)) | None) => {}
                Err(fault) => {
                    self.counters.add(native_socket::of_fault(fault), 1);
                    self.lose();
                }
            }
        }
        false
    }

    /// Reads once; false if there is nothing.
    fn read(&mut self) -> bool {
        let Some(client) = &self.client else { return false };
        // What it is told in return, as a reply to each PING, is to be taken first.
        if !self.is_broken && is_full(client) {
            return false;
        }
        match client.read(&mut self.buffer) {
            Ok(0) if self.is_broken => self.lose(),
            Ok(0) => self.quiet.begin(),
            Ok(len) => {
                (self.begin, self.end) = (0, len);
                return true;
            }
            Err(_) => self.lose(),
        }
        false
    }

    /// The handshake is over.
    fn open(&mut self) {
        self.connections += 1;
        self.quiet.end();
        self.opened_at = self.now;
        self.due = None;
        // An empty frame at every connection tells a hub that this peer is connected. A hub is of
        // this system: one that was restarted is found again at once, however short it lasted.
        if self.name.is_some()
            && let Some(client) = self.client.as_mut()
        {
            self.tries = 0;
            client.connection.send(&[&[]]);
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        !self.is_broken && self.client.as_ref().is_some_and(|client| client.connection.is_open())
    }

    pub(super) fn connection(&self) -> (bool, u64) {
        (self.is_connected(), self.connections)
    }

    /// Whether its place tells of whatever happens next.
    pub(super) fn is_settled(&self) -> bool {
        self.place.is_some() && self.is_connected() && self.begin == self.end
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.holds()
    }

    /// What the time is: dials, goes on with a handshake, or gives it up.
    pub(super) fn tick(&mut self, now: Nanos) {
        self.now = now;
        if self.due.is_some_and(|due| due <= now) {
            match self.client {
                Some(_) => self.lose(),
                None => self.dial(),
            }
        }
        let is_dialling =
            |dealer: &Self| dealer.client.is_some() && dealer.due.is_some() && !dealer.is_broken;
        while is_dialling(self) && !self.quiet.skips() {
            self.take(None);
            // Once it is open, what comes is its owner's to ask for: it is not quiet before that.
            if is_dialling(self) && !self.read() {
                break;
            }
        }
        // What the handshake has to say next.
        if is_dialling(self) {
            self.flush();
        }
    }

    fn dial(&mut self) {
        let routing = self.name.as_deref().map(|name| routing_id(name).as_bytes().to_vec());
        let options = Options {
            socket: SocketType::Dealer,
            identity: routing.unwrap_or_default(),
            message_bytes_max: self.options.frame_bytes_max,
            frames_max: 1,
            security: self.options.door_key.map_or(Security::Null, |key| Security::CurveClient {
                server: PublicKey(key.bytes()),
                own: KeyPair::make(),
            }),
        };
        self.tries = self.tries.saturating_add(1);
        match self.target.begin(options).map(|client| self.watched(client)) {
            Ok(Some(client)) => {
                self.client = Some(client);
                self.due = Some(self.now + HANDSHAKE);
                self.quiet.end();
            }
            _ => self.due = Some(self.now + pause(self.tries)),
        }
    }

    /// A new connection that is waited for, by its place if there is one.
    fn watched(&self, mut client: Client<()>) -> Option<Client<()>> {
        // Its greeting waits until it is connected.
        client.interest = Interest { read: true, write: true };
        let begin = |place: &Place| place.begin(client.stream(), client.interest);
        self.place.as_ref().is_none_or(begin).then_some(client)
    }

    /// The connection is gone, or could not be made.
    fn lose(&mut self) {
        self.client = None;
        self.is_broken = false;
        (self.begin, self.end) = (0, 0);
        self.due = Some(self.now + pause(self.tries));
        self.quiet.end();
    }

    /// Writes what was sent since the last flush, as far as there is room.
    pub(super) fn flush(&mut self) {
        let Some(client) = self.client.as_mut() else { return };
        if !self.is_broken && client.write_output().is_err() {
            self.is_broken = true;
            self.due = Some(self.now + RECONNECT_FIRST);
            self.quiet.end();
        }
        let wanted = Interest {
            read: self.is_broken || !is_full(client),
            write: !self.is_broken && !client.connection.output().is_empty(),
        };
        if let Some(place) = self.place.as_ref().filter(|_| wanted != client.interest) {
            client.interest = wanted;
            place.change(client.stream(), wanted);
        }
    }

    pub(super) fn wake_at(&self) -> Nanos {
        self.due.unwrap_or(Nanos::MAX)
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        let Some(client) = self.client.as_ref().filter(|_| self.place.is_none()) else { return };
        poll_set.quiet_file(client.descriptor(), &self.quiet);
        if !self.is_broken && !client.connection.output().is_empty() {
            poll_set.writable(client.descriptor());
        }
    }

    pub(super) fn reconnect(&mut self) {
        self.counters.add(Counter::Reconnects, 1);
        self.lose();
        self.due = Some(Nanos::ZERO);
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }
}

/// Whether the peer has to take something before more is read of it.
fn is_full(client: &Client<()>) -> bool {
    LINK_UNTAKEN_BYTES_MAX <= client.connection.output().len()
}

/// How long it waits after so many dials.
fn pause(tries: u32) -> Duration {
    let doubled = RECONNECT_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    doubled.min(RECONNECT_LONGEST)
}

impl Drop for NativeDealer {
    /// What was sent leaves, as far as the kernel takes it at once.
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;
