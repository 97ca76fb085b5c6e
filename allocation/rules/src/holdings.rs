//! Holdings: the shares of every ticker that every account has, and what was paid for them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use allot_domain::Lookup;
use allot_domain::Ticker;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};

use crate::{AccountIndex, OutcomeNumber, RowIndex, TickerSeq, limits};

/// The holdings of one ticker, by account.
///
/// ```text
///   accounts  0 … 15 │ 16 … 31 │ 32 … 47 │      a page for those who ever held some
///   pages       ■    │         │    ■    │
/// ```
#[derive(Clone, Debug)]
pub struct Row {
    /// The ticker.
    pub ticker: Ticker,
    total: u64,
    pages: Vec<Option<Box<Page>>>,
    /// How many outcomes it had, and the last of them in the history.
    outcomes: TickerSeq,
    last: OutcomeNumber,
    /// The last of them that is marked: see [`TickerSeq::is_marked`].
    mark: OutcomeNumber,
}

/// The cells of neighbouring accounts: memory follows what is held, not accounts times tickers.
type Page = [Cell; PAGE_LEN];

/// Half a KiB: with pages four times as long, ten thousand tickers were spread over more pages of
/// memory than the processor keeps addresses of.
const PAGE_LEN: usize = 16;

/// The holding of one ticker by one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cell {
    /// Whole shares.
    pub quantity: u64,
    /// Bought minus sold, at fill prices, in 1e-9.
    pub value: i128,
}

impl Row {
    const fn of(ticker: Ticker) -> Self {
        let (outcomes, last, mark) = (TickerSeq::ZERO, OutcomeNumber::ZERO, OutcomeNumber::ZERO);
        Self { ticker, total: 0, pages: Vec::new(), outcomes, last, mark }
    }

    /// The shares that all accounts hold.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many outcomes the ticker had: the number of the last.
    #[must_use]
    pub const fn outcomes(&self) -> TickerSeq {
        self.outcomes
    }

    /// The last outcome in the history; zero before the first.
    pub(crate) const fn last(&self) -> OutcomeNumber {
        self.last
    }

    /// The last outcome in the history, and the last that is marked: what the next one follows.
    pub(crate) const fn links(&self) -> (OutcomeNumber, OutcomeNumber) {
        (self.last, self.mark)
    }

    /// Counts an outcome.
    pub(crate) const fn count(&mut self, number: OutcomeNumber) -> TickerSeq {
        self.outcomes = self.outcomes.next();
        self.last = number;
        if self.outcomes.is_marked() {
            self.mark = number;
        }
        self.outcomes
    }

    /// What an account holds.
    #[inline]
    #[must_use]
    pub fn cell(&self, account: AccountIndex) -> Cell {
        let (page, at) = place(account);
        self.pages.get(page).and_then(Option::as_ref).map_or_else(Cell::default, |page| page[at])
    }

    /// The holding of every account that has shares, or a value left, by index.
    pub fn cells(&self) -> impl Iterator<Item = (AccountIndex, Cell)> {
        let pages = self.pages.iter().enumerate();
        let cells = pages.flat_map(|(at, page)| {
            let cells = page.iter().flat_map(|page| page.iter().enumerate());
            cells.map(move |(cell_at, cell)| (AccountIndex::at(at * PAGE_LEN + cell_at), *cell))
        });
        cells.filter(|(_, cell)| *cell != Cell::default())
    }

    #[inline]
    fn cell_mut(&mut self, account: AccountIndex) -> &mut Cell {
        let (page, at) = place(account);
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        &mut self.pages[page].get_or_insert_with(|| Box::new([Cell::default(); PAGE_LEN]))[at]
    }

    /// Adds shares bought at `price`.
    pub(crate) fn add(&mut self, account: AccountIndex, quantity: u64, price: i64) {
        let cell = self.cell_mut(account);
        cell.quantity += quantity;
        cell.value += i128::from(price) * i128::from(quantity);
        self.total += quantity;
    }

