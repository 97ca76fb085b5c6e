//! Bodies of the position feed as binary batches of one record.

use std::borrow::Cow;

use allot_allocation_rules::{SplitNumber, TickerSeq, Weight};
use allot_domain::{AccountId, Money, ReportNumber, Ticker};
use allot_wire::codec::{self, Each};
use allot_wire::ledger::{LedgerBytes, ledger_bytes, ledger_of};
use allot_wire::{Batch, DecodeError, PaddedTicker, begin_batch, end_batch, write_only_record};
use serde::{Deserialize, Serialize};

use super::{
    AccountReport, AccountStatement, KIND_ACCOUNT, KIND_POSITIONS, PositionReport, Report,
    TrackingReport,
};
use crate::part::unreadable;

/// All amounts are counts of 1e-9.
type Nanos = i128;

#[derive(Serialize, Deserialize)]
struct CutRecord<'a> {
    report: u64,
    cut: u64,
    split: u64,
    time_ns: u64,
    ledger: LedgerBytes,
    degraded: Cow<'a, [String]>,
}

#[derive(Serialize, Deserialize)]
struct ReportRecord<'a, A, S> {
    cut: CutRecord<'a>,
    fills: u64,
    held: u64,
    total_value: Nanos,
    #[serde(borrow)]
    tracking: Option<TrackingRecord<'a>>,
    accounts: A,
    sequences: S,
}

#[derive(Serialize, Deserialize)]
struct TrackingRecord<'a> {
    worst_account: &'a str,
    deviation_in_prices: Nanos,
    avoidable: Nanos,
    unavoidable: Nanos,
}

#[derive(Serialize, Deserialize)]
struct AccountRecord<'a, P> {
    id: &'a str,
    weight: Option<u64>,
    value: Nanos,
    target: Option<Nanos>,
    deviation: Option<Nanos>,
    positions: P,
}

#[derive(Serialize, Deserialize)]
struct PositionRecord {
    ticker: PaddedTicker,
    quantity: u64,
    value: Nanos,
    average_price: Option<Nanos>,
}

/// Where the only record of a report begins: behind the header of the batch.
const RECORD_AT: usize = 16;

pub(super) fn begin_report(report: &Report, out: &mut Vec<u8>) {
    begin_batch(out, KIND_POSITIONS);
    assert!(out.len() == RECORD_AT, "the header of a batch");
    // The size of the record: it is known at the end.
    out.extend_from_slice(&[0; size_of::<u32>()]);
    let record = ReportRecord {
        cut: cut_record(report),
        fills: report.fills,
        held: report.held,
        total_value: report.total_value.nanos(),
        tracking: report.tracking.as_ref().map(tracking_record),
        // A list is its length, then its elements.
        accounts: u64::try_from(report.accounts.len()).expect("accounts are counted in 64 bits"),
        // They follow the accounts.
        sequences: (),
    };
    codec::append(record, out);
}

pub(super) fn append_account(account: &AccountReport, out: &mut Vec<u8>) {
    codec::append(account_record(account), out);
}

pub(super) fn end_report(report: &Report, out: &mut Vec<u8>) {
    let sequences = report.sequences.iter();
    let sequences = sequences.map(|(ticker, seq)| (PaddedTicker::from(ticker), seq.get()));
    codec::append(Each(sequences), out);
    let begin = RECORD_AT + size_of::<u32>();
    let size = u32::try_from(out.len() - begin).expect("no message reaches 4 GiB");
    out[RECORD_AT..begin].copy_from_slice(&size.to_le_bytes());
    end_batch(out, 1);
}

pub(super) fn write_account(report: &Report, account: &AccountReport, out: &mut Vec<u8>) {
    write_only_record(out, KIND_ACCOUNT, (cut_record(report), account_record(account)));
}

fn cut_record(report: &Report) -> CutRecord<'_> {
    CutRecord {
        report: report.report.get(),
        cut: report.cut,
        split: report.split.get(),
        time_ns: report.time_ns,
        ledger: ledger_bytes(report.ledger),
        degraded: Cow::Borrowed(&report.degraded),
    }
}

