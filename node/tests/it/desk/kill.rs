//! A server that is killed in the middle of a workload: nothing is lost, and nothing counts twice.

use std::fmt::Write as _;

use serde_json::Value;

use super::Desk;

const USERS: u64 = 40;
const ROUNDS: u64 = 30;

/// Prices that stay: what becomes of a user then depends on nothing but the user's commands.
const PRICES: &str = "A,3.10\nB,17.25\nC,250.00\nD,0.99\n";

/// A workload in the shape of the course: a command a line, users mixed, and a DUMPLOG at the end.
fn workload() -> String {
    let mut text = String::new();
    let mut number = 0;
    let mut push = |text: &mut String, command: &str| {
        number += 1;
        writeln!(text, "[{number}] {command}").unwrap();
    };
    for user in 0..USERS {
        push(&mut text, &format!("ADD,user{user},{}.50", 1_000 + 37 * user));
    }
    for round in 0..ROUNDS {
        for user in 0..USERS {
            let draw = (round * 7 + user * 13) % 11;
            let symbol = ["A", "B", "C", "D"][usize::try_from((round + user) % 4).unwrap()];
            let amount = 1 + (round * 31 + user * 17) % 90;
            let who = format!("user{user}");
            for command in match draw {
                0 => vec![format!("QUOTE,{who},{symbol}")],
                1..=3 => {
                    vec![format!("BUY,{who},{symbol},{amount}.25"), format!("COMMIT_BUY,{who}")]
                }
                4 => vec![format!("BUY,{who},{symbol},{amount}"), format!("CANCEL_BUY,{who}")],
                5 => vec![format!("SELL,{who},{symbol},{amount}"), format!("COMMIT_SELL,{who}")],
                6 => vec![format!("SELL,{who},{symbol},{amount}"), format!("CANCEL_SELL,{who}")],
                7 => vec![
                    format!("SET_BUY_AMOUNT,{who},{symbol},{amount}"),
                    format!("SET_BUY_TRIGGER,{who},{symbol},{}", 1 + amount % 20),
                ],
                8 => vec![
                    format!("SET_SELL_AMOUNT,{who},{symbol},{amount}"),
                    format!("SET_SELL_TRIGGER,{who},{symbol},{}", 1 + amount % 20),
                ],
                9 => vec![format!("CANCEL_SET_BUY,{who},{symbol}")],
                _ => vec![format!("DISPLAY_SUMMARY,{who}"), format!("DUMPLOG,{who},./{who}.xml")],
            } {
                push(&mut text, &command);
            }
        }
    }
    push(&mut text, "DUMPLOG,./all.xml");
    text
}

fn load(desk: &Desk, more: &[&str]) -> Value {
    let page = ["desk", "load", "workload", "--front", "ipc://front", "--no-data"];
    let output = desk.place.run(&[&page[..], more].concat()).ok();
    serde_json::from_str(output.lines().last().unwrap()).unwrap()
}

/// The accounts, without the times, which differ from run to run.
fn accounts(desk: &Desk) -> Vec<Value> {
    let account = |user| {
        let mut answer = desk.is_answered(&format!("DISPLAY_SUMMARY,user{user}"));
        for field in ["source", "time"] {
            answer.as_object_mut().unwrap().remove(field);
        }
        for (list, field) in [("recent", "time"), ("pending", "left_ns")] {
            for one in answer[list].as_array_mut().unwrap() {
                one.as_object_mut().unwrap().remove(field);
            }
        }
        answer
    };
    (0..USERS).map(account).collect()
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_workload_loses_and_doubles_nothing() {
    let text = workload();
    let commands = text.lines().count();
    let quiet = Desk::new();
    quiet.place.write("workload", &text);
    let (_quotes, at) = quiet.quote_server("127.0.0.1:0", PRICES);
    let _server = quiet.serve(&at, &["--data", "data", "--new"]);
    let report = load(&quiet, &["--connections", "3"]);
    assert_eq!((&report["commands"], &report["unanswered"]), (&commands.into(), &0.into()));
    let expected = accounts(&quiet);

    let desk = Desk::new();
    desk.place.write("workload", &text);
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", PRICES);
    let server = desk.serve(&at, &["--data", "data", "--new", "--shards", "2"]);
    let mut loader = desk.place.start(&["desk", "load", "workload", "--front", "ipc://front"]);
    for _ in 0..commands / 4 {
        loader.line_with(r#""type":""#);
    }
    server.kill();
    let _server = desk.serve(&at, &["--data", "data", "--shards", "2"]);
    let output = loader.outcome().ok();
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    assert_eq!((&report["commands"], &report["unanswered"]), (&commands.into(), &0.into()));
    assert_eq!(accounts(&desk), expected);

    // All of it once more, under the same names: everything is told again what it was told first.
    let again = load(&desk, &[]);
    assert_eq!((&again["unanswered"], &again["duplicates"]), (&0.into(), &commands.into()));
    assert_eq!(&again["refused"], &report["refused"]);
    assert_eq!(accounts(&desk), expected);
    let output = desk.place.run(&["verify", "data"]).ok();
    assert!(output.contains("no failure found"), "{output}");
}
