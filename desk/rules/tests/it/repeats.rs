//! Repeats: a command that is sent again is answered as long as its answer is kept.

use allot_desk_rules::{DeskConfig, Line, Outcome, Outcomes};
use allot_domain::Machine;

use crate::script::{Script, request, user};

#[test]
fn an_answer_that_is_no_longer_kept_is_not_given_twice() {
    let mut script = Script::new(DeskConfig { history: 2, names: 100, keeps_log: true });
    assert_eq!(script.run("ADD,u,1.00"), "cash 1.00");
    for number in 2..=4 {
        let line = Line::parse("ADD,u,1.00").unwrap();
        script.apply(&request(line, number, 0));
    }
    let first = request(Line::parse("ADD,u,1.00").unwrap(), 1, 0);
    assert_eq!(script.apply(&first), "again: applied");
    let last = request(Line::parse("ADD,u,1.00").unwrap(), 4, 0);
    assert_eq!(script.apply(&last), "again: cash 4.00");
    assert_eq!(script.accounts.account(&user("u")).unwrap().balance().cash.get(), 400);
}

#[test]
fn a_number_that_is_forgotten_is_refused() {
    let mut script = Script::new(DeskConfig { history: 2, names: 2, keeps_log: true });
    for number in 1..=4 {
        let line = Line::parse("ADD,u,1.00").unwrap();
        script.apply(&request(line, number, 0));
    }
    let first = request(Line::parse("ADD,u,1.00").unwrap(), 1, 0);
    assert_eq!(script.apply(&first), "refused sequence_too_old");
    let other = request(Line::parse("ADD,v,1.00").unwrap(), 1, 0);
    assert_eq!(script.apply(&other), "cash 1.00", "nothing of a new user was ever applied");
}

#[test]
fn a_summary_that_is_asked_for_again_shows_what_is_there_now() {
    let mut script = Script::new(DeskConfig::default());
    script.run("ADD,u,1.00");
    let summary = request(Line::parse("DISPLAY_SUMMARY,u").unwrap(), 50, 0);
    script.apply(&summary);
    script.run("ADD,u,2.00");
    let mut outcomes = Outcomes::default();
    script.accounts.apply_whole(&summary, &mut outcomes);
    let [Outcome::Answered { told, answer: allot_desk_rules::Answer::Summary(summary) }] =
        outcomes.list.as_slice()
    else {
        panic!("a summary: {outcomes:?}");
    };
    assert!(told.origin.duplicate);
    assert_eq!(summary.cash.get(), 300);
    assert_eq!(summary.recent.of(&outcomes.recent).len(), 2);
}

#[test]
fn a_summary_shows_the_last_twenty_transactions() {
    let mut script = Script::new(DeskConfig::default());
    for cents in 1..=25 {
        script.run(&format!("[{cents}] ADD,u,0.{cents:02}"));
    }
    let mut outcomes = Outcomes::default();
    let summary = request(Line::parse("DISPLAY_SUMMARY,u").unwrap(), 50, 0);
    script.accounts.apply_whole(&summary, &mut outcomes);
    let amounts: Vec<_> = outcomes.recent.iter().map(|recent| recent.amount.get()).collect();
    assert_eq!(amounts, (6..=25).collect::<Vec<_>>());
}
