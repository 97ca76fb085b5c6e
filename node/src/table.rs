//! The table: the positions of all accounts, for people.
//!
//! Accounts by tickers, in whole shares, with each account's value, target and deviation, with
//! totals, and with what a share cost on average. The longer side becomes the rows, because pages
//! are longer than they are wide. Money is rounded to cents; `--format json` and `csv` have all
//! nine decimals.
//!
//! A table that is wider than the terminal is turned, if that helps; else its numbers are rounded,
//! and its columns are laid out in blocks, one below the other.

mod columns;
mod number_text;

use std::collections::{BTreeMap, BTreeSet};

use allot_allocation_service::{AccountReport, AccountStatement, Report};
use allot_domain::{Money, Ticker};
use allot_feeds::plural;
use jiff::Timestamp;

pub(crate) use columns::{Layout, plain};
use columns::{blocks, laid_out, length, width};
use number_text::magnitude;
pub(crate) use number_text::{cents, grouped, percent};

/// Nano-units of one unit of money.
const UNIT: u128 = 1_000_000_000;

/// How exact numbers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Numbers {
    /// Whole shares, and cents.
    Exact,
    /// Three digits of what has seven or more, and no cents from a thousand on.
    Compact,
}

/// A report as a page: its headline, its table, and how well the split was met.
pub(crate) fn report(report: &Report, layout: &Layout) -> String {
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
    let headline = wrapped(&headline, " · ", layout);
    let mut page = vec![headline, String::new(), table(&report.accounts, layout)];
    if let Some(tracking) = report.tracking {
        let sentence = format!(
            "farthest from its target: {}, by {} prices ({} avoidable, {} unavoidable)",
            tracking.worst_account,
            cents(tracking.deviation_in_prices),
            cents(tracking.avoidable),
            cents(tracking.unavoidable)
        );
        let words: Vec<_> = sentence.split(' ').map(str::to_owned).collect();
        page.push(format!("\n{}", wrapped(&words, " ", layout)));
    }
    page.join("\n")
}

/// One account's statement as a page.
pub(crate) fn statement(statement: &AccountStatement, layout: &Layout) -> String {
    let headline = [
        format!("report {}", statement.report),
        format!("cut {}", grouped(statement.cut.into())),
        format!("split {}", statement.split),
        time(statement.time_ns),
    ];
    let table = table(std::slice::from_ref(&statement.account), layout);
    [wrapped(&headline, " · ", layout), String::new(), table].join("\n")
}

/// Parts in lines, each as long as the page is wide at most, if its first part is not longer.
fn wrapped(parts: &[String], between: &str, layout: &Layout) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if layout.fits(length(line) + length(between) + length(part)) => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines.join("\n")
}

fn table(accounts: &[AccountReport], layout: &Layout) -> String {
    if accounts.is_empty() {
        return "no account yet: waiting for the first split".to_owned();
    }
    let exact = Grid::of(accounts, Numbers::Exact);
    let compact = Grid::of(accounts, Numbers::Compact);
    let is_long = exact.account_count < exact.ticker_count;
    let candidates = [(&exact, is_long, ""), (&exact, !is_long, ""), (&compact, is_long, ROUNDED)];
    for (grid, is_turned, note) in candidates {
        let lines = grid.lines(is_turned);
        if layout.fits(width(&lines)) {
            return laid_out(lines) + note;
        }
    }
    blocks(compact.lines(is_long), layout.width.unwrap_or(usize::MAX)) + ROUNDED
}

/// What follows numbers that are rounded.
const ROUNDED: &str = "\n\nrounded to fit; --wide prints it whole";

/// The cells of a table: a line for each account, a column for each ticker.
struct Grid {
    cells: Vec<Vec<String>>,
    account_count: usize,
    ticker_count: usize,
}

impl Grid {
    fn of(accounts: &[AccountReport], numbers: Numbers) -> Self {
        let tickers: BTreeSet<Ticker> = accounts.iter().flat_map(tickers).collect();
        let mut cells = vec![head(&tickers)];
        cells.extend(accounts.iter().map(|account| numbers.line(account, &tickers)));
        if 1 < accounts.len() {
            cells.push(numbers.total_line(accounts, &tickers));
        }
        if !tickers.is_empty() {
            cells.push(average_line(accounts, &tickers));
        }
        Self { cells, account_count: accounts.len(), ticker_count: tickers.len() }
    }

