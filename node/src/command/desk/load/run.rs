//! Run: a workload on its way. One command of a user is on its way at a time: of several, an
//! earlier one may be lost with the server, or be `busy`, and a later one be applied before it.
//!
//! Of those that can be sent the first of the file goes first: commands are numbered by their
//! lines, and a number that lies far behind the others of its source is too old for the server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use allot_desk_rules::User;
use allot_desk_service::{
    Reply, ReplyBody, RequestKind, decode_replies, encode_request, notices_as_json,
};
use allot_domain::{Seq, SourceId, shard_of};
use allot_runtime::{Clock, Context, Link, LinkOptions, Nanos, PollSet};
use allot_wire::{Encoding, begin_batch, end_batch, push_record};
use anyhow::{Result, anyhow};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::Load;
use super::workload::{LINE_BYTES_MAX, LineNumber, Workload, usize_of};
use crate::command::desk::client::{FULL, FULL_PAUSE_MAX, is_postponed};
use crate::command::desk::numbered_line::NumberedLine;
use crate::settings::Settings;

/// After this long without a reply a command is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How soon a command is sent again that there was no room for.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(5);

/// The most commands on their way over one connection.
const WINDOW: usize = 2_048;

/// How far a line may lie ahead of the first one without an answer, and be sent: a quarter of the
/// names that a server remembers, unless told otherwise.
const LINES_AHEAD_MAX: LineNumber = 250_000;

/// The most commands of one message.
const BATCH_MAX: usize = 256;

/// The most bytes of one message, at worst: the front door takes twice as many.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// What a byte of a line becomes in JSON at worst, `\u0000`, and what is beside the line.
const JSON_BYTE_LEN: usize = 6;
const NAME_LEN: usize = 512;

const _: () = assert!(JSON_BYTE_LEN * LINE_BYTES_MAX + NAME_LEN <= MESSAGE_BYTES_MAX);

/// A workload on its way.
pub(super) struct Run<'a> {
    workload: &'a Workload<'a>,
    source: SourceId,
    has_data: bool,
    patience: Duration,
    clock: Clock,
    connections: Vec<Connection>,
    on_way: BTreeMap<LineNumber, OnWay>,
    /// When each of them is sent again.
    due: BTreeSet<(Nanos, LineNumber)>,
    bar: ProgressBar,
    began: Nanos,
    ended: Nanos,
    heard_at: Nanos,
    has_told_full: bool,
    /// When one of the commands is sent again for which the server's disk had no room.
    retry_at: Nanos,
    /// The pause after the next refusal of that one.
    full_pause: Duration,
    /// It; its answer says that there is room again.
    retried: Option<LineNumber>,
    micros: Vec<u32>,
    answered: u64,
    duplicates: u64,
    refused: BTreeMap<String, u64>,
    fired: u64,
    again: u64,
    message: Vec<u8>,
    record: Vec<u8>,
}

struct Connection {
    link: Link,
    ready: BTreeSet<LineNumber>,
    on_way: usize,
}

struct OnWay {
    connection: usize,
    sent_at: Nanos,
    due_at: Nanos,
    /// Whether it is about to be sent again.
    is_ready: bool,
    /// Whether it was sent at all: a connection that is down takes nothing.
    was_sent: bool,
}

impl<'a> Run<'a> {
    /// Connects; nothing is sent yet.
    pub(super) fn connect(
        load: &Load,
        settings: &Settings,
        workload: &'a Workload<'a>,
    ) -> Result<Self> {
        let (context, clock) = (Context::new()?, Clock::system());
        let options = LinkOptions { door_key: settings.front_key, ..LinkOptions::default() };
        let connect = || Link::dealer(&context, &settings.front, None, options);
        let links = (0..load.connections).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
        let connection = |link| Connection { link, ready: BTreeSet::new(), on_way: 0 };
        let now = clock.now();
        Ok(Self {
            workload,
            source: load.source,
            has_data: !load.no_data,
            patience: load.timeout,
            clock,
            connections: links.into_iter().map(connection).collect(),
            on_way: BTreeMap::new(),
            due: BTreeSet::new(),
            bar: ProgressBar::new(u64::try_from(workload.len())?),
            began: now,
            ended: now,
            heard_at: now,
            has_told_full: false,
            retry_at: Nanos::MAX,
            full_pause: NO_ROOM_PAUSE,
            retried: None,
            micros: Vec::with_capacity(workload.len()),
            answered: 0,
            duplicates: 0,
            refused: BTreeMap::new(),
            fired: 0,
            again: 0,
            message: Vec::new(),
            record: Vec::new(),
        })
    }

