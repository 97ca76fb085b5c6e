//! A scrape: what the processes of a server say on their pages of metrics, and what came of two.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allot_runtime::{Clock, Nanos};
use serde::{Deserialize, Serialize};

use crate::limits::{SCRAPE_BYTES_MAX, SCRAPE_IN_ALL, SCRAPES_KEPT, SHARDS_SHOWN};
use crate::metrics::{
    JOURNAL_APPENDED, JOURNAL_DURABLE, JOURNAL_FREE_BYTES, QUEUE, STAGES, SUBSCRIBERS,
    WAITING_BYTES,
};
use crate::text;

/// Counters of what was lost on its way to somebody.
const DROPS: &[&str] = &[
    "publications_dropped",
    "subscribers_dropped",
    "subscriptions_refused",
    "clients_dropped",
    "replies_undeliverable",
    "frames_dropped",
    "parts_dropped",
];

/// What the page of every process of a server has.
const RECEIVED: &str = "allot_received_total{box=\"";

/// An address is not longer.
const PEER_SIGNS_MAX: usize = 64;

/// The stages of the path of an input; together they take as long as the reply.
const PATH: &[&str] =
    &["receive", "route", "queue", "allocate", "encode", "journal", "return", "send"];

/// What all pages said at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrape {
    pub(crate) at: Nanos,
    /// Each value by its name with its labels, as it stands on the page.
    values: BTreeMap<String, f64>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// Why some said nothing.
    pub(crate) problems: Vec<String>,
}

/// A subscriber, and the bytes that wait for it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
pub(crate) struct Subscriber {
    pub(crate) peer: String,
    pub(crate) pending_bytes: u64,
}

/// The middle and the slow end of some times, in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// What the pages of metrics say of a server. What no page has is none.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) inputs_per_second: Option<f64>,
    /// The stages added up, of the slowest shard.
    pub(crate) answer_seconds: Option<Quantiles>,
    pub(crate) queue: Option<u64>,
    /// Until inputs are on disk, of the slowest shard.
    pub(crate) fsync_seconds: Option<Quantiles>,
    pub(crate) subscribers: Option<u64>,
    pub(crate) pending_bytes: Option<u64>,
    /// Since the start of the server.
    pub(crate) drops: Option<u64>,
    pub(crate) shards: Vec<ShardFigures>,
    #[serde(rename = "subscribers_by_pending")]
    pub(crate) most_pending: Vec<Subscriber>,
    /// On the disk of the journals.
    #[serde(skip)]
    pub(crate) journal_free_bytes: Option<u64>,
    #[serde(skip)]
    pub(crate) counters: Vec<CounterLine>,
    /// Why some pages said nothing.
    pub(crate) problems: Vec<String>,
}

/// The same of one shard.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub(crate) struct ShardFigures {
    pub(crate) shard: u32,
    pub(crate) inputs_per_second: Option<f64>,
    pub(crate) rejected_per_second: Option<f64>,
    pub(crate) queue: Option<u64>,
    /// The last input that is on disk; none where no journal is kept.
    #[serde(skip)]
    pub(crate) durable: Option<u64>,
    /// Inputs that are in the journal but not on disk yet.
    #[serde(skip)]
    pub(crate) behind: Option<u64>,
    pub(crate) allocate_seconds: Option<Quantiles>,
    pub(crate) fsync_seconds: Option<Quantiles>,
    pub(crate) answer_seconds: Option<Quantiles>,
}

/// A counter of a box that is not zero.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct CounterLine {
    pub(crate) name: String,
    pub(crate) of: String,
    pub(crate) total: u64,
    pub(crate) per_second: Option<f64>,
}

impl Scrape {
    /// Nothing yet.
    pub(crate) fn new(at: Nanos) -> Self {
        Self { at, ..Self::default() }
    }

    /// Adds the page of one process: lines of `name{labels} value`. Returns whether it is one of a
    /// server of Allot.
    pub(crate) fn add_page(&mut self, page: &str) -> bool {
        let mut is_of_server = false;
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Some(value) = value.parse().ok().filter(|value| is_count(*value)) else { continue };
            is_of_server |= name.starts_with(RECEIVED);
            let known = self.values.entry(name.to_owned()).or_insert(value);
            // Each process tells of its own disk, and the fullest one counts.
            *known = if name == JOURNAL_FREE_BYTES { known.min(value) } else { value };
        }
        is_of_server
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    fn counter(&self, label: &str, of: &str) -> Option<f64> {
        self.get(&format!("allot_{label}_total{{box=\"{of}\"}}"))
    }

    fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let from = self.values.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let values = from.take_while(move |(name, _)| name.starts_with(prefix));
        values.map(move |(name, value)| (&name[prefix.len()..], *value))
    }

    /// How many times of a stage lay below each edge, in ascending order of the edges.
    fn buckets(&self, of: &str, stage: &str) -> Vec<(f64, f64)> {
        let prefix = format!("{STAGES}_bucket{{box=\"{of}\",stage=\"{stage}\",le=\"");
        let edge = |text: &str| match text.trim_end_matches("\"}") {
            "+Inf" => Some(f64::INFINITY),
            text => text.parse().ok(),
        };
        let all = self.starting_with(&prefix);
        let mut buckets: Vec<_> =
            all.filter_map(|(text, count)| Some((edge(text)?, count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }

    /// The shards whose queue or counters are on some page.
    fn shards(&self) -> Vec<u32> {
        let ends = "\"}";
        let number = |text: &str| text.strip_suffix(ends).and_then(|text| text.parse().ok());
        let queue = format!("{QUEUE}{{shard=\"");
        let counters = "allot_inputs_applied_total{box=\"shard-";
        let mut shards: Vec<_> = self
            .starting_with(&queue)
            .chain(self.starting_with(counters))
            .filter_map(|(text, _)| number(text))
            .collect();
        shards.sort_unstable();
        shards.dedup();
        shards.truncate(SHARDS_SHOWN);
        shards
    }
}

/// The last scrapes: rates and times are those between the first and the last of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrapes(VecDeque<Scrape>);

impl Scrapes {
    /// One more. A server that was restarted counts from zero: what was before says nothing.
    pub(crate) fn add(&mut self, scrape: Scrape) {
        let is_older = |last: &Scrape| {
            let counters = scrape.values.iter().filter(|(name, _)| name.contains("_total"));
            counters.into_iter().any(|(name, now)| last.get(name).is_some_and(|then| *now < then))
        };
        if self.0.back().is_some_and(is_older) {
            self.0.clear();
        }
        self.0.push_back(scrape);
        if SCRAPES_KEPT < self.0.len() {
            self.0.pop_front();
        }
    }

    /// Whether there are two, so that there are rates.
    pub(crate) fn has_rates(&self) -> bool {
        1 < self.0.iter().filter(|scrape| !scrape.values.is_empty()).count()
    }

    /// Why a process said nothing at the last one.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.back()?.problems.first().cloned()
    }

    /// What they say.
    pub(crate) fn figures(&self) -> Figures {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return Figures::default();
        };
        let between = Between { first, last };
        let shards: Vec<_> = last.shards().into_iter().map(|shard| between.shard(shard)).collect();
        let sum = |of: fn(&ShardFigures) -> Option<f64>| shards.iter().filter_map(of).reduce(add);
        let slowest = |of: fn(&ShardFigures) -> Option<Quantiles>| {
            shards.iter().filter_map(of).max_by(|a, b| a.p99.total_cmp(&b.p99))
        };
        let queues = shards.iter().filter_map(|shard| shard.queue);
        Figures {
            inputs_per_second: sum(|shard| shard.inputs_per_second),
            answer_seconds: slowest(|shard| shard.answer_seconds),
            queue: queues.reduce(u64::saturating_add),
            fsync_seconds: slowest(|shard| shard.fsync_seconds),
            subscribers: last.get(SUBSCRIBERS).map(whole),
            pending_bytes: last.get(WAITING_BYTES).map(whole),
            drops: between.drops(),
            journal_free_bytes: last.get(JOURNAL_FREE_BYTES).map(whole),
            most_pending: last.subscribers.clone(),
            counters: between.counters(),
            problems: last.problems.clone(),
            shards,
        }
    }
}

/// Scrapes that one thread adds to and another reads.
#[derive(Default)]
pub(crate) struct Shared {
    scrapes: Mutex<Scrapes>,
    added: Condvar,
}

impl Shared {
    /// One more.
    pub(crate) fn add(&self, scrape: Scrape) {
        self.get().add(scrape);
        self.added.notify_all();
    }

    /// The scrapes, while nobody else reads them.
    pub(crate) fn get(&self) -> MutexGuard<'_, Scrapes> {
        self.scrapes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next one, but not for longer than this.
    pub(crate) fn wait(&self, patience: Duration) {
        // Whether it came or not, the caller looks.
        drop(self.added.wait_timeout(self.get(), patience));
    }
}

/// Two scrapes, which may be the same.
#[derive(Clone, Copy)]
struct Between<'a> {
    first: &'a Scrape,
    last: &'a Scrape,
}