    /// The lines of the table; turned, they are those of the tickers.
    fn lines(&self, is_turned: bool) -> Vec<Vec<String>> {
        if !is_turned {
            return self.cells.clone();
        }
        let column = |at: usize| self.cells.iter().map(|line| line[at].clone()).collect();
        let mut lines: Vec<Vec<_>> = (0..self.cells[0].len()).map(column).collect();
        let is_split = 0 < self.ticker_count;
        if is_split {
            lines.insert(self.ticker_count + 1, vec![String::new(); self.cells.len()]);
        }
        lines
    }
}

fn tickers(account: &AccountReport) -> impl Iterator<Item = Ticker> {
    account.positions.iter().map(|position| position.ticker)
}

fn head(tickers: &BTreeSet<Ticker>) -> Vec<String> {
    let sums = ["weight", "value", "target", "deviation"].map(str::to_owned);
    [String::new()].into_iter().chain(tickers.iter().map(Ticker::to_string)).chain(sums).collect()
}

impl Numbers {
    fn line(self, account: &AccountReport, tickers: &BTreeSet<Ticker>) -> Vec<String> {
        let held: BTreeMap<Ticker, u64> =
            account.positions.iter().map(|position| (position.ticker, position.quantity)).collect();
        let quantity =
            |ticker| held.get(ticker).map_or(String::new(), |held| self.shares((*held).into()));
        let money = |money| self.money(money);
        let sums = [
            account.weight.map_or("closed".to_owned(), percent),
            money(account.value),
            account.target.map_or(String::new(), money),
            account.deviation.map_or(String::new(), money),
        ];
        let quantities = tickers.iter().map(quantity);
        [account.id.to_string()].into_iter().chain(quantities).chain(sums).collect()
    }

    fn total_line(self, accounts: &[AccountReport], tickers: &BTreeSet<Ticker>) -> Vec<String> {
        let totals = totals(accounts);
        let quantity = |ticker| {
            totals.get(ticker).map_or(String::new(), |(quantity, _)| self.shares(*quantity))
        };
        let value = accounts.iter().map(|account| account.value).sum();
        let sums = [String::new(), self.money(value), String::new(), String::new()];
        let quantities = tickers.iter().map(quantity);
        ["total".to_owned()].into_iter().chain(quantities).chain(sums).collect()
    }

    fn shares(self, quantity: u128) -> String {
        match self {
            Self::Exact => grouped(quantity),
            Self::Compact => magnitude(quantity).unwrap_or_else(|| grouped(quantity)),
        }
    }

    fn money(self, money: Money) -> String {
        let units = (money.nanos().unsigned_abs() + UNIT / 2) / UNIT;
        if self == Self::Exact || units < 1_000 {
            return cents(money);
        }
        let sign = if money.nanos() < 0 { "-" } else { "" };
        format!("{sign}{}", magnitude(units).unwrap_or_else(|| grouped(units)))
    }
}

/// What all accounts hold of each ticker: shares and their value.
fn totals(accounts: &[AccountReport]) -> BTreeMap<Ticker, (u128, Money)> {
    let mut totals: BTreeMap<Ticker, (u128, Money)> = BTreeMap::new();
    for position in accounts.iter().flat_map(|account| &account.positions) {
        let (quantity, value) = totals.entry(position.ticker).or_default();
        *quantity += u128::from(position.quantity);
        *value += position.value;
    }
    totals
}

/// What a share of each ticker cost on average: bought less sold, by the shares that are held.
fn average_line(accounts: &[AccountReport], tickers: &BTreeSet<Ticker>) -> Vec<String> {
    let totals = totals(accounts);
    let average = |ticker| match totals.get(ticker) {
        Some((quantity, value)) if 0 < *quantity => {
            let quantity = i128::try_from(*quantity).unwrap_or(i128::MAX);
            cents(Money::from_nanos(value.nanos() / quantity))
        }
        _ => String::new(),
    };
    let sums = [const { String::new() }; 4];
    let averages = tickers.iter().map(average);
    ["average price".to_owned()].into_iter().chain(averages).chain(sums).collect()
}

