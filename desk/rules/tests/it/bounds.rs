//! Bounds: what there is no room for is refused, and says so.

use allot_desk_rules::limits::{
    AMOUNT_MAX, FILE_NAME_LEN_MAX, LOG_FILES_MAX, MONEY_MAX, WAITING_BYTES_MAX, WAITING_LEN,
    WAITING_MAX, WAITING_USER_MAX,
};
use allot_desk_rules::{Accounts, Balance, Cents, Command, DeskConfig, Line, Reject};

use crate::script::{Script, user};

fn balance(script: &Script) -> Balance {
    *script.accounts.account(&user("u")).unwrap().balance()
}

#[test]
fn a_user_has_a_bounded_number_of_commands_that_wait() {
    let mut script = Script::new(DeskConfig::default());
    script.run("ADD,u,1");
    assert_eq!(script.run("QUOTE,u,A"), "awaits A; wants A");
    for _ in 1..WAITING_USER_MAX {
        assert_eq!(script.run("ADD,u,1"), "awaits A");
    }
    assert_eq!(script.run("ADD,u,1"), "refused too_many_waiting");
    assert_eq!(script.run("ADD,v,1"), "cash 1.00");
    script.run("quote A 1.00");
    assert_eq!(balance(&script).cash.get(), 100 * WAITING_USER_MAX as u64);
    assert_eq!(script.run("ADD,u,1"), "cash 257.00");
}

#[test]
fn the_money_of_a_user_is_bounded() {
    let mut script = Script::new(DeskConfig::default());
    // Shares that are bought for a cent and sold for a million make money fast.
    script.run("ADD,u,10000000000.00");
    let mut rounds = 0;
    loop {
        script.run("quote A 0.01");
        script.run("BUY,u,A,10000000.00");
        script.run("COMMIT_BUY,u");
        script.run("SET_SELL_AMOUNT,u,A,10000000.00");
        script.run("SET_SELL_TRIGGER,u,A,0.01");
        script.run("quote A 0.01");
        script.run("BUY,u,A,10000000.00");
        script.run("COMMIT_BUY,u");
        script.run("SET_SELL_AMOUNT,u,A,10000000.00");
        script.run("fail A");
        script.run("SET_SELL_TRIGGER,u,A,0.02");
        let came = script.run("quote A 1000000.00");
        rounds += 1;
        if came.contains("back") {
            break;
        }
        assert!(rounds < 200_000, "{came}");
    }
    assert!(balance(&script).total().get() <= MONEY_MAX);
    assert!(MONEY_MAX - 100_000_000_000_000_000 < balance(&script).total().get());
    assert!(balance(&script).is_balanced());
}

#[test]
fn the_positions_of_a_user_are_bounded() {
    let mut script = Script::new(DeskConfig::default());
    script.run("ADD,u,100000");
    script.run("quote A 1.00");
    for _ in 0..4_000 {
        assert_eq!(script.run("BUY,u,A,1"), "pending 1 @ 1.00");
    }
    for number in 0..96 {
        assert_eq!(script.run(&format!("SET_BUY_AMOUNT,u,B{number},1")), "set");
    }
    for line in ["BUY,u,A,1", "SET_BUY_AMOUNT,u,C,1"] {
        assert_eq!(script.run(line), "refused too_many_positions");
    }
    assert_eq!(script.run("SET_BUY_AMOUNT,u,B7,2"), "set before 1.00");
    assert_eq!(script.run("COMMIT_BUY,u"), "bought 1 A @ 1.00");
    assert_eq!(script.run("BUY,u,A,1"), "refused too_many_positions");
    assert_eq!(script.run("COMMIT_BUY,u"), "bought 1 A @ 1.00");
    assert_eq!(script.run("BUY,u,A,1"), "pending 1 @ 1.00");
}

#[test]
fn an_amount_is_checked_wherever_it_comes_from() {
    assert_eq!(Command::Add(Cents::ZERO).check(), Err(Reject::AmountMustBePositive));
    assert_eq!(Command::Add(Cents::new(AMOUNT_MAX + 1)).check(), Err(Reject::AmountTooLarge));
    let mut script = Script::new(DeskConfig::default());
    for amount in [Cents::ZERO, Cents::new(AMOUNT_MAX + 1)] {
        let command = Command::Add(amount);
        let line = Line { transaction: None, user: Some(user("u")), command };
        let came = script.apply(&crate::script::request(line, 1, 0));
        assert!(came.starts_with("refused amount_"), "{came}");
    }
    assert!(script.accounts.is_empty());
}

