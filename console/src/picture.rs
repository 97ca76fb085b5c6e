//! A picture: a report, packed, with what the pages ask of it.
//!
//! A report of a large firm has a million positions; packed, each takes 32 bytes.

use std::ops::Range;

use allot_allocation_rules::{SplitNumber, TickerSeq, Weight};
use allot_allocation_service::{AccountReport, Report, TrackingReport};
use allot_domain::{AccountId, LedgerId, Money, ReportNumber, Ticker};

/// The whole firm at one cut.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// As [`Report::report`].
    pub(crate) report: ReportNumber,
    /// As [`Report::cut`].
    pub(crate) cut: u64,
    /// As [`Report::split`].
    pub(crate) split: SplitNumber,
    /// As [`Report::time_ns`].
    pub(crate) time_ns: u64,
    /// As [`Report::ledger`].
    pub(crate) ledger: Option<LedgerId>,
    /// As [`Report::fills`].
    pub(crate) fills: u64,
    /// As [`Report::held`].
    pub(crate) held: u64,
    /// As [`Report::total_value`].
    pub(crate) total_value: Money,
    /// As [`Report::tracking`].
    pub(crate) tracking: Option<TrackingReport>,
    /// As [`Report::degraded`].
    pub(crate) degraded: Vec<String>,
    /// As [`Report::sequences`].
    pub(crate) sequences: Vec<(Ticker, TickerSeq)>,
    /// In byte order.
    pub(crate) tickers: Vec<Ticker>,
    /// In byte order of the ids.
    pub(crate) accounts: Vec<Account>,
    cells: Vec<Cell>,
}

/// One account at a cut.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Its id.
    pub(crate) id: AccountId,
    /// As [`AccountReport::weight`].
    pub(crate) weight: Option<Weight>,
    /// As [`AccountReport::value`].
    pub(crate) value: Money,
    /// As [`AccountReport::target`].
    pub(crate) target: Option<Money>,
    /// As [`AccountReport::deviation`].
    pub(crate) deviation: Option<Money>,
    cells: Range<usize>,
}

/// What an account holds of a ticker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// The place of the ticker in [`Picture::tickers`].
    pub(crate) ticker: u32,
    /// Whole shares.
    pub(crate) quantity: u64,
    /// Bought minus sold at fill prices.
    pub(crate) value: Money,
}

impl Picture {
    /// Packs a report.
    pub(crate) fn of(report: Report) -> Self {
        let tickers = tickers(&report);
        let count = report.accounts.iter().map(|account| account.positions.len()).sum();
        let mut cells = Vec::with_capacity(count);
        let pack = |account| pack(account, &tickers, &mut cells);
        let accounts = report.accounts.into_iter().map(pack).collect();
        Self {
            report: report.report,
            cut: report.cut,
            split: report.split,
            time_ns: report.time_ns,
            ledger: report.ledger,
            fills: report.fills,
            held: report.held,
            total_value: report.total_value,
            tracking: report.tracking,
            degraded: report.degraded,
            sequences: report.sequences,
            tickers,
            accounts,
            cells,
        }
    }

    /// The account with this id.
    pub(crate) fn account(&self, id: &AccountId) -> Option<&Account> {
        let place = self.accounts.binary_search_by_key(id, |account| account.id).ok()?;
        Some(&self.accounts[place])
    }

    /// What an account of this picture holds, in the order of the tickers.
    pub(crate) fn cells(&self, account: &Account) -> &[Cell] {
        &self.cells[account.cells.clone()]
    }

    /// What an account of this picture holds of one ticker.
    pub(crate) fn cell(&self, account: &Account, ticker: u32) -> Option<&Cell> {
        let cells = self.cells(account);
        cells.binary_search_by_key(&ticker, |cell| cell.ticker).ok().map(|place| &cells[place])
    }

    /// Whether an account of this picture holds any share.
    pub(crate) fn holds(&self, account: &Account) -> bool {
        self.cells(account).iter().any(|cell| 0 < cell.quantity)
    }

    /// The accounts of the split in force, with their weights.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (AccountId, Weight)> + '_ {
        self.accounts.iter().filter_map(|account| Some((account.id, account.weight?)))
    }
}

#[cfg(test)]
impl Picture {
    /// That of a split of these accounts, with one percent each.
    pub(crate) fn of_split(number: u64, accounts: &[&str]) -> Self {
        let account = |id: &&str| Account {
            id: AccountId::new(id.as_bytes()).expect("an id"),
            weight: Some(Weight::parse(id, "1").expect("a weight")),
            value: Money::ZERO,
            target: None,
            deviation: None,
            cells: 0..0,
        };
        let (split, accounts) = (SplitNumber::new(number), accounts.iter().map(account).collect());
        Self { split, accounts, ..Self::default() }
    }
}

/// Every ticker of a report, in byte order.
fn tickers(report: &Report) -> Vec<Ticker> {
    let mut tickers: Vec<_> = report.sequences.iter().map(|(ticker, _)| *ticker).collect();
    let counted = tickers.len();
    let positions = report.accounts.iter().flat_map(|account| &account.positions);
    let unknown = positions.filter(|position| tickers.binary_search(&position.ticker).is_err());
    let unknown: Vec<_> = unknown.map(|position| position.ticker).collect();
    tickers.extend(unknown);
    if counted < tickers.len() {
        tickers.sort_unstable();
        tickers.dedup();
    }
    tickers
}

fn pack(account: AccountReport, tickers: &[Ticker], cells: &mut Vec<Cell>) -> Account {
    let first = cells.len();
    cells.extend(account.positions.iter().map(|position| {
        let place = tickers.binary_search(&position.ticker).expect("it has every ticker");
        let ticker = u32::try_from(place).expect("there are fewer tickers than that");
        Cell { ticker, quantity: position.quantity, value: position.value }
    }));
    let AccountReport { id, weight, value, target, deviation, .. } = account;
    Account { id, weight, value, target, deviation, cells: first..cells.len() }
}

#[cfg(test)]
mod tests {
    use allot_allocation_service::PositionReport;

    use super::*;

    #[test]
    fn a_picture_has_what_the_report_has() {
        let ticker = |name: &[u8]| Ticker::new(name).unwrap();
        let position = |name, quantity| PositionReport {
            ticker: ticker(name),
            quantity,
            value: Money::from_nanos(7),
            average_price: None,
        };
        let account = |id: &[u8], positions| AccountReport {
            id: AccountId::new(id).unwrap(),
            weight: None,
            value: Money::ZERO,
            target: None,
            deviation: None,
            positions,
        };
        let report = Report {
            accounts: vec![
                account(b"a", vec![position(b"AAPL", 5), position(b"ODD", 0)]),
                account(b"b", vec![position(b"MSFT", 0)]),
                account(b"c", vec![]),
            ],
            sequences: vec![
                (ticker(b"AAPL"), TickerSeq::new(1)),
                (ticker(b"MSFT"), TickerSeq::new(2)),
            ],
            ..Report::default()
        };
        let picture = Picture::of(report);
        assert_eq!(picture.tickers, [ticker(b"AAPL"), ticker(b"MSFT"), ticker(b"ODD")]);
        let find = |id: &[u8]| picture.account(&AccountId::new(id).unwrap());
        let first = find(b"a").unwrap();
        assert_eq!(picture.cell(first, 0).unwrap().quantity, 5);
        assert!(picture.cell(first, 1).is_none() && picture.holds(first));
        assert!(!picture.holds(find(b"b").unwrap()) && !picture.holds(find(b"c").unwrap()));
        assert!(find(b"d").is_none());
    }
}
