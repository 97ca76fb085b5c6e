//! A history: what clients have sent and what they were told, kept until it can be looked up.

use std::collections::BTreeMap;

use allot_domain::{AccountId, Reject, SourceId, Ticker};
use allot_wire::{
    Batch, Encoding, Reply, Request, RequestKind, decode_line, decode_replies, decode_request,
};

use crate::tally::Tally;
use crate::violation::{Violation, ensure};

/// Which message: splits are numbered apart from fills and busts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// Whether it is a split.
    pub is_split: bool,
    /// Who sent it.
    pub source: SourceId,
    /// Its number.
    pub seq: u64,
}

/// What is known of a message that came to the door.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The shard it is for; none if it is for all.
    pub shard: Option<usize>,
    /// On which connection, and as how manieth of all messages, each time.
    pub deliveries: Vec<(u64, u64)>,
}

/// A fill that was divided, as somebody who wants it back has to know it.
#[derive(Clone, Copy, Debug)]
pub struct Divided {
    /// Whose it is.
    pub source: SourceId,
    /// Its number.
    pub seq: u64,
    /// What it is of.
    pub ticker: Ticker,
}

/// Everything that went through the door.
pub struct ClientHistory {
    shards: usize,
    /// Messages by their keys.
    pub sent: BTreeMap<Key, Sent>,
    /// Answers that were not looked up yet, by shard; those to splits stand in all.
    pub pending: Vec<Vec<(Key, Reply)>>,
    /// Fills that were divided, in the order in which clients heard of it.
    pub divided: Vec<Divided>,
    shares: BTreeMap<Key, Vec<(AccountId, u64)>>,
    delivered: u64,
}

impl ClientHistory {
    /// A history of a firm with so many shards.
    pub fn new(shards: usize) -> Self {
        Self {
            shards,
            sent: BTreeMap::new(),
            pending: vec![Vec::new(); shards],
            divided: Vec::new(),
            shares: BTreeMap::new(),
            delivered: 0,
        }
    }

    /// A message comes to the door on a connection.
    ///
    /// # Panics
    /// When it is malformed: no client of a simulation sends such.
    pub fn deliver(&mut self, connection: u64, message: &[u8]) {
        for request in requests(message) {
            let (is_split, shard) = match &request {
                Request::Fill(fill) => (false, Some(fill.ticker.shard(self.shards))),
                Request::Bust(bust) => (false, Some(bust.ticker.shard(self.shards))),
                Request::Split(_) => (true, None),
                Request::Report(_) => continue,
            };
            self.delivered += 1;
            let key = Key { is_split, source: *request.source(), seq: request.seq() };
            let sent = self.sent.entry(key).or_default();
            sent.shard = shard;
            sent.deliveries.push((connection, self.delivered));
        }
    }

    /// A message comes out of the door.
    ///
    /// # Errors
    /// An answer that cannot be read, that answers nothing, or that contradicts an earlier one.
    pub fn hear(&mut self, message: &[u8], tally: &mut Tally) -> Result<(), Violation> {
        let mut replies = Vec::new();
        decode_replies(message, &mut replies)
            .map_err(|error| Violation::new("P1", format!("an unreadable answer: {error}")))?;
        replies.into_iter().try_for_each(|reply| self.hear_reply(reply, tally))
    }

    fn hear_reply(&mut self, reply: Reply, tally: &mut Tally) -> Result<(), Violation> {
        match &reply {
            Reply::Reported { .. } => return Ok(()),
            Reply::Rejected { code, .. } if *code == Reject::Busy.code() => {
                tally.busy += 1;
                return Ok(());
            }
            Reply::Rejected { code, .. } if *code == Reject::StorageFull.code() => {
                tally.storage_full += 1;
                return Ok(());
            }
            _ => {}
        }
        let key = key_of(&reply)?;
        let unasked = || Violation::new("P1", format!("an answer that nobody sent for: {reply:?}"));
        let shard = self.sent.get(&key).ok_or_else(unasked)?.shard;
        count(&reply, tally);
        self.hold_against_first(key, &reply)?;
        if let Reply::Allocated { ticker, .. } = &reply {
            self.divided.push(Divided { source: key.source, seq: key.seq, ticker: *ticker });
        }
        match shard {
            Some(shard) => self.pending[shard].push((key, reply)),
            None => self.pending.iter_mut().for_each(|list| list.push((key, reply.clone()))),
        }
        Ok(())
    }

    /// A repeat has the shares of the first answer, or none where that is forgotten.
    fn hold_against_first(&mut self, key: Key, reply: &Reply) -> Result<(), Violation> {
        let (Reply::Allocated { shares, .. } | Reply::Busted { shares, .. }) = reply else {
            return Ok(());
        };
        if shares.is_empty() {
            return Ok(());
        }
        let first = self.shares.entry(key).or_insert_with(|| shares.clone());
        ensure(first == shares, "P2", || format!("{reply:?}; the first answer said {first:?}"))
    }
}

/// The message that a reply answers.
///
/// # Errors
/// A reply to nobody: no client of a simulation sends what cannot be read.
pub fn key_of(reply: &Reply) -> Result<Key, Violation> {
    let source = SourceId::new(reply.source().as_bytes())
        .map_err(|_| Violation::new("P1", format!("an answer to no source: {reply:?}")))?;
    let is_split = source.as_str().starts_with("aum");
    Ok(Key { is_split, source, seq: reply.seq() })
}

fn count(reply: &Reply, tally: &mut Tally) {
    tally.answers += 1;
    tally.duplicates += u64::from(reply.is_duplicate());
    tally.late += u64::from(reply.is_late());
    match reply {
        Reply::Allocated { .. } => tally.allocated += 1,
        Reply::Held { .. } => tally.held += 1,
        Reply::Busted { .. } => tally.busted += 1,
        Reply::Accepted { .. } => tally.accepted += 1,
        Reply::Rejected { .. } => tally.rejected += 1,
        Reply::Reported { .. } => {}
    }
}

/// All requests of a message, whichever its encoding.
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
