//! The quote source: the quote manager and the legacy server in one, as the router sees them.
//!
//! A quote takes its time, fails, never comes, or comes twice; what never comes is wanted again
//! with the next report. Frames end with the router.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use allot_desk_rules::limits::{DUE_GRAIN_NS, SHARE_PRICE_MAX};
use allot_desk_rules::{Cents, QuoteRetried, Quoted, Symbol, Wanted};
use allot_desk_service::{
    InputName, WantedEvent, encode_failure, encode_quote, encode_retry, encode_tick,
};
use allot_runtime::{Link, Nanos};
use allot_wire::backplane::{Feedback, encode_feedback};

use super::options::QuoteOptions;
use super::tally::Tally;
use crate::engine::PlantedBug;
use crate::engine::prng::Prng;
use crate::engine::violation::{Violation, ensure};

/// The longest time that a quote takes once nothing fails any more.
const DELAY_AT_END: Duration = Duration::from_millis(50);

/// When a quote follows that nobody has asked for, so that triggers are crossed.
const AGAIN_AFTER: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_secs(8);

/// Gives the quotes that are wanted.
pub struct QuoteSource {
    options: QuoteOptions,
    planted_bug: Option<PlantedBug>,
    shards: usize,
    router: Option<Link>,
    /// Wishes whose quotes come at a time.
    coming: BTreeSet<(Nanos, Symbol)>,
    wanted: BTreeMap<Symbol, Wanted>,
    /// When a quote, or its failure, was handed over last.
    handed: BTreeMap<Symbol, Nanos>,
    /// When something is due next: then the shards are told the time.
    due_at: Nanos,
    /// When they are told it again at the earliest.
    tick_after: Nanos,
    /// The price of each quote that was ever given, by its number, which is its cryptokey.
    given: BTreeMap<u64, (Symbol, Cents)>,
}

impl QuoteSource {
    /// A source that has given nothing yet.
    #[must_use]
    pub const fn new(
        options: QuoteOptions,
        planted_bug: Option<PlantedBug>,
        shards: usize,
    ) -> Self {
        Self {
            options,
            planted_bug,
            shards,
            router: None,
            coming: BTreeSet::new(),
            wanted: BTreeMap::new(),
            handed: BTreeMap::new(),
            due_at: Nanos::MAX,
            tick_after: Nanos::ZERO,
            given: BTreeMap::new(),
        }
    }

    /// The router has started or ended; the manager is in its process.
    pub fn connect(&mut self, router: Option<Link>) {
        self.coming.clear();
        self.wanted.clear();
        self.due_at = Nanos::MAX;
        self.router = router;
    }

    /// From now on every quote comes, and comes soon.
    pub const fn end_faults(&mut self) {
        self.options = QuoteOptions {
            delay_max: DELAY_AT_END,
            failed_percent: 0,
            lost_percent: 0,
            twice_percent: 0,
            again_percent: 0,
        };
    }

    /// A quote is wanted.
    pub fn want(&mut self, event: &WantedEvent, now: Nanos, prng: &mut Prng, tally: &mut Tally) {
        let symbol = event.wanted.symbol;
        let handed = self.handed.get(&symbol).copied().unwrap_or(Nanos::ZERO);
        let is_handed = Nanos::from_unix(event.time_ns) <= handed;
        if is_handed || self.wanted.contains_key(&symbol) {
            return;
        }
        if prng.percent(self.options.lost_percent) {
            tally.quotes_lost += 1;
            return;
        }
        let delay = prng.span(Duration::from_micros(10)..=self.options.delay_max);
        self.wanted.insert(symbol, event.wanted);
        self.coming.insert((now + delay, symbol));
    }

    /// Something is due at a time.
    pub fn due(&mut self, due_at: Nanos) {
        self.due_at = self.due_at.min(due_at);
    }

