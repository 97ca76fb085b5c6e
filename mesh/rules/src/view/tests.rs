//! Rows of an owner, deltas of them, and what they add up to.

use proptest::prelude::*;

use super::*;
use crate::{Position, Unix};

fn row(symbol: &str, position: i128, sequence: u64) -> Row {
    Row {
        symbol: Symbol::new(symbol.as_bytes()).unwrap(),
        position: Position::from_nanos(position).unwrap(),
        version: Version::new(1, sequence),
        updated: Unix::new(sequence),
    }
}

fn name(text: &str) -> StrategyName {
    StrategyName::new(text.as_bytes()).unwrap()
}

/// An owner that made these changes, one after the other.
fn owner(changes: &[u8]) -> OwnerRows {
    let mut rows = OwnerRows::default();
    for (symbol, sequence) in changes.iter().zip(1..) {
        let row = row(&format!("S{symbol}"), i128::from(sequence) * 10, sequence);
        assert_eq!(rows.merge(&name("o"), row, true), Merged::Newer);
        rows.advance(row.version, None, Vec::new());
    }
    rows
}

#[test]
fn a_delta_has_the_last_row_of_each_symbol_in_the_order_of_changes() {
    let rows = owner(&[1, 2, 1, 3, 2]);
    let delta = rows.delta(name("o"), Version::new(1, 1), 100);
    let versions: Vec<_> = delta.rows.iter().map(|row| row.version.sequence.get()).collect();
    assert_eq!(versions, [3, 4, 5]);
    assert_eq!(delta.through, Version::new(1, 5));
}

#[test]
fn a_cut_delta_goes_through_its_last_row() {
    let rows = owner(&[1, 2, 3, 4]);
    let delta = rows.delta(name("o"), Version::ZERO, 3);
    assert_eq!((delta.rows.len(), delta.through), (3, Version::new(1, 3)));
    let rest = rows.delta(name("o"), delta.through, 3);
    assert_eq!((rest.rows.len(), rest.through), (1, Version::new(1, 4)));
}

#[test]
fn two_rows_of_one_version_are_a_conflict() {
    let mut rows = owner(&[1]);
    assert_eq!(rows.merge(&name("o"), row("S1", 77, 1), true), Merged::Conflict(row("S1", 10, 1)));
    assert_eq!(rows.merge(&name("o"), row("S2", 77, 1), true), Merged::Conflict(row("S1", 10, 1)));
    assert_eq!(rows.merge(&name("o"), row("S1", 10, 1), true), Merged::Stale);
}

#[test]
fn what_has_no_room_is_refused_and_remembered() {
    let mut rows = owner(&[1]);
    assert_eq!(rows.merge(&name("o"), row("S2", 1, 2), false), Merged::Full);
    assert!(rows.is_cut());
    assert_eq!(rows.merge(&name("o"), row("S1", 1, 2), false), Merged::Newer);
}

proptest! {
    /// Whatever part of the changes somebody has seen, deltas from there make it equal.
    #[test]
    fn deltas_from_any_version_make_rows_equal(
        changes in prop::collection::vec(0_u8..6, 1..40),
        seen in 0_usize..40,
        rows_max in 1_usize..8,
    ) {
        let (all, mut some) = (owner(&changes), owner(&changes[..seen.min(changes.len())]));
        while some.through() < all.through() {
            let delta = all.delta(name("o"), some.through(), rows_max);
            prop_assert!(delta.rows.len() <= rows_max);
            for row in &delta.rows {
                prop_assert_eq!(some.merge(&name("o"), *row, true), Merged::Newer);
            }
            some.advance(delta.through, None, Vec::new());
        }
        prop_assert!(all.rows().eq(some.rows()));
        prop_assert_eq!(all.digest(), some.digest());
    }

    /// The digest is that of the rows, in whatever order they came.
    #[test]
    fn the_view_adds_up(changes in prop::collection::vec((0_u8..3, 0_u8..4), 0..60)) {
        let mut view = View::default();
        for ((owner, symbol), sequence) in changes.into_iter().zip(1..) {
            let owner = name(&format!("o{owner}"));
            let row = row(&format!("S{symbol}"), i128::from(sequence), sequence);
            view.merge(owner, row);
            view.advance(owner, row.version, None, Vec::new());
        }
        prop_assert_eq!(view.audit(), Ok(()));
    }
}
