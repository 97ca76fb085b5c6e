//! Splits: their numbers, and which are refused.

use allot_allocation_rules::{Outcome, Outcomes, Reject, SplitNumber};

use super::{Case, check, reject};

#[test]
fn splits_are_numbered_on() {
    fn number(outcomes: &mut Outcomes) -> &mut SplitNumber {
        match &mut outcomes.list[0] {
            Outcome::Accepted { split, .. } => split,
            _ => panic!("it was not accepted"),
        }
    }
    let cases = [
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| *number(given) = SplitNumber::new(3),
            fault: "the number of the split is 3; expected 2",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| *number(given) = SplitNumber::ZERO,
            fault: "the number of the split is 0; expected 2",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| *number(given) = SplitNumber::new(2),
            fault: "the number of the split is 2; expected 1",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| reject(given, Reject::TooManyAccountsEver),
            fault: "the outcome is rejected as too_many_accounts_ever",
        },
        Case {
            script: "split aum 2 a=10 b=90\nsplit aum 3 a=10 b=90\nsplit aum 4 a=10 b=90\n\
                     split aum 5 a=10 b=90\nsplit aum 6 a=10 b=90\nsplit aum 7 a=10 b=90\n\
                     split aum 1 a=60 b=40",
            tamper: |given| {
                let (origin, split) = (*given.list[0].origin(), SplitNumber::new(1));
                given.list[0] = Outcome::Accepted { origin, split };
            },
            fault: "the outcome is accepted; expected rejected as sequence_too_old",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}
