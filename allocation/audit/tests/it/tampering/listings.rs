//! Listings: splits are told as they came into force, and as far as they are kept.

use allot_allocation_rules::{Listed, Outcome, Outcomes, SplitNumber};
use allot_domain::{Reject as Core, Seq};

use super::{Case, check, reject};

#[test]
fn splits_are_told_as_they_came_into_force() {
    fn listed(outcomes: &mut Outcomes) -> &mut Listed {
        match &mut outcomes.list[0] {
            Outcome::Listed(listed) => listed,
            _ => panic!("it was not listed"),
        }
    }
    let cases = [
        Case {
            script: "splits ops 1 from 1",
            tamper: |given| {
                listed(given).splits.pop();
            },
            fault: "the number of splits is 1; expected 2",
        },
        Case {
            script: "splits ops 1 from 1",
            tamper: |given| listed(given).splits.swap(0, 1),
            fault: "the number of the split is 2; expected 1",
        },
        Case {
            script: "splits ops 1 from 2",
            tamper: |given| listed(given).splits[0].seq = Seq::new(1),
            fault: "the sequence of the split is 1; expected 2",
        },
        Case {
            script: "splits ops 1 from 2",
            tamper: |given| listed(given).splits[0].time_ns += 1,
            fault: "the time of the split is",
        },
        Case {
            script: "splits ops 1 from 1",
            tamper: |given| {
                let weights = &mut listed(given).splits[0].weights;
                (weights[0].1, weights[1].1) = (weights[1].1, weights[0].1);
            },
            fault: "the weight of a is 40000000000; expected 60000000000",
        },
        Case {
            script: "splits ops 1 from 2",
            tamper: |given| {
                listed(given).splits[0].weights.pop();
            },
            fault: "the number of weights is 1; expected 2",
        },
        Case {
            script: "splits ops 1 from 1",
            tamper: |given| listed(given).last = SplitNumber::new(1),
            fault: "the number of the newest is 1; expected 2",
        },
        Case {
            script: "splits ops 1 from 3",
            tamper: |given| listed(given).oldest = SplitNumber::new(2),
            fault: "the number of the oldest is 2; expected 1",
        },
        Case {
            script: "splits ops 1 from 1",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
    ];
    check("split aum 1 a=60 b=40\nsplit aum 2 a=50 b=50", &cases);
}
