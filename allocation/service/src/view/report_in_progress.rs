//! Report in progress: the parts of a cut become a report, so much of it in each turn.
//!
//! A large firm has a million positions. First the accounts of all parts are gathered, then the
//! rows are handed out to them, in the order of their tickers.

use std::collections::BTreeMap;

use allot_allocation_rules::{Part, PositionsPart, RowPart, Weight};
use allot_domain::{AccountId, Money};
use allot_publisher::Budget;

use crate::{AccountReport, PositionReport, Report};

/// What an account or a position counts for: the bytes of it that are read and written.
const ENTRY_LEN: usize = 64;

/// A report, and how far it is.
pub(crate) struct ReportInProgress {
    report: Report,
    weights: BTreeMap<AccountId, Weight>,
    /// Where each account stands in the report, by its index in each part.
    slots: Vec<Vec<usize>>,
    slot_of: BTreeMap<AccountId, usize>,
    positions: Vec<PositionsPart>,
    /// The rows that are left, the next one last.
    rows: Option<Vec<RowAt>>,
}

/// A row: of a part, by index.
struct RowAt {
    part: usize,
    row: usize,
}

impl ReportInProgress {
    pub(super) fn new(
        report: Report,
        weights: BTreeMap<AccountId, Weight>,
        parts: Vec<Part>,
    ) -> Self {
        let positions: Vec<_> = parts.into_iter().filter_map(|part| part.positions).collect();
        let slots = positions.iter().map(|_| Vec::new()).collect();
        Self { report, weights, slots, slot_of: BTreeMap::new(), positions, rows: None }
    }

    /// Goes on until the budget is spent; the report, once it is whole.
    pub(crate) fn resume(&mut self, budget: &mut Budget) -> Option<Report> {
        if !self.gather_accounts(budget) {
            return None;
        }
        let mut rows = self.rows.take().unwrap_or_else(|| rows(&self.positions));
        while let Some(at) = rows.pop() {
            if budget.is_spent() {
                rows.push(at);
                self.rows = Some(rows);
                return None;
            }
            let row = &mut self.positions[at.part].rows[at.row];
            // Its memory is given back here, and not all at once.
            let cells = std::mem::take(&mut row.cells);
            let row = RowPart { cells, ..*row };
            budget.spend(ENTRY_LEN * (1 + row.cells.len()));
            self.hand_out(at.part, &row);
        }
        Some(self.end())
    }

    /// Gathers the accounts of all parts; false if that goes on.
    fn gather_accounts(&mut self, budget: &mut Budget) -> bool {
        for (positions, slots) in self.positions.iter().zip(&mut self.slots) {
            for account in &positions.accounts[slots.len()..] {
                if budget.is_spent() {
                    return false;
                }
                budget.spend(ENTRY_LEN);
                let accounts = &mut self.report.accounts;
                let slot = *self.slot_of.entry(account.id).or_insert_with(|| {
                    accounts.push(unvalued(account.id, &self.weights));
                    accounts.len() - 1
                });
                accounts[slot].value += account.value;
                slots.push(slot);
            }
        }
        true
    }

    fn hand_out(&mut self, part: usize, row: &RowPart) {
        for cell in &row.cells {
            // A part is of another box: it may name an account that it does not list.
            if let Some(slot) = self.slots[part].get(cell.account.index()) {
                self.report.accounts[*slot].positions.push(PositionReport {
                    ticker: row.ticker,
                    quantity: cell.quantity,
                    value: cell.value,
                    average_price: average_price(cell.value, cell.quantity),
                });
            }
        }
    }

    fn end(&mut self) -> Report {
        let mut report = std::mem::take(&mut self.report);
        report.accounts.sort_unstable_by_key(|account| account.id);
        report.total_value = report.accounts.iter().map(|account| account.value).sum();
        set_targets(&mut report.accounts);
        report
    }
}

