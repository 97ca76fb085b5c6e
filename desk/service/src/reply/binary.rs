//! Binary: the records of replies.

use std::num::NonZeroU64;

use allot_desk_rules::{
    Answer, Cents, Firing, Origin, Outcomes, Shares, Summary, Symbol, Trade, User,
};
use allot_domain::{Cursor, Reject as Core, ReportNumber, Seq, Side, SourceId};
use allot_wire::reply::{Echo, Head, REJECTED, REPORTED, RejectedRecord, ReportedRecord};
use allot_wire::{DecodeError, PaddedTicker, append_sized, codec};
use serde::Serialize;

use super::{Reply, ReplyBody, Subject, echo, json, recent_byte};
use crate::request::command_byte;

const ANSWERED: u8 = 1;
const AWAITING: u8 = 2;
const FIRED: u8 = 3;
const DISARMED: u8 = 4;

fn number(transaction: Option<NonZeroU64>) -> u64 {
    transaction.map_or(0, NonZeroU64::get)
}

fn padded(symbol: Option<Symbol>) -> [u8; 3] {
    symbol.map_or([0; 3], Symbol::padded)
}

fn side_byte(side: Side) -> u8 {
    u8::from(side == Side::Sell)
}

fn trade(trade: &Trade) -> (u8, [u8; 3], u64, u64) {
    (side_byte(trade.side), trade.symbol.padded(), trade.shares.get(), trade.price.get())
}

/// Appends the record: the fields behind the subject are those of `rest`.
fn append(tag: u8, echo: Echo<'_>, subject: &Subject, rest: impl Serialize, out: &mut Vec<u8>) {
    append_with(tag, echo, subject, out, |out| codec::append(rest, out));
}

/// The same, where the fields write themselves.
fn append_with(
    tag: u8,
    echo: Echo<'_>,
    subject: &Subject,
    out: &mut Vec<u8>,
    write_rest: impl FnOnce(&mut Vec<u8>),
) {
    append_sized(out, |out| {
        out.push(tag);
        echo.write_head(out);
        match &subject.user {
            Some(user) => out.extend_from_slice(User::key(user).padded()),
            None => out.extend_from_slice(&[0; 32]),
        }
        out.push(command_byte(subject.command));
        out.extend_from_slice(&number(subject.transaction).to_le_bytes());
        out.extend_from_slice(&padded(subject.symbol));
        write_rest(out);
    });
}

/// An answer is its number in 4 bytes, then its fields.
pub(super) fn answered(
    echo: Echo<'_>,
    subject: &Subject,
    outcomes: &Outcomes,
    answer: &Answer,
    out: &mut Vec<u8>,
) {
    match answer {
        Answer::Added { cash } => append(ANSWERED, echo, subject, (0_u32, cash.get()), out),
        Answer::Quoted { price, until_ns } => {
            append(ANSWERED, echo, subject, (1_u32, price.get(), until_ns), out);
        }
        Answer::Pending { trade: order, until_ns } => {
            append(ANSWERED, echo, subject, (2_u32, trade(order), until_ns), out);
        }
        Answer::Committed(done) => append(ANSWERED, echo, subject, (3_u32, trade(done)), out),
        Answer::Cancelled(order) => append(ANSWERED, echo, subject, (4_u32, trade(order)), out),
        Answer::AmountSet { before, shares } => {
            append(ANSWERED, echo, subject, (5_u32, before.get(), shares.get()), out);
        }
        Answer::Armed { amount, shares } => {
            append(ANSWERED, echo, subject, (6_u32, amount.get(), shares.get()), out);
        }
        Answer::SetCancelled { amount, shares } => {
            append(ANSWERED, echo, subject, (7_u32, amount.get(), shares.get()), out);
        }
        Answer::LogDumped => append(ANSWERED, echo, subject, 8_u32, out),
        Answer::Summary(summary) => {
            append_with(ANSWERED, echo, subject, out, |out| append_summary(summary, outcomes, out));
        }
        Answer::Forgotten => append(ANSWERED, echo, subject, 10_u32, out),
    }
}

/// The account of a user: three amounts and four lists. It is the longest of the common answers,
/// so its fields are written one by one, into the message at once.
fn append_summary(summary: &Summary, outcomes: &Outcomes, out: &mut Vec<u8>) {
    out.extend_from_slice(&9_u32.to_le_bytes());
    append_numbers(out, [summary.cash.get(), summary.held.get(), summary.reserved.get()]);
    let holdings = summary.holdings.of(&outcomes.holdings);
    append_length(out, holdings);
    for one in holdings {
        out.extend_from_slice(&one.symbol.padded());
        append_numbers(out, [one.free.get(), one.reserved.get()]);
    }
    let pending = summary.pending.of(&outcomes.pending);
    append_length(out, pending);
    for one in pending {
        let (side, symbol, shares, price) = trade(&one.trade);
        out.push(side);
        out.extend_from_slice(&symbol);
        append_numbers(out, [shares, price, one.left_ns]);
    }
    let triggers = summary.triggers.of(&outcomes.triggers);
    append_length(out, triggers);
    for one in triggers {
        out.push(side_byte(one.side));
        out.extend_from_slice(&one.symbol.padded());
        let trigger = one.trigger.map_or(0, Cents::get);
        append_numbers(out, [one.amount.get(), one.shares.get(), trigger]);
    }
    let recent = summary.recent.of(&outcomes.recent);
    append_length(out, recent);
    for one in recent {
        out.push(recent_byte(one.kind));
        let (amount, shares) = (one.amount.get(), one.shares.get());
        append_numbers(out, [number(one.transaction), one.at_ns, amount, shares]);
        out.extend_from_slice(&padded(one.symbol));
    }
}

