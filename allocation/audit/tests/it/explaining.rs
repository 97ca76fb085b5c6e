//! Explanations: what they say is what the book then has.

use allot_allocation_audit::{Auditor, Explanation};
use allot_allocation_rules::{
    Allocated, Blend, Book, BookConfig, Fill, Input, Origin, Outcome, Outcomes,
};
use allot_domain::{Machine, Marker};
use proptest::collection::vec;
use proptest::prelude::*;

use super::numbering::{Numbering, Sent, sent};
use super::random::at_least;

const WHOLE: Marker = Marker { number: 0, time_ns: 0, report: true };

/// What accounts miss after a fill is what the book has as their residuals, and its shares are
/// those that it gave.
fn check(explanation: &Explanation, outcomes: &Outcomes, book: &Book) -> Result<(), TestCaseError> {
    let part = book.part(&WHOLE);
    let total: i128 = part.weights.iter().map(|weight| i128::from(weight.nanos())).sum();
    let residuals = book.residuals().residuals();
    let misses: Vec<_> = explanation.accounts.iter().map(|one| one.misses_after.nanos()).collect();
    let due: Vec<_> = residuals.iter().map(|residual| residual / total).collect();
    prop_assert_eq!(misses, due);
    let given = explanation.accounts.iter().filter(|one| 0 < one.shares);
    let given: Vec<_> = given.map(|one| (one.account, one.shares)).collect();
    let last = outcomes.list.iter().rev().find_map(|outcome| match outcome {
        Outcome::Allocated(allocated) => Some(allocated.shares.clone()),
        _ => None,
    });
    let shares = &outcomes.shares[last.expect("it was divided")];
    let shares: Vec<_> =
        shares.iter().map(|share| (*book.account(share.account), share.quantity)).collect();
    prop_assert_eq!(given, shares);
    Ok(())
}

/// Whether these outcomes divide a fill for the first time.
fn divides(outcomes: &Outcomes, fill: &Fill) -> bool {
    let is_it = |one: &Allocated| {
        let Origin { source, id, duplicate, .. } = one.origin;
        !duplicate && (source, one.ticker, id) == (fill.source, fill.ticker, fill.id)
    };
    outcomes.list.iter().any(|outcome| matches!(outcome, Outcome::Allocated(one) if is_it(one)))
}

/// Plays a script, and explains what each input divides.
fn play(script: &[Sent]) -> Result<(), TestCaseError> {
    let config = BookConfig { blend: Blend::NONE, history: 64, names: 1_000 };
    let (mut book, mut numbering) = (Book::new(config), Numbering::default());
    let (mut outcomes, mut held) = (Outcomes::default(), Vec::<Fill>::new());
    for input in script.iter().filter_map(|sent| numbering.input(sent)) {
        let auditor = Auditor::at(config, &book.part(&WHOLE));
        outcomes.clear();
        book.apply_whole(&input, &mut outcomes);
        // Of those that a split divides, the last has what the book has after it.
        let fill = match &input {
            Input::Fill(fill) => Some(*fill),
            Input::Split(_) => held.iter().rev().find(|fill| divides(&outcomes, fill)).copied(),
            _ => None,
        };
        let Some(fill) = fill else { continue };
        let explained = auditor.explain_next(&input, &fill, &outcomes, |at| *book.account(at));
        let explained = explained.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(explained.is_some(), divides(&outcomes, &fill));
        if let Some(explanation) = explained {
            prop_assert_eq!(explanation.is_late, matches!(input, Input::Split(_)));
            check(&explanation, &outcomes, &book)?;
        }
        if matches!(&outcomes.list[..], [Outcome::Held { origin, .. }] if !origin.duplicate) {
            held.push(fill);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(at_least(500))]

    #[test]
    fn a_fill_is_explained_from_the_state_before_it(
        script in (1..=8_usize).prop_flat_map(|accounts| vec(sent(accounts), 1..80)),
    ) {
        play(&script)?;
    }
}
