//! The client_network: the connections of all clients to the front door.
//!
//! Each client has a ring to here and a connection from here on, under an identity that is new
//! after each break. Old messages may come once more, over a connection of nobody's.

use std::collections::VecDeque;
use std::time::Duration;

use allot_runtime::{DoorClients, Link, Nanos, Waker, ring_pair};
use allot_wire::{Encoding, Reply, decode_replies, encode_reply_message};

use crate::history::ClientHistory;
use crate::network_link::LinkConfig;
use crate::planted_bug::PlantedBug;
use crate::prng::Prng;
use crate::tally::Tally;
use crate::violation::Violation;

/// Old messages that are kept to be sent again.
const MESSAGES_KEPT: usize = 64;

/// All connections to the door.
pub struct ClientNetwork {
    config: LinkConfig,
    copy_percent: u64,
    door: Option<DoorClients>,
    clients: Vec<Client>,
    /// The number of the last connection.
    connections: u64,
    /// Messages that were delivered before.
    old: Vec<Vec<u8>>,
}

/// One client's connection.
struct Client {
    link: Option<Link>,
    connection: u64,
    requests: VecDeque<(Nanos, Vec<u8>)>,
    answers: VecDeque<(Nanos, Vec<u8>)>,
    broken_until: Nanos,
}

impl Client {
    fn identity(&self) -> Vec<u8> {
        format!("connection-{}", self.connection).into_bytes()
    }
}

impl ClientNetwork {
    /// A client_network for so many clients; nobody has come, and the door is shut.
    pub fn new(config: LinkConfig, clients: usize, copy_percent: u64) -> Self {
        // The last one is nobody's: what comes again.
        let client = |connection| Client {
            link: None,
            connection,
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            broken_until: Nanos::ZERO,
        };
        let connections = u64::try_from(clients).expect("a few") + 1;
        let clients = (1..=connections).map(client).collect();
        Self { config, copy_percent, door: None, clients, connections, old: Vec::new() }
    }

    /// The link of a client that begins.
    pub fn attach(&mut self, client: usize) -> Link {
        let (outer, inner) = ring_pair(self.config.ring_frames, &Waker::silent(), &Waker::silent());
        self.clients[client].link = Some(outer);
        inner
    }

    /// A client has ended.
    pub fn detach(&mut self, client: usize, prng: &mut Prng, tally: &mut Tally) {
        self.hang_up(client, prng, tally);
        let lost = self.clients[client].requests.len();
        self.clients[client].requests.clear();
        tally.frames_lost += u64::try_from(lost).expect("a few");
        self.clients[client].link = None;
    }

    /// The router is there.
    pub fn open(&mut self, door: DoorClients) {
        self.door = Some(door);
    }

    /// The router has ended, and with it all connections.
    pub fn shut(&mut self, prng: &mut Prng, tally: &mut Tally) {
        for client in 0..self.clients.len() {
            self.hang_up(client, prng, tally);
        }
        self.door = None;
    }

    /// The connection of some client breaks, for so long.
    pub fn break_some(&mut self, span: Duration, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        let client = prng.place(self.clients.len());
        self.hang_up(client, prng, tally);
        self.clients[client].broken_until = now + span;
    }

    /// Nothing is broken, and nothing comes twice, from now on.
    pub fn end_faults(&mut self) {
        self.copy_percent = 0;
        for client in &mut self.clients {
            client.broken_until = Nanos::ZERO;
        }
    }

    /// Moves messages; returns how many.
    ///
    /// # Errors
    /// What is wrong with an answer.
    pub fn step(
        &mut self,
        now: Nanos,
        history: &mut ClientHistory,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> Result<usize, Violation> {
        let mut moved = self.take_replies(now, history, prng, tally)?;
        for client in 0..self.clients.len() {
            moved += self.take_requests(client, now, prng);
            moved += self.deliver(client, now, history, prng, tally);
            moved += self.hand_over(client, now);
        }
        Ok(moved)
    }

    /// When there is something to do again.
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        let of_connection = |connection: &Client| {
            let request = connection.requests.front().filter(|_| self.door.is_some());
            let first =
                |queued: Option<&(Nanos, Vec<u8>)>| queued.map_or(Nanos::MAX, |(due, _)| *due);
            let answer = connection.answers.front().filter(|_| connection.link.is_some());
            let due = first(request).min(first(answer));
            if now < connection.broken_until { due.max(connection.broken_until) } else { due }
        };
        self.clients.iter().map(of_connection).min().unwrap_or(Nanos::MAX)
    }

