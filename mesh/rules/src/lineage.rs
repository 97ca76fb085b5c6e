//! Lineage: how far the rows of an owner go, and which of its lives they come from.

use crate::{Adoption, Version, limits};

/// What goes with the rows of an owner that one has all through a version: whoever keeps both, and
/// begins with them again, can tell a later life of that owner from one that does not know these
/// rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lineage {
    /// Every row whose last change is not after this is among them.
    pub through: Version,
    /// What the owner took from its peers the last time, or put aside, if it ever did.
    pub adopted: Option<Adoption>,
    /// How its last lives before this one ended, as in [`Delta::lives`](crate::Delta::lives).
    pub lives: Vec<Version>,
}

impl Lineage {
    /// Whether it is one that a replica can have.
    #[must_use]
    pub fn is_believable(&self) -> bool {
        self.through.is_believable()
            && self.lives.len() <= limits::LINEAGE_MAX
            && self.lives.iter().all(|life| life.is_believable())
            && self.adopted.is_none_or(|adopted| adopted.through.is_believable())
    }
}
