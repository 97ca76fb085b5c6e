//! The command line: what people type, what they get, and how it ends.

use std::fs;
use std::net::TcpListener;

use crate::client::subscribe;
use crate::process::Place;
use crate::server::{Server, endpoint};

#[test]
fn a_fill_that_was_sent_is_a_position_that_is_printed() {
    let place = Place::new();
    let (server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "ann=40,bob=60", "--count", "1", "--front", &at.front];
    assert!(place.run(&split).ok().contains("all answered"));
    place.write("fills.csv", "ticker,side,price,quantity\nAAPL,buy,187.23,100\nMSFT,buy,400,10\n");
    let fills =
        ["feed", "fills", "--file", "fills.csv", "--source", "monday", "--front", &at.front];
    assert!(place.run(&fills).ok().contains("all answered"));
    let again = place.run(&fills).ok();
    assert!(again.contains("known before                  2"), "{again}");

    // A subscriber gets the last report at once; it may be older than the fills.
    let mut reader = place.start(&["positions", "--publish", &at.publish]);
    reader.line_with("2 fills");
    let total = reader.line_with("total");
    assert_eq!(total.split_whitespace().collect::<Vec<_>>(), ["total", "100", "10", "22,723.00"]);
    drop(reader);

    let once = |format: &str| {
        let arguments = ["positions", "--once", "--format", format, "--publish", &at.publish];
        place.run(&arguments).ok()
    };
    let json: serde_json::Value = serde_json::from_str(&once("json")).unwrap();
    assert_eq!(json["accounts"]["ann"]["positions"]["AAPL"]["quantity"], 40);
    assert_eq!(json["accounts"]["bob"]["positions"]["MSFT"]["quantity"], 6);
    let csv = once("csv");
    assert!(csv.lines().next().unwrap().starts_with("report,cut,split,time,account"), "{csv}");
    assert_eq!(csv.lines().count(), 5, "{csv}");

    server.signal("-TERM");
    assert!(server.outcome().status.success());
}

#[test]
fn given_weights_drift_and_flags_that_contradict_each_other_are_named() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let aum = ["feed", "aum", "--front", &at.front, "--weights", "ann=40,bob=60"];
    let with = |more: &[&str]| place.run(&[&aum[..], more].concat());
    let drift = ["--drift", "10", "--seed", "7", "--count", "3", "--every", "10ms"];
    let splits = with(&drift);
    let in_force = |text: &str| splits.stderr.contains(text);
    assert!(in_force("ann=40 bob=60"), "{}", splits.stderr);
    assert_eq!(splits.stderr.matches("is in force").count(), 3, "{}", splits.stderr);
    assert_eq!(splits.stderr.matches("ann=40 bob=60").count(), 1, "{}", splits.stderr);
    assert!(splits.ok().contains("accepted                      3"));
    for (more, expected) in [
        (&["--seed", "7"][..], "<--random|--drift [<PERCENT>]>"),
        (&["--random"], "cannot be used with"),
        (&["--file", "x"], "cannot be used with"),
        (&["--drift", "--accounts", "3"], "cannot be used with"),
    ] {
        let failed = with(more);
        assert_eq!(failed.status.code(), Some(2), "{more:?}");
        assert!(failed.stderr.contains(expected), "{more:?}: {}", failed.stderr);
    }
    assert!(with(&["--drift", "0"]).error().contains("invalid drift \"0\": expected a percentage"));
}

#[test]
fn a_file_with_a_bad_line_is_named_and_nothing_of_it_is_sent() {
    let place = Place::new();
    let (_server, at) = place.serve();
    place
        .write("fills.csv", "ticker,side,price,quantity\nAAPL,buy,187.23,100\nMSFT,buy,cheap,10\n");
    let feed = ["feed", "fills", "--source", "f", "--file", "fills.csv", "--front", &at.front];
    let error = place.run(&feed).error();
    assert!(error.contains("line 3: the price \"cheap\""), "{error}");
    let skipping = [&feed[..], &["--on-bad-line", "skip"]].concat();
    let outcome = place.run(&skipping);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    let summary = outcome.stdout;
    for text in ["held: fills.csv line 2", "skipped line 3", "not everything is in the books"] {
        assert!(summary.contains(text), "no {text:?} in {summary}");
    }
}

