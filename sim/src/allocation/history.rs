//! The client history: what clients have sent and the replies they saw, until each is looked up.

use std::collections::BTreeMap;

use allot_allocation_service::{
    Reply, Request, RequestKind, decode_line, decode_replies, decode_request,
};
use allot_domain::{AccountId, Reject, Seq, ShardId, SourceId, Ticker, shard_of};
use allot_wire::{Batch, Encoding};

use super::clients::AUM;
use super::tally::Tally;
use crate::engine::sent::{Delivery, Sent};
use crate::engine::violation::{Violation, ensure};

/// Identifies a message: splits are numbered apart from fills and busts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageKey {
    /// Whether it is a split.
    pub is_split: bool,
    /// Its source.
    pub source: SourceId,
    /// Its number.
    pub seq: Seq,
}

/// The code of a split that leaves out a holder.
const OMITS_HOLDER: &str = "split_omits_holder";

/// A fill that was allocated: what a client needs to bust it.
#[derive(Clone, Copy, Debug)]
pub struct AllocatedFill {
    /// Its source.
    pub source: SourceId,
    /// Its number.
    pub seq: Seq,
    /// Its ticker.
    pub ticker: Ticker,
}

/// Everything that passed the front door.
pub struct ClientHistory {
    shards: usize,
    /// Messages by their keys.
    pub sent: BTreeMap<MessageKey, Sent>,
    /// Replies that were not looked up yet, by shard; those to splits are listed for every shard.
    pub pending: Vec<Vec<(MessageKey, Reply)>>,
    /// Splits that were refused because they left out a holder, each with the reason.
    pub refused: Vec<(MessageKey, String)>,
    /// Allocated fills, in the order in which clients saw the replies.
    pub allocated: Vec<AllocatedFill>,
    shares: BTreeMap<MessageKey, Vec<(AccountId, u64)>>,
    delivered: u64,
}

impl ClientHistory {
    /// An empty history of this many shards.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        Self {
            shards,
            sent: BTreeMap::new(),
            pending: vec![Vec::new(); shards],
            refused: Vec::new(),
            allocated: Vec::new(),
            shares: BTreeMap::new(),
            delivered: 0,
        }
    }

    /// A message reaches the front door.
    ///
    /// # Panics
    /// When it is malformed: no client of a simulation sends such.
    pub fn on_request(&mut self, connection: u64, message: &[u8]) {
        for request in requests(message) {
            let (is_split, shard) = match &request {
                Request::Fill(fill) => (false, Some(fill.ticker.shard(self.shards))),
                Request::Bust(bust) => (false, Some(bust.ticker.shard(self.shards))),
                Request::Replay(replay) => (false, Some(replay.ticker.shard(self.shards))),
                Request::Split(_) => (true, None),
                Request::Splits(_) => (false, Some(shard_of(&[], self.shards))),
                Request::Report(_) => continue,
            };
            self.delivered += 1;
            let key = MessageKey { is_split, source: *request.source(), seq: request.seq() };
            let sent = self.sent.entry(key).or_default();
            sent.shard = shard;
            sent.deliveries.push(Delivery { connection, ordinal: self.delivered });
        }
    }

    /// A message leaves the front door.
    ///
    /// # Errors
    /// A reply that cannot be read, that replies to nothing, or that contradicts an earlier one.
    pub fn on_reply(&mut self, message: &[u8], tally: &mut Tally) -> Result<(), Violation> {
        let mut replies = Vec::new();
        decode_replies(message, &mut replies)
            .map_err(|error| Violation::new("P1", format!("an unreadable reply: {error}")))?;
        replies.into_iter().try_for_each(|reply| self.add_reply(reply, tally))
    }

    fn add_reply(&mut self, reply: Reply, tally: &mut Tally) -> Result<(), Violation> {
        match &reply {
            Reply::Reported { .. } => return Ok(()),
            Reply::Rejected { code, .. }
                if [Reject::Busy.code(), Reject::ShardAway(ShardId::default()).code()]
                    .contains(&code.as_str()) =>
            {
                tally.busy += 1;
                return Ok(());
            }
            Reply::Rejected { code, .. } if *code == Reject::StorageFull.code() => {
                tally.storage_full += 1;
                return Ok(());
            }
            _ => {}
        }
        let key = key_of_reply(&reply)?;
        let unknown = || Violation::new("P1", format!("a reply to no message: {reply:?}"));
        let shard = self.sent.get(&key).ok_or_else(unknown)?.shard;
        count(&reply, tally);
        self.compare_with_first(key, &reply)?;
        if let Reply::Allocated { ticker, .. } = &reply {
            let fill = AllocatedFill { source: key.source, seq: key.seq, ticker: *ticker };
            self.allocated.push(fill);
        }
        // The router refuses these by what all shards found: no shard has the reply.
        if let Reply::Rejected { code, reason, .. } = &reply
            && code == OMITS_HOLDER
        {
            self.refused.push((key, reason.clone()));
            return Ok(());
        }
        match shard {
            Some(shard) => self.pending[shard.index()].push((key, reply)),
            None => self.pending.iter_mut().for_each(|list| list.push((key, reply.clone()))),
        }
        Ok(())
    }

    /// A repeat has the shares of the first reply, or none where they are no longer kept.
    fn compare_with_first(&mut self, key: MessageKey, reply: &Reply) -> Result<(), Violation> {
        let (Reply::Allocated { shares, .. } | Reply::Busted { shares, .. }) = reply else {
            return Ok(());
        };
        if shares.is_empty() {
            return Ok(());
        }
        let first = self.shares.entry(key).or_insert_with(|| shares.clone());
        ensure(first == shares, "P2", || format!("{reply:?}; the first reply had {first:?}"))
    }
}

/// The message that a reply belongs to.
///
/// # Errors
/// A reply without a source: no client of a simulation sends what cannot be read.
pub fn key_of_reply(reply: &Reply) -> Result<MessageKey, Violation> {
    let source = SourceId::new(reply.source().as_bytes())
        .map_err(|_| Violation::new("P1", format!("a reply to no source: {reply:?}")))?;
    let is_split = source.as_str().starts_with(AUM);
    Ok(MessageKey { is_split, source, seq: reply.seq() })
}

fn count(reply: &Reply, tally: &mut Tally) {
    tally.replies += 1;
    tally.duplicates += u64::from(reply.is_duplicate());
    tally.late += u64::from(reply.is_late());
    match reply {
        Reply::Allocated { .. } => tally.allocated += 1,
        Reply::Held { .. } => tally.held += 1,
        Reply::Busted { .. } => tally.busted += 1,
        Reply::Accepted { .. } => tally.accepted += 1,
        Reply::Rejected { .. } => tally.rejected += 1,
        Reply::Replayed { fills, .. } => {
            tally.replays += 1;
            tally.replayed += u64::try_from(fills.len()).expect("a few");
        }
        Reply::Listed { splits, .. } => {
            tally.listings += 1;
            tally.listed += u64::try_from(splits.len()).expect("a few");
        }
        Reply::Reported { .. } => {}
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
            let kind = RequestKind::try_from(batch.kind).expect("clients send requests");
            let record = |record| decode_request(kind, record).expect("clients send what is sound");
            batch.records().flatten().map(record).collect()
        }
    }
}
