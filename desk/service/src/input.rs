//! Input: what a shard of the desk applies, as the body of an input.
//!
//! Commands are the front door's own records, untouched. A quote, one that could not be had, a try
//! that brought none, and a tick are one kind, for that is what the quote manager feeds.

use std::num::NonZeroU64;

use allot_desk_rules::{
    Cents, CommandName, Input, QuoteFailed, QuoteRetried, Quoted, Symbol, Tick, User,
};
use allot_domain::Reject as Core;
use allot_wire::backplane::{InputKind, decode_marker};
use allot_wire::{DecodeError, PaddedTicker, Rejection, codec};
use serde::{Deserialize, Serialize};

use crate::limits::{CRYPTOKEY_LEN_MAX, FAULT_LEN_MAX};
use crate::request::command_of;
use crate::{Request, RequestKind, decode_request};

/// The inputs of the desk, by name. Their numbers stand in frames and journals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputName {
    /// 1: a record of a command.
    Command,
    /// 2: a record of a DUMPLOG of all.
    DumpAll,
    /// 4: a cut through all shards.
    Marker,
    /// 5: a quote, one that could not be had, a try that brought none, or the time alone.
    Quote,
}

impl InputName {
    /// The name of a kind; none where the desk has no such input.
    #[inline]
    #[must_use]
    pub const fn of(kind: InputKind) -> Option<Self> {
        match kind.get() {
            1 => Some(Self::Command),
            2 => Some(Self::DumpAll),
            4 => Some(Self::Marker),
            5 => Some(Self::Quote),
            _ => None,
        }
    }

    /// The kind of this name.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> InputKind {
        match self {
            Self::Command => InputKind::new(1),
            Self::DumpAll => InputKind::new(2),
            Self::Marker => InputKind::MARKER,
            Self::Quote => InputKind::new(5),
        }
    }
}

/// Whether an input is a DUMPLOG, of a user or of all; of others as little is read as tells.
#[must_use]
pub fn is_dump(kind: InputKind, body: &[u8]) -> bool {
    match InputName::of(kind) {
        Some(InputName::Command) => command_of(body) == Some(CommandName::DumpLog),
        Some(InputName::DumpAll) => true,
        _ => false,
    }
}

#[derive(Serialize, Deserialize)]
enum QuoteRecord<'a> {
    Quoted {
        symbol: [u8; 3],
        price: u64,
        server_time_ms: u64,
        asked_by: PaddedTicker,
        transaction: u64,
        cryptokey: &'a str,
    },
    Failed {
        symbol: [u8; 3],
    },
    Tick,
    Retried {
        symbol: [u8; 3],
        asked_by: PaddedTicker,
        transaction: u64,
        fault: &'a str,
    },
}

/// Appends the body of a quote; the time is the router's to say.
pub fn encode_quote(quoted: &Quoted, body: &mut Vec<u8>) {
    let record = QuoteRecord::Quoted {
        symbol: quoted.symbol.padded(),
        price: quoted.price.get(),
        server_time_ms: quoted.server_time_ms,
        asked_by: quoted.asked_by.key().into(),
        transaction: quoted.transaction.map_or(0, NonZeroU64::get),
        cryptokey: &quoted.cryptokey,
    };
    codec::append(record, body);
}

/// Appends the body of a quote that could not be had.
pub fn encode_failure(symbol: Symbol, body: &mut Vec<u8>) {
    codec::append(QuoteRecord::Failed { symbol: symbol.padded() }, body);
}

/// Appends the body of a try that brought no quote; the time is the router's to say. Its fault is
/// cut at [`FAULT_LEN_MAX`] bytes, and what is not printable ASCII becomes a `?`.
pub fn encode_retry(retried: &QuoteRetried, body: &mut Vec<u8>) {
    let printable = |letter: char| if is_printable(letter) { letter } else { '?' };
    let fault: String = retried.fault.chars().take(FAULT_LEN_MAX).map(printable).collect();
    let record = QuoteRecord::Retried {
        symbol: retried.symbol.padded(),
        asked_by: retried.asked_by.key().into(),
        transaction: retried.transaction.map_or(0, NonZeroU64::get),
        fault: &fault,
    };
    codec::append(record, body);
}

const fn is_printable(letter: char) -> bool {
    matches!(letter, ' '..='~')
}

/// Appends the body of a tick; the time is the router's to say.
pub fn encode_tick(body: &mut Vec<u8>) {
    codec::append(QuoteRecord::Tick, body);
}

fn decode_quote(body: &[u8], time_ns: u64) -> Result<Input, DecodeError> {
    let read_symbol = |symbol: [u8; 3]| {
        Symbol::from_padded(symbol).ok_or_else(|| DecodeError::new("a quote of no symbol"))
    };
    let read_user = |user: &PaddedTicker| {
        User::of_key(user.read()?).ok_or_else(|| DecodeError::new("a quote for no user"))
    };
    Ok(match codec::decode(body)? {
        QuoteRecord::Tick => Input::Tick(Tick { time_ns }),
        QuoteRecord::Failed { symbol } => {
            Input::QuoteFailed(QuoteFailed { symbol: read_symbol(symbol)?, time_ns })
        }
        QuoteRecord::Retried { symbol, asked_by, transaction, fault } => {
            if FAULT_LEN_MAX < fault.len() || !fault.chars().all(is_printable) {
                return Err(DecodeError::new("a fault that is too long or not printable"));
            }
            Input::QuoteRetried(QuoteRetried {
                symbol: read_symbol(symbol)?,
                asked_by: read_user(&asked_by)?,
                transaction: NonZeroU64::new(transaction),
                fault: fault.into(),
                time_ns,
            })
        }
        QuoteRecord::Quoted { symbol, price, server_time_ms, asked_by, transaction, cryptokey } => {
            if CRYPTOKEY_LEN_MAX < cryptokey.len() {
                return Err(DecodeError::new("a quote with a cryptokey that is too long"));
            }
            Input::Quote(Quoted {
                symbol: read_symbol(symbol)?,
                price: Cents::new(price),
                server_time_ms,
                cryptokey: cryptokey.into(),
                asked_by: read_user(&asked_by)?,
                transaction: NonZeroU64::new(transaction),
                time_ns,
            })
        }
    })
}

/// Reads the body of an input that the router took at this time.
///
/// # Errors
/// Those of [`decode_request`] for what clients sent; `malformed_message` for the rest.
#[inline]
pub fn decode_input(kind: InputKind, time_ns: u64, body: &[u8]) -> Result<Input, Rejection> {
    let unread = |error| Rejection::unread(&Core::from(error));
    let request = match InputName::of(kind) {
        Some(InputName::Command) => RequestKind::Command,
        Some(InputName::DumpAll) => RequestKind::DumpAll,
        Some(InputName::Marker) => return decode_marker(body).map(Input::Marker).map_err(unread),
        Some(InputName::Quote) => return decode_quote(body, time_ns).map_err(unread),
        None => return Err(unread(DecodeError::new("there is no input of this kind"))),
    };
    match decode_request(request, body)? {
        Request::Command(mut request) => {
            request.time_ns = time_ns;
            Ok(Input::Command(request))
        }
        Request::DumpAll(mut dump) => {
            dump.time_ns = time_ns;
            Ok(Input::DumpAll(dump))
        }
        Request::Report(_) => Err(unread(DecodeError::new("a report is no input"))),
    }
}
