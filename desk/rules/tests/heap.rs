//! Heap: a warm shard allocates no memory for the common commands, nor to tell what came of them.
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

fn inputs(round: u64) -> Vec<Input> {
    let lines = LINES.iter().zip(1..).map(|(line, place)| {
        let Line { transaction, user, command } = Line::parse(line).unwrap();
        let id = Seq::new(round * 100 + place).into();
        let (source, user) = (SourceId::new(b"front").unwrap(), user.unwrap());
        Input::Command(Request { source, id, time_ns: 1, transaction, user, command })
    });
    lines.collect()
}

#[test]
fn common_commands_allocate_nothing() {
    let mut accounts = Accounts::new(DeskConfig { history: 50, names: 100 });
    let mut outcomes = Outcomes::default();
    accounts.apply_whole(
        &Input::Quote(Quoted {
            symbol: Symbol::new(b"A").unwrap(),
            price: Cents::new(500),
            server_time_ms: 0,
            cryptokey: "key".into(),
            asked_by: User::new(b"u").unwrap(),
            transaction: None,
            time_ns: 1,
        }),
        &mut outcomes,
    );
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
