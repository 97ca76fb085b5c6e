//! Fill follower: the fills of one source, from the feed of a running server, as trades.
//!
//! ```text
//!   fills: ──► number follows the last one of its ticker ──────────► trade
//!              number is beyond it, or a report has a later one ──► replay at the front door
//! ```
//!
//! A ticker counts its outcomes, of all sources: a number that is missing may be a fill of this
//! one. The journal has the last number of each ticker, so that a restart takes none twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use allot_allocation_rules::TickerSeq;
use allot_allocation_service::{Reply, Report, Topic, TopicName, decode_replies};
use allot_domain::{MessageId, Quantity, Side, SourceId, Ticker};
use allot_journal::state_hash;
use allot_mesh_rules::{Origin, Trade, TradeQuantity, Unix};
use allot_mesh_service::{Progress, SourceItem, TradeSource};
use allot_runtime::{Agent, CurveKey, Nanos, Waker};
use allot_wire::Encoding;
use anyhow::Result;

use crate::feed_reader::FeedReader;
use crate::history_reader::HistoryReader;

/// Trades that wait for the peer; then the follower waits, and the feed with it.
const TRADES_MAX: usize = 1_024;
/// How long the follower looks at the feed before it looks whether it must end.
const LOOK: Duration = Duration::from_millis(200);
/// Fills that are remembered so that one of them can be taken back.
const FILLS_MAX: usize = 65_536;
/// Nano-units of a share.
const SHARE: i128 = 1_000_000_000;

/// What is followed.
pub(super) struct FollowSettings {
    /// Where a server publishes.
    pub(super) publish: String,
    /// The key of that feed, if it encrypts.
    pub(super) key: Option<CurveKey>,
    /// Whose fills.
    pub(super) source: SourceId,
    /// Its front door, which has what the feed has not, and its key if it encrypts.
    pub(super) front: Option<(String, Option<CurveKey>)>,
}

/// The feed, on a thread that may wait.
pub(super) struct FillFollower {
    reader: FeedReader,
    history: Option<HistoryReader>,
    source: SourceId,
    /// The last outcome of each ticker, by its number.
    last: BTreeMap<Ticker, TickerSeq>,
    /// The last that the journal has, by stream, until its ticker is seen.
    before: BTreeMap<u64, u64>,
    fills: BTreeMap<(Ticker, MessageId), i128>,
    oldest: VecDeque<(Ticker, MessageId)>,
    sender: SyncSender<SourceItem>,
    waker: Waker,
    counts: Arc<Counts>,
    /// A report is to be asked for: it says which tickers there are.
    wants_report: bool,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counts {
    missed: AtomicU64,
    repaired: AtomicU64,
    busts_unknown: AtomicU64,
}

/// The peer's end.
pub(super) struct FollowedFills {
    receiver: Receiver<SourceItem>,
    counts: Arc<Counts>,
}

impl FollowSettings {
    /// The follower, and what it gives to the peer on the thread of this waker.
    pub(super) fn connect(
        self,
        progress: &Progress,
        waker: &Waker,
    ) -> Result<(FillFollower, FollowedFills)> {
        let fills = format!("{}{}:", Topic::FILLS, Encoding::Binary);
        let reports = Topic::Positions(Encoding::Binary).to_string();
        let reader = FeedReader::connect(&self.publish, self.key, &[&fills, &reports])?.mended();
        let history = self.front.map(|(front, key)| HistoryReader::connect(&front, key));
        tracing::info!(
            "follows the fills of {} that {} publishes, as they come",
            self.source,
            self.publish
        );
        let (sender, receiver) = sync_channel(TRADES_MAX);
        let counts = Arc::<Counts>::default();
        let follower = FillFollower {
            reader,
            history: history.transpose()?,
            source: self.source,
            last: BTreeMap::new(),
            before: progress.streams.clone(),
            fills: BTreeMap::new(),
            oldest: VecDeque::new(),
            sender,
            waker: waker.clone(),
            counts: Arc::clone(&counts),
            wants_report: true,
        };
        Ok((follower, FollowedFills { receiver, counts }))
    }
}

/// The number under which the journal knows a ticker.
fn stream(ticker: &Ticker) -> u64 {
    let hash = state_hash(ticker.as_bytes()).to_le_bytes();
    let (halves, _) = hash.as_chunks::<8>();
    u64::from_le_bytes(halves[0])
}

impl FillFollower {
    /// The last outcome of a ticker that was looked at; none if this one is new. With a history
    /// that is everything that is kept of it.
    fn last(&self, ticker: &Ticker) -> Option<TickerSeq> {
        let known = self.last.get(ticker).copied();
        let before = || self.before.get(&stream(ticker)).copied().map(TickerSeq::new);
        known.or_else(before).or_else(|| self.history.is_some().then_some(TickerSeq::ZERO))
    }