#[test]
fn a_feed_without_a_server_ends_when_it_is_told_to_and_says_what_is_lost() {
    let place = Place::new();
    let nowhere = format!("ipc://{}/nowhere", place.path().display());
    let feed = ["feed", "fills", "--random", "--rate", "max", "--count", "3", "--front", &nowhere];
    let mut process = place.start_merged(&feed);
    process.line_with("is a server running at");
    process.signal("-INT");
    let outcome = process.outcome();
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("not all answered"), "{}", outcome.stdout);
}

#[test]
fn a_feed_ends_after_its_patience_and_says_why_nobody_replied() {
    let place = Place::new();
    let (_clear, at) = place.serve();
    let any = "tcp://127.0.0.1:*";
    let mut secret =
        place.start(&["serve", "--front-secret", "keys", "--front", any, "--publish", any]);
    let line = secret.line_with("listening ");
    let find = |name: &str| endpoint(&line, name);
    let (front, key) = (find("front="), find("front-key="));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("tcp://{}", silent.local_addr().unwrap());
    let pull = zmq::Context::new().socket(zmq::PULL).unwrap();
    pull.bind(any).unwrap();
    let stranger = pull.get_last_endpoint().unwrap().unwrap();
    // A port that was free a moment ago may be another test's by now; port 1 is nobody's.
    let free = "127.0.0.1:1";
    let other = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    for (given, expected) in [
        (&["--front", &format!("tcp://{free}")][..], "nothing listens at"),
        (&["--front", &at.publish], "is the endpoint of a publisher"),
        (&["--front", &stranger], "it is no front door"),
        (&["--front", &silent], "accepts connections and says nothing"),
        (&["--front", &front], "encrypts; give its public key with --front-key"),
        (&["--front", &front, "--front-key", other], "has another key than --front-key"),
        (&["--front", &at.front, "--front-key", &key], "does not encrypt; leave out --front-key"),
    ] {
        let feed = ["feed", "fills", "--random", "--count", "3", "--patience", "500ms"];
        let error = place.run(&[&feed, given].concat()).error();
        assert!(error.contains("no reply from the server: "), "{given:?}: {error}");
        assert!(error.contains(expected), "{given:?}: {error}");
    }
    let feed = ["feed", "aum", "--weights", "a=100", "--count", "1", "--patience", "500ms"];
    let error = place.run(&[&feed[..], &["--front", &at.publish]].concat()).error();
    assert!(error.contains("is the endpoint of a publisher"), "{error}");
    let feed = ["feed", "aum", "--weights", "a=100", "--count", "1", "--front", &front];
    place.run(&[&feed[..], &["--front-key", &key]].concat()).ok();
}

#[test]
fn a_file_is_shown_before_it_is_sent_and_counts_once() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "ann=40,bob=60", "--count", "1", "--front", &at.front];
    place.run(&split).ok();
    place.write("day.csv", "Symbol;B/S;Qty;Px;Fee\nSAP;B;1.000;210,10;1,5\nSAP;S;400;211;1\n");
    place.write(
        "bank.toml",
        "delimiter = ';'\nignore = ['Fee']\n[columns]\nticker = 'Symbol'\nside = 'B/S'\n\
         quantity = 'Qty'\nprice = 'Px'\n[sides]\nbuy = ['B', 'BC']\nsell = 'S'\n",
    );
    let feed = ["feed", "fills", "--file", "day.csv", "--front", &at.front];
    let signs = ["--decimal", ",", "--thousands", "."];
    let all = [&feed[..], &signs, &["--format", "bank.toml"]].concat();
    let shown = place.run(&[&all[..], &["--dry-run"]].concat()).ok();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = shown.lines().map(words).collect();
    assert!(lines[0].ends_with("day.csv: 2 fills; nothing is sent"), "{shown}");
    assert!(lines.iter().any(|line| line.starts_with("2 buy 1000 SAP 210.1 line-")), "{shown}");
    assert!(lines.contains(&"SAP sell 1 400 84400".to_owned()), "{shown}");
    let unnamed = place.run(&all).error();
    assert!(unnamed.contains("a file needs --source NAME"), "{unnamed}");
    let named = [&all[..], &["--source", "desk"]].concat();
    assert!(place.run(&named).ok().contains("allocated                     2"));
    assert!(place.run(&named).ok().contains("known before                  2"));
    let unmapped = [&feed[..], &["--source", "desk", "--delimiter", ";"]].concat();
    let error = place.run(&unmapped).error();
    assert!(error.contains("map it with --column side=\"B/S\", or give --side buy"), "{error}");
    let one_column = place.run(&[&feed[..], &["--source", "desk"]].concat()).error();
    assert!(one_column.contains("Give --delimiter ';'"), "{one_column}");
    let unknown = place.run(&[&named[..], &["--column", "size=Qty"]].concat()).error();
    assert!(unknown.contains("there is no field \"size\""), "{unknown}");
}

