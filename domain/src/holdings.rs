//! Holdings: the shares of every ticker that every account has, and what was paid for them.

use crate::ids::hash;
use crate::lookup::Lookup;
use crate::{Reject, Ticker, limits};
use alloc::vec::Vec;

/// The holdings of one ticker, by account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The ticker.
    pub ticker: Ticker,
    total: u64,
    cells: Vec<Cell>,
}

/// The holding of one ticker by one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cell {
    /// Whole shares.
    pub quantity: u64,
    /// Bought minus sold, at fill prices, in 1e-9.
    pub value: i128,
}

impl Row {
    /// The shares that all accounts hold.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// What an account holds.
    #[must_use]
    pub fn cell(&self, account: u32) -> Cell {
        self.cells.get(index(account)).copied().unwrap_or_default()
    }

    /// Every account's holding, by its place; accounts after the last never had any.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Adds shares bought at `price`.
    pub(crate) fn add(&mut self, account: u32, quantity: u64, price: i64) {
        let at = index(account);
        if at >= self.cells.len() {
            self.cells.resize(at + 1, Cell::default());
        }
        self.cells[at].quantity += quantity;
        self.cells[at].value += i128::from(price) * i128::from(quantity);
        self.total += quantity;
    }

    /// Takes away shares sold at `price`; the account has them.
    pub(crate) fn take(&mut self, account: u32, quantity: u64, price: i64) {
        let cell = &mut self.cells[index(account)];
        assert!(cell.quantity >= quantity, "holdings are never negative");
        cell.quantity -= quantity;
        cell.value -= i128::from(price) * i128::from(quantity);
        self.total -= quantity;
    }
}

/// A row for each ticker, in the order of their first fills.
#[derive(Clone, Debug)]
pub struct Holdings {
    rows: Vec<Row>,
    lookup: Lookup,
}

impl Default for Holdings {
    fn default() -> Self {
        Self { rows: Vec::new(), lookup: Lookup::new(limits::TICKERS_MAX) }
    }
}

impl Holdings {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The place of a ticker's row.
    pub(crate) fn find(&self, ticker: &Ticker) -> Option<u32> {
        self.lookup.find(hash(ticker.as_bytes()), |row| self.rows[index(row)].ticker == *ticker)
    }

    pub(crate) fn row(&self, row: u32) -> &Row {
        &self.rows[index(row)]
    }

    pub(crate) fn row_mut(&mut self, row: u32) -> &mut Row {
        &mut self.rows[index(row)]
    }

    /// The place of a ticker's row, made if there is none.
    pub(crate) fn find_or_add(&mut self, ticker: &Ticker) -> Result<u32, Reject> {
        if let Some(row) = self.find(ticker) {
            return Ok(row);
        }
        if self.rows.len() == limits::TICKERS_MAX {
            return Err(Reject::TooManyTickers);
        }
        let row = u32::try_from(self.rows.len()).expect("at most TICKERS_MAX");
        self.rows.push(Row { ticker: *ticker, total: 0, cells: Vec::new() });
        self.lookup.insert(hash(ticker.as_bytes()), row);
        Ok(row)
    }
}

/// A small number as an index.
pub(crate) fn index(small: u32) -> usize {
    usize::try_from(small).expect("usize has at least 32 bits")
}
