//! The client network: the connections of all clients to the front door.
//!
//! ```text
//!   client ◄─ ring ─► ClientNetwork ◄─ connection ─► Door
//!                     ║ broken: some requests and replies are lost; the identity is new
//!                     ║ stray connection: old messages, sent again
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use allot_runtime::{DoorClients, Link, Nanos, Waker, ring_pair};
use allot_wire::Encoding;

use super::network_link::{DELAY_MIN, LinkConfig};
use super::planted_bug::PlantedBug;
use super::prng::Prng;
use super::tally::Tally;
use super::violation::Violation;
use super::workload::Workload;

/// Old messages that are kept to be sent again: enough to go back over several restarts.
const MESSAGES_KEPT: usize = 64;

/// The longest time after which an old message is sent again.
const COPY_DELAY_MAX: Duration = Duration::from_secs(8);

/// Messages in flight, and when each arrives.
type InFlight = VecDeque<(Nanos, Vec<u8>)>;

/// All connections to the door.
pub struct ClientNetwork {
    config: LinkConfig,
    copy_percent: u64,
    door: Option<DoorClients>,
    /// The clients in order, then the stray connection.
    clients: Vec<Client>,
    /// The number of the last connection.
    connections: u64,
    /// Messages that were delivered before.
    old: Vec<Vec<u8>>,
}

/// One client's end, and its connection.
struct Client {
    link: Option<Link>,
    connection: u64,
    requests: InFlight,
    replies: InFlight,
    broken_until: Nanos,
}

impl Client {
    fn identity(&self) -> Vec<u8> {
        format!("connection-{}", self.connection).into_bytes()
    }
}

impl ClientNetwork {
    /// A network for this many clients. None has started, and neither has the router.
    #[must_use]
    pub fn new(config: LinkConfig, clients: usize, copy_percent: u64) -> Self {
        let client = |connection| Client {
            link: None,
            connection,
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            broken_until: Nanos::ZERO,
        };
        let connections = u64::try_from(clients).expect("a few") + 1;
        let clients = (1..=connections).map(client).collect();
        Self { config, copy_percent, door: None, clients, connections, old: Vec::new() }
    }

    /// The link of a client that starts.
    pub fn attach(&mut self, client: usize) -> Link {
        let (outer, inner) = ring_pair(self.config.ring_frames, &Waker::silent(), &Waker::silent());
        self.clients[client].link = Some(outer);
        inner
    }

    /// A client has ended.
    pub fn detach(&mut self, client: usize, prng: &mut Prng, tally: &mut Tally) {
        self.disconnect(client, prng, tally);
        let client = &mut self.clients[client];
        tally.frames_lost += u64::try_from(client.requests.len()).expect("a few");
        client.requests.clear();
        client.link = None;
    }

    /// The router has started.
    pub fn open(&mut self, door: DoorClients) {
        self.door = Some(door);
    }

    /// The router has ended, and with it all connections.
    pub fn close(&mut self, prng: &mut Prng, tally: &mut Tally) {
        for client in 0..self.clients.len() {
            self.disconnect(client, prng, tally);
        }
        self.door = None;
    }

    /// The connection of some client breaks for this long.
    pub fn break_some(&mut self, span: Duration, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        let client = prng.index(self.clients.len());
        self.disconnect(client, prng, tally);
        self.clients[client].broken_until = now + span;
    }

    /// From now on nothing is broken and no message is repeated.
    pub fn end_faults(&mut self) {
        self.copy_percent = 0;
        for client in &mut self.clients {
            client.broken_until = Nanos::ZERO;
        }
    }

    /// Moves messages; returns how many.
    ///
    /// # Errors
    /// What is wrong with a reply.
    pub fn step<W: Workload>(
        &mut self,
        now: Nanos,
        workload: &mut W,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> Result<usize, Violation> {
        let mut moved = self.take_replies(now, workload, prng)?;
        for client in 0..self.clients.len() {
            moved += self.take_requests(client, now, prng);
            moved += self.deliver_requests(client, now, workload, prng, tally);
            moved += self.deliver_replies(client, now);
        }
        Ok(moved)
    }

    /// When there is something to do again.
    #[must_use]
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        let first = |queue: &InFlight| queue.front().map_or(Nanos::MAX, |(due, _)| *due);
        let of_client = |client: &Client| {
            let request = self.door.as_ref().map_or(Nanos::MAX, |_| first(&client.requests));
            let reply = client.link.as_ref().map_or(Nanos::MAX, |_| first(&client.replies));
            let due = request.min(reply);
            if now < client.broken_until { due.max(client.broken_until) } else { due }
        };
        self.clients.iter().map(of_client).min().unwrap_or(Nanos::MAX)
    }

