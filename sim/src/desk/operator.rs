//! The operator: a client of all users, which sends every command until all are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_desk_rules::limits::AMOUNT_MAX;
use allot_desk_rules::{self as rules, Cents, Command, DumpAll, FileName, Symbol, User};
use allot_desk_service::{Reply, ReplyBody, Request, decode_replies, encode_line, encode_request};
use allot_domain::{Seq, SourceId};
use allot_runtime::{Link, Nanos};
use allot_wire::{Encoding, begin_batch, end_batch, push_record};

use super::history::{MessageName, is_postponed, name_of};
use super::options::DeskOptions;
use crate::engine::prng::Prng;

/// When a message without its last reply is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(1);

/// When a message that waits for a quote is sent again.
const ASK_AFTER: Duration = Duration::from_secs(6);

/// The most lines of a message.
const LINES_MAX: u64 = 8;

/// A client that never crashes.
pub struct Operator {
    link: Link,
    options: DeskOptions,
    next_at: Nanos,
    seqs: BTreeMap<SourceId, Seq>,
    /// Messages without their last reply, and when each is sent (again).
    open: BTreeMap<MessageName, (Request, Nanos)>,
    is_closed: bool,
}

impl Operator {
    /// The operator before its first turn.
    #[must_use]
    pub fn new(link: Link, options: &DeskOptions, now: Nanos) -> Self {
        let (options, seqs, open) = (options.clone(), BTreeMap::new(), BTreeMap::new());
        Self { link, options, next_at: now, seqs, open, is_closed: false }
    }

    /// From now on it sends nothing new.
    pub const fn close(&mut self) {
        self.is_closed = true;
    }

    /// The messages that lack their last reply.
    #[must_use]
    pub fn unreplied(&self) -> Vec<String> {
        self.open.values().map(|(request, _)| format!("{request:?}")).collect()
    }

