//! Tampering: each way in which outcomes could be wrong, and the mismatch that is found.

use std::num::NonZeroU64;

use allot_desk_rules::{
    Answer, CashShortage, Cents, CommandName, DeskConfig, Firing, Input, Outcome, Outcomes, Reject,
    Shares, Summary, Told, Trade,
};
use allot_domain::{Reject as Core, SourceId};

use crate::pair::Pair;
use crate::script::{Script, symbol, user};

/// What is done to the outcomes of the last line.
type Tamper = fn(&mut Outcomes);

const CONFIG: DeskConfig = DeskConfig { history: 10, names: 20, keeps_log: true };

/// All inputs of a script.
fn inputs(script: &str) -> Vec<Input> {
    let mut all = Vec::new();
    let mut given = Script::new(CONFIG);
    for line in script.split("; ") {
        all.push(given.input(line).expect("a line that can be read"));
    }
    all
}

/// Without the tampering the auditor agrees with the last line; with it, it finds the mismatch.
#[track_caller]
fn check(script: &str, tamper: Tamper, expected: &str) {
    let mut pair = Pair::new(CONFIG);
    let all = inputs(script);
    let (last, all) = all.split_last().unwrap();
    all.iter().for_each(|input| pair.apply(input).unwrap());
    pair.clone().apply(last).unwrap();
    let fault = pair.apply_tampered(last, tamper).expect_err(script);
    let mismatch = fault.mismatch.to_string();
    assert!(mismatch.starts_with(expected), "{script}: {mismatch}");
}

fn told(outcome: &mut Outcome) -> &mut Told {
    match outcome {
        Outcome::Answered { told, .. }
        | Outcome::Awaiting { told, .. }
        | Outcome::Rejected { told, .. } => told,
        other => panic!("it is of no command: {other:?}"),
    }
}

fn answer(outcomes: &mut Outcomes) -> &mut Answer {
    match outcomes.list.iter_mut().rfind(|one| !matches!(one, Outcome::Due(_))) {
        Some(Outcome::Answered { answer, .. }) => answer,
        other => panic!("it is no answer: {other:?}"),
    }
}

fn trade(outcomes: &mut Outcomes) -> &mut Trade {
    match answer(outcomes) {
        Answer::Pending { trade, .. } | Answer::Committed(trade) | Answer::Cancelled(trade) => {
            trade
        }
        other => panic!("it is no trade: {other:?}"),
    }
}

fn firing(outcomes: &mut Outcomes) -> &mut Firing {
    match outcomes.list.last_mut() {
        Some(Outcome::Fired(firing)) => firing,
        other => panic!("it did not fire: {other:?}"),
    }
}

fn summary(outcomes: &mut Outcomes) -> &mut Summary {
    match answer(outcomes) {
        Answer::Summary(summary) => summary,
        other => panic!("it is no summary: {other:?}"),
    }
}

/// Puts a rejection in place of the last outcome.
fn reject(outcomes: &mut Outcomes, reject: impl Into<Reject>) {
    let mut last = outcomes.list.pop().unwrap();
    let (told, reject) = (told(&mut last).clone(), reject.into());
    outcomes.list.push(Outcome::Rejected { told, reject });
}

const WRONG: &str = "outcome 1 is";
const MONEY: &str = "ADD,u,100; quote A 10";

fn after(lines: &str) -> String {
    format!("{MONEY}; {lines}")
}

#[test]
fn an_outcome_that_is_missing_or_too_many() {
    check("ADD,u,1", |all| all.list.clear(), "an outcome is missing: Answered");
    check("ADD,u,1", |all| all.list.push(all.list[0].clone()), "an outcome too many: Answered");
    let twice: Tamper = |all| all.list.push(all.list[0].clone());
    check("mark; ADD,u,1; QUOTE,u,A; again QUOTE,u,A", twice, "an outcome too many: Awaiting");
}

