//! Splits that would close an account with shares: stepped by hand, and over real sockets.

use allot_allocation_rules::{Split, Weight};
use allot_allocation_service::{Reply, Request};
use allot_domain::{AccountId, Seq, Side, SourceId};

use crate::client::Client;
use crate::server::Server;
use crate::world::{World, batch, fill};

const FIRST: &str =
    r#"{"type":"split","source":"aum","seq":1,"weights":{"a":"40","b":"40","c":"20"}}"#;

/// A line of a fill of ten shares.
fn buy(seq: u64, ticker: &str) -> String {
    let rest = r#""price":"1","quantity":10"#;
    format!(r#"{{"type":"fill","source":"f","seq":{seq},"ticker":"{ticker}",{rest}}}"#)
}

/// A line of a split.
fn split(seq: u64, rest: &str) -> String {
    format!(r#"{{"type":"split","source":"aum","seq":{seq},{rest}}}"#)
}

/// What a reply says, in a word.
fn word(reply: &Reply) -> String {
    match reply {
        Reply::Accepted { split, duplicate, .. } if *duplicate => format!("again {split}"),
        Reply::Accepted { split, .. } => format!("accepted {split}"),
        Reply::Allocated { seq, split, .. } => format!("{seq} by {split}"),
        Reply::Rejected { code, .. } => code.clone(),
        other => panic!("{other:?}"),
    }
}

/// The replies to a message, in the order of their words.
fn words(replies: &[Reply]) -> Vec<String> {
    let mut words: Vec<_> = replies.iter().map(word).collect();
    words.sort_unstable();
    words
}

/// A, B, C and D are of different shards where there are several.
fn bought(shards: usize) -> World {
    let mut world = World::new(shards);
    world.ask(FIRST.as_bytes());
    for (seq, ticker) in (1..).zip(["A", "B", "C", "D"]) {
        assert_eq!(words(&world.ask(buy(seq, ticker).as_bytes())), [format!("{seq} by 1")]);
    }
    world
}

#[test]
fn a_split_that_leaves_out_holders_is_refused_and_names_what_they_hold_in_all_shards() {
    for shards in [1, 2, 4] {
        let mut world = bought(shards);
        let replies = world.ask(split(2, r#""weights":{"a":"100"}"#).as_bytes());
        let [Reply::Rejected { source, seq, code, reason, .. }] = &replies[..] else {
            panic!("{replies:?}");
        };
        assert_eq!((source.as_str(), seq.get(), code.as_str()), ("aum", 2, "split_omits_holder"));
        assert_eq!(
            reason,
            "the split leaves out accounts that hold shares: b (4 A, 4 B, 4 C and 1 more), c (2 A, \
             2 B, 2 C and 1 more); name each at 0 to wind it down, or list it under \"closes\" to \
             close it with what it holds"
        );
        assert_eq!(words(&world.ask(buy(5, "A").as_bytes())), ["5 by 1"], "the first is in force");
    }
}

#[test]
fn a_split_closes_whom_it_lists_or_keeps_at_zero_and_those_who_hold_nothing() {
    for shards in [1, 3] {
        let mut world = bought(shards);
        let mut ask = |seq, rest: &str| words(&world.ask(split(seq, rest).as_bytes())).join(" ");
        assert_eq!(ask(2, r#""weights":{"a":"100","b":"0"}"#), "split_omits_holder");
        assert_eq!(ask(2, r#""weights":{"a":"100","b":"0"},"closes":["c"]"#), "accepted 2");
        assert_eq!(ask(3, r#""weights":{"a":"100"},"closes":["b","c"]"#), "accepted 3");
        assert_eq!(ask(4, r#""weights":{"d":"100"},"closes":["a"]"#), "accepted 4");
        assert_eq!(ask(5, r#""weights":{"e":"100"}"#), "accepted 5", "d holds nothing");
        assert_eq!(ask(6, r#""weights":{"e":"100"},"closes":["f"]"#), "unknown_account");
        assert_eq!(ask(6, r#""weights":{"e":"100"},"closes":["e"]"#), "duplicate_account");
    }
}

#[test]
fn a_repeat_of_a_split_gets_its_first_answer_whatever_accounts_hold_by_then() {
    let mut world = bought(3);
    let mut ask = |line: String| words(&world.ask(line.as_bytes())).join(" ");
    let second = || split(2, r#""weights":{"a":"100"},"closes":["b","c"]"#);
    assert_eq!(ask(second()), "accepted 2");
    assert_eq!(ask(split(3, r#""weights":{"a":"50","d":"50"}"#)), "accepted 3");
    assert_eq!(ask(buy(5, "A")), "5 by 3");
    assert_eq!(ask(FIRST.to_owned()), "again 1");
    assert_eq!(ask(second()), "again 2");
    assert_eq!(ask(split(2, r#""weights":{"a":"100"}"#)), "name_reused");
    assert_eq!(ask(split(2, r#""weights":{"a":"100"},"closes":["b"]"#)), "name_reused");
    assert_eq!(ask(buy(6, "A")), "6 by 3");
}

#[test]
fn held_fills_are_no_holdings() {
    let mut world = World::new(2);
    assert!(matches!(world.ask(buy(1, "A").as_bytes())[..], [Reply::Held { .. }]));
    let replies = world.ask(split(1, r#""weights":{"x":"100"}"#).as_bytes());
    assert_eq!(words(&replies), ["1 by 1", "accepted 1"]);
}

#[test]
fn what_stands_behind_a_split_in_its_message_is_applied_behind_it() {
    for shards in [1, 4] {
        let mut world = bought(shards);
        let mut seq = 4;
        let mut message = |split: String| {
            let mut next = |ticker| {
                seq += 1;
                buy(seq, ticker)
            };
            [next("A"), next("B"), split, next("A"), next("B"), next("C")].join("\n")
        };
        let refused = message(split(2, r#""weights":{"a":"100"}"#));
        assert_eq!(
            words(&world.ask(refused.as_bytes())),
            ["5 by 1", "6 by 1", "7 by 1", "8 by 1", "9 by 1", "split_omits_holder"]
        );
        let accepted = message(split(2, r#""weights":{"a":"100"},"closes":["b","c"]"#));
        assert_eq!(
            words(&world.ask(accepted.as_bytes())),
            ["10 by 1", "11 by 1", "12 by 2", "13 by 2", "14 by 2", "accepted 2"]
        );
    }
}

#[test]
fn of_several_splits_in_a_message_one_is_looked_at_and_the_others_may_be_sent_again() {
    let mut world = bought(2);
    let [bad, good] = ["", r#","closes":["b","c"]"#]
        .map(|closes| split(2, &format!(r#""weights":{{"a":"100"}}{closes}"#)));
    let message = [&bad, &good, &buy(5, "A"), &bad].map(String::as_str).join("\n");
    assert_eq!(
        words(&world.ask(message.as_bytes())),
        ["5 by 1", "busy", "busy", "split_omits_holder"]
    );
    assert_eq!(words(&world.ask(good.as_bytes())), ["accepted 2"]);
}

#[test]
fn records_behind_a_split_are_looked_at_too() {
    let mut world = bought(2);
    let splits: Vec<_> = [2, 3, 4].into_iter().map(|seq| Request::Split(whole(seq))).collect();
    assert_eq!(words(&world.ask(&batch(&splits))), ["busy", "busy", "split_omits_holder"]);
    let closing = whole(2).closing(["b", "c"].map(account).to_vec()).unwrap();
    assert_eq!(words(&world.ask(&batch(&[Request::Split(closing)]))), ["accepted 2"]);
}

/// All of it to one account.
fn whole(seq: u64) -> Split {
    let weights = vec![(account("a"), Weight::parse("a", "100").unwrap())];
    Split::new(SourceId::new(b"aum").unwrap(), Seq::new(seq), weights).unwrap()
}

fn account(name: &str) -> AccountId {
    AccountId::new(name.as_bytes()).unwrap()
}

#[test]
fn a_req_client_gets_one_message_for_a_split_and_what_stands_around_it() {
    let mut world = bought(3);
    for (seq, closes, code) in
        [(5, "", "split_omits_holder"), (7, r#","closes":["b","c"]"#, "accepted")]
    {
        let split = split(2, &format!(r#""weights":{{"a":"100"}}{closes}"#));
        let message = [buy(seq, "A"), split, buy(seq + 1, "B")].join("\n");
        let bodies = world.request("req", message.as_bytes());
        assert_eq!(bodies.len(), 1);
        let text = String::from_utf8(bodies[0].clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains(code), "{text}");
    }
}

/// The word of the reply to a line.
fn ask(client: &Client, line: &str) -> String {
    word(&client.ask(line.as_bytes()))
}

#[test]
fn every_shape_refuses_a_split_that_leaves_out_holders() {
    for server in [Server::embedded(1), Server::embedded(3), Server::over_ipc(2)] {
        let client = Client::connect(&server.front);
        assert_eq!(ask(&client, FIRST), "accepted 1");
        for (seq, ticker) in (1..).zip(["A", "B", "C", "D"]) {
            assert_eq!(ask(&client, &buy(seq, ticker)), format!("{seq} by 1"));
        }
        let bare = split(2, r#""weights":{"a":"100"}"#);
        match client.ask(bare.as_bytes()) {
            Reply::Rejected { code, reason, .. } if code == "split_omits_holder" => {
                assert!(reason.contains("b (4 A, 4 B, 4 C and 1 more), c (2 A"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        let closing = split(2, r#""weights":{"a":"100","b":"0"},"closes":["c"]"#);
        client.send(&[closing.as_bytes(), b"\n", buy(5, "A").as_bytes()].concat());
        let mut replies = client.receive();
        while replies.len() < 2 {
            replies.extend(client.receive());
        }
        assert_eq!(words(&replies), ["5 by 2", "accepted 2"]);
        assert_eq!(ask(&client, &closing), "again 2");
        server.stop();
    }
}

/// While a shard is lost nobody knows what its accounts hold: the split may be sent again.
#[test]
fn a_split_waits_for_a_shard_that_is_lost() {
    let mut server = Server::kept_over_ipc(2);
    let client = Client::connect(&server.front);
    assert_eq!(ask(&client, FIRST), "accepted 1");
    for (seq, ticker) in (1..).zip(["A", "B", "C", "D"]) {
        assert_eq!(ask(&client, &buy(seq, ticker)), format!("{seq} by 1"));
    }
    server.kill("shard-1");
    let bare = split(2, r#""weights":{"a":"100"}"#);
    client.send(bare.as_bytes());
    let code = words(&client.receive()).remove(0);
    assert!(["busy", "shard_away"].contains(&code.as_str()), "{code}");
    server.start_again("shard-1");
    assert_eq!(ask(&client, &bare), "split_omits_holder");
    assert_eq!(ask(&client, &split(2, r#""weights":{"a":"1","b":"98","c":"1"}"#)), "accepted 2");
    let place = server.stop();
    place.run(&["verify", "data"]).ok();
}

/// A fill of another client that arrives while the shards are asked comes after the split.
#[test]
fn a_fill_of_another_client_keeps_its_turn() {
    let mut world = bought(2);
    world
        .stepped
        .clients
        .send(b"aum", split(2, r#""weights":{"a":"100","b":"0","c":"0"}"#).as_bytes());
    let behind = batch(&[Request::Fill(fill(5, "A", Side::Buy, "1", 10))]);
    assert_eq!(words(&world.ask(&behind)), ["5 by 2", "accepted 2"]);
}
