//! The whole of the auditor's picture against a book: who is who, who holds what, what it is worth.

use super::Auditor;
use crate::fault::{Fault, Verdict, agree};
use crate::positions::{Position, Row};
use allot_allocation_rules::{Book, CellPart, Part, PositionsPart, RowPart, SplitKey};
use allot_domain::{AccountId, Marker};
use std::collections::BTreeMap;

impl Auditor {
    /// Compares all that it knows with a book that has applied the same inputs.
    ///
    /// # Errors
    /// The first thing in which they differ.
    ///
    /// # Panics
    /// If the book leaves the positions out of a part that is to have them.
    pub fn compare(&self, book: &Book) -> Result<(), Fault> {
        let marker = Marker { number: 0, time_ns: 0, report: true };
        let part = book.part(&marker);
        let positions = part.positions.as_ref().expect("the marker asks for them");
        self.compare_counts(&part)
            .and_then(|()| self.compare_places(book))
            .and_then(|()| self.compare_ledger(book, &part))
            .and_then(|()| self.compare_accounts(positions))
            .and_then(|()| self.compare_rows(positions))
            .and_then(|()| self.compare_sums())
            .map_err(|what| Fault { number: self.number, what: format!("the book: {what}") })
    }

    fn compare_counts(&self, part: &Part) -> Verdict {
        let text = |key: Option<SplitKey>| {
            key.map_or("none".to_owned(), |key| format!("{} {}", key.source, key.seq))
        };
        agree("the split in force", text(part.split), text(self.splits.in_force()))?;
        agree("how many splits there were", part.split_number, self.splits.number)?;
        agree("the last netting", part.netting, self.netting)?;
        agree("how many fills were divided", part.fills, self.summary.fills)?;
        agree("how many fills wait", part.held, self.summary.held)?;
        agree("the recent turnover", part.flow.nanos(), self.flow)?;
        agree("the highest price", part.price_max, self.price_max)
    }

    fn compare_places(&self, book: &Book) -> Verdict {
        agree("how many accounts there are", book.account_count(), self.accounts.places.len())?;
        for (place, id) in (0..).zip(&self.accounts.places) {
            agree(&format!("the account at place {place}"), book.account(place), id)?;
        }
        Ok(())
    }

    /// Weights, values and residuals of the accounts of the split, by rank.
    fn compare_ledger(&self, book: &Book, part: &Part) -> Verdict {
        let open: Vec<_> = self.accounts.open().collect();
        agree("how many weights there are", part.weights.len(), open.len())?;
        agree("how many values there are", part.values.len(), open.len())?;
        let weight_total: i128 = open.iter().map(|(.., weight)| i128::from(*weight)).sum();
        let total: i128 = open.iter().map(|(_, account, _)| account.ledger_value()).sum();
        let ranks = part.weights.iter().zip(&part.values).zip(book.residuals().residuals());
        for ((id, account, weight), ((said_weight, value), residual)) in open.into_iter().zip(ranks)
        {
            agree(&format!("the weight of {id}"), said_weight.nanos(), weight)?;
            let known = account.ledger_value();
            agree(&format!("the value of {id} in the residuals"), value.nanos(), known)?;
            let misses = i128::from(weight) * total - weight_total * known;
            agree(&format!("what {id} misses"), *residual, misses)?;
        }
        Ok(())
    }

    /// Everyone's value, and whether the account is open, at which rank.
    fn compare_accounts(&self, positions: &PositionsPart) -> Verdict {
        agree(
            "how many accounts are reported",
            positions.accounts.len(),
            self.accounts.places.len(),
        )?;
        let open = self.accounts.open().map(|(id, ..)| *id);
        let ranks: BTreeMap<AccountId, u32> = open.zip(0..).collect();
        let text = |rank: Option<&u32>| rank.map_or("none".to_owned(), |rank| rank.to_string());
        for (said, id) in positions.accounts.iter().zip(&self.accounts.places) {
            agree("the account reported", said.id, *id)?;
            let known = &self.accounts.by_id[id];
            agree(&format!("the value of {id}"), said.value.nanos(), known.value)?;
            agree(&format!("the rank of {id}"), text(said.rank.as_ref()), text(ranks.get(id)))?;
        }
        Ok(())
    }

    /// Every position of every ticker.
    fn compare_rows(&self, positions: &PositionsPart) -> Verdict {
        agree("how many tickers there are", positions.rows.len(), self.positions.by_ticker.len())?;
        for said in &positions.rows {
            let Some(row) = self.positions.by_ticker.get(&said.ticker) else {
                return Err(format!("{} had no fill", said.ticker));
            };
            self.compare_row(said, row).map_err(|what| format!("{}: {what}", said.ticker))?;
        }
        Ok(())
    }

    fn compare_row(&self, said: &RowPart, row: &Row) -> Verdict {
        let known = row.by_account.values().filter(|position| **position != Position::default());
        agree("how many accounts have a position", said.cells.len(), known.count())?;
        for CellPart { account, quantity, value } in &said.cells {
            let Some(id) = self.accounts.at(*account) else {
                return Err(format!("no account has the place {account}"));
            };
            let known = row.of(&id);
            agree(&format!("what {id} holds"), *quantity, known.quantity)?;
            agree(&format!("what {id} has there"), value.nanos(), known.value)?;
        }
        Ok(())
    }

    /// Whether its own sums agree: what was bought is held or was sold, what was paid is somewhere.
    fn compare_sums(&self) -> Verdict {
        for (ticker, total) in &self.summary.tickers {
            let row = &self.positions.by_ticker[ticker];
            let value: i128 = row.by_account.values().map(|position| position.value).sum();
            let held = total.bought - total.sold;
            agree(&format!("the shares of {ticker}"), u128::from(row.total()), held)?;
            agree(&format!("the value of {ticker}"), value, total.value.nanos())?;
        }
        for (id, total) in &self.summary.accounts {
            let rows = self.positions.by_ticker.values();
            let positions = || rows.clone().map(|row| row.of(id));
            let shares: u128 = positions().map(|position| u128::from(position.quantity)).sum();
            let value: i128 = positions().map(|position| position.value).sum();
            agree(&format!("the shares of {id}"), shares, total.shares)?;
            agree(&format!("the value of {id} over its positions"), value, total.value.nanos())?;
            let known = self.accounts.by_id[id];
            agree(&format!("the value of {id} over its fills"), known.value, total.value.nanos())?;
        }
        Ok(())
    }
}
