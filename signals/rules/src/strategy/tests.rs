//! Tests of a strategy against replies that are made up.

use super::*;

fn at(millis: u64) -> Now {
    Now { unix: Unix::new(millis * 1_000_000), steady: Steady::new(millis * 1_000_000) }
}

fn value(number: f64) -> Value {
    Value::new(number).unwrap()
}

/// A strategy with periods of a second and two generators, and what it wants.
struct Rig {
    strategy: Strategy,
    out: Vec<StrategyEffect>,
}

impl Rig {
    fn new(rule: Rule) -> Self {
        let schedule = Schedule::new(Duration::from_secs(1)).unwrap();
        let settings = StrategySettings {
            name: ComponentName::new(b"X").unwrap(),
            instance: Incarnation::new(1),
            schedule: schedule.with(None, Some(Duration::ZERO), None).unwrap(),
            retries: 2,
            rule,
            generators: vec!["tcp://a:1".into(), "tcp://b:2".into()],
        };
        Self { strategy: Strategy::new(settings), out: Vec::new() }
    }

    fn registered() -> Self {
        let mut rig = Self::new(Rule::Sum);
        rig.tick(5_000);
        rig.answer(5_000, TraderAnswer::Registered(Duration::from_millis(600), None));
        rig
    }

    fn tick(&mut self, millis: u64) {
        self.strategy.tick(at(millis), &mut self.out);
    }

    /// The last request of a kind.
    fn last(&self, wanted: impl Fn(&StrategyEffect) -> Option<Seq>) -> Seq {
        self.out.iter().rev().find_map(wanted).expect("it was wanted")
    }

    fn answer(&mut self, millis: u64, answer: TraderAnswer) {
        let seq = self.last(|effect| match effect {
            StrategyEffect::Register(seq)
            | StrategyEffect::Deregister(seq)
            | StrategyEffect::Submit(seq, ..) => Some(*seq),
            _ => None,
        });
        self.strategy.trader_reply(at(millis), seq, answer, &mut self.out);
    }

    fn reply(&mut self, millis: u64, generator: u32, reply: SignalReply) {
        self.reply_by(millis, millis, generator, reply);
    }

    fn reply_by(&mut self, millis: u64, clock: u64, generator: u32, reply: SignalReply) {
        let generator = GeneratorIndex::new(generator);
        let seq = self.last(|effect| match effect {
            StrategyEffect::Ask(asked, seq, _) if *asked == generator => Some(*seq),
            _ => None,
        });
        let (received, replied) = (at(clock).unix, at(clock).unix);
        let name = format!("g{generator}");
        let answer = GeneratorAnswer { seq, received, replied, name, reply };
        self.strategy.signal_reply(at(millis), generator, answer, &mut self.out);
    }

    fn signal(&mut self, millis: u64, generator: u32, period: u64, number: f64) {
        self.reply(millis, generator, SignalReply::Signal(Period::new(period), value(number)));
    }

    fn submits(&self) -> Vec<(u64, f64)> {
        let submits = self.out.iter().filter_map(|effect| match effect {
            StrategyEffect::Submit(_, period, value) => Some((period.get(), value.get())),
            _ => None,
        });
        submits.collect()
    }

    fn asks(&self) -> usize {
        self.out.iter().filter(|effect| matches!(effect, StrategyEffect::Ask(..))).count()
    }

    fn told(&self) -> Vec<String> {
        let told = self.out.iter().rev().find_map(|effect| match effect {
            StrategyEffect::Problems(problems) => Some(problems.clone()),
            _ => None,
        });
        let problems = told.unwrap_or_default();
        problems.iter().map(|(name, problem)| format!("{name} {}", problem.kind)).collect()
    }
}

fn refusal(code: &str) -> Refusal {
    Refusal { code: code.into(), reason: "why".into() }
}

#[test]
fn it_asks_all_at_once_decides_on_the_last_signal_and_submits() {
    let mut rig = Rig::registered();
    assert_eq!(rig.asks(), 2);
    rig.signal(5_001, 1, 5, 0.25);
    assert_eq!(rig.submits(), []);
    rig.signal(5_002, 0, 5, 0.5);
    assert_eq!(rig.submits(), [(5, 0.75)]);
    rig.answer(5_003, TraderAnswer::Accepted(Period::new(5)));
    assert!(rig.out.contains(&StrategyEffect::Submitted(Period::new(5), value(0.75))));
    rig.tick(5_999);
    assert_eq!((rig.submits().len(), rig.asks()), (1, 2));
    rig.tick(6_000);
    assert_eq!(rig.asks(), 4);
}

