//! A native socket: the server's end of ZeroMQ's protocol, without a thread of its own.
//!
//! ```text
//!   listener ─► clients, each with its connection ─► poller ─► who can be read, who can be written
//! ```
//!
//! It accepts connections within its bounds, greets them, and ends those whose time is over. What
//! is read and written is its owner's: a front door, or a broadcast.

mod client;
mod clients;
mod dial;
mod listener;

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Instant;

use allot_zmtp::{Connection, Fault, KeyPair, Options, PublicKey, Security};

use crate::limits::{
    CONNECTIONS_MAX, DESCRIPTORS_WAIT, DOOR_TURNS_SKIPPED, HANDSHAKE, LINGER, READY_PER_LOOK,
    REST_CHECK_EVERY,
};
use crate::poller::{Interest, Poller, Ready};
use crate::socket::Quiet;
use crate::{Counter, Counters, CurveKeys, Nanos, PollSet, RuntimeError, descriptors};
pub(crate) use client::{Client, Gone};
use clients::Clients;
pub(crate) use clients::Key;
pub(crate) use dial::Target;
use listener::{Accepted, Listener};

/// The token of the listener; no key has it, because places are counted in 32 bits from zero.
const LISTENER: u64 = u64::MAX;

/// The connections to one endpoint; `T` is what their owner keeps of each.
pub(crate) struct NativeSocket<T> {
    listener: Listener,
    poller: Poller,
    quiet: Quiet,
    options: Options,
    pub(crate) clients: Clients<T>,
    /// How many there may be.
    most: usize,
    /// A descriptor of this number, or a higher one, is for no connection.
    descriptors: usize,
    /// Whether a connection has such a one.
    is_tight: bool,
    /// How many were ever accepted.
    accepted: u64,
    /// Whether all that was ready at a look was told, and nothing was looked at since.
    has_looked: bool,
    /// Those that may not have ended their handshakes, in the order of their deadlines.
    handshakes: VecDeque<(Nanos, Key)>,
    /// When connections are accepted again, after descriptors had run out.
    accept_at: Option<Nanos>,
    /// When those that rest are looked at.
    rest_at: Nanos,
    pub(crate) counters: Counters,
    pub(crate) now: Nanos,
}

/// What can be done now.
pub(crate) enum Due {
    /// A client can be read or written, or has gone.
    Client(Key, Ready),
    /// Connections can be accepted.
    Accept,
}

/// The security of a server that has these keys.
pub(crate) fn security(keys: Option<CurveKeys>) -> Security {
    keys.map_or(Security::Null, |keys| {
        let (public, secret) = keys.bytes();
        Security::CurveServer(KeyPair::of(PublicKey(public), secret))
    })
}

/// Whether an endpoint is one that a native socket binds: it knows no name of an interface, and no
/// file that it would choose itself.
pub(crate) fn knows(endpoint: &str) -> bool {
    Listener::knows(endpoint)
}

impl<T: Default> NativeSocket<T> {
    pub(crate) fn bind(endpoint: &str, options: Options) -> Result<Self, RuntimeError> {
        let listener = Listener::bind(endpoint)?;
        let poller = Poller::new()?;
        if !poller.add(&listener, LISTENER, Interest::READ) {
            let cause = "the kernel watches no more descriptors".to_owned();
            return Err(RuntimeError::Bind { endpoint: endpoint.to_owned(), cause });
        }
        let descriptors = descriptors::for_connections();
        Ok(Self {
            listener,
            poller,
            quiet: Quiet::default(),
            options,
            clients: Clients::default(),
            // The front door and the broadcast share what is there.
            most: (descriptors / 2).clamp(1, CONNECTIONS_MAX),
            descriptors,
            is_tight: false,
            accepted: 0,
            has_looked: false,
            handshakes: VecDeque::new(),
            accept_at: None,
            rest_at: Nanos::MAX,
            counters: Counters::new(),
            now: Nanos::ZERO,
        })
    }

    /// Lets connections take the descriptors that are reserved: they are the server's own.
    pub(crate) const fn use_reserved_descriptors(&mut self) {
        self.descriptors = usize::MAX;
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.listener.endpoint()
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.quiet_file(self.poller.descriptor(), &self.quiet);
    }

    /// The next of those that were ready at the last look, or at a new one. After each look there
    /// is an end, so that what was read is dealt with before more is.
    pub(crate) fn next_due(&mut self) -> Option<Due> {
        let ready = self.next_ready()?;
        let is_listener = ready.token == LISTENER;
        Some(if is_listener { Due::Accept } else { Due::Client(Key::of_token(ready.token), ready) })
    }

    /// Of how many the last look told.
    pub(crate) fn ready(&self) -> usize {
        self.poller.ready()
    }

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

    /// Accepts connections, and greets them. There may be a [`surplus`](Self::surplus) then.
    pub(crate) fn accept(&mut self) {
        for _ in 0..READY_PER_LOOK {
            match self.listener.accept() {
                Ok(Some(accepted)) => {
                    self.welcome(accepted);
                    if self.is_tight {
                        return;
                    }
                }
                Ok(None) => return,
                Err(_) => return self.stop_accepting(),
            }
        }
    }

