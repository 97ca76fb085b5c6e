//! Part: what one shard hands the publisher at a marker.

use allot_allocation_rules::{
    AccountIndex, AccountPart, AccountRank, CellPart, Part, PositionsPart, Reject, RowPart,
    SplitNumber, Weight,
};
use allot_domain::{AccountId, Money};
use allot_wire::codec::{self, Each};
use allot_wire::{DecodeError, PaddedTicker};
use serde::{Deserialize, Serialize};

use crate::input::SplitKeyRecord;

#[derive(Serialize, Deserialize)]
struct PartRecord<'a, W, V, N, P> {
    netting: u64,
    #[serde(borrow)]
    split: Option<SplitKeyRecord<'a>>,
    split_number: u64,
    fills: u64,
    held: u64,
    flow: i128,
    price_max: i64,
    weights: W,
    values: V,
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
        flow: part.flow.nanos(),
        price_max: part.price_max,
        weights: Each(part.weights.iter().map(|weight| weight.nanos())),
        values: Each(part.values.iter().map(|value| value.nanos())),
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
    RowRecord { ticker: (&row.ticker).into(), cells: Each(row.cells.iter().map(cell_record)) }
}

fn cell_record(cell: &CellPart) -> CellRecord {
    CellRecord { account: cell.account.get(), quantity: cell.quantity, value: cell.value.nanos() }
}

type RowRecordRead = RowRecord<Vec<CellRecord>>;
type PositionsRecordRead<'a> = PositionsRecord<Vec<AccountRecord<'a>>, Vec<RowRecordRead>>;
type PartRecordRead<'a> = PartRecord<'a, Vec<u64>, Vec<i128>, Vec<i128>, PositionsRecordRead<'a>>;

/// Reads the body of a part.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_part(body: &[u8]) -> Result<Part, DecodeError> {
    let record: PartRecordRead<'_> = codec::decode(body)?;
    let weight = |nanos: u64| Weight::from_nanos("", nanos.into()).map_err(unreadable);
    Ok(Part {
        netting: record.netting,
        split: record.split.map(|split| split.read()).transpose()?,
        split_number: SplitNumber::new(record.split_number),
        fills: record.fills,
        held: record.held,
        flow: Money::from_nanos(record.flow),
        price_max: record.price_max,
        weights: record.weights.into_iter().map(weight).collect::<Result<_, DecodeError>>()?,
        values: record.values.into_iter().map(Money::from_nanos).collect(),
        netted: record.netted.into_iter().map(Money::from_nanos).collect(),
        positions: record.positions.map(read_positions).transpose()?,
    })
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
    Ok(RowPart { ticker: record.ticker.read()?, cells: cells.collect() })
}