impl Between<'_> {
    fn rate(self, name: &str) -> Option<f64> {
        let span = (self.last.at - self.first.at).as_secs_f64();
        let (then, now) = (self.first.get(name)?, self.last.get(name)?);
        (0.0 < span).then(|| (now - then) / span)
    }

    fn shard(self, shard: u32) -> ShardFigures {
        let of = format!("shard-{shard}");
        let rate = |label: &str| self.rate(&format!("allot_{label}_total{{box=\"{of}\"}}"));
        let level = |name: &str| self.last.get(&format!("{name}{{box=\"{of}\"}}")).map(whole);
        let durable = level(JOURNAL_DURABLE);
        let behind = level(JOURNAL_APPENDED).zip(durable);
        ShardFigures {
            shard,
            durable,
            behind: behind.map(|(appended, durable)| appended.saturating_sub(durable)),
            inputs_per_second: rate("inputs_applied"),
            rejected_per_second: rate("inputs_rejected"),
            queue: self.last.get(&format!("{QUEUE}{{shard=\"{shard}\"}}")).map(whole),
            allocate_seconds: self.times(&of, "allocate"),
            fsync_seconds: self.times(&of, "journal"),
            answer_seconds: self.answer(&of),
        }
    }

    /// The stages of the router and of one shard, added up; none before any was timed.
    fn answer(self, shard: &str) -> Option<Quantiles> {
        self.times(shard, "allocate")?;
        let stages = PATH
            .iter()
            .flat_map(|stage| ["router", shard].into_iter().filter_map(|of| self.times(of, stage)));
        stages.reduce(|a, b| Quantiles { p50: a.p50 + b.p50, p99: a.p99 + b.p99 })
    }

    /// How long a stage took since the first of the scrapes.
    fn times(self, of: &str, stage: &str) -> Option<Quantiles> {
        let then = self.first.buckets(of, stage);
        let mut now = self.last.buckets(of, stage);
        if self.first.at < self.last.at {
            for (bucket, (_, before)) in now.iter_mut().zip(&then) {
                bucket.1 -= before;
            }
        }
        Some(Quantiles { p50: quantile(&now, 0.5)?, p99: quantile(&now, 0.99)? })
    }

    fn drops(self) -> Option<u64> {
        let boxes = self.boxes();
        let each = DROPS
            .iter()
            .flat_map(|label| boxes.iter().filter_map(|of| self.last.counter(label, of)));
        each.reduce(add).map(whole)
    }

    fn boxes(self) -> Vec<String> {
        let all = self.last.starting_with(RECEIVED);
        all.map(|(name, _)| name.trim_end_matches("\"}").to_owned()).collect()
    }

    fn counters(self) -> Vec<CounterLine> {
        let all = self.last.values.iter().filter(|(_, total)| 0.0 < **total);
        let line = |(name, total): (&String, &f64)| {
            let (label, of) = name.strip_prefix("allot_")?.split_once("_total{box=\"")?;
            Some(CounterLine {
                name: label.to_owned(),
                of: of.trim_end_matches("\"}").to_owned(),
                total: whole(*total),
                per_second: self.rate(name),
            })
        };
        all.filter_map(line).collect()
    }
}

/// Where a share of the times lies, on a straight line between the edges of its bucket, as
/// Prometheus does; none without times.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let (_, all) = *buckets.last()?;
    if all <= 0.0 {
        return None;
    }
    let wanted = all * share;
    let place = buckets.iter().position(|(_, count)| wanted <= *count)?;
    let (low, below) = place.checked_sub(1).map_or((0.0, 0.0), |before| buckets[before]);
    let (high, count) = buckets[place];
    if high.is_infinite() {
        return Some(low);
    }
    let value = low + (high - low) * (wanted - below) / (count - below);
    is_count(value).then_some(value)
}

/// Why a process said nothing, in words.
fn said(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not reply in time".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "nothing listens there".to_owned()
        }
        ureq::Error::StatusCode(status) => format!("it replied with status {status}"),
        ureq::Error::BodyExceedsLimit(_) => {
            format!("its page is longer than {} MiB", SCRAPE_BYTES_MAX >> 20)
        }
        other => other.to_string(),
    }
}

/// Whether a value can be a count or a time.
const fn is_count(value: f64) -> bool {
    value.is_finite() && 0.0 <= value
}

const fn add(a: f64, b: f64) -> f64 {
    a + b
}

/// A count as a page has it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole, and `as` keeps those beyond the ends there"
)]
const fn whole(count: f64) -> u64 {
    count as u64
}

/// Asks the processes of a server for their pages.
pub(crate) struct Processes {
    /// Those that replied last come first.
    addresses: Mutex<Vec<SocketAddr>>,
    agent: ureq::Agent,
    patience: Duration,
}

impl Processes {
    /// Those at these addresses.
    pub(crate) fn new(addresses: &[SocketAddr], patience: Duration) -> Self {
        let agent = ureq::Agent::config_builder().proxy(None).build().into();
        Self { addresses: Mutex::new(addresses.to_vec()), agent, patience }
    }

