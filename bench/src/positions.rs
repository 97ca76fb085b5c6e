//! The positions of a server, requested from outside before and after a load.
//!
//! ```text
//!   split accepted ─► report ─► load ─► report        after - before = what was sent
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use allot_allocation_service::{
    Reply, Report, ReportRequest, Request, decode_replies, encode_line,
};
use allot_domain::{Seq, SourceId, Ticker};
use allot_runtime::{Clock, Context, CurveKey, Link, LinkOptions, PollSet, Subscriber};
use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::fills::{self, Totals};

/// How long a server on a loaded machine may take to reply to one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one wait for a message lasts.
const LOOK: Duration = Duration::from_millis(20);

/// A client that sends the split and requests reports.
pub(crate) struct PositionClient {
    link: Link,
    clock: Clock,
    source: SourceId,
    seq: u64,
    publish: Option<(Context, String)>,
}

/// Positions of all accounts together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Holdings {
    fills: u64,
    by_ticker: BTreeMap<Ticker, (u128, i128)>,
}

/// Where a server takes messages, and the key of its door if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrontDoor<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) key: Option<CurveKey>,
}

impl PositionClient {
    /// Connects to a server; without `publish` there are no positions.
    ///
    /// # Errors
    /// When an endpoint is malformed, or no server is there.
    pub(crate) fn open(
        context: &Context,
        door: FrontDoor<'_>,
        publish: Option<&str>,
    ) -> Result<Self> {
        let clock = Clock::system();
        let source = format!("bench-{}-{}", std::process::id(), clock.now().as_unix());
        let source = SourceId::new(source.as_bytes()).map_err(|reject| anyhow!("{reject}"))?;
        let options = LinkOptions { door_key: door.key, ..LinkOptions::default() };
        let link = Link::dealer(context, door.endpoint, None, options)?;
        let publish = publish.map(|endpoint| (context.clone(), endpoint.to_owned()));
        let client = Self { link, clock, source, seq: 0, publish };
        wait_for(&client.link, &client.clock, door.endpoint)?;
        Ok(client)
    }

    /// Sends the split; a server that is `busy` while it starts is asked again.
    ///
    /// # Errors
    /// When it refuses.
    pub(crate) fn split(&mut self, accounts: usize) -> Result<()> {
        self.seq += 1;
        let split = Request::Split(fills::split(self.source, self.seq, accounts));
        match self.ask(&split)? {
            Reply::Accepted { .. } => Ok(()),
            Reply::Rejected { code, reason, .. } => {
                bail!("the split of the load was refused: {reason} ({code})")
            }
            other => bail!("the split was not accepted: {other:?}"),
        }
    }

