//! The table: the positions of all accounts, for people.
//!
//! Accounts by tickers, in whole shares, with each account's value, target and deviation, and with
//! totals. The longer side becomes the rows, because pages are longer than they are wide. Money is
//! rounded to cents; `--format json` and `csv` have all nine decimals.

use std::collections::{BTreeMap, BTreeSet};

use allot_allocation_rules::Weight;
use allot_allocation_service::{AccountReport, AccountStatement, Report};
use allot_domain::decimal::nanos_text;
use allot_domain::{Money, Ticker};
use allot_feeds::plural;
use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use jiff::Timestamp;

/// Nano-units of a cent.
const CENT: i128 = 10_000_000;

/// No frame: a line under the header, and space between the columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// A report as a page: its headline, its table, and how well the split was met.
pub(crate) fn report(report: &Report) -> String {
    let mut headline = vec![
        format!("report {}", report.report),
        format!("cut {}", grouped(report.cut.into())),
        format!("split {}", report.split),
        time(report.time_ns),
        format!("{} {}", grouped(report.fills.into()), plural(report.fills, "fill")),
    ];
    if 0 < report.held {
        headline.push(format!("{} held until the first split", grouped(report.held.into())));
    }
    let mut page = vec![headline.join(" · "), String::new(), table(&report.accounts)];
    if let Some(tracking) = report.tracking {
        page.push(format!(
            "\nfarthest from its target: {}, by {} prices ({} avoidable, {} unavoidable)",
            tracking.worst_account,
            cents(tracking.deviation_in_prices),
            cents(tracking.avoidable),
            cents(tracking.unavoidable)
        ));
    }
    page.join("\n")
}

/// One account's statement as a page.
pub(crate) fn statement(statement: &AccountStatement) -> String {
    let headline = [
        format!("report {}", statement.report),
        format!("cut {}", grouped(statement.cut.into())),
        format!("split {}", statement.split),
        time(statement.time_ns),
    ];
    let table = table(std::slice::from_ref(&statement.account));
    [headline.join(" · "), String::new(), table].join("\n")
}

fn table(accounts: &[AccountReport]) -> String {
    if accounts.is_empty() {
        return "no account yet: waiting for the first split".to_owned();
    }
    let tickers: BTreeSet<Ticker> = accounts.iter().flat_map(tickers).collect();
    let mut lines = vec![head(&tickers)];
    lines.extend(accounts.iter().map(|account| line(account, &tickers)));
    if 1 < accounts.len() {
        lines.push(total_line(accounts, &tickers));
    }
    if accounts.len() < tickers.len() {
        lines = transposed(&lines);
        lines.insert(tickers.len() + 1, vec![String::new()]);
    }
    laid_out(lines)
}

fn tickers(account: &AccountReport) -> impl Iterator<Item = Ticker> {
    account.positions.iter().map(|position| position.ticker)
}

fn head(tickers: &BTreeSet<Ticker>) -> Vec<String> {
    let sums = ["weight", "value", "target", "deviation"].map(str::to_owned);
    [String::new()].into_iter().chain(tickers.iter().map(Ticker::to_string)).chain(sums).collect()
}

fn line(account: &AccountReport, tickers: &BTreeSet<Ticker>) -> Vec<String> {
    let held: BTreeMap<Ticker, u64> =
        account.positions.iter().map(|position| (position.ticker, position.quantity)).collect();
    let quantity = |ticker| held.get(ticker).map_or(String::new(), |held| grouped((*held).into()));
    let sums = [
        account.weight.map_or("closed".to_owned(), percent),
        cents(account.value),
        account.target.map_or(String::new(), cents),
        account.deviation.map_or(String::new(), cents),
    ];
    [account.id.to_string()].into_iter().chain(tickers.iter().map(quantity)).chain(sums).collect()
}

fn total_line(accounts: &[AccountReport], tickers: &BTreeSet<Ticker>) -> Vec<String> {
    let mut held: BTreeMap<Ticker, u128> = BTreeMap::new();
    for position in accounts.iter().flat_map(|account| &account.positions) {
        *held.entry(position.ticker).or_default() += u128::from(position.quantity);
    }
    let quantity = |ticker| held.get(ticker).map_or(String::new(), |held| grouped(*held));
    let value = accounts.iter().map(|account| account.value).sum();
    let sums = [String::new(), cents(value), String::new(), String::new()];
    ["total".to_owned()].into_iter().chain(tickers.iter().map(quantity)).chain(sums).collect()
}

/// Rows become columns.
fn transposed(lines: &[Vec<String>]) -> Vec<Vec<String>> {
    let column = |at: usize| lines.iter().map(|line| line[at].clone()).collect();
    (0..lines[0].len()).map(column).collect()
}