#[test]
fn a_signal_of_another_period_is_never_used() {
    let mut rig = Rig::registered();
    rig.signal(5_010, 0, 4, 0.5);
    rig.signal(5_010, 1, 5, 0.5);
    assert_eq!(rig.submits(), []);
    assert_eq!(rig.told(), ["tcp://a:1 refused"]);
    rig.tick(5_400);
    assert_eq!(rig.told(), ["tcp://a:1 refused"], "it has replied: it is not missing");
    rig.signal(5_420, 0, 5, 0.5);
    assert_eq!(rig.submits(), [(5, 1.0)]);
    assert_eq!(rig.told(), [""; 0]);
}

#[test]
fn a_reply_that_cannot_be_read_is_told_once_until_there_is_a_signal() {
    let mut rig = Rig::registered();
    let told = |rig: &Rig| {
        rig.out.iter().filter(|effect| matches!(effect, StrategyEffect::Problems(_))).count()
    };
    for millis in [5_010, 5_020, 5_400, 5_800, 6_010, 6_020, 6_400] {
        rig.tick(millis);
        for generator in 0..2 {
            let generator = GeneratorIndex::new(generator);
            rig.strategy.damaged_signal(at(millis), generator, "a NaN", &mut rig.out);
        }
        rig.strategy.damaged_answer(at(millis), "a NaN", &mut rig.out);
    }
    assert_eq!(rig.told(), ["tcp://a:1 refused", "tcp://b:2 refused", "trader refused"]);
    assert_eq!(told(&rig), 3, "each begins once");
    let reason = &rig.strategy.reports()[0].problem.as_ref().unwrap().reason;
    assert_eq!(reason, "its reply cannot be read: a NaN");
    rig.signal(6_410, 0, 6, 1.0);
    rig.signal(6_410, 1, 6, 1.0);
    rig.answer(6_420, TraderAnswer::Accepted(Period::new(6)));
    assert_eq!(rig.told(), [""; 0]);
}

#[test]
fn a_lost_request_is_sent_again_with_pauses_and_not_for_ever() {
    let mut rig = Rig::registered();
    let mut moments = 0;
    while rig.strategy.wake_at() < at(5_999).steady {
        let wake = rig.strategy.wake_at().get().div_ceil(1_000_000).max(5_001);
        rig.tick(wake);
        moments += 1;
        assert!(moments < 200, "it never rests");
    }
    assert_eq!(rig.asks(), 2 * 3, "one and two retries for each");
    assert_eq!(rig.told(), ["tcp://a:1 missing", "tcp://b:2 missing", "trader missing"]);
}

#[test]
fn a_generator_that_holds_the_request_is_left_alone() {
    let mut rig = Rig::registered();
    rig.reply(5_001, 0, SignalReply::Held(Period::new(5)));
    rig.signal(5_001, 1, 5, 1.0);
    rig.tick(5_125);
    assert_eq!(rig.asks(), 2);
    rig.signal(5_130, 0, 5, 1.0);
    assert_eq!(rig.submits(), [(5, 2.0)]);
}

#[test]
fn a_strategy_that_starts_late_in_a_period_names_nobody_in_it() {
    let mut rig = Rig::new(Rule::Sum);
    rig.tick(4_200);
    rig.answer(4_200, TraderAnswer::Registered(Duration::from_millis(600), None));
    rig.tick(4_700);
    rig.answer(4_700, TraderAnswer::Registered(Duration::from_millis(600), None));
    rig.tick(5_000);
    assert_eq!(rig.told(), [""; 0]);
    rig.answer(5_300, TraderAnswer::Registered(Duration::from_millis(600), None));
    rig.tick(5_400);
    assert_eq!(rig.told(), ["tcp://a:1 missing", "tcp://b:2 missing"]);
}