/// All rows, in the reverse order of their tickers: the last is the next.
fn rows(positions: &[PositionsPart]) -> Vec<RowAt> {
    let of_part = |(part, positions): (usize, &PositionsPart)| {
        (0..positions.rows.len()).map(move |row| RowAt { part, row })
    };
    let mut rows: Vec<_> = positions.iter().enumerate().flat_map(of_part).collect();
    rows.sort_unstable_by_key(|at| (positions[at.part].rows[at.row].ticker, at.part));
    rows.reverse();
    rows
}

fn unvalued(id: AccountId, weights: &BTreeMap<AccountId, Weight>) -> AccountReport {
    AccountReport {
        id,
        weight: weights.get(&id).copied(),
        value: Money::ZERO,
        target: None,
        deviation: None,
        positions: Vec::new(),
    }
}

/// What a share cost on balance: bought minus sold, over what is left.
fn average_price(value: Money, quantity: u64) -> Option<Money> {
    (0 < quantity).then(|| Money::from_nanos(value.nanos() / i128::from(quantity)))
}

/// Each open account's share of what all open accounts have together.
fn set_targets(accounts: &mut [AccountReport]) {
    let open = || accounts.iter().filter(|account| account.weight.is_some());
    let total: i128 = open().map(|account| account.value.nanos()).sum();
    let weight_total: i128 =
        open().filter_map(|account| account.weight).map(|weight| i128::from(weight.nanos())).sum();
    for account in accounts {
        let Some(weight) = account.weight else {
            continue;
        };
        let target = Money::from_nanos(i128::from(weight.nanos()) * total / weight_total);
        account.target = Some(target);
        account.deviation = Some(account.value - target);
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{
        AccountIndex, AccountPart, CellPart, PositionsPart, RowPart, TickerSeq,
    };
    use allot_domain::{ReportNumber, Ticker};

    use super::*;

    /// A part of one shard: each account holds a share of each ticker.
    fn part(accounts: &[&str], tickers: &[&str]) -> PositionsPart {
        let id = |name: &&str| AccountId::new(name.as_bytes()).unwrap();
        let account = |name| AccountPart { id: id(name), rank: None, value: Money::from_nanos(7) };
        let cells = (0..accounts.len()).map(|index| CellPart {
            account: AccountIndex::at(index),
            quantity: 1,
            value: Money::from_nanos(7),
        });
        let row = |name: &&str| RowPart {
            ticker: Ticker::new(name.as_bytes()).unwrap(),
            outcomes: TickerSeq::new(1),
            cells: cells.clone().collect(),
        };
        PositionsPart {
            accounts: accounts.iter().map(account).collect(),
            rows: tickers.iter().map(row).collect(),
        }
    }

    fn in_progress() -> ReportInProgress {
        let positions =
            vec![part(&["b", "a", "c"], &["MSFT", "AAPL"]), part(&["c", "b", "a"], &["TSLA", "B"])];
        ReportInProgress {
            report: Report { report: ReportNumber::new(1), ..Report::default() },
            weights: BTreeMap::new(),
            slots: vec![Vec::new(), Vec::new()],
            slot_of: BTreeMap::new(),
            positions,
            rows: None,
        }
    }

    #[test]
    fn a_report_made_in_steps_is_the_one_made_at_once() {
        let whole = in_progress().resume(&mut Budget::of(usize::MAX)).unwrap();
        let (mut steps, mut slow) = (0, in_progress());
        let in_steps = loop {
            steps += 1;
            if let Some(report) = slow.resume(&mut Budget::of(1)) {
                break report;
            }
        };
        assert_eq!(in_steps, whole);
        assert!(10 <= steps, "six accounts and four rows");
        for account in &whole.accounts {
            let tickers: Vec<_> = account.positions.iter().map(|one| one.ticker.as_str()).collect();
            assert_eq!(tickers, ["AAPL", "B", "MSFT", "TSLA"]);
            assert_eq!(account.value, Money::from_nanos(14));
        }
        let ids: Vec<_> = whole.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }
}