fn laid_out(lines: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    let mut lines = lines.into_iter();
    table.set_header(lines.next().unwrap_or_default());
    table.add_rows(lines);
    for (index, column) in table.column_iter_mut().enumerate() {
        match index {
            0 => column.set_padding((0, 1)),
            _ => column.set_padding((2, 0)),
        };
        if 0 < index {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Cents, rounded half away from zero.
fn cents(money: Money) -> String {
    let nanos = money.nanos();
    let cents = (nanos.unsigned_abs() + CENT.unsigned_abs() / 2) / CENT.unsigned_abs();
    let sign = if nanos < 0 && 0 < cents { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(cents / 100), cents % 100)
}

fn percent(weight: Weight) -> String {
    format!("{} %", nanos_text(weight.nanos().into()))
}

/// Digits in groups of three.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To the second: the nanoseconds are in the other formats.
fn time(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| time_ns.to_string(), |time| time.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::SplitNumber;
    use allot_allocation_service::{PositionReport, TrackingReport};
    use allot_domain::{AccountId, ReportNumber};
    use expect_test::{Expect, expect};

    use super::*;

    fn money(cents: i128) -> Money {
        Money::from_nanos(cents * CENT)
    }

    fn account(name: &str, weight: Option<i128>, held: &[(&str, u64)]) -> AccountReport {
        let position = |(ticker, quantity): &(&str, u64)| PositionReport {
            ticker: Ticker::new(ticker.as_bytes()).unwrap(),
            quantity: *quantity,
            value: money(i128::from(*quantity) * 18_723),
            average_price: Some(money(18_723)),
        };
        let positions: Vec<_> = held.iter().map(position).collect();
        let value = positions.iter().map(|position| position.value).sum();
        let weight =
            weight.map(|percent| Weight::from_nanos(name, percent * 1_000_000_000).unwrap());
        AccountReport {
            id: AccountId::new(name.as_bytes()).unwrap(),
            weight,
            value,
            target: weight.map(|_| value - money(5)),
            deviation: weight.map(|_| money(5)),
            positions,
        }
    }

    fn of(accounts: Vec<AccountReport>, held: u64) -> Report {
        Report {
            report: ReportNumber::new(12),
            cut: 88_211,
            split: SplitNumber::new(17),
            time_ns: 1_795_255_200_000_000_000,
            ledger: None,
            fills: 88_190,
            held,
            sequences: Vec::new(),
            total_value: accounts.iter().map(|account| account.value).sum(),
            tracking: accounts.first().map(|account| TrackingReport {
                worst_account: account.id,
                deviation_in_prices: money(31),
                avoidable: money(31),
                unavoidable: Money::ZERO,
            }),
            accounts,
            degraded: Vec::new(),
        }
    }

    fn check(page: &str, expected: Expect) {
        expected.assert_eq(page);
    }

    #[test]
    fn more_tickers_than_accounts_go_down_the_page() {
        let accounts = vec![
            account("account1", Some(60), &[("AAPL", 9_300), ("MSFT", 12), ("T", 1)]),
            account("account2", None, &[("AAPL", 7)]),
        ];
        check(
            &report(&of(accounts, 0)),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills

                            account1  account2         total
            ────────────────────────────────────────────────
            AAPL               9,300         7         9,307
            MSFT                  12                      12
            T                      1                       1

            weight              60 %    closed
            value       1,743,672.99  1,310.61  1,744,983.60
            target      1,743,672.94
            deviation           0.05

            farthest from its target: account1, by 0.31 prices (0.31 avoidable, 0.00 unavoidable)"#]],
        );
    }

    #[test]
    fn more_accounts_than_tickers_go_down_the_page() {
        let accounts =
            vec![account("a", Some(60), &[("AAPL", 3)]), account("b", Some(40), &[("AAPL", 2)])];
        check(
            &report(&of(accounts, 3)),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills · 3 held until the first split

                    AAPL  weight   value  target  deviation
            ───────────────────────────────────────────────
            a          3    60 %  561.69  561.64       0.05
            b          2    40 %  374.46  374.41       0.05
            total      5          936.15

            farthest from its target: a, by 0.31 prices (0.31 avoidable, 0.00 unavoidable)"#]],
        );
    }

    #[test]
    fn before_the_first_split_there_is_no_account() {
        check(
            &report(&of(Vec::new(), 0)),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills

            no account yet: waiting for the first split"#]],
        );
    }

    #[test]
    fn one_fill_is_not_called_fills() {
        for (fills, ending) in [(0, " · 0 fills"), (1, " · 1 fill"), (2, " · 2 fills")] {
            let page = report(&Report { fills, ..of(Vec::new(), 0) });
            assert!(page.lines().next().unwrap().ends_with(ending), "{page}");
        }
    }

    #[test]
    fn one_account_needs_no_totals() {
        let account = account("a", Some(60), &[("AAPL", 3), ("MSFT", 4)]);
        let time_ns = 1_795_255_200_000_000_000;
        let degraded = Vec::new();
        let one = AccountStatement {
            report: ReportNumber::new(1),
            cut: 2,
            split: SplitNumber::new(3),
            time_ns,
            ledger: None,
            degraded,
            account,
        };
        check(
            &statement(&one),
            expect![[r#"
            report 1 · cut 2 · split 3 · 2026-11-21 10:00:00 UTC

                               a
            ────────────────────
            AAPL               3
            MSFT               4

            weight          60 %
            value       1,310.61
            target      1,310.56
            deviation       0.05"#]],
        );
    }

    #[test]
    fn money_is_rounded_to_cents_half_away_from_zero() {
        for (nanos, text) in [
            (0, "0.00"),
            (4_999_999, "0.00"),
            (-4_999_999, "0.00"),
            (5_000_000, "0.01"),
            (-5_000_000, "-0.01"),
            (1_234_567_890_000_000, "1,234,567.89"),
            (-999_999_995_000_000, "-1,000,000.00"),
        ] {
            assert_eq!(cents(Money::from_nanos(nanos)), text);
        }
    }
}
