//! Record: what must outlast a restart; and [`Owned`], what records add up to.

use std::collections::BTreeMap;

use crate::{
    Incarnation, Origin, Position, Row, Sequence, Symbol, TradeQuantity, Unix, Version, limits,
};

/// What must outlast a restart, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// A row was taken from the peers as they had it. Rows come in the order of their versions, and
    /// [`Record::Started`] follows, or, for one that turned up later, [`Record::Traded`].
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
    /// What it took from its peers, if it did.
    pub adopted: Option<Adoption>,
}

/// An owner that lost its journal took its rows from its peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adoption {
    /// Up to where they had them.
    pub through: Version,
    /// The first incarnation that has them as its own.
    pub incarnation: Incarnation,
}

impl Adoption {
    /// Whether it took nothing, and put a life aside: one up to sequence zero, which is another
    /// process's, or in which somebody made up rows, and which counts for nothing.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.through.sequence == Sequence::ZERO
    }

    /// Whether rows of this version are among those that the owner took, or has put aside.
    #[must_use]
    pub fn covers(&self, version: Version) -> bool {
        let is_it = version.incarnation == self.through.incarnation;
        (self.is_aside() && is_it) || self.took(version)
    }

    /// Whether rows of this version are among those that the owner took. Of a life that it has put
    /// aside it took none.
    #[must_use]
    pub fn took(&self, version: Version) -> bool {
        let Self { through, .. } = self;
        if self.is_aside() {
            return false;
        }
        if version.incarnation == through.incarnation {
            return version.sequence <= through.sequence;
        }
        // Of two lives of one start neither comes from the other.
        version.incarnation.start() < through.incarnation.start()
    }
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
    adopted: Option<Adoption>,
    lives: Vec<Version>,
}

impl Owned {
    /// A strategy that has done nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: BTreeMap::new(), version: Version::ZERO, adopted: None, lives: Vec::new() }
    }

    /// From what a snapshot kept: the rows, the last version, what was adopted, and how earlier
    /// incarnations ended.
    ///
    /// # Errors
    /// [`BadRecord`] where a row is later than the last version, or there are too many.
    pub fn restore(
        rows: impl IntoIterator<Item = Row>,
        version: Version,
        adopted: Option<Adoption>,
        lives: Vec<Version>,
    ) -> Result<Self, BadRecord> {
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.symbol, row)).collect();
        if limits::SYMBOLS_MAX < rows.len() {
            return Err(BadRecord::TooManyRows);
        }
        if rows.values().any(|row| version < row.version) {
            return Err(BadRecord::Sequence);
        }
        let are_in_order = lives
            .iter()
            .chain([&version])
            .is_sorted_by(|one, next| one.incarnation < next.incarnation);
        if !are_in_order || limits::LIVES_MAX < lives.len() {
            return Err(BadRecord::Incarnation);
        }
        Ok(Self { rows, version, adopted, lives })
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

    /// What it took from its peers the last time, if it ever did.
    #[must_use]
    pub const fn adopted(&self) -> Option<Adoption> {
        self.adopted
    }

    /// The last version of each earlier incarnation, [`limits::LIVES_MAX`] of them.
    #[must_use]
    pub fn lives(&self) -> &[Version] {
        &self.lives
    }

    /// Whether it has had this incarnation.
    #[must_use]
    pub fn had(&self, incarnation: Incarnation) -> bool {
        let is_it = |life: &Version| life.incarnation == incarnation;
        is_it(&self.version) || self.lives.iter().any(is_it)
    }

    /// The last lives before this one, for [`Delta::lives`](crate::Delta::lives).
    #[must_use]
    pub fn lineage(&self) -> Vec<Version> {
        let from = self.lives.len().saturating_sub(limits::LINEAGE_MAX);
        let are_all = self.lives.len() < limits::LINEAGE_MAX;
        are_all.then_some(Version::ZERO).into_iter().chain(self.lives[from..].to_vec()).collect()
    }

    /// Whether it gave this version, or adopted it. If not, somebody else did: a life of which
    /// these records know nothing, because the disk was lost or is an old copy.
    #[must_use]
    pub fn covers(&self, version: Version) -> bool {
        if version.incarnation == Incarnation::ZERO
            || self.adopted.is_some_and(|adopted| adopted.covers(version))
        {
            return true;
        }
        if version.incarnation == self.version.incarnation {
            return version.sequence <= self.version.sequence;
        }
        match self.lives.binary_search_by_key(&version.incarnation, |life| life.incarnation) {
            Ok(at) => version.sequence <= self.lives[at].sequence,
            // How the oldest ended is forgotten.
            Err(at) => at == 0 && limits::LIVES_MAX <= self.lives.len(),
        }
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
        if self.version.incarnation < row.version.incarnation {
            self.end_life();
            self.version = row.version;
        } else if self.version.incarnation == row.version.incarnation {
            self.version = self.version.max(row.version);
        } else {
            self.remember_life(row.version);
        }
        self.rows.insert(row.symbol, row);
        Ok(())
    }

    /// The life that it is in is over.
    fn end_life(&mut self) {
        if self.version.incarnation != Incarnation::ZERO {
            self.remember_life(self.version);
        }
    }

    /// An earlier incarnation had this version.
    fn remember_life(&mut self, last: Version) {
        match self.lives.binary_search_by_key(&last.incarnation, |life| life.incarnation) {
            Ok(at) => self.lives[at] = self.lives[at].max(last),
            Err(at) => self.lives.insert(at, last),
        }
        if limits::LIVES_MAX < self.lives.len() {
            self.lives.remove(0);
        }
    }

    fn start(&mut self, started: Started) -> Result<(), BadRecord> {
        let Started { incarnation, adopted } = started;
        if incarnation <= self.version.incarnation {
            return Err(BadRecord::Incarnation);
        }
        self.end_life();
        let mut sequence = Sequence::ZERO;
        for row in self.rows.values_mut() {
            sequence = sequence.next();
            row.version = Version { incarnation, sequence };
        }
        self.version = Version { incarnation, sequence };
        self.adopted = adopted.or(self.adopted);
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
