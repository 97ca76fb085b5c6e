//! Differing: a shard whose state is another than it should be, and the value that is named.

use allot_desk_rules::DeskConfig;
use allot_domain::Machine;

use crate::pair::Pair;
use crate::script::Script;

const CONFIG: DeskConfig = DeskConfig { history: 10, names: 20, keeps_log: true };

/// The shard applies one line more than the auditor has seen, and the value that is named first.
#[track_caller]
fn check(script: &str, more: &str, expected: &str) {
    let mut pair = Pair::new(CONFIG);
    let mut given = Script::new(CONFIG);
    for line in script.split("; ") {
        pair.apply(&given.input(line).unwrap()).unwrap();
    }
    pair.compare().unwrap();
    pair.accounts.apply_whole(&given.input(more).unwrap(), &mut Default::default());
    let fault = pair.compare().expect_err(more);
    let mismatch = fault.mismatch.to_string();
    assert!(mismatch.starts_with(expected), "{more}: {mismatch}");
}

#[test]
fn each_value_of_the_state_is_compared() {
    let script = "ADD,u,100; quote A 10; BUY,u,A,50; COMMIT_BUY,u";
    check(script, "ADD,u,1", "the cash of u");
    check(script, "ADD,v,1", "the number of users");
    check(script, "at 1 mark", "the time");
    check(script, "BUY,u,A,10", "the cash of u");
    check(script, "SELL,u,A,10", "the shares of u");
    check(script, "SET_BUY_AMOUNT,u,A,10", "the cash of u");
    check(script, "SET_SELL_AMOUNT,u,A,10", "the number of triggers of u");
    check(script, "QUOTE,u,B", "the commands that wait of u");
    check(script, "quote A 11", "a quote");
    let script = format!("{script}; SET_SELL_AMOUNT,u,A,10; SET_BUY_AMOUNT,u,A,10");
    check(&script, "SET_SELL_AMOUNT,u,A,20", "a trigger of u");
    check(&script, "SET_BUY_TRIGGER,u,A,5", "a trigger of u");
    let script = "ADD,u,100; ADD,v,100; QUOTE,u,A; QUOTE,v,A";
    check(script, "fail A", "the commands that wait of u");
    check(script, "quote A 1", "the commands that wait of u");
    check(script, "ADD,u,1", "the commands that wait of u");
    let script = "ADD,u,100; quote A 10; SET_BUY_AMOUNT,u,A,5; SET_BUY_TRIGGER,u,A,5";
    check(script, "quote A 5", "what is reserved of u");
}
