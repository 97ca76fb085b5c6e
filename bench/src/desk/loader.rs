//! A loader: one connection of a load, in a closed loop, and what it makes of each reply.
//!
//! It reads replies as an outside client does, after docs/WIRE-DESK.md. Each command has exactly
//! one that ends it, of the kind that the command calls for; those of a user come in the order in
//! which the commands left.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_domain::SourceId;
use allot_runtime::{Clock, Link, Nanos, PollSet};
use allot_wire::{begin_batch, end_batch};
use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

use super::commands::{Commands, answer_number};
use super::user_order::UserOrder;
use crate::batch_builder;
use crate::interrupt;
use crate::latency;
use crate::loader::Exchange;
use crate::pending::Pending;
use crate::phases::{Lengths, Phases};
use crate::recorder::Recorder;
use crate::span::nanoseconds;

/// Messages sent, and frames read, before the other has its turn.
const TURN: usize = 64;

/// How long one wait for a message lasts.
const LOOK: Duration = Duration::from_millis(20);

/// How long nothing may come while something is owed.
const PATIENCE: Duration = Duration::from_secs(60);

const KIND_COMMAND: u8 = 1;
const KIND_REPLIES: u8 = 128;
const HEADER_LEN: usize = 16;
/// User, command, transaction and symbol of a reply.
const SUBJECT_LEN: usize = 32 + 1 + 8 + 3;
const ANSWERED: u8 = 1;
const AWAITING: u8 = 2;
const FIRED: u8 = 3;
const DISARMED: u8 = 4;
const REJECTED: u8 = 6;
const FLAG_DUPLICATE: u8 = 1;
/// The codes that say that the router took nothing.
const AGAIN: [&str; 3] = ["busy", "storage_full", "shard_away"];

/// The code of what finds no room to wait.
const TOO_MANY_WAITING: &str = "too_many_waiting";

/// How much is sent at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flight {
    /// Commands of a message.
    pub(super) batch: u32,
    /// Messages on their way.
    pub(super) window: usize,
}

/// The connection.
pub(super) struct Loader<'a> {
    commands: &'a Commands,
    exchange: Exchange,
    flight: Flight,
    source: SourceId,
    clock: Clock,
    link: Link,
    pending: Pending,
    next_seq: u64,
    message: Vec<u8>,
    frame: Vec<u8>,
    record: Vec<u8>,
    /// What is written, and does not fit yet.
    is_written: bool,
    pub(super) recorder: Recorder,
    pub(super) tally: Tally,
    /// Commands that wait, and since when.
    awaiting: BTreeMap<u64, Nanos>,
    order: UserOrder,
}

/// What came of the commands, in all phases.
pub(super) struct Tally {
    pub(super) answered: u64,
    /// By code.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) fired: u64,
    /// Bytes of all messages that came.
    pub(super) received_bytes: u64,
    /// How long commands waited for quotes, or behind one that did.
    pub(super) waits: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let (refused, waits) = (BTreeMap::new(), latency::histogram());
        Self { answered: 0, refused, fired: 0, received_bytes: 0, waits }
    }

    /// Adds what another connection has.
    pub(super) fn merge(&mut self, other: Self) {
        self.answered += other.answered;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.fired += other.fired;
        self.received_bytes += other.received_bytes;
        self.waits += &other.waits;
    }

    /// How many commands the shards took.
    pub(super) fn taken(&self) -> u64 {
        let is_taken = |code: &String| !AGAIN.contains(&code.as_str());
        let refused = self.refused.iter().filter(|(code, _)| is_taken(code));
        self.answered + refused.map(|(_, count)| count).sum::<u64>()
    }
}