#[test]
fn whose_it_is_and_of_what() {
    let at = |tamper: Tamper| check("at 5 ADD,u,1", tamper, WRONG);
    at(|all| told(&mut all.list[0]).user = Some(user("v")));
    at(|all| told(&mut all.list[0]).origin.source = SourceId::new(b"x").unwrap());
    at(|all| told(&mut all.list[0]).origin.id = allot_domain::Seq::new(9).into());
    at(|all| told(&mut all.list[0]).origin.time_ns += 1);
    at(|all| told(&mut all.list[0]).origin.duplicate = true);
    at(|all| told(&mut all.list[0]).transaction = NonZeroU64::new(1));
    at(|all| told(&mut all.list[0]).command = allot_desk_rules::Command::CommitBuy);
    at(|all| told(&mut all.list[0]).at_ns += 1);
    at(|all| told(&mut all.list[0]).late = true);
}

#[test]
fn the_cash_after_an_addition() {
    check("ADD,u,1", |all| *answer(all) = Answer::Added { cash: Cents::new(99) }, WRONG);
}

#[test]
fn a_price_or_its_validity() {
    let script = after("at 5 QUOTE,u,A");
    let price = |all: &mut Outcomes| {
        if let Answer::Quoted { price, .. } = answer(all) {
            *price = Cents::new(1_001);
        }
    };
    check(&script, price, WRONG);
    let until = |all: &mut Outcomes| {
        if let Answer::Quoted { until_ns, .. } = answer(all) {
            *until_ns += 1;
        }
    };
    check(&script, until, WRONG);
}

#[test]
fn the_trade_of_an_order() {
    let script = after("BUY,u,A,35");
    check(&script, |all| trade(all).shares = Shares::new(4), WRONG);
    check(&script, |all| trade(all).price = Cents::new(999), WRONG);
    check(&script, |all| trade(all).symbol = symbol("B"), WRONG);
    check(&script, |all| trade(all).side = allot_domain::Side::Sell, WRONG);
    let until = |all: &mut Outcomes| {
        if let Answer::Pending { until_ns, .. } = answer(all) {
            *until_ns -= 1;
        }
    };
    check(&script, until, WRONG);
}

#[test]
fn the_first_order_is_committed_in_place_of_the_last() {
    let script = after("BUY,u,A,30; BUY,u,A,20; COMMIT_BUY,u");
    check(&script, |all| trade(all).shares = Shares::new(3), WRONG);
    let script = after("BUY,u,A,30; BUY,u,A,20; CANCEL_BUY,u");
    check(&script, |all| trade(all).shares = Shares::new(3), WRONG);
}

#[test]
fn what_is_refused_is_applied_or_the_reverse() {
    let script = after("BUY,u,A,30; COMMIT_BUY,u");
    check(&script, |all| reject(all, Reject::NoPendingBuy), WRONG);
    let applied = |all: &mut Outcomes| {
        let told = told(&mut all.list[0]).clone();
        let answer = Answer::Added { cash: Cents::new(1) };
        all.list[0] = Outcome::Answered { told, answer };
    };
    check("ADD,u,1; COMMIT_BUY,u", applied, WRONG);
}

#[test]
fn a_rejection_gives_another_reason() {
    check("COMMIT_BUY,u", |all| reject(all, Reject::NoPendingBuy), WRONG);
    let shortage = |all: &mut Outcomes| {
        let (needs, free) = (Cents::new(500), Cents::new(200));
        let shortage = CashShortage { command: CommandName::Buy, needs, free };
        reject(all, Reject::InsufficientCash(shortage));
    };
    check("ADD,u,1; BUY,u,A,5", shortage, WRONG);
    check("ADD,u,1; again ADD,u,2", |all| reject(all, Core::Busy), WRONG);
}

