//! The front door of these tests: one book, with faults on the way to it and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use allot_allocation_rules::{Book, BookConfig, Input, Outcomes};
use allot_allocation_service::{
    Reply, Request, RequestKind, decode_line, decode_request, encode_outcome, encode_reply,
};
use allot_domain::{Machine, Reject, SourceId, Ticker};
use allot_runtime::{Agent, Door, Envelope, Link, Nanos, PollSet};
use allot_wire::{Batch, Encoding, KIND_REPLIES, begin_batch, end_batch};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What fails, in percent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) lose_request: u32,
    pub(crate) lose_reply: u32,
    pub(crate) busy: u32,
    /// The percentage of `storage_full` among the replies that say that there is no room.
    pub(crate) storage_full: u32,
    /// The percentage of `shard_away` among the others of these.
    pub(crate) shard_away: u32,
    pub(crate) reply_twice: u32,
    /// The longest delay of a reply; replies overtake each other.
    pub(crate) delay_max: Duration,
    /// Requests arrive and have no effect.
    pub(crate) is_silent: bool,
    /// The replies that follow `held` are lost.
    pub(crate) lose_late: bool,
}

/// A message that arrived, lost afterwards or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    pub(crate) time: Nanos,
    pub(crate) seqs: Vec<u64>,
}

/// What a test sees and changes while the front door runs.
#[derive(Default)]
pub(crate) struct FrontState {
    pub(crate) faults: Faults,
    pub(crate) arrivals: Vec<Arrival>,
    /// Fills that were applied for the first time.
    pub(crate) applied: BTreeSet<(SourceId, u64)>,
    /// What all accounts hold of each ticker.
    pub(crate) holdings: BTreeMap<Ticker, u64>,
    /// The splits in the order in which they came into force: source, seq and the weights.
    pub(crate) splits: Vec<(SourceId, u64, String)>,
    /// Frames to be sent to every client as they are.
    pub(crate) unsolicited: Vec<Vec<u8>>,
}

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<FrontState>>);

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, FrontState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.state().arrivals.clone()
    }
}

/// The ends of the clients' connections.
pub(crate) enum Ports {
    Rings(Vec<Link>),
    Door(Door, Vec<Vec<u8>>),
}

impl Ports {
    fn receive(&mut self, envelope: &mut Envelope, frame: &mut Vec<u8>) -> Option<usize> {
        match self {
            Self::Rings(links) => links.iter_mut().position(|link| link.receive(frame)),
            Self::Door(door, clients) => {
                if !door.receive(envelope) {
                    return None;
                }
                frame.clear();
                frame.extend_from_slice(envelope.body());
                let known = clients.iter().position(|client| client == envelope.identity());
                Some(known.unwrap_or_else(|| {
                    clients.push(envelope.identity().to_vec());
                    clients.len() - 1
                }))
            }
        }
    }

    /// False if the client is gone.
    fn send(&mut self, port: usize, message: &[u8]) -> bool {
        match self {
            Self::Rings(links) => links[port].send(&mut message.to_vec()).is_ok(),
            Self::Door(door, clients) => {
                let sent = door.send(&clients[port], false, message).is_ok();
                door.flush();
                sent
            }
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Rings(links) => links.len(),
            Self::Door(_, clients) => clients.len(),
        }
    }
}

pub(crate) struct Front {
    ports: Ports,
    book: Book,
    outcomes: Outcomes,
    rng: StdRng,
    envelope: Envelope,
    frame: Vec<u8>,
    /// The port and encoding that each source used last.
    last_used: BTreeMap<SourceId, (usize, Encoding)>,
    delayed: Vec<(Nanos, usize, Vec<u8>)>,
    shared: Shared,
}

impl Front {
    pub(crate) fn new(ports: Ports, seed: u64, shared: Shared) -> Self {
        let book = Book::new(BookConfig::default());
        Self { rng: StdRng::seed_from_u64(seed), ..Self::with_book(ports, book, shared) }
    }

    pub(crate) fn into_book(self) -> Book {
        self.book
    }

    pub(crate) fn with_book(ports: Ports, book: Book, shared: Shared) -> Self {
        Self {
            ports,
            book,
            outcomes: Outcomes::default(),
            rng: StdRng::seed_from_u64(0),
            envelope: Envelope::new(),
            frame: Vec::new(),
            last_used: BTreeMap::new(),
            delayed: Vec::new(),
            shared,
        }
    }

    fn happens(&mut self, percent: u32) -> bool {
        0 < percent && self.rng.random_ratio(percent, 100)
    }

    fn take(&mut self, port: usize, now: Nanos) {
        let encoding = Encoding::of(&self.frame);
        let requests = read(&self.frame);
        let seqs = requests.iter().map(|request| request.seq().get()).collect();
        self.shared.state().arrivals.push(Arrival { time: now, seqs });
        let faults = self.shared.state().faults;
        if faults.is_silent || self.happens(faults.lose_request) {
            return;
        }
        let mut replies = Vec::new();
        for request in &requests {
            self.last_used.insert(*request.source(), (port, encoding));
            if self.happens(faults.busy) {
                replies.push(self.no_room(request, encoding));
            } else {
                self.apply(request, encoding, &mut replies, now);
            }
        }
        self.send(port, encoding, &replies, now);
    }