/// To the second: the nanoseconds are in the other formats.
fn time(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| time_ns.to_string(), |time| time.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{SplitNumber, Weight};
    use allot_allocation_service::{PositionReport, TrackingReport};
    use allot_domain::{AccountId, ReportNumber};
    use expect_test::{Expect, expect, expect_file};

    use super::*;
    use crate::table::number_text::CENT;

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
            &report(&of(accounts, 0), &Layout::wide()),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills

                            account1  account2         total  average price
            ───────────────────────────────────────────────────────────────
            AAPL               9,300         7         9,307         187.23
            MSFT                  12                      12         187.23
            T                      1                       1         187.23

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
            &report(&of(accounts, 3), &Layout::wide()),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills · 3 held until the first split

                              AAPL  weight   value  target  deviation
            ─────────────────────────────────────────────────────────
            a                    3    60 %  561.69  561.64       0.05
            b                    2    40 %  374.46  374.41       0.05
            total                5          936.15
            average price   187.23

            farthest from its target: a, by 0.31 prices (0.31 avoidable, 0.00 unavoidable)"#]],
        );
    }

    #[test]
    fn before_the_first_split_there_is_no_account() {
        check(
            &report(&of(Vec::new(), 0), &Layout::wide()),
            expect![[r#"
            report 12 · cut 88,211 · split 17 · 2026-11-21 10:00:00 UTC · 88,190 fills

            no account yet: waiting for the first split"#]],
        );
    }

    #[test]
    fn one_fill_is_not_called_fills() {
        for (fills, ending) in [(0, " · 0 fills"), (1, " · 1 fill"), (2, " · 2 fills")] {
            let page = report(&Report { fills, ..of(Vec::new(), 0) }, &Layout::wide());
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
            &statement(&one, &Layout::wide()),
            expect![[r#"
            report 1 · cut 2 · split 3 · 2026-11-21 10:00:00 UTC

                               a  average price
            ───────────────────────────────────
            AAPL               3         187.23
            MSFT               4         187.23

            weight          60 %
            value       1,310.61
            target      1,310.56
            deviation       0.05"#]],
        );
    }

    /// Twelve accounts and forty tickers.
    fn firm() -> Report {
        let tickers: Vec<_> = (0..40).map(|number| format!("TICK{number:02}")).collect();
        let accounts = (0..12).map(|number: u64| {
            let held: Vec<_> = tickers
                .iter()
                .zip(1..)
                .map(|(ticker, at)| (ticker.as_str(), number * 70_001 + at * at * 997))
                .collect();
            account(&format!("account{number}"), Some(8), &held)
        });
        of(accounts.collect(), 0)
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let firm = firm();
        for width in [40, 80, 120, 200, 400] {
            let page = report(&firm, &Layout { width: Some(width) });
            let longest = page.lines().map(length).max().unwrap();
            assert!(longest <= width, "{longest} of {width}:\n{page}");
            for account in &firm.accounts {
                assert!(page.contains(account.id.as_str()), "{width}: {}", account.id);
            }
        }
        let whole = report(&firm, &Layout::wide());
        assert!(!whole.contains("rounded"), "{whole}");
    }

    /// They were looked at; a change of the layout is to be looked at too.
    #[test]
    fn a_firm_is_laid_out_as_in_its_pictures() {
        let firm = firm();
        for (width, picture) in [
            (80, expect_file!["table/pictures/firm-80.txt"]),
            (120, expect_file!["table/pictures/firm-120.txt"]),
            (200, expect_file!["table/pictures/firm-200.txt"]),
        ] {
            let page = report(&firm, &Layout { width: Some(width) });
            picture.assert_eq(&(page + "\n"));
        }
    }

    #[test]
    fn what_does_not_fit_is_rounded_and_says_so() {
        let held = [("AAPL", 9_300_000), ("MSFT", 12), ("T", 1)];
        let accounts = vec![account("account1", Some(60), &held), account("account2", None, &[])];
        let whole = report(&of(accounts.clone(), 0), &Layout::wide());
        assert!(whole.contains("9,300,000") && !whole.contains("rounded"), "{whole}");
        let page = report(&of(accounts, 0), &Layout { width: Some(50) });
        assert!(page.contains("9.30M") && page.contains("1.74B"), "{page}");
        assert!(page.contains("--wide prints it whole"), "{page}");
    }
}
