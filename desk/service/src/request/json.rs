//! JSON: a request as one object on a line.
//!
//! ```text
//!   {"type":"command","source":"web","seq":1,"user":"u","command":"BUY","symbol":"ABC",
//!    "amount":"100.00","transaction":17}
//! ```
//!
//! A command may also come as a line of a workload: `{"type":"command","source":"web","seq":1,
//! "line":"[17] BUY,u,ABC,100.00"}`.
//!
//! A field that is not known, or that the command does not have, is refused, and so is one that
//! says nothing.

use std::borrow::Cow;
use std::num::NonZeroU64;

use allot_desk_rules::{Cents, Command, CommandName, FileName, LineHead, Reject, Symbol, User};
use allot_domain::{Reject as Core, Seq, SourceId};
use allot_wire::json::{Entries, Field, Object, need, read_request, string, unknown_field};
use allot_wire::{Rejection, origin};
use serde_json::value::RawValue;

use super::{ReportRequest, Request, made, request_of_line};
use crate::limits::REFUSED_LINE_MAX;

/// The fields of a line, as they stand there.
struct Fields<'a> {
    fields: [Field<'a>; 10],
    /// The name of the first field that no request has.
    unknown: Option<Cow<'a, str>>,
}

const NAMES: [&str; 10] =
    ["type", "source", "seq", "user", "command", "symbol", "amount", "file", "transaction", "line"];

impl<'a> Fields<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Core> {
        let Entries::<&RawValue>(entries) = read_request(line)?;
        let mut fields = Self { fields: NAMES.map(Field::named), unknown: None };
        for (name, value) in entries {
            match fields.fields.iter_mut().find(|field| field.name() == name) {
                Some(field) => field.set(value),
                None => fields.unknown = fields.unknown.or(Some(name)),
            }
        }
        Ok(fields)
    }

    /// Refuses what the request has no field for, and what says nothing.
    fn refuse_unknown(&self, known: &[&str]) -> Result<(), Reject> {
        if let Some(name) = &self.unknown {
            return Err(unknown_field(name, known).into());
        }
        for field in &self.fields {
            if field.value.is_some() && !known.contains(&field.name()) {
                return Err(unknown_field(field.name(), known).into());
            }
            field.refuse_empty(|| None)?;
        }
        Ok(())
    }

    fn request(&self) -> Result<Request, Reject> {
        let [kind, source, seq, ..] = &self.fields;
        let json = kind.json()?;
        match string(json).as_deref() {
            Some("command") => self.command(),
            Some("report") => {
                self.refuse_unknown(&["type", "source", "seq"])?;
                need([source, seq])?;
                let (source, seq) = origin(&source.text()?, seq.whole()?)?;
                Ok(Request::Report(ReportRequest { source, seq }))
            }
            _ => Err(Core::UnknownType(format!(
                "the type must be command or report; it was {}",
                Core::quote(json)
            ))
            .into()),
        }
    }

    fn command(&self) -> Result<Request, Reject> {
        let [_, source, seq, user, command, symbol, amount, file, transaction, line] = &self.fields;
        self.refuse_unknown(&NAMES)?;
        if line.value.is_some() {
            self.refuse_unknown(&["type", "source", "seq", "line"])?;
            need([source, seq])?;
            let (source, seq) = origin(&source.text()?, seq.whole()?)?;
            return request_of_line(source, seq, &line.text()?);
        }
        need([source, seq, command])?;
        let name = CommandName::parse(&command.text()?)?;
        self.refuse_unknown(&known_fields(name))?;
        let is_of_all = name == CommandName::DumpLog && user.value.is_none();
        if !is_of_all {
            need([user])?;
        }
        let (source, seq) = origin(&source.text()?, seq.whole()?)?;
        let user = user.value.map(|_| user.text()).transpose()?;
        let user = user.map(|user| User::new(user.as_bytes())).transpose()?;
        let transaction = transaction.value.map(|_| transaction.whole()).transpose()?;
        let bad = || Reject::BadTransaction("0".to_owned());
        let transaction =
            transaction.map(|number| NonZeroU64::new(number).ok_or_else(bad)).transpose()?;
        let command = read_command(name, symbol, amount, file)?;
        command.check()?;
        Ok(made(source, seq, transaction, user, command))
    }
}