    /// An outcome of this number, which is on the feed.
    fn take_fill(&mut self, ticker: Ticker, number: TickerSeq, body: &[u8]) {
        let last = self.last(&ticker);
        if last.is_none() && 1 < number.get() {
            self.name_earlier(&ticker, TickerSeq::new(number.get() - 1));
        }
        if last.is_some_and(|last| number <= last) {
            return;
        }
        // What comes before it is asked for; else both are, when a report shows the gap.
        if let Some(last) = last
            && last.next() < number
            && !self.repair(ticker, last, number)
        {
            return;
        }
        // The history goes as far as the server has come, and has this one already.
        if self.last(&ticker).is_some_and(|last| number <= last) {
            return;
        }
        let mut replies = Vec::new();
        if let Err(error) = decode_replies(body, &mut replies) {
            tracing::error!(%ticker, %number, "cannot read a fill: {error}");
        }
        replies.iter().for_each(|reply| self.take(&ticker, number, reply));
        self.last.insert(ticker, number);
    }

    /// A report says how many outcomes each ticker had: the last of one may be lost, and no other
    /// follow it.
    fn take_report(&mut self, body: &[u8]) {
        let Ok(report) = Report::decode(body) else {
            return tracing::error!("cannot read a report; does the server run this version?");
        };
        for (ticker, number) in report.sequences {
            match self.last(&ticker) {
                Some(last) if last < number => drop(self.repair(ticker, last, number.next())),
                Some(_) => {}
                // It is followed from here on.
                None => {
                    if number != TickerSeq::ZERO {
                        self.name_earlier(&ticker, number);
                    }
                    self.last.insert(ticker, number);
                }
            }
        }
    }

    /// Asks for the outcomes between two numbers, or says that they are missed; false if nobody
    /// can tell yet.
    fn repair(&mut self, ticker: Ticker, last: TickerSeq, before: TickerSeq) -> bool {
        let mut next = last.next();
        while next < before {
            let Some(history) = &mut self.history else { break };
            match history.ask(&ticker, next) {
                Ok(page) => {
                    if next < page.from {
                        self.miss(&ticker, next, page.from);
                        next = page.from;
                    }
                    if page.fills.is_empty() {
                        break;
                    }
                    for reply in &page.fills {
                        self.take(&ticker, next, reply);
                        self.last.insert(ticker, next);
                        self.counts.repaired.fetch_add(1, Ordering::Relaxed);
                        next = next.next();
                    }
                }
                // The next report shows the gap again.
                Err(error) => {
                    tracing::warn!("cannot repair a gap of {ticker}: {error:#}");
                    return false;
                }
            }
        }
        if next < before {
            self.miss(&ticker, next, before);
            self.last.insert(ticker, TickerSeq::new(before.get() - 1));
        }
        true
    }

    /// Without a front door nobody can ask for what came before.
    fn name_earlier(&self, ticker: &Ticker, last: TickerSeq) {
        tracing::warn!(
            "{ticker} is followed from its outcome {} on: any fills of {} among those before it do \
             not count; give --front FRONT, so that they are asked for",
            last.next(),
            self.source
        );
    }

    fn miss(&self, ticker: &Ticker, from: TickerSeq, to: TickerSeq) {
        let (count, last) = (to.get() - from.get(), to.get() - 1);
        self.counts.missed.fetch_add(count, Ordering::Relaxed);
        let remedy = match self.history {
            Some(_) => "the server has forgotten them",
            None => "give --front FRONT, so that they are asked for",
        };
        tracing::error!(
            "missed the outcomes {from} to {last} of {ticker}, and any of {} among them: {remedy}",
            self.source
        );
    }

