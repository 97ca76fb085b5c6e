//! The operator: adds, awaits, cancels, raises, and asks for reports until all is replied to.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_counter::rules::{Action, Command, Key, Name, Raise};
use allot_counter::service::{ReplyBody, Request, decode_replies, encode_line};
use allot_domain::{Seq, SourceId};
use allot_runtime::{Link, Nanos};
use allot_sim::engine::prng::Prng;

use super::{CounterOptions, MessageName, is_postponed, name_of};

/// When a message without its last reply is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(1);

/// A client that never crashes.
pub(super) struct Operator {
    link: Link,
    options: CounterOptions,
    next_at: Nanos,
    seq: Seq,
    raises: Seq,
    /// Messages without their last reply, and when each is sent (again).
    open: BTreeMap<MessageName, (Request, Nanos)>,
    is_closed: bool,
}

impl Operator {
    pub(super) fn new(link: Link, options: &CounterOptions, now: Nanos) -> Self {
        let options = options.clone();
        let open = BTreeMap::new();
        Self {
            link,
            options,
            next_at: now,
            seq: Seq::default(),
            raises: Seq::default(),
            open,
            is_closed: false,
        }
    }

    /// From now on it sends nothing new, but for raises that reach what is awaited.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn unreplied(&self) -> Vec<String> {
        self.open.values().map(|(request, _)| format!("{request:?}")).collect()
    }

    pub(super) fn wake_at(&self) -> Nanos {
        let again = self.open.values().map(|(_, due)| *due).min().unwrap_or(Nanos::MAX);
        if self.is_closed { again } else { again.min(self.next_at) }
    }

    pub(super) fn step(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        let mut work = self.receive();
        let is_due = self.next_at <= now;
        if !self.is_closed && is_due {
            self.next_at = now + prng.span(self.options.every / 10..=self.options.every * 2);
            let request = self.request(prng);
            self.post(request, now);
            work += 1;
        } else if self.is_closed && self.only_awaits() {
            let raise = self.raise(self.options.rules.limit);
            self.post(raise, now);
            work += 1;
        }
        work + self.send(now)
    }

    /// Whether it waits for nothing but counters.
    fn only_awaits(&self) -> bool {
        let is_await = |request: &Request| {
            matches!(request, Request::Command(Command { action: Action::Await(_), .. }))
        };
        !self.open.is_empty() && self.open.values().all(|(request, _)| is_await(request))
    }

    fn post(&mut self, request: Request, now: Nanos) {
        let Name { source, seq } = *request.name();
        let is_raise = matches!(request, Request::Raise(_));
        self.open.insert((is_raise, source, seq), (request, now));
    }

    fn request(&mut self, prng: &mut Prng) -> Request {
        let limit = self.options.rules.limit;
        let action = match prng.between(0..=19) {
            0 => return Request::Report(self.name()),
            1 if self.open.keys().all(|(is_raise, ..)| !is_raise) => {
                return self.raise(prng.between(0..=9));
            }
            2..=4 => Action::Await(prng.between(0..=limit.min(400) + 1)),
            5 => Action::Cancel(Seq::new(prng.between(1..=self.seq.next().get()))),
            6 => Action::Add(limit),
            _ => Action::Add(prng.between(0..=9)),
        };
        let key = format!("k{}", prng.between(1..=self.options.keys));
        let key = Key::new(key.as_bytes()).unwrap();
        Request::Command(Command { name: self.name(), key, action })
    }

    fn raise(&mut self, amount: u64) -> Request {
        self.raises = self.raises.next();
        Request::Raise(Raise { name: Name { source: source(), seq: self.raises }, amount })
    }

    fn name(&mut self) -> Name {
        self.seq = self.seq.next();
        Name { source: source(), seq: self.seq }
    }

    fn receive(&mut self) -> usize {
        let mut frame = Vec::new();
        let mut replies = Vec::new();
        while self.link.receive(&mut frame) {
            // The workload has checked every reply already.
            let _ = decode_replies(&frame, &mut replies);
        }
        for reply in replies.iter().filter(|reply| !is_postponed(reply)) {
            let name = name_of(reply).unwrap();
            match reply.body {
                ReplyBody::Awaiting(..) => continue,
                // The await that was cancelled is replied to no more.
                ReplyBody::Cancelled(_, of) => self.open.remove(&(false, name.1, of)),
                _ => None,
            };
            self.open.remove(&name);
        }
        replies.len()
    }

    /// Sends what is due, as far as there is room.
    fn send(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        for (request, due) in self.open.values_mut().filter(|(_, due)| *due <= now) {
            let mut line = Vec::new();
            encode_line(request, &mut line);
            if self.link.send(&mut line).is_err() {
                break;
            }
            *due = now + RESEND_AFTER;
            count += 1;
        }
        count
    }
}

fn source() -> SourceId {
    SourceId::new(b"operator").unwrap()
}
