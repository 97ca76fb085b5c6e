//! Quote manager: which quotes are being got, as an agent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use allot_desk_rules::limits::DUE_GRAIN_NS;
use allot_desk_rules::{QuoteRetried, Quoted, Symbol, Wanted};
use allot_runtime::{Agent, Context, CurveKey, Link, Nanos, PollSet, RuntimeError, Subscriber};
use allot_wire::backplane::{Feedback, encode_feedback};

use super::connection::Connection;
use super::{QuoteTimes, answer};
use crate::limits::{
    ON_ITS_WAY, OUTBOX_MAX, PUBLICATIONS_PER_TURN, QUOTES_PER_TURN, ROUTER_RETRY, TIMEOUT_MAX,
};
use crate::wanted::WANTED;
use crate::{
    InputName, WantedEvent, Wish, encode_failure, encode_quote, encode_retry, encode_tick,
};

/// Gets the quotes that are wanted, and hands them to the router.
pub struct QuoteManager {
    server: SocketAddr,
    times: QuoteTimes,
    shards: usize,
    subscriber: Subscriber,
    router: Link,
    /// One for each symbol that is being got.
    fetches: BTreeMap<Symbol, Fetch>,
    /// Those that can begin, in their order.
    ready: VecDeque<Symbol>,
    /// Those that pause between two tries.
    paused: BTreeSet<(Nanos, Symbol)>,
    /// When each is given up.
    deadlines: BTreeSet<(Nanos, Symbol)>,
    open: Vec<Open>,
    /// Bodies for the router.
    outbox: VecDeque<Outgoing>,
    /// Until when wishes of a symbol are about what was handed over last.
    handed: BTreeMap<Symbol, Nanos>,
    /// When something is due next, as the shards say: then they are told the time.
    due_at: Nanos,
    /// When they are told it again at the earliest.
    tick_after: Nanos,
    frame: Vec<u8>,
    is_failing: bool,
    is_router_full: bool,
    now: Nanos,
}

/// A quote that is being got.
struct Fetch {
    wanted: Wanted,
    give_up_at: Nanos,
    timeout: Duration,
}

/// A connection at work.
struct Open {
    symbol: Symbol,
    connection: Connection,
    ends_at: Nanos,
}

/// What is to be handed over.
struct Outgoing {
    symbol: Symbol,
    body: Vec<u8>,
    /// For how long after that somebody may say that he wants it; none of a try without a quote.
    on_its_way: Option<Duration>,
}

