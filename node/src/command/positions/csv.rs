//! Positions as CSV: one line per position, so that the columns do not depend on the accounts and
//! tickers. A ticker with a comma is in quotes.

use allot_allocation_rules::{SplitNumber, Weight};
use allot_allocation_service::{AccountReport, AccountStatement, PositionReport, Report};
use allot_domain::decimal::nanos_text;
use allot_domain::{Money, ReportNumber};

use crate::csv_cell::cell;
use crate::time_text;

/// The first line. An account without positions has one line, with the last four cells empty.
const HEAD: &str = "report,cut,split,time,account,weight,account_value,target,deviation,\
                    ticker,quantity,value,average_price";

/// A report's lines, without a newline at the end.
pub(super) fn report(report: &Report, with_head: bool) -> String {
    let cut = cut(report.report, report.cut, report.split, report.time_ns);
    lines(&cut, &report.accounts, with_head)
}

/// One account's lines, without a newline at the end.
pub(super) fn statement(statement: &AccountStatement, with_head: bool) -> String {
    let cut = cut(statement.report, statement.cut, statement.split, statement.time_ns);
    lines(&cut, std::slice::from_ref(&statement.account), with_head)
}

fn cut(report: ReportNumber, cut: u64, split: SplitNumber, time_ns: u64) -> String {
    let time = time_text::exact(time_ns);
    format!("{report},{cut},{split},{time}")
}

fn lines(cut: &str, accounts: &[AccountReport], with_head: bool) -> String {
    let head = with_head.then(|| HEAD.to_owned());
    let lines = accounts.iter().flat_map(|account| account_lines(cut, account));
    head.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn account_lines(cut: &str, account: &AccountReport) -> Vec<String> {
    let id = cell(account.id.as_str());
    let value = account.value;
    let weight = account.weight.map_or(String::new(), percent);
    let target = optional(account.target);
    let deviation = optional(account.deviation);
    let line = |cells| format!("{cut},{id},{weight},{value},{target},{deviation},{cells}");
    if account.positions.is_empty() {
        return vec![line(",,,".to_owned())];
    }
    account.positions.iter().map(|position| line(cells(position))).collect()
}

fn cells(position: &PositionReport) -> String {
    let PositionReport { ticker, quantity, value, average_price } = position;
    let ticker = cell(ticker.as_str());
    format!("{ticker},{quantity},{value},{}", optional(*average_price))
}

fn percent(weight: Weight) -> String {
    nanos_text(weight.nanos().into())
}

fn optional(money: Option<Money>) -> String {
    money.map_or(String::new(), |money| money.to_string())
}

#[cfg(test)]
mod tests {
    use allot_domain::{AccountId, Ticker};
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_position_has_its_line_and_an_account_without_one_too() {
        let position = PositionReport {
            ticker: Ticker::new(b"BRK/B").unwrap(),
            quantity: 3,
            value: Money::from_nanos(561_690_000_000),
            average_price: Some(Money::from_nanos(187_230_000_000)),
        };
        let comma = PositionReport {
            ticker: Ticker::new(b"BRK,B").unwrap(),
            quantity: 0,
            value: Money::ZERO,
            average_price: None,
        };
        let open = AccountReport {
            id: AccountId::new(b"account1").unwrap(),
            weight: Some(Weight::from_nanos("account1", 100_000_000_000).unwrap()),
            value: position.value,
            target: Some(Money::from_nanos(561_690_000_001)),
            deviation: Some(Money::from_nanos(-1)),
            positions: vec![position, comma],
        };
        let closed = AccountReport {
            id: AccountId::new(b"old@desk").unwrap(),
            weight: None,
            value: Money::ZERO,
            target: None,
            deviation: None,
            positions: Vec::new(),
        };
        let cut =
            cut(ReportNumber::new(12), 88_211, SplitNumber::new(17), 1_795_255_200_000_000_001);
        expect![[r#"
            report,cut,split,time,account,weight,account_value,target,deviation,ticker,quantity,value,average_price
            12,88211,17,2026-11-21T10:00:00.000000001Z,account1,100,561.69,561.690000001,-0.000000001,BRK/B,3,561.69,187.23
            12,88211,17,2026-11-21T10:00:00.000000001Z,account1,100,561.69,561.690000001,-0.000000001,"BRK,B",0,0,
            12,88211,17,2026-11-21T10:00:00.000000001Z,old@desk,,0,,,,,,"#]].assert_eq(&lines(&cut, &[open, closed], true));
    }
}
