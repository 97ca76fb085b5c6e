//! Comparison: the whole of the auditor's state against a book's.

use std::collections::BTreeMap;

use allot_allocation_rules::{
    AccountIndex, AccountRank, Book, CellPart, Part, PositionsPart, RowPart, SplitKey, TickerSeq,
};
use allot_domain::Marker;

use super::Auditor;
use crate::fault::{Fault, Subject};
use crate::mismatch::{Field, Mismatch, expect, expect_option};
use crate::positions::{Position, Row};

impl Auditor {
    /// Compares the whole state with that of a book that has applied the same inputs.
    ///
    /// # Errors
    /// The first mismatch.
    ///
    /// # Panics
    /// If the book leaves the positions out of a part that is to have them.
    pub fn compare(&self, book: &Book) -> Result<(), Fault> {
        let marker = Marker { number: 0, time_ns: 0, report: true };
        let part = book.part(&marker);
        let positions = part.positions.as_ref().expect("the marker asks for them");
        self.compare_counts(&part)
            .and_then(|()| self.compare_indexes(book))
            .and_then(|()| self.compare_residuals(book, &part))
            .and_then(|()| self.compare_accounts(positions))
            .and_then(|()| self.compare_rows(positions))
            .and_then(|()| self.compare_sums())
            .map_err(|mismatch| Fault {
                index: self.index,
                subject: Subject::Book,
                mismatch: Box::new(mismatch),
            })
    }

    fn compare_counts(&self, part: &Part) -> Result<(), Mismatch> {
        let text = |key: SplitKey| format!("{} {}", key.source, key.seq);
        let named = Field::Named;
        let (given, known) = (part.split.map(text), self.splits.in_force().map(text));
        expect_option(named("the split in force"), given, known)?;
        expect(named("the number of splits"), part.split_number, self.splits.number)?;
        expect(named("the last netting"), part.netting, self.netting)?;
        expect(named("the number of fills divided"), part.fills, self.summary.fills)?;
        expect(named("the number of fills held"), part.held, self.summary.held)?;
        expect(named("the turnover"), part.turnover.nanos(), self.turnover)?;
        expect(named("the recent turnover"), part.flow.nanos(), self.flow)?;
        expect(named("the highest price"), part.price_max, self.price_max)
    }

    fn compare_indexes(&self, book: &Book) -> Result<(), Mismatch> {
        let known = &self.accounts.by_index;
        expect(Field::Named("the number of accounts"), book.account_count(), known.len())?;
        for (index, id) in (0..).map(AccountIndex::new).zip(known) {
            expect(Field::Account(index), book.account(index), id)?;
        }
        Ok(())
    }

    /// Weights, values and residuals of the accounts of the split, by rank.
    fn compare_residuals(&self, book: &Book, part: &Part) -> Result<(), Mismatch> {
        let open: Vec<_> = self.accounts.open().collect();
        expect(Field::Named("the number of weights"), part.weights.len(), open.len())?;
        expect(Field::Named("the number of values"), part.values.len(), open.len())?;
        let weight_total: i128 = open.iter().map(|(.., weight)| i128::from(*weight)).sum();
        let total: i128 = open.iter().map(|(_, account, _)| account.value_with_nettings()).sum();
        let ranks = part.weights.iter().zip(&part.values).zip(book.residuals().residuals());
        for ((id, account, weight), ((given_weight, value), residual)) in
            open.into_iter().zip(ranks)
        {
            expect(Field::WeightOf(*id), given_weight.nanos(), weight)?;
            let known = account.value_with_nettings();
            expect(Field::ValueWithNettingsOf(*id), value.nanos(), known)?;
            let misses = i128::from(weight) * total - weight_total * known;
            expect(Field::ResidualOf(*id), *residual, misses)?;
        }
        Ok(())
    }

    /// The value of every account, and its rank while it is open.
    fn compare_accounts(&self, positions: &PositionsPart) -> Result<(), Mismatch> {
        let known = &self.accounts.by_index;
        expect(Field::Named("the number of accounts"), positions.accounts.len(), known.len())?;
        let open = self.accounts.open().map(|(id, ..)| *id);
        let ranks: BTreeMap<_, _> = open.zip((0..).map(AccountRank::new)).collect();
        let accounts = positions.accounts.iter().zip(known);
        for (index, (given, id)) in (0..).map(AccountIndex::new).zip(accounts) {
            expect(Field::Account(index), given.id, *id)?;
            let value = self.accounts.by_id[id].value;
            expect(Field::ValueOf(*id), given.value.nanos(), value)?;
            expect_option(Field::RankOf(*id), given.rank, ranks.get(id).copied())?;
        }
        Ok(())
    }

    /// Every position of every ticker.
    fn compare_rows(&self, positions: &PositionsPart) -> Result<(), Mismatch> {
        let known = self.tickers.values().filter(|outcomes| TickerSeq::ZERO < **outcomes);
        expect(Field::Named("the number of tickers"), positions.rows.len(), known.count())?;
        let empty = Row::default();
        for given in &positions.rows {
            let ticker = given.ticker;
            let outcomes = self.tickers.get(&ticker).ok_or(Mismatch::UnknownTicker(ticker))?;
            let row = self.positions.by_ticker.get(&ticker).unwrap_or(&empty);
            expect(Field::Named("the number of outcomes"), given.outcomes, *outcomes)
                .and_then(|()| self.compare_row(given, row))
                .map_err(|mismatch| Mismatch::InRow(ticker, Box::new(mismatch)))?;
        }
        Ok(())
    }

    fn compare_row(&self, given: &RowPart, row: &Row) -> Result<(), Mismatch> {
        let known = row.by_account.values().filter(|position| **position != Position::default());
        expect(Field::Named("the number of positions"), given.cells.len(), known.count())?;
        for CellPart { account, quantity, value } in &given.cells {
            let id = self.accounts.at(*account).ok_or(Mismatch::UnknownAccount(*account))?;
            let known = row.of(&id);
            expect(Field::QuantityOf(id), *quantity, known.quantity)?;
            expect(Field::PositionValueOf(id), value.nanos(), known.value)?;
        }
        Ok(())
    }

    /// The auditor's own sums agree: what was bought is held or was sold, what was paid is
    /// somewhere.
    fn compare_sums(&self) -> Result<(), Mismatch> {
        for (ticker, total) in &self.summary.tickers {
            let row = &self.positions.by_ticker[ticker];
            let value: i128 = row.by_account.values().map(|position| position.value).sum();
            let held = total.bought - total.sold;
            expect(Field::SharesOfTicker(*ticker), u128::from(row.total()), held)?;
            expect(Field::ValueOfTicker(*ticker), value, total.value.nanos())?;
        }
        for (id, total) in &self.summary.accounts {
            let rows = self.positions.by_ticker.values();
            let positions = || rows.clone().map(|row| row.of(id));
            let shares: u128 = positions().map(|position| u128::from(position.quantity)).sum();
            let value: i128 = positions().map(|position| position.value).sum();
            expect(Field::AllSharesOf(*id), shares, total.shares)?;
            expect(Field::PositionsValueOf(*id), value, total.value.nanos())?;
            let known = self.accounts.by_id[id];
            expect(Field::FillsValueOf(*id), known.value, total.value.nanos())?;
        }
        Ok(())
    }
}
