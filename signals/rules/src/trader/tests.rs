//! Tests of a trader, one input after the other.

use super::*;
use crate::{ProblemKind, Steady};

const PERIOD: u64 = 1_000;

fn at(millis: u64) -> Now {
    Now { unix: Unix::new(millis * 1_000_000), steady: Steady::new(millis * 1_000_000) }
}

fn name(text: &str) -> ComponentName {
    ComponentName::new(text.as_bytes()).unwrap()
}

fn value(number: f64) -> Value {
    Value::new(number).unwrap()
}

/// A trader with periods of a second and leases of 600 ms, and what it did.
struct Rig {
    trader: Trader,
    out: Vec<TraderEffect>,
}

impl Rig {
    fn new() -> Self {
        let schedule = Schedule::new(Duration::from_millis(PERIOD)).unwrap();
        let settings = TraderSettings { schedule, lease: Duration::from_millis(600) };
        Self { trader: Trader::new(settings, at(4_500), []), out: Vec::new() }
    }

    /// The code of the last reply; the tick that is due with it.
    fn code(&mut self, millis: u64) -> &'static str {
        self.tick(millis);
        let reply = self.out.iter().rev().find_map(|effect| match effect {
            TraderEffect::Reply(_, reply) => Some(reply.clone()),
            _ => None,
        });
        match reply.unwrap() {
            TraderReply::Registered(..) => "registered",
            TraderReply::Taken(..) => "name_taken",
            TraderReply::Accepted(_, false) => "accepted",
            TraderReply::Accepted(_, true) => "repeated",
            TraderReply::Deregistered(_) => "deregistered",
            TraderReply::Rejected(reject) => reject.code(),
        }
    }

    fn register(&mut self, millis: u64, who: &str, instance: u64) -> &'static str {
        self.register_by(millis, millis, who, instance)
    }

    /// Registers one in period 4, which owes a decision of period 5.
    fn register_before(&mut self, who: &str) {
        assert_eq!(self.register(4_900, who, 1), "registered");
        assert_eq!(self.register(5_000, who, 1), "registered");
    }

    fn request(&self, clock: u64, who: &str, instance: u64) -> RegisterRequest {
        RegisterRequest {
            name: name(who),
            instance: Incarnation::new(instance),
            length: self.trader.settings.schedule.length(),
            time: at(clock).unix,
            problem: None,
            reports: Vec::new(),
        }
    }

    fn register_by(&mut self, millis: u64, clock: u64, who: &str, instance: u64) -> &'static str {
        let request = self.request(clock, who, instance);
        self.trader.register(at(millis), Ticket::new(1), request, &mut self.out);
        self.code(millis)
    }

    fn decide(&mut self, millis: u64, who: &str, period: u64, number: f64) -> &'static str {
        self.decide_as(millis, who, 1, period, number)
    }

    fn decide_as(
        &mut self,
        millis: u64,
        who: &str,
        instance: u64,
        period: u64,
        number: f64,
    ) -> &'static str {
        let decision = Decision {
            name: name(who),
            instance: Incarnation::new(instance),
            period: Period::new(period),
            length: Duration::from_millis(PERIOD),
            time: at(millis).unix,
            value: value(number),
        };
        self.trader.decide(at(millis), Ticket::new(2), decision, &mut self.out);
        self.code(millis)
    }

    fn deregister(&mut self, millis: u64, who: &str, instance: Option<u64>) -> &'static str {
        let instance = instance.map(Incarnation::new);
        let request = Deregistration { name: name(who), instance };
        self.trader.deregister(at(millis), Ticket::new(3), request, &mut self.out);
        self.code(millis)
    }

    fn tick(&mut self, millis: u64) {
        self.trader.tick(at(millis), &mut self.out);
    }

    fn medians(&self) -> Vec<(u64, f64)> {
        let medians = self.out.iter().filter_map(|effect| match effect {
            TraderEffect::Median(median) => Some((median.period.get(), median.value.get())),
            _ => None,
        });
        medians.collect()
    }

    /// What was told last: component and kind.
    fn told(&self) -> Vec<String> {
        let told = self.out.iter().rev().find_map(|effect| match effect {
            TraderEffect::Problems(problems) => Some(problems.clone()),
            _ => None,
        });
        let problems = told.unwrap_or_default();
        problems.iter().map(|one| format!("{} {}", one.component, one.problem.kind)).collect()
    }
}

