//! A history reader: a client that asks the front door for outcomes of a ticker again.

use std::time::Duration;

use allot_allocation_rules::{Replay, TickerSeq};
use allot_allocation_service::{Reply, ReportRequest, Request, decode_replies, encode_line};
use allot_domain::{Seq, SourceId, Ticker};
use allot_runtime::{Clock, Context, CurveKey, Link, LinkOptions, Nanos, PollSet};
use anyhow::{Result, anyhow, bail};

use crate::front_probe;

/// How long it waits for a reply, tries included: a server that restarts is back by then.
const PATIENCE: Duration = Duration::from_secs(15);

/// When a request without a reply is sent again.
const RESEND: Duration = Duration::from_secs(1);

/// How long it waits before it sends again what there was no room for, the first time and at most:
/// twice as long each time.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(20);
const NO_ROOM_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often it looks whether there is a connection.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// A connection to the front door.
pub(crate) struct HistoryReader {
    context: Context,
    link: Link,
    front: String,
    door_key: Option<CurveKey>,
    clock: Clock,
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
        let context = Context::new()?;
        let options = LinkOptions { door_key, ..LinkOptions::default() };
        let link = Link::dealer(&context, front, None, options)?;
        let clock = Clock::system();
        let seq = Seq::new(clock.now().as_unix());
        Ok(Self { context, link, front: front.to_owned(), door_key, clock, seq })
    }

    /// Asks the server to publish a report now; false while there is no connection. Its reply is
    /// passed over.
    pub(crate) fn want_report(&mut self) -> bool {
        self.seq = self.seq.next();
        let source = SourceId::new(b"allot-fills").expect("the name is valid");
        let mut line = Vec::new();
        encode_line(&Request::Report(ReportRequest { source, seq: self.seq }), &mut line);
        self.link.send(&mut line).is_ok()
    }

    /// Asks for outcomes of a ticker from a number on.
    ///
    /// # Errors
    /// When the front door does not reply in time, or refuses.
    pub(crate) fn ask(&mut self, ticker: &Ticker, from: TickerSeq) -> Result<Page> {
        self.seq = self.seq.next();
        let source = SourceId::new(b"allot-fills").expect("the name is valid");
        let (seq, ticker, to) = (self.seq, *ticker, None);
        let mut line = Vec::new();
        encode_line(
            &Request::Replay(Replay { source, seq, time_ns: 0, ticker, from, to }),
            &mut line,
        );
        let end = self.clock.now() + PATIENCE;
        let (mut due, mut pause) = (Nanos::ZERO, NO_ROOM_PAUSE);
        // The last reply, as long as it is the reply to what was sent last.
        let (mut refused, mut is_replied) = (None, true);
        loop {
            let now = self.clock.now();
            if end <= now {
                return Err(self.no_reply(&ticker, refused));
            }
            if due <= now {
                if !is_replied {
                    refused = None;
                }
                is_replied = false;
                let sent = self.link.send(&mut line.clone()).is_ok();
                due = now + if sent { RESEND } else { CONNECT_PAUSE };
            }
            match self.receive()? {
                Some(Reply::Replayed { from, last, fills, .. }) => {
                    return Ok(Page { from, last, fills });
                }
                Some(Reply::Rejected { code, reason, .. }) => match code.as_str() {
                    "busy" | "storage_full" | "shard_away" => {
                        due = now + pause;
                        pause = NO_ROOM_PAUSE_MAX.min(2 * pause);
                        (refused, is_replied) = (Some(reason), true);
                    }
                    _ => bail!("the server refuses a replay: {reason}"),
                },
                _ => {}
            }
            let mut poll_set = PollSet::without_waker();
            self.link.wait_on(&mut poll_set);
            poll_set.sleep(Some(due.min(end) - now));
        }
    }

    /// The reply to what was asked last, if it is there; replies to anything before are dropped.
    fn receive(&mut self) -> Result<Option<Reply>> {
        let (mut message, mut replies) = (Vec::new(), Vec::new());
        while self.link.receive(&mut message) {
            decode_replies(&message, &mut replies).map_err(|error| {
                anyhow!("cannot decode a reply; does the server run this version? {error}")
            })?;
        }
        Ok(replies.into_iter().rfind(|reply| reply.seq() == self.seq))
    }

    fn no_reply(&self, ticker: &Ticker, refused: Option<String>) -> anyhow::Error {
        let seconds = PATIENCE.as_secs();
        if let Some(reason) = refused {
            return anyhow!("the front door refused to replay {ticker} for {seconds} s: {reason}");
        }
        match front_probe::examine(&self.context, &self.front, self.door_key, front_probe::LONGEST)
        {
            Ok(why) => anyhow!("no outcomes from the front door within {seconds} s: {why}"),
            Err(error) => error.into(),
        }
    }
}
