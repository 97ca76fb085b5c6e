//! A report: what accounts hold at one cut, read from its bytes.

use std::borrow::Cow;

use allot_domain::{AccountId, LedgerId, Money, Ticker};
use allot_wire::ledger::{LedgerBytes, ledger_of};
use allot_wire::{Batch, DecodeError, PaddedTicker, codec};
use serde::Deserialize;

const KIND_POSITIONS: u8 = 129;
const KIND_ACCOUNT: u8 = 130;

/// The whole firm at one cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The number of the report; it increases, but not always by one.
    pub report: u64,
    /// How many fills, busts and splits it contains.
    pub cut: u64,
    /// The number of the split in force; zero before the first.
    pub split: u64,
    /// When the cut was made, in nanoseconds of Unix time.
    pub time_ns: u64,
    /// Which ledger it is of; none where nothing is kept.
    pub ledger: Option<LedgerId>,
    /// What is missing or doubtful, in sentences; empty when all is well.
    pub degraded: Vec<String>,
    /// How many fills were divided.
    pub fills: u64,
    /// How many fills wait for the first split.
    pub held: u64,
    /// The value of all accounts.
    pub total_value: Money,
    /// How far accounts are from their targets; none before the first split.
    pub tracking: Option<Tracking>,
    /// All accounts the firm ever named, in byte order of their ids.
    pub accounts: Vec<AccountReport>,
    /// How many outcomes each ticker had: the number of its last one on `fills:`.
    pub sequences: Vec<(Ticker, u64)>,
}

/// One account at the same cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// As [`Report::report`].
    pub report: u64,
    /// As [`Report::cut`].
    pub cut: u64,
    /// As [`Report::split`].
    pub split: u64,
    /// As [`Report::time_ns`].
    pub time_ns: u64,
    /// As [`Report::ledger`].
    pub ledger: Option<LedgerId>,
    /// As [`Report::degraded`].
    pub degraded: Vec<String>,
    /// The account.
    pub account: AccountReport,
}

/// An account at a cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountReport {
    /// Its id.
    pub id: AccountId,
    /// Its percentage in the split in force, in 1e-9 of a percent; none where it is closed.
    pub weight_nanos: Option<u64>,
    /// The value of the fills it holds: bought minus sold, at fill prices.
    pub value: Money,
    /// Its share of the value of all open accounts; none where it is closed.
    pub target: Option<Money>,
    /// Value minus target; none where it is closed.
    pub deviation: Option<Money>,
    /// What it holds, in byte order of the tickers.
    pub positions: Vec<PositionReport>,
}

/// What an account holds of a ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionReport {
    /// The ticker.
    pub ticker: Ticker,
    /// Whole shares.
    pub quantity: u64,
    /// Bought minus sold, at fill prices.
    pub value: Money,
    /// Value divided by quantity, rounded towards zero; none where it holds none.
    pub average_price: Option<Money>,
}

/// How far the accounts are from their targets, in units of the highest price of any fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tracking {
    /// The account farthest from its target.
    pub worst_account: AccountId,
    /// How far, without sign.
    pub deviation_in_prices: Money,
    /// The part that a better division could have avoided.
    pub avoidable: Money,
    /// The part that only new fills can correct.
    pub unavoidable: Money,
}

#[derive(Deserialize)]
struct CutRecord<'a> {
    report: u64,
    cut: u64,
    split: u64,
    time_ns: u64,
    ledger: LedgerBytes,
    degraded: Cow<'a, [String]>,
}

#[derive(Deserialize)]
struct ReportRecord<'a> {
    #[serde(borrow)]
    cut: CutRecord<'a>,
    fills: u64,
    held: u64,
    total_value: i128,
    #[serde(borrow)]
    tracking: Option<TrackingRecord<'a>>,
    #[serde(borrow)]
    accounts: Vec<AccountRecord<'a>>,
    sequences: Vec<(PaddedTicker, u64)>,
}

#[derive(Deserialize)]
struct TrackingRecord<'a> {
    worst_account: &'a str,
    deviation_in_prices: i128,
    avoidable: i128,
    unavoidable: i128,
}

#[derive(Deserialize)]
struct AccountRecord<'a> {
    id: &'a str,
    weight: Option<u64>,
    value: i128,
    target: Option<i128>,
    deviation: Option<i128>,
    positions: Vec<PositionRecord>,
}

#[derive(Deserialize)]
struct PositionRecord {
    ticker: PaddedTicker,
    quantity: u64,
    value: i128,
    average_price: Option<i128>,
}

impl Report {
    /// Reads the body of `positions:bin`.
    pub(crate) fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let record: ReportRecord<'_> = codec::decode(Batch::only(body, KIND_POSITIONS)?)?;
        let sequence = |(ticker, last): (PaddedTicker, u64)| Ok((ticker.read()?, last));
        Ok(Self {
            report: record.cut.report,
            cut: record.cut.cut,
            split: record.cut.split,
            time_ns: record.cut.time_ns,
            ledger: ledger_of(record.cut.ledger),
            degraded: record.cut.degraded.into_owned(),
            fills: record.fills,
            held: record.held,
            total_value: Money::from_nanos(record.total_value),
            tracking: record.tracking.map(|tracking| tracking.read()).transpose()?,
            accounts: record.accounts.iter().map(AccountRecord::read).collect::<Result<_, _>>()?,
            sequences: record
                .sequences
                .into_iter()
                .map(sequence)
                .collect::<Result<_, DecodeError>>()?,
        })
    }
}

