//! Record: what must outlast a restart; and [`Owned`], what records add up to.

use std::collections::BTreeMap;

use allot_domain::Incarnation;

use crate::{Origin, Position, Row, Sequence, Symbol, TradeQuantity, Unix, Version, limits};

/// What must outlast a restart, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// A row was taken from the peers as they had it. Rows come in the order of their versions, and
    /// [`Record::Started`] follows.
    Adopted(Row),
    /// A new incarnation. It writes all rows again, in the order of their symbols, from sequence 1.
    Started(Started),
    /// A trade.
    Traded(Traded),
}

/// A new incarnation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    /// Its number.
    pub incarnation: Incarnation,
    /// Up to where the peers had the rows that it adopted, if it did.
    pub adopted: Option<Version>,
}

/// A trade, and what it led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traded {
    /// The owner's number of it.
    pub sequence: Sequence,
    /// What was traded.
    pub symbol: Symbol,
    /// How much.
    pub quantity: TradeQuantity,
    /// The position after it.
    pub position: Position,
    /// When, by the wall clock.
    pub updated: Unix,
    /// Where it came from.
    pub origin: Origin,
}

/// A record that does not follow from those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadRecord {
    /// An incarnation that is not after the one before it.
    Incarnation,
    /// A sequence that is not the next one.
    Sequence,
    /// A position that is not the sum of the trades.
    Position,
    /// More rows than one owner may have.
    TooManyRows,
}

/// A strategy's own rows: the sum of its records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Owned {
    rows: BTreeMap<Symbol, Row>,
    version: Version,
    adopted: Option<Version>,
}

impl Owned {
    /// A strategy that has done nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: BTreeMap::new(), version: Version::ZERO, adopted: None }
    }

    /// From what a snapshot kept: the rows, the last version, and what was adopted.
    ///
    /// # Errors
    /// [`BadRecord`] where a row is later than the last version, or there are too many.
    pub fn restore(
        rows: impl IntoIterator<Item = Row>,
        version: Version,
        adopted: Option<Version>,
    ) -> Result<Self, BadRecord> {
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.symbol, row)).collect();
        if limits::SYMBOLS_MAX < rows.len() {
            return Err(BadRecord::TooManyRows);
        }
        if rows.values().any(|row| version < row.version) {
            return Err(BadRecord::Sequence);
        }
        Ok(Self { rows, version, adopted })
    }

    /// The rows, by symbol.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.values()
    }

    /// The row of a symbol.
    #[must_use]
    pub fn row(&self, symbol: &Symbol) -> Option<&Row> {
        self.rows.get(symbol)
    }

    /// The last version that it gave; its incarnation alone where it gave none since the start.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Up to where the peers had the rows that this incarnation adopted, if it did.
    #[must_use]
    pub const fn adopted(&self) -> Option<Version> {
        self.adopted
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`BadRecord`]; nothing has changed then.
    pub fn apply(&mut self, record: &Record) -> Result<(), BadRecord> {
        match record {
            Record::Adopted(row) => self.adopt(*row),
            Record::Started(started) => self.start(*started),
            Record::Traded(traded) => self.trade(*traded),
        }
    }

    fn adopt(&mut self, row: Row) -> Result<(), BadRecord> {
        if limits::SYMBOLS_MAX <= self.rows.len() && !self.rows.contains_key(&row.symbol) {
            return Err(BadRecord::TooManyRows);
        }
        self.version = self.version.max(row.version);
        self.rows.insert(row.symbol, row);
        Ok(())
    }

    fn start(&mut self, started: Started) -> Result<(), BadRecord> {
        let Started { incarnation, adopted } = started;
        if incarnation <= self.version.incarnation {
            return Err(BadRecord::Incarnation);
        }
        let mut sequence = Sequence::ZERO;
        for row in self.rows.values_mut() {
            sequence = sequence.next();
            row.version = Version { incarnation, sequence };
        }
        self.version = Version { incarnation, sequence };
        self.adopted = adopted;
        Ok(())
    }

    fn trade(&mut self, traded: Traded) -> Result<(), BadRecord> {
        let Traded { sequence, symbol, quantity, position, updated, .. } = traded;
        if sequence != self.version.sequence.next() {
            return Err(BadRecord::Sequence);
        }
        let before = self.rows.get(&symbol).map_or(Position::ZERO, |row| row.position);
        if before.plus(quantity) != Some(position) {
            return Err(BadRecord::Position);
        }
        if limits::SYMBOLS_MAX <= self.rows.len() && !self.rows.contains_key(&symbol) {
            return Err(BadRecord::TooManyRows);
        }
        self.version.sequence = sequence;
        self.rows.insert(symbol, Row { symbol, position, version: self.version, updated });
        Ok(())
    }
}

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Incarnation => "an incarnation that is not after the one before it",
            Self::Sequence => "a sequence that is not the next one",
            Self::Position => "a position that is not the sum of the trades",
            Self::TooManyRows => "more symbols than one strategy may have",
        })
    }
}

impl std::error::Error for BadRecord {}