#[test]
fn a_demo_prints_a_table_and_ends_by_itself() {
    let place = Place::new();
    let demo = ["demo", "--count", "50", "--sources", "2", "--report-every", "100ms"];
    let page = place.run(&demo).ok();
    for text in ["listening front=tcp://", "account1", "total", "100 fills", "2 sources"] {
        assert!(page.contains(text), "no {text:?} in:\n{page}");
    }
    assert!(page.contains("fills sent 100, answered 100, rejected 0, lost 0"), "{page}");
    let page = place.run(&["demo", "--for", "300ms"]).ok();
    assert!(page.contains("total") && page.contains("lost 0"), "{page}");
}

#[test]
fn an_interrupted_demo_ends_with_everything_answered() {
    let place = Place::new();
    // The ports of the file are those of a server that may be running: a demo takes others.
    place.write("allot.toml", "front = \"tcp://127.0.0.1:1\"\nreport-every = \"1h\"\n");
    let mut demo = place.start(&["demo"]);
    demo.line_with("answered");
    demo.signal("-INT");
    let outcome = demo.outcome();
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("lost 0"), "{}", outcome.stdout);
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let place = Place::new();
    place.write("allot.toml", "shards = 3\nwait = \"block\"\n");
    let variables = [("ALLOT_WAIT", "spin"), ("ALLOT_BLEND", "1/4")];
    let show = ["config", "show", "--blend", "1/2"];
    let shown = place.start_with(&show, &variables).outcome().ok();
    let words = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words("shards"), "shards = 3 (file allot.toml)");
    assert_eq!(words("wait"), "wait = spin (environment ALLOT_WAIT)");
    assert_eq!(words("blend"), "blend = 1/2 (flag --blend)");
    assert_eq!(words("publish"), "publish = tcp://127.0.0.1:9999 (default)");
    place.run(&["config", "check"]).ok();
}

#[test]
fn an_invalid_configuration_stops_the_process_before_anything_starts() {
    let place = Place::new();
    let missing = place.run(&["config", "check", "--config", "not-there.toml"]).error();
    assert!(missing.contains("cannot read the configuration file not-there.toml"), "{missing}");
    place.write("allot.toml", "report_every = \"2s\"\n");
    let unknown = place.run(&["serve"]).error();
    assert!(unknown.contains("did you mean \"report-every\"?"), "{unknown}");
    place.write("allot.toml", "report-every = \"2\"\n");
    let wrong = place.run(&["serve"]).error();
    assert!(wrong.contains("report-every = \"2\", from file allot.toml"), "{wrong}");
    assert!(wrong.contains("allowed: a duration"), "{wrong}");
}

#[test]
fn an_endpoint_that_is_taken_is_named_with_the_cure() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let second = place.run(&["serve", "--front", &at.front]).error();
    assert!(second.contains(&at.front) && second.contains("address in use"), "{second}");
}

#[test]
fn a_shard_that_there_is_not_is_failed() {
    let error = Place::new().run(&["shard", "--shard", "2", "--shards", "2"]).error();
    assert!(error.contains("there is no shard 2: --shards is 2"), "{error}");
}

#[test]
fn a_report_that_does_not_come_is_an_error() {
    let place = Place::new();
    let nowhere = format!("ipc://{}/nowhere", place.path().display());
    let error =
        place.run(&["positions", "--once", "--timeout", "50ms", "--publish", &nowhere]).error();
    assert!(error.contains(&format!("came from {nowhere} within 50ms")), "{error}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let mut reader = place.start(&["positions", "--publish", &at.publish]);
    reader.line_with("report ");
    assert!(reader.status_without_reader().success());
}

#[test]
fn the_doctor_knows_a_server_from_a_free_place() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let found = place.run(&["doctor", "--front", &at.front, "--publish", &at.publish]).ok();
    assert!(found.contains("a server replies") && found.contains("a server publishes"), "{found}");
    assert!(found.contains("libzmq 4.3.5") && found.contains("cores"), "{found}");
    let free = "ipc://free";
    let found = place.run(&["doctor", "--front", free, "--publish", free]).ok();
    assert!(found.contains("front ipc://free: free, no server is running"), "{found}");
    let expected = ["doctor", "--expect-server", "--front", free, "--publish", free];
    let found = place.run(&expected);
    assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
    assert!(found.stdout.contains("bad   front ipc://free: no server is running"));
}

