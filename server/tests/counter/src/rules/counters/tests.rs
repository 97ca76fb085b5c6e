//! The counters against the auditor, and what it cannot say of them.

use allot_domain::{Marker, Outcomes as _, SourceId};
use proptest::prelude::*;

use super::*;
use crate::audit::Auditor;

const CONFIG: CounterConfig = CounterConfig { limit: 100 };

fn key(name: &str) -> Key {
    Key::new(name.as_bytes()).unwrap()
}

fn name(source: &str, seq: u64) -> Name {
    Name { source: SourceId::new(source.as_bytes()).unwrap(), seq: Seq::new(seq) }
}

fn command(seq: u64, at: &str, action: Action) -> Input {
    Input::Command(Command { name: name("a", seq), key: key(at), action })
}

fn apply(counters: &mut Counters, input: &Input) -> Vec<Outcome> {
    let mut outcomes = Outcomes::default();
    counters.apply_whole(input, &mut outcomes);
    outcomes.list().to_vec()
}

fn snapshot(counters: &Counters) -> Vec<u8> {
    let mut bytes = Vec::new();
    counters.save(&mut bytes);
    bytes
}

fn any_name() -> impl Strategy<Value = Name> {
    (prop::sample::select(vec!["a", "b", "c"]), 1..40_u64)
        .prop_map(|(source, seq)| name(source, if seq == 39 { 70_000 } else { seq }))
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..30_u64).prop_map(Action::Add),
        4 => (0..110_u64).prop_map(Action::Await),
        1 => (1..40_u64).prop_map(|of| Action::Cancel(Seq::new(of))),
        1 => Just(Action::Add(u64::MAX)),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let key = prop::sample::select(vec!["x", "y", "z"]).prop_map(key);
    let command = (any_name(), key, any_action())
        .prop_map(|(name, key, action)| Input::Command(Command { name, key, action }));
    let raise = (any_name(), 0..9_u64).prop_map(|(name, amount)| Raise { name, amount });
    let level = (1..9_u64, any::<u32>())
        .prop_map(|(marker, total)| Input::Level(Level { marker, total: total.into() }));
    prop_oneof![
        12 => command,
        2 => raise.prop_map(Input::Raise),
        1 => level,
        1 => Just(Marker { number: 1, time_ns: 2, report: true }.into()),
    ]
}

proptest! {
    #[test]
    fn the_auditor_agrees_with_every_outcome_and_every_state(
        inputs in prop::collection::vec(any_input(), 1..120),
    ) {
        let (mut counters, mut auditor) = (Counters::new(CONFIG), Auditor::new(CONFIG));
        for input in inputs {
            let outcomes = apply(&mut counters, &input);
            auditor.check(&input, &outcomes)?;
            auditor.check_state(&counters)?;
        }
    }

    #[test]
    fn a_loaded_state_goes_on_as_the_saved_one(
        before in prop::collection::vec(any_input(), 0..60),
        after in prop::collection::vec(any_input(), 0..60),
    ) {
        let mut saved = Counters::new(CONFIG);
        before.iter().for_each(|input| { apply(&mut saved, input); });
        let mut loaded = Counters::load(CONFIG, &snapshot(&saved)).unwrap();
        for input in &after {
            prop_assert_eq!(apply(&mut loaded, input), apply(&mut saved, input));
        }
        prop_assert_eq!(snapshot(&loaded), snapshot(&saved));
    }
}

#[test]
fn what_a_raise_releases_comes_in_slices() {
    let mut counters = Counters::new(CounterConfig { limit: 1_000 });
    apply(&mut counters, &command(1, "x", Action::Add(0)));
    let awaits = u64::try_from(RELEASED_MAX).unwrap() * 2 + 1;
    for seq in 2..awaits + 2 {
        apply(&mut counters, &command(seq, "x", Action::Await(seq)));
    }
    let mut outcomes = Outcomes::default();
    let raise = Input::Raise(Raise { name: name("a", 1), amount: 900 });
    let mut slices = Vec::new();
    let mut step = counters.apply(&raise, &mut outcomes);
    slices.push(outcomes.list().len());
    while step == Step::Pending {
        outcomes.clear();
        step = counters.resume(&mut outcomes);
        slices.push(outcomes.list().len());
    }
    assert_eq!(slices, [1 + RELEASED_MAX, RELEASED_MAX, 1]);
}

#[test]
fn a_slice_that_is_just_full_and_the_last_is_done() {
    let mut counters = Counters::new(CONFIG);
    apply(&mut counters, &command(1, "x", Action::Add(0)));
    for seq in 2..u64::try_from(RELEASED_MAX).unwrap() + 2 {
        apply(&mut counters, &command(seq, "x", Action::Await(1)));
    }
    let mut outcomes = Outcomes::default();
    let step = counters.apply(&command(1_000, "x", Action::Add(1)), &mut outcomes);
    assert_eq!((step, outcomes.list().len()), (Step::Done, 1 + RELEASED_MAX));
}

#[test]
fn keys_have_an_end() {
    let mut counters = Counters::new(CONFIG);
    for seq in 1..=u64::try_from(KEYS_MAX).unwrap() {
        apply(&mut counters, &command(seq, &format!("k{seq}"), Action::Add(0)));
    }
    let one_more = apply(&mut counters, &command(60_000, "one-more", Action::Add(0)));
    assert_eq!(one_more[0].what, What::Rejected(Reject::TooManyKeys));
    let known = apply(&mut counters, &command(60_001, "k1", Action::Add(1)));
    assert_eq!(known[0].what, What::Counted { key: key("k1"), value: 1 });
}

#[test]
fn awaits_have_an_end() {
    let mut counters = Counters::new(CONFIG);
    apply(&mut counters, &command(60_000, "x", Action::Add(0)));
    for seq in 1..=u64::try_from(AWAITS_MAX).unwrap() {
        apply(&mut counters, &command(seq, "x", Action::Await(100)));
    }
    let one_more = apply(&mut counters, &command(60_001, "x", Action::Await(100)));
    assert_eq!(one_more[0].what, What::Rejected(Reject::TooManyAwaits));
}

#[test]
fn a_damaged_snapshot_is_refused_or_is_another_state_and_never_panics() {
    let mut counters = Counters::new(CONFIG);
    apply(&mut counters, &command(1, "x", Action::Add(5)));
    apply(&mut counters, &command(2, "x", Action::Await(50)));
    let good = snapshot(&counters);
    for len in 0..good.len() {
        assert!(Counters::load(CONFIG, &good[..len]).is_err(), "{len}");
    }
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x41;
        if let Ok(other) = Counters::load(CONFIG, &bytes) {
            assert_eq!(snapshot(&other), bytes, "no two snapshots mean the same");
        }
    }
    let other = CounterConfig { limit: 99 };
    let error = Counters::load(other, &good).unwrap_err().to_string();
    assert_eq!(error, "the state was saved with limit 100; start with the same");
}
