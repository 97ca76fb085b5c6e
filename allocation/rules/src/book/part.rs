//! Part: the state of one shard at a marker. The parts of all shards at one marker make a report.

use alloc::vec::Vec;

use allot_domain::Marker;
use allot_domain::{AccountId, Money, Ticker};

use super::Book;
use crate::input::SplitKey;
use crate::{AccountIndex, AccountRank, SplitNumber, TickerSeq, Weight};

/// One shard at one cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The last netting it contains; zero before the first.
    pub netting: u64,
    /// The split in force; none before the first.
    pub split: Option<SplitKey>,
    /// How many splits there were.
    pub split_number: SplitNumber,
    /// How many fills were divided.
    pub fills: u64,
    /// How many fills wait for the first split.
    pub held: u64,
    /// The value of all fills that were not busted, in 1e-9, bought and sold alike.
    pub turnover: Money,
    /// Recent turnover in 1e-9, older turnover counting less.
    pub flow: Money,
    /// The highest price of a fill, in 1e-9; zero before the first.
    pub price_max: i64,
    /// The weight of each account of the split, by rank.
    pub weights: Vec<Weight>,
    /// The value of each account in this shard's residuals, nettings included, by rank.
    pub values: Vec<Money>,
    /// What each account had in this shard when the split came into force, nettings left out, by
    /// rank.
    pub values_then: Vec<Money>,
    /// How much of [`Part::values`] came by nettings, by rank; over all shards it adds up to
    /// nothing, unless a crash has kept a netting from some of them.
    pub netted: Vec<Money>,
    /// All positions; only where the marker asks for a report.
    pub positions: Option<PositionsPart>,
}

/// All positions in the tickers of one shard.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PositionsPart {
    /// All accounts that splits ever named, by index.
    pub accounts: Vec<AccountPart>,
    /// The tickers of the shard of which something came, in the order of their first fills.
    pub rows: Vec<RowPart>,
}

/// One account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountPart {
    /// Its id.
    pub id: AccountId,
    /// Its rank in the split; none where it is closed.
    pub rank: Option<AccountRank>,
    /// The value of the fills it holds in this shard, in 1e-9; nettings do not count.
    pub value: Money,
}

/// One ticker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowPart {
    /// The ticker.
    pub ticker: Ticker,
    /// How many outcomes it had: the number of the last.
    pub outcomes: TickerSeq,
    /// The accounts that hold it, or whose sales left a value.
    pub cells: Vec<CellPart>,
}

/// One account's holding of one ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellPart {
    /// The account, by its index in [`PositionsPart::accounts`].
    pub account: AccountIndex,
    /// Whole shares.
    pub quantity: u64,
    /// Bought minus sold at fill prices, in 1e-9.
    pub value: Money,
}

pub(super) fn of(book: &Book, marker: &Marker) -> Part {
    let values = book.residuals.values();
    let weights = book.residuals.weights().iter().map(|weight| Weight::known(*weight)).collect();
    Part {
        netting: book.totals.netting,
        split: book.recent_splits.in_force(),
        split_number: book.totals.splits,
        fills: book.totals.fills,
        held: u64::try_from(book.held.len()).expect("at most HELD_MAX"),
        turnover: Money::from_nanos(book.totals.turnover),
        flow: Money::from_nanos(book.totals.flow),
        price_max: book.totals.price_max,
        weights,
        values_then: book.values_then.iter().map(|value| Money::from_nanos(*value)).collect(),
        netted: book.open.iter().map(|index| netted(book, *index)).collect(),
        positions: marker.report.then(|| positions(book, &values)),
        values: values.into_iter().map(Money::from_nanos).collect(),
    }
}

fn netted(book: &Book, index: AccountIndex) -> Money {
    Money::from_nanos(book.accounts[index.index()].netted)
}

fn positions(book: &Book, values: &[i128]) -> PositionsPart {
    let accounts = book.accounts.iter().map(|account| {
        let value = account.rank.map_or(account.value, |rank| values[rank.index()]);
        AccountPart {
            id: account.id,
            rank: account.rank,
            value: Money::from_nanos(value - account.netted),
        }
    });
    PositionsPart {
        accounts: accounts.collect(),
        rows: book.holdings.rows().iter().filter(|row| has_outcomes(row)).map(row).collect(),
    }
}

/// Whether anything ever came of the ticker: its fills may all be held.
fn has_outcomes(row: &crate::Row) -> bool {
    TickerSeq::ZERO < row.outcomes()
}

fn row(row: &crate::Row) -> RowPart {
    let cells = row.cells().map(|(account, cell)| CellPart {
        account,
        quantity: cell.quantity,
        value: Money::from_nanos(cell.value),
    });
    RowPart { ticker: row.ticker, outcomes: row.outcomes(), cells: cells.collect() }
}
