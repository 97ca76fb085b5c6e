//! Heap: a warm shard allocates no memory for the common commands, nor to tell what came of them;
//! and a user takes a few hundred bytes.
//!
//! Warm means that the user has traded the stock, and that the rings of names, answers and
//! transactions are full. A trigger allocates when it is armed, and a command when it waits.
//!
//! This is a binary of its own because the counting allocator is global.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use allocation_counter::measure;
use allot_desk_rules::{
    Accounts, Cents, DeskConfig, Input, Line, Outcome, Outcomes, Quoted, Request, Symbol, User,
};
use allot_domain::{Machine, Outcomes as _, Seq, SourceId};

/// Applied over and over, each time under other names.
const LINES: [&str; 13] = [
    "ADD,u,100.00",
    "QUOTE,u,A",
    "BUY,u,A,60.00",
    "COMMIT_BUY,u",
    "BUY,u,A,5.00",
    "CANCEL_BUY,u",
    "SELL,u,A,30.00",
    "COMMIT_SELL,u",
    "SELL,u,A,10.00",
    "CANCEL_SELL,u",
    "SET_BUY_AMOUNT,u,B,1.00",
    "COMMIT_SELL,u",
    "DISPLAY_SUMMARY,u",
];

/// Users of the largest shard that is looked at: a power of two, for lists grow by doubling.
const USERS: u64 = 1 << 15;

/// The most bytes of the heap that a user may take with an account, and with each of four stocks
/// bought; a third of it is for lists that have doubled and are not full.
const ACCOUNT_LEN_MAX: i64 = 512;
const WITH_STOCKS_LEN_MAX: i64 = 1_536;

fn inputs(round: u64) -> Vec<Input> {
    LINES.iter().zip(1..).map(|(line, place)| input(round * 100 + place, line)).collect()
}

fn input(seq: u64, line: &str) -> Input {
    let Line { transaction, user, command } = Line::parse(line).unwrap();
    let (source, user) = (SourceId::new(b"front").unwrap(), user.unwrap());
    Input::Command(Request {
        source,
        id: Seq::new(seq).into(),
        time_ns: 1,
        transaction,
        user,
        command,
    })
}

fn quote(symbol: &str) -> Input {
    Input::Quote(Quoted {
        symbol: Symbol::new(symbol.as_bytes()).unwrap(),
        price: Cents::new(500),
        server_time_ms: 0,
        cryptokey: "key".into(),
        asked_by: User::new(b"u").unwrap(),
        transaction: None,
        time_ns: 1,
    })
}

#[test]
fn common_commands_allocate_nothing() {
    let mut accounts = Accounts::new(DeskConfig { history: 50, names: 100, keeps_log: true });
    let mut outcomes = Outcomes::default();
    accounts.apply_whole(&quote("A"), &mut outcomes);
    for round in 1..60 {
        let (inputs, mut refused) = (inputs(round), 0);
        let spent = measure(|| {
            for input in &inputs {
                outcomes.clear();
                accounts.apply_whole(input, &mut outcomes);
                refused += usize::from(matches!(outcomes.list[..], [Outcome::Rejected { .. }]));
            }
        });
        assert!(refused == 1, "all but the second COMMIT_SELL are applied");
        // The rings fill up in the first rounds.
        assert!(round < 30 || spent.count_total == 0, "{} in round {round}", spent.count_total);
    }
}

#[test]
fn a_user_takes_a_few_hundred_bytes() {
    let mut accounts = Accounts::new(DeskConfig { history: 50, names: 100, keeps_log: true });
    let mut outcomes = Outcomes::default();
    let (mut seq, stocks) = (0, ["A", "B", "C", "D"]);
    stocks.iter().for_each(|symbol| accounts.apply_whole(&quote(symbol), &mut outcomes));
    let mut apply = |accounts: &mut Accounts, line: String| {
        seq += 1;
        let input = input(seq, &line);
        outcomes.clear();
        accounts.apply_whole(&input, &mut outcomes);
        assert!(matches!(outcomes.list[0], Outcome::Answered { .. }), "{line}");
    };
    let opened = measure(|| {
        (0..USERS).for_each(|user| apply(&mut accounts, format!("ADD,user{user},1000.00")));
    });
    let traded = measure(|| {
        for symbol in stocks {
            for user in 0..USERS {
                apply(&mut accounts, format!("BUY,user{user},{symbol},100.00"));
                apply(&mut accounts, format!("COMMIT_BUY,user{user}"));
            }
        }
    });
    let users = i64::try_from(USERS).unwrap();
    let account = opened.bytes_current / users;
    let with_stocks = account + traded.bytes_current / users;
    println!("{account} bytes a user with an account, {with_stocks} with four stocks");
    assert!(account < ACCOUNT_LEN_MAX && with_stocks < WITH_STOCKS_LEN_MAX);
}
