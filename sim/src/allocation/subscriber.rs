//! The subscriber: follows fills, loses some on purpose, and resynchronises from reports.
//!
//! It knows what `docs/WIRE.md` says and no more: on a topic of fills, consecutive numbers mean
//! that nothing was lost. After a gap it takes the positions of a ticker from the next report whose
//! cut is later than the last fill of that ticker that it received: such a report contains every
//! fill it has received.

use std::collections::BTreeMap;

use allot_allocation_service::{AccountStatement, Reply, Report, TopicName, decode_replies};
use allot_domain::{AccountId, MessageId, Side, Ticker, TopicSeq};
use allot_runtime::{BroadcastListener, Nanos, Publication};
use allot_wire::{Encoding, Heartbeat};

use super::tally::Tally;
use crate::engine::PlantedBug;
use crate::engine::prng::Prng;
use crate::engine::violation::{Violation, ensure};

/// Where and when a fill was received.
#[derive(Clone, Copy)]
struct Arrival {
    ticker: Ticker,
    sequence: TopicSeq,
    now: Nanos,
}

/// A subscriber to fills, positions, one account and heartbeats.
pub struct Subscriber {
    encoding: Encoding,
    lose_percent: u64,
    planted_bug: Option<PlantedBug>,
    listener: Option<BroadcastListener>,
    rows: BTreeMap<Ticker, Row>,
    /// The sides of fills, for when they are busted.
    sides: BTreeMap<(String, Ticker, MessageId), Side>,
    /// The last number of each topic of whole reports.
    last: BTreeMap<Vec<u8>, TopicSeq>,
    /// How many numbers the planted bug has hidden.
    hidden: BTreeMap<Ticker, u64>,
    /// Published fills, to be found in the journals.
    pub fills: Vec<Reply>,
    /// All reports.
    pub reports: Vec<Report>,
    /// The statements of single accounts.
    pub statements: Vec<AccountStatement>,
}

/// What the subscriber knows of a ticker.
#[derive(Clone, Debug, Default)]
struct Row {
    holdings: BTreeMap<AccountId, i128>,
    /// No fill is missing.
    is_complete: bool,
    /// The last number of the topic in this incarnation of the publisher.
    last: TopicSeq,
    /// When it was received.
    received_at: Nanos,
    /// A report disagreed, so the next fill must show a gap.
    must_show_gap: bool,
}

impl Subscriber {
    /// A subscriber to a publisher that has not started.
    #[must_use]
    pub fn new(encoding: Encoding, lose_percent: u64, planted_bug: Option<PlantedBug>) -> Self {
        Self {
            encoding,
            lose_percent,
            planted_bug,
            listener: None,
            rows: BTreeMap::new(),
            sides: BTreeMap::new(),
            last: BTreeMap::new(),
            hidden: BTreeMap::new(),
            fills: Vec::new(),
            reports: Vec::new(),
            statements: Vec::new(),
        }
    }

    /// The publisher has started; or, with `None`, it has ended.
    pub fn connect(&mut self, listener: Option<BroadcastListener>) {
        if let Some(listener) = &listener {
            let encoding = self.encoding.name();
            listener.subscribe(b"fills:");
            listener.subscribe(b"heartbeat:");
            listener.subscribe(b"account:json:account1:");
            listener.subscribe(format!("positions:{encoding}").as_bytes());
        }
        self.listener = listener;
        self.last.clear();
        self.hidden.clear();
        for row in self.rows.values_mut() {
            *row = Row { holdings: std::mem::take(&mut row.holdings), ..Row::default() };
        }
    }

    /// From now on nothing is lost on purpose.
    pub const fn end_faults(&mut self) {
        self.lose_percent = 0;
    }

