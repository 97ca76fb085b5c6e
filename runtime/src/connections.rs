//! Connections: what the kernel knows of the connections of a socket that is bound.
//!
//! ZeroMQ bounds frames and counts whole messages. It bounds neither a message that never ends,
//! nor the bytes of what it has read, nor the connections; and it does not say who is slow. But it
//! names the descriptor of each connection, and the kernel counts the bytes of every TCP
//! connection. So a connection whose bytes do not become messages is found, and one whose bytes are
//! not taken, and it is reset. ZeroMQ then sees a peer that has gone, and gives its memory
//! back.
//!
//! A descriptor may be closed and given to another connection at any moment: the cookie of a socket
//! is never given twice, and is compared before anything is done.

use std::collections::BTreeMap;

use zmq::{Message, SocketEvent};

use crate::levels::{MostPending, SubscriberLevel};
use crate::limits::{
    BEHIND_LEAST, CONNECTIONS_MAX, CONNECTIONS_PER_CHECK, PREFIX_BYTES_MAX, SUBSCRIBERS_TOLD,
    SUBSCRIPTION_NODES_MAX_OF_ALL, SUBSCRIPTIONS_BYTES_MAX, SUBSCRIPTIONS_MAX,
    SUBSCRIPTIONS_MAX_OF_ALL,
};
use crate::socket_monitor::SocketMonitor;
use crate::{Context, Counter, Counters, Nanos, RuntimeError, Subscription, descriptors};
use subscriptions::{Subscriptions, Tree};

pub(crate) mod kernel;
mod subscriptions;

/// What a socket allows its connections.
#[derive(Clone, Copy)]
pub(crate) struct ConnectionBounds {
    /// Bytes that one may have sent and that were not taken.
    pub(crate) unread_max: u64,
    /// The same of all.
    pub(crate) unread_max_of_all: u64,
}

/// A connection, by its descriptor and its number: descriptors are used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Peer {
    pub(crate) fd: i32,
    number: u64,
}

/// One connection.
#[derive(Default)]
struct Connection {
    cookie: u64,
    /// In which order it was accepted.
    number: u64,
    /// Bytes that were taken from it, with their framing.
    taken: u64,
    /// Bytes that it had sent and that were not taken, at the last check.
    unread: u64,
    /// Bytes that the kernel has for it and that it had not taken, at the last check.
    untaken: u64,
    /// Since when there are bytes that it does not take.
    behind_since: Option<Nanos>,
    subscriptions: Subscriptions,
}

/// All connections of one socket, by descriptor.
pub(crate) struct Connections {
    monitor: SocketMonitor,
    bounds: ConnectionBounds,
    by_fd: BTreeMap<i32, Connection>,
    /// Bytes that were sent and not taken, of all.
    unread: u64,
    subscriptions: usize,
    /// What all subscriptions are to ZeroMQ.
    tree: Tree,
    /// How many have bytes that they did not take, at the last check.
    behind: usize,
    /// How many there may be.
    most: usize,
    accepted: u64,
    /// Where the next check begins.
    next: i32,
    /// Those that the check looks at; kept because a check allocates nothing.
    seen: Vec<i32>,
    counters: Counters,
}

impl Connections {
    /// Follows the connections of a socket that is not bound yet.
    pub(crate) fn follow(
        context: &Context,
        socket: &zmq::Socket,
        bounds: ConnectionBounds,
    ) -> Result<Self, RuntimeError> {
        let kinds = [SocketEvent::ACCEPTED, SocketEvent::DISCONNECTED];
        let monitor = SocketMonitor::watch(context, socket, &kinds)?;
        // The front door and the broadcast share what is there.
        let most = descriptors::for_connections() / 2;
        Ok(Self {
            monitor,
            bounds,
            by_fd: BTreeMap::new(),
            unread: 0,
            subscriptions: 0,
            tree: Tree::default(),
            behind: 0,
            most: most.clamp(1, CONNECTIONS_MAX),
            accepted: 0,
            next: 0,
            seen: Vec::new(),
            counters: Counters::new(),
        })
    }

    pub(crate) fn count_into(&mut self, counters: &Counters) {
        self.counters = counters.clone();
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_fd.len()
    }

