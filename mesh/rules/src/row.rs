//! Row: one position of an owner, as of its last change.

use allot_domain::mix;

use crate::strategy_name::fnv;
use crate::{Adoption, Lineage, Position, StrategyName, Symbol, Unix, Version};

/// One position of an owner. Whose it is stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Of what.
    pub symbol: Symbol,
    /// How much.
    pub position: Position,
    /// The owner's number of the last change.
    pub version: Version,
    /// When that was by the owner's wall clock. For people: it decides nothing.
    pub updated: Unix,
}

/// A digest of rows, in whatever order they came: the sum of a hash of each.
///
/// It finds accidents. It is no defence against somebody who looks for collisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Digest(u128);

impl Digest {
    /// Of no rows.
    pub const EMPTY: Self = Self(0);

    /// A digest from its number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }

    /// Of one row.
    #[must_use]
    pub fn of_row(owner: &StrategyName, row: &Row) -> Self {
        let low = |nanos: i128| u64::from_le_bytes(halves(nanos)[0]);
        let high = |nanos: i128| u64::from_le_bytes(halves(nanos)[1]);
        let words = [
            owner.hash(),
            fnv(row.symbol.as_bytes()),
            low(row.position.nanos()),
            high(row.position.nanos()),
            row.version.incarnation.number(),
            row.version.sequence.get(),
            row.updated.get(),
        ];
        Self(u128::from(lane(1, words)) << 64 | u128::from(lane(2, words)))
    }

    /// Of how far the rows of an owner go, and of its lives.
    #[must_use]
    pub fn of_lineage(owner: &StrategyName, lineage: &Lineage) -> Self {
        let Lineage { through, adopted, lives } = lineage;
        let of_version = |version: &Version| [version.incarnation.number(), version.sequence.get()];
        let of_adoption = |adopted: &Adoption| {
            [&of_version(&adopted.through)[..], &[adopted.incarnation.number()]].concat()
        };
        // Whether there is an adoption is a word, too: no two lineages have the same words.
        let has_adopted = u64::from(adopted.is_some());
        let adopted = adopted.as_ref().map_or_else(Vec::new, of_adoption);
        let lives: Vec<u64> = lives.iter().flat_map(of_version).collect();
        let words = [&[owner.hash()], &of_version(through)[..], &[has_adopted], &adopted, &lives];
        let words = words.concat();
        Self(u128::from(lane(5, words.iter().copied())) << 64 | u128::from(lane(6, words)))
    }

    /// Of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Of these rows without those.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

fn halves(nanos: i128) -> [[u8; 8]; 2] {
    let bytes = nanos.to_le_bytes();
    let (halves, _) = bytes.as_chunks::<8>();
    [halves[0], halves[1]]
}

/// The turn keeps two equal words from undoing each other.
fn lane(start: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(mix(start), |hash, word| mix(hash.rotate_left(23) ^ word))
}
