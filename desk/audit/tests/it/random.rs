//! Random inputs: shard and auditor agree on every outcome and on the whole state.

use allot_desk_rules::{Accounts, CommandName, DeskConfig};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::pair::Pair;
use crate::random_inputs::{choices, inputs};

proptest! {
    #[test]
    fn the_auditor_agrees_with_the_shard(
        choices in choices(300),
        history in 1..40_usize,
        names in 1..60_usize,
        keeps_log in any::<bool>(),
    ) {
        let config = DeskConfig { history, names, keeps_log };
        let mut pair = Pair::new(config);
        for input in inputs(&choices) {
            let checked = pair.apply(&input).and_then(|()| pair.compare());
            prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
        }
    }

    #[test]
    fn the_auditor_agrees_with_a_shard_that_was_loaded(
        choices in choices(200),
        every in 1..20_usize,
    ) {
        let config = DeskConfig { history: 30, names: 60, keeps_log: true };
        let mut pair = Pair::new(config);
        for (input, number) in inputs(&choices).iter().zip(1..) {
            let checked = pair.apply(input).and_then(|()| pair.compare());
            prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
            if number % every == 0 {
                let mut bytes = Vec::new();
                pair.accounts.save(&mut bytes);
                pair.accounts = Accounts::load(config, &bytes).unwrap();
            }
        }
    }
}

#[test]
fn the_random_inputs_bring_every_kind_of_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut pair = Pair::new(DeskConfig { history: 30, names: 60, keeps_log: true });
    let runs = (0..20).map(|_| choices(500).new_tree(&mut runner).unwrap().current());
    let choices: Vec<_> = runs.flatten().collect();
    for input in inputs(&choices) {
        pair.apply(&input).unwrap();
    }
    pair.compare().unwrap();
    let summary = pair.auditor.summary();
    let (answered, refused) = (&summary.answered, &summary.refused);
    assert_eq!(answered.len(), CommandName::ALL.len(), "{answered:?}");
    for code in [
        "amount_must_be_positive",
        "name_reused",
        "unknown_user",
        "no_pending_buy",
        "no_pending_sell",
        "no_set_buy",
        "no_set_sell",
        "insufficient_cash",
        "no_quote",
        "quote_timeout",
        "amount_below_price",
        "insufficient_shares",
    ] {
        assert!(refused.contains_key(code), "{code} is not in {refused:?}");
    }
    let others =
        [summary.repeats, summary.waited, summary.expired, summary.fired, summary.disarmed];
    assert!(others.iter().all(|count| 5 < *count), "{others:?}");
}
