//! Reject: why a message changes nothing. One closed list, in order of precedence.
//!
//! The first reason that applies is given. Codes are stable; reasons may be reworded.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use allot_domain::decimal::{DecimalError, nanos_text};
use allot_domain::reasons;
use allot_domain::{AccountId, MessageId, Reject as Core};

use crate::limits;

reasons! {
    /// Why a message was refused.
    pub enum Reject extends Core(Core) {
        /// The split has no account.
        EmptySplit = "empty_split",
        /// The split has more than [`limits::ACCOUNTS_MAX`] accounts, those to be closed included;
        /// holds how many.
        TooManyAccounts(usize) = "too_many_accounts",
        /// An account appears twice in the split, or has a weight and is to be closed; holds it.
        DuplicateAccount(String) = "duplicate_account",
        /// A weight is no decimal number of at most nine decimals; holds text and fault.
        WeightMalformed(String) = "weight_malformed",
        /// A weight is below zero; holds the account.
        WeightMustNotBeNegative(String) = "weight_must_not_be_negative",
        /// The weights do not add up to 100 within 0.01; holds their sum in 1e-9.
        WeightsMustAddTo100(i128) = "weights_must_add_to_100",
        /// The shard knows [`limits::TICKERS_MAX`] tickers already.
        TooManyTickers = "too_many_tickers",
        /// The firm has seen four times [`limits::ACCOUNTS_MAX`] accounts, closed ones included.
        TooManyAccountsEver = "too_many_accounts_ever",
        /// An account that is to be closed was never named by a split; holds it.
        UnknownAccount(AccountId) = "unknown_account",
        /// The split leaves out accounts that hold shares; holds who and what, as text.
        SplitOmitsHolder(String) = "split_omits_holder",
        /// No fill of that name is addressable: never made, busted already, or too long ago.
        UnknownFill(MessageId) = "unknown_fill",
        /// The sale, or the bust of a purchase, takes more than the accounts hold; holds what they
        /// do.
        ExceedsHoldings(u64) = "exceeds_holdings",
        /// More than a shard can count exactly; holds of what.
        ExceedsLimits(Limit) = "exceeds_limits",
    }
}

/// What a shard can count exactly only up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The shares of a ticker: [`limits::HOLDING_MAX`].
    Holding,
    /// The value of all fills of the shard that were not busted: [`limits::VALUE_MAX`].
    Turnover,
}

impl Reject {
    /// All codes, the core's among them, in order of precedence.
    pub const CODES: &[&str] = &[
        "oversized_message",
        "malformed_message",
        "unknown_type",
        "unknown_field",
        "missing_field",
        "malformed_field",
        "bad_source",
        "sequence_must_be_positive",
        "bad_id",
        "bad_ticker",
        "bad_side",
        "price_malformed",
        "price_must_be_positive",
        "price_too_large",
        "quantity_malformed",
        "quantity_must_be_positive",
        "quantity_must_be_whole",
        "quantity_too_large",
        "empty_split",
        "too_many_accounts",
        "bad_account",
        "duplicate_account",
        "weight_malformed",
        "weight_must_not_be_negative",
        "weights_must_add_to_100",
        "name_reused",
        "sequence_too_old",
        "too_many_tickers",
        "too_many_accounts_ever",
        "unknown_account",
        "split_omits_holder",
        "unknown_fill",
        "exceeds_holdings",
        "exceeds_limits",
        "storage_full",
        "busy",
        "shard_away",
    ];

    /// A weight that does not parse.
    #[must_use]
    pub fn weight(account: &str, text: &str, why: DecimalError) -> Self {
        Self::WeightMalformed(format!("{} of {} {why}", Core::quote(text), Core::quote(account)))
    }
}

impl From<Core> for Reject {
    fn from(reject: Core) -> Self {
        Self::Core(reject)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(reject) => reject.fmt(f),
            Self::TooManyTickers => {
                write!(f, "a shard holds at most {} tickers", limits::TICKERS_MAX)
            }
            Self::UnknownFill(of) => write!(
                f,
                "fill {of} of this source and ticker cannot be busted: unknown, already busted, or \
                 no longer kept"
            ),
            Self::ExceedsHoldings(held) => {
                write!(f, "the accounts of the split hold only {held} shares")
            }
            Self::ExceedsLimits(limit) => limit.fmt(f),
            _ => self.explain_split(f),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holding => {
                write!(f, "the accounts would hold more than {} shares", limits::HOLDING_MAX)
            }
            Self::Turnover => {
                let most = nanos_text(limits::VALUE_MAX);
                write!(f, "the turnover of the ticker's shard would exceed {most}")
            }
        }
    }
}

impl Reject {
    fn explain_split(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySplit => f.write_str("a split needs at least one account"),
            Self::TooManyAccounts(count) => {
                let most = limits::ACCOUNTS_MAX;
                write!(f, "the split has {count} accounts; at most {most} are allowed")
            }
            Self::DuplicateAccount(account) => {
                write!(
                    f,
                    "account {account} appears twice in the split: give it one weight, or \
                           list it once under \"closes\""
                )
            }
            Self::WeightMalformed(what) => write!(f, "the weight {what}"),
            Self::WeightMustNotBeNegative(account) => {
                write!(f, "the weight of {account} is negative; it must be zero or more")
            }
            Self::WeightsMustAddTo100(sum) => write!(
                f,
                "the weights must add up to 100 within 0.01; they add up to {}",
                nanos_text(*sum)
            ),
            Self::UnknownAccount(account) => write!(
                f,
                "account {account} is listed under \"closes\", but no split ever named it"
            ),
            Self::SplitOmitsHolder(holders) => write!(
                f,
                "the split leaves out accounts that hold shares: {holders}; name each at 0 to \
                 wind it down, or list it under \"closes\" to close it with what it holds"
            ),
            _ => f.write_str(
                "the firm has had too many accounts; start over with an empty data directory",
            ),
        }
    }
}

impl From<Reject> for String {
    fn from(reject: Reject) -> Self {
        reject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_holds_every_code_once() {
        let listed: BTreeSet<_> = Reject::CODES.iter().copied().collect();
        assert_eq!(listed.len(), Reject::CODES.len());
        let both = Core::OWN_CODES.iter().chain(Reject::OWN_CODES);
        assert_eq!(listed, both.copied().collect());
    }
}
