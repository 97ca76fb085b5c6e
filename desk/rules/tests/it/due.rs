//! Due: a shard says when it needs an input, so that what is due is not late on an idle desk.

use allot_desk_rules::{Accounts, DeskConfig, Outcome, Outcomes};
use allot_domain::Machine;

use crate::script::Script;

/// When something is due next, in half seconds, as a line makes the shard say.
fn said(script: &mut Script, line: &str) -> Option<u64> {
    let input = script.input(line).unwrap();
    let mut outcomes = Outcomes::default();
    script.accounts.apply_whole(&input, &mut outcomes);
    let mut times = outcomes.list.iter().filter_map(|outcome| match outcome {
        Outcome::Due(due_ns) => Some(due_ns / 500_000_000),
        _ => None,
    });
    let first = times.next();
    assert_eq!(times.next(), None, "it is said once");
    first
}

#[test]
fn what_is_due_next_is_said_when_it_changes_and_at_each_tick() {
    let mut script = Script::new(DeskConfig::default());
    let script = &mut script;
    assert_eq!(said(script, "at 100 ADD,u,1000"), None);
    assert_eq!(said(script, "at 100 tick"), None, "nothing is due");
    assert_eq!(said(script, "at 100.1 BUY,u,A,10"), Some(261), "given up after 30 seconds");
    assert_eq!(said(script, "at 100.2 BUY,u,A,10"), None, "the first is given up first");
    assert_eq!(said(script, "at 110 quote A 1"), Some(340), "both orders are pending");
    assert_eq!(said(script, "at 110.6 BUY,u,A,10"), None);
    assert_eq!(said(script, "at 120 tick"), Some(340), "it was too early");
    let bytes = {
        let mut bytes = Vec::new();
        script.accounts.save(&mut bytes);
        bytes
    };
    script.accounts = Accounts::load(DeskConfig::default(), &bytes).unwrap();
    assert_eq!(said(script, "at 121 ADD,u,1"), None, "a shard that was loaded goes on");
    assert_eq!(said(script, "at 170 tick"), Some(342));
    assert_eq!(said(script, "at 171 tick"), None, "all orders are expired");
}

#[test]
fn a_quote_with_armed_triggers_is_due_when_it_expires() {
    let mut script = Script::new(DeskConfig::default());
    let script = &mut script;
    said(script, "at 100 ADD,u,1000");
    assert_eq!(said(script, "at 100 quote A 5"), None, "no trigger needs another");
    assert_eq!(said(script, "at 100 SET_BUY_AMOUNT,u,A,100"), None);
    assert_eq!(said(script, "at 100 SET_BUY_TRIGGER,u,A,3"), Some(320));
    assert_eq!(said(script, "at 160 tick"), None, "the quote is wanted");
    assert_eq!(said(script, "at 161 fail A"), Some(332), "again after 5 seconds");
}
