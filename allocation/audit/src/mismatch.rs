//! Mismatch: one thing that a book gave, and that should be something else.

use std::error::Error;
use std::fmt;

use allot_allocation_rules::{AccountIndex, Fill, Input, Outcome, Reject};
use allot_domain::{AccountId, LogIndex, Ticker};

/// What is wrong. [`crate::Fault`] adds where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// The index of an input does not come after that of the last, which it holds.
    NotAfter(LogIndex),
    /// An outcome is missing.
    NoOutcome,
    /// There is an outcome too many; holds what it is.
    ExtraOutcome(Box<OutcomeKind>),
    /// The outcome is another than is due.
    WrongOutcome {
        /// What the book gave.
        given: Box<OutcomeKind>,
        /// What is due.
        expected: Box<OutcomeKind>,
    },
    /// A value is another than is due.
    WrongValue {
        /// Which value.
        of: Field,
        /// What the book gave.
        given: String,
        /// What is due.
        expected: String,
    },
    /// No account has this index.
    UnknownAccount(AccountIndex),
    /// The book has a row for a ticker that had no fill.
    UnknownTicker(Ticker),
    /// An outcome refers to shares that are not there.
    SharesMissing {
        /// Where its shares end.
        end: usize,
        /// How many shares there are.
        count: usize,
    },
    /// An account is listed with no share.
    NoShare(AccountId),
    /// Two accounts that follow one another are not in byte order, or are the same.
    AccountOrder(Box<[AccountId; 2]>),
    /// An account outside the split has shares of a fill.
    NotInSplit {
        /// The account.
        account: AccountId,
        /// How many shares.
        shares: u64,
    },
    /// An account buys at a weight of zero.
    BuysAtZero {
        /// The account.
        account: AccountId,
        /// How many shares.
        shares: u64,
    },
    /// An account sells, or gives back, more than it holds.
    Oversold {
        /// The account.
        account: AccountId,
        /// How many shares it gives.
        shares: u64,
        /// How many it holds.
        held: u64,
    },
    /// Share by share, an account gets another number of shares.
    WrongShare {
        /// The account.
        account: AccountId,
        /// How many shares the book gave it.
        given: u64,
        /// How many it gets share by share.
        expected: u64,
    },
    /// A share went to an account though another wanted it more.
    BetterElsewhere(Box<Preference>),
    /// A split has no accounts, or too many; holds how many.
    SplitSize(usize),
    /// The weights of a split do not add up to 100 %; holds their sum in 1e-9 %.
    SplitSum(u64),
    /// A split closes an account that holds shares and that it does not list, and no check of it
    /// was ever clear; holds the account and one of its positions.
    ClosesHolder(Box<(AccountId, Ticker, u64)>),
    /// It is wrong in what comes of a held fill when the first split releases it; holds which.
    Released(Box<(Fill, Self)>),
    /// It is wrong in the row of a ticker.
    InRow(Ticker, Box<Self>),
}

/// An account that wanted a share more than the one that has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preference {
    /// The account that has the share.
    pub account: AccountId,
    /// The account that wanted it more.
    pub other: AccountId,
    /// By how much.
    pub by: i128,
    /// By how much a share lowers a want.
    pub step: i128,
}

/// What came, or is to come, of an input, without its details.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutcomeKind {
    /// A fill was divided.
    Divided,
    /// A fill is held.
    Held,
    /// A fill was taken back.
    Busted,
    /// A split is in force.
    Accepted,
    /// A split was looked at.
    Checked,
    /// Nothing changed.
    Rejected(Reject),
    /// Outcomes were given again.
    Replayed,
    /// Splits were told.
    Listed,
}

/// A value that auditor and book both have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// One value of an outcome or of the whole book, by its name.
    Named(&'static str),
    /// The account of an index.
    Account(AccountIndex),
    /// How many shares of a fill an account had.
    SharesOf(AccountId),
    /// The weight of an account.
    WeightOf(AccountId),
    /// What an account paid for all it holds.
    ValueOf(AccountId),
    /// The value of an account in the residuals, nettings included.
    ValueWithNettingsOf(AccountId),
    /// How much value an account misses, times the sum of weights.
    ResidualOf(AccountId),
    /// The rank of an account.
    RankOf(AccountId),
    /// How many shares of a ticker an account holds.
    QuantityOf(AccountId),
    /// What an account paid for one ticker.
    PositionValueOf(AccountId),
    /// How many shares of a ticker there are.
    SharesOfTicker(Ticker),
    /// What all accounts paid for a ticker.
    ValueOfTicker(Ticker),
    /// How many shares an account holds of all tickers.
    AllSharesOf(AccountId),
    /// The value of an account, summed over its positions.
    PositionsValueOf(AccountId),
    /// The value of an account, summed over its fills.
    FillsValueOf(AccountId),
}

