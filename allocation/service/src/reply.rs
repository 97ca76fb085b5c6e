//! Reply: what the front door sends back.
//!
//! A reply is written from an outcome or a rejection without a copy in between; the type [`Reply`]
//! is what a client reads.

mod writer;
mod listed;
mod json;
mod binary;

use allot_allocation_rules::{
    AccountIndex, ListedSplit, Outcome, Replayed, Share, SplitNumber, TickerSeq,
};
use allot_domain::{
    AccountId, MessageId, Price, Quantity, ReportNumber, Seq, Side, SourceId, Ticker,
};
use allot_wire::{Batch, DecodeError, Encoding, KIND_REPLIES, begin_batch, end_batch};

use crate::finding::encode_finding;
use crate::request::own_id;
pub(crate) use binary::read as read_record;
use listed::ListedReply;
use writer::{ReplayedHead, ReplyWriter};

/// A reply, as a client has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A fill was divided.
    Allocated {
        /// Whose fill.
        source: String,
        /// Which.
        seq: Seq,
        /// What names it: its id, or its number.
        id: MessageId,
        /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
        time_ns: u64,
        /// Whether it was replied to before.
        duplicate: bool,
        /// Whether it follows a `held`.
        late: bool,
        /// The fill's ticker.
        ticker: Ticker,
        /// Bought or sold.
        side: Side,
        /// What one share cost.
        price: Price,
        /// How many shares in all.
        quantity: Quantity,
        /// The number of the split by which it was divided; zero where no longer known.
        split: SplitNumber,
        /// Who got how many, in byte order; empty where no longer known.
        shares: Vec<(AccountId, u64)>,
    },
    /// A fill waits for the first split.
    Held {
        /// Whose fill.
        source: String,
        /// Which.
        seq: Seq,
        /// What names it: its id, or its number.
        id: MessageId,
        /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
        time_ns: u64,
        /// Whether it was replied to before.
        duplicate: bool,
    },
    /// A fill was taken back.
    Busted {
        /// Whose bust.
        source: String,
        /// Which.
        seq: Seq,
        /// What names it: its id, or its number.
        id: MessageId,
        /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
        time_ns: u64,
        /// Whether it was replied to before.
        duplicate: bool,
        /// The fill's ticker.
        ticker: Ticker,
        /// The fill's id.
        of: MessageId,
        /// Who gave back how many, in byte order; empty where no account had any, or where that is
        /// no longer known.
        shares: Vec<(AccountId, u64)>,
    },
    /// A split is in force.
    Accepted {
        /// Whose split.
        source: String,
        /// Which.
        seq: Seq,
        /// What names it: its id, or its number.
        id: MessageId,
        /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
        time_ns: u64,
        /// Whether it was replied to before.
        duplicate: bool,
        /// The number of the split, from 1; zero where no longer known.
        split: SplitNumber,
    },
    /// A report is on its way to the subscribers.
    Reported {
        /// Who asked.
        source: String,
        /// The source's number of the request.
        seq: Seq,
        /// When the router took the request, in nanoseconds of Unix time.
        time_ns: u64,
        /// The number of the report.
        report: ReportNumber,
    },
    /// Nothing changed.
    Rejected {
        /// Whose request; empty where it could not be read.
        source: String,
        /// Which; zero where it could not be read.
        seq: Seq,
        /// What names it: its id, or its number.
        id: MessageId,
        /// When the router took it, in nanoseconds of Unix time; zero where it was not taken.
        time_ns: u64,
        /// Whether it was replied to before.
        duplicate: bool,
        /// Whether it follows a `held`.
        late: bool,
        /// Why, one of [`allot_allocation_rules::Reject::CODES`].
        code: String,
        /// Why, in a sentence for people.
        reason: String,
    },
    /// Outcomes of a ticker again.
    Replayed {
        /// Who asked.
        source: String,
        /// The source's number of the request.
        seq: Seq,
        /// When the router took the request, in nanoseconds of Unix time.
        time_ns: u64,
        /// Whose outcomes.
        ticker: Ticker,
        /// The number of the first: what was asked for, or `oldest` where that is forgotten.
        from: TickerSeq,
        /// The number of the newest outcome of the ticker; zero where it never had one.
        last: TickerSeq,
        /// The number of the oldest that is kept; the one after `last` where none is.
        oldest: TickerSeq,
        /// What the feed had under these numbers, one after the other: divisions and busts.
        fills: Vec<Self>,
    },
    /// The splits so far.
    Listed {
        /// Who asked.
        source: String,
        /// The source's number of the request.
        seq: Seq,
        /// When the router took the request, in nanoseconds of Unix time.
        time_ns: u64,
        /// The number of the first: what was asked for, or `oldest` where that is forgotten.
        from: SplitNumber,
        /// The number of the split in force; zero where there is none.
        last: SplitNumber,
        /// The number of the oldest that is kept; the one after `last` where none is.
        oldest: SplitNumber,
        /// One after the other.
        splits: Vec<ListedSplit>,
    },
}

