//! The gate: the connections of all clients to the front door.
//!
//! Each client has a ring to here and a connection from here on, under an identity that is new
//! after each break. Old messages may come once more, over a connection of nobody's.

use std::collections::VecDeque;
use std::time::Duration;

use allot_runtime::{DoorClients, Link, Nanos, Waker, ring_pair};
use allot_wire::{Encoding, Reply, decode_replies, encode_reply_message};

use crate::chance::Chance;
use crate::plant::Plant;
use crate::relay::Road;
use crate::tally::Tally;
use crate::violation::Verdict;
use crate::witness::Witness;

/// Old messages that are kept to be sent again.
const MESSAGES_KEPT: usize = 64;

/// All connections to the door.
pub struct Gate {
    road: Road,
    copy_percent: u64,
    door: Option<DoorClients>,
    callers: Vec<Caller>,
    connections: u64,
    /// Messages that were delivered before.
    old: Vec<Vec<u8>>,
}

/// One client's connection.
struct Caller {
    link: Option<Link>,
    connection: u64,
    requests: VecDeque<(Nanos, Vec<u8>)>,
    answers: VecDeque<(Nanos, Vec<u8>)>,
    broken_until: Nanos,
}

impl Caller {
    fn identity(&self) -> Vec<u8> {
        format!("connection-{}", self.connection).into_bytes()
    }
}

impl Gate {
    /// A gate for so many clients; nobody has come, and the door is shut.
    pub fn new(road: Road, clients: usize, copy_percent: u64) -> Self {
        // The last one is nobody's: what comes again.
        let caller = |connection| Caller {
            link: None,
            connection,
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            broken_until: Nanos::ZERO,
        };
        let connections = u64::try_from(clients).expect("a few") + 1;
        let callers = (1..=connections).map(caller).collect();
        Self { road, copy_percent, door: None, callers, connections, old: Vec::new() }
    }

    /// The link of a client that begins.
    pub fn attach(&mut self, client: usize) -> Link {
        let (outer, inner) = ring_pair(self.road.ring_frames, &Waker::silent(), &Waker::silent());
        self.callers[client].link = Some(outer);
        inner
    }

    /// A client has ended.
    pub fn detach(&mut self, client: usize, chance: &mut Chance, tally: &mut Tally) {
        self.hang_up(client, chance, tally);
        let lost = self.callers[client].requests.len();
        self.callers[client].requests.clear();
        tally.frames_lost += u64::try_from(lost).expect("a few");
        self.callers[client].link = None;
    }

    /// The router is there.
    pub fn open(&mut self, door: DoorClients) {
        self.door = Some(door);
    }

    /// The router has ended, and with it all connections.
    pub fn shut(&mut self, chance: &mut Chance, tally: &mut Tally) {
        for client in 0..self.callers.len() {
            self.hang_up(client, chance, tally);
        }
        self.door = None;
    }

    /// The connection of some client breaks, for so long.
    pub fn break_some(
        &mut self,
        span: Duration,
        now: Nanos,
        chance: &mut Chance,
        tally: &mut Tally,
    ) {
        let client = chance.place(self.callers.len());
        self.hang_up(client, chance, tally);
        self.callers[client].broken_until = now + span;
    }

    /// Nothing is broken, and nothing comes twice, from now on.
    pub fn mend(&mut self) {
        self.copy_percent = 0;
        for caller in &mut self.callers {
            caller.broken_until = Nanos::ZERO;
        }
    }

    /// Moves messages; returns how many.
    ///
    /// # Errors
    /// What is wrong with an answer.
    pub fn step(
        &mut self,
        now: Nanos,
        witness: &mut Witness,
        chance: &mut Chance,
        tally: &mut Tally,
    ) -> Verdict<usize> {
        let mut moved = self.take_answers(now, witness, chance, tally)?;
        for client in 0..self.callers.len() {
            moved += self.take_requests(client, now, chance);
            moved += self.deliver(client, now, witness, chance, tally);
            moved += self.hand_over(client, now);
        }
        Ok(moved)
    }