#[test]
fn another_reason_is_told_and_another_number_is_not() {
    let mut rig = Rig::registered();
    let mut fail = |millis: u64, reason: &str| {
        let refusal = Refusal { code: "no_signal".into(), reason: reason.into() };
        rig.reply(millis, 0, SignalReply::Refused(refusal));
        rig.out.iter().filter(|effect| matches!(effect, StrategyEffect::Problems(_))).count()
    };
    let told = fail(5_001, "exit status: 3");
    assert_eq!(fail(5_002, "exit status: 4"), told);
    assert_eq!(fail(5_003, "the program wrote nothing"), told + 1);
}

#[test]
fn a_source_that_fails_late_in_each_period_is_told_once() {
    let mut rig = Rig::registered();
    for period in 5..8 {
        let start = period * 1_000;
        rig.tick(start);
        rig.signal(start + 1, 1, period, 1.0);
        rig.reply(start + 1, 0, SignalReply::Held(Period::new(period)));
        rig.tick(start + 400);
        assert_eq!(
            rig.told()[0],
            if period == 5 { "tcp://a:1 missing" } else { "tcp://a:1 no_data" }
        );
        rig.reply(start + 500, 0, SignalReply::Refused(refusal("no_signal")));
        assert_eq!(rig.told()[0], "tcp://a:1 no_data");
    }
    rig.tick(8_000);
    rig.tick(8_400);
    assert_eq!(rig.told()[0], "tcp://a:1 missing", "it does not reply at all");
}

#[test]
fn a_request_that_could_not_be_sent_is_no_attempt() {
    let mut rig = Rig::registered();
    for wake in (5_020..5_300).step_by(20) {
        let StrategyEffect::Ask(_, seq, _) =
            rig.out.iter().rev().find(|one| matches!(one, StrategyEffect::Ask(..))).unwrap()
        else {
            unreachable!()
        };
        let seq = *seq;
        rig.strategy.unsent(at(wake), seq);
        rig.tick(wake + 20);
    }
    assert!(10 < rig.asks(), "{}", rig.asks());
}

#[test]
fn no_signal_is_no_decision_and_the_reason_is_passed_on() {
    let mut rig = Rig::registered();
    rig.reply(5_010, 0, SignalReply::Refused(refusal("no_signal")));
    rig.reply(5_010, 1, SignalReply::Refused(refusal("period_mismatch")));
    assert_eq!(rig.told(), ["tcp://a:1 no_data", "tcp://b:2 refused"]);
    rig.tick(5_020);
    let renewals = |rig: &Rig| {
        rig.out.iter().filter(|effect| matches!(effect, StrategyEffect::Register(_))).count()
    };
    assert_eq!(renewals(&rig), 2, "the trader hears of both at once");
    rig.tick(5_900);
    assert_eq!((rig.submits(), rig.asks()), (vec![], 2));
}

#[test]
fn a_generator_that_has_just_started_owes_nothing_to_a_strategy_that_has_too() {
    let mut rig = Rig::registered();
    rig.reply(5_010, 0, SignalReply::Refused(refusal("just_started")));
    rig.signal(5_010, 1, 5, 1.0);
    rig.answer(5_500, TraderAnswer::Registered(Duration::from_millis(600), None));
    rig.tick(5_900);
    assert_eq!((rig.told(), rig.asks()), (vec![], 2), "nor is it asked again");
    rig.tick(6_000);
    assert_eq!((rig.told(), rig.asks()), (vec![], 4));
    rig.signal(6_010, 0, 6, 1.0);
    rig.signal(6_010, 1, 6, 1.0);
    assert_eq!(rig.submits(), [(6, 2.0)]);
}

