//! Reject: why a message changes nothing, where any system may say so.
//!
//! Codes are stable; reasons may be reworded. A system adds codes of its own and puts all of them
//! into one closed list, in order of precedence.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::decimal::{DecimalError, nanos_text};
use crate::{Seq, ShardId, limits};

/// A reason for which a message is refused: a stable code, and a sentence for people.
pub trait Reason: fmt::Display {
    /// The stable code.
    fn code(&self) -> &'static str;
}

/// Declares a closed list of reasons: the enum, its codes, and [`Reason`].
///
/// A system's list extends the core's: its first variant holds a [`Reject`] of the core.
#[macro_export]
macro_rules! reasons {
    (
        $(#[$list_doc:meta])*
        pub enum $list:ident $(extends $base:ident($core:ty))? {
            $( $(#[$doc:meta])* $name:ident $(($data:ty))? = $code:literal, )*
        }
    ) => {
        $(#[$list_doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum $list {
            $(
                /// A reason that any system may give.
                $base($core),
            )?
            $( $(#[$doc])* $name $(($data))?, )*
        }

        impl $list {
            /// The codes that this list adds, in order of precedence.
            pub const OWN_CODES: &[&str] = &[$($code),*];

            /// The stable code of this reason.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    $( Self::$base(reject) => reject.code(), )?
                    $( $crate::reasons!(@pattern $name $(($data))?) => $code, )*
                }
            }
        }

        impl $crate::Reason for $list {
            fn code(&self) -> &'static str {
                self.code()
            }
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident ($data:ty)) => { Self::$name(_) };
}

reasons! {
    /// Why a message was refused.
    pub enum Reject {
        /// The message is longer than [`limits::MESSAGE_MAX`] bytes; holds its length.
        OversizedMessage(usize) = "oversized_message",
        /// Neither a JSON object nor a binary batch, or a damaged one; holds what is wrong.
        MalformedMessage(String) = "malformed_message",
        /// The type is not one of the documented; holds it.
        UnknownType(String) = "unknown_type",
        /// A field is not known, or it says nothing: it is null or empty; holds what is wrong.
        UnknownField(String) = "unknown_field",
        /// A field that must be there is not; holds its name.
        MissingField(&'static str) = "missing_field",
        /// A field is there but of the wrong kind; holds name and fault.
        MalformedField(String) = "malformed_field",
        /// The source is not 1 to 64 of the allowed characters; holds it.
        BadSource(String) = "bad_source",
        /// Sequences count up from 1.
        SequenceMustBePositive = "sequence_must_be_positive",
        /// The id is not 1 to 64 of the allowed characters; holds it.
        BadId(String) = "bad_id",
        /// The ticker is not 1 to 32 of the allowed characters; holds it.
        BadTicker(String) = "bad_ticker",
        /// The side is neither `buy` nor `sell`; holds it.
        BadSide(String) = "bad_side",
        /// The price is no decimal number of at most nine decimals; holds text and fault.
        PriceMalformed(String) = "price_malformed",
        /// The price is zero or less; holds it in 1e-9.
        PriceMustBePositive(i128) = "price_must_be_positive",
        /// The price is over [`limits::PRICE_MAX`]; holds it in 1e-9.
        PriceTooLarge(i128) = "price_too_large",
        /// The quantity is no decimal number; holds text and fault.
        QuantityMalformed(String) = "quantity_malformed",
        /// The quantity is zero or less; holds its text.
        QuantityMustBePositive(String) = "quantity_must_be_positive",
        /// The quantity has a fraction; holds its text.
        QuantityMustBeWhole(String) = "quantity_must_be_whole",
        /// The quantity is over [`limits::QUANTITY_MAX`]; holds it.
        QuantityTooLarge(i128) = "quantity_too_large",
        /// An account is not 1 to 64 of the allowed characters; holds it.
        BadAccount(String) = "bad_account",
        /// The name was given to another message before; holds the name.
        NameReused(String) = "name_reused",
        /// The number cannot be told from those of its source that are forgotten; holds one.
        SequenceTooOld(Seq) = "sequence_too_old",
        /// Nothing was looked at: the disk has no room for another journal segment. Send it again.
        StorageFull = "storage_full",
        /// Nothing was looked at: a queue is full. Send it again.
        Busy = "busy",
        /// Nothing was looked at: the shard that it is for is away; holds which. Send it again.
        ShardAway(ShardId) = "shard_away",
    }
}

impl Reject {
    /// A price that does not parse.
    #[must_use]
    pub fn price(text: &str, why: DecimalError) -> Self {
        Self::PriceMalformed(format!("{} {why}", Self::quote(text)))
    }

    /// A quantity that does not parse.
    #[must_use]
    pub fn quantity(text: &str, why: DecimalError) -> Self {
        Self::QuantityMalformed(format!("{} {why}", Self::quote(text)))
    }

    /// A text of the sender as a reason quotes it: at most 80 characters, nothing unprintable.
    #[must_use]
    pub fn quote(text: &str) -> String {
        const QUOTE_LEN_MAX: usize = 80;
        let mut quoted: String =
            text.chars().take(QUOTE_LEN_MAX).flat_map(char::escape_debug).collect();
        if text.chars().nth(QUOTE_LEN_MAX).is_some() {
            quoted.push('…');
        }
        format!("\"{quoted}\"")
    }

    /// Bytes of the sender as a reason quotes them.
    #[must_use]
    pub fn quote_bytes(bytes: &[u8]) -> String {
        Self::quote(&String::from_utf8_lossy(bytes))
    }
}

impl core::error::Error for Reject {}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadTicker(_)
            | Self::BadSide(_)
            | Self::PriceMalformed(_)
            | Self::PriceMustBePositive(_)
            | Self::PriceTooLarge(_)
            | Self::QuantityMalformed(_)
            | Self::QuantityMustBePositive(_)
            | Self::QuantityMustBeWhole(_)
            | Self::QuantityTooLarge(_) => self.explain_trade(f),
            _ => self.explain_message(f),
        }
    }
}

impl Reject {
    fn explain_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OversizedMessage(len) => {
                let most = limits::MESSAGE_MAX;
                write!(f, "the message has {len} bytes; at most {most} are allowed")
            }
            Self::MalformedMessage(what)
            | Self::MalformedField(what)
            | Self::UnknownField(what)
            | Self::UnknownType(what) => f.write_str(what),
            Self::MissingField(name) => write!(f, "the field \"{name}\" is missing"),
            Self::BadSource(source) => {
                write!(f, "a source must be 1 to 64 of A-Z a-z 0-9 . - _ @; it was {source}")
            }
            Self::BadAccount(account) => {
                write!(f, "an account must be 1 to 64 of A-Z a-z 0-9 . - _ @; it was {account}")
            }
            Self::SequenceMustBePositive => {
                f.write_str("the sequence number must be at least 1; it was 0")
            }
            Self::BadId(id) => write!(
                f,
                "an id must be 1 to 64 printable ASCII characters, without space, \" and \\; \
                 it was {id}"
            ),
            Self::NameReused(name) => write!(
                f,
                "{name} was applied before with other contents; a name is given once, for ever"
            ),
            Self::SequenceTooOld(forgotten) => write!(
                f,
                "the number is too old to tell whether it was applied: {forgotten} of this source \
                 is forgotten"
            ),
            Self::StorageFull => {
                f.write_str("the journal's disk is full; send it again when space has been freed")
            }
            Self::ShardAway(shard) => write!(
                f,
                "shard {shard} is away: it is not running, or cannot reach the router; send it \
                 again when it is back"
            ),
            _ => f.write_str("the server is busy; send it again later"),
        }
    }

    fn explain_trade(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadTicker(ticker) => {
                write!(
                    f,
                    "a ticker must be 1 to 32 printable ASCII characters, without \" and \\, \
                     with a space only between two others; it was {ticker}"
                )
            }
            Self::BadSide(side) => write!(f, "the side must be buy or sell; it was {side}"),
            Self::PriceMalformed(what) => write!(f, "the price {what}"),
            Self::PriceMustBePositive(price) => {
                write!(f, "the price must be more than zero; it was {}", nanos_text(*price))
            }
            Self::PriceTooLarge(price) => write!(
                f,
                "the price must be at most {}; it was {}",
                nanos_text(limits::PRICE_MAX.into()),
                nanos_text(*price)
            ),
            Self::QuantityMalformed(what) => write!(f, "the quantity {what}"),
            Self::QuantityMustBePositive(quantity) => {
                write!(f, "the quantity must be at least one share; it was {quantity}")
            }
            Self::QuantityMustBeWhole(quantity) => {
                write!(f, "the quantity must be a whole number of shares; it was {quantity}")
            }
            Self::QuantityTooLarge(quantity) => {
                let most = limits::QUANTITY_MAX;
                write!(f, "the quantity must be at most {most}; it was {quantity}")
            }
            other => other.explain_message(f),
        }
    }
}

impl From<Reject> for String {
    fn from(reject: Reject) -> Self {
        reject.to_string()
    }
}