    /// When the next quote or tick comes.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        let quote_at = self.coming.first().map_or(Nanos::MAX, |(at, _)| *at);
        quote_at.min(self.due_at.max(self.tick_after))
    }

    /// Hands over what has come, as far as there is room; returns how many.
    pub fn step(&mut self, now: Nanos, prng: &mut Prng, tally: &mut Tally) -> usize {
        let mut count = 0;
        while let Some((at, symbol)) = self.coming.first().copied()
            && at <= now
        {
            self.coming.pop_first();
            let wanted = self.wanted.remove(&symbol).expect("what comes is wanted");
            let mut frame = if prng.percent(self.options.failed_percent) {
                tally.quotes_failed += 1;
                self.retry(&wanted);
                let mut body = Vec::new();
                encode_failure(symbol, &mut body);
                frame(vec![body; self.shards])
            } else {
                tally.quotes += 1;
                self.quote(&wanted, now, prng)
            };
            let Some(router) = &mut self.router else { continue };
            let mut again = frame.clone();
            // Without room it is lost: the wish is said again.
            if router.send(&mut frame).is_ok() {
                self.handed.insert(symbol, now);
                count += 1;
            }
            if prng.percent(self.options.twice_percent) {
                count += usize::from(router.send(&mut again).is_ok());
            }
            if prng.percent(self.options.again_percent) {
                let pause = prng.span(AGAIN_AFTER);
                self.wanted.insert(symbol, wanted);
                self.coming.insert((now + pause, symbol));
            }
        }
        if self.due_at.max(self.tick_after) <= now {
            let mut body = Vec::new();
            encode_tick(&mut body);
            self.due_at = Nanos::MAX;
            self.tick_after = now + Duration::from_nanos(DUE_GRAIN_NS);
            let mut frame = frame(vec![body; self.shards]);
            // Without room it is lost: what is due is said again with the next report.
            if self.router.as_mut().is_some_and(|router| router.send(&mut frame).is_ok()) {
                tally.ticks += 1;
                count += 1;
            }
        }
        // The router sends nothing over this link, but what comes must not pile up.
        let mut frame = Vec::new();
        while self.router.as_mut().is_some_and(|router| router.receive(&mut frame)) {
            count += 1;
        }
        count
    }

    /// A try brings no quote. Without room its notice is lost: it changes nothing.
    fn retry(&mut self, wanted: &Wanted) {
        let Wanted { symbol, user: asked_by, transaction } = *wanted;
        let fault = "no answer within 25ms".into();
        let retried = QuoteRetried { symbol, asked_by, transaction, fault, time_ns: 0 };
        let mut body = Vec::new();
        encode_retry(&retried, &mut body);
        let mut frame = frame(vec![body; self.shards]);
        if let Some(router) = &mut self.router {
            let _ = router.send(&mut frame);
        }
    }

    fn quote(&mut self, wanted: &Wanted, now: Nanos, prng: &mut Prng) -> Vec<u8> {
        let number = u64::try_from(self.given.len()).expect("a few") + 1;
        let price = Cents::new(price(prng));
        self.given.insert(number, (wanted.symbol, price));
        let body = |price: Cents| {
            let mut body = Vec::new();
            let quoted = Quoted {
                symbol: wanted.symbol,
                price,
                server_time_ms: now.as_unix() / 1_000_000,
                cryptokey: number.to_string().into(),
                asked_by: wanted.user,
                transaction: wanted.transaction,
                time_ns: 0,
            };
            encode_quote(&quoted, &mut body);
            body
        };
        let mut bodies = vec![body(price); self.shards];
        if self.planted_bug == Some(PlantedBug::AlteredQuote) && prng.one_in(10) {
            bodies[0] = body(Cents::new(price.get() + 1));
        }
        frame(bodies)
    }

    /// Checks that a quote in a log is one that was given.
    ///
    /// # Errors
    /// It was not, or it was another.
    pub fn check(&self, quoted: &Quoted) -> Result<(), Violation> {
        let number = quoted.cryptokey.parse().unwrap_or(0);
        let given = self.given.get(&number);
        ensure(given == Some(&(quoted.symbol, quoted.price)), "P3", || {
            format!("a log has {quoted:?}; what was given is {given:?}")
        })
    }
}

/// From 0.01 to 200.00, and seldom what is as good as none.
fn price(prng: &mut Prng) -> u64 {
    match prng.between(0..=99) {
        0 => 0,
        1 => SHARE_PRICE_MAX + 1,
        2..=20 => prng.between(1..=100),
        _ => prng.between(1_000..=20_000),
    }
}

fn frame(bodies: Vec<Vec<u8>>) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_feedback(&Feedback { kind: InputName::Quote.kind(), bodies }, &mut frame);
    frame
}
