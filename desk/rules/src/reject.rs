//! Reject: why a command changes nothing. One closed list, in order of precedence.
//!
//! The first reason that applies is given. Codes are stable; reasons may be reworded.

use alloc::string::{String, ToString};
use core::fmt;

use allot_domain::{Reject as Core, reasons};

use crate::{Cents, CommandName, Shares, Symbol, limits};

reasons! {
    /// Why a command was refused.
    pub enum Reject extends Core(Core) {
        /// The command is not one of the documented; holds it.
        UnknownCommand(String) = "unknown_command",
        /// The command has too few or too many arguments; holds which it takes.
        WrongArguments(CommandName) = "wrong_arguments",
        /// The number of the transaction is no whole number from 1; holds it.
        BadTransaction(String) = "bad_transaction",
        /// The user is not 1 to 32 of the allowed characters; holds it.
        BadUser(String) = "bad_user",
        /// The symbol is not 1 to 3 letters or digits; holds it.
        BadSymbol(String) = "bad_symbol",
        /// The file's name is not 1 to 255 of the allowed characters, or leads elsewhere; holds it.
        BadFile(String) = "bad_file",
        /// The amount is no number of at most two decimals; holds text and fault.
        AmountMalformed(String) = "amount_malformed",
        /// The amount is zero or less.
        AmountMustBePositive = "amount_must_be_positive",
        /// The amount is over [`limits::AMOUNT_MAX`], or the price over
        /// [`limits::SHARE_PRICE_MAX`].
        AmountTooLarge = "amount_too_large",
        /// There is no journal to make a log of.
        NoLog = "no_log",
        /// Nobody has added money to this user, or asked for a quote.
        UnknownUser = "unknown_user",
        /// The shard knows [`limits::USERS_MAX`] users already.
        TooManyUsers = "too_many_users",
        /// Too many commands wait for quotes; holds whose.
        TooManyWaiting(Waiters) = "too_many_waiting",
        /// The user has too many stocks, pending orders and triggers.
        TooManyPositions = "too_many_positions",
        /// The user has the log in [`limits::LOG_FILES_MAX`] files, or so many have that of all.
        TooManyLogs = "too_many_logs",
        /// No BUY of the last 60 seconds is pending.
        NoPendingBuy = "no_pending_buy",
        /// No SELL of the last 60 seconds is pending.
        NoPendingSell = "no_pending_sell",
        /// The user has no SET_BUY_AMOUNT in force for the symbol; holds that.
        NoSetBuy(Symbol) = "no_set_buy",
        /// The user has no SET_SELL_AMOUNT in force for the symbol; holds that.
        NoSetSell(Symbol) = "no_set_sell",
        /// The user has less free cash than the amount.
        InsufficientCash(CashShortage) = "insufficient_cash",
        /// The quote server has no price; holds of what.
        NoQuote(Symbol) = "no_quote",
        /// No quote came within 30 seconds; holds of what.
        QuoteTimeout(Symbol) = "quote_timeout",
        /// The amount is less than one share costs.
        AmountBelowPrice(PriceGap) = "amount_below_price",
        /// The user has fewer free shares than the amount is worth.
        InsufficientShares(ShareShortage) = "insufficient_shares",
        /// More than the account of a user can count; holds of what.
        ExceedsLimits(Limit) = "exceeds_limits",
    }
}

/// What is needed and what is free, in cents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CashShortage {
    /// The command that needs it.
    pub command: CommandName,
    /// How much it needs.
    pub needs: Cents,
    /// How much it could have.
    pub free: Cents,
}

/// What is needed and what is free, in shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShareShortage {
    /// The command that needs them.
    pub command: CommandName,
    /// Of which stock.
    pub symbol: Symbol,
    /// How many it needs, as far as that is known: at least one.
    pub needs: Shares,
    /// How many it could have.
    pub free: Shares,
}

/// An amount, and the price above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriceGap {
    /// The command.
    pub command: CommandName,
    /// Its amount.
    pub amount: Cents,
    /// What one share costs: the quote, or the trigger.
    pub price: Cents,
}

/// Whose commands wait for quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiters {
    /// This user's: [`limits::WAITING_USER_MAX`].
    User,
    /// All of the shard: [`limits::WAITING_MAX`], [`limits::WAITING_BYTES_MAX`].
    Shard,
}