#[test]
fn a_generator_that_was_started_again_is_named_at_the_deadline_where_there_is_no_decision() {
    let mut rig = Rig::registered();
    rig.signal(5_010, 0, 5, 1.0);
    rig.signal(5_010, 1, 5, 1.0);
    rig.answer(5_500, TraderAnswer::Registered(Duration::from_millis(600), None));
    rig.tick(6_000);
    rig.reply(6_010, 0, SignalReply::Refused(refusal("just_started")));
    rig.signal(6_010, 1, 6, 1.0);
    let of_generators = |rig: &Rig| {
        let told = rig.told().into_iter();
        told.filter(|one| one.starts_with("tcp")).collect::<Vec<_>>()
    };
    rig.tick(6_332);
    assert_eq!(of_generators(&rig), [""; 0]);
    rig.tick(6_334);
    assert_eq!(of_generators(&rig), ["tcp://a:1 no_data"]);
    rig.tick(7_000);
    rig.signal(7_010, 0, 7, 1.0);
    assert_eq!(of_generators(&rig), [""; 0]);
    rig.signal(7_010, 1, 7, 1.0);
    rig.tick(8_000);
    rig.signal(8_010, 1, 8, 1.0);
    rig.tick(8_400);
    assert_eq!(of_generators(&rig), ["tcp://a:1 missing"]);
    rig.reply(8_500, 0, SignalReply::Refused(refusal("just_started")));
    rig.tick(9_000);
    assert_eq!(of_generators(&rig), ["tcp://a:1 missing"], "until it has a signal");
}

#[test]
fn a_generator_whose_clock_is_off_is_named_and_asked_again() {
    let mut rig = Rig::registered();
    let signal = SignalReply::Signal(Period::new(5), value(1.0));
    rig.reply_by(5_010, 5_900, 0, signal);
    rig.signal(5_010, 1, 5, 1.0);
    assert_eq!((rig.told(), rig.submits()), (vec!["tcp://a:1 clock_off".to_owned()], vec![]));
    rig.tick(5_100);
    rig.signal(5_110, 0, 5, 1.0);
    assert_eq!((rig.told().len(), rig.submits()), (0, vec![(5, 2.0)]));
}

#[test]
fn a_sum_that_overflows_is_no_decision() {
    let mut rig = Rig::registered();
    rig.signal(5_010, 0, 5, f64::MAX);
    rig.signal(5_010, 1, 5, f64::MAX);
    assert_eq!((rig.told(), rig.submits()), (vec!["X no_data".to_owned()], vec![]));
}

#[test]
fn somebody_else_may_decide_within_the_period() {
    let mut rig = Rig::new(Rule::External);
    rig.tick(5_000);
    rig.answer(5_000, TraderAnswer::Registered(Duration::from_secs(10), None));
    rig.signal(5_010, 0, 5, 1.0);
    rig.signal(5_010, 1, 5, 2.0);
    let wanted = StrategyEffect::Decide(Period::new(5), vec![value(1.0), value(2.0)]);
    assert!(rig.out.contains(&wanted));
    rig.tick(6_000);
    assert!(rig.told().contains(&"X no_data".to_owned()), "it took too long");
    rig.strategy.decided(at(6_001), Period::new(5), Ok(value(9.0)), &mut rig.out);
    assert_eq!(rig.submits(), []);
    rig.signal(6_010, 0, 6, 1.0);
    rig.signal(6_010, 1, 6, 2.0);
    rig.strategy.decided(at(6_020), Period::new(6), Err("exit status 1".into()), &mut rig.out);
    assert!(rig.strategy.own_problem().unwrap().reason.contains("exit status 1"));
    rig.tick(7_000);
    rig.signal(7_010, 0, 7, 1.0);
    rig.signal(7_010, 1, 7, 2.0);
    rig.strategy.decided(at(7_020), Period::new(7), Ok(value(9.0)), &mut rig.out);
    assert_eq!(rig.submits(), [(7, 9.0)]);
    assert_eq!(rig.strategy.own_problem(), None);
    rig.tick(8_000);
    rig.signal(8_010, 0, 8, 1.0);
    rig.signal(8_010, 1, 8, 2.0);
    rig.strategy.decided(at(8_020), Period::new(8), Err("exit status 1".into()), &mut rig.out);
    rig.tick(9_000);
    assert!(rig.strategy.own_problem().is_some());
    rig.tick(9_400);
    assert_eq!(rig.strategy.own_problem(), None, "now its generators are missing");
}