    /// Some replies in flight arrive and the rest are lost; some requests are lost and the rest
    /// wait for the next connection.
    fn disconnect(&mut self, client: usize, prng: &mut Prng, tally: &mut Tally) {
        self.connections += 1;
        let client = &mut self.clients[client];
        if let Some(door) = &self.door {
            door.leave(&client.identity());
        }
        client.connection = self.connections;
        let arrive = prng.index(client.replies.len() + 1);
        let requests_lost = prng.index(client.requests.len() + 1);
        let replies_lost = client.replies.len() - arrive;
        client.replies.truncate(arrive);
        client.requests.drain(..requests_lost);
        tally.frames_lost += u64::try_from(requests_lost + replies_lost).expect("a few");
    }

    fn take_replies<W: Workload>(
        &mut self,
        now: Nanos,
        workload: &mut W,
        prng: &mut Prng,
    ) -> Result<usize, Violation> {
        let mut count = 0;
        while let Some((identity, mut body)) = self.door.as_ref().and_then(DoorClients::receive) {
            count += 1;
            if self.config.planted_bug == Some(PlantedBug::AlteredReply) && prng.one_in(100) {
                body = W::alter_reply(body);
            }
            workload.on_reply(&body)?;
            let due = now + prng.span(DELAY_MIN..=self.config.delay_max);
            if let Some(client) = self.clients.iter_mut().find(|one| one.identity() == identity) {
                append(&mut client.replies, due, body);
            }
        }
        Ok(count)
    }

    fn take_requests(&mut self, client: usize, now: Nanos, prng: &mut Prng) -> usize {
        let mut count = 0;
        let mut frame = Vec::new();
        let Client { link, requests, .. } = &mut self.clients[client];
        let Some(link) = link else { return 0 };
        while requests.len() < self.config.link_frames && link.receive(&mut frame) {
            let due = now + prng.span(DELAY_MIN..=self.config.delay_max);
            append(requests, due, std::mem::take(&mut frame));
            count += 1;
        }
        count
    }

    fn deliver_requests<W: Workload>(
        &mut self,
        client: usize,
        now: Nanos,
        workload: &mut W,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> usize {
        let mut count = 0;
        let Some(door) = &self.door else { return 0 };
        let stray = self.clients.len() - 1;
        while self.clients[client].broken_until <= now
            && let Some((_, message)) = take_due(&mut self.clients[client].requests, now)
        {
            workload.on_request(self.clients[client].connection, &message);
            let is_altered =
                self.config.planted_bug == Some(PlantedBug::ReversedLines) && prng.one_in(10);
            let altered = is_altered.then(|| reversed_lines(&message));
            let arrives = altered.as_ref().unwrap_or(&message);
            door.send(&self.clients[client].identity(), arrives);
            count += 1;
            keep_old(&mut self.old, message, prng);
            if client != stray && prng.percent(self.copy_percent) {
                tally.copies += 1;
                let later = now + prng.span(DELAY_MIN..=COPY_DELAY_MAX);
                let requests = &mut self.clients[stray].requests;
                requests.push_back((later, prng.pick(&self.old).clone()));
                requests.make_contiguous().sort_by_key(|(due, _)| *due);
            }
        }
        count
    }

    fn deliver_replies(&mut self, client: usize, now: Nanos) -> usize {
        let mut count = 0;
        let Client { link, replies, .. } = &mut self.clients[client];
        let Some(link) = link else {
            replies.clear();
            return 0;
        };
        while let Some((_, body)) = replies.front_mut().filter(|(due, _)| *due <= now) {
            if link.send(body).is_err() {
                break;
            }
            replies.pop_front();
            count += 1;
        }
        count
    }
}

/// The lines of a message, the last one first; a binary message has none, and stays as it is.
fn reversed_lines(message: &[u8]) -> Vec<u8> {
    if Encoding::of(message) == Encoding::Binary {
        return message.to_vec();
    }
    let lines: Vec<_> =
        message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines.into_iter().rev().flat_map(|line| [line, b"\n"].concat()).collect()
}

/// Appends a message that arrives no earlier than the one before it.
fn append(in_flight: &mut InFlight, due: Nanos, message: Vec<u8>) {
    let last = in_flight.back().map_or(due, |(last, _)| *last);
    in_flight.push_back((due.max(last), message));
}

fn take_due(in_flight: &mut InFlight, now: Nanos) -> Option<(Nanos, Vec<u8>)> {
    in_flight.front().filter(|(due, _)| *due <= now)?;
    in_flight.pop_front()
}

fn keep_old(old: &mut Vec<Vec<u8>>, message: Vec<u8>, prng: &mut Prng) {
    if old.len() < MESSAGES_KEPT {
        old.push(message);
    } else if prng.one_in(4) {
        let replaced = prng.index(old.len());
        old[replaced] = message;
    }
}