#[test]
fn the_median_comes_with_the_last_decision_and_once() {
    let mut rig = Rig::new();
    assert_eq!(rig.register(5_000, "X", 1), "registered");
    assert_eq!(rig.register(5_000, "Y", 1), "registered");
    assert_eq!(rig.decide(5_100, "X", 5, 0.5), "accepted");
    assert_eq!(rig.medians(), []);
    assert_eq!(rig.decide(5_110, "X", 5, 0.5), "repeated");
    assert_eq!(rig.decide(5_120, "X", 5, 0.75), "already_decided");
    assert_eq!(rig.decide(5_200, "Y", 5, 1.0), "accepted");
    assert_eq!(rig.medians(), [(5, 0.75)]);
    assert_eq!(rig.decide(5_300, "Y", 5, 1.0), "repeated");
    assert_eq!(rig.register(5_300, "Z", 1), "registered");
    assert_eq!(rig.decide(5_300, "Z", 5, 9.0), "accepted");
    assert_eq!(rig.medians().len(), 1);
    let place = |wanted: fn(&TraderEffect) -> bool| rig.out.iter().position(wanted).unwrap();
    let recorded = place(|one| matches!(one, TraderEffect::Record(Record::Median(_))));
    assert!(recorded < place(|one| matches!(one, TraderEffect::Median(_))));
}

#[test]
fn a_decision_of_another_time_or_of_nobody_is_refused() {
    let mut rig = Rig::new();
    assert_eq!(rig.decide(5_000, "X", 5, 0.5), "not_registered");
    rig.register(5_000, "X", 1);
    assert_eq!(rig.decide_as(5_000, "X", 2, 5, 0.5), "name_taken");
    assert_eq!(rig.decide(5_000, "X", 4, 0.5), "stale");
    assert_eq!(rig.decide(5_000, "X", 6, 0.5), "too_early");
    assert_eq!(rig.decide(5_999, "X", 5, 0.5), "accepted");
    assert_eq!(rig.decide(6_000, "X", 5, 0.5), "stale");
    assert_eq!(rig.medians(), [(5, 0.5)]);
}

#[test]
fn nobody_registered_is_no_median_and_a_problem_from_the_deadline_on() {
    let mut rig = Rig::new();
    rig.tick(5_000);
    assert_eq!(rig.told(), [""; 0], "parts may be started in any order");
    rig.tick(5_500);
    assert_eq!(rig.told(), ["trader no_strategies"]);
    rig.register(5_501, "X", 1);
    assert_eq!(rig.told(), [""; 0]);
    rig.deregister(5_502, "X", None);
    rig.tick(6_499);
    assert_eq!(rig.told(), [""; 0]);
    rig.tick(6_500);
    assert_eq!(rig.told(), ["trader no_strategies"]);
}

#[test]
fn a_trader_that_starts_just_before_a_deadline_waits_for_the_next() {
    let mut rig = Rig::new();
    rig.tick(5_400);
    rig.tick(5_500);
    assert_eq!(rig.told(), [""; 0]);
    rig.tick(6_500);
    assert_eq!(rig.told(), ["trader no_strategies"]);
}

#[test]
fn who_is_missing_is_named_at_the_deadline_once_and_healed_by_its_decision() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.register(5_000, "Y", 1);
    rig.decide(5_100, "X", 5, 0.5);
    rig.register(5_400, "Y", 1);
    rig.register(5_400, "X", 1);
    rig.tick(5_499);
    assert_eq!(rig.told(), [""; 0]);
    rig.tick(5_500);
    assert_eq!(rig.told(), ["Y missing"]);
    let count = rig.out.len();
    rig.tick(5_600);
    assert_eq!(rig.out.len(), count, "told once");
    assert_eq!(rig.decide(5_900, "Y", 5, 1.5), "accepted");
    assert_eq!(rig.medians(), [(5, 1.0)], "before the period ends it counts");
    assert_eq!(rig.told(), [""; 0]);
}

