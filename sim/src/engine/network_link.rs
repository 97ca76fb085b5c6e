//! A network link: the connection between two processes, as ZeroMQ gives it and faults break it.
//!
//! ```text
//!   hub ◄─ ring ─► NetworkLink ◄─ ring ─► dealer
//!                  ║ in order, each frame delayed, a bounded number in flight
//!                  ║ broken: the hub's frames are lost; some of the dealer's are, the rest wait
//! ```
//!
//! When one process restarts, the end of the other stays. No frame is repeated or reordered unless
//! a planted bug does it.

use std::collections::VecDeque;
use std::time::Duration;

use allot_runtime::{Link, Nanos, Waker, ring_pair};
use allot_wire::backplane::{self, FrameKind};

use super::planted_bug::PlantedBug;
use super::prng::Prng;
use super::tally::Tally;

/// The shortest time a frame travels.
pub const DELAY_MIN: Duration = Duration::from_micros(1);

/// The most frames that still pass when a connection breaks.
const LAST_FRAMES_MAX: u64 = 4;

/// An end of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The process that accepts connections.
    Hub,
    /// The process that connects: its socket keeps frames while the connection is broken.
    Dealer,
}

/// How frames travel.
#[derive(Clone, Copy, Debug)]
pub struct LinkConfig {
    /// Capacity of a ring, in frames.
    pub ring_frames: usize,
    /// The most frames in flight per direction.
    pub link_frames: usize,
    /// The longest time a frame travels.
    pub delay_max: Duration,
    /// The bug that is planted in it, if any.
    pub planted_bug: Option<PlantedBug>,
    /// Alters a frame, for [`PlantedBug::AlteredPart`].
    pub alter_part: fn(Vec<u8>) -> Vec<u8>,
    /// Alters a frame, for [`PlantedBug::ClearFindings`].
    pub alter_finding: fn(Vec<u8>) -> Vec<u8>,
}

/// One connection.
pub struct NetworkLink {
    config: LinkConfig,
    ends: [Option<Link>; 2],
    /// Frames in flight and when each arrives: from the hub to the dealer, and back.
    in_flight: [VecDeque<(Nanos, Vec<u8>)>; 2],
    broken_until: Nanos,
    frame: Vec<u8>,
}

impl Side {
    /// The index of this end, and of the direction that starts at it.
    const fn index(self) -> usize {
        match self {
            Self::Hub => 0,
            Self::Dealer => 1,
        }
    }
}

impl NetworkLink {
    /// A connection between two processes that have not started.
    #[must_use]
    pub fn new(config: LinkConfig) -> Self {
        let in_flight = [VecDeque::new(), VecDeque::new()];
        Self { config, ends: [None, None], in_flight, broken_until: Nanos::ZERO, frame: Vec::new() }
    }

    /// The link for a process that starts.
    pub fn attach(&mut self, side: Side) -> Link {
        let (outer, inner) = ring_pair(self.config.ring_frames, &Waker::silent(), &Waker::silent());
        self.ends[side.index()] = Some(outer);
        inner
    }

    /// A process has ended: frames on their way to it are lost, and some of those it had sent.
    pub fn detach(&mut self, side: Side, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        for _ in 0..prng.between(0..=LAST_FRAMES_MAX) {
            self.take(side.index(), now, prng);
        }
        self.lose(prng, tally);
        self.ends[side.index()] = None;
        // What a socket keeps over a break ends with its process.
        let left = self.in_flight[side.index()].drain(..).count();
        tally.frames_lost += u64::try_from(left).expect("a few");
    }

    /// The connection breaks for this long.
    pub fn break_for(&mut self, span: Duration, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        self.lose(prng, tally);
        self.broken_until = now + span;
    }

    /// The connection stays up from now on, and harmless planted bugs end.
    pub fn end_faults(&mut self) {
        self.broken_until = Nanos::ZERO;
        self.config.planted_bug = self.config.planted_bug.filter(|bug| !bug.is_harmless());
    }

