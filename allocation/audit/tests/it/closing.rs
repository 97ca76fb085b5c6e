//! Closing: what an auditor holds against a split that closes an account with shares.

use allot_allocation_rules::{Blend, BookConfig, Finding, Outcome};

use super::pair::Pair;
use super::script::inputs;

const CONFIG: BookConfig = BookConfig { blend: Blend::NONE, history: 8, names: 8 };

/// Two accounts that hold something.
const BEFORE: &str = "split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5\n";

/// The last line breaks the rule, or none does.
#[track_caller]
fn check(script: &str, expected: Result<(), &str>) {
    let mut pair = Pair::new(CONFIG);
    let all = inputs(&format!("{BEFORE}{script}"));
    let (last, all) = all.split_last().unwrap();
    all.iter().for_each(|input| pair.apply(input).unwrap());
    let found = pair.apply(last).map_err(|fault| fault.mismatch.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{script}");
}

#[test]
fn a_split_closes_no_holder_that_it_does_not_list() {
    let wrong = Err("a is closed with 6 AAPL, and is not listed");
    check("split aum 2 b=100", wrong);
    check("check split aum 2 b=100\nsplit aum 2 b=100", wrong);
    check("check split aum 2 b=100 closes a\nsplit aum 2 b=100", wrong);
    check("check split ops 2 b=100 closes a\nsplit aum 2 b=100", wrong);
    for kept in ["b=100 closes a", "b=100 a=0"] {
        check(&format!("check split aum 2 {kept}\nsplit aum 2 {kept}"), Ok(()));
    }
    check("sell f 2 AAPL 10 @ 5\ncheck split aum 2 b=100\nsplit aum 2 b=100", Ok(()));
}

/// Another shard had the split when the router was lost: this one follows, whatever was bought.
#[test]
fn a_split_that_was_clear_once_may_have_to_be_followed() {
    let clear = "sell f 2 AAPL 10 @ 5\ncheck split aum 2 b=100\nbuy f 3 AAPL 10 @ 5\n";
    check(&format!("{clear}check split aum 2 b=100\nsplit aum 2 b=100"), Ok(()));
    let applied = format!("{clear}split aum 2 b=100\nsplit aum 3 a=60 b=40\nbuy f 4 AAPL 10 @ 5\n");
    check(
        &format!("{applied}check split aum 4 b=100\nsplit aum 4 b=100"),
        Err("a is closed with 12 AAPL, and is not listed"),
    );
}

#[test]
fn a_finding_is_the_one_that_is_due() {
    for (script, wrong) in [
        ("check split aum 2 b=100", Finding::Omits(Vec::new())),
        ("check split aum 2 b=100 closes a", Finding::Applied),
        ("check split aum 1 a=60 b=40", Finding::Omits(Vec::new())),
        ("check split aum 1 b=100", Finding::Applied),
        ("check split aum 2 b=100 closes a c", Finding::Omits(Vec::new())),
    ] {
        let mut pair = Pair::new(CONFIG);
        let all = inputs(&format!("{BEFORE}{script}"));
        let (last, all) = all.split_last().unwrap();
        all.iter().for_each(|input| pair.apply(input).unwrap());
        pair.clone().apply(last).unwrap();
        let found = pair.apply_tampered(last, |given| match &mut given.list[0] {
            Outcome::Checked { finding, .. } => **finding = wrong,
            other => panic!("{other:?}"),
        });
        let found = found.unwrap_err().mismatch.to_string();
        assert!(found.starts_with("the finding is "), "{script}: {found}");
    }
}
