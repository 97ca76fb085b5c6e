//! A book against its [`Model`], over random inputs: every word, every share, every value.

use std::collections::BTreeMap;

use allot_domain::{AccountId, Marker, MessageId, Side, SourceId, Ticker};
use proptest::prelude::*;

use super::model::Model;
use super::script::outcome_lines;
use super::steps::{Numbering, steps};
use crate::book::{Book, BookConfig};
use crate::{Blend, Outcome, Outcomes};

/// Adds up what outcomes said: shares by ticker and account, and notionals.
#[derive(Default)]
struct Sums {
    shares: BTreeMap<(String, AccountId), i128>,
    notional: i128,
    sides: BTreeMap<(SourceId, Ticker, MessageId), (Side, i128)>,
}

impl Sums {
    fn add(&mut self, book: &Book, outcomes: &Outcomes) {
        for outcome in &outcomes.list {
            let (origin, name, side, price, range) = match outcome {
                Outcome::Allocated(play) => {
                    let price = i128::from(play.price.nanos());
                    let key = (play.origin.source, play.ticker, play.origin.id);
                    self.sides.insert(key, (play.side, price));
                    (&play.origin, &play.ticker, play.side, price, &play.shares)
                }
                Outcome::Busted { origin, ticker, of, shares, .. } if !shares.is_empty() => {
                    let (side, price) = self.sides[&(origin.source, *ticker, *of)];
                    let side = if side == Side::Buy { Side::Sell } else { Side::Buy };
                    (origin, ticker, side, price, shares)
                }
                _ => continue,
            };
            if origin.duplicate {
                continue;
            }
            let sign = if side == Side::Buy { 1 } else { -1 };
            for share in &outcomes.shares[range.clone()] {
                let count = sign * i128::from(share.quantity);
                let account = *book.account(share.account);
                *self.shares.entry((name.to_string(), account)).or_default() += count;
                self.notional += count * price;
            }
        }
    }

    /// Holdings are the sums of the outcomes, and nothing else ever changed them.
    fn check(&self, book: &Book) {
        let mut seen = 0;
        for row in book.holdings().rows() {
            let mut total = 0;
            for (index, cell) in row.cells() {
                let key = (row.ticker.to_string(), *book.account(index));
                let expected = self.shares.get(&key).copied().unwrap_or(0);
                assert_eq!(i128::from(cell.quantity), expected, "{key:?}");
                total += cell.quantity;
                seen += expected;
            }
            assert_eq!(row.total(), total);
        }
        assert_eq!(self.shares.values().sum::<i128>(), seen);
        let cells = book.holdings().rows().iter().flat_map(|row| row.cells());
        assert_eq!(cells.map(|(_, cell)| cell.value).sum::<i128>(), self.notional);
    }
}

fn check_against_model(book: &Book, model: &Model) {
    for ((name, account), expected) in &model.holdings {
        let row = book.holdings.row(book.holdings.find(name).unwrap());
        let cell = row.cell(book.indexes[account]);
        assert_eq!((cell.quantity, cell.value), (*expected, model.paid[&(*name, *account)]));
    }
    let part = book.part(&Marker { number: 1, time_ns: 0, report: true });
    let values: BTreeMap<_, _> =
        part.values.iter().zip(&book.open).map(|(value, index)| (*index, value.nanos())).collect();
    for (account, expected) in &model.values {
        let index = book.indexes[account];
        let closed = book.accounts[index.index()].value;
        assert_eq!(values.get(&index).copied().unwrap_or(closed), *expected, "{account}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_book_says_and_does_what_the_model_does(
        sent in prop::collection::vec(steps(), 1..70),
        blend in prop_oneof![Just((0, 1)), Just((1, 4)), Just((1, 1))],
        history in prop_oneof![Just(4_usize), Just(1_000)],
        names in prop_oneof![Just(7_usize), Just(1_000)],
    ) {
        let config = BookConfig { blend: Blend::new(blend.0, blend.1).unwrap(), history, names };
        let (mut book, mut model) = (Book::new(config), Model::new(blend, history, names));
        let (mut sums, mut outcomes) = (Sums::default(), Outcomes::default());
        let mut numbering = Numbering::default();
        for sent in &sent {
            let Some(input) = numbering.input(sent) else { continue };
            let lines = outcome_lines(&mut book, &mut outcomes, &input);
            prop_assert_eq!(lines, model.apply(&input), "{:?}", input);
            sums.add(&book, &outcomes);
            sums.check(&book);
        }
        check_against_model(&book, &model);
    }
}
