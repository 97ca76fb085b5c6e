//! Part: what one shard hands the publisher at a marker.

use allot_allocation_rules::{
    AccountIndex, AccountPart, AccountRank, CellPart, Part, PositionsPart, Reject, RowPart,
    SplitNumber, TickerSeq, Weight, limits,
};
use allot_domain::snapshot::COUNT_MAX;
use allot_domain::{AccountId, Money};
use allot_wire::codec::{self, Each};
use allot_wire::{DecodeError, PaddedTicker};
use serde::{Deserialize, Serialize};

use crate::input::SplitKeyRecord;

#[derive(Serialize, Deserialize)]
struct PartRecord<'a, W, V, T, N, P> {
    netting: u64,
    #[serde(borrow)]
    split: Option<SplitKeyRecord<'a>>,
    split_number: u64,
    fills: u64,
    held: u64,
    turnover: i128,
    flow: i128,
    price_max: i64,
    weights: W,
    values: V,
    values_then: T,
    netted: N,
    positions: Option<P>,
}

#[derive(Serialize, Deserialize)]
struct PositionsRecord<A, R> {
    accounts: A,
    rows: R,
}

#[derive(Serialize, Deserialize)]
struct AccountRecord<'a> {
    id: &'a str,
    rank: Option<u32>,
    value: i128,
}

#[derive(Serialize, Deserialize)]
struct RowRecord<C> {
    ticker: PaddedTicker,
    outcomes: u64,
    cells: C,
}

#[derive(Serialize, Deserialize)]
struct CellRecord {
    account: u32,
    quantity: u64,
    value: i128,
}

/// Appends the body of a part.
pub fn encode_part(part: &Part, out: &mut Vec<u8>) {
    let record = PartRecord {
        netting: part.netting,
        split: part.split.as_ref().map(Into::into),
        split_number: part.split_number.get(),
        fills: part.fills,
        held: part.held,
        turnover: part.turnover.nanos(),
        flow: part.flow.nanos(),
        price_max: part.price_max,
        weights: Each(part.weights.iter().map(|weight| weight.nanos())),
        values: Each(part.values.iter().map(|value| value.nanos())),
        values_then: Each(part.values_then.iter().map(|value| value.nanos())),
        netted: Each(part.netted.iter().map(|netted| netted.nanos())),
        positions: part.positions.as_ref().map(positions_record),
    };
    codec::append(record, out);
}

fn positions_record(positions: &PositionsPart) -> PositionsRecord<impl Serialize, impl Serialize> {
    PositionsRecord {
        accounts: Each(positions.accounts.iter().map(account_record)),
        rows: Each(positions.rows.iter().map(row_record)),
    }
}

fn account_record(account: &AccountPart) -> AccountRecord<'_> {
    AccountRecord {
        id: account.id.as_str(),
        rank: account.rank.map(AccountRank::get),
        value: account.value.nanos(),
    }
}

fn row_record(row: &RowPart) -> RowRecord<impl Serialize> {
    RowRecord {
        ticker: (&row.ticker).into(),
        outcomes: row.outcomes.get(),
        cells: Each(row.cells.iter().map(cell_record)),
    }
}

fn cell_record(cell: &CellPart) -> CellRecord {
    CellRecord { account: cell.account.get(), quantity: cell.quantity, value: cell.value.nanos() }
}

type RowRecordRead = RowRecord<Vec<CellRecord>>;
type PositionsRecordRead<'a> = PositionsRecord<Vec<AccountRecord<'a>>, Vec<RowRecordRead>>;
type PartRecordRead<'a> =
    PartRecord<'a, Vec<u64>, Vec<i128>, Vec<i128>, Vec<i128>, PositionsRecordRead<'a>>;

/// Reads the body of a part.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_part(body: &[u8]) -> Result<Part, DecodeError> {
    let record: PartRecordRead<'_> = codec::decode(body)?;
    let weight = |nanos: u64| Weight::from_nanos("", nanos.into()).map_err(unreadable);
    let part = Part {
        netting: record.netting,
        split: record.split.map(|split| split.read()).transpose()?,
        split_number: SplitNumber::new(record.split_number),
        fills: record.fills,
        held: record.held,
        turnover: Money::from_nanos(record.turnover),
        flow: Money::from_nanos(record.flow),
        price_max: record.price_max,
        weights: record.weights.into_iter().map(weight).collect::<Result<_, DecodeError>>()?,
        values: record.values.into_iter().map(Money::from_nanos).collect(),
        values_then: record.values_then.into_iter().map(Money::from_nanos).collect(),
        netted: record.netted.into_iter().map(Money::from_nanos).collect(),
        positions: record.positions.map(read_positions).transpose()?,
    };
    check(&part)?;
    Ok(part)
}

