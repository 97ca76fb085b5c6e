//! Random scripts: a book and its auditor agree on every outcome, and on the state at the end.

use allot_allocation_audit::Summary;
use allot_allocation_rules::{Blend, BookConfig, Input, Split};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::numbering::{Numbering, Sent, sent};
use super::pair::Pair;

/// Random scripts each time anew; `PROPTEST_CASES` asks for more.
pub(crate) fn at_least(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), ..default }
}

fn scripts() -> impl Strategy<Value = Vec<Sent>> {
    (1..=12_usize).prop_flat_map(|accounts| prop::collection::vec(sent(accounts), 1..120))
}

/// Before a split: what is found of it, and of the same split if it listed nobody.
fn checks(input: &Input) -> Vec<Input> {
    let Input::Split(split) = input else { return Vec::new() };
    let bare = Split::new(split.source, split.seq, split.weights().to_vec()).unwrap();
    vec![Input::Check(split.clone()), Input::Check(bare.at(split.time_ns))]
}

/// Plays a script to both; compares every `compare_every` inputs, and at the end.
fn play(
    script: &[Sent],
    (history, names): (usize, usize),
    compare_every: usize,
) -> Result<Summary, TestCaseError> {
    let mut pair = Pair::new(BookConfig { blend: Blend::NONE, history, names });
    let mut numbering = Numbering::default();
    for (at, sent) in script.iter().enumerate() {
        let Some(input) = numbering.input(sent) else { continue };
        for input in checks(&input).into_iter().chain([input]) {
            if let Err(fault) = pair.apply(&input) {
                let outcomes = &pair.outcomes;
                return Err(TestCaseError::fail(format!("{fault}\n{input:?}\n{outcomes:?}")));
            }
        }
        if at % compare_every == 0 {
            pair.compare().map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        }
    }
    pair.compare().map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    Ok(pair.auditor.summary().clone())
}

proptest! {
    #![proptest_config(at_least(2_000))]

    #[test]
    fn a_book_and_its_auditor_agree(
        script in scripts(),
        history in prop_oneof![Just(1_usize), Just(4), Just(1_000)],
        names in prop_oneof![Just(1_usize), Just(6), Just(40), Just(1_000_000)],
    ) {
        play(&script, (history, names), 16)?;
    }
}

/// The scripts above reach every kind of outcome.
#[test]
fn random_scripts_reach_everything() {
    let mut runner = TestRunner::deterministic();
    let mut all = Summary::default();
    for _ in 0..300 {
        let script = scripts().new_tree(&mut runner).unwrap().current();
        let summary = play(&script, (4, 12), usize::MAX).unwrap();
        all.fills += summary.fills;
        all.late += summary.late;
        all.busts += summary.busts;
        all.repeats += summary.repeats;
        all.out_of_order += summary.out_of_order;
        all.splits += summary.splits;
        all.nettings += summary.nettings - summary.nettings_void;
        all.nettings_void += summary.nettings_void;
        all.markers += summary.markers;
        for (code, count) in summary.rejected {
            *all.rejected.entry(code).or_default() += count;
        }
    }
    let counts = [
        all.fills,
        all.late,
        all.busts,
        all.repeats,
        all.out_of_order,
        all.splits,
        all.nettings,
        all.nettings_void,
        all.markers,
    ];
    assert!(counts.iter().all(|count| 100 < *count), "{all:?}");
    let codes: Vec<_> = all.rejected.keys().copied().collect();
    let expected =
        ["exceeds_holdings", "exceeds_limits", "name_reused", "sequence_too_old", "unknown_fill"];
    assert_eq!(codes, expected, "{all:?}");
}