impl Reply {
    /// The source of the request; empty where it could not be read.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            Self::Allocated { source, .. }
            | Self::Held { source, .. }
            | Self::Busted { source, .. }
            | Self::Accepted { source, .. }
            | Self::Reported { source, .. }
            | Self::Rejected { source, .. }
            | Self::Replayed { source, .. }
            | Self::Listed { source, .. } => source,
        }
    }

    /// The sequence number of the request; zero where it could not be read.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        match self {
            Self::Allocated { seq, .. }
            | Self::Held { seq, .. }
            | Self::Busted { seq, .. }
            | Self::Accepted { seq, .. }
            | Self::Reported { seq, .. }
            | Self::Rejected { seq, .. }
            | Self::Replayed { seq, .. }
            | Self::Listed { seq, .. } => *seq,
        }
    }

    /// What names the request: its id, or its number.
    #[must_use]
    pub fn id(&self) -> MessageId {
        match self {
            Self::Allocated { id, .. }
            | Self::Held { id, .. }
            | Self::Busted { id, .. }
            | Self::Accepted { id, .. }
            | Self::Rejected { id, .. } => *id,
            Self::Reported { seq, .. } | Self::Replayed { seq, .. } | Self::Listed { seq, .. } => {
                MessageId::Number(*seq)
            }
        }
    }

    /// Its id, unless its number names it.
    pub(crate) fn own_id(&self) -> Option<&MessageId> {
        let id = match self {
            Self::Allocated { id, .. }
            | Self::Held { id, .. }
            | Self::Busted { id, .. }
            | Self::Accepted { id, .. }
            | Self::Rejected { id, .. } => id,
            Self::Reported { .. } | Self::Replayed { .. } | Self::Listed { .. } => return None,
        };
        own_id(id, self.seq())
    }

    /// When the router took the request, in nanoseconds of Unix time; zero where it did not.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        match self {
            Self::Allocated { time_ns, .. }
            | Self::Held { time_ns, .. }
            | Self::Busted { time_ns, .. }
            | Self::Accepted { time_ns, .. }
            | Self::Reported { time_ns, .. }
            | Self::Rejected { time_ns, .. }
            | Self::Replayed { time_ns, .. }
            | Self::Listed { time_ns, .. } => *time_ns,
        }
    }

    /// Whether the request was replied to before, and this is the first reply again.
    #[must_use]
    pub const fn is_duplicate(&self) -> bool {
        match self {
            Self::Allocated { duplicate, .. }
            | Self::Held { duplicate, .. }
            | Self::Busted { duplicate, .. }
            | Self::Accepted { duplicate, .. }
            | Self::Rejected { duplicate, .. } => *duplicate,
            Self::Reported { .. } | Self::Replayed { .. } | Self::Listed { .. } => false,
        }
    }

    /// Whether it follows a `held`.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        match self {
            Self::Allocated { late, .. } | Self::Rejected { late, .. } => *late,
            _ => false,
        }
    }

    /// The ticker of a fill that was divided or taken back.
    #[must_use]
    pub const fn ticker(&self) -> Option<&Ticker> {
        match self {
            Self::Allocated { ticker, .. } | Self::Busted { ticker, .. } => Some(ticker),
            _ => None,
        }
    }
}

/// Appends what came of an input: a JSON object without a line's end, or a binary record with its
/// size. `shares` are all of [`allot_allocation_rules::Outcomes::shares`]. A finding is for the
/// router, and has one encoding.
///
/// # Panics
/// If the outcome's shares are not in `shares`: a bug of the caller.
pub fn encode_outcome<'a>(
    encoding: Encoding,
    outcome: &Outcome,
    shares: &[Share],
    account: impl Fn(AccountIndex) -> &'a AccountId + Copy,
    out: &mut Vec<u8>,
) {
    match outcome {
        Outcome::Replayed(replayed) => encode_replayed(encoding, replayed, shares, account, out),
        Outcome::Listed(listed) => ListedReply::of(listed).write(encoding, out),
        _ => encode_single(encoding, outcome, shares, account, out),
    }
}

