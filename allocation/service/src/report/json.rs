//! Bodies of the position feed as JSON objects.

use std::borrow::Cow;

use allot_allocation_rules::{SplitNumber, TickerSeq, Weight};
use allot_domain::{AccountId, Money, ReportNumber, Ticker, decimal};
use allot_wire::json::{Entries, Object};
use allot_wire::ledger::{read_ledger, write_ledger};
use allot_wire::{DecodeError, timestamp};
use serde::Deserialize;

use super::{AccountReport, AccountStatement, PositionReport, Report, TrackingReport};
use crate::part::unreadable;

pub(super) fn begin_report(report: &Report, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    write_cut("positions", report, &mut object);
    object.number("fills", report.fills);
    if 0 < report.held {
        object.number("held", report.held);
    }
    object.decimal("total_value", report.total_value.nanos());
    object.texts("degraded", &report.degraded);
    // It is closed behind the last account.
    let _ = object.object("accounts");
}

pub(super) fn append_account(account: &AccountReport, is_first: bool, out: &mut Vec<u8>) {
    let mut accounts = Object::resume(out, is_first);
    let mut object = accounts.object(account.id.as_str());
    write_holdings(account, &mut object);
    object.end();
}

pub(super) fn end_report(report: &Report, out: &mut Vec<u8>) {
    Object::resume(out, report.accounts.is_empty()).end();
    let mut object = Object::resume(out, false);
    let mut sequences = object.object("sequences");
    for (ticker, seq) in &report.sequences {
        sequences.number(ticker.as_str(), seq.get());
    }
    sequences.end();
    if let Some(tracking) = &report.tracking {
        write_tracking(tracking, &mut object);
    }
    object.end();
}

pub(super) fn write_account(report: &Report, account: &AccountReport, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    write_cut("account", report, &mut object);
    object.texts("degraded", &report.degraded);
    object.plain("account", account.id.as_str());
    write_holdings(account, &mut object);
    object.end();
}

fn write_cut(kind: &str, report: &Report, object: &mut Object<'_>) {
    object.plain("type", kind);
    object.number("report", report.report.get());
    object.number("cut", report.cut);
    object.number("split", report.split.get());
    object.time("time", report.time_ns);
    write_ledger(report.ledger, object);
}

fn write_holdings(account: &AccountReport, object: &mut Object<'_>) {
    match account.weight {
        Some(weight) => object.decimal("weight", weight.nanos().into()),
        None => object.flag("closed", true),
    }
    object.decimal("value", account.value.nanos());
    for (name, amount) in [("target", account.target), ("deviation", account.deviation)] {
        if let Some(amount) = amount {
            object.decimal(name, amount.nanos());
        }
    }
    let mut positions = object.object("positions");
    for position in &account.positions {
        let mut object = positions.object(position.ticker.as_str());
        write_position(position, &mut object);
        object.end();
    }
    positions.end();
}

fn write_position(position: &PositionReport, object: &mut Object<'_>) {
    object.number("quantity", position.quantity);
    object.decimal("value", position.value.nanos());
    if let Some(price) = position.average_price {
        object.decimal("average_price", price.nanos());
    }
}

fn write_tracking(tracking: &TrackingReport, object: &mut Object<'_>) {
    let mut object = object.object("tracking");
    object.plain("worst_account", tracking.worst_account.as_str());
    object.decimal("deviation_in_prices", tracking.deviation_in_prices.nanos());
    object.decimal("avoidable", tracking.avoidable.nanos());
    object.decimal("unavoidable", tracking.unavoidable.nanos());
    object.end();
}

/// A text that borrows from the body unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct ReportObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    report: u64,
    cut: u64,
    split: u64,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    ledger: Option<Text<'a>>,
    fills: u64,
    #[serde(default)]
    held: u64,
    #[serde(borrow)]
    total_value: Text<'a>,
    #[serde(default)]
    degraded: Vec<String>,
    #[serde(borrow)]
    accounts: Entries<'a, HoldingsObject<'a>>,
    #[serde(borrow)]
    sequences: Entries<'a, u64>,
    #[serde(borrow)]
    tracking: Option<TrackingObject<'a>>,
}

#[derive(Deserialize)]
struct AccountObject<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    report: u64,
    cut: u64,
    split: u64,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    ledger: Option<Text<'a>>,
    #[serde(default)]
    degraded: Vec<String>,
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(flatten, borrow)]
    holdings: HoldingsObject<'a>,
}