/// Lets users wait, each with as many commands as may, until one is refused; how many wait then.
fn fill(script: &mut Script, line: &str) -> usize {
    for user in 0.. {
        let lines = [format!("ADD,u{user},1"), format!("QUOTE,u{user},A")];
        for line in &lines {
            let came = script.run(line);
            if came.starts_with("refused") {
                assert_eq!(came, "refused too_many_waiting");
                return script.accounts.waiting_counts().0;
            }
        }
        for _ in 1..WAITING_USER_MAX {
            if script.run(&line.replace('@', &user.to_string())).starts_with("refused") {
                return script.accounts.waiting_counts().0;
            }
        }
    }
    unreachable!("there is a bound")
}

#[test]
fn a_shard_has_a_bounded_number_of_commands_that_wait() {
    let mut script = Script::new(DeskConfig { history: 10, names: 10, keeps_log: true });
    assert_eq!(fill(&mut script, "COMMIT_BUY,u@"), WAITING_MAX);
    assert_eq!(script.run("QUOTE,v,A"), "refused too_many_waiting");
    assert!(script.accounts.account(&user("v")).is_none(), "it opens no account");
    assert_eq!(script.run("ADD,v,1"), "cash 1.00");
}

#[test]
fn a_shard_has_a_bounded_number_of_bytes_that_wait() {
    let mut script = Script::new(DeskConfig { history: 10, names: 10, keeps_log: true });
    let file = "f".repeat(FILE_NAME_LEN_MAX);
    let waiting = fill(&mut script, &format!("DUMPLOG,u@,{file}"));
    let most = WAITING_BYTES_MAX / (WAITING_LEN + FILE_NAME_LEN_MAX);
    assert!(most <= waiting && waiting < WAITING_MAX, "{waiting} wait");
    // A command without a file may still fit; when the quote comes, all that waits is answered.
    assert!(script.run("quote A 1.00").contains("dumped"));
    assert_eq!(script.accounts.waiting_counts(), (0, 0));
}

#[test]
fn a_user_has_the_log_in_a_bounded_number_of_files() {
    let mut script = Script::new(DeskConfig::default());
    script.run("ADD,u,1");
    script.run("ADD,v,1");
    for number in 0..LOG_FILES_MAX {
        assert_eq!(script.run(&format!("DUMPLOG,u,a/{number}")), "dumped");
        assert_eq!(script.run(&format!("DUMPLOG,{number}")), "dumped");
    }
    assert_eq!(script.run("DUMPLOG,u,b"), "refused too_many_logs");
    assert_eq!(script.run("again DUMPLOG,u,b"), "again: refused too_many_logs");
    assert_eq!(script.run("DUMPLOG,b"), "refused too_many_logs");
    assert_eq!(script.run("DUMPLOG,u,./a//7"), "dumped", "it takes the place of the one before");
    assert_eq!(script.run("DUMPLOG,./7"), "dumped");
    assert_eq!(script.run("DUMPLOG,v,b"), "dumped", "others have files of their own");
    let mut bytes = Vec::new();
    script.accounts.save(&mut bytes);
    script.accounts = Accounts::load(DeskConfig::default(), &bytes).unwrap();
    assert_eq!(script.run("DUMPLOG,u,c"), "refused too_many_logs");
    assert_eq!(script.run("DUMPLOG,c"), "refused too_many_logs");
    assert_eq!(script.run("DUMPLOG,u,a/0"), "dumped");
}

#[test]
fn without_a_journal_there_is_no_log() {
    let mut script = Script::new(DeskConfig { keeps_log: false, ..DeskConfig::default() });
    assert_eq!(script.run("DUMPLOG,u,file"), "refused no_log");
    script.run("ADD,u,1");
    assert_eq!(script.run("DUMPLOG,u,file"), "refused no_log");
    assert_eq!(script.run("again DUMPLOG,u,file"), "refused no_log");
    assert_eq!(script.run("again ADD,u,1"), "cash 2.00", "the name is free");
    assert_eq!(script.run("DUMPLOG,file"), "refused no_log");
}