    /// What they say now. Those that did not reply are asked last the next time; where others take
    /// too long, some are not asked at all.
    pub(crate) fn scrape(&self, clock: &Clock) -> Scrape {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        let mut scrape = Scrape::new(now);
        let (mut reached, mut unasked, mut away) = (Vec::new(), Vec::new(), Vec::new());
        let until = now + SCRAPE_IN_ALL;
        for address in addresses.iter().copied() {
            let left = (until - clock.now()).min(self.patience);
            if left.is_zero() {
                let problem = "others took too long to reply";
                scrape.problems.push(format!("no metrics from {address}: {problem}"));
                unasked.push(address);
                continue;
            }
            match self.get(address, "metrics", left) {
                Ok(page) if scrape.add_page(&page) => {}
                Ok(_) => {
                    let problem = "what replies there is no server of Allot";
                    scrape.problems.push(format!("no metrics from {address}: {problem}"));
                }
                Err(error) => {
                    let problem = said(&error);
                    scrape.problems.push(format!("no metrics from {address}: {problem}"));
                    away.push(address);
                    continue;
                }
            }
            reached.push(address);
            let told = self.get(address, "subscribers", left).unwrap_or_default();
            let told: Vec<Subscriber> = serde_json::from_str(&told).unwrap_or_default();
            scrape.subscribers.extend(told.into_iter().map(|told| Subscriber {
                peer: text::plain(&told.peer, PEER_SIGNS_MAX).replace(',', "·"),
                ..told
            }));
        }
        *addresses = [reached, unasked, away].concat();
        scrape
    }

    fn get(
        &self,
        address: SocketAddr,
        page: &str,
        patience: Duration,
    ) -> Result<String, ureq::Error> {
        let request = self.agent.get(format!("http://{address}/{page}"));
        let request = request.config().timeout_global(Some(patience)).build();
        let body = request.call()?.into_body();
        body.into_with_config().limit(SCRAPE_BYTES_MAX).read_to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(seconds: u64, page: &str) -> Scrape {
        let mut scrape = Scrape::new(Nanos::from_unix(seconds * 1_000_000_000));
        scrape.add_page(page);
        scrape
    }

    fn page(applied: u64, [low, middle, all]: [u64; 3]) -> String {
        let bucket = |le: &str, count: u64| {
            format!("{STAGES}_bucket{{box=\"shard-1\",stage=\"allocate\",le=\"{le}\"}} {count}\n")
        };
        let edges =
            [bucket("0.000001024", low), bucket("0.000002048", middle), bucket("+Inf", all)];
        format!(
            "# HELP x y\nallot_inputs_applied_total{{box=\"shard-1\"}} {applied}\n\
             allot_received_total{{box=\"router\"}} {applied}\n\
             allot_clients_dropped_total{{box=\"router\"}} 2\n\
             {QUEUE}{{shard=\"0\"}} 3\n{QUEUE}{{shard=\"1\"}} 4\n{SUBSCRIBERS} 5\n{}",
            edges.concat()
        )
    }

    #[test]
    fn rates_and_times_are_those_between_two_scrapes() {
        let mut scrapes = Scrapes::default();
        scrapes.add(scrape(10, &page(100, [10, 10, 10])));
        assert!(!scrapes.has_rates());
        scrapes.add(scrape(12, &page(300, [10, 110, 110])));
        let figures = scrapes.figures();
        assert_eq!(figures.inputs_per_second, Some(100.0));
        assert_eq!(
            (figures.queue, figures.subscribers, figures.drops),
            (Some(7), Some(5), Some(2))
        );
        let [first, second] = &figures.shards[..] else { panic!("{figures:?}") };
        assert_eq!((first.shard, first.inputs_per_second), (0, None));
        assert_eq!((second.shard, second.queue), (1, Some(4)));
        let times = second.allocate_seconds.unwrap();
        assert!((times.p50 - 1.536e-6).abs() < 1e-9, "{times:?}");
        assert!(figures.fsync_seconds.is_none(), "nothing was timed");
        let dropped = figures.counters.iter().find(|line| line.name == "clients_dropped").unwrap();
        assert_eq!(
            (dropped.of.as_str(), dropped.total, dropped.per_second),
            ("router", 2, Some(0.0))
        );
    }

    #[test]
    fn a_restarted_server_begins_anew() {
        let mut scrapes = Scrapes::default();
        scrapes.add(scrape(10, &page(100, [0; 3])));
        scrapes.add(scrape(11, &page(3, [0; 3])));
        assert!(!scrapes.has_rates());
        assert_eq!(scrapes.figures().inputs_per_second, None);
    }

    #[test]
    fn who_cannot_be_reached_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        let scrape = Processes::new(&[address], Duration::from_secs(5)).scrape(&Clock::system());
        assert!(scrape.problems[0].contains(&address.to_string()), "{scrape:?}");
    }
}
