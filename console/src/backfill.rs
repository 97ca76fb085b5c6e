//! The backfill: the latest fills from before the console began, fetched from the front door.
//!
//! The first report says which tickers there are. Each is replayed from its newest outcome
//! backwards, as long as what comes is among the latest of all tickers; so what is kept meanwhile
//! is bounded, whatever the firm has. Then it goes before what the feed gave. So do the first fills
//! of a ticker that came between that report and the first that the feed gave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allot_allocation_rules::{Replay, TickerSeq};
use allot_allocation_service::{Reply, Request};
use allot_domain::{Seq, SourceId, Ticker};
use tokio::time::sleep;

use crate::app::App;
use crate::board::Known;
use crate::fill_log::FillLine;
use crate::limits::{
    BACKFILL_AGAIN, EARLIER_FILLS, FILL_BYTES_MAX, LOOK_EVERY, REPLAYED_MAX, REPLAYED_SHARES_MAX,
    REPLAYS_MAX,
};
use crate::look_up::look_up;
use crate::past::{Past, Reach};
use crate::picture::Picture;

/// Under which name it asks.
const SOURCE: &[u8] = b"console-replay";

/// What was fetched.
struct Fetched {
    /// Of which epoch of the board.
    epoch: u64,
    /// The tickers that have nothing left to fetch.
    tickers: BTreeSet<Ticker>,
}

/// Fetches at the first report, and anew where what is known was dropped; and what a later report
/// shows of other tickers, until the console ends.
pub(crate) async fn run(app: Arc<App>, most: usize) {
    let mut changes = app.board.changes();
    let mut fetched: Option<Fetched> = None;
    // The last report of which nothing is left to fetch: there is one for many fills.
    let mut done: Option<Arc<Picture>> = None;
    loop {
        let (picture, epoch) = {
            let known = app.board.known();
            (known.picture.clone(), known.epoch)
        };
        let is_due = |picture: &Arc<Picture>| {
            let is_other = |fetched: &Fetched| fetched.epoch != epoch;
            fetched.as_ref().is_none_or(is_other)
                || done.as_ref().is_none_or(|done| !Arc::ptr_eq(done, picture))
                    && !wanted(&app, picture, fetched.as_ref()).is_empty()
        };
        let Some(picture) = picture.clone().filter(is_due) else {
            done = picture;
            if changes.changed().await.is_err() {
                return;
            }
            sleep(LOOK_EVERY).await;
            continue;
        };
        let before = fetched.take_if(|fetched| fetched.epoch == epoch);
        let tickers = wanted(&app, &picture, before.as_ref());
        let is_first = before.is_none();
        if is_first {
            app.board.known().past = Past::Reading;
        }
        // What came after the first report is not from before the console began: all of it is
        // fetched, as far as there is room.
        let most = if is_first { most } else { EARLIER_FILLS };
        match fetch(&app, &picture, &tickers, most).await {
            Ok(collected) => {
                merge(&mut app.board.known(), epoch, collected, is_first);
                let mut all = before.map_or_else(BTreeSet::new, |before| before.tickers);
                all.extend(tickers.into_iter().map(|(ticker, _)| ticker));
                fetched = Some(Fetched { epoch, tickers: all });
                app.board.tell_fills();
            }
            Err(reason) => {
                tracing::warn!("cannot fetch earlier fills, and will try again: {reason}");
                fetched = before;
                if is_first {
                    app.board.known().past = Past::Failed(reason);
                }
                app.board.tell_fills();
                sleep(BACKFILL_AGAIN).await;
            }
        }
    }
}

/// The tickers that a report has and whose outcomes were not fetched, each with how many it had.
/// At first these are all; then one whose first outcomes came before the feed gave any of it.
fn wanted(app: &App, picture: &Picture, fetched: Option<&Fetched>) -> Vec<(Ticker, u64)> {
    let known = app.board.known();
    let is_wanted = |ticker: &Ticker| match fetched {
        None => true,
        Some(fetched) => {
            let is_whole = known.fills.heard(ticker).is_some_and(|heard| heard.first == 1);
            !is_whole && !fetched.tickers.contains(ticker)
        }
    };
    let all = picture.sequences.iter().filter(|(ticker, _)| is_wanted(ticker));
    all.map(|(ticker, last)| (*ticker, last.get())).collect()
}

/// The latest fills of these tickers.
async fn fetch(
    app: &App,
    picture: &Picture,
    tickers: &[(Ticker, u64)],
    most: usize,
) -> Result<Collected, String> {
    let source = SourceId::new(SOURCE).expect("the name is valid");
    let seq = Seq::new(app.board.clock.now().as_unix());
    let per_page = (REPLAYED_SHARES_MAX / picture.accounts.len().max(1)).clamp(1, REPLAYED_MAX);
    let page = u64::try_from(per_page).expect("it is small");
    let mut asker = Asker { app, source, seq, left: REPLAYS_MAX };
    let mut collected = Collected { most, ..Collected::default() };
    for (ticker, last) in tickers {
        asker.walk(ticker, *last, page, &mut collected).await?;
    }
    // What came before the server began to send events, and after it replied.
    let gaps: Vec<_> = {
        let known = app.board.known();
        let gap = |(ticker, newest): (&Ticker, &u64)| {
            let first = known.fills.heard(ticker)?.first;
            (newest + 1 < first).then_some((*ticker, newest + 1, first - 1))
        };
        collected.newest.iter().filter_map(gap).collect()
    };
    for (ticker, from, to) in gaps {
        asker.range(&ticker, from, Some(to), &mut collected).await?;
        collected.newest.insert(ticker, to);
    }
    Ok(collected)
}