#[derive(Deserialize)]
struct HoldingsObject<'a> {
    #[serde(borrow)]
    weight: Option<Text<'a>>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(borrow)]
    target: Option<Text<'a>>,
    #[serde(borrow)]
    deviation: Option<Text<'a>>,
    #[serde(borrow)]
    positions: Entries<'a, PositionObject<'a>>,
}

#[derive(Deserialize)]
struct PositionObject<'a> {
    quantity: u64,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(borrow)]
    average_price: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct TrackingObject<'a> {
    #[serde(borrow)]
    worst_account: Text<'a>,
    #[serde(borrow)]
    deviation_in_prices: Text<'a>,
    #[serde(borrow)]
    avoidable: Text<'a>,
    #[serde(borrow)]
    unavoidable: Text<'a>,
}

pub(super) fn read_report(body: &[u8]) -> Result<Report, DecodeError> {
    let object: ReportObject<'_> = serde_json::from_slice(body)?;
    object.kind.must_be("positions")?;
    let accounts = object.accounts.0.into_iter();
    Ok(Report {
        report: ReportNumber::new(object.report),
        cut: object.cut,
        split: SplitNumber::new(object.split),
        time_ns: object.time.time()?,
        ledger: read_ledger(object.ledger.as_ref().map(|text| &*text.0))?,
        fills: object.fills,
        held: object.held,
        total_value: object.total_value.money()?,
        accounts: accounts.map(|(id, holdings)| holdings.read(&id)).collect::<Result<_, _>>()?,
        sequences: object
            .sequences
            .0
            .into_iter()
            .map(|(ticker, seq)| Ok((Ticker::new(ticker.as_bytes())?, TickerSeq::new(seq))))
            .collect::<Result<_, DecodeError>>()?,
        tracking: object.tracking.map(|tracking| tracking.read()).transpose()?,
        degraded: object.degraded,
    })
}

pub(super) fn read_account(body: &[u8]) -> Result<AccountStatement, DecodeError> {
    let object: AccountObject<'_> = serde_json::from_slice(body)?;
    object.kind.must_be("account")?;
    Ok(AccountStatement {
        report: ReportNumber::new(object.report),
        cut: object.cut,
        split: SplitNumber::new(object.split),
        time_ns: object.time.time()?,
        ledger: read_ledger(object.ledger.as_ref().map(|text| &*text.0))?,
        degraded: object.degraded,
        account: object.holdings.read(&object.account.0)?,
    })
}

impl Text<'_> {
    fn must_be(&self, kind: &str) -> Result<(), DecodeError> {
        if self.0 == kind {
            return Ok(());
        }
        Err(DecodeError::new(format!("the type \"{kind}\" is expected")))
    }

    fn money(&self) -> Result<Money, DecodeError> {
        let nanos = decimal::parse_nanos(&self.0);
        nanos.map(Money::from_nanos).map_err(|why| DecodeError::new(format!("an amount {why}")))
    }

    fn time(&self) -> Result<u64, DecodeError> {
        timestamp::parse(&self.0).ok_or_else(|| DecodeError::new("the time is not of RFC 3339"))
    }
}

impl HoldingsObject<'_> {
    fn read(self, id: &str) -> Result<AccountReport, DecodeError> {
        let amount = |text: Option<Text<'_>>| text.map(|text| text.money()).transpose();
        let positions = self.positions.0.into_iter();
        Ok(AccountReport {
            id: AccountId::new(id.as_bytes())?,
            weight: self
                .weight
                .map(|weight| Weight::parse(id, &weight.0))
                .transpose()
                .map_err(unreadable)?,
            value: self.value.money()?,
            target: amount(self.target)?,
            deviation: amount(self.deviation)?,
            positions: positions
                .map(|(ticker, position)| position.read(&ticker))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl PositionObject<'_> {
    fn read(&self, ticker: &str) -> Result<PositionReport, DecodeError> {
        Ok(PositionReport {
            ticker: Ticker::new(ticker.as_bytes())?,
            quantity: self.quantity,
            value: self.value.money()?,
            average_price: self.average_price.as_ref().map(Text::money).transpose()?,
        })
    }
}

impl TrackingObject<'_> {
    fn read(&self) -> Result<TrackingReport, DecodeError> {
        Ok(TrackingReport {
            worst_account: AccountId::new(self.worst_account.0.as_bytes())?,
            deviation_in_prices: self.deviation_in_prices.money()?,
            avoidable: self.avoidable.money()?,
            unavoidable: self.unavoidable.money()?,
        })
    }
}
