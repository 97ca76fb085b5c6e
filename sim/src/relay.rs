//! A relay: the connection between two processes, as ZeroMQ gives it and the world breaks it.
//!
//! ```text
//!   hub ◄─ ring ─► relay ◄─ ring ─► dealer
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

use crate::chance::Chance;
use crate::plant::Plant;
use crate::tally::Tally;

/// Which end of a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The process that accepts connections.
    Hub,
    /// The process that connects: its socket keeps frames over a break.
    Dealer,
}

/// How frames travel.
#[derive(Clone, Copy, Debug)]
pub struct Road {
    /// Frames that may wait in a ring.
    pub ring_frames: usize,
    /// Frames that may be on their way, each way.
    pub link_frames: usize,
    /// How long one takes at most.
    pub delay_max: Duration,
    /// What is wrong with it on purpose.
    pub plant: Option<Plant>,
}

/// One connection.
pub struct Relay {
    road: Road,
    ends: [Option<Link>; 2],
    /// From the hub to the dealer, and back.
    ways: [Way; 2],
    broken_until: Nanos,
    frame: Vec<u8>,
}

/// Frames on their way, and when each arrives.
#[derive(Default)]
struct Way {
    queue: VecDeque<(Nanos, Vec<u8>)>,
}

impl Relay {
    /// A connection between two processes that are not there yet.
    pub fn new(road: Road) -> Self {
        let (ends, ways) = ([None, None], [Way::default(), Way::default()]);
        Self { road, ends, ways, broken_until: Nanos::ZERO, frame: Vec::new() }
    }

    /// The link of a process that begins.
    pub fn attach(&mut self, side: Side) -> Link {
        let (outer, inner) = ring_pair(self.road.ring_frames, &Waker::silent(), &Waker::silent());
        self.ends[place(side)] = Some(outer);
        inner
    }

    /// A process has ended: what was on its way to it, and some of what it had sent, is lost.
    pub fn detach(&mut self, side: Side, now: Nanos, chance: &mut Chance, tally: &mut Tally) {
        for _ in 0..chance.between(0..=4) {
            self.take(place(side), now, chance);
        }
        self.lose(chance, tally);
        self.ends[place(side)] = None;
        // What a socket keeps over a break ends with its process.
        let left = self.ways[place(side)].queue.drain(..).count();
        tally.frames_lost += u64::try_from(left).expect("a few");
    }

    /// The connection breaks, for so long.
    pub fn break_for(
        &mut self,
        span: Duration,
        now: Nanos,
        chance: &mut Chance,
        tally: &mut Tally,
    ) {
        self.lose(chance, tally);
        self.broken_until = now + span;
    }

    /// The connection stands from now on, and does no more than it should.
    pub fn mend(&mut self) {
        self.broken_until = Nanos::ZERO;
        self.road.plant = self.road.plant.filter(|plant| !plant.is_harmless());
    }

    /// Moves frames; returns how many.
    pub fn step(&mut self, now: Nanos, chance: &mut Chance, tally: &mut Tally) -> usize {
        let mut moved = 0;
        let stands = self.stands(now);
        for way in 0..2 {
            while self.ways[way].queue.len() < self.road.link_frames && self.take(way, now, chance)
            {
                moved += 1;
                if !stands && way == place(Side::Hub) {
                    self.ways[way].queue.pop_back();
                    tally.frames_lost += 1;
                }
            }
            while stands && self.deliver_first(way, now) {
                moved += 1;
            }
        }
        moved
    }

    /// When there is something to do again.
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        let arrivals = self.ways.iter().filter_map(|way| way.queue.front());
        let arrival = arrivals.map(|(due, _)| *due).min().unwrap_or(Nanos::MAX);
        if self.ends.iter().any(Option::is_none) {
            return Nanos::MAX;
        }
        if now < self.broken_until { arrival.max(self.broken_until) } else { arrival }
    }

    fn stands(&self, now: Nanos) -> bool {
        self.broken_until <= now && self.ends.iter().all(Option::is_some)
    }

    /// Takes a frame off the end where a way begins; false if there is none.
    fn take(&mut self, way: usize, now: Nanos, chance: &mut Chance) -> bool {
        let Some(link) = &mut self.ends[way] else { return false };
        if !link.receive(&mut self.frame) {
            return false;
        }
        let frame = std::mem::take(&mut self.frame);
        let frame = match self.road.plant {
            Some(Plant::AlteredPart) if chance.one_in(20) => altered(frame),
            _ => frame,
        };
        let delay = chance.span(Duration::from_micros(1)..=self.road.delay_max);
        let last = self.ways[way].queue.back().map_or(now, |(due, _)| *due);
        let due = last.max(now + delay);
        let is_inputs = backplane::kind(&frame) == Some(FrameKind::Inputs);
        if self.road.plant == Some(Plant::TwiceToShard) && is_inputs && chance.one_in(10) {
            self.ways[way].queue.push_back((due, frame.clone()));
        }
        self.ways[way].queue.push_back((due, frame));
        let count = self.ways[way].queue.len();
        let swaps = self.road.plant == Some(Plant::OutOfOrderToShard) && chance.one_in(10);
        if swaps && is_inputs && 1 < count {
            self.ways[way].queue.swap(count - 1, count - 2);
        }
        true
    }

    /// Hands the first frame over if it has arrived and there is room.
    fn deliver_first(&mut self, way: usize, now: Nanos) -> bool {
        let Some((due, frame)) = self.ways[way].queue.front_mut() else { return false };
        let Some(link) = &mut self.ends[1 - way] else { return false };
        if now < *due || link.send(frame).is_err() {
            return false;
        }
        self.ways[way].queue.pop_front();
        true
    }

    /// Some of what is on its way arrives, and the rest is lost; but what the dealer's socket has
    /// not yet put on the wire waits there for the next connection.
    fn lose(&mut self, chance: &mut Chance, tally: &mut Tally) {
        for way in 0..2 {
            let arrives = chance.between(0..=4);
            for _ in 0..arrives {
                self.deliver_first(way, Nanos::MAX);
            }
            let count = self.ways[way].queue.len();
            let keeps = way == place(Side::Dealer) && self.ends[way].is_some();
            let lost = if keeps { chance.place(count + 1) } else { count };
            self.ways[way].queue.drain(..lost);
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
