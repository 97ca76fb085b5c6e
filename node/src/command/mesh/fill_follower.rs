//! Fill follower: the fills of one source, from the feed of a running server, as trades.
//!
//! ```text
//!   fills: ──► number follows the last one of its ticker ──────────► trade
//!              number is beyond it, or a report has a later one ──► replay at the front door
//! ```
//!
//! A ticker counts its outcomes, of all sources: a number that is missing may be a fill of this
//! one. The journal has the last number of each ticker, so that a restart takes none twice.
//!
//! While the front door does not reply, a ticker of which something is missing waits: what the feed
//! brings of it does not count before what is missing. The other tickers go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
use allot_runtime::{Agent, Clock, CurveKey, Nanos, Waker};
use allot_wire::Encoding;
use anyhow::{Error, Result, ensure};

use crate::feed_reader::FeedReader;
use crate::history_reader::{HistoryReader, Page};

/// Trades that wait for the peer; then the follower waits, and the feed with it.
const TRADES_MAX: usize = 1_024;
/// How long the follower looks at the feed before it looks whether it must end.
const LOOK: Duration = Duration::from_millis(200);
/// Fills that are remembered so that one of them can be taken back.
const FILLS_MAX: usize = 65_536;
/// How long a front door that did not reply is not asked: other tickers are not to wait for it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long it may take until there is a connection to it at the start.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// So many outcomes of other sources, and none of the one that is followed, are told of.
const OTHERS_TOLD: u32 = 100;
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
    clock: Clock,
    /// When this began.
    began: Option<Nanos>,
    /// How many outcomes of other sources there were before the first of this one.
    others: Option<u32>,
    /// The tickers of which something is missing that the front door did not give yet.
    waiting: BTreeSet<Ticker>,
    /// When it is asked again.
    ask_at: Nanos,
}

/// Something is to be asked for that the front door does not give now.
struct NotYet;