/// Puts what was fetched before what the feed gave, if nothing was dropped meanwhile.
fn merge(known: &mut Known, epoch: u64, collected: Collected, is_first: bool) {
    if known.epoch != epoch {
        return;
    }
    let Collected { lines, reach, newest, .. } = collected;
    let is_heard = |known: &Known, line: &FillLine| {
        known.fills.heard(&line.ticker).is_some_and(|heard| heard.first <= line.number)
    };
    let lines: Vec<_> = lines.into_values().rev().filter(|line| !is_heard(known, line)).collect();
    known.fills.push_earlier(lines.into_iter());
    for (ticker, last) in newest {
        match known.fills.heard(&ticker) {
            Some(heard) if last + 1 < heard.first => known.miss(&ticker, last + 1, heard.first - 1),
            Some(_) => {}
            None => known.fills.expect_after(ticker, last),
        }
    }
    let reach = match (is_first, &known.past) {
        (false, Past::Read(before)) => before.and(reach),
        _ => reach,
    };
    known.past = Past::Read(reach);
    if !is_first {
        known.fills.order();
    }
    known.tracking.try_again();
}

/// The latest fills so far, bounded in number and in bytes.
#[derive(Default)]
struct Collected {
    /// By time.
    lines: BTreeMap<(u64, Ticker, u64), FillLine>,
    bytes: usize,
    most: usize,
    reach: Reach,
    /// How many outcomes each ticker had.
    newest: BTreeMap<Ticker, u64>,
}

impl Collected {
    fn push(&mut self, line: FillLine) {
        self.bytes += line.bytes();
        let key = (line.time_ns, line.ticker, line.number);
        if let Some(before) = self.lines.insert(key, line) {
            self.bytes -= before.bytes();
        }
        while self.most < self.lines.len() || FILL_BYTES_MAX < self.bytes {
            let Some((_, oldest)) = self.lines.pop_first() else { return };
            self.bytes -= oldest.bytes();
            self.reach.is_bounded = true;
        }
    }

    /// Whether something as old as the oldest of these would be kept.
    fn has_room(&self, time_ns: u64) -> bool {
        let oldest = self.lines.first_key_value().map_or(0, |((oldest, ..), _)| *oldest);
        !self.reach.is_bounded || oldest <= time_ns
    }
}

/// Some of the outcomes of a ticker.
struct Replays {
    /// The number of the first.
    from: u64,
    /// How many came.
    count: u64,
    /// The number of the newest that there is.
    last: u64,
    /// The time of the oldest of them.
    time_ns: u64,
}

/// Who asks for replays.
struct Asker<'a> {
    app: &'a App,
    source: SourceId,
    seq: Seq,
    /// Requests that it may still send.
    left: usize,
}

impl Asker<'_> {
    /// Collects the outcomes of a ticker, from the newest page backwards.
    async fn walk(
        &mut self,
        ticker: &Ticker,
        last: u64,
        page: u64,
        collected: &mut Collected,
    ) -> Result<(), String> {
        if last == 0 {
            return Ok(());
        }
        if collected.most == 0 {
            collected.reach.is_bounded = true;
            return Ok(());
        }
        let mut from = last.saturating_sub(page - 1).max(1);
        // There may be newer ones than those of the report.
        let mut to = None;
        loop {
            let Some(oldest) = self.range(ticker, from, to, collected).await? else {
                return Ok(());
            };
            let is_pruned = from < oldest.from;
            collected.reach.is_pruned |= is_pruned;
            if is_pruned || from == 1 || !collected.has_room(oldest.time_ns) {
                return Ok(());
            }
            to = Some(from - 1);
            from = from.saturating_sub(page).max(1);
        }
    }

    /// Collects a range of numbers; without an end, up to the newest. Returns the first reply;
    /// none where there are no requests left, or nothing is kept.
    async fn range(
        &mut self,
        ticker: &Ticker,
        from: u64,
        to: Option<u64>,
        collected: &mut Collected,
    ) -> Result<Option<Replays>, String> {
        let (mut next, mut first) = (from, None);
        while to.is_none_or(|to| next <= to) {
            if self.left == 0 {
                collected.reach.is_bounded = true;
                return Ok(None);
            }
            let replays = self.ask(ticker, next, to, collected).await?;
            if to.is_none() {
                collected.newest.insert(*ticker, replays.last);
            }
            if replays.count == 0 {
                collected.reach.is_pruned |= next <= to.unwrap_or(replays.last);
                break;
            }
            next = replays.from + replays.count;
            let last = replays.last;
            first = first.or(Some(replays));
            if last < next {
                break;
            }
        }
        Ok(first)
    }

    /// One reply.
    async fn ask(
        &mut self,
        ticker: &Ticker,
        from: u64,
        to: Option<u64>,
        collected: &mut Collected,
    ) -> Result<Replays, String> {
        self.left -= 1;
        self.seq = self.seq.next();
        let (source, seq, ticker, time_ns) = (self.source, self.seq, *ticker, 0);
        let (from, to) = (TickerSeq::new(from), to.map(TickerSeq::new));
        let replay = Replay { source, seq, time_ns, ticker, from, to };
        match look_up(self.app, Request::Replay(replay)).await {
            Ok(Reply::Replayed { from, last, fills, .. }) => {
                let (from, last) = (from.get(), last.get());
                let time_ns = fills.first().map_or(0, Reply::time_ns);
                let mut count = 0;
                for fill in fills {
                    let line = FillLine::of(from + count, fill);
                    line.into_iter().for_each(|line| collected.push(line));
                    count += 1;
                }
                Ok(Replays { from, count, last, time_ns })
            }
            Ok(_) => {
                Err("The server replied something else: run the same version on both sides."
                    .to_owned())
            }
            Err(reason) => Err(reason),
        }
    }
}
