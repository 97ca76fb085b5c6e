//! Front: the front door of a generator or a trader, and the requests that wait for a reply.

use std::collections::BTreeMap;

use allot_domain::{Reject as Core, Seq, limits};
use allot_runtime::{Door, Envelope, PollSet, SendError};
use allot_signals_rules::{Now, Ticket, Unix};
use allot_wire::{Batch, Encoding, Rejection};

use crate::limits::{MESSAGES_PER_TURN, PENDING_MAX, REFUSED_MAX, REQUESTS_PER_MESSAGE};
use crate::{Reply, ReplyBody, Request, RequestKind};

/// The door, and whom replies are owed.
pub(crate) struct Front {
    door: Door,
    envelope: Envelope,
    pending: BTreeMap<Ticket, Pending>,
    next_ticket: Ticket,
    out: Vec<u8>,
}

/// A request that waits for a reply.
struct Pending {
    client: Client,
    source: String,
    seq: Seq,
    received: Unix,
}

/// Where a reply goes, and how it is written.
#[derive(Clone)]
struct Client {
    identity: Vec<u8>,
    delimiter: bool,
    encoding: Encoding,
}

impl Front {
    pub(crate) fn new(door: Door) -> Self {
        Self {
            door,
            envelope: Envelope::new(),
            pending: BTreeMap::new(),
            next_ticket: Ticket::ZERO,
            out: Vec::new(),
        }
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.door.endpoint()
    }

    /// Takes what has arrived, in a batch of bounded size: requests that can be read get a ticket,
    /// the others a reply. Returns how many messages there were.
    pub(crate) fn take(&mut self, now: Now, requests: &mut Vec<(Ticket, Request)>) -> usize {
        let mut count = 0;
        while count < MESSAGES_PER_TURN && self.door.receive(&mut self.envelope) {
            count += 1;
            self.admit(now, requests);
        }
        count
    }

    fn admit(&mut self, now: Now, requests: &mut Vec<(Ticket, Request)>) {
        let body = self.envelope.body().to_vec();
        let client = Client {
            identity: self.envelope.identity().to_vec(),
            delimiter: self.envelope.delimiter(),
            encoding: Encoding::of(&body),
        };
        let mut refused = 0;
        let mut reads = self.split(&body, client.encoding);
        if REQUESTS_PER_MESSAGE < reads.len() {
            let what = format!(
                "a message must have at most {REQUESTS_PER_MESSAGE} requests; it has {}, and none \
                 was read",
                reads.len()
            );
            reads = vec![Err(Rejection::unread(&Core::MalformedMessage(what)))];
        }
        for read in reads {
            let admitted = read.and_then(|request| {
                let ticket = self.owe(now, &client, &request)?;
                requests.push((ticket, request));
                Ok(())
            });
            let Err(mut rejection) = admitted else { continue };
            refused += 1;
            if refused == REFUSED_MAX {
                let what = format!("{REFUSED_MAX} requests were refused; the rest was not read");
                rejection = Rejection::unread(&Core::MalformedMessage(what));
            }
            self.refuse(now, &client, &rejection);
            if refused == REFUSED_MAX {
                return;
            }
        }
    }

    /// The requests of a message, or why one is none.
    fn split(&self, body: &[u8], encoding: Encoding) -> Vec<Result<Request, Rejection>> {
        let malformed =
            |what: &str| vec![Err(Rejection::unread(&Core::MalformedMessage(what.to_owned())))];
        if self.envelope.malformed() {
            return malformed("a message must be one frame, or an empty frame and one more");
        }
        if limits::MESSAGE_MAX < body.len() {
            return vec![Err(Rejection::unread(&Core::OversizedMessage(body.len())))];
        }
        if encoding == Encoding::Binary {
            return records(body).unwrap_or_else(|rejection| vec![Err(rejection)]);
        }
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<_> =
            lines.filter(|line| !line.is_empty()).map(Request::decode_line).collect();
        if lines.is_empty() { malformed("the message is empty") } else { lines }
    }

    fn owe(&mut self, now: Now, client: &Client, request: &Request) -> Result<Ticket, Rejection> {
        let source = request.source.to_string();
        if PENDING_MAX <= self.pending.len() {
            return Err(Rejection::new(source.as_bytes(), request.seq, &Core::Busy));
        }
        self.next_ticket = self.next_ticket.next();
        let (client, received) = (client.clone(), now.unix);
        let pending = Pending { client, source, seq: request.seq, received };
        self.pending.insert(self.next_ticket, pending);
        Ok(self.next_ticket)
    }

