//! Report: what the position feed says of the firm, of one account, and of itself.
//!
//! All of it is of one **cut**: the positions contain exactly the first `cut` inputs.

mod json;
mod binary;

use allot_allocation_rules::{SplitNumber, TickerSeq, Weight};
use allot_domain::{AccountId, LedgerId, Money, ReportNumber, Ticker};
use allot_wire::{DecodeError, Encoding};

/// The kind of a batch that is the whole firm.
pub const KIND_POSITIONS: u8 = 129;
/// The kind of a batch that is a single account.
pub const KIND_ACCOUNT: u8 = 130;

/// The whole firm at one cut.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The number of its marker: it rises, though not by one.
    pub report: ReportNumber,
    /// How many fills, busts and splits the router had sent to the shards.
    pub cut: u64,
    /// The number of the split in force; zero before the first.
    pub split: SplitNumber,
    /// When the cut was made: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The ledger of the shards; none where nothing is kept, or where they disagree.
    pub ledger: Option<LedgerId>,
    /// How many fills were divided.
    pub fills: u64,
    /// How many fills wait for the first split.
    pub held: u64,
    /// The value of all accounts.
    pub total_value: Money,
    /// All accounts the firm ever named, in byte order of their ids.
    pub accounts: Vec<AccountReport>,
    /// How many outcomes each ticker had, in byte order: the sequence of its last fill or bust on
    /// the feed.
    pub sequences: Vec<(Ticker, TickerSeq)>,
    /// How far accounts are from their targets; none before the first split.
    pub tracking: Option<TrackingReport>,
    /// What is missing or doubtful, in sentences; empty when all is well.
    pub degraded: Vec<String>,
}

/// One account at a cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountReport {
    /// Its id.
    pub id: AccountId,
    /// Its percentage of the split in force; none where the account is closed.
    pub weight: Option<Weight>,
    /// The value of the fills it holds: bought minus sold at fill prices.
    pub value: Money,
    /// Its share of the total value; none where the account is closed.
    pub target: Option<Money>,
    /// Value minus target, rounded towards zero to 1e-9; none where the account is closed.
    pub deviation: Option<Money>,
    /// What it holds, by ticker.
    pub positions: Vec<PositionReport>,
}

/// What one account holds of one ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionReport {
    /// The ticker.
    pub ticker: Ticker,
    /// Whole shares.
    pub quantity: u64,
    /// Bought minus sold at fill prices.
    pub value: Money,
    /// Value by share; none where none is held.
    pub average_price: Option<Money>,
}

/// How far the accounts are from their targets, in 1e-9 of the highest price of any fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackingReport {
    /// The account that is farthest.
    pub worst_account: AccountId,
    /// Its distance, without sign.
    pub deviation_in_prices: Money,
    /// The part that a better division could have avoided.
    pub avoidable: Money,
    /// The part that none could.
    pub unavoidable: Money,
}

/// One account at one cut, for those who follow it alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountStatement {
    /// As [`Report::report`].
    pub report: ReportNumber,
    /// As [`Report::cut`].
    pub cut: u64,
    /// As [`Report::split`].
    pub split: SplitNumber,
    /// As [`Report::time_ns`].
    pub time_ns: u64,
    /// As [`Report::ledger`].
    pub ledger: Option<LedgerId>,
    /// As [`Report::degraded`].
    pub degraded: Vec<String>,
    /// The account.
    pub account: AccountReport,
}

impl Report {
    /// Writes the body of `positions:`; `out` then holds nothing else.
    ///
    /// # Panics
    /// If the report has 4 GiB or more.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        self.begin(encoding, out);
        (0..self.accounts.len()).for_each(|index| self.append_account(index, encoding, out));
        self.end(encoding, out);
    }

    /// Writes what stands before the accounts; `out` then holds nothing else. Each account follows
    /// in its order, then the end: large reports are written in steps.
    pub fn begin(&self, encoding: Encoding, out: &mut Vec<u8>) {
        out.clear();
        match encoding {
            Encoding::Json => json::begin_report(self, out),
            Encoding::Binary => binary::begin_report(self, out),
        }
    }

    /// Appends the account at `index`, behind those before it.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn append_account(&self, index: usize, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => json::append_account(&self.accounts[index], index == 0, out),
            Encoding::Binary => binary::append_account(&self.accounts[index], out),
        }
    }

    /// Appends what stands behind the accounts.
    ///
    /// # Panics
    /// If the report has 4 GiB or more.
    pub fn end(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => json::end_report(self, out),
            Encoding::Binary => binary::end_report(self, out),
        }
    }

    /// Reads such a body in either encoding.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(body) {
            Encoding::Json => json::read_report(body),
            Encoding::Binary => binary::read_report(body),
        }
    }

    /// Writes the body of `account:` for the account at `index`; `out` then holds nothing else.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn encode_account(&self, index: usize, encoding: Encoding, out: &mut Vec<u8>) {
        out.clear();
        match encoding {
            Encoding::Json => json::write_account(self, &self.accounts[index], out),
            Encoding::Binary => binary::write_account(self, &self.accounts[index], out),
        }
    }

    /// Reads such a body in either encoding.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode_account(body: &[u8]) -> Result<AccountStatement, DecodeError> {
        match Encoding::of(body) {
            Encoding::Json => json::read_account(body),
            Encoding::Binary => binary::read_account(body),
        }
    }
}
