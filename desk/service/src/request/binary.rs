//! Binary: the records of requests.
//!
//! A line that is refused at the front door is a record too, where sender, user and command can be
//! read: so it stands in the journal, and the log has it. The shard reads the line again, and
//! refuses it for the same reason.

use std::num::NonZeroU64;

use allot_desk_rules as rules;
use allot_desk_rules::{Cents, Command, CommandName, DumpAll, FileName, Reject, Symbol, User};
use allot_domain::{Cursor, Reject as Core, Seq, SourceId, Ticker, limits};
use allot_wire::{PaddedTicker, Rejection, codec, origin};
use serde::{Deserialize, Serialize};

use super::json::{RefusedLine, decode_line, read_refused};
use super::{ReportRequest, Request, RequestKind};
use crate::limits::REFUSED_LINE_MAX;

#[derive(Serialize, Deserialize)]
struct RoutedPrefix<'a> {
    user: PaddedTicker,
    seq: u64,
    source: &'a str,
}

#[derive(Serialize, Deserialize)]
struct CommandRecord<'a> {
    #[serde(borrow)]
    routed: RoutedPrefix<'a>,
    transaction: u64,
    command: u8,
    symbol: [u8; 3],
    amount: u64,
    file: &'a str,
}

#[derive(Serialize, Deserialize)]
struct NameRecord<'a> {
    seq: u64,
    source: &'a str,
}

#[derive(Serialize, Deserialize)]
struct DumpRecord<'a> {
    #[serde(borrow)]
    name: NameRecord<'a>,
    transaction: u64,
    file: &'a str,
}

/// The number of no command: the text is a line that was refused at the front door.
const REFUSED: u8 = u8::MAX;

/// What the router needs of a command, and all it reads of one.
#[derive(Clone, Copy, Debug)]
pub struct RoutingKeys<'a> {
    /// Whose command it is.
    pub user: User,
    /// The source's number of it.
    pub seq: Seq,
    /// The name of the source.
    pub source: &'a [u8],
}

/// Reads the start of a command; what follows is for the shard to judge. None where anything is
/// wrong: [`routing_rejection`] says what.
#[inline]
#[must_use]
pub fn routing_keys(record: &[u8]) -> Option<RoutingKeys<'_>> {
    take_routing_keys(&mut Cursor::new(record))
}

#[inline]
fn take_routing_keys<'a>(cursor: &mut Cursor<'a>) -> Option<RoutingKeys<'a>> {
    let user = User::of_key(Ticker::from_padded(&cursor.take_array().ok()?)?)?;
    let seq = Seq::new(cursor.u64().ok().filter(|seq| 0 < *seq)?);
    let source_len = usize::try_from(cursor.u64().ok()?).ok()?;
    let source = cursor.take(source_len).ok().filter(|source| SourceId::is_name(source))?;
    Some(RoutingKeys { user, seq, source })
}

/// The name of the command in a record; what is before and behind it is not judged.
pub(crate) fn command_of(record: &[u8]) -> Option<CommandName> {
    let mut cursor = Cursor::new(record);
    // The user, and the number of the message.
    cursor.take(32 + 8).ok()?;
    let source_len = usize::try_from(cursor.u64().ok()?).ok()?;
    cursor.take(source_len).ok()?;
    let _transaction = cursor.u64().ok()?;
    CommandName::ALL.get(usize::from(cursor.u8().ok()?)).copied()
}

/// Why a record has no [`routing_keys`].
#[cold]
#[must_use]
pub fn routing_rejection(record: &[u8]) -> Rejection {
    let RoutedPrefix { user, seq, source } = match codec::decode_prefix(record) {
        Ok(prefix) => prefix,
        Err(error) => return Rejection::unread(&Core::from(error)),
    };
    let reject = match origin(source, seq) {
        Ok(_) => read_user(user).err(),
        Err(reject) => Some(reject.into()),
    };
    let what = || Core::MalformedMessage("the record has no valid routing key".into()).into();
    Rejection::new(source.as_bytes(), Seq::new(seq), &reject.unwrap_or_else(what))
}

/// The users of the core's alphabet that are none of the desk are refused as such.
fn read_user(user: PaddedTicker) -> Result<User, Reject> {
    match user.read() {
        Ok(key) => User::new(key.as_bytes()),
        Err(_) => Err(Reject::BadUser("a text of other characters, or none".into())),
    }
}

