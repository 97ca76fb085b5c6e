//! A native door: the server's end of ZeroMQ's protocol on the router's own thread.
//!
//! ```text
//!   poller ─► a connection that can be read ─► one read of up to 64 KiB ─► messages, one by one
//!   replies ─► output of each connection ─► one write at the end of a turn
//! ```
//!
//! What was read is handed out before anything else is read. So bytes wait in the kernel, which
//! slows their sender down, and here there is only one read, the unfinished message of each
//! connection, and the replies that a client has not taken.
//!
//! One read is one turn of a connection, however long its messages are: a client that sends much
//! does not keep the others waiting. Where its messages are short, or many clients send, it is a
//! shorter one: [`Pace`] has how long.

mod pace;

use std::collections::BTreeMap;

use allot_zmtp::{Event, Options, SocketType};

use crate::limits::{
    DOOR_CLIENT_BYTES_MAX, DOOR_CLIENT_BYTES_RESUME, DOOR_FRAMES_MAX, DOOR_READ_BYTES,
    DOOR_SHORT_BYTES, DOOR_WAITING_BYTES_END, DOOR_WAITING_BYTES_MAX_OF_ALL, DOOR_WRITE_BYTES,
};
use crate::native_socket::{self, Client, Due, Key, NativeSocket};
use crate::poller::Interest;
use crate::{Counter, Counters, DoorOptions, Envelope, Nanos, PollSet, RuntimeError, SendError};
use pace::Pace;

/// The server's side of the front door.
pub(crate) struct NativeDoor {
    socket: NativeSocket<Sender>,
    /// The clients that have chosen an identity.
    by_name: BTreeMap<Vec<u8>, Key>,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Where in it the next message begins, and where what was read ends.
    begin: usize,
    end: usize,
    /// Whose bytes these are.
    current: Option<Key>,
    /// How many messages were in them.
    messages: usize,
    /// Clients to whom something was sent since the last flush.
    unflushed: Vec<Key>,
    /// What unfinished messages take, of all, and what they may take.
    unfinished: usize,
    unfinished_max: usize,
    /// What was sent and not taken, of all.
    waiting: usize,
    /// The clients that have gone since their owner asked, if it asks.
    gone: Option<Vec<Vec<u8>>>,
}

/// What a door keeps of a client.
#[derive(Default)]
struct Sender {
    /// What the router knows it by; empty before the handshake is over.
    identity: Vec<u8>,
    /// What it has of an unfinished message, as it was counted last.
    unfinished: usize,
    /// What it has not taken, as it was counted last.
    waiting: usize,
    /// Since when there is something that it has not taken.
    waiting_since: Option<Nanos>,
    pace: Pace,
}

impl Client<Sender> {
    /// What it is to be waited for now: it is not read while it does not take what is due to it.
    /// Where all together have too much waiting, little is too much.
    fn wanted(&self, of_all: usize) -> Interest {
        let waiting = self.connection.output().len();
        let read_max = match self.interest.read {
            _ if DOOR_WAITING_BYTES_MAX_OF_ALL <= of_all => DOOR_SHORT_BYTES,
            true => DOOR_CLIENT_BYTES_MAX,
            false => DOOR_CLIENT_BYTES_RESUME,
        };
        Interest { read: waiting < read_max, write: 0 < waiting }
    }

    /// Adds a reply.
    fn send(&mut self, delimiter: bool, body: &[u8]) -> Result<(), SendError> {
        if !self.connection.is_open() {
            return Err(SendError::Away);
        }
        if DOOR_CLIENT_BYTES_MAX <= self.connection.output().len() {
            return Err(SendError::Full);
        }
        if delimiter {
            self.connection.send(&[&[], body]);
        } else {
            self.connection.send(&[body]);
        }
        Ok(())
    }
}

impl NativeDoor {
    /// A door at which unfinished messages may take so many bytes, of all clients together.
    pub(crate) fn bind(
        endpoint: &str,
        options: DoorOptions,
        unfinished_max: usize,
    ) -> Result<Self, RuntimeError> {
        assert!(options.message_bytes_max <= unfinished_max, "one message may be unfinished");
        let options = Options {
            socket: SocketType::Router,
            identity: Vec::new(),
            message_bytes_max: options.message_bytes_max,
            frames_max: DOOR_FRAMES_MAX,
            security: native_socket::security(options.keys),
        };
        Ok(Self {
            unfinished_max,
            socket: NativeSocket::bind(endpoint, options)?,
            by_name: BTreeMap::new(),
            buffer: vec![0; DOOR_READ_BYTES].into_boxed_slice(),
            begin: 0,
            end: 0,
            current: None,
            messages: 0,
            unflushed: Vec::new(),
            unfinished: 0,
            waiting: 0,
            gone: None,
        })
    }

    /// Its clients are the server's own: they may take the descriptors that are reserved.
    pub(crate) const fn use_reserved_descriptors(&mut self) {
        self.socket.use_reserved_descriptors();
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.socket.endpoint()
    }