#[test]
fn one_that_is_new_after_the_deadline_is_not_missing_before_the_next() {
    let mut rig = Rig::new();
    rig.register_before("X");
    rig.tick(5_500);
    rig.register(5_510, "Y", 1);
    assert_eq!(rig.told(), ["X missing"]);
    rig.decide(5_520, "X", 5, 0.5);
    assert_eq!((rig.told().len(), rig.medians()), (0, vec![]), "the median waits for it");
    rig.register(5_900, "X", 1);
    rig.register(5_900, "Y", 1);
    rig.decide(6_100, "X", 6, 0.5);
    rig.register(6_400, "Y", 1);
    rig.tick(6_500);
    assert_eq!(rig.told(), ["Y missing"]);
}

#[test]
fn parts_that_are_started_together_owe_nothing_of_the_period_they_start_in() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.register(5_100, "Y", 1);
    rig.tick(5_500);
    assert_eq!(rig.told(), [""; 0]);
    assert_eq!(rig.register(5_550, "X", 1), "registered");
    rig.register(5_550, "Y", 1);
    assert_eq!(rig.told(), [""; 0]);
    rig.register(6_100, "X", 1);
    rig.register(6_100, "Y", 1);
    rig.tick(6_499);
    assert_eq!(rig.told(), [""; 0]);
    rig.tick(6_500);
    assert_eq!(rig.told(), ["X missing", "Y missing"]);
}

#[test]
fn a_trader_that_comes_back_names_nobody_in_the_period_that_it_starts_in() {
    let mut rig = Rig::new();
    rig.register_before("X");
    let settings = *rig.trader.settings();
    let records: Vec<_> = rig.trader.records().collect();
    rig.trader = Trader::new(settings, at(7_100), records);
    rig.out.clear();
    rig.tick(7_100);
    rig.tick(7_500);
    rig.register(7_600, "X", 1);
    assert_eq!(rig.told(), [""; 0]);
    rig.register(8_100, "X", 1);
    rig.tick(8_500);
    assert_eq!(rig.told(), ["X missing"]);
}

#[test]
fn who_is_new_after_the_median_is_not_missing_in_that_period() {
    let mut rig = Rig::new();
    rig.register_before("X");
    rig.register_before("Y");
    rig.decide(5_100, "X", 5, 0.5);
    rig.decide(5_100, "Y", 5, 0.5);
    assert_eq!(rig.medians(), [(5, 0.5)]);
    rig.deregister(5_200, "X", Some(1));
    rig.register(5_210, "X", 2);
    rig.register(5_210, "Y", 1);
    rig.tick(5_500);
    assert_eq!(rig.told(), [""; 0]);
    rig.register(5_700, "X", 2);
    rig.register(5_700, "Y", 1);
    rig.register(6_200, "X", 2);
    rig.decide(6_200, "Y", 6, 0.5);
    rig.tick(6_500);
    assert_eq!(rig.told(), ["X missing"]);
}

#[test]
fn one_that_is_new_is_named_where_it_holds_up_another() {
    let mut rig = Rig::new();
    rig.register_before("X");
    rig.register(5_100, "Y", 1);
    rig.decide(5_110, "X", 5, 0.5);
    rig.tick(5_500);
    assert_eq!(rig.told(), ["Y missing"], "or nobody knew why there is no median");
}

#[test]
fn a_lease_that_has_run_out_is_an_error_and_frees_the_name_for_another_instance() {
    let mut rig = Rig::new();
    rig.register_before("X");
    assert_eq!(rig.register(5_599, "X", 2), "name_taken");
    rig.tick(5_600);
    assert_eq!(rig.told(), ["X away"]);
    assert_eq!(rig.register(5_601, "X", 2), "registered");
    assert_eq!(rig.told(), ["X missing"], "back, and overdue");
    assert_eq!(rig.decide(5_602, "X", 5, 1.0), "name_taken", "the instance before");
    assert_eq!(rig.decide_as(5_602, "X", 2, 5, 1.0), "accepted");
    assert_eq!(rig.told(), [""; 0]);
}

#[test]
fn every_message_renews_the_lease_and_the_same_instance_may_come_back() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.decide(5_500, "X", 5, 1.0);
    assert_eq!(rig.register(6_050, "X", 2), "name_taken");
    rig.tick(6_200);
    assert_eq!(rig.told(), ["X away"]);
    assert_eq!(rig.register(6_300, "X", 1), "registered");
    assert_eq!(rig.told(), [""; 0]);
    assert_eq!(rig.decide(6_310, "X", 6, 1.0), "accepted");
    assert_eq!(rig.trader.wake_at(), at(6_500).steady);
    rig.tick(6_910);
    assert_eq!(rig.told(), ["X away"], "each time anew");
}

