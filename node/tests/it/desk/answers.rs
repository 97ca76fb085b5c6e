//! `allot verify --answers` for the replies of a desk.

use std::fs;

use serde_json::Value;

use super::Desk;

#[test]
fn a_reply_that_no_journal_makes_is_lost_and_a_line_that_is_no_reply_is_named() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let server = desk.serve(&at, &["--shards", "2", "--data", "data", "--new"]);
    let commands = ["ADD,ann,100", "ADD,bob,50.00", "BUY,ann,ABC,35", "SELL,bob,ABC,10", "ADD,ann"];
    desk.place.write("workload", &commands.join("\n"));
    let page = ["desk", "load", "workload", "--front", "ipc://front"];
    let good = desk.place.run(&page).ok();
    server.kill();
    desk.place.write("good", &good);
    let verified = desk.place.run(&["verify", "data", "--answers", "good"]).ok();
    assert!(verified.contains("4 replies checked, 0 lost"), "{verified}");

    let check = |text: &str, said: &[&str]| {
        desk.place.write("bad", text);
        let outcome = desk.place.run(&["verify", "data", "--answers", "bad"]);
        let verified = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.status.code(), Some(1), "{verified}");
        said.iter().for_each(|said| assert!(verified.contains(said), "{said}\n{verified}"));
    };
    let richer = good.replace(r#""cash":"100.00""#, r#""cash":"101.00""#);
    check(
        &richer,
        &["4 replies checked, 1 lost", "LOST: no journal makes the reply load 1: bad line "],
    );
    let refused = good.replace(r#""source":"load","seq":4"#, r#""source":"load","seq":44"#);
    check(&refused, &["1 lost", "the reply load 44: "]);
    check(&format!("not a reply\n{good}"), &["1 lines are no replies", "WRONG: bad line 1: "]);
    check("not a reply\n", &["bad holds no reply, so there is nothing to look up (bad line 1: "]);
    let cut = fs::read_to_string(desk.place.path().join("good")).unwrap();
    let cut = &cut[..cut.find(r#""seq":4"#).unwrap()];
    desk.place.write("cut", cut);
    let verified = desk.place.run(&["verify", "data", "--answers", "cut"]).ok();
    assert!(verified.contains("the last line of cut is incomplete"), "{verified}");
}

#[test]
fn a_notice_of_a_trigger_that_was_armed_in_binary_is_printed_as_json() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "Q,10.00\n");
    let server = desk.serve(&at, &["--data", "data", "--new"]);
    let armed = "ADD,bb,100.00\nSET_BUY_AMOUNT,bb,Q,10\nSET_BUY_TRIGGER,bb,Q,1.00\n";
    desk.place.write("armed", armed);
    // The notice leaves before the answer to the last command.
    let cancelled = format!("{armed}CANCEL_SET_BUY,bb,Q\nDISPLAY_SUMMARY,bb\n");
    desk.place.write("cancelled", &cancelled);
    let load = |file, more: &[&str]| {
        let page = ["desk", "load", file, "--front", "ipc://front", "--source", "rep"];
        desk.place.run(&[&page[..], more].concat()).ok()
    };
    load("armed", &["--no-data"]);
    let answers = load("cancelled", &[]);
    server.kill();
    let lines = answers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let notices: Vec<_> = lines.filter(|line| line["type"] == "disarmed").collect();
    let [notice] = &notices[..] else { panic!("{answers}") };
    assert_eq!((&notice["seq"], &notice["trigger"]), (&3.into(), &"1.00".into()));
    desk.place.write("answers", &answers);
    let verified = desk.place.run(&["verify", "data", "--answers", "answers"]).ok();
    assert!(verified.contains("6 replies checked, 0 lost"), "{verified}");
}