    /// When it has something to do again.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        let again = self.open.values().map(|(_, due)| *due).min().unwrap_or(Nanos::MAX);
        let is_full = self.is_closed || self.options.open_max <= self.open.len();
        if is_full { again } else { again.min(self.next_at) }
    }

    /// One turn; returns how much was done.
    pub fn step(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        let mut work = self.receive(now);
        let has_room = self.open.len() < self.options.open_max;
        if !self.is_closed && has_room && self.next_at <= now {
            self.next_at = now + prng.span(self.options.every / 10..=self.options.every * 2);
            // Some come together, so that messages have several lines.
            let together = if prng.one_in(4) { prng.between(2..=LINES_MAX) } else { 1 };
            for _ in 0..together {
                let request = self.request(prng);
                let name = (*request.source(), request.seq());
                self.open.entry(name).or_insert((request, now));
                work += 1;
            }
        }
        work + self.send(now, prng)
    }

    fn request(&mut self, prng: &mut Prng) -> Request {
        let source = source(prng.between(1..=self.options.sources));
        let seq = self.seqs.entry(source).or_default();
        // Seldom a name of before: of the same command, of others, or of another user.
        if Seq::ZERO < *seq && prng.one_in(40) {
            let seq = Seq::new(prng.between(1..=seq.get()));
            return self.request_of(source, seq, prng);
        }
        *seq = seq.next();
        let seq = *seq;
        self.request_of(source, seq, prng)
    }

    fn request_of(&self, source: SourceId, seq: Seq, prng: &mut Prng) -> Request {
        let (id, time_ns) = (seq.into(), 0);
        // One name, one user: the replies to it are all in one log.
        let user = (seq.get() * 7 + seq.get() / 11) % self.options.users;
        let transaction = std::num::NonZeroU64::new(seq.get() % 5);
        let name = format!("{}.xml", seq.get() % 20);
        let file = || FileName::new(&name).expect("a plain name");
        if seq.get().is_multiple_of(50) {
            return Request::DumpAll(DumpAll { source, id, time_ns, transaction, file: file() });
        }
        let symbol = symbol(prng.between(1..=self.options.symbols));
        let amount = Cents::new(amount(prng));
        let command = match prng.between(0..=39) {
            0..=4 => Command::Add(Cents::new(amount.get() * 10)),
            5 => Command::Add(Cents::new(AMOUNT_MAX)),
            6..=8 => Command::Quote(symbol),
            9..=14 => Command::Buy(symbol, amount),
            15..=17 => Command::CommitBuy,
            18 => Command::CancelBuy,
            19..=22 => Command::Sell(symbol, amount),
            23 | 24 => Command::CommitSell,
            25 => Command::CancelSell,
            26..=28 => Command::SetBuyAmount(symbol, amount),
            29 | 30 => Command::SetBuyTrigger(symbol, Cents::new(prng.between(1..=20_000))),
            31 => Command::CancelSetBuy(symbol),
            32..=34 => Command::SetSellAmount(symbol, amount),
            35 | 36 => Command::SetSellTrigger(symbol, Cents::new(prng.between(1..=20_000))),
            37 => Command::CancelSetSell(symbol),
            38 => Command::DumpLog(file()),
            _ => Command::DisplaySummary,
        };
        let user = User::new(format!("user{user}").as_bytes()).expect("a plain name");
        Request::Command(rules::Request { source, id, time_ns, transaction, user, command })
    }

    fn receive(&mut self, now: Nanos) -> usize {
        let mut frame = Vec::new();
        let mut replies: Vec<Reply> = Vec::new();
        while self.link.receive(&mut frame) {
            // The workload has checked every reply already.
            let _ = decode_replies(&frame, &mut replies);
        }
        for reply in replies.iter().filter(|reply| !is_postponed(reply)) {
            let Ok(name) = name_of(reply) else { continue };
            if !matches!(reply.body, ReplyBody::Awaiting) {
                self.open.remove(&name);
            } else if let Some((_, due)) = self.open.get_mut(&name) {
                *due = now + ASK_AFTER;
            }
        }
        replies.len()
    }

    /// Sends what is due, as far as there is room.
    fn send(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        let due = self.open.iter().filter(|(_, (_, due))| *due <= now).map(|(name, _)| *name);
        let due: Vec<_> = due.collect();
        let mut count = 0;
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            let lines = usize::try_from(prng.between(1..=LINES_MAX)).expect("a small number");
            let (names, later) = rest.split_at(lines.min(rest.len()));
            rest = later;
            let requests = names.iter().map(|name| &self.open[name].0);
            for mut message in messages(self.options.encoding, requests) {
                if self.link.send(&mut message).is_err() {
                    return count;
                }
                count += 1;
            }
            for name in names {
                self.open.get_mut(name).expect("it is open").1 = now + RESEND_AFTER;
            }
        }
        count
    }
}

/// One message of lines; in binary one for each request.
fn messages<'a>(encoding: Encoding, requests: impl Iterator<Item = &'a Request>) -> Vec<Vec<u8>> {
    if encoding == Encoding::Json {
        let mut message = Vec::new();
        for request in requests {
            encode_line(request, &mut message);
            message.push(b'\n');
        }
        return vec![message];
    }
    let batch = |request: &Request| {
        let (mut record, mut message) = (Vec::new(), Vec::new());
        encode_request(request, &mut record);
        begin_batch(&mut message, request.kind().number());
        push_record(&mut message, &record);
        end_batch(&mut message, 1);
        message
    };
    requests.map(batch).collect()
}

/// Of 0.01 to 900.00, most of them enough for some shares.
fn amount(prng: &mut Prng) -> u64 {
    match prng.between(0..=9) {
        0 => prng.between(1..=100),
        1..=6 => prng.between(100..=20_000),
        _ => prng.between(10_000..=90_000),
    }
}

fn source(number: u64) -> SourceId {
    SourceId::new(format!("web-{number}").as_bytes()).expect("a plain name")
}

fn symbol(number: u64) -> Symbol {
    Symbol::new(format!("S{number}").as_bytes()).expect("a plain name")
}
