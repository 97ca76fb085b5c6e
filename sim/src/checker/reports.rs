//! P9: a report is made of the parts of one marker, and says what the fills before it make.

use std::collections::BTreeMap;

use allot_domain::{AccountId, Money, Ticker};
use allot_wire::{AccountReport, Report};

use crate::replica::{Mark, Replica};
use crate::violation::Violation;

/// Shares and value of each account in each ticker.
type Holdings = BTreeMap<(AccountId, Ticker), (u64, Money)>;

/// Holds a report against the journals of all shards.
///
/// # Errors
/// The first thing in which they differ.
pub fn check(report: &Report, replicas: &[Replica]) -> Result<(), Violation> {
    let (number, time_ns) = (report.report, report.time_ns);
    let found = replicas.iter().map(|replica| replica.mark(number, time_ns));
    let Some(marks) = found.collect::<Option<Vec<_>>>() else {
        let what = format!("report {number} was published, and its marker is not in every journal");
        return Err(Violation::new("P9", what));
    };
    check_counts(report, &marks)
        .and_then(|()| check_cells(report, &marks))
        .and_then(|()| check_sums(report, &marks))
        .map_err(|what| Violation::new("P9", format!("report {number}: {what}")))
}

fn agree<T: PartialEq + std::fmt::Debug>(what: &str, said: T, is: T) -> Result<(), String> {
    if said == is { Ok(()) } else { Err(format!("{what} is said to be {said:?}; it is {is:?}")) }
}

fn check_counts(report: &Report, marks: &[&Mark]) -> Result<(), String> {
    agree("fills", report.fills, marks.iter().map(|mark| mark.summary.fills).sum())?;
    agree("held", report.held, marks.iter().map(|mark| mark.summary.held).sum())?;
    let splits = marks.iter().map(|mark| mark.summary.splits).max().unwrap_or(0);
    agree("the split", report.split, splits)?;
    let routed: u64 = marks.iter().map(|mark| mark.routed).sum();
    let splits = marks.iter().map(|mark| mark.splits).max().unwrap_or(0);
    agree("the cut", report.cut, routed + splits)
}

/// Every holding, as the books have it.
fn check_cells(report: &Report, marks: &[&Mark]) -> Result<(), String> {
    let mut expected = Holdings::new();
    for positions in marks.iter().filter_map(|mark| mark.part.positions.as_ref()) {
        for row in &positions.rows {
            for cell in &row.cells {
                let place = usize::try_from(cell.account).expect("a few");
                let id = positions.accounts[place].id;
                expected.insert((id, row.ticker), (cell.quantity, cell.value));
            }
        }
    }
    let said = report.accounts.iter().flat_map(|account| {
        account
            .positions
            .iter()
            .map(|position| ((account.id, position.ticker), (position.quantity, position.value)))
    });
    agree("who holds what", said.collect::<Holdings>(), expected)
}

/// Totals by ticker and account, as the auditors have added them up from the fills.
fn check_sums(report: &Report, marks: &[&Mark]) -> Result<(), String> {
    let mut by_ticker: BTreeMap<Ticker, (u128, i128)> = BTreeMap::new();
    for position in report.accounts.iter().flat_map(|account| &account.positions) {
        let total = by_ticker.entry(position.ticker).or_default();
        total.0 += u128::from(position.quantity);
        total.1 += position.value.nanos();
    }
    let mut total_value = 0;
    for (ticker, total) in marks.iter().flat_map(|mark| &mark.summary.tickers) {
        let (shares, value) = by_ticker.remove(ticker).unwrap_or_default();
        agree(&format!("shares of {ticker}"), shares, total.bought - total.sold)?;
        agree(&format!("value of {ticker}"), value, total.value.nanos())?;
        total_value += total.value.nanos();
    }
    agree("tickers without a fill", by_ticker.len(), 0)?;
    agree("the total value", report.total_value.nanos(), total_value)?;
    report.accounts.iter().try_for_each(|account| check_account(account, marks))
}

fn check_account(account: &AccountReport, marks: &[&Mark]) -> Result<(), String> {
    let totals = marks.iter().filter_map(|mark| mark.summary.accounts.get(&account.id));
    let shares: u128 = totals.clone().map(|total| total.shares).sum();
    let value: i128 = totals.map(|total| total.value.nanos()).sum();
    let said = account.positions.iter().map(|position| u128::from(position.quantity)).sum();
    agree(&format!("shares of {}", account.id), said, shares)?;
    agree(&format!("value of {}", account.id), account.value.nanos(), value)
}