#[test]
fn a_clock_that_is_off_is_named_and_its_data_refused_until_it_is_right() {
    let mut rig = Rig::new();
    assert_eq!(rig.register_by(5_000, 5_251, "X", 1), "clock_off");
    assert_eq!(rig.register_by(5_000, 5_250, "X", 1), "registered");
    assert_eq!(rig.register_by(5_300, 4_000, "X", 1), "clock_off");
    assert_eq!(rig.told(), ["X clock_off"]);
    let reason = rig.trader.problems()[0].problem.reason.clone();
    let expected = "its clock is 1300 ms behind, and 250 ms are tolerated; run NTP on its machine";
    assert_eq!(reason, expected);
    assert_eq!(rig.register(5_801, "X", 2), "name_taken", "it is alive");
    assert_eq!(rig.decide(5_850, "X", 5, 1.0), "accepted");
    assert_eq!(rig.told(), [""; 0]);
}

#[test]
fn deregistering_lets_the_others_go_on() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.register(5_000, "Y", 1);
    rig.decide(5_100, "X", 5, 0.5);
    assert_eq!(rig.deregister(5_150, "Y", Some(2)), "name_taken");
    assert_eq!(rig.deregister(5_200, "Y", None), "deregistered");
    assert_eq!(rig.medians(), [(5, 0.5)]);
    assert_eq!(rig.deregister(5_200, "Y", None), "not_registered");
    assert_eq!(rig.deregister(5_200, "X", Some(1)), "deregistered");
}

#[test]
fn a_restart_keeps_who_is_registered_and_never_publishes_a_period_again() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.register(5_000, "Y", 7);
    rig.decide(5_100, "X", 5, 0.5);
    rig.deregister(5_200, "Y", None);
    assert_eq!(rig.medians(), [(5, 0.5)]);
    let journal: Vec<Record> = rig
        .out
        .iter()
        .filter_map(|effect| match effect {
            TraderEffect::Record(record) => Some(record.clone()),
            _ => None,
        })
        .collect();
    for records in [journal, rig.trader.records().collect()] {
        let trader = Trader::new(*rig.trader.settings(), at(5_300), records);
        let mut again = Rig { trader, out: Vec::new() };
        assert_eq!(again.register(5_310, "X", 2), "name_taken", "a lease of its own");
        assert_eq!(again.decide(5_320, "X", 5, 0.75), "accepted");
        assert_eq!(again.medians(), []);
        again.register(6_000, "X", 1);
        again.decide(6_001, "X", 6, 0.75);
        assert_eq!(again.medians(), [(6, 0.75)]);
    }
}

#[test]
fn a_strategy_tells_of_its_generators_and_of_itself() {
    let mut rig = Rig::new();
    rig.register_before("X");
    let problem = |kind| Some(Problem::new(kind, at(5_000).unix, "why"));
    let report = ComponentReport {
        name: "g1".into(),
        address: "tcp://127.0.0.1:1001".into(),
        last: None,
        problem: problem(ProblemKind::Missing),
    };
    let request = RegisterRequest {
        name: name("X"),
        instance: Incarnation::new(1),
        length: Duration::from_millis(PERIOD),
        time: at(5_000).unix,
        problem: problem(ProblemKind::NoData),
        reports: vec![report; limits::GENERATORS_MAX + 5],
    };
    rig.trader.register(at(5_000), Ticket::new(1), request, &mut rig.out);
    assert_eq!(rig.trader.wake_at(), at(5_000).steady, "there is something to tell");
    rig.tick(5_000);
    assert_eq!(rig.told().len(), limits::GENERATORS_MAX + 1, "bounded");
    assert_eq!(rig.told()[..2], ["X no_data", "tcp://127.0.0.1:1001 missing"]);
    assert_eq!(rig.trader.problems()[1].strategy.as_deref(), Some("X"));
    rig.tick(5_600);
    assert_eq!(rig.told(), ["X away"]);
    rig.register(5_601, "X", 1);
    assert_eq!(rig.told(), ["X missing"]);
}

