//! P9: a report is made of the parts of one marker, and agrees with the fills before it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use allot_allocation_rules::SplitNumber;
use allot_allocation_service::{AccountReport, Report};
use allot_domain::{AccountId, Money, Ticker};

use crate::allocation::replica::{AtReport, Replica};
use crate::engine::violation::{Violation, ensure};

/// Shares and value of each account in each ticker.
type Holdings = BTreeMap<(AccountId, Ticker), (u64, Money)>;

/// A report, and each shard's replica at its marker.
struct Comparison<'a> {
    report: &'a Report,
    shards: Vec<&'a AtReport>,
}

/// Compares a report with the journals of all shards.
///
/// # Errors
/// The first thing in which they differ.
pub fn check(report: &Report, replicas: &[Replica]) -> Result<(), Violation> {
    let number = report.report;
    let shards = replicas.iter().map(|replica| replica.at_report(number, report.time_ns));
    let Some(shards) = shards.collect::<Option<Vec<_>>>() else {
        let what = format!("report {number} was published, and its marker is not in every journal");
        return Err(Violation::new("P9", what));
    };
    let comparison = Comparison { report, shards };
    comparison.counts()?;
    comparison.holdings()?;
    comparison.totals()?;
    report.accounts.iter().try_for_each(|account| comparison.account(account))
}

impl Comparison<'_> {
    fn counts(&self) -> Result<(), Violation> {
        let Self { report, shards } = self;
        self.agree("fills", report.fills, shards.iter().map(|at| at.summary.fills).sum())?;
        self.agree("held", report.held, shards.iter().map(|at| at.summary.held).sum())?;
        let split = shards.iter().map(|at| at.summary.splits).max().unwrap_or(0);
        self.agree("split", report.split, SplitNumber::new(split))?;
        let keyed: u64 = shards.iter().map(|at| at.keyed).sum();
        let to_all = shards.iter().map(|at| at.to_all).max().unwrap_or(0);
        self.agree("cut", report.cut, keyed + to_all)
    }

    /// Every holding, as the books have it.
    fn holdings(&self) -> Result<(), Violation> {
        let mut expected = Holdings::new();
        for positions in self.shards.iter().filter_map(|at| at.part.positions.as_ref()) {
            for row in &positions.rows {
                for cell in &row.cells {
                    let account = cell.account.index();
                    let id = positions.accounts[account].id;
                    expected.insert((id, row.ticker), (cell.quantity, cell.value));
                }
            }
        }
        let published = self.report.accounts.iter().flat_map(|account| {
            let of_account = account.positions.iter();
            of_account.map(|held| ((account.id, held.ticker), (held.quantity, held.value)))
        });
        self.agree("holdings", published.collect::<Holdings>(), expected)
    }

    /// The totals of each ticker, as the auditors have added them up from the fills.
    fn totals(&self) -> Result<(), Violation> {
        let mut by_ticker: BTreeMap<Ticker, (u128, i128)> = BTreeMap::new();
        for position in self.report.accounts.iter().flat_map(|account| &account.positions) {
            let total = by_ticker.entry(position.ticker).or_default();
            total.0 += u128::from(position.quantity);
            total.1 += position.value.nanos();
        }
        let mut total_value = 0;
        for (ticker, total) in self.shards.iter().flat_map(|at| &at.summary.tickers) {
            let (shares, value) = by_ticker.remove(ticker).unwrap_or_default();
            self.agree(&format!("shares of {ticker}"), shares, total.bought - total.sold)?;
            self.agree(&format!("value of {ticker}"), value, total.value.nanos())?;
            total_value += total.value.nanos();
        }
        self.agree("tickers without a fill", by_ticker.len(), 0)?;
        self.agree("total value", self.report.total_value.nanos(), total_value)
    }

    fn account(&self, account: &AccountReport) -> Result<(), Violation> {
        let id = account.id;
        let totals = self.shards.iter().filter_map(|at| at.summary.accounts.get(&id));
        let shares: u128 = totals.clone().map(|total| total.shares).sum();
        let value: i128 = totals.map(|total| total.value.nanos()).sum();
        let held = account.positions.iter().map(|position| u128::from(position.quantity)).sum();
        self.agree(&format!("shares of {id}"), held, shares)?;
        self.agree(&format!("value of {id}"), account.value.nanos(), value)
    }

    fn agree<T: PartialEq + Debug>(
        &self,
        what: &str,
        published: T,
        expected: T,
    ) -> Result<(), Violation> {
        ensure(published == expected, "P9", || {
            let number = self.report.report;
            format!("report {number}: {what}: published {published:?}, expected {expected:?}")
        })
    }
}