/// Refuses a part that no book has: it would mislead whoever adds it up.
fn check(part: &Part) -> Result<(), DecodeError> {
    let Part { weights, values, values_then, netted, .. } = part;
    let accounts = weights.len();
    let lists = [values, values_then, netted];
    ensure(lists.iter().all(|list| list.len() == accounts), "lists of unequal length")?;
    ensure(accounts <= limits::ACCOUNTS_MAX, "more accounts than a split has")?;
    let sum: u128 = weights.iter().map(|weight| u128::from(weight.nanos())).sum();
    let adds_up = sum.abs_diff(limits::WEIGHT_TOTAL.into()) <= limits::WEIGHT_TOLERANCE.into();
    let has_split = part.split.is_some();
    ensure(adds_up == has_split && has_split != weights.is_empty(), "a split of other weights")?;
    let is_value = |money: &Money| money.nanos().unsigned_abs() <= VALUE_MAX;
    ensure(lists.into_iter().flatten().all(is_value), "more value than an account has")?;
    let turnover = part.turnover.nanos();
    ensure((0..=limits::VALUE_MAX).contains(&turnover), "a turnover beyond its limit")?;
    ensure((0..=turnover).contains(&part.flow.nanos()), "a flow beyond all turnover")?;
    let price = part.price_max;
    ensure((0..=limits::PRICE_MAX).contains(&price), "a price beyond all prices")?;
    ensure(has_split || price == 0, "fills that no split divided")?;
    let counts = [part.netting, part.split_number.get(), part.fills, part.held];
    ensure(counts.iter().all(|count| *count <= COUNT_MAX), "a number beyond all counting")?;
    part.positions.as_ref().map_or(Ok(()), |positions| check_positions(positions, accounts))
}

/// Of this many accounts of the split.
fn check_positions(positions: &PositionsPart, open: usize) -> Result<(), DecodeError> {
    let PositionsPart { accounts, rows } = positions;
    ensure(accounts.len() <= limits::ACCOUNTS_EVER_MAX, "more accounts than a firm has")?;
    let is_value = |money: &Money| money.nanos().unsigned_abs() <= VALUE_MAX;
    let mut ranks: Vec<_> = accounts.iter().filter_map(|account| account.rank).collect();
    ranks.sort_unstable();
    let is_split = ranks.iter().map(|rank| rank.index()).eq(0..open);
    ensure(is_split, "other accounts than its split has")?;
    ensure(accounts.iter().all(|account| is_value(&account.value)), "too much value")?;
    let is_count = |row: &RowPart| (1..=COUNT_MAX).contains(&row.outcomes.get());
    ensure(rows.iter().all(is_count), "a ticker without outcomes, or with too many")?;
    let mut cells = rows.iter().flat_map(|row| &row.cells);
    let is_cell = |cell: &CellPart| {
        let is_held = cell.quantity <= limits::HOLDING_MAX && is_value(&cell.value);
        is_held && cell.account.index() < accounts.len()
    };
    ensure(cells.all(is_cell), "a holding that nobody has")
}

/// What accounts may have after fills and nettings, without its sign.
const VALUE_MAX: u128 = (limits::NETTED_VALUE_MAX + limits::VALUE_MAX).unsigned_abs();

fn ensure(holds: bool, what: &'static str) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::new(format!("a part with {what}"))) }
}

/// What a reject says, as the fault of bytes from another box.
pub(crate) fn unreadable(reject: Reject) -> DecodeError {
    DecodeError::new(reject.to_string())
}

fn read_positions(record: PositionsRecordRead<'_>) -> Result<PositionsPart, DecodeError> {
    Ok(PositionsPart {
        accounts: record.accounts.iter().map(read_account).collect::<Result<_, _>>()?,
        rows: record.rows.iter().map(read_row).collect::<Result<_, _>>()?,
    })
}

fn read_account(record: &AccountRecord<'_>) -> Result<AccountPart, DecodeError> {
    let id = AccountId::new(record.id.as_bytes())?;
    Ok(AccountPart {
        id,
        rank: record.rank.map(AccountRank::new),
        value: Money::from_nanos(record.value),
    })
}

fn read_row(record: &RowRecordRead) -> Result<RowPart, DecodeError> {
    let cells = record.cells.iter().map(|cell| CellPart {
        account: AccountIndex::new(cell.account),
        quantity: cell.quantity,
        value: Money::from_nanos(cell.value),
    });
    let (ticker, outcomes) = (record.ticker.read()?, TickerSeq::new(record.outcomes));
    Ok(RowPart { ticker, outcomes, cells: cells.collect() })
}