/// What is counted.
#[derive(Debug, Default)]
struct Counts {
    missed: AtomicU64,
    repaired: AtomicU64,
    busts_unknown: AtomicU64,
    tickers_waiting: AtomicU64,
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
        let history = self.front.map(|(front, key)| HistoryReader::connect_briefly(&front, key));
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
            clock: Clock::system(),
            began: None,
            others: Some(0),
            waiting: BTreeSet::new(),
            ask_at: Nanos::ZERO,
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
            && self.repair(ticker, last, number).is_err()
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
        if replies.iter().all(|reply| self.take(&ticker, number, reply).is_ok()) {
            self.last.insert(ticker, number);
        }
    }

    /// A report says how many outcomes each ticker had: the last of one may be lost, and no other
    /// follow it.
    fn take_report(&mut self, body: &[u8]) {
        let Ok(report) = Report::decode(body) else {
            return tracing::error!("cannot read a report; does the server run this version?");
        };
        for (ticker, number) in report.sequences {
            match self.last(&ticker) {
                Some(last) if last < number => {
                    // The next report shows the gap again.
                    let _ = self.repair(ticker, last, number.next());
                }
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

    /// Asks for the outcomes between two numbers, or says that they are missed.
    fn repair(&mut self, ticker: Ticker, last: TickerSeq, before: TickerSeq) -> Result<(), NotYet> {
        let mut next = last.next();
        while next < before && self.history.is_some() {
            let known = TickerSeq::new(before.get() - 1);
            let page = self.ask(&ticker, next, known)?;
            if next < page.from {
                self.miss(&ticker, next, page.from);
                next = page.from;
            }
            if page.fills.is_empty() {
                break;
            }
            for reply in &page.fills {
                self.take(&ticker, next, reply)?;
                self.last.insert(ticker, next);
                self.counts.repaired.fetch_add(1, Ordering::Relaxed);
                next = next.next();
            }
        }
        if next < before {
            self.miss(&ticker, next, before);
            self.last.insert(ticker, TickerSeq::new(before.get() - 1));
        }
        if self.waiting.remove(&ticker) {
            tracing::info!("the fills of {} in {ticker} count again", self.source);
            self.count_waiting();
        }
        Ok(())
    }

    /// Asks the front door, which there is, for outcomes of a ticker, of which the feed has had
    /// this one.
    fn ask(&mut self, ticker: &Ticker, from: TickerSeq, known: TickerSeq) -> Result<Page, NotYet> {
        if self.clock.now() < self.ask_at {
            self.wait(ticker, None);
            return Err(NotYet);
        }
        let history = self.history.as_mut().expect("there is a front door");
        let page = history.ask(ticker, from).and_then(|page| {
            // Whoever publishes an outcome has it.
            let known = known.get();
            ensure!(
                known <= page.last.get(),
                "the front door has {} outcomes of it, and the feed has had {known}: they are of \
                 two servers; correct --front or --follow",
                page.last
            );
            Ok(page)
        });
        page.map_err(|error| {
            // It took a while.
            self.ask_at = self.clock.now() + ASK_AGAIN;
            self.wait(ticker, Some(&error));
            NotYet
        })
    }

    /// A ticker waits, which is said once.
    fn wait(&mut self, ticker: &Ticker, why: Option<&Error>) {
        if self.waiting.insert(*ticker) {
            let why = why.map_or_else(String::new, |error| format!(": {error:#}"));
            tracing::error!(
                "fills of {} in {ticker} are missing, and those after them do not count before the \
                 front door gives them{why}",
                self.source
            );
            self.count_waiting();
        }
    }

    fn count_waiting(&self) {
        self.counts.tickers_waiting.store(self.waiting.len() as u64, Ordering::Relaxed);
    }

    /// Says once at the start that there is no front door, whatever is missing then.
    fn expect_front(&mut self, now: Nanos) {
        let began = *self.began.get_or_insert(now);
        let is_late = self.wants_report && began != Nanos::MAX && began + CONNECT_WITHIN <= now;
        if let Some(history) = self.history.as_ref().filter(|_| is_late) {
            self.began = Some(Nanos::MAX);
            if let Some(why) = history.why_no_door() {
                tracing::error!(
                    "fills of {} that the feed does not bring are not asked for: {why}",
                    self.source
                );
            }
        }
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
    fn take(&mut self, ticker: &Ticker, number: TickerSeq, reply: &Reply) -> Result<(), NotYet> {
        if reply.source() != self.source.as_str() {
            self.note_another();
            return Ok(());
        }
        self.others = None;
        let (quantity, time) = match reply {
            Reply::Allocated { id, side, quantity, time_ns, .. } => {
                let signed = signed(*side, *quantity);
                self.remember(ticker, *id, signed);
                (signed, *time_ns)
            }
            Reply::Busted { of, time_ns, .. } => match self.quantity_of(ticker, *of, number)? {
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
                    tracing::error!(
                        "{} has taken back its fill {of} of {ticker}, which this process has not \
                         seen; {remedy}",
                        self.source
                    );
                    return Ok(());
                }
            },
            _ => return Ok(()),
        };
        let Some(quantity) = quantity.checked_mul(SHARE).and_then(TradeQuantity::from_nanos) else {
            tracing::error!("a fill of {quantity} {ticker} is too large");
            return Ok(());
        };
        let origin = Origin::Fill { stream: stream(ticker), sequence: number.get() };
        let time = (0 < time).then(|| Unix::new(time));
        let trade = Trade { symbol: *ticker, quantity, time, origin };
        // It fails when the peer has ended: then this ends too.
        let _ = self.sender.send(SourceItem::Trade(trade));
        self.waker.wake();
        Ok(())
    }

    /// Where there is much of others and nothing of the source, its name may be mistyped.
    fn note_another(&mut self) {
        let Some(others) = &mut self.others else { return };
        *others += 1;
        if *others == OTHERS_TOLD {
            self.others = None;
            let source = self.source;
            tracing::warn!("of {OTHERS_TOLD} outcomes none is of {source}: is the name right?");
        }
    }

    /// The quantity of an earlier fill of the source. One that came before this process started is
    /// asked for at the front door.
    fn quantity_of(
        &mut self,
        ticker: &Ticker,
        id: MessageId,
        bust: TickerSeq,
    ) -> Result<Option<i128>, NotYet> {
        match self.fills.get(&(*ticker, id)).copied() {
            None if self.history.is_some() => self.look_back(ticker, id, bust),
            known => Ok(known),
        }
    }

    /// Looks for a fill among all earlier outcomes of its ticker that the server keeps.
    fn look_back(
        &mut self,
        ticker: &Ticker,
        id: MessageId,
        before: TickerSeq,
    ) -> Result<Option<i128>, NotYet> {
        let mut next = TickerSeq::ZERO.next();
        while next < before {
            let page = self.ask(ticker, next, before)?;
            if page.fills.is_empty() {
                break;
            }
            let is_it = |reply: &&Reply| reply.source() == self.source.as_str();
            for reply in page.fills.iter().filter(is_it) {
                if let Reply::Allocated { id: found, side, quantity, .. } = reply
                    && *found == id
                {
                    return Ok(Some(signed(*side, *quantity)));
                }
            }
            next = page.fills.iter().fold(page.from, |next, _| next.next());
        }
        Ok(None)
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

    fn do_work(&mut self, now: Nanos) -> usize {
        if self.wants_report {
            // The next one may be long in coming.
            self.wants_report = self.history.as_mut().is_some_and(|front| !front.want_report());
            self.expect_front(now);
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
        let Counts { missed, repaired, busts_unknown, tickers_waiting } = &*self.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        vec![
            ("fills_missed", get(missed)),
            ("fills_repaired", get(repaired)),
            ("busts_unknown", get(busts_unknown)),
            ("tickers_waiting", get(tickers_waiting)),
        ]
    }
}