    /// Positions now; none without an endpoint on which they are published.
    ///
    /// # Errors
    /// When there is no report in time.
    pub(crate) fn holdings(&mut self) -> Result<Option<Holdings>> {
        let Some((context, publish)) = self.publish.clone() else { return Ok(None) };
        let mut subscriber = Subscriber::connect(&context, &publish, &[b"positions:json"])?;
        self.seq += 1;
        let request =
            Request::Report(ReportRequest { source: self.source, seq: Seq::new(self.seq) });
        let Reply::Reported { report: number, .. } = self.ask(&request)? else {
            bail!("the server makes no report");
        };
        let give_up = self.clock.now() + PATIENCE;
        while self.clock.now() < give_up {
            let Some(publication) = subscriber.receive(LOOK) else { continue };
            let report = Report::decode(&publication.body).map_err(|error| anyhow!("{error}"))?;
            if number <= report.report {
                ensure!(report.degraded.is_empty(), "degraded: {}", report.degraded.join("; "));
                return Ok(Some(Holdings::of(&report)));
            }
        }
        bail!("report {number} was promised and has not come from {publish}")
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let give_up = self.clock.now() + PATIENCE;
        let (mut message, mut frame, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        while self.clock.now() < give_up {
            encode_line(request, &mut message);
            // The link leaves a refused message in place; it is written anew here.
            if self.link.send(&mut message).is_err() {
                message.clear();
                look(&self.link);
                continue;
            }
            while !self.link.receive(&mut frame) {
                ensure!(self.clock.now() < give_up, "the server does not reply");
                look(&self.link);
            }
            decode_replies(&frame, &mut replies).map_err(|error| anyhow!("{error}"))?;
            let reply = replies.pop().context("an empty reply")?;
            replies.clear();
            let is_postponed = |code: &str| matches!(code, "busy" | "storage_full" | "shard_away");
            if !matches!(&reply, Reply::Rejected { code, .. } if is_postponed(code)) {
                return Ok(reply);
            }
            look(&self.link);
        }
        bail!("the server was busy, or away, for {PATIENCE:?}")
    }
}

/// That nothing has opened a connection there.
pub(crate) fn no_server(endpoint: &str) -> String {
    format!(
        "no server opened a connection at {endpoint}; is it a front door, and does it take this \
         --front-key, or none?"
    )
}

/// Waits until the link is connected.
///
/// # Errors
/// When it is not in time.
pub(crate) fn wait_for(link: &Link, clock: &Clock, endpoint: &str) -> Result<()> {
    let give_up = clock.now() + PATIENCE;
    while !link.is_connected() {
        ensure!(clock.now() < give_up, "{}", no_server(endpoint));
        look(link);
    }
    Ok(())
}

fn look(link: &Link) {
    let mut waits = PollSet::without_waker();
    link.wait_on(&mut waits);
    waits.sleep(Some(LOOK));
}

impl Holdings {
    fn of(report: &Report) -> Self {
        let mut by_ticker = BTreeMap::new();
        for position in report.accounts.iter().flat_map(|account| &account.positions) {
            let sum: &mut (u128, i128) = by_ticker.entry(position.ticker).or_default();
            sum.0 += u128::from(position.quantity);
            sum.1 += position.value.nanos();
        }
        Self { fills: report.fills, by_ticker }
    }

    /// Checks that `self` is `before` and these fills.
    ///
    /// # Errors
    /// The first difference.
    pub(crate) fn check(&self, before: &Self, sent: &Totals) -> Result<(), String> {
        let fills = self.fills.wrapping_sub(before.fills);
        if fills != sent.fills {
            return Err(format!("{} fills have a reply and {fills} are booked", sent.fills));
        }
        let mut expected = before.by_ticker.clone();
        for (ticker, (shares, value)) in &sent.by_ticker {
            let sum = expected.entry(*ticker).or_default();
            sum.0 += shares;
            sum.1 += value.nanos();
        }
        for (ticker, expected) in &expected {
            let booked = self.by_ticker.get(ticker).copied().unwrap_or_default();
            if booked != *expected {
                return Err(format!("{ticker}: {expected:?} expected and {booked:?} booked"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fills::Fills;

    #[test]
    fn one_share_too_many_is_found() {
        let fills = Fills::new(1, 3);
        let mut counts = Vec::new();
        (1..=10).for_each(|seq| fills.count(seq, &mut counts));
        let mut sent = fills.totals(&counts);
        let by_ticker = sent.by_ticker.iter();
        let by_ticker =
            by_ticker.map(|(ticker, (shares, value))| (*ticker, (*shares, value.nanos())));
        let after = Holdings { fills: 10, by_ticker: by_ticker.collect() };
        assert_eq!(after.check(&Holdings::default(), &sent), Ok(()));
        assert_eq!(after.check(&after, &Totals::default()), Ok(()));
        let mut wrong = after.clone();
        wrong.by_ticker.values_mut().next().unwrap().0 += 1;
        assert!(wrong.check(&Holdings::default(), &sent).is_err());
        sent.fills += 1;
        assert!(after.check(&Holdings::default(), &sent).unwrap_err().contains("11 fills"));
    }
}
