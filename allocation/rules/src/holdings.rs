//! Holdings: the shares of every ticker that every account has, and what was paid for them.

use alloc::vec::Vec;

use allot_domain::Lookup;
use allot_domain::Ticker;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};

use crate::{AccountIndex, RowIndex, limits};

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
    pub fn cell(&self, account: AccountIndex) -> Cell {
        self.cells.get(account.index()).copied().unwrap_or_default()
    }

    /// Every account's holding, by index; accounts after the last never had any.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Adds shares bought at `price`.
    pub(crate) fn add(&mut self, account: AccountIndex, quantity: u64, price: i64) {
        let at = account.index();
        if self.cells.len() <= at {
            self.cells.resize(at + 1, Cell::default());
        }
        self.cells[at].quantity += quantity;
        self.cells[at].value += i128::from(price) * i128::from(quantity);
        self.total += quantity;
    }

    /// Takes away shares sold at `price`; the account has them.
    pub(crate) fn take(&mut self, account: AccountIndex, quantity: u64, price: i64) {
        let cell = &mut self.cells[account.index()];
        assert!(quantity <= cell.quantity, "holdings are never negative");
        cell.quantity -= quantity;
        cell.value -= i128::from(price) * i128::from(quantity);
        self.total -= quantity;
    }

    /// Writes the cells up to the last that is not empty.
    fn save(&self, out: &mut Vec<u8>) {
        let is_empty = |cell: &Cell| *cell == Cell::default();
        let len = self.cells.iter().rposition(|cell| !is_empty(cell)).map_or(0, |last| last + 1);
        put_name(out, self.ticker.as_bytes());
        out.extend_from_slice(&self.total.to_le_bytes());
        put_count(out, len);
        out.reserve(len * CELL_LEN);
        for cell in &self.cells[..len] {
            out.extend_from_slice(&cell.quantity.to_le_bytes());
            out.extend_from_slice(&cell.value.to_le_bytes());
        }
    }

    /// Reads what [`Row::save`] wrote, for this many accounts.
    fn load(cursor: &mut Cursor<'_>, accounts: usize) -> Result<Self, SnapshotError> {
        let (ticker, total) = (cursor.ticker()?, cursor.u64()?);
        let count = cursor.count(accounts, CELL_LEN)?;
        let cells = cursor.records::<CELL_LEN>(count)?.iter().map(Cell::from_bytes);
        let cells: Vec<_> = cells.collect();
        ensure(cells.last() != Some(&Cell::default()), "an empty cell at the end of a row")?;
        let sum: u128 = cells.iter().map(|cell| u128::from(cell.quantity)).sum();
        ensure(sum == u128::from(total), "shares of a ticker that do not add up")?;
        ensure(total <= limits::HOLDING_MAX, "more shares of a ticker than a shard holds")?;
        let is_within = |cell: &Cell| cell.value.unsigned_abs() <= VALUE_MAX;
        ensure(cells.iter().all(is_within), "a cell of more value than passes through a shard")?;
        Ok(Self { ticker, total, cells })
    }
}

/// Bytes of a cell in a snapshot.
const CELL_LEN: usize = 8 + 16;

/// [`limits::VALUE_MAX`] without its sign.
const VALUE_MAX: u128 = limits::VALUE_MAX.unsigned_abs();

impl Cell {
    fn from_bytes(bytes: &[u8; CELL_LEN]) -> Self {
        let (quantity, value) = bytes.split_first_chunk().expect("a quantity comes first");
        let value = value.first_chunk().expect("and a value after it");
        let (quantity, value) = (u64::from_le_bytes(*quantity), i128::from_le_bytes(*value));
        Self { quantity, value }
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

    /// The index of a ticker's row.
    pub(crate) fn find(&self, ticker: &Ticker) -> Option<RowIndex> {
        let is_it = |row| self.rows[RowIndex::new(row).index()].ticker == *ticker;
        self.lookup.find(ticker.hash(), is_it).map(RowIndex::new)
    }

    pub(crate) fn row(&self, row: RowIndex) -> &Row {
        &self.rows[row.index()]
    }

    pub(crate) fn row_mut(&mut self, row: RowIndex) -> &mut Row {
        &mut self.rows[row.index()]
    }

    /// Whether there is no room for another ticker.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() == limits::TICKERS_MAX
    }

    /// Makes the row of a ticker that has none, and for which there is room.
    pub(crate) fn add(&mut self, ticker: &Ticker) -> RowIndex {
        let row = RowIndex::at(self.rows.len());
        self.rows.push(Row { ticker: *ticker, total: 0, cells: Vec::new() });
        self.lookup.insert(ticker.hash(), row.get());
        row
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        put_count(out, self.rows.len());
        for row in &self.rows {
            row.save(out);
        }
    }

    /// Reads what [`Holdings::save`] wrote, while there are none; `accounts` is how many are known.
    pub(crate) fn load(
        &mut self,
        cursor: &mut Cursor<'_>,
        accounts: usize,
    ) -> Result<(), SnapshotError> {
        // The shortest: a name of one byte, a total, no cells.
        for _ in 0..cursor.count(limits::TICKERS_MAX, 2 + 8 + 4)? {
            let row = Row::load(cursor, accounts)?;
            ensure(self.find(&row.ticker).is_none(), "a ticker twice")?;
            let at = self.add(&row.ticker);
            self.rows[at.index()] = row;
        }
        Ok(())
    }
}