    /// Bytes were taken from a connection; false if it is not there.
    pub(crate) fn take(&mut self, peer: Peer, bytes: u64) -> bool {
        let connection = self.by_fd.get_mut(&peer.fd).filter(|one| one.number == peer.number);
        connection.map(|connection| connection.taken += bytes).is_some()
    }

    /// Whether the connection is there.
    pub(crate) fn knows(&self, peer: Peer) -> bool {
        self.by_fd.get(&peer.fd).is_some_and(|one| one.number == peer.number)
    }

    /// The connection that a message came over.
    pub(crate) fn of(&mut self, message: &mut Message) -> Option<Peer> {
        let fd = message.gets("__fd")?.parse().ok()?;
        if !self.by_fd.contains_key(&fd) {
            self.refresh();
        }
        self.by_fd.get(&fd).map(|connection| Peer { fd, number: connection.number })
    }

    /// Counts a subscription, or the end of one, of the connection that it came over, and shuts
    /// down one that has too many, or that makes too many of all.
    pub(crate) fn subscribe(&mut self, message: &mut Message, subscription: &Subscription) {
        let len = subscription.topic.len();
        let bytes = u64::try_from(len).expect("a frame has a length");
        let Some(peer) = self.of(message) else {
            return;
        };
        // The frame of ZMTP: flags, its length, and whether the subscription begins or ends.
        self.take(peer, bytes + 3);
        if PREFIX_BYTES_MAX < len {
            return self.cut_off(peer.fd, Counter::SubscriptionsRefused);
        }
        let connection = self.by_fd.get_mut(&peer.fd).expect("it was found just now");
        let before = connection.subscriptions.len();
        if subscription.on {
            connection.subscriptions.add(&subscription.topic, &mut self.tree);
        } else {
            connection.subscriptions.remove(&subscription.topic, &mut self.tree);
        }
        let after = connection.subscriptions.len();
        self.subscriptions = self.subscriptions + after - before;
        let is_one_too_many =
            SUBSCRIPTIONS_MAX < after || SUBSCRIPTIONS_BYTES_MAX < connection.subscriptions.bytes();
        if is_one_too_many {
            self.cut_off(peer.fd, Counter::SubscriptionsRefused);
        }
        if SUBSCRIPTIONS_MAX_OF_ALL < self.subscriptions {
            let fullest = self.by_fd.iter().max_by_key(|(_, one)| one.subscriptions.len());
            let Some((fd, _)) = fullest else { return };
            self.cut_off(*fd, Counter::SubscriptionsRefused);
        }
        while SUBSCRIPTION_NODES_MAX_OF_ALL < self.tree.nodes() {
            let fullest = self.by_fd.iter().max_by_key(|(_, one)| one.subscriptions.nodes());
            let Some((fd, _)) = fullest else { return };
            self.cut_off(*fd, Counter::SubscriptionsRefused);
        }
    }

    /// Whether one check looks at all.
    pub(crate) fn was_whole(&self) -> bool {
        self.by_fd.len() <= CONNECTIONS_PER_CHECK
    }

    /// How many do not take what is due to them at once.
    pub(crate) const fn behind(&self) -> usize {
        self.behind
    }

    /// Shuts a connection down: its owner wants nothing more of it.
    pub(crate) fn end(&mut self, peer: Peer) {
        if self.knows(peer) {
            self.shut_down(peer.fd, None);
        }
    }

    /// Shuts a connection down, and counts it.
    fn cut_off(&mut self, fd: i32, why: Counter) {
        self.shut_down(fd, Some(why));
    }

    /// Shuts a connection down, unless it has gone.
    fn shut_down(&mut self, fd: i32, why: Option<Counter>) {
        let Some(connection) = self.remove(fd) else { return };
        if kernel::cookie(fd) == Some(connection.cookie) && !kernel::listens(fd) {
            // Whoever sees that it is closed sees that it was counted.
            why.into_iter().for_each(|why| self.counters.add(why, 1));
            kernel::reset(fd);
        }
    }

    /// Takes what the I/O thread says of connections made and lost.
    fn refresh(&mut self) {
        while let Some(event) = self.monitor.next() {
            let fd = event.value;
            self.remove(fd);
            if event.is(SocketEvent::ACCEPTED)
                && let Some(cookie) = kernel::cookie(fd)
            {
                self.accepted += 1;
                let number = self.accepted;
                self.by_fd.insert(fd, Connection { cookie, number, ..Connection::default() });
            }
        }
    }