    fn refuse(&mut self, now: Now, client: &Client, rejection: &Rejection) {
        let Rejection { source, seq, code, reason } = rejection.clone();
        let body = ReplyBody::Rejected { code: code.to_owned(), reason };
        let reply = Reply { source, seq, time: now.unix, sent: now.unix, body };
        self.send(client, &reply);
    }

    /// Gives the last reply to a request.
    pub(crate) fn reply(&mut self, now: Now, ticket: Ticket, body: ReplyBody) {
        if let Some(Pending { client, source, seq, received }) = self.pending.remove(&ticket) {
            let reply = Reply { source, seq, time: received, sent: now.unix, body };
            self.send(&client, &reply);
        }
    }

    /// Gives a reply that another one follows. A REQ takes one reply, and waits for that.
    pub(crate) fn reply_first(&mut self, now: Now, ticket: Ticket, body: ReplyBody) {
        let Some(pending) = self.pending.get(&ticket).filter(|pending| !pending.client.delimiter)
        else {
            return;
        };
        let (source, seq, time) = (pending.source.clone(), pending.seq, pending.received);
        let reply = Reply { source, seq, time, sent: now.unix, body };
        let client = pending.client.clone();
        self.send(&client, &reply);
    }

    /// Sends a reply. Who does not read is cut off, and may connect anew.
    fn send(&mut self, client: &Client, reply: &Reply) {
        reply.encode(client.encoding, &mut self.out);
        if let Err(SendError::Full) = self.door.send(&client.identity, client.delimiter, &self.out)
        {
            tracing::warn!("a client does not read its replies; its connection is closed");
            self.door.cut_off(&client.identity);
            self.pending.retain(|_, pending| pending.client.identity != client.identity);
        }
    }
}

/// The requests of a binary batch: all or nothing, if it is damaged.
fn records(body: &[u8]) -> Result<Vec<Result<Request, Rejection>>, Rejection> {
    let batch = Batch::parse(body).map_err(|reject| Rejection::unread(&reject))?;
    let kind = RequestKind::of_number(batch.kind).map_err(|reject| Rejection::unread(&reject))?;
    let records: Result<Vec<_>, _> = batch.records().collect();
    let records = records.map_err(|reject| Rejection::unread(&reject))?;
    if records.is_empty() {
        let what = "a batch must have at least one record";
        return Err(Rejection::unread(&Core::MalformedMessage(what.to_owned())));
    }
    Ok(records.into_iter().map(|record| Request::decode_record(kind, record)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use allot_domain::SourceId;
    use allot_runtime::DoorOptions;
    use allot_signals_rules::{Ask, Period, Steady};

    use super::*;
    use crate::RequestBody;
    use crate::limits::HIGH_WATER;

    #[test]
    fn a_message_has_no_more_requests_than_its_client_can_have_replies() {
        let options = DoorOptions { high_water: HIGH_WATER, ..DoorOptions::default() };
        let (door, clients) = Door::memory_with(options);
        let (mut front, mut requests) = (Front::new(door), Vec::new());
        let now = Now { unix: Unix::new(1), steady: Steady::new(1) };
        let ask = Ask { period: Period::new(1), length: Duration::from_secs(1) };
        let source = SourceId::new(b"x").unwrap();
        let message = |count: usize| {
            let mut body = Vec::new();
            for seq in 1..=u64::try_from(count).unwrap() {
                let request = Request { source, seq: Seq::new(seq), body: RequestBody::Ask(ask) };
                let mut line = Vec::new();
                request.encode(Encoding::Json, &mut line);
                body.extend_from_slice(line.trim_ascii());
                body.push(b'\n');
            }
            body
        };
        clients.send(b"c", &message(REQUESTS_PER_MESSAGE));
        front.take(now, &mut requests);
        assert_eq!(requests.len(), REQUESTS_PER_MESSAGE);
        let generator = allot_signals_rules::ComponentName::new(b"g").unwrap();
        let held = || ReplyBody::Held { generator, period: Period::new(1) };
        for (ticket, _) in requests.drain(..) {
            front.reply_first(now, ticket, held());
            front.reply(now, ticket, held());
        }
        let replies = std::iter::from_fn(|| clients.receive()).count();
        assert_eq!(replies, 2 * REQUESTS_PER_MESSAGE);
        clients.send(b"c", &message(REQUESTS_PER_MESSAGE + 1));
        front.take(now, &mut requests);
        assert!(requests.is_empty(), "none is done of which the reply may be lost");
        let (_, reply) = clients.receive().unwrap();
        let reply = String::from_utf8(reply).unwrap();
        assert!(reply.contains("malformed_message") && reply.contains("it has 257"), "{reply}");
        assert_eq!(clients.receive(), None);
    }
}
