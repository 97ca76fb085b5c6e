//! Command: what a user asks for. The names are those of the course.

use core::fmt;

use allot_domain::Content;

use crate::{Cents, FileName, Reject, Symbol, limits};

/// Declares the names of the commands: each with its text and its arguments, as a line has them.
macro_rules! command_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $arguments:literal;)+) => {
        /// The name of a command.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum CommandName {
            $($(#[$doc])* $name,)+
        }

        impl CommandName {
            /// All names, in the order of the documents; the place of each is its number in bytes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The text, as in `COMMIT_BUY`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The arguments after it, as in `,USER,SYMBOL,AMOUNT`.
            #[must_use]
            pub const fn arguments(self) -> &'static str {
                match self { $(Self::$name => $arguments,)+ }
            }
        }
    };
}

command_names! {
    /// Adds money to the user.
    Add = "ADD", ",USER,AMOUNT";
    /// Shows the price of a stock.
    Quote = "QUOTE", ",USER,SYMBOL";
    /// Makes a pending purchase.
    Buy = "BUY", ",USER,SYMBOL,AMOUNT";
    /// Executes the last pending purchase.
    CommitBuy = "COMMIT_BUY", ",USER";
    /// Drops the last pending purchase.
    CancelBuy = "CANCEL_BUY", ",USER";
    /// Makes a pending sale.
    Sell = "SELL", ",USER,SYMBOL,AMOUNT";
    /// Executes the last pending sale.
    CommitSell = "COMMIT_SELL", ",USER";
    /// Drops the last pending sale.
    CancelSell = "CANCEL_SELL", ",USER";
    /// Reserves money for an automatic purchase.
    SetBuyAmount = "SET_BUY_AMOUNT", ",USER,SYMBOL,AMOUNT";
    /// Arms the automatic purchase.
    SetBuyTrigger = "SET_BUY_TRIGGER", ",USER,SYMBOL,PRICE";
    /// Takes the automatic purchase back.
    CancelSetBuy = "CANCEL_SET_BUY", ",USER,SYMBOL";
    /// Says how much an automatic sale is to bring.
    SetSellAmount = "SET_SELL_AMOUNT", ",USER,SYMBOL,AMOUNT";
    /// Arms the automatic sale.
    SetSellTrigger = "SET_SELL_TRIGGER", ",USER,SYMBOL,PRICE";
    /// Takes the automatic sale back.
    CancelSetSell = "CANCEL_SET_SELL", ",USER,SYMBOL";
    /// Writes the log of the user, or of all.
    DumpLog = "DUMPLOG", "[,USER],FILE";
    /// Shows the account.
    DisplaySummary = "DISPLAY_SUMMARY", ",USER";
}

impl CommandName {
    /// The command of this text.
    ///
    /// # Errors
    /// [`Reject::UnknownCommand`].
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let name = Self::ALL.iter().find(|name| name.as_str() == text).copied();
        name.ok_or_else(|| Reject::UnknownCommand(Reject::quote(text)))
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a user asks for, with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Add money.
    Add(Cents),
    /// Show the price.
    Quote(Symbol),
    /// Make a pending purchase of so much.
    Buy(Symbol, Cents),
    /// Execute the last pending purchase.
    CommitBuy,
    /// Drop the last pending purchase.
    CancelBuy,
    /// Make a pending sale of so much.
    Sell(Symbol, Cents),
    /// Execute the last pending sale.
    CommitSell,
    /// Drop the last pending sale.
    CancelSell,
    /// Reserve so much for an automatic purchase.
    SetBuyAmount(Symbol, Cents),
    /// Buy automatically at this price or below.
    SetBuyTrigger(Symbol, Cents),
    /// Take the automatic purchase back.
    CancelSetBuy(Symbol),
    /// Sell so much automatically.
    SetSellAmount(Symbol, Cents),
    /// Sell automatically at this price or above.
    SetSellTrigger(Symbol, Cents),
    /// Take the automatic sale back.
    CancelSetSell(Symbol),
    /// Write the user's log to this file.
    DumpLog(FileName),
    /// Show the account.
    DisplaySummary,
}

impl Command {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> CommandName {
        match self {
            Self::Add(_) => CommandName::Add,
            Self::Quote(_) => CommandName::Quote,
            Self::Buy(..) => CommandName::Buy,
            Self::CommitBuy => CommandName::CommitBuy,
            Self::CancelBuy => CommandName::CancelBuy,
            Self::Sell(..) => CommandName::Sell,
            Self::CommitSell => CommandName::CommitSell,
            Self::CancelSell => CommandName::CancelSell,
            Self::SetBuyAmount(..) => CommandName::SetBuyAmount,
            Self::SetBuyTrigger(..) => CommandName::SetBuyTrigger,
            Self::CancelSetBuy(_) => CommandName::CancelSetBuy,
            Self::SetSellAmount(..) => CommandName::SetSellAmount,
            Self::SetSellTrigger(..) => CommandName::SetSellTrigger,
            Self::CancelSetSell(_) => CommandName::CancelSetSell,
            Self::DumpLog(_) => CommandName::DumpLog,
            Self::DisplaySummary => CommandName::DisplaySummary,
        }
    }

    /// The stock that it is about.
    #[must_use]
    pub const fn symbol(&self) -> Option<Symbol> {
        match self {
            Self::Quote(symbol)
            | Self::Buy(symbol, _)
            | Self::Sell(symbol, _)
            | Self::SetBuyAmount(symbol, _)
            | Self::SetBuyTrigger(symbol, _)
            | Self::CancelSetBuy(symbol)
            | Self::SetSellAmount(symbol, _)
            | Self::SetSellTrigger(symbol, _)
            | Self::CancelSetSell(symbol) => Some(*symbol),
            _ => None,
        }
    }

    /// The amount or the price that it has.
    #[must_use]
    pub const fn amount(&self) -> Option<Cents> {
        match self {
            Self::Add(amount)
            | Self::Buy(_, amount)
            | Self::Sell(_, amount)
            | Self::SetBuyAmount(_, amount)
            | Self::SetBuyTrigger(_, amount)
            | Self::SetSellAmount(_, amount)
            | Self::SetSellTrigger(_, amount) => Some(*amount),
            _ => None,
        }
    }

    /// The file that it names.
    #[must_use]
    pub const fn file(&self) -> Option<&FileName> {
        match self {
            Self::DumpLog(file) => Some(file),
            _ => None,
        }
    }

    /// Checks the amount, whoever sent it and whatever the account.
    ///
    /// # Errors
    /// [`Reject::AmountMustBePositive`] and [`Reject::AmountTooLarge`].
    pub fn check(&self) -> Result<(), Reject> {
        let most = match self {
            Self::SetBuyTrigger(..) | Self::SetSellTrigger(..) => limits::SHARE_PRICE_MAX,
            _ => limits::AMOUNT_MAX,
        };
        match self.amount() {
            Some(Cents::ZERO) => Err(Reject::AmountMustBePositive),
            Some(amount) if most < amount.get() => Err(Reject::AmountTooLarge),
            _ => Ok(()),
        }
    }

    /// What it says, in words of a fixed number.
    pub(crate) fn content_words(&self) -> [u64; 4] {
        // The place in the list of names is below 16.
        let name = self.name() as u64;
        let symbol = self.symbol().map_or(0, Symbol::word);
        let file = self.file().map_or(0, |file| Content::of(file.as_str().as_bytes()).get());
        [name, symbol, self.amount().unwrap_or_default().get(), file]
    }
}
