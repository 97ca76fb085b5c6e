//! A snapshot of a desk's shard: what is loaded is saved as the same bytes, and goes on without a
//! panic.
#![no_main]

use std::sync::LazyLock;

use allot_desk_rules::{
    Accounts, Cents, DeskConfig, Input, Line, Outcomes, QuoteFailed, Quoted, Request, Symbol, User,
};
use allot_domain::{Machine, Marker, Seq, SourceId};
use libfuzzer_sys::fuzz_target;

/// A second.
const SECOND_NS: u64 = 1_000_000_000;

/// Commands to the users and stocks of the corpus, and to new ones.
const LINES: [&str; 17] = [
    "ADD,u,100.00",
    "ADD,new,5",
    "QUOTE,v,NEW",
    "BUY,u,A,30.00",
    "COMMIT_BUY,u",
    "CANCEL_BUY,v",
    "SELL,u,A,10.00",
    "COMMIT_SELL,u",
    "CANCEL_SELL,v",
    "SET_BUY_AMOUNT,u,B,20.00",
    "SET_BUY_TRIGGER,u,B,3.00",
    "CANCEL_SET_BUY,v,B",
    "SET_SELL_AMOUNT,u,A,20.00",
    "SET_SELL_TRIGGER,u,A,3.00",
    "CANCEL_SET_SELL,v,A",
    "DUMPLOG,u,f.xml",
    "DISPLAY_SUMMARY,u",
];

static INPUTS: LazyLock<Vec<Input>> = LazyLock::new(inputs);

fuzz_target!(|bytes: &[u8]| {
    let config = DeskConfig::default();
    let mut accounts = match Accounts::load(config, bytes) {
        Ok(accounts) => accounts,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(saved(&accounts), bytes, "a state has one snapshot");
    assert!(accounts.totals().is_balanced());
    let mut outcomes = Outcomes::default();
    // What is due by a time far beyond that of the snapshot comes with the first input.
    for input in INPUTS.iter() {
        accounts.apply_whole(input, &mut outcomes);
    }
    assert!(accounts.totals().is_balanced());
    let after = saved(&accounts);
    if let Ok(again) = Accounts::load(config, &after) {
        assert_eq!(saved(&again), after);
    }
});

fn saved(accounts: &Accounts) -> Vec<u8> {
    let mut snapshot = Vec::new();
    accounts.save(&mut snapshot);
    snapshot
}

fn inputs() -> Vec<Input> {
    let source = SourceId::new(b"web").expect("a name");
    let symbol = |text: &str| Symbol::new(text.as_bytes()).expect("a symbol");
    let quote = |name: &str, cents, time_ns| {
        Input::Quote(Quoted {
            symbol: symbol(name),
            price: Cents::new(cents),
            server_time_ms: 1,
            cryptokey: "key".into(),
            asked_by: User::new(b"u").expect("a user"),
            transaction: None,
            time_ns,
        })
    };
    let mut inputs = vec![quote("A", 1_000, SECOND_NS), quote("B", 200, SECOND_NS)];
    // Numbers of the corpus too, and later ones.
    for (line, seq) in LINES.iter().zip(5..) {
        let Line { transaction, user, command } = Line::parse(line).expect("a command");
        let (user, id) = (user.expect("of a user"), Seq::new(seq).into());
        let time_ns = (seq + 100) * SECOND_NS;
        inputs.push(Input::Command(Request { source, id, time_ns, transaction, user, command }));
    }
    inputs.push(quote("A", 1, 200 * SECOND_NS));
    inputs.push(quote("B", 99_999, 200 * SECOND_NS));
    inputs.push(Input::QuoteFailed(QuoteFailed { symbol: symbol("NEW"), time_ns: 0 }));
    inputs.push(Input::Marker(Marker { number: 9, time_ns: 900 * SECOND_NS, report: true }));
    inputs
}