    /// Receives what was published.
    ///
    /// # Errors
    /// A loss that shows no gap, or a publication that cannot be read.
    pub fn step(
        &mut self,
        now: Nanos,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> Result<usize, Violation> {
        let mut count = 0;
        while let Some(publication) = self.listener.as_ref().and_then(BroadcastListener::receive) {
            count += 1;
            if prng.percent(self.lose_percent) {
                tally.publications_lost += 1;
                continue;
            }
            tally.publications += 1;
            self.take(&publication, now, prng, tally)?;
        }
        Ok(count)
    }

    fn take(
        &mut self,
        publication: &Publication,
        now: Nanos,
        prng: &mut Prng,
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let Publication { topic, sequence, body } = publication;
        let unread = |error| Violation::new("P9", format!("an unreadable publication: {error}"));
        match TopicName::parse(topic) {
            Some(TopicName::Fills(ticker, encoding)) if encoding == self.encoding => {
                let mut replies = Vec::new();
                decode_replies(body, &mut replies).map_err(unread)?;
                let hides = self.planted_bug == Some(PlantedBug::SilentLoss) && prng.one_in(100);
                let hidden = self.hidden.entry(ticker).or_default();
                *hidden += u64::from(hides);
                let sequence = TopicSeq::new(*sequence - *hidden);
                if hides {
                    return Ok(());
                }
                let arrival = Arrival { ticker, sequence, now };
                replies.into_iter().try_for_each(|reply| self.take_fill(arrival, reply, tally))
            }
            Some(TopicName::Positions(_)) => {
                let report = Report::decode(body).map_err(unread)?;
                self.follow(topic, TopicSeq::new(*sequence), tally)?;
                self.take_report(report, tally);
                Ok(())
            }
            Some(TopicName::Account(..)) => {
                self.follow(topic, TopicSeq::new(*sequence), tally)?;
                self.statements.push(Report::decode_account(body).map_err(unread)?);
                Ok(())
            }
            Some(TopicName::Heartbeat) => Heartbeat::decode(body).map(|_| ()).map_err(unread),
            Some(TopicName::Fills(..)) => Ok(()),
            None => Err(Violation::new("P9", format!("an unknown topic: {topic:?}"))),
        }
    }

    /// On a topic of whole reports numbers never decrease.
    fn follow(
        &mut self,
        topic: &[u8],
        sequence: TopicSeq,
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let last = self.last.entry(topic.to_vec()).or_default();
        ensure(*last <= sequence, "P9", || format!("number {sequence} came after {last}"))?;
        tally.gaps += u64::from(TopicSeq::default() < *last && last.next() < sequence);
        *last = sequence;
        Ok(())
    }

    fn take_fill(
        &mut self,
        arrival: Arrival,
        reply: Reply,
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let Arrival { ticker, sequence, now } = arrival;
        let row = self.rows.entry(ticker).or_default();
        ensure(row.last < sequence, "P9", || {
            format!("fill {sequence} of {ticker} came after {}", row.last)
        })?;
        let is_next = sequence == row.last.next();
        ensure(!(row.must_show_gap && is_next), "P9", || {
            format!("a fill of {ticker} was lost, and number {sequence} shows no gap: {reply:?}")
        })?;
        tally.gaps += u64::from(!is_next);
        row.is_complete &= is_next;
        row.last = sequence;
        row.must_show_gap = false;
        row.received_at = now;
        self.apply(ticker, &reply);
        self.fills.push(reply);
        Ok(())
    }

    fn apply(&mut self, ticker: Ticker, reply: &Reply) {
        let (buys, shares) = match reply {
            Reply::Allocated { source, id, side, shares, .. } => {
                self.sides.insert((source.clone(), ticker, *id), *side);
                (Some(*side == Side::Buy), shares)
            }
            Reply::Busted { source, of, shares, .. } => {
                let side = self.sides.get(&(source.clone(), ticker, *of));
                (side.map(|side| *side == Side::Sell), shares)
            }
            _ => return,
        };
        let row = self.rows.entry(ticker).or_default();
        // The bust of a fill that it never received: whether that was a buy is unknown.
        row.is_complete &= buys.is_some() || shares.is_empty();
        for (account, quantity) in shares {
            let quantity = i128::from(*quantity);
            let held = row.holdings.entry(*account).or_default();
            *held += if buys == Some(true) { quantity } else { -quantity };
        }
        row.holdings.retain(|_, held| *held != 0);
    }

    fn take_report(&mut self, report: Report, tally: &mut Tally) {
        for (ticker, row) in &mut self.rows {
            let is_clean = row.received_at.as_unix() < report.time_ns;
            // Before the first fill of a ticker it cannot know whether it is subscribed yet.
            if !is_clean || row.last == TopicSeq::default() {
                continue;
            }
            let holdings = holdings(&report, ticker);
            if row.is_complete {
                row.must_show_gap |= row.holdings != holdings;
            } else {
                tally.resynchronised += 1;
            }
            (row.holdings, row.is_complete) = (holdings, true);
        }
        let is_new = |last: &Report| (last.report, last.time_ns) != (report.report, report.time_ns);
        if self.reports.last().is_none_or(is_new) {
            self.reports.push(report);
        }
    }

    /// Whether every ticker that it follows is complete and as the last report has it.
    ///
    /// # Errors
    /// The first ticker that is complete and different.
    pub fn check_synchronised(&self) -> Result<bool, Violation> {
        let Some(report) = self.reports.last() else { return Ok(false) };
        for (ticker, row) in self.rows.iter().filter(|(_, row)| row.is_complete) {
            let reported = holdings(report, ticker);
            // A repeat of a fill that was rejected may be allocated after the report.
            let is_later = report.time_ns <= row.received_at.as_unix();
            if is_later && row.holdings != reported {
                return Ok(false);
            }
            ensure(row.holdings == reported, "P9", || {
                let held = &row.holdings;
                format!("{ticker}: the subscriber has {held:?}, the report {reported:?}")
            })?;
        }
        Ok(self.rows.values().all(|row| row.is_complete || row.last == TopicSeq::default()))
    }
}

/// The holdings of a ticker in a report.
fn holdings(report: &Report, ticker: &Ticker) -> BTreeMap<AccountId, i128> {
    let held = report.accounts.iter().flat_map(|account| {
        let of_ticker = account.positions.iter().filter(|position| position.ticker == *ticker);
        of_ticker.map(|position| (account.id, i128::from(position.quantity)))
    });
    held.filter(|(_, quantity)| *quantity != 0).collect()
}