#[test]
fn a_name_that_is_taken_is_tried_for_two_leases_and_once_after_them() {
    let mut rig = Rig::new(Rule::Sum);
    let lease = Duration::from_millis(600);
    let taken = || TraderAnswer::Taken("X is taken".into(), lease);
    for millis in (5_000..8_000).step_by(50) {
        rig.tick(millis);
        let ended = rig.out.contains(&StrategyEffect::GiveUp("X is taken".into()));
        assert!(!ended || 6_200 < millis, "at {millis}");
        if !ended {
            rig.answer(millis, taken());
        }
    }
    assert!(rig.out.contains(&StrategyEffect::GiveUp("X is taken".into())));
    assert_eq!(rig.out.iter().filter(|one| matches!(one, StrategyEffect::Taken(_))).count(), 1);
}

#[test]
fn a_name_stays_taken_for_another_lease_after_a_silence_of_the_trader() {
    let mut rig = Rig::new(Rule::Sum);
    let taken = || TraderAnswer::Taken("X is taken".into(), Duration::from_millis(600));
    rig.tick(5_000);
    rig.answer(5_010, taken());
    (5_050..9_000).step_by(50).for_each(|millis| rig.tick(millis));
    // It was started again, and gives a lease to the run that crashed.
    rig.answer(9_010, taken());
    (9_050..9_600).step_by(50).for_each(|millis| {
        rig.tick(millis);
        rig.answer(millis, taken());
    });
    assert!(!rig.out.contains(&StrategyEffect::GiveUp("X is taken".into())));
    rig.tick(9_900);
    rig.answer(9_910, TraderAnswer::Registered(Duration::from_millis(600), None));
    assert!(rig.out.contains(&StrategyEffect::Registered));
}

#[test]
fn what_the_trader_forgot_is_told_again() {
    let mut rig = Rig::registered();
    rig.signal(5_010, 0, 5, 1.0);
    rig.signal(5_010, 1, 5, 1.0);
    rig.answer(5_020, TraderAnswer::Accepted(Period::new(5)));
    rig.tick(5_300);
    rig.answer(5_310, TraderAnswer::Registered(Duration::from_millis(600), Some(Period::new(5))));
    assert_eq!(rig.submits().len(), 1);
    rig.tick(5_600);
    rig.answer(5_610, TraderAnswer::Registered(Duration::from_millis(600), None));
    assert_eq!(rig.submits(), [(5, 2.0), (5, 2.0)]);
    rig.answer(5_620, TraderAnswer::Refused(refusal("not_registered")));
    rig.tick(5_621);
    rig.answer(5_630, TraderAnswer::Registered(Duration::from_millis(600), None));
    let told = rig.out.iter().filter(|one| matches!(one, StrategyEffect::Registered)).count();
    assert_eq!(told, 2);
    rig.tick(5_800);
    rig.answer(5_810, TraderAnswer::Accepted(Period::new(5)));
    let told = rig.out.iter().filter(|one| matches!(one, StrategyEffect::Submitted(..))).count();
    assert_eq!(told, 1, "said once");
}

#[test]
fn a_clean_stop_deregisters_and_waits_for_it_a_bounded_time() {
    let mut rig = Rig::registered();
    rig.strategy.stop(at(5_100), &mut rig.out);
    rig.answer(5_110, TraderAnswer::Deregistered);
    assert_eq!(rig.out.last(), Some(&StrategyEffect::Stopped));
    let mut rig = Rig::registered();
    rig.strategy.stop(at(5_100), &mut rig.out);
    rig.tick(10_099);
    assert!(matches!(rig.out.last(), Some(StrategyEffect::Deregister(_))));
    rig.tick(10_100);
    assert!(matches!(rig.out.last(), Some(StrategyEffect::GiveUp(_))));
    assert_eq!(rig.strategy.wake_at(), Steady::MAX);
    let mut rig = Rig::new(Rule::Sum);
    rig.strategy.stop(at(5_000), &mut rig.out);
    assert_eq!(rig.out, [StrategyEffect::Stopped], "it was never registered");
}