    fn welcome(&mut self, accepted: Accepted) {
        self.accepted += 1;
        // The kernel gives the lowest number that is free: so many are in use, by whatever.
        let number = usize::try_from(accepted.stream.as_raw_fd()).unwrap_or(usize::MAX);
        self.is_tight = self.descriptors <= number;
        let connection = Connection::new(self.options.clone());
        let until = self.now + HANDSHAKE;
        let key = self.clients.insert(Client::new(accepted, connection, self.accepted, self.now));
        let client = self.clients.get(key).expect("it came just now");
        // The kernel takes a greeting of a new connection whole.
        let is_there = self.poller.add(client.stream(), key.token(), Interest::READ)
            && client.write_output().is_ok();
        if is_there {
            self.handshakes.push_back((until, key));
        } else {
            self.clients.remove(key);
        }
    }

    /// Who has to go where there are more than there may be.
    pub(crate) fn surplus(&mut self) -> Option<Key> {
        let is_tight = std::mem::take(&mut self.is_tight) && 0 < self.clients.count();
        (is_tight || self.most < self.clients.count()).then(|| {
            self.counters.add(Counter::ConnectionsSurplus, 1);
            self.clients.surplus().expect("there are too many")
        })
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

    /// Waits for what is possible now of a client.
    pub(crate) fn wait_for(&mut self, key: Key, wanted: Interest) {
        let Some(client) = self.clients.get(key) else { return };
        if wanted != client.interest {
            client.interest = wanted;
            self.poller.modify(client.stream(), key.token(), wanted);
        }
    }

    /// Something was read of a client: buffers with nothing in them are to be looked for.
    pub(crate) fn note_read(&mut self) {
        self.rest_at = self.rest_at.min(self.now + REST_CHECK_EVERY);
    }

    /// A client does not go on.
    pub(crate) fn count_gone(&self, gone: Gone) {
        self.counters.add(Counter::ConnectionsLost, u64::from(gone == Gone::Lost));
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Client<T>> {
        let client = self.clients.remove(key)?;
        self.accept_again();
        Some(client)
    }

    /// What the time is; returns whose time is over.
    pub(crate) fn tick(&mut self, now: Nanos) -> Vec<Key> {
        self.now = now;
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_again();
        }
        let mut overdue = Vec::new();
        while let Some((until, key)) = self.handshakes.front().copied() {
            let is_over = self.clients.get(key).is_none_or(|client| client.connection.is_open());
            if !is_over && now < until {
                break;
            }
            self.handshakes.pop_front();
            if !is_over {
                overdue.push(key);
            }
        }
        if self.rest_at <= now {
            self.look_at_rest(&mut overdue);
        }
        overdue
    }

    /// Gives memory back that nothing is in, of those too that do not rest: one long message must
    /// not be paid for as long as its sender says a byte now and then. Finds those that want to be
    /// forgotten.
    fn look_at_rest(&mut self, overdue: &mut Vec<Key>) {
        let now = self.now;
        // Again where somebody may begin to rest, or to be silent for too long.
        let is_again = |client: &Client<T>| {
            now < client.heard_at + REST_CHECK_EVERY || 0 < client.connection.peer_ttl()
        };
        let mut again = false;
        for client in self.clients.iter_mut() {
            again |= is_again(client);
            client.connection.trim();
        }
        self.rest_at = if again { now + REST_CHECK_EVERY } else { Nanos::MAX };
        let silent = self.clients.iter().filter(|(_, client)| client.is_overdue(now));
        overdue.extend(silent.map(|(key, _)| key));
    }

    /// When something is due next.
    pub(crate) fn wake_at(&self) -> Nanos {
        let handshake = self.handshakes.front().map_or(Nanos::MAX, |(until, _)| *until);
        handshake.min(self.accept_at.unwrap_or(Nanos::MAX)).min(self.rest_at)
    }

    /// Sleeps until somebody for whom something waits can be written, and names all of them; none
    /// once nothing waits, or after `deadline`.
    pub(crate) fn linger(&self, deadline: Instant, waits: impl Fn(&Client<T>) -> bool) -> Vec<Key> {
        let pending: Vec<_> = self.clients.iter().filter(|(_, one)| waits(one)).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if pending.is_empty() || left.is_zero() {
            return Vec::new();
        }
        let mut poll_set = PollSet::without_waker();
        pending.iter().for_each(|(_, client)| poll_set.writable(client.stream().as_fd()));
        poll_set.sleep(Some(left));
        pending.into_iter().map(|(key, _)| key).collect()
    }
}

/// Until when a socket that closes may try to deliver what was sent.
pub(crate) fn linger_until() -> Instant {
    Instant::now() + LINGER
}

/// What a fault of a connection counts as.
pub(crate) const fn of_fault(fault: Fault) -> Counter {
    match fault {
        Fault::TooLong | Fault::TooManyFrames => Counter::ConnectionsUnread,
        _ => Counter::ConnectionsFaulty,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use allot_zmtp::SocketType;
    use rustix::net::{SendFlags, send};

    use super::*;

    fn open() -> (NativeSocket<()>, String) {
        let options = Options {
            socket: SocketType::Xpub,
            identity: Vec::new(),
            message_bytes_max: 100,
            frames_max: 1,
            security: Security::Null,
        };
        let socket = NativeSocket::bind("tcp://127.0.0.1:0", options).unwrap();
        let endpoint = socket.endpoint().strip_prefix("tcp://").unwrap().to_owned();
        (socket, endpoint)
    }

    /// Connects, and waits until the connection is accepted.
    fn connect(socket: &mut NativeSocket<()>, endpoint: &str) -> TcpStream {
        let (stream, before) = (TcpStream::connect(endpoint).unwrap(), socket.accepted);
        while socket.accepted == before {
            let mut poll_set = PollSet::without_waker();
            socket.wait_on(&mut poll_set);
            poll_set.sleep(Some(Duration::from_millis(5)));
            if let Some(Due::Accept) = socket.next_due() {
                socket.accept();
            }
        }
        stream
    }

    #[test]
    fn who_never_said_anything_makes_room_for_another() {
        let (mut socket, endpoint) = open();
        socket.most = 2;
        let _streams = [(); 2].map(|()| connect(&mut socket, &endpoint));
        assert!(socket.surplus().is_none());
        let keys: Vec<_> = socket.clients.iter().map(|(key, _)| key).collect();
        socket.clients.get(keys[0]).unwrap().messages = 1;
        let _third = connect(&mut socket, &endpoint);
        assert_eq!(socket.surplus(), Some(keys[1]), "the oldest that is silent");
        socket.remove(keys[1]).unwrap().reset();
        assert!(socket.surplus().is_none());
        assert_eq!(socket.counters.get(Counter::ConnectionsSurplus), 1);
        socket.clients.iter_mut().for_each(|client| client.messages = 1);
        let _fourth = connect(&mut socket, &endpoint);
        socket.clients.iter_mut().for_each(|client| client.messages = 1);
        let latest = socket.clients.iter().max_by_key(|(_, client)| client.number).unwrap().0;
        assert_eq!(socket.surplus(), Some(latest), "all have said something");
    }

    #[test]
    fn who_takes_nothing_for_too_long_is_lost() {
        let (mut socket, endpoint) = open();
        let stream = connect(&mut socket, &endpoint);
        let (_, client) = socket.clients.iter().next().unwrap();
        rustix::net::sockopt::set_tcp_user_timeout(client.stream(), 1).unwrap();
        let bytes = [0; 64 << 10];
        while send(client.stream(), &bytes, SendFlags::NOSIGNAL).is_ok() {}
        let mut buffer = [0; 64];
        let gone = loop {
            let mut poll_set = PollSet::without_waker();
            poll_set.file(client.descriptor());
            poll_set.sleep(None);
            if let Err(gone) = client.read(&mut buffer) {
                break gone;
            }
        };
        socket.count_gone(gone);
        assert_eq!(socket.counters.get(Counter::ConnectionsLost), 1);
        socket.count_gone(Gone::Closed);
        assert_eq!(socket.counters.get(Counter::ConnectionsLost), 1);
        drop(stream);
    }

    /// What opens files while it works always has some.
    #[test]
    fn a_connection_takes_no_descriptor_that_is_reserved() {
        let (mut socket, endpoint) = open();
        let first = connect(&mut socket, &endpoint);
        assert_eq!(socket.surplus(), None);
        socket.descriptors = 1;
        let second = connect(&mut socket, &endpoint);
        let surplus = socket.surplus().expect("it has a number of at least one");
        drop(socket.remove(surplus));
        assert_eq!((socket.clients.count(), socket.surplus()), (1, None));
        socket.use_reserved_descriptors();
        let third = connect(&mut socket, &endpoint);
        assert_eq!(socket.surplus(), None);
        drop((first, second, third));
    }

    /// Nothing is looked at again and again meanwhile.
    #[test]
    fn without_descriptors_nobody_is_accepted_until_one_is_free_or_a_second_is_over() {
        let (mut socket, endpoint) = open();
        let stream = connect(&mut socket, &endpoint);
        let begin = Nanos::from_unix(1_000);
        socket.tick(begin);
        socket.stop_accepting();
        assert_eq!(socket.counters.get(Counter::DescriptorsOut), 1);
        let waits = TcpStream::connect(&endpoint).unwrap();
        assert!(!socket.poller.look(), "what waits to be accepted is not told");
        assert_eq!(socket.accept_at, Some(begin + DESCRIPTORS_WAIT));
        assert!(socket.wake_at() <= begin + DESCRIPTORS_WAIT);
        socket.tick(begin + DESCRIPTORS_WAIT);
        assert_eq!(socket.accept_at, None);
        assert!(socket.poller.look(), "it is told again");
        socket.stop_accepting();
        let (key, _) = socket.clients.iter().next().unwrap();
        drop(socket.remove(key));
        assert_eq!(socket.accept_at, None, "there is a descriptor again");
        assert!(socket.poller.look());
        drop((stream, waits));
    }
}