#[test]
fn what_a_strategy_says_of_itself_stands_when_it_is_missing() {
    let mut rig = Rig::new();
    rig.register_before("Y");
    let mut request = rig.request(5_000, "X", 1);
    request.problem = Some(Problem::new(ProblemKind::NoData, at(5_000).unix, "it wrote NaN"));
    rig.trader.register(at(5_000), Ticket::new(1), request, &mut rig.out);
    rig.tick(5_000);
    rig.tick(5_500);
    assert_eq!(rig.told(), ["X no_data", "Y missing"]);
    assert_eq!(rig.trader.problems()[0].problem.reason, "it wrote NaN");
    rig.register(5_550, "X", 1);
    assert_eq!(rig.told(), ["X missing", "Y missing"]);
}

#[test]
fn a_strategy_of_another_period_is_named_until_it_is_silent_or_right() {
    let mut rig = Rig::new();
    let try_on = |rig: &mut Rig, millis: u64, who: &str| {
        let mut request = rig.request(millis, who, 1);
        request.length = Duration::from_secs(3);
        rig.trader.register(at(millis), Ticket::new(1), request, &mut rig.out);
        rig.code(millis)
    };
    rig.register(5_000, "X", 1);
    assert_eq!(try_on(&mut rig, 5_010, "Y"), "period_mismatch");
    assert_eq!(rig.told(), ["Y refused"]);
    let reason = rig.trader.problems()[0].problem.reason.clone();
    let expected = "the period of the trader is 1s, and that of the strategy is 3s; start both \
                    with the same --period";
    assert_eq!(reason, expected);
    let count = rig.out.len();
    try_on(&mut rig, 5_020, "Y");
    assert_eq!(rig.out.len(), count + 1, "only the reply: told once");
    assert_eq!(rig.register(5_030, "Y", 2), "registered");
    assert_eq!(rig.told(), [""; 0]);
    try_on(&mut rig, 5_700, "Y");
    rig.tick(5_701);
    assert_eq!(rig.told(), ["X away", "Y refused"], "not away: it is there");
    rig.tick(9_000);
    assert_eq!(rig.told(), ["X away", "Y away"]);
    for number in 0..2 * limits::MISMATCHES_MAX {
        try_on(&mut rig, 9_000, &format!("s{number}"));
    }
    assert_eq!(rig.told().len(), limits::MISMATCHES_MAX + 2, "bounded");
}

#[test]
fn there_is_room_for_so_many_strategies() {
    let mut rig = Rig::new();
    for at in 0..limits::STRATEGIES_MAX {
        rig.register(5_000, &format!("s{at}"), 1);
        rig.out.clear();
    }
    assert_eq!(rig.register(5_000, "one-more", 1), "too_many_strategies");
}

#[test]
fn it_wakes_for_the_deadline_the_leases_and_the_next_period() {
    let mut rig = Rig::new();
    rig.tick(5_400);
    assert_eq!(rig.trader.wake_at(), at(5_500).steady);
    rig.tick(5_900);
    assert_eq!(rig.trader.wake_at(), at(6_000).steady);
    rig.register(6_010, "X", 1);
    rig.tick(6_510);
    assert_eq!(rig.trader.wake_at(), at(6_610).steady);
}

#[test]
fn a_trader_that_remembers_nobody_waits_for_those_who_were_registered() {
    let mut rig = Rig::new();
    rig.trader = Trader::without_memory(*rig.trader.settings(), at(5_500), []);
    rig.register(5_510, "X", 1);
    assert_eq!(rig.decide(5_520, "X", 5, 0.5), "accepted");
    assert_eq!(rig.decide(6_010, "X", 6, 0.5), "accepted", "its period is over, its lease is not");
    rig.tick(6_099);
    assert_eq!(rig.medians(), []);
    assert_eq!(rig.told(), ["trader starting"], "it says why there is none");
    assert_eq!(rig.register(6_099, "Y", 1), "registered");
    assert_eq!(rig.decide(6_200, "Y", 6, 1.5), "accepted");
    assert_eq!(rig.medians(), [(6, 1.0)]);
    rig.tick(6_210);
    assert_eq!(rig.told(), [""; 0]);
    rig.trader = Trader::without_memory(*rig.trader.settings(), at(7_900), []);
    rig.register(7_910, "X", 1);
    rig.decide(8_010, "X", 8, 0.5);
    assert_eq!(rig.medians(), [(6, 1.0)]);
    rig.tick(8_500);
    assert_eq!(rig.medians(), [(6, 1.0), (8, 0.5)]);
}