#[test]
fn a_clock_that_the_trader_refuses_is_told_once_and_until_it_is_right() {
    let mut rig = Rig::registered();
    for period in 5..8 {
        let start = period * 1_000;
        rig.tick(start);
        rig.signal(start + 1, 0, period, 1.0);
        rig.signal(start + 1, 1, period, 1.0);
        rig.answer(start + 2, TraderAnswer::Refused(refusal("clock_off")));
        assert!(rig.told().contains(&"X clock_off".to_owned()), "{:?}", rig.told());
    }
    let told = rig.out.iter().filter(|effect| match effect {
        StrategyEffect::Problems(problems) => problems.is_empty(),
        _ => false,
    });
    assert_eq!(told.count(), 0, "it was never well");
    rig.tick(7_500);
    rig.answer(7_510, TraderAnswer::Accepted(Period::new(7)));
    assert_eq!(rig.told(), [""; 0]);
    assert_eq!(rig.strategy.own_problem(), None);
}

#[test]
fn a_lease_that_is_none_or_endless_is_bounded() {
    for (lease, least, most) in [(Duration::ZERO, 50, 60), (Duration::MAX, 1_200_000, 1_200_000)] {
        let mut rig = Rig::new(Rule::Sum);
        rig.tick(5_000);
        rig.answer(5_000, TraderAnswer::Registered(lease, None));
        let due = rig.strategy.registering.wake_at() - at(5_000).steady;
        let millis = due.as_millis();
        assert!(least <= millis && millis <= most, "{lease:?}: {millis}");
    }
}

#[test]
fn a_generator_that_refuses_keeps_its_name() {
    let mut rig = Rig::registered();
    rig.signal(5_010, 0, 5, 1.0);
    rig.tick(6_000);
    let seq = rig.last(|effect| match effect {
        StrategyEffect::Ask(asked, seq, _) if asked.index() == 0 => Some(*seq),
        _ => None,
    });
    let reply = SignalReply::Refused(refusal("no_signal"));
    let (received, replied) = (at(6_000).unix, at(6_000).unix);
    let answer = GeneratorAnswer { seq, received, replied, name: String::new(), reply };
    rig.strategy.signal_reply(at(6_000), GeneratorIndex::new(0), answer, &mut rig.out);
    assert_eq!(rig.strategy.reports()[0].name, "g0");
    assert_eq!(rig.told()[0], "tcp://a:1 no_data");
}

/// How many requests it sends to a trader in a second, where each is replied to at once, in turn
/// with these replies.
fn requests_in_a_second(answers: &[TraderAnswer]) -> usize {
    let mut rig = Rig::new(Rule::Sum);
    let is_request = |effect: &&StrategyEffect| {
        matches!(effect, StrategyEffect::Register(_) | StrategyEffect::Submit(..))
    };
    rig.tick(5_000);
    rig.signal(5_000, 0, 5, 1.0);
    rig.signal(5_000, 1, 5, 1.0);
    let (mut now, mut replied, mut turns) = (at(5_000), 0, 0);
    while now.unix < at(6_000).unix {
        rig.strategy.tick(now, &mut rig.out);
        turns += 1;
        assert!(turns < 1_000, "it never rests");
        while replied < rig.out.iter().filter(is_request).count() {
            let seq = match rig.out.iter().filter(is_request).nth(replied).unwrap() {
                StrategyEffect::Register(seq) | StrategyEffect::Submit(seq, ..) => *seq,
                _ => unreachable!("it is a request"),
            };
            let answer = answers[replied % answers.len()].clone();
            rig.strategy.trader_reply(now, seq, answer, &mut rig.out);
            replied += 1;
            assert!(replied < 1_000, "a storm");
        }
        let next = rig.strategy.wake_at().max(now.steady + Duration::from_nanos(1));
        now = Now { unix: now.unix + (next - now.steady), steady: next };
    }
    replied
}

#[test]
fn whatever_the_trader_replies_there_is_a_pause_between_two_requests() {
    let refused = |code| TraderAnswer::Refused(refusal(code));
    let registered = || TraderAnswer::Registered(Duration::from_secs(1), None);
    let taken = || TraderAnswer::Taken("X is taken".into(), Duration::from_secs(1));
    for code in ["not_registered", "name_taken", "busy", "clock_off", "too_many_strategies"] {
        let refusals = requests_in_a_second(&[refused(code)]);
        assert!(refusals < 12, "{code}: {refusals}");
        for other in [registered(), taken()] {
            let mixed = requests_in_a_second(&[other.clone(), refused(code)]);
            assert!(mixed < 110, "{other:?} and {code}: {mixed}");
        }
    }
}