#[test]
fn an_order_expires_late_or_never() {
    let script = "at 0 ADD,u,100; at 0 quote A 10; at 0 BUY,u,A,30; at 1 BUY,u,A,20; at 70 mark";
    check(script, |all| all.list.clear(), "an outcome is missing: Expired");
    check(script, |all| all.list.swap(0, 1), WRONG);
    let late = |all: &mut Outcomes| {
        if let Outcome::Expired { at_ns, .. } = &mut all.list[0] {
            *at_ns += 1;
        }
    };
    check(script, late, WRONG);
    let early = "at 0 ADD,u,100; at 0 quote A 10; at 0 BUY,u,A,30; at 59 mark";
    let expired = |all: &mut Outcomes| {
        let (side, symbol) = (allot_domain::Side::Buy, symbol("A"));
        let (shares, price) = (Shares::new(3), Cents::new(1_000));
        let trade = Trade { side, symbol, shares, price };
        all.list.push(Outcome::Expired { user: user("u"), transaction: None, trade, at_ns: 0 });
    };
    check(early, expired, "an outcome too many: Expired");
}

#[test]
fn a_command_does_not_wait_or_waits_for_another_quote() {
    let waits = "ADD,u,100; QUOTE,u,A";
    let refused = |all: &mut Outcomes| {
        let wishes = all.list.split_off(1);
        reject(all, Reject::NoQuote(symbol("A")));
        all.list.extend(wishes);
    };
    check(waits, refused, WRONG);
    let other = |all: &mut Outcomes| {
        if let Outcome::Awaiting { symbol: of, .. } = &mut all.list[0] {
            *of = symbol("B");
        }
    };
    check(waits, other, WRONG);
}

#[test]
fn a_quote_is_wanted_twice_or_never_or_by_another() {
    let script = "ADD,u,100; QUOTE,u,A";
    check(script, |all| all.list.truncate(1), "an outcome is missing: Wanted");
    check(script, |all| all.list.push(all.list[1].clone()), "an outcome too many: Wanted");
    let other = |all: &mut Outcomes| {
        if let Outcome::Wanted(wanted) = &mut all.list[1] {
            wanted.user = user("v");
        }
    };
    check(script, other, "outcome 2 is");
    let refresh = "at 0 ADD,u,100; at 0 quote A 10; at 0 SET_BUY_AMOUNT,u,A,10; \
                   at 0 SET_BUY_TRIGGER,u,A,5; at 60 mark";
    check(refresh, |all| all.list.clear(), "an outcome is missing: Wanted");
}

#[test]
fn it_is_said_wrongly_or_not_at_all_when_something_is_due() {
    let script = "at 1.2 ADD,u,100; at 1.2 QUOTE,u,A";
    check(script, |all| drop(all.list.pop()), "an outcome is missing: Due(31500000000)");
    check(script, |all| all.list.push(Outcome::Due(1)), "an outcome too many: Due");
    let early = |all: &mut Outcomes| all.list[2] = Outcome::Due(31_200_000_000);
    check(script, early, "outcome 3 is");
    let again = "at 1 ADD,u,100; at 1 QUOTE,u,A; at 2 tick";
    check(again, |all| all.list.clear(), "an outcome is missing: Due(31000000000)");
}

#[test]
fn those_who_waited_go_on_in_another_order_or_not_as_late() {
    let script = "ADD,u,100; ADD,v,100; QUOTE,u,A; QUOTE,v,A; quote A 10";
    check(script, |all| all.list.swap(0, 1), WRONG);
    check(script, |all| told(&mut all.list[0]).late = false, WRONG);
    let failed = "ADD,u,100; QUOTE,u,A; fail A";
    check(failed, |all| reject(all, Reject::QuoteTimeout(symbol("A"))), WRONG);
    let timed_out = "at 0 ADD,u,100; at 0 QUOTE,u,A; at 30 mark";
    check(timed_out, |all| reject(all, Reject::NoQuote(symbol("A"))), WRONG);
}

const ARMED: &str = "ADD,u,100; ADD,v,100; quote A 20; SET_BUY_AMOUNT,u,A,50; \
                     SET_BUY_TRIGGER,u,A,10; SET_BUY_AMOUNT,v,A,50; SET_BUY_TRIGGER,v,A,10";

