//! Tests of a generator, one input after the other.

use core::time::Duration;

use super::*;
use crate::Unix;

const SECOND: u64 = 1_000_000_000;

fn at(millis: u64) -> Now {
    Now { unix: Unix::new(millis * 1_000_000), steady: Steady::new(millis * 1_000_000) }
}

fn generator() -> Generator {
    let schedule = Schedule::new(Duration::from_secs(1)).unwrap();
    let schedule = schedule.with(None, Some(Duration::ZERO), None).unwrap();
    Generator::new(ComponentName::new(b"g").unwrap(), schedule)
}

fn ask(period: u64) -> Ask {
    Ask { period: Period::new(period), length: Duration::from_nanos(SECOND) }
}

fn value(number: f64) -> Value {
    Value::new(number).unwrap()
}

fn asked(generator: &mut Generator, now: Now, ticket: u64, ask: Ask) -> Vec<GeneratorEffect> {
    let mut out = Vec::new();
    generator.ask(now, Ticket::new(ticket), ask, &mut out);
    out
}

fn code(effects: &[GeneratorEffect]) -> &'static str {
    match effects.last() {
        Some(GeneratorEffect::Reply(_, GeneratorReply::Rejected(reject))) => reject.code(),
        Some(GeneratorEffect::Reply(_, GeneratorReply::Held(_))) => "held",
        Some(GeneratorEffect::Reply(_, GeneratorReply::Signal(..))) => "signal",
        _ => "none",
    }
}

#[test]
fn a_signal_is_made_once_a_period_and_given_to_whoever_waits() {
    let mut generator = generator();
    let mut out = Vec::new();
    generator.tick(at(5_000), &mut out);
    assert_eq!(out, [GeneratorEffect::Make(Period::new(5))]);
    out.clear();
    generator.tick(at(5_001), &mut out);
    assert_eq!(out, []);
    assert_eq!(code(&asked(&mut generator, at(5_002), 1, ask(5))), "held");
    generator.made(at(5_003), Period::new(5), Ok(value(0.5)), &mut out);
    let reply = GeneratorReply::Signal(Period::new(5), value(0.5));
    let signal = GeneratorEffect::Signal(Period::new(5), value(0.5));
    assert_eq!(out, [signal, GeneratorEffect::Reply(Ticket::new(1), reply)]);
    assert_eq!(code(&asked(&mut generator, at(5_004), 2, ask(5))), "signal");
    assert_eq!(generator.kept_len(), 0);
}

#[test]
fn a_request_is_kept_no_longer_than_its_period() {
    let mut generator = generator();
    assert_eq!(code(&asked(&mut generator, at(5_000), 1, ask(5))), "held");
    assert_eq!(code(&asked(&mut generator, at(5_000), 2, ask(6))), "held", "a moment early");
    let mut out = Vec::new();
    generator.tick(at(6_000), &mut out);
    let stale = out.iter().any(|effect| {
        matches!(effect, GeneratorEffect::Reply(ticket, GeneratorReply::Rejected(reject))
            if *ticket == Ticket::new(1) && reject.code() == "stale")
    });
    assert!(stale, "{out:?}");
    assert_eq!(generator.kept_len(), 1);
    let problem = generator.problem().unwrap();
    assert!(problem.reason.starts_with("the program still ran at the end of period 5"));
    out.clear();
    generator.made(at(6_001), Period::new(5), Ok(value(1.0)), &mut out);
    assert_eq!(out, [], "too late");
    generator.made(at(6_001), Period::new(6), Ok(value(2.0)), &mut out);
    assert!(out.contains(&GeneratorEffect::Problem(None)));
    assert_eq!(generator.last(), Some((Period::new(6), value(2.0))));
}

