//! View: the rows of all owners, as one replica has them.
//!
//! A replica does not keep changes, only the last row of each symbol. It has everything of an owner
//! *through* a version if it has every row whose last change is not after it:
//!
//! ```text
//!   versions   1   2   3   4   5   6   7        the row of a symbol moves to its last change
//!   rows           B       A       C            through = 6
//!   delta after 3:         A       C            whoever has everything through 3 lacks no more
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{
    Adoption, Delta, Digest, Lineage, OwnerSummary, Row, StrategyName, Symbol, Version, limits,
};

/// The rows of all owners.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    owners: BTreeMap<StrategyName, OwnerRows>,
    rows: usize,
    digest: Digest,
}

/// The rows of one owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnerRows {
    rows: BTreeMap<Symbol, Row>,
    by_version: BTreeMap<Version, Symbol>,
    through: Version,
    digest: Digest,
    adopted: Option<Adoption>,
    /// How the owner's lives before this one ended, as far as that is known.
    lives: Vec<Version>,
    /// A row was not kept because of a bound: digests will differ, and nobody is asked why.
    is_cut: bool,
}

/// What became of a row that a peer said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Merged {
    /// It is newer, and is there now.
    Newer,
    /// It is known, or older.
    Stale,
    /// It has the version of this one, and is another.
    Conflict(Row),
    /// There is no room for it.
    Full,
}

impl OwnerRows {
    /// It has every row whose last change is not after this.
    pub(crate) const fn through(&self) -> Version {
        self.through
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// What somebody lacks who has everything through `after`: so many rows of it at most.
    pub(crate) fn delta(&self, owner: StrategyName, after: Version, rows_max: usize) -> Delta {
        let mut later = self.by_version.range((Bound::Excluded(after), Bound::Unbounded));
        let rows: Vec<Row> =
            later.by_ref().take(rows_max).map(|(_, symbol)| self.rows[symbol]).collect();
        let through = match (later.next(), rows.last()) {
            (Some(_), Some(last)) => last.version,
            _ => self.through,
        };
        // Within one life nobody asks where it comes from.
        let is_of_one_life = after.incarnation == through.incarnation;
        let lives = if is_of_one_life { Vec::new() } else { self.lives.clone() };
        Delta { owner, after, through, adopted: self.adopted, lives, rows }
    }

    /// How far it goes, and the owner's lives.
    pub(crate) fn lineage(&self) -> Lineage {
        let Self { through, adopted, ref lives, .. } = *self;
        Lineage { through, adopted, lives: lives.clone() }
    }

    /// The version of the latest row.
    pub(crate) fn last(&self) -> Version {
        self.by_version.last_key_value().map_or(Version::ZERO, |(version, _)| *version)
    }

    /// Whether the owner, as the delta has it, knows the life whose rows are here: if not, these
    /// rows would be gone, and nobody would have seen them.
    pub(crate) fn may_follow(&self, delta: &Delta) -> bool {
        let (here, then) = (self.through, delta.through);
        if here.incarnation == then.incarnation || self.rows.is_empty() {
            return true;
        }
        // Whoever has adopted names what it did not get.
        if delta.adopted.is_some_and(|adopted| here.incarnation < adopted.incarnation) {
            return true;
        }
        is_in_lives(delta, here)
    }

    /// Everything through this is there.
    pub(crate) fn advance(
        &mut self,
        through: Version,
        adopted: Option<Adoption>,
        lives: Vec<Version>,
    ) {
        if self.through < through {
            if self.through.incarnation != through.incarnation {
                self.lives = lives;
            }
            self.through = through;
            self.adopted = adopted;
        }
        assert!(
            self.last() <= self.through,
            "a row is later than what its owner is known to have written"
        );
    }

    pub(crate) fn merge(&mut self, owner: &StrategyName, row: Row, may_grow: bool) -> Merged {
        let before = self.rows.get(&row.symbol).copied();
        match before {
            Some(before) if row.version < before.version || row == before => return Merged::Stale,
            Some(before) if row.version == before.version => return Merged::Conflict(before),
            None if !may_grow || limits::SYMBOLS_MAX <= self.rows.len() => {
                self.is_cut = true;
                return Merged::Full;
            }
            _ => {}
        }
        // No owner gives one version to two rows.
        if let Some(other) = self.by_version.get(&row.version) {
            return Merged::Conflict(self.rows[other]);
        }
        if let Some(before) = before {
            self.by_version.remove(&before.version);
            self.digest = self.digest.without(Digest::of_row(owner, &before));
        }
        self.by_version.insert(row.version, row.symbol);
        self.digest = self.digest.with(Digest::of_row(owner, &row));
        self.rows.insert(row.symbol, row);
        assert!(self.rows.len() == self.by_version.len(), "each row has one last change");
        Merged::Newer
    }
}

/// Whether a version is of one of the lives of its owner that go with its rows, or of one before
/// those.
pub(crate) fn is_in_lives(delta: &Delta, version: Version) -> bool {
    match delta.lives.iter().find(|life| life.incarnation == version.incarnation) {
        Some(life) => version.sequence <= life.sequence,
        None => {
            let oldest = delta.lives.first().unwrap_or(&delta.through);
            version.incarnation.start() < oldest.incarnation.start()
        }
    }
}

impl View {
    pub(crate) fn get(&self, owner: &StrategyName) -> Option<&OwnerRows> {
        self.owners.get(owner)
    }

