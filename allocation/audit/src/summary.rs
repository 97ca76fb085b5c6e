//! Summary: what an auditor has counted, for people to read.

use std::collections::BTreeMap;

use allot_domain::{AccountId, Money, Side, Ticker};

/// What came of the inputs so far: counts, and sums by ticker and account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Inputs that were checked.
    pub inputs: u64,
    /// Fills that were divided, busted ones among them.
    pub fills: u64,
    /// Of these, fills that had been held until the first split.
    pub late: u64,
    /// Fills that are held until the first split.
    pub held: u64,
    /// Fills that were taken back, whether they had been divided or were still held.
    pub busts: u64,
    /// Messages that had been applied before.
    pub repeats: u64,
    /// Messages that changed nothing, by the code of the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Messages that were applied after one of their source with a higher number.
    pub out_of_order: u64,
    /// Splits that came into force.
    pub splits: u64,
    /// Splits that were looked at before they came into force, or were refused.
    pub checks: u64,
    /// Nettings, void ones among them.
    pub nettings: u64,
    /// Nettings that moved nothing: they were for other accounts, or would exceed the limits.
    pub nettings_void: u64,
    /// Markers.
    pub markers: u64,
    /// Requests for outcomes that were given before.
    pub replays: u64,
    /// Requests for splits.
    pub listings: u64,
    /// What was traded of each ticker.
    pub tickers: BTreeMap<Ticker, TickerTotal>,
    /// What each account has that a split ever named.
    pub accounts: BTreeMap<AccountId, AccountTotal>,
}

/// What was traded of one ticker; fills that were taken back do not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TickerTotal {
    /// Fills that stand.
    pub fills: u64,
    /// Shares bought.
    pub bought: u128,
    /// Shares sold.
    pub sold: u128,
    /// Bought less sold at fill prices, in 1e-9.
    pub value: Money,
}

/// What one account has; fills that were taken back do not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccountTotal {
    /// Whole shares of all tickers together.
    pub shares: u128,
    /// Bought less sold at fill prices, in 1e-9; nettings do not count.
    pub value: Money,
    /// Value that came by nettings, in 1e-9.
    pub netted: Money,
}

impl Summary {
    /// Counts a message that changed nothing.
    pub(crate) fn reject(&mut self, code: &'static str) {
        *self.rejected.entry(code).or_default() += 1;
    }

    /// Counts a fill that was divided.
    pub(crate) fn divide(&mut self, ticker: Ticker, side: Side, quantity: u64, value: Money) {
        let total = self.tickers.entry(ticker).or_default();
        total.fills += 1;
        match side {
            Side::Buy => total.bought += u128::from(quantity),
            Side::Sell => total.sold += u128::from(quantity),
        }
        total.value += value;
    }

    /// Uncounts a divided fill that is taken back; `value` is the fill's.
    pub(crate) fn take_back(&mut self, ticker: Ticker, side: Side, quantity: u64, value: Money) {
        let total = self.tickers.entry(ticker).or_default();
        total.fills -= 1;
        match side {
            Side::Buy => total.bought -= u128::from(quantity),
            Side::Sell => total.sold -= u128::from(quantity),
        }
        total.value -= value;
    }

    /// Counts shares that an account got or gave, and their value.
    pub(crate) fn apply(&mut self, account: AccountId, side: Side, quantity: u64, value: Money) {
        let total = self.accounts.entry(account).or_default();
        match side {
            Side::Buy => total.shares += u128::from(quantity),
            Side::Sell => total.shares -= u128::from(quantity),
        }
        total.value += value;
    }
}