#[test]
fn a_trader_without_memory_waits_for_both_of_its_clocks() {
    let mut rig = Rig::new();
    rig.trader = Trader::without_memory(*rig.trader.settings(), at(5_500), []);
    rig.register(5_510, "X", 1);
    assert_eq!(rig.decide(5_520, "X", 5, 0.5), "accepted");
    // The wall clock is a little behind, and the period is still the one that it started in.
    rig.trader.tick(Now { unix: at(5_999).unix, ..at(6_300) }, &mut rig.out);
    assert_eq!(rig.medians(), []);
    rig.tick(6_310);
    rig.decide(6_320, "X", 6, 0.5);
    assert_eq!(rig.medians(), [(6, 0.5)]);
}

#[test]
fn a_clock_that_is_set_back_behind_a_median_is_told() {
    let mut rig = Rig::new();
    rig.register(9_000, "X", 1);
    rig.decide(9_100, "X", 9, 0.5);
    assert_eq!(rig.medians(), [(9, 0.5)]);
    rig.decide(8_200, "X", 8, 0.75);
    assert_eq!(rig.told(), ["trader clock_off"]);
    rig.register(9_300, "X", 1);
    assert_eq!(rig.told(), [""; 0]);
    rig.decide(9_400, "X", 9, 0.25);
    assert_eq!(rig.medians(), [(9, 0.5)]);
    rig.decide(10_000, "X", 10, 0.25);
    assert_eq!(rig.medians(), [(9, 0.5), (10, 0.25)]);
}

impl Rig {
    fn records(&self) -> Vec<Record> {
        let records = self.out.iter().filter_map(|effect| match effect {
            TraderEffect::Record(record) => Some(record.clone()),
            _ => None,
        });
        records.collect()
    }

    fn order_to(&mut self, target: &str) -> Vec<u64> {
        let target = Some(OrderTarget::new(target));
        let dropped = self.trader.order_to(at(5_000), target, &mut self.out);
        dropped.into_iter().map(Period::get).collect()
    }

    fn owed(&self) -> Vec<u64> {
        self.trader.owed().map(|median| median.period.get()).collect()
    }
}

#[test]
fn a_median_is_owed_to_the_target_of_its_time_until_its_order_has_ended() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.decide(5_100, "X", 5, 0.5);
    assert_eq!(rig.order_to("A"), []);
    assert_eq!(rig.owed(), [], "a median of before has no order");
    rig.decide(6_100, "X", 6, 0.5);
    rig.decide(7_100, "X", 7, 0.5);
    rig.decide(8_100, "X", 8, 0.5);
    rig.trader.end_order(at(8_200), Period::new(8), OrderEnd::Replied, &mut rig.out);
    assert_eq!(rig.owed(), [6, 7]);
    let settings = *rig.trader.settings();
    let compact: Vec<_> = rig.trader.records().collect();
    for records in [rig.records(), compact] {
        let mut after = Rig { trader: Trader::new(settings, at(9_000), records), out: Vec::new() };
        assert_eq!(after.trader.last().map(|last| last.period.get()), Some(8));
        assert_eq!(after.order_to("A"), []);
        assert_eq!(after.owed(), [6, 7]);
        assert_eq!(after.order_to("B"), [6, 7], "named, because they are not sent");
        assert_eq!(after.owed(), [], "no order of a new target");
    }
}

#[test]
fn no_median_is_made_while_it_is_held() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.trader.hold(at(5_050), true);
    rig.decide(5_100, "X", 5, 0.5);
    rig.decide(6_100, "X", 6, 0.75);
    assert_eq!(rig.medians(), []);
    rig.trader.hold(at(6_200), false);
    assert!(rig.trader.wake_at() <= at(6_200).steady);
    rig.tick(6_200);
    assert_eq!(rig.medians(), [(6, 0.75)]);
}

#[test]
fn what_waited_for_a_trader_that_did_not_run_is_nobodys_fault() {
    let mut rig = Rig::new();
    rig.register(5_000, "X", 1);
    rig.trader.resume(at(8_000));
    assert_eq!(rig.register_by(8_000, 5_100, "X", 1), "registered");
    assert_eq!(rig.told(), [""; 0]);
    rig.trader.caught_up();
    assert_eq!(rig.register_by(8_100, 5_200, "X", 1), "clock_off");
}