    /// Moves frames; returns how many.
    pub fn step(&mut self, now: Nanos, prng: &mut Prng, tally: &mut Tally) -> usize {
        let mut moved = 0;
        let is_up = self.is_up(now);
        for from in 0..2 {
            while self.in_flight[from].len() < self.config.link_frames && self.take(from, now, prng)
            {
                moved += 1;
                if !is_up && from == Side::Hub.index() {
                    self.in_flight[from].pop_back();
                    tally.frames_lost += 1;
                }
            }
            while is_up && self.deliver_first(from, now) {
                moved += 1;
            }
        }
        moved
    }

    /// When there is something to do again.
    pub fn wake_at(&self, now: Nanos) -> Nanos {
        if self.ends.iter().any(Option::is_none) {
            return Nanos::MAX;
        }
        let first = self.in_flight.iter().filter_map(VecDeque::front);
        let arrival = first.map(|(due, _)| *due).min().unwrap_or(Nanos::MAX);
        if now < self.broken_until { arrival.max(self.broken_until) } else { arrival }
    }

    fn is_up(&self, now: Nanos) -> bool {
        self.broken_until <= now && self.ends.iter().all(Option::is_some)
    }

    /// Takes a frame from the end where a direction starts; false if there is none.
    fn take(&mut self, from: usize, now: Nanos, prng: &mut Prng) -> bool {
        let Some(link) = &mut self.ends[from] else { return false };
        if !link.receive(&mut self.frame) {
            return false;
        }
        let bug = self.config.planted_bug;
        let frame = std::mem::take(&mut self.frame);
        let frame = match bug {
            Some(PlantedBug::AlteredPart) if prng.one_in(20) => (self.config.alter_part)(frame),
            Some(PlantedBug::ClearFindings)
                if backplane::kind(&frame) == Some(FrameKind::Replies) =>
            {
                (self.config.alter_finding)(frame)
            }
            _ => frame,
        };
        let in_flight = &mut self.in_flight[from];
        let delay = prng.span(DELAY_MIN..=self.config.delay_max);
        let last = in_flight.back().map_or(now, |(due, _)| *due);
        let due = last.max(now + delay);
        let is_inputs = backplane::kind(&frame) == Some(FrameKind::Inputs);
        if bug == Some(PlantedBug::TwiceToShard) && is_inputs && prng.one_in(10) {
            in_flight.push_back((due, frame.clone()));
        }
        in_flight.push_back((due, frame));
        let count = in_flight.len();
        let swaps = bug == Some(PlantedBug::OutOfOrderToShard) && prng.one_in(10);
        if swaps && is_inputs && 1 < count {
            in_flight.swap(count - 1, count - 2);
        }
        true
    }

    /// Delivers the first frame if it has arrived and there is room.
    fn deliver_first(&mut self, from: usize, now: Nanos) -> bool {
        let Some((due, frame)) = self.in_flight[from].front_mut() else { return false };
        let Some(link) = &mut self.ends[1 - from] else { return false };
        if now < *due || link.send(frame).is_err() {
            return false;
        }
        self.in_flight[from].pop_front();
        true
    }

    /// Some frames in flight arrive, and the rest are lost. Those that the dealer's socket has not
    /// put on the wire wait there for the next connection.
    fn lose(&mut self, prng: &mut Prng, tally: &mut Tally) {
        for from in 0..2 {
            let arrive = prng.between(0..=LAST_FRAMES_MAX);
            for _ in 0..arrive {
                self.deliver_first(from, Nanos::MAX);
            }
            let count = self.in_flight[from].len();
            let keeps = from == Side::Dealer.index() && self.ends[from].is_some();
            let lost = if keeps { prng.index(count + 1) } else { count };
            self.in_flight[from].drain(..lost);
            tally.frames_lost += u64::try_from(lost).expect("a few");
        }
    }
}