/// Each box of a running server is missed.
#[test]
fn the_doctor_misses_what_is_not_running() {
    let mut server = Server::kept_over_ipc(2);
    let ends = (server.front.clone(), server.publish.clone());
    let examine = |server: &Server| {
        let ends = ["--front", &ends.0, "--publish", &ends.1];
        server.place.run(&[&["doctor"], &ends[..]].concat())
    };
    let _ = server.split();
    let found = examine(&server).ok();
    let ledger = std::fs::read_to_string(server.data().join("ledger")).unwrap();
    let id = ledger.lines().nth(1).unwrap().strip_prefix("id ").unwrap();
    assert!(found.contains(&format!("shards 2, ledger {id}")), "{found}");
    let misses = |server: &Server, what: &str| {
        let found = examine(server);
        assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
        assert!(found.stdout.contains(what), "{what}: {}", found.stdout);
    };

    server.kill("publisher");
    misses(&server, "the publisher is missing");
    server.start_again("publisher");
    server.kill("shard-1");
    let heartbeats = subscribe(&ends.1, "heartbeat:");
    loop {
        let frames = heartbeats.recv_multipart(0).unwrap();
        if String::from_utf8_lossy(&frames[2]).contains("shard 1 is away") {
            break;
        }
    }
    misses(&server, "shard 1 is away");
    server.start_again("shard-1");
    server.kill("router");
    misses(&server, "the router is missing");
}

#[test]
fn a_harness_that_was_not_built_is_named_with_the_command_that_builds_it() {
    let folder = tempfile::TempDir::new().unwrap();
    // Of its own folder it knows where it is, and that nothing stands beside it.
    let alone = folder.path().join("allot");
    std::fs::copy(env!("CARGO_BIN_EXE_allot"), &alone).unwrap();
    let output = std::process::Command::new(alone).args(["bench", "tcp"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(errors.contains("the benchmark harness is not at "), "{errors}");
    assert!(errors.contains("cargo build --release -p allot-bench"), "{errors}");
}

#[test]
fn help_and_completions_are_printed() {
    let place = Place::new();
    for words in [&["--help"][..], &["serve", "--help"], &["feed", "fills", "--help"]] {
        assert!(place.run(words).ok().contains("Examples:\n  allot "), "{words:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).ok().contains("report-every"), "{shell}");
    }
    let wrong = place.run(&["sreve"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.contains("'serve'"), "{}", wrong.stderr);
}

#[test]
fn an_export_that_is_sent_again_counts_only_what_is_new() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "ann=40,bob=60", "--count", "1", "--front", &at.front];
    place.run(&split).ok();
    let head = "ticker,side,price,quantity\n";
    let noon = ["AAPL,buy,187,100\n", "AAPL,buy,187,100\n", "MSFT,buy,420,50\n"];
    let feed = ["feed", "fills", "--file", "day.csv", "--source", "desk", "--front", &at.front];
    let send = |lines: &[&str]| {
        place.write("day.csv", &format!("{head}{}", lines.concat()));
        place.run(&feed).ok()
    };
    assert!(send(&noon).contains("allocated                     3"));
    // The end of the day: newest first, with a line on top.
    let evening = send(&["TSLA,buy,300,70\n", noon[2], noon[1], noon[0]]);
    assert!(evening.contains("allocated                     4"), "{evening}");
    assert!(evening.contains("known before                  3"), "{evening}");
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.run(&["man", "pages/man1"]).ok();
    assert!(place.path().join("pages/man1/allot-bench.1").exists());
    let page = |name: &str| fs::read_to_string(place.path().join("pages/man1").join(name)).unwrap();
    for (name, text) in [
        ("allot.1", "allot\\-serve(1)"),
        ("allot-serve.1", "listening front="),
        ("allot-feed-fills.1", "\\-\\-random"),
        ("allot-desk-serve.1", "\\-\\-quotes"),
        ("allot-backup.1", "allot restore"),
    ] {
        let page = page(name);
        assert!(page.contains(".TH") && page.contains(text), "{name}: {page}");
    }
}
