//! Positions: how many shares of each ticker an account holds, and what it paid for them.

use std::collections::BTreeMap;

use allot_domain::{AccountId, Side, Ticker};

use crate::mismatch::Mismatch;

/// One account's position in one ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Position {
    /// Whole shares.
    pub(crate) quantity: u64,
    /// Bought less sold at fill prices, in 1e-9.
    pub(crate) value: i128,
}

/// The positions of all accounts in one ticker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) by_account: BTreeMap<AccountId, Position>,
}

impl Row {
    pub(crate) fn of(&self, account: &AccountId) -> Position {
        self.by_account.get(account).copied().unwrap_or_default()
    }

    /// Adds shares to an account or takes them, with the value paid; it cannot give what it lacks.
    pub(crate) fn apply(
        &mut self,
        account: AccountId,
        side: Side,
        quantity: u64,
        value: i128,
    ) -> Result<(), Mismatch> {
        let position = self.by_account.entry(account).or_default();
        let held = position.quantity;
        let left = match side {
            Side::Buy => held.checked_add(quantity),
            Side::Sell => held.checked_sub(quantity),
        };
        position.quantity = left.ok_or(Mismatch::Oversold { account, shares: quantity, held })?;
        position.value += value;
        Ok(())
    }

    /// All shares, those of closed accounts included.
    pub(crate) fn total(&self) -> u64 {
        self.by_account.values().map(|position| position.quantity).sum()
    }
}

/// A row for each ticker that ever had a fill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    pub(crate) by_ticker: BTreeMap<Ticker, Row>,
}