    pub(crate) fn count_into(&mut self, counters: &Counters) {
        self.socket.counters = counters.clone();
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set);
    }

    /// Takes the next message into `envelope`; false if there is none in what is ready.
    #[inline]
    pub(crate) fn receive(&mut self, envelope: &mut Envelope) -> bool {
        loop {
            if self.take(envelope) {
                return true;
            }
            if !self.read_next() {
                return false;
            }
        }
    }

    /// Takes the next message of what was read last.
    #[inline]
    fn take(&mut self, envelope: &mut Envelope) -> bool {
        while let Some(key) = self.current {
            let mut bytes = &self.buffer[self.begin..self.end];
            let client = self.socket.clients.get(key).expect("whose bytes these are is here");
            let event = client.connection.read(&mut bytes);
            self.begin = self.end - bytes.len();
            match event {
                Ok(Some(Event::Message(message))) => {
                    envelope.fill(&client.own.identity, message.count(), |at| message.frame(at));
                    client.messages += 1;
                    self.messages += 1;
                    return true;
                }
                Ok(Some(Event::Ready)) => self.admit(key),
                // A ROUTER's peers have nothing to subscribe to.
                Ok(Some(Event::Subscribe(_) | Event::Cancel(_))) => {}
                Ok(None) => self.finish_read(key),
                Err(fault) => {
                    // What it is told says why.
                    let _ = client.write_output();
                    self.socket.counters.add(native_socket::of_fault(fault), 1);
                    self.close(key);
                }
            }
        }
        false
    }

    /// All of a read was taken.
    fn finish_read(&mut self, key: Key) {
        self.current = None;
        let client = self.socket.clients.get(key).expect("whose bytes these were is here");
        let unfinished = client.connection.unfinished_bytes();
        self.unfinished = self.unfinished + unfinished - client.own.unfinished;
        client.own.unfinished = unfinished;
        client.own.pace.note(self.end, self.messages);
        if client.own.waiting < client.connection.output().len() {
            self.write(key);
        }
        self.socket.note_read();
        while self.unfinished_max < self.unfinished {
            let longest = self.longest().expect("somebody has these bytes");
            self.socket.counters.add(Counter::ConnectionsUnread, 1);
            self.reset(longest);
        }
    }

    /// Who has the longest unfinished message.
    fn longest(&self) -> Option<Key> {
        let clients = self.socket.clients.iter();
        clients.max_by_key(|(_, client)| client.own.unfinished).map(|(key, _)| key)
    }

    /// Reads from the next connection that can be read; false if there is none.
    fn read_next(&mut self) -> bool {
        let Some(due) = self.socket.next_due() else { return false };
        let Due::Client(key, ready) = due else {
            self.accept();
            return true;
        };
        if ready.write {
            self.write(key);
        }
        let (now, ready_count) = (self.socket.now, self.socket.ready());
        // It may have gone since it was ready.
        let client = self.socket.clients.get(key).filter(|_| ready.read);
        let Some(client) = client else { return true };
        let len_max = client.own.pace.read_len(ready_count);
        match client.read(&mut self.buffer[..len_max]) {
            Ok(0) => {}
            Ok(len) => {
                client.heard_at = now;
                (self.begin, self.end, self.current, self.messages) = (0, len, Some(key), 0);
            }
            Err(gone) => {
                self.socket.count_gone(gone);
                self.close(key);
            }
        }
        true
    }

    fn accept(&mut self) {
        self.socket.accept();
        while let Some(surplus) = self.socket.surplus() {
            self.reset(surplus);
        }
    }

    /// A handshake is over: the client is known by its identity from now on.
    fn admit(&mut self, key: Key) {
        let client = self.socket.clients.get(key).expect("it is the one that was read");
        let name = client.connection.peer_identity().to_vec();
        let client_key = client.key();
        if name.is_empty() {
            client.own.identity = key.identity().to_vec();
            return;
        }
        client.own.identity.clone_from(&name);
        if let Some(holder) = self.find(&name) {
            let of_holder = self.socket.clients.get(holder).expect("who has a name is here").key();
            self.socket.counters.add(Counter::IdentitiesTaken, 1);
            // With CURVE a key says who is who, and neither can take the name from the other: who
            // comes later is served as one without a name. Without CURVE, the later is believed.
            if of_holder != client_key {
                let client = self.socket.clients.get(key).expect("it is the one that was read");
                client.own.identity = key.identity().to_vec();
                return;
            }
            self.reset(holder);
        }
        self.by_name.insert(name, key);
    }

    /// The client that is known by an identity.
    #[inline]
    fn find(&self, identity: &[u8]) -> Option<Key> {
        Key::of_identity(identity).or_else(|| self.by_name.get(identity).copied())
    }

    /// Writes what is due to a client, and waits for it where that is not possible now.
    fn write(&mut self, key: Key) {
        let Some(client) = self.socket.clients.get(key) else { return };
        if let Err(gone) = client.write_output() {
            self.socket.count_gone(gone);
            return self.close(key);
        }
        self.note_waiting(key);
    }

    /// Counts what a client has not taken, and waits for what is possible now. Where too much
    /// waits for all together, the slowest are disconnected.
    fn note_waiting(&mut self, key: Key) {
        let now = self.socket.now;
        let client = self.socket.clients.get(key).expect("it was written to just now");
        let waiting = client.connection.output().len();
        self.waiting = self.waiting + waiting - client.own.waiting;
        client.own.waiting = waiting;
        let since = client.own.waiting_since.unwrap_or(now);
        client.own.waiting_since = (0 < waiting).then_some(since);
        let wanted = client.wanted(self.waiting);
        self.socket.wait_for(key, wanted);
        while DOOR_WAITING_BYTES_END < self.waiting {
            let slowest = self.slowest();
            self.socket.counters.add(Counter::ClientsDropped, 1);
            self.reset(slowest);
        }
    }

    /// Of those with at least half as much as who has most, the one that something has waited for
    /// since longest: those that do not read do not take the place of one that asked just now.
    fn slowest(&self) -> Key {
        let clients = || self.socket.clients.iter();
        let most = clients().map(|(_, client)| client.own.waiting).max().unwrap_or_default();
        let have_most = clients().filter(|(_, client)| most / 2 <= client.own.waiting);
        let slowest = have_most.min_by_key(|(_, one)| (one.own.waiting_since, one.number));
        slowest.expect("somebody has these bytes").0
    }

    /// Whether somebody is known by an identity.
    pub(crate) fn knows(&self, identity: &[u8]) -> bool {
        self.find(identity).is_some()
    }

    /// Sends a reply. It leaves at the next flush, or when enough waits for one write, or when the
    /// client has read what it got before.
    pub(crate) fn send(
        &mut self,
        identity: &[u8],
        delimiter: bool,
        body: &[u8],
    ) -> Result<(), SendError> {
        let key = self.find(identity).ok_or(SendError::Away)?;
        let client = self.socket.clients.get(key).ok_or(SendError::Away)?;
        if DOOR_WAITING_BYTES_MAX_OF_ALL <= self.waiting && DOOR_SHORT_BYTES <= client.own.waiting {
            return Err(SendError::Full);
        }
        client.send(delimiter, body)?;
        if client.interest.write {
            self.note_waiting(key);
        } else if DOOR_WRITE_BYTES <= client.connection.output().len() {
            self.write(key);
        } else if !client.is_unflushed {
            client.is_unflushed = true;
            self.unflushed.push(key);
        }
        Ok(())
    }

    /// Writes what was sent since the last flush.
    pub(crate) fn flush(&mut self) {
        let mut unflushed = std::mem::take(&mut self.unflushed);
        for key in unflushed.drain(..) {
            if let Some(client) = self.socket.clients.get(key) {
                client.is_unflushed = false;
                self.write(key);
            }
        }
        self.unflushed = unflushed;
    }

    /// Ends the connection of a client, and drops what was read of it.
    pub(super) fn cut_off(&mut self, identity: &[u8]) {
        if let Some(key) = self.find(identity) {
            self.reset(key);
        }
    }

    /// Ends a connection whose peer has gone, or that cannot be understood.
    fn close(&mut self, key: Key) {
        drop(self.remove(key));
    }

    /// Ends a connection whose peer is there, and tells it at once.
    fn reset(&mut self, key: Key) {
        if let Some(client) = self.remove(key) {
            client.reset();
        }
    }

    fn remove(&mut self, key: Key) -> Option<Client<Sender>> {
        let client = self.socket.remove(key)?;
        if self.by_name.get(&client.own.identity) == Some(&key) {
            self.by_name.remove(&client.own.identity);
        }
        self.unfinished -= client.own.unfinished;
        self.waiting -= client.own.waiting;
        if self.current == Some(key) {
            self.current = None;
        }
        // Before the handshake nobody knew it.
        if let Some(gone) = self.gone.as_mut().filter(|_| !client.own.identity.is_empty()) {
            gone.push(client.own.identity.clone());
        }
        Some(client)
    }

    /// The identities of the clients that have gone since the last time; from the first time on.
    pub(super) fn take_gone(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(self.gone.get_or_insert_default())
    }

    /// What the time is, and what is due at it.
    pub(crate) fn tick(&mut self, now: Nanos) {
        self.socket.tick(now).into_iter().for_each(|overdue| self.close(overdue));
    }

    /// When something is due next.
    pub(crate) fn wake_at(&self) -> Nanos {
        self.socket.wake_at()
    }
}

impl Drop for NativeDoor {
    /// What was sent still leaves, as far as clients take it within a second.
    fn drop(&mut self) {
        self.flush();
        let deadline = native_socket::linger_until();
        loop {
            let pending = self.socket.linger(deadline, |client| 0 < client.own.waiting);
            if pending.is_empty() {
                return;
            }
            pending.into_iter().for_each(|key| self.write(key));
        }
    }
}