/// Apart, so that the way of a fill stays short.
#[inline(never)]
fn encode_replayed<'a>(
    encoding: Encoding,
    replayed: &Replayed,
    shares: &[Share],
    account: impl Fn(AccountIndex) -> &'a AccountId + Copy,
    out: &mut Vec<u8>,
) {
    let append = |fill: &Outcome, out: &mut Vec<u8>| {
        encode_single(encoding, fill, shares, account, out);
    };
    write_replayed(encoding, &ReplayedHead::of(replayed), &replayed.fills, append, out);
}

/// An outcome that holds no other.
#[inline]
fn encode_single<'a>(
    encoding: Encoding,
    outcome: &Outcome,
    shares: &[Share],
    account: impl Fn(AccountIndex) -> &'a AccountId,
    out: &mut Vec<u8>,
) {
    if let Outcome::Checked { finding, .. } = outcome {
        return encode_finding(finding, out);
    }
    let named = |share: &Share| (account(share.account), share.quantity);
    let shares = writer::shares_of(outcome, shares).iter().map(named);
    let reason = match outcome {
        Outcome::Rejected { reject, .. } => reject.to_string(),
        _ => String::new(),
    };
    write(encoding, ReplyWriter::of_outcome(outcome, &reason, shares), out);
}

/// Appends a reply, as [`encode_outcome`] does: the same bytes again.
pub fn encode_reply(encoding: Encoding, reply: &Reply, out: &mut Vec<u8>) {
    if let Some((head, fills)) = ReplayedHead::of_reply(reply) {
        let append = |fill: &Reply, out: &mut Vec<u8>| encode_reply(encoding, fill, out);
        return write_replayed(encoding, &head, fills, append, out);
    }
    if let Some(listed) = ListedReply::of_reply(reply) {
        return listed.write(encoding, out);
    }
    let shares = writer::shares_of_reply(reply);
    write(encoding, ReplyWriter::of_reply(reply, shares), out);
}

/// Writes a message of this one reply, as `fills:` has it; `out` then holds nothing else.
pub fn encode_reply_message(encoding: Encoding, reply: &Reply, out: &mut Vec<u8>) {
    out.clear();
    match encoding {
        Encoding::Json => encode_reply(encoding, reply, out),
        Encoding::Binary => {
            begin_batch(out, KIND_REPLIES);
            encode_reply(encoding, reply, out);
            end_batch(out, 1);
        }
    }
}

fn write<'a, S>(encoding: Encoding, reply: ReplyWriter<'a, S>, out: &mut Vec<u8>)
where
    S: Iterator<Item = (&'a AccountId, u64)> + Clone,
{
    match encoding {
        Encoding::Json => json::write(reply, out),
        Encoding::Binary => binary::write(reply, out),
    }
}

fn write_replayed<T>(
    encoding: Encoding,
    head: &ReplayedHead<'_>,
    fills: &[T],
    append: impl FnMut(&T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    match encoding {
        Encoding::Json => json::write_replayed(head, fills, append, out),
        Encoding::Binary => binary::write_replayed(head, fills, append, out),
    }
}

/// Reads a message of replies in either encoding, and appends them.
///
/// # Errors
/// Says what is wrong; replies before the fault have been appended.
pub fn decode_replies(message: &[u8], replies: &mut Vec<Reply>) -> Result<(), DecodeError> {
    match Encoding::of(message) {
        Encoding::Json => {
            let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            for line in lines {
                replies.push(checked(json::read(line)?)?);
            }
        }
        Encoding::Binary => {
            let batch = Batch::read(message)?;
            if batch.kind != KIND_REPLIES {
                return Err(DecodeError::new(format!("kind {} is no reply", batch.kind)));
            }
            for record in batch.records() {
                replies.push(checked(binary::read(record?)?)?);
            }
        }
    }
    Ok(())
}

/// A reply whose texts are of the alphabets that whoever writes it again takes for granted.
fn checked(reply: Reply) -> Result<Reply, DecodeError> {
    let source = reply.source();
    if !source.is_empty() && !SourceId::is_name(source.as_bytes()) {
        return Err(DecodeError::new("the source of this reply is no name of a source"));
    }
    if let Reply::Rejected { code, .. } = &reply
        && (code.is_empty()
            || !code.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()))
    {
        return Err(DecodeError::new("the code of this reply is not a word"));
    }
    if let Reply::Replayed { ticker, fills, .. } = &reply
        && !fills.iter().all(|fill| fill.ticker() == Some(ticker))
    {
        return Err(DecodeError::new("what was replayed is no outcome of the ticker"));
    }
    Ok(reply)
}
