//! A network_link: the connection between two processes, as ZeroMQ gives it and the world breaks it.
//!
//! ```text
//!   hub ◄─ ring ─► network_link ◄─ ring ─► dealer
//!                  ║ in order, each frame delayed, so many at most
//!                  ║ broken: the hub's frames are lost; of the dealer's some are, others wait
//! ```
//!
//! The end of a process that lives on stays when the other one is started again. Nothing is ever
//! said twice, and nothing overtakes anything, unless that is planted.

use std::collections::VecDeque;
use std::time::Duration;

use allot_domain::PositionsPart;
use allot_runtime::{Link, Nanos, Waker, ring_pair};
use allot_wire::backplane::{self, FrameKind};

use crate::planted_bug::PlantedBug;
use crate::prng::Prng;
use crate::tally::Tally;

/// Which end of a network_link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The process that accepts connections.
    Hub,
    /// The process that connects: its socket keeps frames over a break.
    Dealer,
}

/// How frames travel.
#[derive(Clone, Copy, Debug)]
pub struct LinkConfig {
    /// Frames that may wait in a ring.
    pub ring_frames: usize,
    /// Frames that may be on their direction, each direction.
    pub link_frames: usize,
    /// How long one takes at most.
    pub delay_max: Duration,
    /// What is wrong with it on purpose.
    pub planted_bug: Option<PlantedBug>,
}

/// One connection.
pub struct NetworkLink {
    config: LinkConfig,
    ends: [Option<Link>; 2],
    /// From the hub to the dealer, and back.
    directions: [Direction; 2],
    broken_until: Nanos,
    frame: Vec<u8>,
}

/// Frames on their direction, and when each arrives.
#[derive(Default)]
struct Direction {
    queue: VecDeque<(Nanos, Vec<u8>)>,
}

impl NetworkLink {
    /// A connection between two processes that are not there yet.
    pub fn new(config: LinkConfig) -> Self {
        let (ends, directions) = ([None, None], [Direction::default(), Direction::default()]);
        Self { config, ends, directions, broken_until: Nanos::ZERO, frame: Vec::new() }
    }

    /// The link of a process that begins.
    pub fn attach(&mut self, side: Side) -> Link {
        let (outer, inner) = ring_pair(self.config.ring_frames, &Waker::silent(), &Waker::silent());
        self.ends[place(side)] = Some(outer);
        inner
    }

    /// A process has ended: what was on its direction to it, and some of what it had sent, is lost.
    pub fn detach(&mut self, side: Side, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        for _ in 0..prng.between(0..=4) {
            self.take(place(side), now, prng);
        }
        self.lose(prng, tally);
        self.ends[place(side)] = None;
        // What a socket keeps over a break ends with its process.
        let left = self.directions[place(side)].queue.drain(..).count();
        tally.frames_lost += u64::try_from(left).expect("a few");
    }

    /// The connection breaks, for so long.
    pub fn break_for(&mut self, span: Duration, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        self.lose(prng, tally);
        self.broken_until = now + span;
    }

    /// The connection stands from now on, and does no more than it should.
    pub fn end_faults(&mut self) {
        self.broken_until = Nanos::ZERO;
        self.config.planted_bug =
            self.config.planted_bug.filter(|planted_bug| !planted_bug.is_harmless());
    }

    /// Moves frames; returns how many.
    pub fn step(&mut self, now: Nanos, prng: &mut Prng, tally: &mut Tally) -> usize {
        let mut moved = 0;
        let stands = self.stands(now);
        for direction in 0..2 {
            while self.directions[direction].queue.len() < self.config.link_frames
                && self.take(direction, now, prng)
            {
                moved += 1;
                if !stands && direction == place(Side::Hub) {
                    self.directions[direction].queue.pop_back();
                    tally.frames_lost += 1;
                }
            }
            while stands && self.deliver_first(direction, now) {
                moved += 1;
            }
        }
        moved
    }

    /// When there is something to do again.
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        let arrivals = self.directions.iter().filter_map(|direction| direction.queue.front());
        let arrival = arrivals.map(|(due, _)| *due).min().unwrap_or(Nanos::MAX);
        if self.ends.iter().any(Option::is_none) {
            return Nanos::MAX;
        }
        if now < self.broken_until { arrival.max(self.broken_until) } else { arrival }
    }

    fn stands(&self, now: Nanos) -> bool {
        self.broken_until <= now && self.ends.iter().all(Option::is_some)
    }

    /// Takes a frame off the end where a direction begins; false if there is none.
    fn take(&mut self, direction: usize, now: Nanos, prng: &mut Prng) -> bool {
        let Some(link) = &mut self.ends[direction] else { return false };
        if !link.receive(&mut self.frame) {
            return false;
        }
        let frame = std::mem::take(&mut self.frame);
        let frame = match self.config.planted_bug {
            Some(PlantedBug::AlteredPart) if prng.one_in(20) => altered(frame),
            _ => frame,
        };
        let delay = prng.span(Duration::from_micros(1)..=self.config.delay_max);
        let last = self.directions[direction].queue.back().map_or(now, |(due, _)| *due);
        let due = last.max(now + delay);
        let is_inputs = backplane::kind(&frame) == Some(FrameKind::Inputs);
        if self.config.planted_bug == Some(PlantedBug::TwiceToShard) && is_inputs && prng.one_in(10)
        {
            self.directions[direction].queue.push_back((due, frame.clone()));
        }
        self.directions[direction].queue.push_back((due, frame));
        let count = self.directions[direction].queue.len();
        let swaps =
            self.config.planted_bug == Some(PlantedBug::OutOfOrderToShard) && prng.one_in(10);
        if swaps && is_inputs && 1 < count {
            self.directions[direction].queue.swap(count - 1, count - 2);
        }
        true
    }

    /// Hands the first frame over if it has arrived and there is room.
    fn deliver_first(&mut self, direction: usize, now: Nanos) -> bool {
        let Some((due, frame)) = self.directions[direction].queue.front_mut() else { return false };
        let Some(link) = &mut self.ends[1 - direction] else { return false };
        if now < *due || link.send(frame).is_err() {
            return false;
        }
        self.directions[direction].queue.pop_front();
        true
    }

    /// Some of what is on its direction arrives, and the rest is lost; but what the dealer's socket has
    /// not yet put on the wire waits there for the next connection.
    fn lose(&mut self, prng: &mut Prng, tally: &mut Tally) {
        for direction in 0..2 {
            let arrives = prng.between(0..=4);
            for _ in 0..arrives {
                self.deliver_first(direction, Nanos::MAX);
            }
            let count = self.directions[direction].queue.len();
            let keeps = direction == place(Side::Dealer) && self.ends[direction].is_some();
            let lost = if keeps { prng.place(count + 1) } else { count };
            self.directions[direction].queue.drain(..lost);
            tally.frames_lost += u64::try_from(lost).expect("a few");
        }
    }
}

const fn place(side: Side) -> usize {
    match side {
        Side::Hub => 0,
        Side::Dealer => 1,
    }
}

/// A frame with another holding in it, if it is a part that has one.
fn altered(frame: Vec<u8>) -> Vec<u8> {
    let Ok(mut part) = backplane::decode_part(&frame) else { return frame };
    let rows = part.part.positions.iter_mut().flat_map(|PositionsPart { rows, .. }| rows);
    let Some(cell) = rows.flat_map(|row| &mut row.cells).next() else { return frame };
    cell.quantity += 1;
    let mut altered = Vec::new();
    backplane::encode_part(&part, &mut altered);
    altered
}