    /// Takes away shares sold at `price`; the account has them.
    pub(crate) fn take(&mut self, account: AccountIndex, quantity: u64, price: i64) {
        let cell = self.cell_mut(account);
        assert!(quantity <= cell.quantity, "holdings are never negative");
        cell.quantity -= quantity;
        cell.value -= i128::from(price) * i128::from(quantity);
        self.total -= quantity;
    }

    /// Writes what is held.
    fn save(&self, out: &mut Vec<u8>) {
        put_name(out, self.ticker.as_bytes());
        out.extend_from_slice(&self.outcomes.get().to_le_bytes());
        out.extend_from_slice(&self.total.to_le_bytes());
        put_count(out, self.cells().count());
        for (account, cell) in self.cells() {
            out.extend_from_slice(&account.get().to_le_bytes());
            out.extend_from_slice(&cell.quantity.to_le_bytes());
            out.extend_from_slice(&cell.value.to_le_bytes());
        }
    }

    /// Reads what [`Row::save`] wrote, for this many accounts.
    fn load(cursor: &mut Cursor<'_>, accounts: usize) -> Result<Self, SnapshotError> {
        let mut row = Self::of(cursor.ticker()?);
        row.outcomes = TickerSeq::new(cursor.counter()?);
        row.total = cursor.u64()?;
        let count = cursor.count(accounts, CELL_LEN)?;
        let (mut sum, mut next) = (0_u128, 0);
        for bytes in cursor.records::<CELL_LEN>(count)? {
            let (account, cell) = Cell::from_bytes(bytes);
            let is_next = (next..accounts).contains(&account.index());
            ensure(is_next, "holdings out of the order of their accounts")?;
            next = account.index() + 1;
            ensure(cell != Cell::default(), "an account that holds nothing among those that do")?;
            ensure(
                cell.value.unsigned_abs() <= VALUE_MAX,
                "more value than passes through a shard",
            )?;
            sum += u128::from(cell.quantity);
            *row.cell_mut(account) = cell;
        }
        ensure(sum == u128::from(row.total), "shares of a ticker that do not add up")?;
        ensure(row.total <= limits::HOLDING_MAX, "more shares of a ticker than a shard holds")?;
        Ok(row)
    }
}

#[inline]
fn place(account: AccountIndex) -> (usize, usize) {
    (account.index() / PAGE_LEN, account.index() % PAGE_LEN)
}

/// Bytes of a cell in a snapshot.
const CELL_LEN: usize = 4 + 8 + 16;

/// [`limits::VALUE_MAX`] without its sign.
const VALUE_MAX: u128 = limits::VALUE_MAX.unsigned_abs();

impl Cell {
    fn from_bytes(bytes: &[u8; CELL_LEN]) -> (AccountIndex, Self) {
        let (account, rest) = bytes.split_first_chunk().expect("an account comes first");
        let (quantity, value) = rest.split_first_chunk().expect("then a quantity");
        let value = value.first_chunk().expect("and a value after it");
        let (quantity, value) = (u64::from_le_bytes(*quantity), i128::from_le_bytes(*value));
        (AccountIndex::new(u32::from_le_bytes(*account)), Self { quantity, value })
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

    /// The row of a ticker; none if it never had a fill.
    #[must_use]
    pub fn row_of(&self, ticker: &Ticker) -> Option<&Row> {
        self.find(ticker).map(|row| self.row(row))
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
        self.rows.push(Row::of(*ticker));
        self.lookup.insert(ticker.hash(), row.get());
        row
    }

    /// Notes the last outcome of each row that the history keeps, and the last that is marked,
    /// after both were read.
    pub(crate) fn set_links(&mut self, links: Vec<(OutcomeNumber, OutcomeNumber)>) {
        for (row, (last, mark)) in self.rows.iter_mut().zip(links) {
            (row.last, row.mark) = (last, mark);
        }
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
        // The shortest: a name of one byte, its outcomes, a total, no cells.
        for _ in 0..cursor.count(limits::TICKERS_MAX, 2 + 8 + 8 + 4)? {
            let row = Row::load(cursor, accounts)?;
            ensure(self.find(&row.ticker).is_none(), "a ticker twice")?;
            let at = self.add(&row.ticker);
            self.rows[at.index()] = row;
        }
        Ok(())
    }
}