    /// Looks at some of the connections, and cuts off those beyond a bound.
    ///
    /// `overdue` says whether so much waits for peers that whoever is behind longest has to go.
    pub(crate) fn check(&mut self, now: Nanos, overdue: bool) {
        self.refresh();
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.by_fd.range(self.next..).map(|(fd, _)| *fd).take(CONNECTIONS_PER_CHECK));
        let left = CONNECTIONS_PER_CHECK - seen.len();
        seen.extend(self.by_fd.range(..self.next).map(|(fd, _)| *fd).take(left));
        self.next = seen.last().map_or(0, |fd| fd + 1);
        seen.drain(..).for_each(|fd| self.look_at(fd, now));
        self.seen = seen;
        self.cut_off_fullest();
        if overdue {
            self.cut_off_slowest(now);
        }
        self.cut_off_surplus();
    }

    /// Tells what waits for subscribers, where these are such.
    pub(crate) fn tell_levels(&self, waiting_bytes: usize) {
        let Some(levels) = self.counters.levels().subscriber_levels() else { return };
        let mut most = MostPending::new();
        self.by_fd.iter().for_each(|(fd, connection)| most.add(connection.untaken, *fd));
        let mut told = [SubscriberLevel { peer: None, pending_bytes: 0 }; SUBSCRIBERS_TOLD];
        let mut count = 0;
        for (place, (pending_bytes, fd)) in told.iter_mut().zip(most.iter()) {
            *place = SubscriberLevel { peer: kernel::peer(fd), pending_bytes };
            count += 1;
        }
        levels.write(self.by_fd.len(), waiting_bytes, &told[..count]);
    }

    fn look_at(&mut self, fd: i32, now: Nanos) {
        let Some(connection) = self.by_fd.get_mut(&fd) else {
            return;
        };
        if kernel::cookie(fd) != Some(connection.cookie) {
            self.remove(fd);
            return;
        }
        if let Some(received) = kernel::received(fd) {
            self.unread -= connection.unread;
            connection.unread = received.saturating_sub(connection.taken);
            self.unread += connection.unread;
        }
        self.behind -= usize::from(connection.behind_since.is_some());
        connection.untaken = kernel::untaken(fd).unwrap_or(0);
        connection.behind_since = match connection.untaken {
            0 => None,
            _ => connection.behind_since.or(Some(now)),
        };
        self.behind += usize::from(connection.behind_since.is_some());
        if self.bounds.unread_max < connection.unread {
            self.cut_off(fd, Counter::ConnectionsUnread);
        }
    }

    fn cut_off_fullest(&mut self) {
        while self.bounds.unread_max_of_all < self.unread {
            let fullest = self.by_fd.iter().max_by_key(|(_, connection)| connection.unread);
            let Some((fd, _)) = fullest else { return };
            self.cut_off(*fd, Counter::ConnectionsUnread);
        }
    }

    /// One at a time: what is freed by it shows at the next check.
    fn cut_off_slowest(&mut self, now: Nanos) {
        let behind = self.by_fd.iter().filter_map(|(fd, connection)| {
            connection.behind_since.filter(|since| *since + BEHIND_LEAST <= now).map(|at| (at, *fd))
        });
        if let Some((_, fd)) = behind.min() {
            self.cut_off(fd, Counter::SubscribersDropped);
        }
    }

    /// The oldest of those that never said anything go first, then the latest.
    fn cut_off_surplus(&mut self) {
        while self.most < self.by_fd.len() {
            let silent = self.by_fd.iter().filter(|(_, connection)| connection.taken == 0);
            let oldest = silent.min_by_key(|(_, connection)| connection.number);
            let latest = || self.by_fd.iter().max_by_key(|(_, connection)| connection.number);
            let Some((fd, _)) = oldest.or_else(latest) else { return };
            self.cut_off(*fd, Counter::ConnectionsSurplus);
        }
    }

    fn remove(&mut self, fd: i32) -> Option<Connection> {
        let mut connection = self.by_fd.remove(&fd)?;
        self.unread -= connection.unread;
        self.subscriptions -= connection.subscriptions.len();
        connection.subscriptions.clear(&mut self.tree);
        self.behind -= usize::from(connection.behind_since.is_some());
        Some(connection)
    }
}
