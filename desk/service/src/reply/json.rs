//! JSON: replies as objects.

use std::borrow::Cow;

use allot_desk_rules::{
    Answer, Cents, Firing, Outcomes, Pending, Recent, Summary, Symbol, Trade, TriggerLine,
};
use allot_domain::{ReportNumber, Seq, Side};
use allot_wire::DecodeError;
use allot_wire::json::{Object, required};
use allot_wire::reply::Echo;
use serde::Deserialize;

use super::{Reply, ReplyBody, Subject, answer_word, side_word};

fn begin<'o>(kind: &str, echo: Echo<'_>, subject: &Subject, out: &'o mut Vec<u8>) -> Object<'o> {
    let mut object = echo.begin(kind, out);
    if let Some(user) = &subject.user {
        object.plain("user", user.as_str());
    }
    object.plain("command", subject.command.as_str());
    if let Some(transaction) = subject.transaction {
        object.number("transaction", transaction.get());
    }
    object
}

fn money(object: &mut Object<'_>, name: &str, amount: Cents) {
    object.plain(name, &amount.to_string());
}

fn symbol(object: &mut Object<'_>, symbol: Option<Symbol>) {
    if let Some(symbol) = symbol {
        object.plain("symbol", symbol.as_str());
    }
}

fn trade(object: &mut Object<'_>, trade: &Trade) {
    object.plain("side", side_word(trade.side));
    object.plain("symbol", trade.symbol.as_str());
    object.number("shares", trade.shares.get());
    money(object, "price", trade.price);
    money(object, "amount", trade.amount());
}

pub(super) fn answered(
    echo: Echo<'_>,
    subject: &Subject,
    outcomes: &Outcomes,
    answer: &Answer,
    out: &mut Vec<u8>,
) {
    let mut object = begin("answered", echo, subject, out);
    object.plain("answer", answer_word(answer));
    if !matches!(answer, Answer::Pending { .. } | Answer::Committed(_) | Answer::Cancelled(_)) {
        symbol(&mut object, subject.symbol);
    }
    match answer {
        Answer::Added { cash } => money(&mut object, "cash", *cash),
        Answer::Quoted { price, until_ns } => {
            money(&mut object, "price", *price);
            object.time("until", *until_ns);
        }
        Answer::Pending { trade: order, until_ns } => {
            trade(&mut object, order);
            object.time("until", *until_ns);
        }
        Answer::Committed(done) | Answer::Cancelled(done) => trade(&mut object, done),
        Answer::AmountSet { before, shares } => {
            money(&mut object, "before", *before);
            object.number("shares", shares.get());
        }
        Answer::Armed { amount, shares } | Answer::SetCancelled { amount, shares } => {
            money(&mut object, "amount", *amount);
            object.number("shares", shares.get());
        }
        Answer::LogDumped | Answer::Forgotten => {}
        Answer::Summary(account) => summary(&mut object, account, outcomes),
    }
    object.end();
}

fn summary(object: &mut Object<'_>, account: &Summary, outcomes: &Outcomes) {
    money(object, "cash", account.cash);
    money(object, "held", account.held);
    money(object, "reserved", account.reserved);
    object.list("holdings", account.holdings.of(&outcomes.holdings), |one, out| {
        let mut object = Object::begin(out);
        object.plain("symbol", one.symbol.as_str());
        object.number("free", one.free.get());
        object.number("reserved", one.reserved.get());
        object.end();
    });
    object.list("pending", account.pending.of(&outcomes.pending), |one, out| {
        let Pending { trade: order, left_ns } = one;
        let mut object = Object::begin(out);
        trade(&mut object, order);
        object.number("left_ns", *left_ns);
        object.end();
    });
    object.list("triggers", account.triggers.of(&outcomes.triggers), |one, out| {
        let TriggerLine { side, symbol, amount, shares, trigger } = one;
        let mut object = Object::begin(out);
        object.plain("side", side_word(*side));
        object.plain("symbol", symbol.as_str());
        money(&mut object, "amount", *amount);
        object.number("shares", shares.get());
        if let Some(trigger) = trigger {
            money(&mut object, "trigger", *trigger);
        }
        object.end();
    });
    object.list("recent", account.recent.of(&outcomes.recent), recent);
}

fn recent(one: &Recent, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("kind", one.kind.as_str());
    object.time("time", one.at_ns);
    if let Some(transaction) = one.transaction {
        object.number("transaction", transaction.get());
    }
    symbol(&mut object, one.symbol);
    money(&mut object, "amount", one.amount);
    object.number("shares", one.shares.get());
    object.end();
}

pub(super) fn awaiting(echo: Echo<'_>, subject: &Subject, awaited: Symbol, out: &mut Vec<u8>) {
    let mut object = begin("awaiting", echo, subject, out);
    object.plain("awaits", awaited.as_str());
    object.end();
}

pub(super) fn fired(echo: Echo<'_>, subject: &Subject, firing: &Firing, out: &mut Vec<u8>) {
    let mut object = begin("fired", echo, subject, out);
    object.plain("side", side_word(firing.side));
    symbol(&mut object, subject.symbol);
    money(&mut object, "trigger", firing.trigger);
    money(&mut object, "price", firing.price);
    object.number("shares", firing.shares.get());
    money(&mut object, "amount", firing.amount);
    money(&mut object, "cash_back", firing.cash_back);
    object.number("shares_back", firing.shares_back.get());
    object.end();
}

pub(super) fn disarmed(
    echo: Echo<'_>,
    subject: &Subject,
    side: Side,
    trigger: Cents,
    out: &mut Vec<u8>,
) {
    let mut object = begin("disarmed", echo, subject, out);
    object.plain("side", side_word(side));
    symbol(&mut object, subject.symbol);
    money(&mut object, "trigger", trigger);
    object.end();
}

#[derive(Deserialize)]
struct ReplyLine<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    late: bool,
    report: Option<u64>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

/// Reads what every reply has.
pub(super) fn read(line: &[u8]) -> Result<Reply, DecodeError> {
    let line: ReplyLine<'_> = serde_json::from_slice(line)?;
    let body = match &*line.kind {
        "answered" => ReplyBody::Answered,
        "awaiting" => ReplyBody::Awaiting,
        "fired" => ReplyBody::Fired,
        "disarmed" => ReplyBody::Disarmed,
        "reported" => ReplyBody::Reported(ReportNumber::new(required("report", line.report)?)),
        "rejected" => ReplyBody::Rejected {
            code: required("code", line.code)?.into_owned(),
            reason: required("reason", line.reason)?.into_owned(),
        },
        kind => return Err(DecodeError::new(format!("no reply is of the type {kind}"))),
    };
    let (source, seq) = (line.source.into_owned(), Seq::new(line.seq));
    Ok(Reply { source, seq, duplicate: line.duplicate, late: line.late, body })
}
