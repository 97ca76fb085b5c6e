//! Ask and tell: one message, one bust, one split, one report, and what people do wrong with them.

use crate::process::{Endpoints, Place, Process};

/// A server with a split of ann and bob in force.
fn served(place: &Place) -> (Process, Endpoints) {
    let (server, at) = place.serve();
    let told = place.run(&["split", "ann=40,bob=60", "--front", &at.front]).ok();
    assert_eq!(told, "split 1 is in force\n");
    (server, at)
}

const FILL: [&str; 8] = [
    "send",
    "fill",
    "source=desk",
    "seq=17",
    "ticker=AAPL",
    "side=buy",
    "price=187.23",
    "quantity=100",
];

#[test]
fn a_message_of_words_is_answered_and_a_refusal_fails() {
    let place = Place::new();
    let (_server, at) = served(&place);
    let front = ["--front", at.front.as_str()];
    let answer = place.run(&[&FILL[..], &front].concat()).ok();
    assert!(answer.contains(r#""type":"allocated","source":"desk","seq":17"#), "{answer}");
    assert!(answer.contains(r#""shares":{"ann":40,"bob":60}"#), "{answer}");
    let again = place.run(&[&FILL[..], &front].concat()).ok();
    assert!(again.contains(r#""duplicate":true"#), "{again}");

    let unnamed = ["send", "fill", "ticker=MSFT", "price=400", "quantity=10"];
    let answer = place.run(&[&unnamed[..], &front].concat()).ok();
    assert!(answer.contains(r#""source":"send-"#), "{answer}");

    let refused = place
        .run(&[&["send", "fill", "ticker=MSFT", "price=-1", "quantity=10"][..], &front].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.contains("price_must_be_positive"), "{}", refused.stdout);
    let unread = place.run(&[&["send", r#"{"type":"fill","sorce":"a"}"#][..], &front].concat());
    assert_eq!(unread.status.code(), Some(1));
    assert!(unread.stdout.contains("unknown_field"), "{}", unread.stdout);
}

#[test]
fn messages_of_a_file_are_sent_one_after_the_other() {
    let place = Place::new();
    let (_server, at) = served(&place);
    let front = ["--front", at.front.as_str()];
    // Objects may stand on several lines.
    place.write(
        "messages",
        r#"{"type":"fill","source":"a","seq":1,"ticker":"T","price":1,
             "quantity":5}

           {"type":"report","source":"a","seq":2}"#,
    );
    let answers = place.run(&[&["send", "--file", "messages"][..], &front].concat()).ok();
    let kinds: Vec<_> =
        answers.lines().map(|line| line.split('"').nth(3).unwrap().to_owned()).collect();
    assert_eq!(kinds, ["allocated", "reported"]);
    place.write("broken", "{\"type\":\"report\",\"source\":\"a\",\"seq\":3}\n{\"type\":\n");
    let broken = place.run(&[&["send", "--file", "broken"][..], &front].concat());
    assert!(broken.stdout.contains("reported"), "{}", broken.stdout);
    let error = broken.error();
    assert!(
        error.contains("message 2 is not JSON") && error.contains("those before it were sent"),
        "{error}"
    );
    place.write("list", "[1]");
    let list = place.run(&[&["send", "--file", "list"][..], &front].concat()).error();
    assert!(list.contains("message 1 is no JSON object"), "{list}");

    let mut typed = place.start_typed(&[&["send"][..], &front].concat());
    for seq in [7, 8] {
        typed.type_line(&format!(r#"{{"type":"report","source":"t","seq":{seq}}}"#));
        let answer = typed.line_with("reported");
        assert!(answer.contains(&format!(r#""seq":{seq}"#)), "{answer}");
    }
}

#[test]
fn a_fill_is_busted_by_its_name_and_once() {
    let place = Place::new();
    let (_server, at) = served(&place);
    let ends = ["--front", at.front.as_str(), "--publish", at.publish.as_str()];
    place.run(&[&FILL[..], &ends[..2]].concat()).ok();
    let bust = [&["bust", "desk", "17"][..], &ends].concat();
    let told = place.run(&bust).ok();
    assert_eq!(told, "fill 17 of AAPL is busted; given back: ann 40, bob 60\n");
    let again = place.run(&bust).ok();
    assert!(again.contains("given back: ann 40, bob 60 (known before"), "{again}");
    let unknown = place.run(&[&["bust", "desk", "18"][..], &ends].concat()).error();
    assert!(unknown.contains("the server knows no divided fill 18 of source desk"), "{unknown}");
    let unknown = place.run(&[&["bust", "desk", "18", "--ticker", "AAPL"][..], &ends].concat());
    assert!(unknown.error().contains("(unknown_fill)"));
    let now = place.run(&[&["positions", "--now", "--format", "csv"][..], &ends].concat()).ok();
    assert!(!now.contains("AAPL,40"), "{now}");
}

#[test]
fn a_report_that_is_asked_for_has_everything_before_it() {
    let place = Place::new();
    let (server, at) = place.serve();
    let ends = ["--front", at.front.as_str(), "--publish", at.publish.as_str()];
    place.run(&["split", "ann=40,bob=60", "--front", &at.front]).ok();
    place.run(&[&FILL[..], &ends[..2]].concat()).ok();
    let told = place.run(&["report", "--front", &at.front]).ok();
    assert!(told.starts_with("report ") && told.ends_with(" is being published\n"), "{told}");
    let json = place.run(&["report", "--json", "--front", &at.front]).ok();
    assert!(json.starts_with(r#"{"type":"reported""#), "{json}");
    let now = place.run(&[&["positions", "--now", "--format", "json"][..], &ends].concat()).ok();
    let now: serde_json::Value = serde_json::from_str(&now).unwrap();
    assert_eq!(now["accounts"]["ann"]["positions"]["AAPL"]["quantity"], 40);
    let one = ["positions", "--now", "--account", "bob", "--format", "csv"];
    let one = place.run(&[&one[..], &ends].concat()).ok();
    assert!(one.contains(",bob,60,") && one.contains(",AAPL,60,"), "{one}");
    let ticker = ["positions", "--now", "--ticker", "MSFT"];
    let ticker = place.run(&[&ticker[..], &ends].concat());
    assert!(ticker.stderr.contains("nothing was ever divided of MSFT"), "{}", ticker.stderr);
    let ticker = ticker.ok();
    assert!(ticker.contains("ann") && !ticker.contains("AAPL"), "{ticker}");
    // The report before does not have it.
    place.run(&["split", "ann=40,bob=30,eve=30", "--front", &at.front]).ok();
    let new = ["positions", "--now", "--account", "eve", "--format", "csv"];
    let new = place.run(&[&new[..], &ends].concat()).ok();
    assert!(new.contains(",eve,30,"), "{new}");
    drop(server);
}

#[test]
fn a_report_of_another_server_is_not_taken_for_the_one_that_was_asked_for() {
    let place = Place::new();
    let (_server, at) = place.serve_reporting("1h", &[]);
    let other = Place::new();
    let (_other, elsewhere) = other.serve_reporting("1h", &[]);
    // So many that its latest has a number that the first server has yet to reach: between two
    // reports there is a change.
    let change = r#"{"type":"split","source":"aum","weights":{"ann":"100"}"#;
    let report = r#"{"type":"report","source":"ops""#;
    let lines = (1..20).map(|seq| format!("{change},\"seq\":{seq}}}\n{report},\"seq\":{seq}}}\n"));
    other.write("reports", &lines.collect::<String>());
    other.run(&["send", "--file", "reports", "--front", &elsewhere.front]).ok();
    let ends = ["--front", elsewhere.front.as_str(), "--publish", elsewhere.publish.as_str()];
    other.run(&[&["positions", "--now"][..], &ends].concat()).ok();
    let mixed = ["--front", at.front.as_str(), "--publish", elsewhere.publish.as_str()];
    for command in [&["positions", "--now"][..], &["split", "ann=50,bob=50", "--dry-run"]] {
        let error = place.run(&[command, &mixed].concat()).error();
        assert!(error.contains("of the same server with --front and --publish"), "{error}");
    }
}

/// Whoever gives up must not count it twice.
#[test]
fn a_request_without_a_reply_is_told_with_the_name_under_which_it_counts_once() {
    let place = Place::new();
    let silent = zmq::Context::new().socket(zmq::ROUTER).unwrap();
    silent.bind("tcp://127.0.0.1:*").unwrap();
    let front = silent.get_last_endpoint().unwrap().unwrap();
    let ask = |words: &[&str]| {
        place.run(&[words, &["--timeout", "300ms", "--front", &front]].concat()).error()
    };
    let fill = ask(&["send", "fill", "ticker=A", "price=1", "quantity=5"]);
    assert!(fill.contains("under its name, source=send-") && fill.contains(" seq=1,"), "{fill}");
    let split = ask(&["split", "ann=100"]);
    assert!(split.contains("it may be applied all the same"), "{split}");
    let report = ask(&["report"]);
    assert!(!report.contains("applied") && report.contains("no reply"), "{report}");
}

#[test]
fn a_dry_run_says_what_a_split_would_open_and_close() {
    let place = Place::new();
    let (_server, at) = served(&place);
    let ends = ["--front", at.front.as_str(), "--publish", at.publish.as_str()];
    place.run(&[&FILL[..], &ends[..2]].concat()).ok();
    let dry = |arguments: &[&str]| {
        place.run(&[&["split"], arguments, &["--dry-run"], &ends[..]].concat())
    };
    let refused = dry(&["ann=70,carl=30"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let page = refused.stdout;
    let line = |page: &str, name: &str| {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line(&page, "ann"), "ann 40 % 70 % changes 7,489.20: 40 AAPL");
    assert_eq!(line(&page, "bob"), "bob 60 % closed may not be left out 11,233.80: 60 AAPL");
    assert_eq!(line(&page, "carl"), "carl 30 % opens: a new account nothing");
    assert!(page.contains("close it with --closes bob"), "{page}");
    let singular = "it leaves out an account that holds shares; give it 0 to wind it down";
    assert!(page.contains(singular), "{page}");
    let both = dry(&["carl=100"]).stdout;
    let plural = "it leaves out 2 accounts that hold shares; give each 0 to wind it down, or close \
                  it with --closes ann,bob";
    assert!(both.contains(plural), "{both}");
    let allowed = dry(&["ann=70,carl=30", "--closes", "bob"]).ok();
    assert!(line(&allowed, "bob").contains("closes"), "{allowed}");
    assert!(allowed.contains("nothing was sent"), "{allowed}");
    let unknown = dry(&["ann=40,bob=60", "--closes", "dora"]);
    assert!(unknown.stdout.contains("no split ever named dora"), "{}", unknown.stdout);
    // Nothing of it came into force.
    let next = place.run(&[&["split", "ann=50,bob=50"], &ends[..2]].concat()).ok();
    assert_eq!(next, "split 2 is in force\n");
    let real = place.run(&[&["split", "ann=100"], &ends[..2]].concat());
    assert_eq!(real.status.code(), Some(1));
    assert!(real.stderr.contains("(split_omits_holder)"), "{}", real.stderr);
}

#[test]
fn a_wrong_command_line_is_named_with_the_way_out() {
    let place = Place::new();
    for (arguments, said) in [
        (&["split", "-5"][..], "unexpected argument '-5'"),
        (&["bust"], "required arguments were not provided"),
        (&["bust", "desk"], "<ID>"),
        (&["split", "a=0.4,b=0.6"], "give percentages, not fractions of 1"),
        (&["split", "a=40%,b=60"], "leave the % out, as a=40"),
        (&["split", "a=40,b=50"], "they add up to 90"),
        (&["split", "a:40"], "expected account=percent,account=percent"),
        (&["split", "a=40,a=60"], "\"a\""),
        (&["split", "a=40,b=60", "--closes", "b"], "account \"b\" appears twice in the split"),
        (
            &["history", "data", "--from", "2026-03-02", "--to", "2026-03-01"],
            "--from is not before --to",
        ),
        (&["send", "bust", "ticker=T", "of=7"], "add source= and seq=, or use allot bust"),
        (&["send", "fil", "ticker=AAPL"], "there is no message \"fil\""),
        (&["send", "fill", "AAPL"], "\"AAPL\" is not FIELD=VALUE"),
        (&["positions", "--at", "yesterday", "."], "expected a time"),
        (&["positions", "--at", "2026-01-01"], "<DIR>"),
        (&["history", "data", "--format", "xlsx"], "possible values: table, csv, json"),
        (&["explain", "data", "--id", "17"], "--source <NAME>"),
        (&["help", "sreve"], "allot has no command \"sreve\""),
        (&["histroy"], "similar subcommand exists: 'history'"),
    ] {
        let error = place.run(arguments).misuse();
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

/// What users did wrong when they met these commands first, and what they are told.
#[test]
fn a_mistake_is_named_with_the_way_out() {
    let place = Place::new();
    let (_server, at) = served(&place);
    let (front, publish) = (at.front.as_str(), at.publish.as_str());
    let ends = ["--front", front, "--publish", publish];
    let nowhere = "tcp://127.0.0.1:1";
    place.write("empty", "\n");
    place.write("long", &format!("{{\"type\":\"report\",\"source\":\"{}\"}}", "s".repeat(1 << 20)));
    place.write("marked", "\u{feff}{\"type\":\"report\",\"source\":\"marked\",\"seq\":1}\n");
    place.run(&["send", "--file", "marked", "--front", front]).ok();
    for (arguments, said) in [
        (
            &["send", "--file", "long"][..],
            "message 1 has more than 1024 KiB, which no front door takes",
        ),
        (&["positions", "--once", "--account", "an"], "there is no account an"),
        (
            &["positions", "--once", "--account", "bobb"],
            "there is no account bobb; did you mean bob? this is of report ",
        ),
        (&["history", "nothing-there"], "cannot read nothing-there"),
        (&["history", "."], "there is no journal in ."),
        (&["explain", ".", "--source", "a", "--id", "1"], "there is no journal in ."),
        (&["positions", "--at", "2026-01-01", "."], "there is no journal in ."),
        (&["send"], "stdin has no message: nothing was sent"),
        (&["send", "--file", "empty"], "empty has no message: nothing was sent"),
    ] {
        let arguments = match arguments[0] {
            "send" => [arguments, &ends[..2]].concat(),
            "positions" if !arguments.contains(&"--at") => [arguments, &ends[2..]].concat(),
            _ => arguments.to_vec(),
        };
        let error = place.run(&arguments).error();
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    let swapped = ["positions", "--once", "--timeout", "1s", "--publish", front];
    let error = place.run(&swapped).error();
    assert!(
        error.contains("is a front door; use the endpoint that the server prints after publish="),
        "{error}"
    );
    let swapped = ["send", "report", "--timeout", "1s", "--front", publish];
    let error = place.run(&swapped).error();
    assert!(error.contains("is the endpoint of a publisher"), "{error}");
    for arguments in [
        &["send", "report", "--timeout", "1s", "--front", nowhere][..],
        &["report", "--timeout", "1s", "--front", nowhere],
        &["split", "a=100", "--timeout", "1s", "--front", nowhere],
        &["bust", "desk", "17", "--timeout", "1s", "--front", nowhere, "--publish", publish],
        &["history", "--timeout", "1s", "--front", nowhere, "--publish", publish],
    ] {
        let error = place.run(arguments).error();
        assert!(error.contains("nothing listens at tcp://127.0.0.1:1"), "{arguments:?}: {error}");
    }
}

#[test]
fn a_command_line_without_a_command_prints_the_help_where_nobody_types() {
    let place = Place::new();
    let help = place.run(&[]).misuse();
    assert!(help.contains("Usage: allot") && help.contains("history"), "{help}");
    let settings = place.run(&["help", "settings"]).ok();
    assert!(settings.contains("--report-every DURATION"), "{settings}");
    assert!(settings.contains("environment: ALLOT_REPORT_EVERY"), "{settings}");
    let serve = place.run(&["serve", "--help"]).ok();
    assert!(
        serve.contains("described by allot help settings") && serve.contains("--report-every"),
        "{serve}"
    );
    assert!(!serve.contains("ALLOT_REPORT_EVERY"), "{serve}");
    assert_eq!(
        place.run(&["help", "feed", "fills"]).ok(),
        place.run(&["feed", "fills", "--help"]).ok()
    );
    assert!(place.run(&["--version"]).ok().starts_with("allot 0."));
}
