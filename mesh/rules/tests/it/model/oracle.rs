//! Oracle: what each owner has written, added up from the trades that it was given.

use std::collections::{BTreeMap, BTreeSet};

use allot_mesh_rules::{Position, Record, Row, StrategyName, Symbol, TradeQuantity, Version};

/// What the oracle knows.
#[derive(Default)]
pub(super) struct Oracle {
    /// Every row that was ever durable, by owner and version. Two processes of one name may have
    /// used one version.
    written: BTreeMap<(StrategyName, Version), BTreeSet<(Symbol, Position)>>,
    /// The book of each place.
    books: BTreeMap<usize, Book>,
}

/// The positions of one place, and its last version.
#[derive(Clone, Default)]
struct Book {
    positions: BTreeMap<Symbol, i128>,
    incarnation: u64,
    sequence: u64,
}

impl Oracle {
    /// A record of a place is durable.
    pub(super) fn durable(
        &mut self,
        place: usize,
        name: StrategyName,
        record: &Record,
    ) -> Result<(), String> {
        let book = self.books.entry(place).or_default();
        let mut written = Vec::new();
        match record {
            Record::Adopted(row) => {
                if !is_written(&self.written, &name, row) {
                    return Err(format!("{name} adopts {row:?}, which nobody wrote"));
                }
                book.positions.insert(row.symbol, row.position.nanos());
            }
            Record::Started(started) => {
                let incarnation = started.incarnation.get();
                if incarnation <= book.incarnation {
                    let before = book.incarnation;
                    return Err(format!("{name} starts {incarnation} after {before}"));
                }
                (book.incarnation, book.sequence) = (incarnation, 0);
                for (symbol, position) in &book.positions {
                    book.sequence += 1;
                    written.push((Version::new(incarnation, book.sequence), *symbol, *position));
                }
            }
            Record::Traded(traded) => {
                book.sequence += 1;
                let position = book.positions.entry(traded.symbol).or_default();
                *position += traded.quantity.nanos();
                let version = Version::new(book.incarnation, book.sequence);
                if (traded.sequence, traded.position.nanos()) != (version.sequence, *position) {
                    return Err(format!("{name}: {traded:?}, and its trades say {position}"));
                }
                written.push((version, traded.symbol, *position));
            }
        }
        for (version, symbol, position) in written {
            let position = Position::from_nanos(position).unwrap();
            self.written.entry((name, version)).or_default().insert((symbol, position));
        }
        Ok(())
    }

    /// Somebody else says this in the name of an owner.
    pub(super) fn forged(&mut self, owner: StrategyName, row: &Row) {
        self.written.entry((owner, row.version)).or_default().insert((row.symbol, row.position));
    }

    /// The disk of a place is gone.
    pub(super) fn lost(&mut self, place: usize) {
        self.books.remove(&place);
    }

    /// Whether a row is one that its owner wrote, and that is durable.
    pub(super) fn knows(&self, owner: &StrategyName, row: &Row) -> bool {
        is_written(&self.written, owner, row)
    }

    /// The positions of a place.
    pub(super) fn positions(&self, place: usize) -> BTreeMap<Symbol, i128> {
        self.books.get(&place).map_or_else(BTreeMap::new, |book| book.positions.clone())
    }
}

fn is_written(
    written: &BTreeMap<(StrategyName, Version), BTreeSet<(Symbol, Position)>>,
    owner: &StrategyName,
    row: &Row,
) -> bool {
    let rows = written.get(&(*owner, row.version));
    rows.is_some_and(|rows| rows.contains(&(row.symbol, row.position)))
}

/// A quantity of so many hundredths.
pub(super) fn hundredths(count: i64) -> TradeQuantity {
    TradeQuantity::from_nanos(i128::from(count) * 10_000_000).unwrap()
}
