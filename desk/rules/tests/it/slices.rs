//! Slices: what one input brings is never in memory at once, and in the same order as if it were.

use allot_desk_rules::limits::{SECOND_NS, SLICE_STEPS_MAX};
use allot_desk_rules::{Accounts, Cents, DeskConfig, Input, Line, Outcome, Outcomes};
use allot_domain::{Machine, Marker, Outcomes as _, Step};

use crate::script::{quoted, request, symbol};

const USERS: u64 = 5_000;

fn given(accounts: &mut Accounts, text: &str, number: u64, time_ns: u64) {
    let mut outcomes = Outcomes::default();
    let input = request(Line::parse(text).unwrap(), number, time_ns);
    accounts.apply_whole(&input, &mut outcomes);
}

/// Takes what comes slice by slice; what it was, and how many slices.
fn taken(accounts: &mut Accounts, input: &Input) -> (Vec<Outcome>, usize) {
    let (mut all, mut outcomes, mut slices) = (Vec::new(), Outcomes::default(), 1);
    let mut step = accounts.apply(input, &mut outcomes);
    loop {
        assert!(outcomes.list.len() <= 2 * SLICE_STEPS_MAX, "a slice is bounded");
        all.extend_from_slice(&outcomes.list);
        outcomes.clear();
        if step == Step::Done {
            return (all, slices);
        }
        step = accounts.resume(&mut outcomes);
        slices += 1;
    }
}

fn with_users(lines: &[&str]) -> Accounts {
    let mut accounts = Accounts::new(DeskConfig::default());
    for user in 0..USERS {
        for (line, number) in lines.iter().zip(1..) {
            given(&mut accounts, &line.replace('@', &format!("u{user}")), number, SECOND_NS);
        }
    }
    accounts
}

#[test]
fn a_quote_fires_many_triggers_in_slices() {
    let lines = ["ADD,@,100", "SET_BUY_AMOUNT,@,A,10", "SET_BUY_TRIGGER,@,A,2"];
    let mut accounts = with_users(&lines);
    let quote = quoted(symbol("A"), Cents::new(100), SECOND_NS);
    let mut whole = accounts.clone();
    let (fired, slices) = taken(&mut accounts, &quote);
    assert_eq!(fired.len() as u64, USERS);
    assert!(fired.iter().all(|one| matches!(one, Outcome::Fired(_))));
    assert!(3 < slices, "{slices} slices");
    let mut outcomes = Outcomes::default();
    whole.apply_whole(&quote, &mut outcomes);
    assert_eq!(outcomes.list, fired);
}

#[test]
fn a_quote_releases_many_users_in_slices() {
    let mut accounts = with_users(&["ADD,@,100", "BUY,@,A,10", "COMMIT_BUY,@"]);
    let quote = quoted(symbol("A"), Cents::new(100), SECOND_NS);
    let (answers, slices) = taken(&mut accounts, &quote);
    assert_eq!(answers.len() as u64, 2 * USERS);
    assert!(3 < slices, "{slices} slices");
    assert_eq!(accounts.waiting_counts(), (0, 0));
}

#[test]
fn much_expires_in_slices_before_the_input_is_applied() {
    let mut accounts = Accounts::new(DeskConfig::default());
    let quote = quoted(symbol("A"), Cents::new(100), SECOND_NS);
    accounts.apply_whole(&quote, &mut Outcomes::default());
    for user in 0..USERS {
        for (line, number) in ["ADD,@,100", "BUY,@,A,10"].iter().zip(1..) {
            given(&mut accounts, &line.replace('@', &format!("u{user}")), number, SECOND_NS);
        }
    }
    let late = request(Line::parse("COMMIT_BUY,u7").unwrap(), 3, 100 * SECOND_NS);
    let (came, slices) = taken(&mut accounts, &late);
    assert_eq!(came.len() as u64, USERS + 1);
    assert!(matches!(came.last(), Some(Outcome::Rejected { .. })), "it comes after all expiries");
    assert!(3 < slices, "{slices} slices");
}

#[test]
fn many_are_given_up_in_slices() {
    let mut accounts = with_users(&["ADD,@,100", "BUY,@,A,10"]);
    let marker = Marker { number: 1, time_ns: 100 * SECOND_NS, report: false };
    let (came, slices) = taken(&mut accounts, &Input::Marker(marker));
    assert_eq!(came.len() as u64, USERS);
    assert!(3 < slices, "{slices} slices");
}