/// Compares a value of the book with the auditor's.
pub(crate) fn expect<T: PartialEq + fmt::Display>(
    of: Field,
    given: T,
    expected: T,
) -> Result<(), Mismatch> {
    if given == expected {
        return Ok(());
    }
    let (given, expected) = (given.to_string(), expected.to_string());
    Err(Mismatch::WrongValue { of, given, expected })
}

/// The same for a value that may be missing.
pub(crate) fn expect_option<T: PartialEq + fmt::Display>(
    of: Field,
    given: Option<T>,
    expected: Option<T>,
) -> Result<(), Mismatch> {
    let text = |value: Option<T>| value.map_or("none".to_owned(), |value| value.to_string());
    if given == expected { Ok(()) } else { expect(of, text(given), text(expected)) }
}

impl From<&Outcome> for OutcomeKind {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allocated(_) => Self::Divided,
            Outcome::Held { .. } => Self::Held,
            Outcome::Busted { .. } => Self::Busted,
            Outcome::Accepted { .. } => Self::Accepted,
            Outcome::Checked { .. } => Self::Checked,
            Outcome::Rejected { reject, .. } => Self::Rejected(reject.clone()),
            Outcome::Replayed(_) => Self::Replayed,
            Outcome::Listed(_) => Self::Listed,
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Divided => f.write_str("divided"),
            Self::Held => f.write_str("held"),
            Self::Busted => f.write_str("busted"),
            Self::Accepted => f.write_str("accepted"),
            Self::Checked => f.write_str("checked"),
            Self::Replayed => f.write_str("replayed"),
            Self::Listed => f.write_str("listed"),
            Self::Rejected(reject) => write!(f, "rejected as {} ({reject})", reject.code()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Account(index) => write!(f, "account {index}"),
            Self::SharesOf(id) => write!(f, "the shares of {id}"),
            Self::WeightOf(id) => write!(f, "the weight of {id}"),
            Self::ValueOf(id) => write!(f, "the value of {id}"),
            Self::ValueWithNettingsOf(id) => write!(f, "the value of {id} with nettings"),
            Self::ResidualOf(id) => write!(f, "the residual of {id}"),
            Self::RankOf(id) => write!(f, "the rank of {id}"),
            Self::QuantityOf(id) => write!(f, "the quantity of {id}"),
            Self::PositionValueOf(id) => write!(f, "the position value of {id}"),
            Self::SharesOfTicker(ticker) => write!(f, "the shares of {ticker}"),
            Self::ValueOfTicker(ticker) => write!(f, "the value of {ticker}"),
            Self::AllSharesOf(id) => write!(f, "all shares of {id}"),
            Self::PositionsValueOf(id) => write!(f, "the value of {id} over its positions"),
            Self::FillsValueOf(id) => write!(f, "the value of {id} over its fills"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAfter(last) => write!(f, "its index does not follow {last}"),
            Self::NoOutcome => f.write_str("an outcome is missing"),
            Self::ExtraOutcome(given) => write!(f, "one outcome too many: {given}"),
            Self::WrongOutcome { given, expected } => {
                write!(f, "the outcome is {given}; expected {expected}")
            }
            Self::WrongValue { of, given, expected } => {
                write!(f, "{of} is {given}; expected {expected}")
            }
            Self::UnknownAccount(index) => write!(f, "there is no account {index}"),
            Self::UnknownTicker(ticker) => write!(f, "{ticker} had no fill"),
            Self::SplitSize(count) => write!(f, "a split of {count} accounts is in the log"),
            Self::SplitSum(sum) => {
                write!(f, "the weights of a split add up to {sum} of 1e-9 %")
            }
            Self::ClosesHolder(holder) => {
                let (account, ticker, shares) = &**holder;
                write!(f, "{account} is closed with {shares} {ticker}, and is not listed")
            }
            Self::Released(released) => {
                let (fill, wrong) = &**released;
                write!(f, "then {}: {wrong}", Input::Fill(*fill))
            }
            Self::InRow(ticker, wrong) => write!(f, "{ticker}: {wrong}"),
            Self::SharesMissing { end, count } => {
                write!(f, "the outcome refers to share {end} of {count}")
            }
            Self::NoShare(account) => write!(f, "{account} is listed with no share"),
            Self::AccountOrder(accounts) => {
                let [first, second] = &**accounts;
                write!(f, "{second} is listed after {first}, against the byte order")
            }
            Self::NotInSplit { account, shares } => {
                write!(f, "{account} has {shares} shares, but is not in the split")
            }
            Self::BuysAtZero { account, shares } => {
                write!(f, "{account} buys {shares} shares at a weight of 0 %")
            }
            Self::Oversold { account, shares, held } => {
                write!(f, "{account} sells {shares} shares, but holds {held}")
            }
            Self::WrongShare { account, given, expected } => {
                write!(f, "{account} has {given} shares; share by share it gets {expected}")
            }
            Self::BetterElsewhere(preference) => {
                let Preference { account, other, by, step } = &**preference;
                write!(
                    f,
                    "{account} has a share that {other} wanted more, by {by} of a step of {step}"
                )
            }
        }
    }
}

impl Error for Mismatch {}