    pub(crate) fn owners(&self) -> impl Iterator<Item = (&StrategyName, &OwnerRows)> {
        self.owners.iter()
    }

    /// Everything of an owner is there through this.
    pub(crate) fn through(&self, owner: &StrategyName) -> Version {
        self.get(owner).map_or(Version::ZERO, OwnerRows::through)
    }

    pub(crate) fn digest_of(&self, owner: &StrategyName) -> Digest {
        self.get(owner).map_or(Digest::EMPTY, OwnerRows::digest)
    }

    /// Of all rows.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// How many rows there are.
    pub(crate) const fn len(&self) -> usize {
        self.rows
    }

    /// All rows, by owner and symbol.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&StrategyName, &Row)> {
        self.owners.iter().flat_map(|(owner, rows)| rows.rows().map(move |row| (owner, row)))
    }

    /// All rows after one, by owner and symbol.
    pub(crate) fn rows_after(
        &self,
        owner: StrategyName,
        symbol: Symbol,
    ) -> impl Iterator<Item = (&StrategyName, &Row)> {
        self.owners.range(owner..).flat_map(move |(name, rows)| {
            let from = match *name == owner {
                true => Bound::Excluded(symbol),
                false => Bound::Unbounded,
            };
            rows.rows.range((from, Bound::Unbounded)).map(move |(_, row)| (name, row))
        })
    }

    /// Whether there is room for rows of another owner at all: there is always room for its own.
    pub(crate) fn has_room_for(&self, owner: &StrategyName) -> bool {
        self.owners.contains_key(owner) || self.owners.len() + 1 < limits::MEMBERS_MAX
    }

    /// Takes a row if it is newer than the one that is there. Its owner must have room.
    pub(crate) fn merge(&mut self, owner: StrategyName, row: Row) -> Merged {
        assert!(self.has_room_for(&owner), "the owners are bounded");
        let others_max = limits::ROWS_MAX - limits::SYMBOLS_MAX;
        self.merge_within(owner, row, others_max)
    }

    /// Takes a row of its own.
    pub(crate) fn merge_own(&mut self, me: StrategyName, row: Row) {
        let merged = self.merge_within(me, row, limits::ROWS_MAX);
        assert!(merged == Merged::Newer, "an owner's next version is the latest of its rows");
    }

    fn merge_within(&mut self, owner: StrategyName, row: Row, rows_max: usize) -> Merged {
        let rows = self.owners.entry(owner).or_default();
        let (len, digest) = (rows.len(), rows.digest());
        let merged = rows.merge(&owner, row, self.rows < rows_max);
        self.rows = self.rows + rows.len() - len;
        self.digest = self.digest.without(digest).with(rows.digest());
        merged
    }

    /// Everything of an owner is there through this.
    pub(crate) fn advance(
        &mut self,
        owner: StrategyName,
        through: Version,
        adopted: Option<Adoption>,
        lives: Vec<Version>,
    ) {
        self.owners.entry(owner).or_default().advance(through, adopted, lives);
        assert!(self.owners.len() <= limits::MEMBERS_MAX, "the owners are bounded");
    }

    /// Says of rows that come from a snapshot how far they go. Of an owner whose lineage the
    /// snapshot lacks they go through the latest of them.
    pub(crate) fn restore_lineages(
        &mut self,
        lineages: impl IntoIterator<Item = (StrategyName, Lineage)>,
    ) {
        let lineages: BTreeMap<_, _> = lineages.into_iter().collect();
        for (owner, rows) in &mut self.owners {
            let last = rows.last();
            let lineage = lineages.get(owner).cloned();
            let is_its_own = |lineage: &Lineage| lineage.is_believable() && last <= lineage.through;
            let lineage = lineage.filter(is_its_own);
            let lineage = lineage.unwrap_or(Lineage { through: last, ..Lineage::default() });
            rows.advance(lineage.through, lineage.adopted, lineage.lives);
        }
    }

    /// How far the rows of each owner go that has any.
    pub(crate) fn lineages(&self) -> impl Iterator<Item = (StrategyName, Lineage)> {
        let owners = self.owners.iter().filter(|(_, rows)| rows.len() != 0);
        owners.map(|(owner, rows)| (*owner, rows.lineage()))
    }

    /// What is there of each owner.
    pub(crate) fn summary(&self) -> Vec<OwnerSummary> {
        let summary = |(owner, rows): (&StrategyName, &OwnerRows)| OwnerSummary {
            owner: *owner,
            through: rows.through(),
            digest: rows.digest(),
            rows: u32::try_from(rows.len()).expect("rows are bounded"),
        };
        self.owners.iter().map(summary).collect()
    }

    /// Counts and digests, made anew from the rows.
    pub(crate) fn audit(&self) -> Result<(), String> {
        let mut digest = Digest::EMPTY;
        for (owner, row) in self.rows() {
            digest = digest.with(Digest::of_row(owner, row));
            if self.through(owner) < row.version {
                return Err(format!("{owner} {}: later than its owner", row.symbol));
            }
        }
        match (digest == self.digest, self.rows == self.rows().count()) {
            (true, true) => Ok(()),
            (false, _) => Err("the digest is not that of the rows".to_owned()),
            (_, false) => Err("the rows are not as many as counted".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