impl Statement {
    /// Reads the body of `account:bin:`.
    pub(crate) fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let (cut, account): (CutRecord<'_>, AccountRecord<'_>) =
            codec::decode(Batch::only(body, KIND_ACCOUNT)?)?;
        Ok(Self {
            report: cut.report,
            cut: cut.cut,
            split: cut.split,
            time_ns: cut.time_ns,
            ledger: ledger_of(cut.ledger),
            degraded: cut.degraded.into_owned(),
            account: account.read()?,
        })
    }
}

impl TrackingRecord<'_> {
    fn read(&self) -> Result<Tracking, DecodeError> {
        Ok(Tracking {
            worst_account: AccountId::new(self.worst_account.as_bytes())?,
            deviation_in_prices: Money::from_nanos(self.deviation_in_prices),
            avoidable: Money::from_nanos(self.avoidable),
            unavoidable: Money::from_nanos(self.unavoidable),
        })
    }
}

impl AccountRecord<'_> {
    fn read(&self) -> Result<AccountReport, DecodeError> {
        Ok(AccountReport {
            id: AccountId::new(self.id.as_bytes())?,
            weight_nanos: self.weight,
            value: Money::from_nanos(self.value),
            target: self.target.map(Money::from_nanos),
            deviation: self.deviation.map(Money::from_nanos),
            positions: self.positions.iter().map(PositionRecord::read).collect::<Result<_, _>>()?,
        })
    }
}

impl PositionRecord {
    fn read(&self) -> Result<PositionReport, DecodeError> {
        Ok(PositionReport {
            ticker: self.ticker.read()?,
            quantity: self.quantity,
            value: Money::from_nanos(self.value),
            average_price: self.average_price.map(Money::from_nanos),
        })
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{SplitNumber, TickerSeq, Weight};
    use allot_allocation_service as service;
    use allot_domain::ReportNumber;
    use allot_wire::Encoding;

    use super::*;

    fn money(units: i64) -> Money {
        Money::from_nanos(i128::from(units))
    }

    fn known() -> service::Report {
        let ticker = Ticker::new(b"AAPL").unwrap();
        let position = service::PositionReport {
            ticker,
            quantity: 40,
            value: money(7_489),
            average_price: Some(money(187)),
        };
        let open = service::AccountReport {
            id: AccountId::new(b"a").unwrap(),
            weight: Some(Weight::from_nanos("a", 40_000_000_000).unwrap()),
            value: money(7_489),
            target: Some(money(7_000)),
            deviation: Some(money(489)),
            positions: vec![position],
        };
        let closed = service::AccountReport {
            id: AccountId::new(b"b").unwrap(),
            weight: None,
            value: money(-3),
            target: None,
            deviation: None,
            positions: Vec::new(),
        };
        service::Report {
            report: ReportNumber::new(12),
            cut: 88,
            split: SplitNumber::new(3),
            time_ns: 5,
            ledger: None,
            fills: 80,
            held: 1,
            total_value: money(7_486),
            accounts: vec![open, closed],
            sequences: vec![(ticker, TickerSeq::new(80))],
            tracking: Some(service::TrackingReport {
                worst_account: AccountId::new(b"a").unwrap(),
                deviation_in_prices: money(3),
                avoidable: money(1),
                unavoidable: money(2),
            }),
            degraded: vec!["shard 1 is away".to_owned()],
        }
    }

    #[test]
    fn a_report_is_read_as_the_server_wrote_it() {
        let (known, mut body) = (known(), Vec::new());
        known.encode(Encoding::Binary, &mut body);
        let report = Report::read(&body).unwrap();
        assert_eq!((report.report, report.cut, report.split), (12, 88, 3));
        assert_eq!((report.fills, report.held, report.time_ns), (80, 1, 5));
        assert_eq!((report.total_value, report.ledger), (money(7_486), None));
        assert_eq!(report.degraded, known.degraded);
        assert_eq!(report.sequences, [(Ticker::new(b"AAPL").unwrap(), 80)]);
        let tracking = report.tracking.unwrap();
        assert_eq!((tracking.avoidable, tracking.unavoidable), (money(1), money(2)));
        let [open, closed] = &report.accounts[..] else { panic!("{report:?}") };
        assert_eq!((open.weight_nanos, closed.weight_nanos), (Some(40_000_000_000), None));
        assert_eq!((open.target, open.deviation), (Some(money(7_000)), Some(money(489))));
        assert_eq!((open.positions[0].quantity, closed.value), (40, money(-3)));
        for len in 0..body.len() {
            assert!(Report::read(&body[..len]).is_err(), "{len}");
        }
    }
}