/// What an account can count only up to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// The money of a user: [`limits::MONEY_MAX`].
    Money,
    /// The shares of a user in one stock: [`limits::HOLDING_MAX`].
    Shares,
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
        "bad_account",
        "unknown_command",
        "wrong_arguments",
        "bad_transaction",
        "bad_user",
        "bad_symbol",
        "bad_file",
        "amount_malformed",
        "amount_must_be_positive",
        "amount_too_large",
        "no_log",
        "name_reused",
        "sequence_too_old",
        "unknown_user",
        "too_many_users",
        "too_many_waiting",
        "too_many_positions",
        "too_many_logs",
        "no_pending_buy",
        "no_pending_sell",
        "no_set_buy",
        "no_set_sell",
        "insufficient_cash",
        "no_quote",
        "quote_timeout",
        "amount_below_price",
        "insufficient_shares",
        "exceeds_limits",
        "storage_full",
        "busy",
        "shard_away",
    ];

    /// Whether a command that was refused so keeps its name: sent again, it is refused again. Not
    /// so where there was no room, which passes, and where there is no user to remember it for.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::TooManyPositions
                | Self::TooManyLogs
                | Self::NoPendingBuy
                | Self::NoPendingSell
                | Self::NoSetBuy(_)
                | Self::NoSetSell(_)
                | Self::InsufficientCash(_)
                | Self::NoQuote(_)
                | Self::QuoteTimeout(_)
                | Self::AmountBelowPrice(_)
                | Self::InsufficientShares(_)
                | Self::ExceedsLimits(_)
        )
    }

    /// A text of the sender as a reason quotes it.
    pub(crate) fn quote(text: &str) -> String {
        Core::quote(text)
    }

    /// Bytes of the sender as a reason quotes them.
    pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
        Core::quote_bytes(bytes)
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
            Self::UnknownCommand(_)
            | Self::WrongArguments(_)
            | Self::BadTransaction(_)
            | Self::BadUser(_)
            | Self::BadSymbol(_)
            | Self::BadFile(_)
            | Self::AmountMalformed(_)
            | Self::AmountMustBePositive
            | Self::AmountTooLarge => self.explain_text(f),
            Self::TooManyUsers
            | Self::TooManyWaiting(_)
            | Self::TooManyPositions
            | Self::TooManyLogs => self.explain_bound(f),
            Self::ExceedsLimits(limit) => limit.fmt(f),
            _ => self.explain_state(f),
        }
    }
}

impl Reject {
    /// What cannot be read.
    fn explain_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(command) => {
                write!(f, "{command} is no command; docs/DESK.md lists all sixteen")
            }
            Self::WrongArguments(command) => {
                write!(f, "{command} is written {command}{}", command.arguments())
            }
            Self::BadTransaction(text) => {
                write!(f, "a transaction number is a whole number from 1; it was {text}")
            }
            Self::BadUser(user) => write!(
                f,
                "a user must be 1 to 32 printable ASCII characters, without space, comma, \" and \
                 \\; it was {user}"
            ),
            Self::BadSymbol(symbol) => {
                write!(f, "a stock symbol must be 1 to 3 of A-Z a-z 0-9; it was {symbol}")
            }
            Self::BadFile(file) => write!(
                f,
                "a file name must be a path below the directory of logs, without .. and hidden \
                 parts: 1 to 255 printable ASCII characters, without space, comma, \" and \\; it \
                 was {file}"
            ),
            Self::AmountMalformed(what) => write!(f, "the amount or price {what}"),
            Self::AmountTooLarge => write!(
                f,
                "the amount must be at most {}, and a price at most {}",
                Cents::new(limits::AMOUNT_MAX),
                Cents::new(limits::SHARE_PRICE_MAX)
            ),
            _ => f.write_str("the amount or price must be more than zero"),
        }
    }

    /// What the shard has no room for.
    fn explain_bound(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyUsers => {
                write!(f, "a shard holds at most {} users; add shards", limits::USERS_MAX)
            }
            Self::TooManyWaiting(Waiters::User) => write!(
                f,
                "{} commands of this user wait for quotes; send it again when some are answered",
                limits::WAITING_USER_MAX
            ),
            Self::TooManyWaiting(Waiters::Shard) => f.write_str(
                "too many commands wait for quotes; send it again when the quote server answers",
            ),
            Self::TooManyLogs => write!(
                f,
                "the log is in {} files already; name one of them, and it is written anew",
                limits::LOG_FILES_MAX
            ),
            _ => write!(
                f,
                "the user has {} stocks, pending orders and triggers; close some first",
                limits::POSITIONS_MAX
            ),
        }
    }

    /// What does not hold of the account or the market.
    fn explain_state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPendingBuy => f.write_str(
                "no BUY of the last 60 seconds is pending; send BUY, and COMMIT_BUY within 60 \
                 seconds",
            ),
            Self::NoPendingSell => f.write_str(
                "no SELL of the last 60 seconds is pending; send SELL, and COMMIT_SELL within 60 \
                 seconds",
            ),
            Self::NoSetBuy(symbol) => {
                write!(f, "no SET_BUY_AMOUNT is in force for {symbol}; send that first")
            }
            Self::NoSetSell(symbol) => {
                write!(f, "no SET_SELL_AMOUNT is in force for {symbol}; send that first")
            }
            Self::InsufficientCash(CashShortage { command, needs, free }) => write!(
                f,
                "{command} needs {needs} of free cash; the user has {free}: add cash, or use a \
                 smaller amount"
            ),
            Self::NoQuote(symbol) => {
                write!(f, "the quote server gave no price for {symbol}; send another one later")
            }
            Self::QuoteTimeout(symbol) => {
                write!(f, "no quote for {symbol} came within 30 seconds; send another one later")
            }
            Self::AmountBelowPrice(PriceGap { command, amount, price }) => write!(
                f,
                "{command} of {amount} is less than one share at {price}; use a larger amount"
            ),
            Self::InsufficientShares(ShareShortage { command, symbol, needs, free }) => {
                let shares = if needs.get() == 1 { "share" } else { "shares" };
                write!(
                    f,
                    "{command} needs {needs} free {shares} of {symbol}; the user has {free}: buy \
                     more, or use a smaller amount"
                )
            }
            Self::NoLog => {
                f.write_str("this server keeps no journal, and so no log; start it with --data DIR")
            }
            _ => f.write_str("the user is unknown here; ADD money first"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money => {
                write!(f, "the user would have more than {}", Cents::new(limits::MONEY_MAX))
            }
            Self::Shares => {
                write!(f, "the user would have more than {} shares", limits::HOLDING_MAX)
            }
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