#[test]
fn a_trigger_fires_twice_or_never_or_out_of_its_order() {
    let script = format!("{ARMED}; quote A 7");
    check(&script, |all| all.list.push(all.list[1].clone()), "an outcome too many: Fired");
    check(&script, |all| drop(all.list.pop()), "an outcome is missing: Fired");
    check(&script, |all| all.list.swap(0, 1), WRONG);
}

#[test]
fn a_trigger_trades_another_number_or_loses_the_rest() {
    let script = format!("{ARMED}; quote A 7");
    check(&script, |all| firing(all).shares = Shares::new(6), "outcome 2 is");
    check(&script, |all| firing(all).price = Cents::new(1_000), "outcome 2 is");
    check(&script, |all| firing(all).amount = Cents::new(5_000), "outcome 2 is");
    check(&script, |all| firing(all).cash_back = Cents::ZERO, "outcome 2 is");
    check(&script, |all| firing(all).shares_back = Shares::ONE, "outcome 2 is");
}

#[test]
fn a_trigger_that_is_replaced_or_cancelled_is_not_told_of() {
    let script = format!("{ARMED}; SET_BUY_TRIGGER,u,A,9");
    check(&script, |all| drop(all.list.pop()), "an outcome is missing: Disarmed");
    let script = format!("{ARMED}; CANCEL_SET_BUY,u,A");
    check(&script, |all| drop(all.list.pop()), "an outcome is missing: Disarmed");
}

#[test]
fn an_amount_that_is_set_or_given_back() {
    let script = after("SET_BUY_AMOUNT,u,B,10; SET_BUY_AMOUNT,u,B,20");
    let before = |all: &mut Outcomes| {
        *answer(all) = Answer::AmountSet { before: Cents::ZERO, shares: Shares::ZERO };
    };
    check(&script, before, WRONG);
    let script = after("BUY,u,A,50; COMMIT_BUY,u; SET_SELL_AMOUNT,u,A,30; SET_SELL_TRIGGER,u,A,15");
    let shares = |all: &mut Outcomes| {
        *answer(all) = Answer::Armed { amount: Cents::new(3_000), shares: Shares::new(3) };
    };
    check(&script, shares, WRONG);
    let script = after("SET_BUY_AMOUNT,u,B,10; CANCEL_SET_BUY,u,B");
    let amount = |all: &mut Outcomes| {
        let (amount, shares) = (Cents::new(999), Shares::ZERO);
        *answer(all) = Answer::SetCancelled { amount, shares };
    };
    check(&script, amount, WRONG);
}

#[test]
fn a_repeat_is_applied_again_or_answered_otherwise() {
    let script = "ADD,u,1; again ADD,u,1";
    check(script, |all| told(&mut all.list[0]).origin.duplicate = false, WRONG);
    check(script, |all| *answer(all) = Answer::Added { cash: Cents::new(200) }, WRONG);
    check(script, |all| *answer(all) = Answer::Forgotten, WRONG);
}

#[test]
fn a_summary_that_is_wrong_in_any_line() {
    let script = after(
        "BUY,u,A,50; COMMIT_BUY,u; BUY,u,A,10; SET_BUY_AMOUNT,u,B,10; SET_SELL_AMOUNT,u,A,20; \
         DISPLAY_SUMMARY,u",
    );
    check(&script, |all| summary(all).cash = Cents::ZERO, WRONG);
    check(&script, |all| summary(all).held = Cents::ZERO, WRONG);
    check(&script, |all| summary(all).reserved = Cents::ZERO, WRONG);
    check(&script, |all| summary(all).recent.len -= 1, WRONG);
    let line = |of: &str| format!("the {of} of a summary are");
    check(&script, |all| all.holdings[0].free = Shares::ONE, &line("holdings"));
    check(&script, |all| all.pending[0].left_ns += 1, &line("pending orders"));
    check(&script, |all| all.triggers.swap(0, 1), &line("triggers"));
    check(&script, |all| all.recent.swap(0, 1), &line("transactions"));
}

#[test]
fn a_log_of_all_that_is_refused() {
    check("DUMPLOG,file", |all| reject(all, Core::Busy), WRONG);
}
