//! A front history: everything that a running server can still replay, in order of time.
//!
//! The last report says which tickers there are; the front door replays each ticker page by page,
//! and the pages of all of them are merged.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use allot_allocation_rules::TickerSeq;
use allot_allocation_service::Reply;
use allot_domain::Ticker;
use anyhow::Result;

use crate::history_event::{Event, EventReader, Filter};
use crate::history_reader::HistoryReader;
use crate::report_request;
use crate::settings::Settings;

/// How many fills are remembered for the busts that follow them: as many as a server keeps at most
/// by default.
const REMEMBERED: usize = 65_536;

/// Calls `take` with each event that is asked for, oldest first.
///
/// # Errors
/// When the server does not answer, or `take` fails.
pub(crate) fn read(
    settings: &Settings,
    filter: Filter,
    timeout: Duration,
    mut take: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let report = report_request::report_now(settings, timeout)?;
    let is_wanted = |ticker: &Ticker| filter.tickers.is_empty() || filter.tickers.contains(ticker);
    let tickers = report.sequences.into_iter().filter(|(ticker, _)| is_wanted(ticker));
    let mut history = HistoryReader::connect(&settings.front, settings.front_key)?;
    let mut pages = BTreeMap::new();
    for (ticker, last) in tickers {
        let mut pages_of = Pages { ticker, next: TickerSeq::new(1), last, read: VecDeque::new() };
        if let Some(time_ns) = pages_of.peek(&mut history)? {
            pages.insert((time_ns, ticker), pages_of);
        }
    }
    let mut reader = EventReader::new(filter, REMEMBERED);
    while let Some((_, mut first)) = pages.pop_first() {
        if let Some((number, reply)) = first.read.pop_front()
            && let Some(event) = reader.of_reply(number, reply)
        {
            take(event)?;
        }
        if let Some(time_ns) = first.peek(&mut history)? {
            pages.insert((time_ns, first.ticker), first);
        }
    }
    Ok(())
}

/// The outcomes of one ticker, from the oldest that is kept to the last of the report.
struct Pages {
    ticker: Ticker,
    next: TickerSeq,
    last: TickerSeq,
    read: VecDeque<(TickerSeq, Reply)>,
}

impl Pages {
    /// The time of the next outcome; none where there is none.
    fn peek(&mut self, history: &mut HistoryReader) -> Result<Option<u64>> {
        if self.read.is_empty() && self.next <= self.last {
            let page = history.ask(&self.ticker, self.next)?;
            if self.next < page.from {
                let (ticker, first, gone) = (self.ticker, self.next, page.from.get() - 1);
                tracing::warn!("outcomes {first} to {gone} of {ticker} are no longer kept");
            }
            self.next = page.from;
            for fill in page.fills {
                self.read.push_back((self.next, fill));
                self.next = self.next.next();
            }
            if self.read.is_empty() {
                self.next = self.last.next();
            }
        }
        Ok(self.read.front().map(|(_, reply)| reply.time_ns()))
    }
}
