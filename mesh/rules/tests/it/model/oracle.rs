//! Oracle: what each owner has written, added up from the trades that it was given.

use std::collections::{BTreeMap, BTreeSet};

use allot_mesh_rules::{
    Adoption, Incarnation, Origin, Position, Record, Row, Sequence, StrategyName, Symbol,
    TradeQuantity, Version,
};

/// What the oracle knows.
#[derive(Default)]
pub(super) struct Oracle {
    /// Every row that was ever durable, by owner and version. Two processes of one name may have
    /// used one version.
    written: BTreeMap<(StrategyName, Version), BTreeSet<(Symbol, Position)>>,
    /// The book of each place.
    books: BTreeMap<usize, Book>,
    /// Copies of books.
    copies: BTreeMap<usize, Book>,
    /// Every life that began, and the lives that its owner knew then.
    lives: BTreeMap<(StrategyName, Incarnation), Lineage>,
    /// Rows that an owner wrote because it saw another one, which it names.
    settled: BTreeSet<(StrategyName, Version)>,
    /// Owners in whose names somebody made up rows.
    forged: BTreeSet<StrategyName>,
}

/// The lives that an owner knows, and that it has adopted rows.
#[derive(Clone, Default)]
struct Lineage {
    lives: BTreeSet<Incarnation>,
    adopted: Option<Adoption>,
}

/// Who was told that an owner lacks some of its rows.
#[derive(Clone, Copy)]
pub(super) struct Named {
    /// Whoever shows the row.
    pub(super) here: bool,
    /// Anybody.
    pub(super) elsewhere: bool,
}

/// The positions of one place, and its last version.
#[derive(Clone, Default)]
struct Book {
    positions: BTreeMap<Symbol, i128>,
    incarnation: Incarnation,
    sequence: u64,
    lineage: Lineage,
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
                book.lineage.lives.insert(row.version.incarnation);
            }
            Record::Started(started) => {
                let incarnation = started.incarnation;
                if incarnation <= book.incarnation {
                    let before = book.incarnation;
                    return Err(format!("{name} starts {incarnation} after {before}"));
                }
                (book.incarnation, book.sequence) = (incarnation, 0);
                book.lineage.adopted = started.adopted.or(book.lineage.adopted);
                if self.lives.insert((name, incarnation), book.lineage.clone()).is_some() {
                    return Err(format!("two lives of {name} are {incarnation:?}"));
                }
                book.lineage.lives.insert(incarnation);
                for (symbol, position) in &book.positions {
                    book.sequence += 1;
                    let version = Version { incarnation, sequence: Sequence::new(book.sequence) };
                    written.push((version, *symbol, *position));
                }
            }
            Record::Traded(traded) => {
                book.sequence += 1;
                let position = book.positions.entry(traded.symbol).or_default();
                *position += traded.quantity.nanos();
                let sequence = Sequence::new(book.sequence);
                let version = Version { incarnation: book.incarnation, sequence };
                if (traded.sequence, traded.position.nanos()) != (version.sequence, *position) {
                    return Err(format!("{name}: {traded:?}, and its trades say {position}"));
                }
                written.push((version, traded.symbol, *position));
                if traded.origin == Origin::Settled {
                    self.settled.insert((name, version));
                }
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
        self.forged.insert(owner);
    }

    /// The disk of a place is copied.
    pub(super) fn copied(&mut self, place: usize) {
        self.copies.insert(place, self.books.get(&place).cloned().unwrap_or_default());
    }

    /// A place has the copy of its disk again.
    pub(super) fn restored(&mut self, place: usize) {
        self.books.insert(place, self.copies.get(&place).cloned().unwrap_or_default());
    }

    /// Whether a row of one life of an owner may take the place of one of another: if the owner
    /// knew of that one, or has adopted rows since, and whoever shows them names what it lacks.
    pub(super) fn may_replace(
        &self,
        owner: &StrategyName,
        (before, row): (Incarnation, Version),
        named: Named,
    ) -> bool {
        // What somebody made up is of no life.
        let Some(lineage) = self.lives.get(&(*owner, row.incarnation)) else { return true };
        before == row.incarnation
            || self.settled.contains(&(*owner, row))
            || self.forged.contains(owner)
            || !self.lives.contains_key(&(*owner, before))
            || lineage.lives.contains(&before)
            || lineage.adopted.is_some_and(|adopted| {
                // Of a life that was put aside others may have rows through whoever named them.
                let is_aside = adopted.is_aside();
                let is_named = named.here || (is_aside && named.elsewhere);
                let is_before = before.start() < adopted.through.incarnation.start();
                (is_named && before < adopted.incarnation) || (!is_aside && is_before)
            })
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