/// Reads a whole request and judges every field of it.
///
/// # Errors
/// The first [`Reject`] that applies.
pub fn decode_request(kind: RequestKind, record: &[u8]) -> Result<Request, Rejection> {
    if limits::MESSAGE_MAX < record.len() {
        return Err(Rejection::unread(&Core::OversizedMessage(record.len())));
    }
    let unread = |error| Rejection::unread(&Core::from(error));
    match kind {
        RequestKind::Command => {
            if let Some(request) = read_plain(record) {
                return Ok(Request::Command(request));
            }
            let record: CommandRecord<'_> = codec::decode(record).map_err(unread)?;
            let name = NameRecord { seq: record.routed.seq, source: record.routed.source };
            if record.command == REFUSED {
                return Err(reread(&record, &name));
            }
            read_command(&record).map_err(|reject| name.rejection(&reject))
        }
        RequestKind::DumpAll => {
            let record: DumpRecord<'_> = codec::decode(record).map_err(unread)?;
            read_dump(&record).map_err(|reject| record.name.rejection(&reject))
        }
        RequestKind::Report => {
            let name: NameRecord<'_> = codec::decode(record).map_err(unread)?;
            let read = origin(name.source, name.seq);
            let read = read.map(|(source, seq)| Request::Report(ReportRequest { source, seq }));
            read.map_err(|reject| name.rejection(&reject.into()))
        }
    }
}

/// Why a line was refused: it is read again, and says the same.
fn reread(record: &CommandRecord<'_>, name: &NameRecord<'_>) -> Rejection {
    let line = record.file.as_bytes();
    let known = if line.len() <= REFUSED_LINE_MAX { decode_line(line).err() } else { None };
    let is_its = |one: &Rejection| one.source == name.source && one.seq.get() == name.seq;
    let unknown = || name.rejection(&Reject::UnknownCommand(record.command.to_string()));
    known.filter(is_its).unwrap_or_else(unknown)
}

/// Appends a line that is refused as a record, which the shard refuses for the same reason.
pub(crate) fn encode_refused(refused: &RefusedLine<'_>, record: &mut Vec<u8>) {
    let (user, seq) = (refused.user.key().into(), refused.seq.get());
    codec::append(
        CommandRecord {
            routed: RoutedPrefix { user, seq, source: refused.source.as_str() },
            transaction: refused.transaction.map_or(0, NonZeroU64::get),
            command: REFUSED,
            symbol: [0; 3],
            amount: 0,
            file: refused.text,
        },
        record,
    );
}

/// Whose a record is that the shard refused, and what was asked for, as far as the log needs it.
pub(crate) struct RefusedCommand {
    pub(crate) user: User,
    pub(crate) command: CommandName,
    pub(crate) symbol: Option<Symbol>,
    pub(crate) transaction: Option<NonZeroU64>,
}

/// Reads that; none where it cannot be read.
pub(crate) fn refused_command(record: &[u8]) -> Option<RefusedCommand> {
    let record: CommandRecord<'_> = codec::decode(record).ok()?;
    let user = read_user(record.routed.user).ok()?;
    let transaction = NonZeroU64::new(record.transaction);
    let (command, symbol) = if record.command == REFUSED {
        let line = read_refused(record.file.as_bytes())?;
        (line.command, line.symbol)
    } else {
        let name = CommandName::ALL.get(usize::from(record.command)).copied();
        (name?, Symbol::from_padded(record.symbol))
    };
    Some(RefusedCommand { user, command, symbol, transaction })
}

impl NameRecord<'_> {
    fn rejection(&self, reject: &Reject) -> Rejection {
        Rejection::new(self.source.as_bytes(), Seq::new(self.seq), reject)
    }
}

/// Reads a command field by field, as nearly all of them are; none where anything is wrong, or a
/// file is named: then [`read_command`] reads it again, and says what is wrong.
#[inline]
fn read_plain(record: &[u8]) -> Option<rules::Request> {
    let mut cursor = Cursor::new(record);
    let RoutingKeys { user, seq, source } = take_routing_keys(&mut cursor)?;
    let source = SourceId::new(source).ok()?;
    let transaction = NonZeroU64::new(cursor.u64().ok()?);
    let name = *CommandName::ALL.get(usize::from(cursor.u8().ok()?))?;
    let (symbol, amount) = (cursor.take_array().ok()?, cursor.u64().ok()?);
    let is_whole = cursor.u64() == Ok(0) && cursor.rest().is_empty();
    let command = command(name, Fields { symbol, amount, file: "" }).ok().filter(|_| is_whole)?;
    Some(rules::Request { source, id: seq.into(), time_ns: 0, transaction, user, command })
}

