//! The log of a desk, written from its journals.

use super::Desk;

#[test]
fn the_log_has_what_was_answered_after_a_kill_too() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let server = desk.serve(&at, &["--shards", "2", "--data", "data", "--new"]);
    for command in ["[1] ADD,ann,100.00", "[2] ADD,bob,50.00", "[3] BUY,ann,ABC,35.00"] {
        desk.is_answered(command);
    }
    desk.is_refused("[4] SELL,bob,ABC,10.00", "insufficient_shares");
    desk.is_answered("[5] DUMPLOG,all.xml");
    server.kill();
    let all = desk.place.run(&["desk", "log", "data"]).ok();
    let count = |element: &str| all.matches(&format!("<{element}>")).count();
    assert_eq!(count("userCommand"), 5, "{all}");
    assert_eq!(count("accountTransaction"), 3, "{all}");
    assert_eq!((count("quoteServer"), count("errorEvent")), (1, 1), "{all}");
    let said = desk.place.run(&["desk", "log", "data", "--user", "bob", "--out", "bob.xml"]).ok();
    assert_eq!(said, "4 entries in bob.xml\n");
    let bob = std::fs::read_to_string(desk.place.path().join("bob.xml")).unwrap();
    assert!(bob.starts_with("<?xml") && !bob.contains("ann"), "{bob}");
    let refused = desk.place.run(&["desk", "log", "data", "--user", "b b"]);
    assert!(!refused.status.success() && refused.stderr.contains("--user"), "{refused:?}");
}