impl QuoteManager {
    /// A manager that hears the publisher at this endpoint, which encrypts if it has a key.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn new(
        server: SocketAddr,
        times: QuoteTimes,
        shards: usize,
        context: &Context,
        (publish, key): (&str, Option<CurveKey>),
        router: Link,
    ) -> Result<Self, RuntimeError> {
        Ok(Self {
            server,
            times,
            shards,
            subscriber: Subscriber::connect_to(context, publish, key, &[WANTED.as_bytes()])?,
            router,
            fetches: BTreeMap::new(),
            ready: VecDeque::new(),
            paused: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            open: Vec::new(),
            outbox: VecDeque::new(),
            handed: BTreeMap::new(),
            due_at: Nanos::MAX,
            tick_after: Nanos::ZERO,
            frame: Vec::new(),
            is_failing: false,
            is_router_full: false,
            now: Nanos::ZERO,
        })
    }

    /// Whether wishes are taken: not while the router takes no quotes.
    fn has_room(&self) -> bool {
        self.outbox.len() < OUTBOX_MAX
    }

    fn take_wishes(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while self.has_room()
            && count < PUBLICATIONS_PER_TURN
            && let Some(publication) = self.subscriber.receive(Duration::ZERO)
        {
            count += 1;
            match Wish::decode(&publication.body) {
                Ok(Wish::Quote(event)) => self.want(&event, now),
                Ok(Wish::Tick(due_ns)) => {
                    self.due_at = self.due_at.min(Nanos::from_unix(due_ns));
                }
                Err(error) => tracing::warn!("cannot read a wish: {error}"),
            }
        }
        count
    }

    /// Begins to get a quote, unless it is being got, or the wish is older than what was handed
    /// over last.
    fn want(&mut self, event: &WantedEvent, now: Nanos) {
        let wanted = event.wanted;
        let handed = self.handed.get(&wanted.symbol).copied().unwrap_or(Nanos::ZERO);
        if Nanos::from_unix(event.time_ns) <= handed || self.fetches.contains_key(&wanted.symbol) {
            return;
        }
        let give_up_at = now + self.times.give_up_after;
        let timeout = self.times.timeout_first;
        self.fetches.insert(wanted.symbol, Fetch { wanted, give_up_at, timeout });
        self.deadlines.insert((give_up_at, wanted.symbol));
        self.ready.push_back(wanted.symbol);
    }

    fn begin_tries(&mut self, now: Nanos) -> usize {
        while let Some((at, symbol)) = self.paused.first().copied()
            && at <= now
        {
            self.paused.pop_first();
            self.ready.push_back(symbol);
        }
        let mut count = 0;
        while self.open.len() < self.times.connections_max
            && self.has_room()
            && let Some(symbol) = self.ready.pop_front()
        {
            // One that was given up meanwhile is not there, or was begun anew.
            let is_open = self.open.iter().any(|open| open.symbol == symbol);
            let Some(fetch) = self.fetches.get(&symbol).filter(|_| !is_open) else { continue };
            count += 1;
            match Connection::begin(self.server, &fetch.wanted) {
                Ok(connection) => {
                    let ends_at = now + fetch.timeout;
                    self.open.push(Open { symbol, connection, ends_at });
                }
                Err(error) => self.retry(symbol, &error.to_string(), now),
            }
        }
        count
    }

    /// Goes on with every connection; one that is done, or has no time left, is closed.
    fn advance(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        let mut at = 0;
        while at < self.open.len() {
            let Open { symbol, connection, ends_at } = &mut self.open[at];
            let (symbol, is_late) = (*symbol, *ends_at <= now);
            let wanted = self.fetches.get(&symbol).map(|fetch| fetch.wanted);
            let end = match (wanted, connection.advance()) {
                (None, _) => None,
                (Some(wanted), Ok(Some(bytes))) => Some(
                    answer::read(bytes, &wanted)
                        .map_err(|fault| format!("an answer that cannot be read: {fault}")),
                ),
                (Some(_), Err(error)) => Some(Err(error.to_string())),
                (Some(_), Ok(None)) if is_late => {
                    self.open.swap_remove(at);
                    self.again(symbol, None, now);
                    count += 1;
                    continue;
                }
                (Some(_), Ok(None)) => {
                    at += 1;
                    continue;
                }
            };
            self.open.swap_remove(at);
            count += 1;
            match end {
                Some(Ok(quoted)) => self.succeed(&quoted),
                Some(Err(fault)) => self.retry(symbol, &fault, now),
                None => {}
            }
        }
        count
    }

    /// A try failed: it is named once, until one succeeds.
    fn retry(&mut self, symbol: Symbol, fault: &str, now: Nanos) {
        if !self.is_failing {
            self.is_failing = true;
            let server = self.server;
            tracing::warn!("no quote of {symbol} from {server}: {fault}; it is asked again");
        }
        self.again(symbol, Some(fault), now);
    }

    /// Another try, with twice the time: at once after one that took too long, which has no fault,
    /// else after a pause. The log is told of the one that failed.
    fn again(&mut self, symbol: Symbol, fault: Option<&str>, now: Nanos) {
        let Some(fetch) = self.fetches.get_mut(&symbol) else { return };
        let Wanted { user: asked_by, transaction, .. } = fetch.wanted;
        let too_long = || format!("no answer within {:?}", fetch.timeout);
        let what = fault.map_or_else(too_long, str::to_owned).into();
        let retried = QuoteRetried { symbol, asked_by, transaction, fault: what, time_ns: 0 };
        let mut body = Vec::new();
        encode_retry(&retried, &mut body);
        self.outbox.push_back(Outgoing { symbol, body, on_its_way: None });
        let pause = fetch.timeout;
        fetch.timeout = (2 * fetch.timeout).min(TIMEOUT_MAX);
        if fault.is_none() {
            self.ready.push_back(symbol);
        } else {
            self.paused.insert((now + pause, symbol));
        }
    }

    fn succeed(&mut self, quoted: &Quoted) {
        if self.is_failing {
            self.is_failing = false;
            tracing::info!("{} gives quotes again", self.server);
        }
        let mut body = Vec::new();
        encode_quote(quoted, &mut body);
        self.end(quoted.symbol, body, ON_ITS_WAY);
    }

    fn end(&mut self, symbol: Symbol, body: Vec<u8>, on_its_way: Duration) {
        let fetch = self.fetches.remove(&symbol).expect("what ends was begun");
        self.deadlines.remove(&(fetch.give_up_at, symbol));
        self.outbox.push_back(Outgoing { symbol, body, on_its_way: Some(on_its_way) });
    }

    /// Fails what could not be had in time.
    fn give_up(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while let Some((at, symbol)) = self.deadlines.first().copied()
            && at <= now
        {
            self.open.retain(|open| open.symbol != symbol);
            let server = self.server;
            tracing::warn!("{server} gave no quote of {symbol} in time: whoever waits is told so");
            let mut body = Vec::new();
            encode_failure(symbol, &mut body);
            self.end(symbol, body, Duration::ZERO);
            count += 1;
        }
        count
    }

    /// Hands over what there is, as far as the router has room.
    fn hand_over(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        self.is_router_full = false;
        while count < QUOTES_PER_TURN
            && let Some(Outgoing { symbol, body, on_its_way }) = self.outbox.front()
        {
            write_frame(body, self.shards, &mut self.frame);
            if self.router.send(&mut self.frame).is_err() {
                self.is_router_full = true;
                break;
            }
            if let Some(on_its_way) = on_its_way {
                self.handed.insert(*symbol, now + *on_its_way);
            }
            self.outbox.pop_front();
            count += 1;
        }
        count + self.tick(now)
    }

    /// Tells the shards the time when something is due. Each of them then says anew what is due
    /// next, so that of all times the first is enough.
    fn tick(&mut self, now: Nanos) -> usize {
        if self.is_router_full || now < self.tick_at() {
            return 0;
        }
        let mut body = Vec::new();
        encode_tick(&mut body);
        write_frame(&body, self.shards, &mut self.frame);
        if self.router.send(&mut self.frame).is_err() {
            self.is_router_full = true;
            return 0;
        }
        self.due_at = Nanos::MAX;
        self.tick_after = now + Duration::from_nanos(DUE_GRAIN_NS);
        1
    }

    fn tick_at(&self) -> Nanos {
        self.due_at.max(self.tick_after)
    }
}