    /// Sends everything; false where something stays without an answer.
    pub(super) fn run(&mut self) -> Result<bool> {
        self.began = self.clock.now();
        self.heard_at = self.began;
        for stretch in &self.workload.stretches {
            for head in &stretch.heads {
                self.make_ready(*head)?;
            }
            while self.is_under_way() {
                let now = self.clock.now();
                if self.heard_at + self.patience <= now {
                    self.bar.abandon();
                    self.ended = now;
                    return Ok(false);
                }
                if !self.turn(now)? {
                    self.sleep(now);
                }
            }
        }
        self.ended = self.clock.now();
        self.bar.finish_and_clear();
        Ok(true)
    }

    fn is_under_way(&self) -> bool {
        let is_ready = self.connections.iter().any(|connection| !connection.ready.is_empty());
        is_ready || !self.on_way.is_empty()
    }

    /// The first line without an answer: those that cannot be sent yet lie behind another one of
    /// their user.
    fn first_unanswered(&self) -> LineNumber {
        let ready = self.connections.iter().filter_map(|connection| connection.ready.first());
        ready.chain(self.on_way.keys().next()).copied().min().unwrap_or_default()
    }

    fn line(&self, number: LineNumber) -> Result<NumberedLine<'a>> {
        let line = self.workload.lines[usize_of(number)];
        let seq = Seq::new(u64::from(number) + 1);
        NumberedLine::read(self.source, seq, line).map_err(|reject| anyhow!("{line:?}: {reject}"))
    }

    fn make_ready(&mut self, number: LineNumber) -> Result<()> {
        let user = self.line(number)?.user();
        let spread = |user: User| shard_of(user.as_bytes(), self.connections.len()).index();
        let connection = user.map_or(0, spread);
        self.connections[connection].ready.insert(number);
        Ok(())
    }

    /// Receives and sends what there is; false where there was nothing.
    fn turn(&mut self, now: Nanos) -> Result<bool> {
        let mut has_worked = false;
        for at in 0..self.connections.len() {
            let mut received = std::mem::take(&mut self.message);
            while self.connections[at].link.receive(&mut received) {
                has_worked = true;
                self.take(&received, now)?;
            }
            self.message = received;
        }
        self.retry_one(now);
        while let Some((due_at, number)) = self.due.first().copied()
            && due_at <= now
        {
            self.due.pop_first();
            let on_way = self.on_way.get_mut(&number).expect("what is due is on its way");
            on_way.is_ready = true;
            self.connections[on_way.connection].ready.insert(number);
        }
        for at in 0..self.connections.len() {
            has_worked |= self.send(at, now)?;
        }
        Ok(has_worked)
    }

    /// Sends a message of commands over a connection, if it has some.
    fn send(&mut self, at: usize, now: Nanos) -> Result<bool> {
        let (mut numbers, mut lines) = (Vec::new(), Vec::new());
        let end = self.first_unanswered().saturating_add(LINES_AHEAD_MAX);
        let mut bytes = 0;
        while numbers.len() < BATCH_MAX
            && let Some(number) = self.connections[at].ready.first().copied()
        {
            let is_new = !self.on_way.contains_key(&number);
            let is_early = WINDOW <= self.connections[at].on_way + numbers.len() || end <= number;
            if is_new && is_early {
                break;
            }
            let line = self.line(number)?;
            // What is no command has no binary form, and is a message of its own.
            let is_alone = !self.has_data && matches!(line, NumberedLine::Unread { .. });
            bytes += JSON_BYTE_LEN * self.workload.lines[usize_of(number)].len() + NAME_LEN;
            if (is_alone || MESSAGE_BYTES_MAX < bytes) && !lines.is_empty() {
                break;
            }
            self.connections[at].ready.pop_first();
            numbers.push(number);
            lines.push(line);
            if is_alone {
                break;
            }
        }
        if numbers.is_empty() {
            return Ok(false);
        }
        self.write(&lines)?;
        let is_sent = self.connections[at].link.send(&mut self.message).is_ok();
        for number in numbers {
            let due_at = now + if is_sent { AGAIN_AFTER } else { NO_ROOM_PAUSE };
            self.due.insert((due_at, number));
            match self.on_way.get_mut(&number) {
                Some(on_way) => {
                    (on_way.due_at, on_way.is_ready) = (due_at, false);
                    self.again += u64::from(is_sent && on_way.was_sent);
                    on_way.was_sent |= is_sent;
                }
                None => {
                    self.connections[at].on_way += 1;
                    let on_way = OnWay {
                        connection: at,
                        sent_at: now,
                        due_at,
                        is_ready: false,
                        was_sent: is_sent,
                    };
                    self.on_way.insert(number, on_way);
                }
            }
        }
        Ok(is_sent)
    }

    fn write(&mut self, lines: &[NumberedLine<'_>]) -> Result<()> {
        self.message.clear();
        let requests: Vec<_> = lines.iter().filter_map(NumberedLine::command).collect();
        if self.has_data || requests.len() < lines.len() {
            for line in lines {
                line.encode(&mut self.message);
                self.message.push(b'\n');
            }
            return Ok(());
        }
        // A stretch has commands of users, or one DUMPLOG of all.
        let kind = requests.first().map_or(RequestKind::Command, |request| request.kind());
        begin_batch(&mut self.message, kind.number());
        for request in &requests {
            self.record.clear();
            encode_request(request, &mut self.record);
            push_record(&mut self.message, &self.record);
        }
        end_batch(&mut self.message, u32::try_from(requests.len())?);
        Ok(())
    }

    fn take(&mut self, message: &[u8], now: Nanos) -> Result<()> {
        let unread = |error| {
            anyhow!("cannot decode a reply; does a desk of this version listen there? {error}")
        };
        let mut replies = Vec::new();
        decode_replies(message, &mut replies).map_err(unread)?;
        if self.has_data && Encoding::of(message) == Encoding::Binary {
            // An earlier run of this source sent in binary. Answers to what it sent come in JSON
            // when this one sends it again.
            let notices = notices_as_json(message).map_err(unread)?;
            replies.retain(|reply| is_notice(&reply.body));
            for (reply, line) in replies.into_iter().zip(&notices) {
                self.take_reply(reply, Some(line), now)?;
            }
            return Ok(());
        }
        let mut lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for reply in replies {
            let line = if self.has_data { lines.next() } else { None };
            self.take_reply(reply, line, now)?;
        }
        Ok(())
    }

    fn take_reply(&mut self, reply: Reply, line: Option<&[u8]>, now: Nanos) -> Result<()> {
        let is_full = matches!(&reply.body, ReplyBody::Rejected { code, .. } if code == FULL);
        if !is_full {
            self.heard_at = now;
        }
        if is_notice(&reply.body) {
            self.fired += u64::from(reply.body == ReplyBody::Fired);
            return show(line);
        }
        let number = reply.seq.get().checked_sub(1).and_then(|at| LineNumber::try_from(at).ok());
        let Some(number) = number.filter(|number| self.on_way.contains_key(number)) else {
            return Ok(());
        };
        if let ReplyBody::Rejected { reason, .. } = &reply.body
            && is_full
        {
            self.hold_back(number, reason, now);
            return Ok(());
        }
        if self.retried == Some(number) {
            self.release(now);
        }
        let pause = match &reply.body {
            ReplyBody::Awaiting => Some(AGAIN_AFTER),
            ReplyBody::Rejected { code, .. } if is_postponed(code) => Some(NO_ROOM_PAUSE),
            _ => None,
        };
        if let Some(pause) = pause {
            self.postpone(number, now + pause);
            return Ok(());
        }
        if let ReplyBody::Rejected { code, .. } = reply.body {
            *self.refused.entry(code).or_default() += 1;
        } else {
            self.answered += 1;
        }
        self.duplicates += u64::from(reply.duplicate);
        self.end(number, now);
        show(line)
    }

    /// Holds back a command for which the server's disk has no room, which is told once. Of all
    /// that are held back one at a time is sent again, after pauses that grow: a server whose disk
    /// is full is not flooded.
    fn hold_back(&mut self, number: LineNumber, reason: &str, now: Nanos) {
        if !self.has_told_full {
            self.has_told_full = true;
            tracing::warn!("the server refuses commands ({FULL}: {reason}); they are sent again");
        }
        self.postpone(number, Nanos::MAX);
        if self.retried == Some(number) {
            self.full_pause = (2 * self.full_pause).min(FULL_PAUSE_MAX);
            self.retry_at = now + self.full_pause;
        } else if self.retry_at == Nanos::MAX {
            self.retry_at = now + self.full_pause;
        }
    }

    /// The first of the commands that are held back.
    fn first_held(&self) -> Option<LineNumber> {
        self.due.range((Nanos::MAX, 0)..).next().map(|(_, number)| *number)
    }

    /// Sends one of the commands again that are held back, if that is due.
    fn retry_one(&mut self, now: Nanos) {
        if now < self.retry_at {
            return;
        }
        self.retried = self.first_held();
        // Another one, where this one gets no answer.
        self.retry_at = self.retried.map_or(Nanos::MAX, |_| now + AGAIN_AFTER);
        if let Some(number) = self.retried {
            self.postpone(number, now);
        }
    }

    /// There is room again: all that was held back is sent again.
    fn release(&mut self, now: Nanos) {
        (self.retried, self.retry_at, self.full_pause) = (None, Nanos::MAX, NO_ROOM_PAUSE);
        while let Some(number) = self.first_held() {
            self.postpone(number, now);
        }
    }

    fn postpone(&mut self, number: LineNumber, due_at: Nanos) {
        let Some(on_way) = self.on_way.get_mut(&number).filter(|on_way| !on_way.is_ready) else {
            return;
        };
        self.due.remove(&(on_way.due_at, number));
        on_way.due_at = due_at;
        self.due.insert((due_at, number));
    }

    /// A command has its answer; the next one of its user can be sent.
    fn end(&mut self, number: LineNumber, now: Nanos) {
        let OnWay { connection, sent_at, due_at, is_ready, .. } =
            self.on_way.remove(&number).expect("it is on its way");
        self.due.remove(&(due_at, number));
        let connection = &mut self.connections[connection];
        connection.on_way -= 1;
        if is_ready {
            connection.ready.remove(&number);
        }
        self.micros.push(u32::try_from((now - sent_at).as_micros()).unwrap_or(u32::MAX));
        self.bar.inc(1);
        // Of the same user, and so over the same connection.
        connection.ready.extend(self.workload.next[usize_of(number)]);
    }

    fn sleep(&self, now: Nanos) {
        let mut poll_set = PollSet::without_waker();
        self.connections.iter().for_each(|connection| connection.link.wait_on(&mut poll_set));
        let due = self.due.first().map_or(Nanos::MAX, |(due, _)| *due);
        let next = due.min(self.retry_at).min(self.heard_at + self.patience);
        poll_set.sleep(Some(next - now));
    }

    /// What there is to tell at the end.
    pub(super) fn report(&self) -> Value {
        let mut micros = self.micros.clone();
        micros.sort_unstable();
        let at = |per_mille: usize| {
            let place = (micros.len() * per_mille / 1_000).min(micros.len().saturating_sub(1));
            micros.get(place)
        };
        let elapsed = (self.ended - self.began).as_micros().max(1);
        let done = u128::from(self.answered) + u128::from(self.refused.values().sum::<u64>());
        let left = self.workload.len() - micros.len();
        json!({
            "type": "load", "commands": self.workload.len(), "answered": self.answered,
            "refused": self.refused, "not_sent": self.workload.unsent.len(),
            "unanswered": left, "duplicates": self.duplicates, "fired": self.fired,
            "sent_again": self.again, "seconds": elapsed_seconds(elapsed),
            "commands_per_second": u64::try_from(done * 1_000_000 / elapsed).unwrap_or(u64::MAX),
            "latency_us": {
                "p50": at(500), "p90": at(900), "p99": at(990), "p999": at(999),
                "max": micros.last(),
            },
        })
    }
}

/// Whether it tells what became of a trigger.
const fn is_notice(body: &ReplyBody) -> bool {
    matches!(body, ReplyBody::Fired | ReplyBody::Disarmed)
}

/// Seconds with three decimals.
fn elapsed_seconds(micros: u128) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}

fn show(line: Option<&[u8]>) -> Result<()> {
    if let Some(line) = line {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