    /// Some answers arrive and the others do not; requests wait for the next connection, but for
    /// some that are lost.
    fn hang_up(&mut self, client: usize, prng: &mut Prng, tally: &mut Tally) {
        self.connections += 1;
        let connection = &mut self.clients[client];
        if let Some(door) = &self.door {
            door.leave(&connection.identity());
        }
        connection.connection = self.connections;
        let arrive = prng.place(connection.answers.len() + 1);
        let requests_lost = prng.place(connection.requests.len() + 1);
        let replies_lost = connection.answers.len() - arrive;
        connection.answers.truncate(arrive);
        connection.requests.drain(..requests_lost);
        tally.frames_lost += u64::try_from(requests_lost + replies_lost).expect("a few");
    }

    fn take_replies(
        &mut self,
        now: Nanos,
        history: &mut ClientHistory,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> Result<usize, Violation> {
        let mut count = 0;
        while let Some((identity, mut body)) = self.door.as_ref().and_then(DoorClients::receive) {
            count += 1;
            if self.config.planted_bug == Some(PlantedBug::AlteredReply) && prng.one_in(100) {
                body = altered(body);
            }
            history.hear(&body, tally)?;
            let due = now + prng.span(Duration::from_micros(1)..=self.config.delay_max);
            if let Some(connection) = self.clients.iter_mut().find(|one| one.identity() == identity)
            {
                let last = connection.answers.back().map_or(due, |(last, _)| *last);
                connection.answers.push_back((due.max(last), body));
            }
        }
        Ok(count)
    }

    fn take_requests(&mut self, client: usize, now: Nanos, prng: &mut Prng) -> usize {
        let (mut count, mut frame) = (0, Vec::new());
        let Client { link, requests, .. } = &mut self.clients[client];
        let Some(link) = link else { return 0 };
        while requests.len() < self.config.link_frames && link.receive(&mut frame) {
            let due = now + prng.span(Duration::from_micros(1)..=self.config.delay_max);
            let last = requests.back().map_or(due, |(last, _)| *last);
            requests.push_back((due.max(last), std::mem::take(&mut frame)));
            count += 1;
        }
        count
    }

    fn deliver(
        &mut self,
        client: usize,
        now: Nanos,
        history: &mut ClientHistory,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> usize {
        let mut count = 0;
        let Some(door) = &self.door else { return 0 };
        let stray = self.clients.len() - 1;
        while self.clients[client].broken_until <= now
            && let Some((_, message)) = take_due(&mut self.clients[client].requests, now)
        {
            history.deliver(self.clients[client].connection, &message);
            door.send(&self.clients[client].identity(), &message);
            count += 1;
            keep_old(&mut self.old, message, prng);
            if client != stray && prng.percent(self.copy_percent) {
                tally.copies += 1;
                let later = now + prng.span(Duration::from_micros(1)..=Duration::from_secs(8));
                let copy = prng.pick(&self.old).clone();
                self.clients[stray].requests.push_back((later, copy));
                self.clients[stray].requests.make_contiguous().sort_by_key(|(due, _)| *due);
            }
        }
        count
    }

    fn hand_over(&mut self, client: usize, now: Nanos) -> usize {
        let mut count = 0;
        let Client { link, answers, .. } = &mut self.clients[client];
        let Some(link) = link else {
            answers.clear();
            return 0;
        };
        while let Some((_, body)) = answers.front_mut().filter(|(due, _)| *due <= now) {
            if link.send(body).is_err() {
                break;
            }
            answers.pop_front();
            count += 1;
        }
        count
    }
}

fn take_due(queue: &mut VecDeque<(Nanos, Vec<u8>)>, now: Nanos) -> Option<(Nanos, Vec<u8>)> {
    queue.front().filter(|(due, _)| *due <= now)?;
    queue.pop_front()
}

fn keep_old(old: &mut Vec<Vec<u8>>, message: Vec<u8>, prng: &mut Prng) {
    if old.len() < MESSAGES_KEPT {
        old.push(message);
    } else if prng.one_in(4) {
        let place = prng.place(old.len());
        old[place] = message;
    }
}

/// A message whose first fill has gone to other accounts, or more of it to the same.
fn altered(message: Vec<u8>) -> Vec<u8> {
    let mut replies = Vec::new();
    if decode_replies(&message, &mut replies).is_err() {
        return message;
    }
    let Some(Reply::Allocated { shares, .. }) = replies.first_mut() else { return message };
    let Some((_, quantity)) = shares.first_mut() else { return message };
    *quantity += 1;
    let mut altered = Vec::new();
    encode_reply_message(Encoding::Json, &replies[0], &mut altered);
    altered
}