#[test]
fn a_run_after_another_makes_no_second_signal_of_the_period_of_its_start() {
    let Generator { name, schedule, .. } = generator();
    let mut again = Generator::after_its_start(name, schedule);
    let out = asked(&mut again, at(5_500), 1, ask(5));
    assert_eq!((out.len(), code(&out)), (1, "just_started"));
    assert_eq!(again.problem(), None, "it is well");
    assert_eq!(again.wake_at(), at(5_750).steady);
    let mut out = Vec::new();
    again.tick(at(6_000), &mut out);
    assert_eq!(out, [GeneratorEffect::Make(Period::new(6))]);
    out.clear();
    again.tick(at(5_900), &mut out);
    assert!(!out.contains(&GeneratorEffect::Make(Period::new(5))), "the clock is set back");
}

#[test]
fn a_source_that_fails_is_a_reply_at_once() {
    let mut generator = generator();
    asked(&mut generator, at(5_000), 1, ask(5));
    let mut out = Vec::new();
    generator.made(at(5_100), Period::new(5), Err("the file has ended".into()), &mut out);
    assert_eq!(code(&out), "no_signal");
    assert_eq!(code(&asked(&mut generator, at(5_200), 2, ask(5))), "no_signal");
    assert_eq!(generator.problem().unwrap().kind, ProblemKind::NoData);
}

#[test]
fn what_is_of_another_time_is_refused() {
    let mut generator = generator();
    assert_eq!(code(&asked(&mut generator, at(5_000), 1, ask(4))), "stale");
    assert_eq!(code(&asked(&mut generator, at(5_000), 1, ask(7))), "too_early");
    let other = Ask { period: Period::new(5), length: Duration::from_secs(2) };
    assert_eq!(code(&asked(&mut generator, at(5_000), 1, other)), "period_mismatch");
}

#[test]
fn requests_that_are_kept_are_bounded() {
    let mut generator = generator();
    for ticket in 0..u64::try_from(limits::KEPT_MAX).unwrap() {
        assert_eq!(code(&asked(&mut generator, at(5_000), ticket, ask(5))), "held");
    }
    assert_eq!(code(&asked(&mut generator, at(5_000), 9_999, ask(5))), "busy");
    generator.forget(Ticket::new(3));
    assert_eq!(code(&asked(&mut generator, at(5_000), 9_999, ask(5))), "held");
}

#[test]
fn it_wakes_for_the_next_period_and_looks_at_a_clock_that_may_be_set() {
    let mut generator = generator();
    let mut out = Vec::new();
    generator.tick(at(5_000), &mut out);
    assert_eq!(generator.wake_at(), at(5_250).steady, "a quarter of a period at most");
    generator.tick(at(5_900), &mut out);
    assert_eq!(generator.wake_at(), at(6_000).steady);
}

#[test]
fn a_clock_that_is_set_back_gives_no_period_a_second_signal() {
    let mut generator = generator();
    for period in 5..8 {
        let mut out = Vec::new();
        generator.tick(at(period * 1_000), &mut out);
        assert_eq!(out, [GeneratorEffect::Make(Period::new(period))]);
        let number = f64::from(u32::try_from(period).unwrap());
        generator.made(at(period * 1_000), Period::new(period), Ok(value(number)), &mut out);
    }
    assert_eq!(code(&asked(&mut generator, at(7_001), 1, ask(8))), "held");
    // The steady clock goes on; only the other one is set.
    let set = |unix: u64, steady: u64| Now { unix: at(unix).unix, steady: at(steady).steady };
    for (unix, steady, expected) in [(6_500, 7_100, 6.0), (7_100, 7_700, 7.0)] {
        let mut out = Vec::new();
        generator.tick(set(unix, steady), &mut out);
        assert_eq!(out, [], "nothing is made again");
        let period = unix / 1_000;
        let out = asked(&mut generator, set(unix, steady), 2, ask(period));
        let reply = GeneratorReply::Signal(Period::new(period), value(expected));
        assert_eq!(out, [GeneratorEffect::Reply(Ticket::new(2), reply)]);
    }
    let mut out = Vec::new();
    generator.tick(set(8_000, 8_600), &mut out);
    assert_eq!(out, [GeneratorEffect::Make(Period::new(8))]);
}
