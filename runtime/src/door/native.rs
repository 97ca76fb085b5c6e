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
//! does not keep the others waiting.

mod client;
mod clients;
mod listener;

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::Instant;

use allot_zmtp::{Connection, Event, Fault, KeyPair, Options, PublicKey, Security, SocketType};
use rustix::process::{Resource, getrlimit};

use crate::limits::{
    CONNECTIONS_MAX, DESCRIPTORS_RESERVED, DESCRIPTORS_WAIT, DOOR_FRAMES_MAX, DOOR_READ_BYTES,
    DOOR_SHORT_BYTES, DOOR_TURNS_SKIPPED, DOOR_UNFINISHED_BYTES_MAX_OF_ALL,
    DOOR_WAITING_BYTES_MAX_OF_ALL, DOOR_WRITE_BYTES, HANDSHAKE, LINGER, READY_PER_LOOK,
    REST_CHECK_EVERY,
};
use crate::poller::{Interest, Poller, Ready};
use crate::socket::Quiet;
use crate::{Counter, Counters, DoorOptions, Envelope, Nanos, PollSet, RuntimeError, SendError};
use client::{Client, Gone};
use clients::{Clients, Key};
use listener::{Accepted, Listener};

/// The token of the listener; no key has it, because places are counted in 32 bits from zero.
const LISTENER: u64 = u64::MAX;

/// The server's side of the front door.
pub(super) struct NativeDoor {
    listener: Listener,
    poller: Poller,
    quiet: Quiet,
    options: Options,
    clients: Clients,
    /// How many there may be.
    most: usize,
    /// How many were ever accepted.
    accepted: u64,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Where in it the next message begins, and where what was read ends.
    begin: usize,
    end: usize,
    /// Whose bytes these are.
    current: Option<Key>,
    /// Clients to whom something was sent since the last flush.
    unflushed: Vec<Key>,
    /// Whether all that was ready at a look was told, and nothing was looked at since.
    has_looked: bool,
    /// Those that may not have ended their handshakes, in the order of their deadlines.
    handshakes: VecDeque<(Nanos, Key)>,
    /// When connections are accepted again, after descriptors had run out.
    accept_at: Option<Nanos>,
    /// When those that rest are looked at.
    rest_at: Nanos,
    /// What unfinished messages take, of all.
    unfinished: usize,
    /// What was sent and not taken, of all.
    waiting: usize,
    counters: Counters,
    now: Nanos,
}

impl NativeDoor {
    /// Whether an endpoint is one that this door binds.
    pub(super) fn knows(endpoint: &str) -> bool {
        Listener::knows(endpoint)
    }

