//! Wanted: a wish for a quote or a tick, from a shard to the publisher, and from there to the quote
//! manager.
//!
//! ```text
//!   wanted:json:<symbol>:
//!       {"type":"wanted","symbol":"ABC","user":"u","transaction":7,"time_ns":…}
//!   wanted:json
//!       {"type":"due","due_ns":…}
//! ```

use std::num::NonZeroU64;

use allot_desk_rules::{Symbol, User, Wanted};
use allot_wire::json::Object;
use allot_wire::{DecodeError, PaddedTicker, codec};
use serde::{Deserialize, Serialize};

/// A wish for a quote, and when it was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedEvent {
    /// The wish.
    pub wanted: Wanted,
    /// When: nanoseconds of Unix time, by the router's clock.
    pub time_ns: u64,
}

/// What a shard wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// A quote.
    Quote(WantedEvent),
    /// An input at this time, in nanoseconds of Unix time, for something is due then.
    Tick(u64),
}

/// What topics of wishes begin with.
pub(crate) const WANTED: &str = "wanted:";

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct WantedRecord {
    symbol: [u8; 3],
    user: PaddedTicker,
    transaction: u64,
}

#[derive(Serialize, Deserialize)]
enum WishRecord {
    Quote(u64, WantedRecord),
    Tick(u64),
}

#[derive(Deserialize)]
struct TypeLine<'a> {
    r#type: &'a str,
}

#[derive(Deserialize)]
struct DueLine {
    due_ns: u64,
}

#[derive(Deserialize)]
struct WantedLine<'a> {
    symbol: &'a str,
    user: &'a str,
    transaction: Option<u64>,
    time_ns: u64,
}

impl From<&Wanted> for WantedRecord {
    fn from(wanted: &Wanted) -> Self {
        Self {
            symbol: wanted.symbol.padded(),
            user: wanted.user.key().into(),
            transaction: wanted.transaction.map_or(0, NonZeroU64::get),
        }
    }
}

impl WantedRecord {
    pub(crate) fn read(&self) -> Result<Wanted, DecodeError> {
        let symbol = Symbol::from_padded(self.symbol);
        let user = User::of_key(self.user.read()?);
        let (Some(symbol), Some(user)) = (symbol, user) else {
            return Err(DecodeError::new("a wish for a quote of no symbol, or for no user"));
        };
        Ok(Wanted { symbol, user, transaction: NonZeroU64::new(self.transaction) })
    }
}

/// Appends a wish as a shard sends it.
pub(crate) fn append(wish: &Wish, out: &mut Vec<u8>) {
    let record = match wish {
        Wish::Quote(event) => WishRecord::Quote(event.time_ns, (&event.wanted).into()),
        Wish::Tick(due_ns) => WishRecord::Tick(*due_ns),
    };
    codec::append(record, out);
}

/// Reads what [`append`] wrote.
pub(crate) fn read(event: &[u8]) -> Result<Wish, DecodeError> {
    Ok(match codec::decode(event)? {
        WishRecord::Quote(time_ns, record) => {
            Wish::Quote(WantedEvent { wanted: record.read()?, time_ns })
        }
        WishRecord::Tick(due_ns) => Wish::Tick(due_ns),
    })
}

impl Wish {
    /// Appends the message that subscribers get.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Quote(event) => event.encode(out),
            Self::Tick(due_ns) => {
                let mut object = Object::begin(out);
                object.plain("type", "due");
                object.number("due_ns", *due_ns);
                object.end();
            }
        }
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let TypeLine { r#type } = serde_json::from_slice(message)?;
        if r#type == "due" {
            let DueLine { due_ns } = serde_json::from_slice(message)?;
            return Ok(Self::Tick(due_ns));
        }
        WantedEvent::decode(message).map(Self::Quote)
    }
}

impl WantedEvent {
    /// Appends the message that subscribers get.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Self { wanted, time_ns } = self;
        let mut object = Object::begin(out);
        object.plain("type", "wanted");
        object.plain("symbol", wanted.symbol.as_str());
        object.plain("user", wanted.user.as_str());
        if let Some(transaction) = wanted.transaction {
            object.number("transaction", transaction.get());
        }
        object.number("time_ns", *time_ns);
        object.end();
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let WantedLine { symbol, user, transaction, time_ns } = serde_json::from_slice(message)?;
        let none = |reject: allot_desk_rules::Reject| DecodeError::new(reject.to_string());
        let symbol = Symbol::new(symbol.as_bytes()).map_err(none)?;
        let user = User::new(user.as_bytes()).map_err(none)?;
        let transaction = transaction.and_then(NonZeroU64::new);
        Ok(Self { wanted: Wanted { symbol, user, transaction }, time_ns })
    }
}
