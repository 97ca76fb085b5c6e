//! Client: asks a trader, and waits a bounded time for the reply.

use std::process;
use std::time::Duration;

use allot_domain::{Seq, SourceId};
use allot_feeds::unique_source;
use allot_runtime::{Clock, Context, DoorFinding, Link, LinkOptions, Nanos, PollSet, probe_door};
use allot_signals_service::{Reply, ReplyBody, Request, RequestBody};
use allot_wire::Encoding;
use anyhow::{Context as _, Result, bail};

use crate::front_probe;

/// After this long without a reply a request is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The code by which somebody else than a trader rejects a request.
const UNKNOWN_TYPE: &str = "unknown_type";

/// A connection to a trader.
pub(super) struct Client {
    link: Link,
    address: String,
    clock: Clock,
    source: SourceId,
    seq: Seq,
    gives_up_at: Nanos,
    context: Context,
}

impl Client {
    /// A connection on which everything must be done within a time.
    pub(super) fn connect(address: &str, timeout: Duration) -> Result<Self> {
        let context = Context::new()?;
        let link = Link::dealer(&context, address, None, LinkOptions::default())?;
        let clock = Clock::system();
        let source = unique_source("ops", clock.now(), process::id().into());
        Ok(Self {
            context,
            link,
            address: address.to_owned(),
            gives_up_at: clock.now() + timeout,
            source: source.map_err(|reject| anyhow::anyhow!("{reject}"))?,
            seq: Seq::ZERO,
            clock,
        })
    }

    /// The reply to a request, which is safe to send twice.
    pub(super) fn ask(&mut self, body: RequestBody) -> Result<ReplyBody> {
        self.seq = self.seq.next();
        let request = Request { source: self.source, seq: self.seq, body };
        let (mut send_at, mut frame, mut received) = (Nanos::ZERO, Vec::new(), Vec::new());
        let mut examine_at = self.clock.now() + AGAIN_AFTER;
        loop {
            let now = self.clock.now();
            if self.gives_up_at <= now {
                bail!("no reply from {}; is a trader running there?", self.address);
            }
            if examine_at <= now {
                examine_at = Nanos::MAX;
                self.refuse_a_publisher()?;
            }
            if send_at <= now {
                request.encode(Encoding::Json, &mut frame);
                // Until the connection is there it is tried soon again.
                let is_sent = self.link.send(&mut frame).is_ok();
                send_at = now + if is_sent { AGAIN_AFTER } else { AGAIN_AFTER / 50 };
            }
            if self.link.receive(&mut received) {
                let replies = Reply::decode_all(&received);
                let replies = replies.with_context(|| format!("a reply of {}", self.address))?;
                if let Some(reply) = replies.into_iter().find(|reply| reply.seq == self.seq) {
                    return self.of_a_trader(reply.body);
                }
                continue;
            }
            let mut poll_set = PollSet::without_waker();
            self.link.wait_on(&mut poll_set);
            poll_set.sleep(Some(send_at.min(self.gives_up_at) - now));
        }
    }

    /// Fails where somebody replies who does not know what a trader takes.
    fn of_a_trader(&self, body: ReplyBody) -> Result<ReplyBody> {
        if let ReplyBody::Rejected { code, reason } = &body
            && code == UNKNOWN_TYPE
        {
            let what = if reason.contains("a generator") { "a generator" } else { "no trader" };
            bail!("{} is {what}; give the address of the trader ({reason})", self.address);
        }
        Ok(body)
    }

    /// Fails where a trader publishes: nobody replies there, however long this waits.
    fn refuse_a_publisher(&self) -> Result<()> {
        if probe_door(&self.context, &self.address, None, front_probe::LONGEST)?
            == DoorFinding::Publisher
        {
            bail!(
                "{} is where a trader publishes; give the address of its --listen, which is the \
                 port before unless it has --publish",
                self.address
            );
        }
        Ok(())
    }
}
