//! The client history: what clients have sent and the replies they saw, until each is looked up.

use std::collections::BTreeMap;

use allot_desk_service::{
    Reply, ReplyBody, Request, RequestKind, decode_line, decode_replies, decode_request,
};
use allot_domain::{Reject, Seq, ShardId, SourceId, shard_of};
use allot_wire::{Batch, Encoding};

use super::tally::Tally;
use crate::engine::sent::{Delivery, Sent};
use crate::engine::violation::Violation;

/// A message: its source and its number.
pub type MessageName = (SourceId, Seq);

/// Everything that passed the front door.
pub struct ClientHistory {
    shards: usize,
    /// Messages by their names.
    pub sent: BTreeMap<MessageName, Sent>,
    /// Replies that were not looked up yet, by shard, each as the client got it; those to a DUMPLOG
    /// of all are the first shard's.
    pub pending: Vec<Vec<(MessageName, Vec<u8>)>>,
    delivered: u64,
}

impl ClientHistory {
    /// An empty history of this many shards.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        let pending = vec![Vec::new(); shards];
        Self { shards, sent: BTreeMap::new(), pending, delivered: 0 }
    }

    /// A message reaches the front door.
    ///
    /// # Panics
    /// When it is malformed: no client of a simulation sends such.
    pub fn on_request(&mut self, connection: u64, message: &[u8]) {
        for request in requests(message) {
            let shard = match &request {
                Request::Command(command) => Some(shard_of(command.user.as_bytes(), self.shards)),
                Request::DumpAll(_) => None,
                Request::Report(_) => continue,
            };
            self.delivered += 1;
            let sent = self.sent.entry((*request.source(), request.seq())).or_default();
            sent.shard = shard;
            sent.deliveries.push(Delivery { connection, ordinal: self.delivered });
        }
    }

    /// A message leaves the front door.
    ///
    /// # Errors
    /// A reply that cannot be read, or that replies to nothing.
    pub fn on_reply(&mut self, message: &[u8], tally: &mut Tally) -> Result<(), Violation> {
        let unreadable =
            |what: String| Violation::new("P1", format!("an unreadable reply: {what}"));
        let mut replies = Vec::new();
        decode_replies(message, &mut replies).map_err(|error| unreadable(error.to_string()))?;
        let bodies = bodies(message).map_err(unreadable)?;
        for (reply, body) in replies.into_iter().zip(bodies) {
            if is_postponed(&reply) {
                tally.postponed += 1;
                continue;
            }
            let name = name_of(&reply)?;
            let unknown = || Violation::new("P1", format!("a reply to no message: {reply:?}"));
            let shard = self.sent.get(&name).ok_or_else(unknown)?.shard.unwrap_or_default();
            count(&reply, tally);
            self.pending[shard.index()].push((name, body));
        }
        Ok(())
    }
}

/// The replies of a message, each as its bytes.
pub(super) fn bodies(message: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if Encoding::of(message) == Encoding::Json {
        let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return Ok(lines.map(<[u8]>::to_vec).collect());
    }
    let batch = Batch::read(message).map_err(|error| error.to_string())?;
    batch.records().map(|one| one.map(<[u8]>::to_vec).map_err(|error| error.to_string())).collect()
}

/// Whether nothing was looked at, and the message may be sent again.
pub(super) fn is_postponed(reply: &Reply) -> bool {
    let away = Reject::ShardAway(ShardId::default());
    let again = [Reject::Busy.code(), Reject::StorageFull.code(), away.code()];
    matches!(&reply.body, ReplyBody::Rejected { code, .. } if again.contains(&code.as_str()))
}

/// The message that a reply belongs to.
pub(super) fn name_of(reply: &Reply) -> Result<MessageName, Violation> {
    let source = SourceId::new(reply.source.as_bytes());
    let source = source.map_err(|_| Violation::new("P1", format!("whose is {reply:?}?")))?;
    Ok((source, reply.seq))
}

fn count(reply: &Reply, tally: &mut Tally) {
    tally.replies += 1;
    tally.duplicates += u64::from(reply.duplicate);
    tally.late += u64::from(reply.late);
    match &reply.body {
        ReplyBody::Answered => tally.answered += 1,
        ReplyBody::Awaiting => tally.awaiting += 1,
        ReplyBody::Fired => tally.fired += 1,
        ReplyBody::Disarmed => tally.disarmed += 1,
        ReplyBody::Rejected { .. } => tally.rejected += 1,
        ReplyBody::Reported(_) => {}
    }
}

/// All requests of a message, in either encoding.
fn requests(message: &[u8]) -> Vec<Request> {
    match Encoding::of(message) {
        Encoding::Json => {
            let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| decode_line(line).expect("clients send what is sound")).collect()
        }
        Encoding::Binary => {
            let batch = Batch::parse(message).expect("clients send what is sound");
            let kind = RequestKind::of(batch.kind).expect("clients send requests");
            let record = |record| decode_request(kind, record).expect("clients send what is sound");
            batch.records().flatten().map(record).collect()
        }
    }
}
