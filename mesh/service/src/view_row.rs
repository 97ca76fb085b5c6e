//! View row: a row with whose it is, as views are shown, kept and sent to clients.

use allot_mesh_rules::{Digest, Row, StrategyName};

/// One row of a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ViewRow {
    /// Whose.
    pub owner: StrategyName,
    /// The row.
    pub row: Row,
}

impl ViewRow {
    /// The digest of a view that has these rows.
    #[must_use]
    pub fn digest_of(rows: &[Self]) -> Digest {
        let digests = rows.iter().map(|one| Digest::of_row(&one.owner, &one.row));
        digests.fold(Digest::EMPTY, Digest::with)
    }
}