/// Sends the commands up to this one over each connection, and waits for all their replies.
pub(super) fn send_up_to(loaders: &mut [Loader<'_>], last_seq: u64) -> Result<()> {
    let (start, never) = (Clock::system().now(), Nanos::MAX);
    let phases = Phases { start, from: never, to: never, end: never, give_up: never };
    drive(loaders, &phases, last_seq)
}

/// Sends as many commands as are replied to, in phases that begin now.
pub(super) fn send_for(loaders: &mut [Loader<'_>], lengths: Lengths) -> Result<()> {
    drive(loaders, &lengths.from(Clock::system().now()), u64::MAX)
}

/// Gives each connection its turn, until all are done.
fn drive(loaders: &mut [Loader<'_>], phases: &Phases, last_seq: u64) -> Result<()> {
    let clock = Clock::system();
    let mut worked_at = clock.now();
    loop {
        interrupt::check()?;
        let count: usize = loaders.iter_mut().map(|one| one.turn(phases, last_seq)).sum();
        let now = clock.now();
        if loaders.iter().all(|loader| loader.is_over(phases, last_seq, now)) {
            return Ok(());
        }
        if 0 < count {
            worked_at = now;
            continue;
        }
        let open: usize = loaders.iter().map(|loader| loader.pending.open()).sum();
        let is_patient = now < worked_at + PATIENCE && now < phases.give_up;
        ensure!(is_patient, "{open} messages have no reply");
        let mut waits = PollSet::without_waker();
        loaders.iter().for_each(|loader| loader.link.wait_on(&mut waits));
        waits.sleep(Some(LOOK));
    }
}

impl<'a> Loader<'a> {
    pub(super) fn new(
        commands: &'a Commands,
        exchange: Exchange,
        flight: Flight,
        source: SourceId,
        link: Link,
    ) -> Self {
        let users = u32::try_from(commands.opening()).expect("it was one");
        Self {
            commands,
            exchange,
            flight,
            source,
            clock: Clock::system(),
            link,
            pending: Pending::new(flight.batch),
            next_seq: 1,
            message: Vec::new(),
            frame: Vec::new(),
            record: Vec::new(),
            is_written: false,
            recorder: Recorder::new(),
            tally: Tally::new(),
            awaiting: BTreeMap::new(),
            order: UserOrder::new(users),
        }
    }

    /// Receives and sends what there is.
    fn turn(&mut self, phases: &Phases, last_seq: u64) -> usize {
        self.receive(phases) + self.send(phases, last_seq)
    }

    fn is_over(&self, phases: &Phases, last_seq: u64, now: Nanos) -> bool {
        let is_sent = phases.end <= now || last_seq < self.next_seq;
        is_sent && self.pending.open() == 0 && !self.is_written
    }

    fn send(&mut self, phases: &Phases, last_seq: u64) -> usize {
        let mut count = 0;
        while count < TURN && self.pending.open() < self.flight.window {
            let now = self.clock.now();
            if !self.is_written && (phases.end <= now || last_seq < self.next_seq) {
                break;
            }
            if !self.is_written {
                self.write_next();
            }
            self.is_written = self.link.send(&mut self.message).is_err();
            if self.is_written {
                break;
            }
            self.recorder.note_sent(phases, now, now);
            self.pending.push(now, now);
            count += 1;
        }
        count
    }

    fn write_next(&mut self) {
        begin_batch(&mut self.message, KIND_COMMAND);
        for _ in 0..self.flight.batch {
            self.record.clear();
            self.commands.write(&self.source, self.next_seq, &mut self.record);
            allot_wire::push_record(&mut self.message, &self.record);
            self.next_seq += 1;
        }
        end_batch(&mut self.message, self.flight.batch);
    }

    fn receive(&mut self, phases: &Phases) -> usize {
        let mut count = 0;
        let mut frame = std::mem::take(&mut self.frame);
        while count < TURN && self.link.receive(&mut frame) {
            count += 1;
            let at = self.clock.now();
            self.tally.received_bytes += u64::try_from(frame.len()).expect("a usize fits");
            let read = match self.exchange {
                Exchange::Allot => self.take_replies(&frame, phases, at),
                Exchange::Echo => self.take_echo(&frame, phases, at),
            };
            if let Err(what) = read {
                self.recorder.note_wrong(what);
            }
        }
        self.frame = frame;
        count
    }

    fn take_echo(&mut self, frame: &[u8], phases: &Phases, at: Nanos) -> Result<(), String> {
        // A record of a command begins as one of a fill does.
        let first = batch_builder::first_seq(frame).ok_or("an echo of something else")?;
        if let Some(message) = self.pending.acknowledge_message(first)? {
            self.recorder.note_replied(phases, &message, at);
        }
        Ok(())
    }

    fn take_replies(&mut self, frame: &[u8], phases: &Phases, at: Nanos) -> Result<(), String> {
        let damaged = || format!("a damaged message of {} bytes", frame.len());
        let mut rest = frame;
        let header = take(&mut rest, HEADER_LEN).ok_or_else(damaged)?;
        if !header.starts_with(b"ALOT\x02") || header[5] != KIND_REPLIES {
            return Err(damaged());
        }
        while !rest.is_empty() {
            let size = take(&mut rest, 4).ok_or_else(damaged)?;
            let size = u32::from_le_bytes(size.try_into().expect("four bytes"));
            let record = usize::try_from(size).ok().and_then(|size| take(&mut rest, size));
            let read = self.take_reply(record.ok_or_else(damaged)?, phases, at);
            if let Err(what) = read {
                self.recorder.note_wrong(what);
            }
        }
        Ok(())
    }

    fn take_reply(&mut self, record: &[u8], phases: &Phases, at: Nanos) -> Result<(), String> {
        let damaged = || format!("a damaged reply of {} bytes", record.len());
        let reply = ReplyHead::read(record).ok_or_else(damaged)?;
        let ReplyHead { tag, seq, source, flags, mut rest } = reply;
        if source != self.source.as_bytes() || flags & FLAG_DUPLICATE != 0 {
            return Err(format!("a reply {tag} to command {seq} of another, or one sent twice"));
        }
        match tag {
            FIRED => self.tally.fired += 1,
            DISARMED => {}
            AWAITING => drop(self.awaiting.insert(seq, at)),
            ANSWERED => {
                take(&mut rest, SUBJECT_LEN).ok_or_else(damaged)?;
                let answer = take(&mut rest, 4).ok_or_else(damaged)?;
                let answer = u32::from_le_bytes(answer.try_into().expect("four bytes"));
                let drawn = self.commands.draw(seq);
                if answer != answer_number(drawn.name) {
                    return Err(format!(
                        "command {seq}, {:?}, has the answer {answer}",
                        drawn.name
                    ));
                }
                self.tally.answered += 1;
                self.end(seq, Ended { is_busy: false, in_order: true }, phases, at)?;
            }
            REJECTED => {
                let code = take_text(&mut rest).ok_or_else(damaged)?;
                let code = String::from_utf8_lossy(code);
                let is_busy = AGAIN.contains(&code.as_ref());
                // Such a refusal does not wait behind what waits.
                let in_order = !is_busy && code != TOO_MANY_WAITING;
                match self.tally.refused.get_mut(code.as_ref()) {
                    Some(count) => *count += 1,
                    None => drop(self.tally.refused.insert(code.into_owned(), 1)),
                }
                self.end(seq, Ended { is_busy, in_order }, phases, at)?;
            }
            tag => return Err(format!("an unexpected reply with tag {tag} to command {seq}")),
        }
        Ok(())
    }

    /// A command has its last reply.
    fn end(&mut self, seq: u64, how: Ended, phases: &Phases, at: Nanos) -> Result<(), String> {
        if let Some(since) = self.awaiting.remove(&seq) {
            self.tally.waits.saturating_record(nanoseconds(at - since));
        }
        if how.in_order {
            self.order.note(self.commands.draw(seq).user, seq)?;
        }
        if let Some(message) = self.pending.acknowledge(seq, how.is_busy)? {
            self.recorder.note_replied(phases, &message, at);
        }
        Ok(())
    }
}

/// How a command ended.
#[derive(Clone, Copy)]
struct Ended {
    /// The router took nothing.
    is_busy: bool,
    /// The reply stands in the order of the user's commands.
    in_order: bool,
}

/// What every reply begins with.
struct ReplyHead<'a> {
    tag: u8,
    seq: u64,
    source: &'a [u8],
    flags: u8,
    rest: &'a [u8],
}

impl<'a> ReplyHead<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let tag = take(&mut rest, 1)?[0];
        let seq = take_u64(&mut rest)?;
        let source = take_text(&mut rest)?;
        let _id = take_text(&mut rest)?;
        let _time = take_u64(&mut rest)?;
        let flags = take(&mut rest, 1)?[0];
        Some(Self { tag, seq, source, flags, rest })
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(take_u64(rest)?).ok()?;
    take(rest, count)
}