fn append_numbers<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    out.extend_from_slice(numbers.map(u64::to_le_bytes).as_flattened());
}

fn append_length<T>(out: &mut Vec<u8>, list: &[T]) {
    append_numbers(out, [u64::try_from(list.len()).expect("a usize fits")]);
}

pub(super) fn awaiting(echo: Echo<'_>, subject: &Subject, symbol: Symbol, out: &mut Vec<u8>) {
    append(AWAITING, echo, subject, symbol.padded(), out);
}

pub(super) fn fired(echo: Echo<'_>, subject: &Subject, firing: &Firing, out: &mut Vec<u8>) {
    let (side, trigger, price) = (side_byte(firing.side), firing.trigger.get(), firing.price.get());
    let (shares, amount) = (firing.shares.get(), firing.amount.get());
    let (cash_back, shares_back) = (firing.cash_back.get(), firing.shares_back.get());
    let rest = (side, trigger, price, shares, amount, cash_back, shares_back);
    append(FIRED, echo, subject, rest, out);
}

pub(super) fn disarmed(
    echo: Echo<'_>,
    subject: &Subject,
    side: Side,
    trigger: Cents,
    out: &mut Vec<u8>,
) {
    append(DISARMED, echo, subject, (side_byte(side), trigger.get()), out);
}

/// Reads what every reply has.
pub(super) fn read(record: &[u8]) -> Result<Reply, DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.u8()?;
    let rest = cursor.rest();
    let of = |head: &Head<'_>, body| Reply {
        source: head.source.to_owned(),
        seq: Seq::new(head.seq),
        duplicate: head.duplicate(),
        late: head.late(),
        body,
    };
    let body = match tag {
        ANSWERED => ReplyBody::Answered,
        AWAITING => ReplyBody::Awaiting,
        FIRED => ReplyBody::Fired,
        DISARMED => ReplyBody::Disarmed,
        REPORTED => {
            let ReportedRecord { seq, source, report, .. } = codec::decode(rest)?;
            let body = ReplyBody::Reported(ReportNumber::new(report));
            let (source, seq) = (source.to_owned(), Seq::new(seq));
            return Ok(Reply { source, seq, duplicate: false, late: false, body });
        }
        REJECTED => {
            let RejectedRecord { head, code, reason } = codec::decode(rest)?;
            let (code, reason) = (code.to_owned(), reason.to_owned());
            return Ok(of(&head, ReplyBody::Rejected { code, reason }));
        }
        tag => return Err(DecodeError::new(format!("no reply has the tag {tag}"))),
    };
    Ok(of(&codec::decode_prefix(rest)?, body))
}

/// Appends what a record says of a trigger as the JSON object that says the same; false where it
/// is another reply.
pub(super) fn write_notice(record: &[u8], out: &mut Vec<u8>) -> Result<bool, DecodeError> {
    let mut cursor = Cursor::new(record);
    let tag = cursor.u8()?;
    if !matches!(tag, FIRED | DISARMED) {
        return Ok(false);
    }
    let unread = |reject: Core| DecodeError::new(reject.to_string());
    let (head, rest): (Head<'_>, _) = codec::split_prefix(cursor.rest())?;
    let (subject, rest): ((PaddedTicker, u8, u64, [u8; 3]), _) = codec::split_prefix(rest)?;
    let (user, _, transaction, symbol) = subject;
    let user = User::of_key(user.read().map_err(unread)?);
    let user = user.ok_or_else(|| DecodeError::new("a notice for no user"))?;
    let symbol = Symbol::from_padded(symbol);
    let symbol = symbol.ok_or_else(|| DecodeError::new("a notice of no symbol"))?;
    let transaction = NonZeroU64::new(transaction);
    let read_side = |byte: u8| if byte == side_byte(Side::Buy) { Side::Buy } else { Side::Sell };
    let origin = Origin {
        source: SourceId::new(head.source.as_bytes()).map_err(unread)?,
        id: Seq::new(head.seq).into(),
        time_ns: head.time_ns,
        duplicate: head.duplicate(),
    };
    if tag == DISARMED {
        let (side, trigger) = codec::decode(rest)?;
        let side = read_side(side);
        let subject = Subject::of_trigger(side, user, transaction, symbol);
        json::disarmed(echo(&origin, head.late()), &subject, side, Cents::new(trigger), out);
        return Ok(true);
    }
    let (side, trigger, price, shares, amount, cash_back, shares_back) = codec::decode(rest)?;
    let side = read_side(side);
    let firing = Firing {
        origin,
        user,
        transaction,
        side,
        symbol,
        trigger: Cents::new(trigger),
        price: Cents::new(price),
        shares: Shares::new(shares),
        amount: Cents::new(amount),
        cash_back: Cents::new(cash_back),
        shares_back: Shares::new(shares_back),
        at_ns: 0,
    };
    let subject = Subject::of_trigger(side, user, transaction, symbol);
    json::fired(echo(&firing.origin, head.late()), &subject, &firing, out);
    Ok(true)
}
