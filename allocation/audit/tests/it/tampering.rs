//! Tampering: each way in which outcomes could be wrong, and the mismatch that is found.

mod shares;
mod echoes;
mod repeats;
mod rejections;
mod busts;
mod held;
mod splits;
mod replays;
mod listings;

use allot_allocation_rules::{
    AccountIndex, Allocated, Blend, BookConfig, Origin, Outcome, Outcomes, Reject, Share,
    SplitNumber, TickerSeq,
};
use allot_domain::{Price, Quantity, Reject as Core, Seq, Side};

use crate::names::ticker;
use crate::pair::Pair;
use crate::script::inputs;

const CONFIG: BookConfig = BookConfig { blend: Blend::NONE, history: 3, names: 6 };

/// What is done to the outcomes of the last input.
type Tamper = fn(&mut Outcomes);

/// A script, what is done to the outcomes of its last line, and how the mismatch begins.
struct Case {
    script: &'static str,
    tamper: Tamper,
    fault: &'static str,
}

/// Without the tampering the auditor agrees with the last line; with it, it finds the mismatch.
#[track_caller]
fn check(before: &str, cases: &[Case]) {
    for Case { script, tamper, fault: expected } in cases {
        let mut pair = Pair::new(CONFIG);
        let all = inputs(&format!("{before}\n{script}"));
        let (last, all) = all.split_last().unwrap();
        all.iter().for_each(|input| pair.apply(input).unwrap());
        pair.clone().apply(last).unwrap();
        let fault = pair.apply_tampered(last, tamper).expect_err(script);
        let mismatch = fault.mismatch.to_string();
        assert!(mismatch.starts_with(expected), "{script}: {mismatch}");
    }
}

fn allocated(outcome: &mut Outcome) -> &mut Allocated {
    match outcome {
        Outcome::Allocated(allocated) => allocated,
        _ => panic!("it was not divided"),
    }
}

fn first(outcomes: &mut Outcomes) -> &mut Allocated {
    allocated(&mut outcomes.list[0])
}

fn origin(outcome: &mut Outcome) -> &mut Origin {
    match outcome {
        Outcome::Allocated(allocated) => &mut allocated.origin,
        Outcome::Replayed(replayed) => &mut replayed.origin,
        Outcome::Listed(listed) => &mut listed.origin,
        Outcome::Held { origin, .. }
        | Outcome::Busted { origin, .. }
        | Outcome::Accepted { origin, .. }
        | Outcome::Checked { origin, .. }
        | Outcome::Rejected { origin, .. } => origin,
    }
}

/// Puts a rejection in place of the first outcome.
fn reject(outcomes: &mut Outcomes, reject: impl Into<Reject>) {
    let reject = reject.into();
    let origin = *outcomes.list[0].origin();
    outcomes.shares.clear();
    outcomes.list[0] = Outcome::Rejected { origin, reject, late: None };
}

fn reused(name: &str) -> Core {
    Core::NameReused(name.to_owned())
}

/// Puts a division over accounts 0 and 1 in place of the first outcome.
fn divide(outcomes: &mut Outcomes, side: Side, quantity: u64, shares: [u64; 2]) {
    outcomes.shares = (0..)
        .map(AccountIndex::new)
        .zip(shares)
        .map(|(account, quantity)| Share { account, quantity })
        .collect();
    outcomes.list[0] = Outcome::Allocated(Allocated {
        origin: *outcomes.list[0].origin(),
        ticker: ticker("AAPL"),
        side,
        price: Price::parse("5").unwrap(),
        quantity: Quantity::new(quantity.into()).unwrap(),
        split: SplitNumber::new(1),
        number: TickerSeq::new(2),
        shares: 0..2,
        late: false,
    });
}

/// Puts a bust of fill 1 in place of the first outcome.
fn bust(outcomes: &mut Outcomes) {
    let origin = *outcomes.list[0].origin();
    let (ticker, number) = (ticker("AAPL"), TickerSeq::new(2));
    outcomes.list[0] =
        Outcome::Busted { origin, ticker, of: Seq::new(1).into(), number, shares: 0..0 };
}