fn tracking_record(tracking: &TrackingReport) -> TrackingRecord<'_> {
    TrackingRecord {
        worst_account: tracking.worst_account.as_str(),
        deviation_in_prices: tracking.deviation_in_prices.nanos(),
        avoidable: tracking.avoidable.nanos(),
        unavoidable: tracking.unavoidable.nanos(),
    }
}

fn account_record(account: &AccountReport) -> AccountRecord<'_, impl Serialize> {
    AccountRecord {
        id: account.id.as_str(),
        weight: account.weight.map(Weight::nanos),
        value: account.value.nanos(),
        target: account.target.map(Money::nanos),
        deviation: account.deviation.map(Money::nanos),
        positions: Each(account.positions.iter().map(position_record)),
    }
}

fn position_record(position: &PositionReport) -> PositionRecord {
    PositionRecord {
        ticker: (&position.ticker).into(),
        quantity: position.quantity,
        value: position.value.nanos(),
        average_price: position.average_price.map(Money::nanos),
    }
}

type AccountRecordRead<'a> = AccountRecord<'a, Vec<PositionRecord>>;

pub(super) fn read_report(body: &[u8]) -> Result<Report, DecodeError> {
    let record: ReportRecord<'_, Vec<AccountRecordRead<'_>>, Vec<(PaddedTicker, u64)>> =
        codec::decode(Batch::only(body, KIND_POSITIONS)?)?;
    Ok(Report {
        report: ReportNumber::new(record.cut.report),
        cut: record.cut.cut,
        split: SplitNumber::new(record.cut.split),
        time_ns: record.cut.time_ns,
        ledger: ledger_of(record.cut.ledger),
        fills: record.fills,
        held: record.held,
        total_value: Money::from_nanos(record.total_value),
        accounts: record.accounts.into_iter().map(read_holdings).collect::<Result<_, _>>()?,
        sequences: record.sequences.into_iter().map(read_sequence).collect::<Result<_, _>>()?,
        tracking: record.tracking.map(|tracking| read_tracking(&tracking)).transpose()?,
        degraded: record.cut.degraded.into_owned(),
    })
}

pub(super) fn read_account(body: &[u8]) -> Result<AccountStatement, DecodeError> {
    let (cut, account): (CutRecord<'_>, AccountRecordRead<'_>) =
        codec::decode(Batch::only(body, KIND_ACCOUNT)?)?;
    Ok(AccountStatement {
        report: ReportNumber::new(cut.report),
        cut: cut.cut,
        split: SplitNumber::new(cut.split),
        time_ns: cut.time_ns,
        ledger: ledger_of(cut.ledger),
        degraded: cut.degraded.into_owned(),
        account: read_holdings(account)?,
    })
}

fn read_sequence((ticker, seq): (PaddedTicker, u64)) -> Result<(Ticker, TickerSeq), DecodeError> {
    Ok((ticker.read()?, TickerSeq::new(seq)))
}

fn read_tracking(tracking: &TrackingRecord<'_>) -> Result<TrackingReport, DecodeError> {
    Ok(TrackingReport {
        worst_account: AccountId::new(tracking.worst_account.as_bytes())?,
        deviation_in_prices: Money::from_nanos(tracking.deviation_in_prices),
        avoidable: Money::from_nanos(tracking.avoidable),
        unavoidable: Money::from_nanos(tracking.unavoidable),
    })
}

fn read_holdings(account: AccountRecordRead<'_>) -> Result<AccountReport, DecodeError> {
    let weight = |nanos: u64| Weight::from_nanos(account.id, nanos.into());
    Ok(AccountReport {
        id: AccountId::new(account.id.as_bytes())?,
        weight: account.weight.map(weight).transpose().map_err(unreadable)?,
        value: Money::from_nanos(account.value),
        target: account.target.map(Money::from_nanos),
        deviation: account.deviation.map(Money::from_nanos),
        positions: account.positions.iter().map(read_position).collect::<Result<_, _>>()?,
    })
}

fn read_position(position: &PositionRecord) -> Result<PositionReport, DecodeError> {
    Ok(PositionReport {
        ticker: position.ticker.read()?,
        quantity: position.quantity,
        value: Money::from_nanos(position.value),
        average_price: position.average_price.map(Money::from_nanos),
    })
}