    pub(super) fn bind(endpoint: &str, options: DoorOptions) -> Result<Self, RuntimeError> {
        let listener = Listener::bind(endpoint)?;
        let poller = Poller::new()?;
        if !poller.add(&listener, LISTENER, Interest::READ) {
            let cause = "the kernel watches no more descriptors".to_owned();
            return Err(RuntimeError::Bind { endpoint: endpoint.to_owned(), cause });
        }
        let security = options.keys.map_or(Security::Null, |keys| {
            let (public, secret) = keys.bytes();
            Security::CurveServer(KeyPair::of(PublicKey(public), secret))
        });
        let open_max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        // The front door and the broadcast share what is there.
        let most = open_max.saturating_sub(DESCRIPTORS_RESERVED).max(2) / 2;
        Ok(Self {
            listener,
            poller,
            quiet: Quiet::default(),
            options: Options {
                socket: SocketType::Router,
                identity: Vec::new(),
                message_bytes_max: options.message_bytes_max,
                frames_max: DOOR_FRAMES_MAX,
                security,
            },
            clients: Clients::default(),
            most: usize::try_from(most).unwrap_or(usize::MAX).min(CONNECTIONS_MAX),
            accepted: 0,
            buffer: vec![0; DOOR_READ_BYTES].into_boxed_slice(),
            begin: 0,
            end: 0,
            current: None,
            unflushed: Vec::new(),
            has_looked: false,
            handshakes: VecDeque::new(),
            accept_at: None,
            rest_at: Nanos::MAX,
            unfinished: 0,
            waiting: 0,
            counters: Counters::new(),
            now: Nanos::ZERO,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        self.listener.endpoint()
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.quiet_file(self.poller.descriptor(), &self.quiet);
    }

    /// Takes the next message into `envelope`; false if there is none in what is ready.
    #[inline]
    pub(super) fn receive(&mut self, envelope: &mut Envelope) -> bool {
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
            let client = self.clients.get(key).expect("whose bytes these are is here");
            let event = client.connection.read(&mut bytes);
            self.begin = self.end - bytes.len();
            match event {
                Ok(Some(Event::Message(message))) => {
                    envelope.fill(&client.identity, message.count(), |at| message.frame(at));
                    client.messages += 1;
                    return true;
                }
                Ok(Some(Event::Ready)) => self.admit(key),
                // A ROUTER's peers have nothing to subscribe to.
                Ok(Some(Event::Subscribe(_) | Event::Cancel(_))) => {}
                Ok(None) => self.finish_read(key),
                Err(fault) => {
                    // What it is told says why.
                    let _ = client.write();
                    self.counters.add(of_fault(fault), 1);
                    self.close(key);
                }
            }
        }
        false
    }

    /// All of a read was taken.
    fn finish_read(&mut self, key: Key) {
        self.current = None;
        let client = self.clients.get(key).expect("whose bytes these were is here");
        let unfinished = client.connection.unfinished_bytes();
        self.unfinished = self.unfinished + unfinished - client.unfinished;
        client.unfinished = unfinished;
        self.rest_at = self.rest_at.min(self.now + REST_CHECK_EVERY);
        if client.waiting < client.connection.output().len() {
            self.write(key);
        }
        while DOOR_UNFINISHED_BYTES_MAX_OF_ALL < self.unfinished {
            let longest = self.clients.longest().expect("somebody has these bytes");
            self.counters.add(Counter::ConnectionsUnread, 1);
            self.reset(longest);
        }
    }

    /// Reads from the next connection that can be read; false if there is none.
    fn read_next(&mut self) -> bool {
        let Some(ready) = self.next_ready() else { return false };
        if ready.token == LISTENER {
            self.accept();
            return true;
        }
        let key = Key::of_token(ready.token);
        if ready.write {
            self.write(key);
        }
        // It may have gone since it was ready.
        let Some(client) = self.clients.get(key).filter(|_| ready.read) else { return true };
        match client.read(&mut self.buffer) {
            Ok(0) => {}
            Ok(len) => {
                client.heard_at = self.now;
                (self.begin, self.end, self.current) = (0, len, Some(key));
            }
            Err(Gone) => self.close(key),
        }
        true
    }

    /// The next of those that were ready at the last look, or at a new one. After each look there
    /// is an end, so that what was read is dealt with before more is.
    fn next_ready(&mut self) -> Option<Ready> {
        let ready = self.poller.next();
        if ready.is_some() || self.quiet.skips() {
            return ready;
        }
        if std::mem::take(&mut self.has_looked) {
            self.quiet.begin_for(DOOR_TURNS_SKIPPED);
            return None;
        }
        self.has_looked = self.poller.look();
        if self.has_looked {
            self.quiet.end();
        } else {
            self.quiet.begin();
        }
        self.poller.next()
    }

    fn accept(&mut self) {
        for _ in 0..READY_PER_LOOK {
            match self.listener.accept() {
                Ok(Some(accepted)) => self.welcome(accepted),
                Ok(None) => return,
                Err(_) => return self.stop_accepting(),
            }
        }
    }

    fn welcome(&mut self, accepted: Accepted) {
        self.accepted += 1;
        let connection = Connection::new(self.options.clone());
        let until = self.now + HANDSHAKE;
        let key = self.clients.insert(Client::new(accepted, connection, self.accepted, self.now));
        let client = self.clients.get(key).expect("it came just now");
        if !self.poller.add(client.stream(), key.token(), Interest::READ) {
            return self.close(key);
        }
        self.handshakes.push_back((until, key));
        self.write(key);
        while self.most < self.clients.count() {
            let surplus = self.clients.surplus().expect("there are too many");
            self.counters.add(Counter::ConnectionsSurplus, 1);
            self.reset(surplus);
        }
    }

    /// Without a descriptor for it, a connection that waits to be accepted would end every sleep.
    fn stop_accepting(&mut self) {
        self.counters.add(Counter::DescriptorsOut, 1);
        self.poller.remove(&self.listener);
        self.accept_at = Some(self.now + DESCRIPTORS_WAIT);
    }

    fn accept_again(&mut self) {
        let is_due = self.accept_at.take().is_some();
        if is_due && !self.poller.add(&self.listener, LISTENER, Interest::READ) {
            self.accept_at = Some(self.now + DESCRIPTORS_WAIT);
        }
    }

    /// A handshake is over: the client is known by its identity from now on.
    fn admit(&mut self, key: Key) {
        let client = self.clients.get(key).expect("it is the one that was read");
        let name = client.connection.peer_identity().to_vec();
        let client_key = client.key();
        if name.is_empty() {
            client.identity = key.identity().to_vec();
            return;
        }
        client.identity.clone_from(&name);
        if let Some(holder) = self.clients.find(&name) {
            let of_holder = self.clients.get(holder).expect("who has a name is here").key();
            self.counters.add(Counter::IdentitiesTaken, 1);
            // With CURVE a key says who is who; without, whoever comes later is believed.
            if of_holder != client_key {
                return self.reset(key);
            }
            self.reset(holder);
        }
        self.clients.name(&name, key);
    }

    /// Writes what is due to a client, and waits for it where that is not possible now.
    fn write(&mut self, key: Key) {
        let Some(client) = self.clients.get(key) else { return };
        if client.write() == Err(Gone) {
            return self.close(key);
        }
        self.note_waiting(key);
    }

    /// Counts what a client has not taken, and waits for what is possible now.
    fn note_waiting(&mut self, key: Key) {
        let client = self.clients.get(key).expect("it was written to just now");
        let waiting = client.connection.output().len();
        self.waiting = self.waiting + waiting - client.waiting;
        client.waiting = waiting;
        let wanted = client.wanted();
        if wanted != client.interest {
            client.interest = wanted;
            self.poller.modify(client.stream(), key.token(), wanted);
        }
    }

    /// Sends a reply. It leaves at the next flush, or when enough waits for one write, or when the
    /// client has read what it got before.
    pub(super) fn send(
        &mut self,
        identity: &[u8],
        delimiter: bool,
        body: &[u8],
    ) -> Result<(), SendError> {
        let key = self.clients.find(identity).ok_or(SendError::Away)?;
        let client = self.clients.get(key).ok_or(SendError::Away)?;
        if DOOR_WAITING_BYTES_MAX_OF_ALL <= self.waiting && DOOR_SHORT_BYTES <= client.waiting {
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
    pub(super) fn flush(&mut self) {
        let mut unflushed = std::mem::take(&mut self.unflushed);
        for key in unflushed.drain(..) {
            if let Some(client) = self.clients.get(key) {
                client.is_unflushed = false;
                self.write(key);
            }
        }
        self.unflushed = unflushed;
    }

    /// Ends the connection of a client, and drops what was read of it.
    pub(super) fn cut_off(&mut self, identity: &[u8]) {
        if let Some(key) = self.clients.find(identity) {
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

    fn remove(&mut self, key: Key) -> Option<Client> {
        let client = self.clients.remove(key)?;
        self.unfinished -= client.unfinished;
        self.waiting -= client.waiting;
        if self.current == Some(key) {
            self.current = None;
        }
        self.accept_again();
        Some(client)
    }

    /// What the time is, and what is due at it.
    pub(super) fn tick(&mut self, now: Nanos) {
        self.now = now;
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_again();
        }
        while let Some((until, key)) = self.handshakes.front().copied() {
            let is_over = self.clients.get(key).is_none_or(|client| client.connection.is_open());
            if !is_over && now < until {
                break;
            }
            self.handshakes.pop_front();
            if !is_over {
                self.close(key);
            }
        }
        if self.rest_at <= now {
            self.look_at_rest();
        }
    }

    /// Gives memory back that nothing is in, of those too that do not rest: one long message must
    /// not be paid for as long as its sender says a byte now and then. Forgets those that want it.
    fn look_at_rest(&mut self) {
        let now = self.now;
        // Again where somebody may begin to rest, or to be silent for too long.
        let is_again = |client: &Client| {
            now < client.heard_at + REST_CHECK_EVERY || 0 < client.connection.peer_ttl()
        };
        let mut again = false;
        for client in self.clients.iter_mut() {
            again |= is_again(client);
            client.connection.trim();
        }
        self.rest_at = if again { now + REST_CHECK_EVERY } else { Nanos::MAX };
        let silent = self.clients.iter().filter(|(_, client)| client.is_overdue(now));
        let silent: Vec<_> = silent.map(|(key, _)| key).collect();
        silent.into_iter().for_each(|key| self.close(key));
    }

    /// When something is due next.
    pub(super) fn wake_at(&self) -> Nanos {
        let handshake = self.handshakes.front().map_or(Nanos::MAX, |(until, _)| *until);
        handshake.min(self.accept_at.unwrap_or(Nanos::MAX)).min(self.rest_at)
    }
}

/// What a fault of a connection counts as.
const fn of_fault(fault: Fault) -> Counter {
    match fault {
        Fault::TooLong | Fault::TooManyFrames => Counter::ConnectionsUnread,
        _ => Counter::ConnectionsFaulty,
    }
}

impl Drop for NativeDoor {
    /// What was sent still leaves, as far as clients take it within a second.
    fn drop(&mut self) {
        self.flush();
        let deadline = Instant::now() + LINGER;
        loop {
            let pending: Vec<_> = self.clients.iter().filter(|(_, one)| 0 < one.waiting).collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if pending.is_empty() || left.is_zero() {
                return;
            }
            let mut poll_set = PollSet::without_waker();
            pending.iter().for_each(|(_, client)| poll_set.writable(client.stream().as_fd()));
            poll_set.sleep(Some(left));
            let pending: Vec<_> = pending.into_iter().map(|(key, _)| key).collect();
            pending.into_iter().for_each(|key| self.write(key));
        }
    }
}
