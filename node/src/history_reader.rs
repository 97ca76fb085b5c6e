//! A history reader: a client that asks the front door for outcomes of a ticker again.

use std::time::Duration;

use allot_allocation_rules::{Replay, TickerSeq};
use allot_allocation_service::{Reply, ReportRequest, Request, encode_line};
use allot_domain::{Seq, SourceId, Ticker};
use allot_runtime::CurveKey;
use anyhow::{Error, Result, anyhow, bail};

use crate::front_client::{FrontClient, NoAnswer};

/// How long it waits for a reply, tries included: a server that restarts is back by then.
const PATIENCE: Duration = Duration::from_secs(15);

/// The same, for whoever asks again later.
const BRIEF: Duration = Duration::from_secs(2);

/// A connection to the front door.
pub(crate) struct HistoryReader {
    client: FrontClient,
    patience: Duration,
    source: SourceId,
    seq: Seq,
}

/// Some of the outcomes that were asked for, one after the other.
pub(crate) struct Page {
    /// The number of the first, or from where on there is none.
    pub(crate) from: TickerSeq,
    /// The number of the newest outcome of the ticker; zero where it never had one.
    pub(crate) last: TickerSeq,
    /// The outcomes.
    pub(crate) fills: Vec<Reply>,
}

impl HistoryReader {
    /// A reader of the history behind this front door, which need not be there yet.
    pub(crate) fn connect(front: &str, door_key: Option<CurveKey>) -> Result<Self> {
        Ok(Self::of(FrontClient::connect_patiently(front, door_key)?, PATIENCE))
    }

    /// One that gives up soon where there is no front door, for whoever asks again later.
    pub(crate) fn connect_briefly(front: &str, door_key: Option<CurveKey>) -> Result<Self> {
        Ok(Self::of(FrontClient::connect(front, door_key)?.brief(), BRIEF))
    }

    fn of(client: FrontClient, patience: Duration) -> Self {
        let source = SourceId::new(b"allot-fills").expect("the name is valid");
        Self { seq: client.first_seq(), source, patience, client }
    }

    /// Why there is no front door; none where one can be reached, or may be soon.
    pub(crate) fn why_no_door(&self) -> Option<String> {
        self.client.why_no_door().unwrap_or_else(|error| Some(error.to_string()))
    }

    /// Asks the server to publish a report now; false while there is no connection. Its reply is
    /// passed over.
    pub(crate) fn want_report(&mut self) -> bool {
        let line = self.report_request();
        self.client.send(&line)
    }

    /// Asks for outcomes of a ticker from a number on.
    ///
    /// # Errors
    /// When the front door does not reply in time, or refuses.
    pub(crate) fn ask(&mut self, ticker: &Ticker, from: TickerSeq) -> Result<Page> {
        self.seq = self.seq.next();
        let (source, seq, ticker, to) = (self.source, self.seq, *ticker, None);
        let mut line = Vec::new();
        encode_line(
            &Request::Replay(Replay { source, seq, time_ns: 0, ticker, from, to }),
            &mut line,
        );
        let answer =
            self.client.ask(&line, self.patience).map_err(|error| no_page(&ticker, error))?;
        match answer.reply {
            Reply::Replayed { from, last, fills, .. } => Ok(Page { from, last, fills }),
            Reply::Rejected { reason, .. } => bail!("the server refuses a replay: {reason}"),
            other => bail!("the server answers a replay with something else: {other:?}"),
        }
    }

    fn report_request(&mut self) -> Vec<u8> {
        self.seq = self.seq.next();
        let mut line = Vec::new();
        let report = ReportRequest { source: self.source, seq: self.seq };
        encode_line(&Request::Report(report), &mut line);
        line
    }
}

fn no_page(ticker: &Ticker, error: Error) -> Error {
    match error.downcast_ref::<NoAnswer>() {
        Some(NoAnswer::Refused(waited, reason)) => anyhow!(
            "the front door refused to replay {ticker} for {} s: {reason}",
            waited.as_secs()
        ),
        Some(NoAnswer::Silent(waited, why) | NoAnswer::Unknown(waited, why, _)) => {
            anyhow!("no outcomes from the front door within {} s: {why}", waited.as_secs())
        }
        None => error,
    }
}