    fn no_room(&mut self, request: &Request, encoding: Encoding) -> Vec<u8> {
        let Faults { storage_full, shard_away, .. } = self.shared.state().faults;
        let code = if self.happens(storage_full) {
            "storage_full"
        } else if 0 < shard_away && self.happens(shard_away) {
            "shard_away"
        } else {
            Reject::Busy.code()
        };
        let reply = Reply::Rejected {
            source: request.source().to_string(),
            seq: request.seq(),
            id: request.seq().into(),
            time_ns: 0,
            duplicate: false,
            late: false,
            code: code.to_owned(),
            reason: "no room".to_owned(),
        };
        let mut bytes = Vec::new();
        encode_reply(encoding, &reply, &mut bytes);
        bytes
    }

    fn apply(
        &mut self,
        request: &Request,
        encoding: Encoding,
        replies: &mut Vec<Vec<u8>>,
        now: Nanos,
    ) {
        let input = match request {
            Request::Fill(fill) => Input::Fill(*fill),
            Request::Split(split) => Input::Split(split.clone()),
            other => panic!("no feed sends {other:?}"),
        };
        self.outcomes.clear();
        self.book.apply_whole(&input, &mut self.outcomes);
        let mut late = Vec::new();
        for outcome in &self.outcomes.list {
            let source = outcome.origin().source;
            let (to, written) =
                if outcome.is_late() { self.last_used[&source] } else { (usize::MAX, encoding) };
            let mut reply = Vec::new();
            let account = |index| self.book.account(index);
            encode_outcome(written, outcome, &self.outcomes.shares, account, &mut reply);
            if to == usize::MAX {
                replies.push(reply);
            } else {
                late.push((to, written, reply));
            }
        }
        self.note(request);
        for (to, written, reply) in late {
            if !self.shared.state().faults.lose_late {
                self.send(to, written, &[reply], now);
            }
        }
    }

    fn note(&self, request: &Request) {
        let is_new = self.outcomes.list.iter().any(|outcome| {
            let rejected = matches!(outcome, allot_allocation_rules::Outcome::Rejected { .. });
            !outcome.origin().duplicate && !rejected && !outcome.is_late()
        });
        let mut state = self.shared.state();
        match request {
            Request::Fill(fill) if is_new => {
                assert!(state.applied.insert((fill.source, fill.seq.get())), "{fill:?} twice");
            }
            Request::Split(split) if is_new => {
                let parts: Vec<_> = split.weights().iter().map(shown).collect();
                state.splits.push((split.source, split.seq.get(), parts.join(",")));
            }
            _ => {}
        }
        state.holdings =
            self.book.holdings().rows().iter().map(|row| (row.ticker, row.total())).collect();
    }

    fn send(&mut self, port: usize, encoding: Encoding, replies: &[Vec<u8>], now: Nanos) {
        if replies.is_empty() {
            return;
        }
        let mut message = Vec::new();
        match encoding {
            Encoding::Json => message = replies.join(&b'\n'),
            Encoding::Binary => {
                begin_batch(&mut message, KIND_REPLIES);
                replies.iter().for_each(|reply| message.extend_from_slice(reply));
                end_batch(&mut message, u32::try_from(replies.len()).unwrap());
            }
        }
        let faults = self.shared.state().faults;
        let copies = if self.happens(faults.reply_twice) { 2 } else { 1 };
        for _ in 0..copies {
            if self.happens(faults.lose_reply) {
                continue;
            }
            let delay_ms_max = faults.delay_max.as_millis().try_into().unwrap();
            let delay = Duration::from_millis(self.rng.random_range(0..=delay_ms_max));
            self.delayed.push((now + delay, port, message.clone()));
        }
    }

    fn deliver(&mut self, now: Nanos) -> usize {
        let unsolicited = std::mem::take(&mut self.shared.state().unsolicited);
        for port in 0..self.ports.count() {
            unsolicited.iter().for_each(|frame| assert!(self.ports.send(port, frame)));
        }
        let (due, later): (Vec<_>, Vec<_>) =
            self.delayed.drain(..).partition(|(time, ..)| *time <= now);
        self.delayed = later;
        for (_, port, message) in &due {
            self.ports.send(*port, message);
        }
        due.len() + unsolicited.len()
    }
}

fn shown((account, weight): &(allot_domain::AccountId, allot_allocation_rules::Weight)) -> String {
    format!("{account}={}", allot_domain::decimal::nanos_text(weight.nanos().into()))
}

/// All requests of a message; every one must be valid.
fn read(message: &[u8]) -> Vec<Request> {
    if Encoding::of(message) == Encoding::Json {
        let lines = message.split(|byte| *byte == b'\n');
        return lines.map(|line| decode_line(line).unwrap()).collect();
    }
    let batch = Batch::parse(message).unwrap();
    let kind = RequestKind::try_from(batch.kind).unwrap();
    batch.records().map(|record| decode_request(kind, record.unwrap()).unwrap()).collect()
}

impl Agent for Front {
    fn role(&self) -> &str {
        "front"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = 0;
        while let Some(port) = self.ports.receive(&mut self.envelope, &mut self.frame) {
            self.take(port, now);
            work_count += 1;
        }
        work_count + self.deliver(now)
    }

    fn wake_at(&self) -> Nanos {
        self.delayed.iter().map(|(time, ..)| *time).min().unwrap_or(Nanos::MAX)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match &self.ports {
            Ports::Rings(links) => links.iter().for_each(|link| link.wait_on(poll_set)),
            Ports::Door(door, _) => door.wait_on(poll_set),
        }
    }
}
