//! Reject: why a message changes nothing. One closed list, in order of precedence.
//!
//! The first line that applies is the answer. Codes are stable; reasons may be reworded.

use crate::decimal::{DecimalError, nanos_text};
use crate::limits;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

macro_rules! rejects {
    ($( $(#[$doc:meta])* $name:ident $(($data:ty))? = $code:literal, )*) => {
        /// Why a message was refused, in order of precedence.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Reject {
            $( $(#[$doc])* $name $(($data))?, )*
        }

        impl Reject {
            /// All codes, in order of precedence.
            pub const CODES: &[&str] = &[$($code),*];

            /// The stable code of this reason.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self { $( rejects!(@pattern $name $(($data))?) => $code, )* }
            }
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident ($data:ty)) => { Self::$name(_) };
}

rejects! {
    /// The message is longer than [`limits::MESSAGE_MAX`] bytes; holds its length.
    OversizedMessage(usize) = "oversized_message",
    /// Neither a JSON object nor a binary batch, or a damaged one; holds what is wrong.
    MalformedMessage(String) = "malformed_message",
    /// The type is not one of the documented; holds it.
    UnknownType(String) = "unknown_type",
    /// A field that must be there is not; holds its name.
    MissingField(&'static str) = "missing_field",
    /// A field is there but of the wrong kind; holds name and fault.
    MalformedField(String) = "malformed_field",
    /// The source is not 1 to 64 of the allowed characters; holds it.
    BadSource(String) = "bad_source",
    /// Sequences count up from 1.
    SequenceMustBePositive = "sequence_must_be_positive",
    /// The ticker is not 1 to 16 of the allowed characters; holds it.
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
    /// The split has no account.
    EmptySplit = "empty_split",
    /// The split has more than [`limits::ACCOUNTS_MAX`] accounts; holds how many.
    TooManyAccounts(usize) = "too_many_accounts",
    /// An account is not 1 to 64 of the allowed characters; holds it.
    BadAccount(String) = "bad_account",
    /// An account stands twice in the split; holds it.
    DuplicateAccount(String) = "duplicate_account",
    /// A weight is no decimal number of at most nine decimals; holds text and fault.
    WeightMalformed(String) = "weight_malformed",
    /// A weight is below zero; holds the account.
    WeightMustNotBeNegative(String) = "weight_must_not_be_negative",
    /// The weights do not add up to 100 within 0.01; holds their sum in 1e-9.
    WeightsMustAddTo100(i128) = "weights_must_add_to_100",
    /// The sequence is older than the window that the shard remembers; holds the oldest it does.
    SequenceTooOld(u64) = "sequence_too_old",
    /// The shard knows [`limits::SOURCES_MAX`] sources already.
    TooManySources = "too_many_sources",
    /// The shard knows [`limits::TICKERS_MAX`] tickers already.
    TooManyTickers = "too_many_tickers",
    /// The firm has seen four times [`limits::ACCOUNTS_MAX`] accounts, closed ones included.
    TooManyAccountsEver = "too_many_accounts_ever",
    /// No fill of that sequence is addressable: never made, busted already, or too long ago.
    UnknownFill(u64) = "unknown_fill",
    /// The sale, or the bust of a purchase, takes more than the accounts hold; holds what they do.
    ExceedsHoldings(u64) = "exceeds_holdings",
    /// Turnover or holdings would pass [`limits::VALUE_MAX`] or [`limits::HOLDING_MAX`].
    ExceedsLimits = "exceeds_limits",
    /// Nothing was looked at: the disk has no room for another journal segment. Send it again.
    StorageFull = "storage_full",
    /// Nothing was looked at: a queue is full, or a part of the server is away. Send it again.
    Busy = "busy",
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

    /// A weight that does not parse.
    #[must_use]
    pub fn weight(account: &str, text: &str, why: DecimalError) -> Self {
        Self::WeightMalformed(format!("{} of {} {why}", Self::quote(text), Self::quote(account)))
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

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OversizedMessage(_)
            | Self::MalformedMessage(_)
            | Self::UnknownType(_)
            | Self::MissingField(_)
            | Self::MalformedField(_)
            | Self::SequenceMustBePositive
            | Self::SequenceTooOld(_)
            | Self::StorageFull
            | Self::Busy => self.explain_message(f),
            Self::EmptySplit
            | Self::TooManyAccounts(_)
            | Self::BadAccount(_)
            | Self::DuplicateAccount(_)
            | Self::WeightMalformed(_)
            | Self::WeightMustNotBeNegative(_)
            | Self::WeightsMustAddTo100(_)
            | Self::TooManyAccountsEver => self.explain_split(f),
            _ => self.explain_fill(f),
        }
    }
}

impl Reject {
    fn explain_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OversizedMessage(len) => {
                write!(f, "a message has at most {} bytes; this one had {len}", limits::MESSAGE_MAX)
            }
            Self::MalformedMessage(what) => f.write_str(what),
            Self::UnknownType(kind) => {
                write!(f, "the type is one of fill, bust, split, report; it was {kind}")
            }
            Self::MissingField(name) => write!(f, "the field \"{name}\" is missing"),
            Self::MalformedField(what) => f.write_str(what),
            Self::SequenceMustBePositive => f.write_str("sequences count up from 1; it was 0"),
            Self::SequenceTooOld(oldest) => write!(
                f,
                "whether it was applied is no longer known; sequences from {oldest} on are"
            ),
            Self::StorageFull => f.write_str(
                "the disk of the journal has no room; send it again once somebody has made some",
            ),
            _ => f.write_str("the server has no room for it now; send it again later"),
        }
    }

    fn explain_split(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySplit => f.write_str("a split needs at least one account"),
            Self::TooManyAccounts(count) => {
                write!(f, "a split has at most {} accounts; it had {count}", limits::ACCOUNTS_MAX)
            }
            Self::BadAccount(account) => {
                write!(f, "an account is 1 to 64 of A-Z a-z 0-9 . - _ @; it was {account}")
            }
            Self::DuplicateAccount(account) => {
                write!(f, "an account stands once in a split; {account} stood twice")
            }
            Self::WeightMalformed(what) => write!(f, "the weight {what}"),
            Self::WeightMustNotBeNegative(account) => {
                write!(f, "a weight is zero or more; that of {account} was negative")
            }
            Self::WeightsMustAddTo100(sum) => write!(
                f,
                "the weights add up to 100 within 0.01; they added up to {}",
                nanos_text(*sum)
            ),
            _ => f.write_str("the firm has had too many accounts; start a new residuals"),
        }
    }

    fn explain_fill(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSource(source) => {
                write!(f, "a source is 1 to 64 of A-Z a-z 0-9 . - _ @; it was {source}")
            }
            Self::BadTicker(ticker) => {
                write!(f, "a ticker is 1 to 16 of A-Z a-z 0-9 . - / _; it was {ticker}")
            }
            Self::BadSide(side) => write!(f, "the side is buy or sell; it was {side}"),
            Self::PriceMalformed(what) => write!(f, "the price {what}"),
            Self::PriceMustBePositive(price) => {
                write!(f, "the price must be more than zero; it was {}", nanos_text(*price))
            }
            Self::PriceTooLarge(price) => write!(
                f,
                "the price is at most {}; it was {}",
                nanos_text(limits::PRICE_MAX.into()),
                nanos_text(*price)
            ),
            Self::QuantityMalformed(what) => write!(f, "the quantity {what}"),
            Self::QuantityMustBePositive(quantity) => {
                write!(f, "the quantity must be at least one share; it was {quantity}")
            }
            Self::QuantityMustBeWhole(quantity) => {
                write!(f, "the quantity is in whole shares; it was {quantity}")
            }
            Self::QuantityTooLarge(quantity) => {
                write!(f, "the quantity is at most {}; it was {quantity}", limits::QUANTITY_MAX)
            }
            other => other.explain_state(f),
        }
    }

    fn explain_state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManySources => {
                write!(f, "a shard remembers at most {} sources", limits::SOURCES_MAX)
            }
            Self::TooManyTickers => {
                write!(f, "a shard holds at most {} tickers", limits::TICKERS_MAX)
            }
            Self::UnknownFill(of) => write!(
                f,
                "no fill {of} of this source and ticker can be busted: not made, busted, or too old"
            ),
            Self::ExceedsHoldings(held) => {
                write!(f, "the accounts hold only {held} of it")
            }
            _ => f.write_str("turnover or holdings would pass the limits of a shard"),
        }
    }
}

impl From<Reject> for String {
    fn from(reject: Reject) -> Self {
        reject.to_string()
    }
}