    /// When there is something to do again.
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        let of_caller = |caller: &Caller| {
            let request = caller.requests.front().filter(|_| self.door.is_some());
            let first =
                |queued: Option<&(Nanos, Vec<u8>)>| queued.map_or(Nanos::MAX, |(due, _)| *due);
            let answer = caller.answers.front().filter(|_| caller.link.is_some());
            let due = first(request).min(first(answer));
            if now < caller.broken_until { due.max(caller.broken_until) } else { due }
        };
        self.callers.iter().map(of_caller).min().unwrap_or(Nanos::MAX)
    }

    /// Some answers arrive and the others do not; requests wait for the next connection, but for
    /// some that are lost.
    fn hang_up(&mut self, client: usize, chance: &mut Chance, tally: &mut Tally) {
        self.connections += 1;
        let caller = &mut self.callers[client];
        if let Some(door) = &self.door {
            door.leave(&caller.identity());
        }
        caller.connection = self.connections;
        let arrive = chance.place(caller.answers.len() + 1);
        let requests_lost = chance.place(caller.requests.len() + 1);
        let answers_lost = caller.answers.len() - arrive;
        caller.answers.truncate(arrive);
        caller.requests.drain(..requests_lost);
        tally.frames_lost += u64::try_from(requests_lost + answers_lost).expect("a few");
    }

    fn take_answers(
        &mut self,
        now: Nanos,
        witness: &mut Witness,
        chance: &mut Chance,
        tally: &mut Tally,
    ) -> Verdict<usize> {
        let mut count = 0;
        while let Some((identity, mut body)) = self.door.as_ref().and_then(DoorClients::receive) {
            count += 1;
            if self.road.plant == Some(Plant::AlteredAnswer) && chance.one_in(100) {
                body = altered(body);
            }
            witness.hear(&body, tally)?;
            let due = now + chance.span(Duration::from_micros(1)..=self.road.delay_max);
            if let Some(caller) = self.callers.iter_mut().find(|one| one.identity() == identity) {
                let last = caller.answers.back().map_or(due, |(last, _)| *last);
                caller.answers.push_back((due.max(last), body));
            }
        }
        Ok(count)
    }

    fn take_requests(&mut self, client: usize, now: Nanos, chance: &mut Chance) -> usize {
        let (mut count, mut frame) = (0, Vec::new());
        let Caller { link, requests, .. } = &mut self.callers[client];
        let Some(link) = link else { return 0 };
        while requests.len() < self.road.link_frames && link.receive(&mut frame) {
            let due = now + chance.span(Duration::from_micros(1)..=self.road.delay_max);
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
        witness: &mut Witness,
        chance: &mut Chance,
        tally: &mut Tally,
    ) -> usize {
        let mut count = 0;
        let Some(door) = &self.door else { return 0 };
        let nobody = self.callers.len() - 1;
        while self.callers[client].broken_until <= now
            && let Some((_, message)) = take_due(&mut self.callers[client].requests, now)
        {
            witness.deliver(self.callers[client].connection, &message);
            door.send(&self.callers[client].identity(), &message);
            count += 1;
            keep_old(&mut self.old, message, chance);
            if client != nobody && chance.percent(self.copy_percent) {
                tally.copies += 1;
                let later = now + chance.span(Duration::from_micros(1)..=Duration::from_secs(8));
                let copy = chance.pick(&self.old).clone();
                self.callers[nobody].requests.push_back((later, copy));
                self.callers[nobody].requests.make_contiguous().sort_by_key(|(due, _)| *due);
            }
        }
        count
    }

    fn hand_over(&mut self, client: usize, now: Nanos) -> usize {
        let mut count = 0;
        let Caller { link, answers, .. } = &mut self.callers[client];
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

fn keep_old(old: &mut Vec<Vec<u8>>, message: Vec<u8>, chance: &mut Chance) {
    if old.len() < MESSAGES_KEPT {
        old.push(message);
    } else if chance.one_in(4) {
        let place = chance.place(old.len());
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