fn read_command(
    name: CommandName,
    symbol: &Field<'_>,
    amount: &Field<'_>,
    file: &Field<'_>,
) -> Result<Command, Reject> {
    let symbol = || Symbol::new(symbol.text()?.as_bytes());
    let amount = || Cents::parse(&amount.scalar()?);
    Ok(match name {
        CommandName::Add => Command::Add(amount()?),
        CommandName::Quote => Command::Quote(symbol()?),
        CommandName::Buy => Command::Buy(symbol()?, amount()?),
        CommandName::CommitBuy => Command::CommitBuy,
        CommandName::CancelBuy => Command::CancelBuy,
        CommandName::Sell => Command::Sell(symbol()?, amount()?),
        CommandName::CommitSell => Command::CommitSell,
        CommandName::CancelSell => Command::CancelSell,
        CommandName::SetBuyAmount => Command::SetBuyAmount(symbol()?, amount()?),
        CommandName::SetBuyTrigger => Command::SetBuyTrigger(symbol()?, amount()?),
        CommandName::CancelSetBuy => Command::CancelSetBuy(symbol()?),
        CommandName::SetSellAmount => Command::SetSellAmount(symbol()?, amount()?),
        CommandName::SetSellTrigger => Command::SetSellTrigger(symbol()?, amount()?),
        CommandName::CancelSetSell => Command::CancelSetSell(symbol()?),
        CommandName::DumpLog => Command::DumpLog(FileName::new(&file.text()?)?),
        CommandName::DisplaySummary => Command::DisplaySummary,
    })
}

/// The fields of a command: those of all, and those that its arguments name.
fn known_fields(name: CommandName) -> Vec<&'static str> {
    let mut known = vec!["type", "source", "seq", "user", "command", "transaction"];
    let arguments = name.arguments();
    for (argument, field) in
        [("SYMBOL", "symbol"), ("AMOUNT", "amount"), ("PRICE", "amount"), ("FILE", "file")]
    {
        if arguments.contains(argument) {
            known.push(field);
        }
    }
    known
}

/// Reads one line and judges every field of it.
///
/// # Errors
/// The first reject that applies; source and seq are echoed where they can be read.
pub fn decode_line(line: &[u8]) -> Result<Request, Rejection> {
    let fields = Fields::read(line).map_err(|reject| Rejection::unread(&reject))?;
    fields.request().map_err(|reject| {
        let [_, source, seq, ..] = &fields.fields;
        let source = source.text().unwrap_or_default();
        Rejection::new(source.as_bytes(), Seq::new(seq.whole().unwrap_or_default()), &reject)
    })
}

/// A line that is refused, whose sender, user and command can be read all the same.
pub(crate) struct RefusedLine<'a> {
    pub(crate) source: SourceId,
    pub(crate) seq: Seq,
    pub(crate) user: User,
    pub(crate) command: CommandName,
    pub(crate) symbol: Option<Symbol>,
    pub(crate) transaction: Option<NonZeroU64>,
    pub(crate) text: &'a str,
}

/// Reads as much of a line that is refused as the log needs; none where that cannot be read, or
/// the line is too long to be kept.
pub(crate) fn read_refused(line: &[u8]) -> Option<RefusedLine<'_>> {
    if REFUSED_LINE_MAX < line.len() {
        return None;
    }
    let text = core::str::from_utf8(line).ok()?;
    let fields = Fields::read(line).ok()?;
    let [kind, source, seq, user, command, symbol, _, _, transaction, line] = &fields.fields;
    if string(kind.json().ok()?).as_deref() != Some("command") {
        return None;
    }
    let (source, seq) = origin(&source.text().ok()?, seq.whole().ok()?).ok()?;
    if line.value.is_some() {
        let LineHead { transaction, name, user, symbol } = LineHead::read(&line.text().ok()?)?;
        return Some(RefusedLine { source, seq, user, command: name?, symbol, transaction, text });
    }
    Some(RefusedLine {
        source,
        seq,
        user: User::new(user.text().ok()?.as_bytes()).ok()?,
        command: CommandName::parse(&command.text().ok()?).ok()?,
        symbol: symbol.text().ok().and_then(|symbol| Symbol::new(symbol.as_bytes()).ok()),
        transaction: transaction.whole().ok().and_then(NonZeroU64::new),
        text,
    })
}

/// Appends a line of a workload as it stands, without a line's end: the desk reads it, and refuses
/// it where it is no command.
pub fn encode_as_written(source: &SourceId, seq: Seq, line: &str, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("type", "command");
    object.plain("source", source.as_str());
    object.number("seq", seq.get());
    object.text("line", line);
    object.end();
}

/// Appends a request as one object, without a line's end.
pub fn encode_line(request: &Request, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    let kind = if matches!(request, Request::Report(_)) { "report" } else { "command" };
    object.plain("type", kind);
    object.plain("source", request.source().as_str());
    object.number("seq", request.seq().get());
    let transaction = match request {
        Request::Command(request) => {
            object.plain("user", request.user.as_str());
            object.plain("command", request.command.name().as_str());
            if let Some(symbol) = request.command.symbol() {
                object.plain("symbol", symbol.as_str());
            }
            if let Some(amount) = request.command.amount() {
                object.plain("amount", &amount.to_string());
            }
            if let Some(file) = request.command.file() {
                object.plain("file", file.as_str());
            }
            request.transaction
        }
        Request::DumpAll(dump) => {
            object.plain("command", CommandName::DumpLog.as_str());
            object.plain("file", dump.file.as_str());
            dump.transaction
        }
        Request::Report(_) => None,
    };
    if let Some(transaction) = transaction {
        object.number("transaction", transaction.get());
    }
    object.end();
}