/// Writes an input to all shards as the router takes it.
fn write_frame(body: &[u8], shards: usize, frame: &mut Vec<u8>) {
    let bodies = vec![body.to_vec(); shards];
    encode_feedback(&Feedback { kind: InputName::Quote.kind(), bodies }, frame);
}

impl Agent for QuoteManager {
    fn role(&self) -> &'static str {
        "quotes"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.now = now;
        let mut work_count = self.take_wishes(now);
        work_count += self.advance(now);
        work_count += self.give_up(now);
        work_count += self.begin_tries(now);
        work_count += self.hand_over(now);
        // The router sends nothing over this link, but what comes must not pile up.
        while self.router.receive(&mut self.frame) {
            work_count += 1;
        }
        work_count
    }

    fn wake_at(&self) -> Nanos {
        let try_ends = self.open.iter().map(|open| open.ends_at).min();
        let paused = self.paused.first().map(|(at, _)| *at);
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let router = self.is_router_full.then(|| self.now + ROUTER_RETRY);
        let tick = (!self.is_router_full && self.due_at != Nanos::MAX).then(|| self.tick_at());
        let timers = [try_ends, paused, deadline, router, tick];
        timers.into_iter().flatten().min().unwrap_or(Nanos::MAX)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if self.has_room() {
            self.subscriber.wait_on(poll_set);
        }
        self.router.wait_on(poll_set);
        for Open { connection, .. } in &self.open {
            if connection.is_writing() {
                poll_set.writable(connection.descriptor());
            } else {
                poll_set.file(connection.descriptor());
            }
        }
    }
}