/// What a command may have besides its name.
#[derive(Clone, Copy)]
struct Fields<'a> {
    symbol: [u8; 3],
    amount: u64,
    file: &'a str,
}

fn read_command(record: &CommandRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(record.routed.source, record.routed.seq)?;
    let user = read_user(record.routed.user)?;
    let name = CommandName::ALL.get(usize::from(record.command)).copied();
    let name = name.ok_or_else(|| Reject::UnknownCommand(record.command.to_string()))?;
    let CommandRecord { symbol, amount, file, .. } = *record;
    let fields = Fields { symbol, amount, file };
    Ok(Request::Command(rules::Request {
        source,
        id: seq.into(),
        time_ns: 0,
        transaction: NonZeroU64::new(record.transaction),
        user,
        command: command(name, fields)?,
    }))
}

fn read_dump(record: &DumpRecord<'_>) -> Result<Request, Reject> {
    let (source, seq) = origin(record.name.source, record.name.seq)?;
    Ok(Request::DumpAll(DumpAll {
        source,
        id: seq.into(),
        time_ns: 0,
        transaction: NonZeroU64::new(record.transaction),
        file: FileName::new(record.file)?,
    }))
}

/// The command of a record; what it does not have must be zero or empty.
fn command(name: CommandName, record: Fields<'_>) -> Result<Command, Reject> {
    let amount = Cents::new(record.amount);
    let symbol = || {
        let bad = || Reject::BadSymbol(Core::quote(&String::from_utf8_lossy(&record.symbol)));
        Symbol::from_padded(record.symbol).ok_or_else(bad)
    };
    let command = match name {
        CommandName::Add => Command::Add(amount),
        CommandName::Quote => Command::Quote(symbol()?),
        CommandName::Buy => Command::Buy(symbol()?, amount),
        CommandName::CommitBuy => Command::CommitBuy,
        CommandName::CancelBuy => Command::CancelBuy,
        CommandName::Sell => Command::Sell(symbol()?, amount),
        CommandName::CommitSell => Command::CommitSell,
        CommandName::CancelSell => Command::CancelSell,
        CommandName::SetBuyAmount => Command::SetBuyAmount(symbol()?, amount),
        CommandName::SetBuyTrigger => Command::SetBuyTrigger(symbol()?, amount),
        CommandName::CancelSetBuy => Command::CancelSetBuy(symbol()?),
        CommandName::SetSellAmount => Command::SetSellAmount(symbol()?, amount),
        CommandName::SetSellTrigger => Command::SetSellTrigger(symbol()?, amount),
        CommandName::CancelSetSell => Command::CancelSetSell(symbol()?),
        CommandName::DumpLog => Command::DumpLog(FileName::new(record.file)?),
        CommandName::DisplaySummary => Command::DisplaySummary,
    };
    let is_whole = (command.symbol().is_some() || record.symbol == [0; 3])
        && (command.amount().is_some() || record.amount == 0)
        && (command.file().is_some() || record.file.is_empty());
    if !is_whole {
        return Err(Reject::WrongArguments(name));
    }
    command.check()?;
    Ok(command)
}

/// The number of a command: its place in the list of names.
pub(crate) fn command_byte(name: CommandName) -> u8 {
    let place = CommandName::ALL.iter().position(|known| *known == name);
    place.and_then(|place| u8::try_from(place).ok()).expect("every name is in the list")
}

/// Appends a request as a record, without its size.
pub fn encode_request(request: &Request, record: &mut Vec<u8>) {
    let (seq, source) = (request.seq().get(), request.source().as_str());
    match request {
        Request::Command(request) => codec::append(
            CommandRecord {
                routed: RoutedPrefix { user: request.user.key().into(), seq, source },
                transaction: request.transaction.map_or(0, NonZeroU64::get),
                command: command_byte(request.command.name()),
                symbol: request.command.symbol().map_or([0; 3], Symbol::padded),
                amount: request.command.amount().map_or(0, Cents::get),
                file: request.command.file().map_or("", FileName::as_str),
            },
            record,
        ),
        Request::DumpAll(dump) => {
            let name = NameRecord { seq, source };
            let transaction = dump.transaction.map_or(0, NonZeroU64::get);
            codec::append(DumpRecord { name, transaction, file: dump.file.as_str() }, record);
        }
        Request::Report(_) => codec::append(NameRecord { seq, source }, record),
    }
}