    /// An outcome, if it is one of the source.
    fn take(&mut self, ticker: &Ticker, number: TickerSeq, reply: &Reply) {
        if reply.source() != self.source.as_str() {
            return;
        }
        let (quantity, time) = match reply {
            Reply::Allocated { id, side, quantity, time_ns, .. } => {
                let signed = signed(*side, *quantity);
                self.remember(ticker, *id, signed);
                (signed, *time_ns)
            }
            Reply::Busted { of, time_ns, .. } => match self.quantity_of(ticker, *of, number) {
                Some(signed) => (-signed, *time_ns),
                None => {
                    self.counts.busts_unknown.fetch_add(1, Ordering::Relaxed);
                    let remedy = match self.history {
                        Some(_) => "the server did not show it: correct the position by hand",
                        None => {
                            "correct the position by hand, and give --front FRONT, so that the \
                             next one is asked for"
                        }
                    };
                    return tracing::error!(
                        "{} has taken back its fill {of} of {ticker}, which this process has not \
                         seen; {remedy}",
                        self.source
                    );
                }
            },
            _ => return,
        };
        let Some(quantity) = quantity.checked_mul(SHARE).and_then(TradeQuantity::from_nanos) else {
            return tracing::error!("a fill of {quantity} {ticker} is too large");
        };
        let origin = Origin::Fill { stream: stream(ticker), sequence: number.get() };
        let time = (0 < time).then(|| Unix::new(time));
        let trade = Trade { symbol: *ticker, quantity, time, origin };
        // It fails when the peer has ended: then this ends too.
        let _ = self.sender.send(SourceItem::Trade(trade));
        self.waker.wake();
    }

    /// The quantity of an earlier fill of the source. One that came before this process started is
    /// asked for at the front door.
    fn quantity_of(&mut self, ticker: &Ticker, id: MessageId, bust: TickerSeq) -> Option<i128> {
        let known = self.fills.get(&(*ticker, id)).copied();
        known.or_else(|| self.look_back(ticker, id, bust))
    }

    /// Looks for a fill among all earlier outcomes of its ticker that the server keeps.
    fn look_back(&mut self, ticker: &Ticker, id: MessageId, before: TickerSeq) -> Option<i128> {
        let history = self.history.as_mut()?;
        let mut next = TickerSeq::ZERO.next();
        while next < before {
            let page = history.ask(ticker, next);
            let page = page.inspect_err(|error| {
                tracing::warn!("cannot look for fill {id} of {ticker}: {error:#}");
            });
            let page = page.ok().filter(|page| !page.fills.is_empty())?;
            let is_it = |reply: &&Reply| reply.source() == self.source.as_str();
            for reply in page.fills.iter().filter(is_it) {
                if let Reply::Allocated { id: found, side, quantity, .. } = reply
                    && *found == id
                {
                    return Some(signed(*side, *quantity));
                }
            }
            next = page.fills.iter().fold(page.from, |next, _| next.next());
        }
        None
    }

    fn remember(&mut self, ticker: &Ticker, id: MessageId, signed: i128) {
        if FILLS_MAX <= self.oldest.len()
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.fills.remove(&oldest);
        }
        self.fills.insert((*ticker, id), signed);
        self.oldest.push_back((*ticker, id));
    }
}

/// The shares of a fill; those of a sale are below zero.
fn signed(side: Side, quantity: Quantity) -> i128 {
    let shares = i128::from(quantity.get());
    if side == Side::Sell { -shares } else { shares }
}

impl Agent for FillFollower {
    fn role(&self) -> &'static str {
        "follow"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if self.wants_report {
            // The next one may be long in coming.
            self.wants_report = self.history.as_mut().is_some_and(|front| !front.want_report());
        }
        if let Some(publication) = self.reader.next(LOOK) {
            match TopicName::parse(&publication.topic) {
                Some(TopicName::Fills(ticker, _)) => {
                    let number = TickerSeq::new(publication.sequence);
                    self.take_fill(ticker, number, &publication.body);
                }
                Some(TopicName::Positions(_)) => self.take_report(&publication.body),
                _ => {}
            }
        }
        // It waits above, and not in its thread's sleep.
        1
    }
}

impl TradeSource for FollowedFills {
    fn next(&mut self) -> Option<SourceItem> {
        self.receiver.try_recv().ok()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let Counts { missed, repaired, busts_unknown } = &*self.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        vec![
            ("fills_missed", get(missed)),
            ("fills_repaired", get(repaired)),
            ("busts_unknown", get(busts_unknown)),
        ]
    }
}
