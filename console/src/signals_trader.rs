//! A trader of signals, asked how it is.

use allot_domain::{Seq, SourceId};
use allot_runtime::Nanos;
use allot_signals_rules::ComponentName;
use allot_signals_service::{Reply, ReplyBody, Request, RequestBody, Status};
use allot_wire::Encoding;

use crate::caller::{Caller, Codec, NoAnswer, Said};
use crate::limits::LISTED_MAX;

/// What it reads and writes. Each request has the next number.
pub(crate) struct SignalsTrader {
    source: SourceId,
    seq: Seq,
}

impl SignalsTrader {
    /// Numbers begin with the time, so that those of an earlier console are others.
    pub(crate) fn new(now: Nanos) -> Self {
        let source = SourceId::new(b"console").expect("it is a name");
        Self { source, seq: Seq::new(now.as_unix()) }
    }
}

impl Codec for SignalsTrader {
    /// From which strategy on.
    type Request = Option<ComponentName>;
    type Reply = ReplyBody;
    type Name = Seq;

    fn encode(&mut self, after: Self::Request, out: &mut Vec<u8>) -> Seq {
        self.seq = self.seq.next();
        let body = RequestBody::Status(after);
        Request { source: self.source, seq: self.seq, body }.encode(Encoding::Json, out);
        self.seq
    }

    fn decode(
        &mut self,
        message: &[u8],
        replies: &mut Vec<(Seq, Said<ReplyBody>)>,
    ) -> Result<(), String> {
        let read = Reply::decode_all(message).map_err(|error| error.to_string())?;
        replies.extend(read.into_iter().map(|reply| (reply.seq, Said::Done(reply.body))));
        Ok(())
    }
}

impl Caller<SignalsTrader> {
    /// How the trader and its strategies are, up to [`LISTED_MAX`] of them.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) async fn status(&self, address: &str) -> Result<Status, String> {
        let mut whole: Option<Status> = None;
        loop {
            let strategies = whole.as_ref().map_or(&[][..], |whole| &whole.strategies);
            let after = strategies.last().map(|strategy| strategy.name);
            let page = match self.ask(after).await {
                Ok(ReplyBody::Status(page)) => *page,
                Ok(ReplyBody::Rejected { reason, .. }) => {
                    return Err(format!("{address} is no trader of signals: {reason}."));
                }
                Ok(_) => return Err(format!("{address} gave another reply than its status.")),
                Err(NoAnswer::Full) => return Err("Too many requests wait.".to_owned()),
                Err(_) => {
                    return Err(format!(
                        "No reply came from {address}: check that a trader of signals runs there, \
                         and that --signals is the address on which it listens."
                    ));
                }
            };
            let is_last = !page.more || page.strategies.is_empty();
            match &mut whole {
                Some(whole) => {
                    whole.strategies.extend(page.strategies);
                    whole.more = page.more;
                }
                None => whole = Some(page),
            }
            let is_full = whole.as_ref().is_some_and(|whole| LISTED_MAX <= whole.strategies.len());
            if (is_last || is_full)
                && let Some(whole) = whole.take()
            {
                return Ok(whole);
            }
        }
    }
}
