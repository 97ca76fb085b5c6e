//! Mistakes: what people type when they meet Allot first, and what they are told.
//!
//! Each line of the tables is a mistake that was made, the exit status that it has, and words of
//! its message: one that names what is wrong, and one that names the way out. Those of
//! `allot bench` are in its own tests, those of the Python client in `clients/python`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Endpoints, Outcome, Place};
use crate::server::{FREE, endpoint};

/// The exit status of a command that failed, and of a command line that is refused.
const FAILED: i32 = 1;
const MISUSE: i32 = 2;

/// What is typed, the exit status, and words of the message.
type Mistake<'a> = (&'a str, i32, &'a [&'a str]);

/// Types each line, in which FRONT, PUBLISH and SECRET stand for endpoints, and looks at the
/// answer.
#[track_caller]
fn check(place: &Place, endpoints: &[(&str, &str)], mistakes: &[Mistake<'_>]) {
    for (typed, status, said) in mistakes {
        let words = typed.split_whitespace().map(|word| {
            let known = endpoints.iter().find(|(name, _)| *name == word);
            known.map_or(word, |(_, endpoint)| *endpoint)
        });
        let outcome = place.run(&words.collect::<Vec<_>>());
        expect(typed, &outcome, *status, said);
    }
}

#[track_caller]
fn expect(typed: &str, outcome: &Outcome, status: i32, said: &[&str]) {
    let Outcome { stdout, stderr, .. } = outcome;
    assert_eq!(outcome.status.code(), Some(status), "{typed}\n{stdout}\n{stderr}");
    for words in said {
        assert!(stderr.contains(words), "{typed}: no {words:?} in\n{stderr}");
    }
}

#[test]
fn a_command_line_that_cannot_be_meant_is_told_what_is() {
    let place = Place::new();
    fs::create_dir(place.path().join("empty")).unwrap();
    let weights = "the weights must add up to 100 within 0.01";
    check(
        &place,
        &[],
        &[
            ("position", MISUSE, &["similar subcommand exists: 'positions'"]),
            ("positions --onec", MISUSE, &["'--onec'", "similar argument exists: '--once'"]),
            ("bust", MISUSE, &["<SOURCE>", "<ID>", "Usage: allot bust <SOURCE> <ID>"]),
            ("feed fills", MISUSE, &["<--random|--file <FILE>>"]),
            ("completions csh", MISUSE, &["'csh'", "bash, elvish, fish, powershell, zsh"]),
            ("positions --format xlsx", MISUSE, &["'xlsx'", "table, json, csv"]),
            ("verify", MISUSE, &["<DIR>", "Usage: allot verify <DIR>"]),
            ("verify nowhere", FAILED, &["cannot read nowhere: No such file or directory"]),
            ("verify empty", FAILED, &["no journal in empty", "given as --data"]),
            ("inspect /etc/passwd", FAILED, &["cannot read /etc/passwd", "Not a directory"]),
            ("serve --front 127.0.0.1:9990", FAILED, &["from flag --front", "tcp://HOST:PORT"]),
            ("serve --report-every 10", FAILED, &["report-every = \"10\"", "such as 10s"]),
            ("serve --shards 0", FAILED, &["shards = \"0\"", "a whole number from 1 to 64"]),
            (
                "serve --new --data /proc/nowhere --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*",
                FAILED,
                &["cannot use /proc/nowhere as a data directory"],
            ),
            ("shard --shard 5 --shards 2", FAILED, &["no shard 5", "numbered from 0"]),
            ("feed fills --random --rate fast", FAILED, &["\"fast\"", "such as 2500", "or max"]),
            ("feed fills --random --rate -5", FAILED, &["\"-5\"", "more than zero, such as 2500"]),
            ("feed fills --file no.csv --source a", FAILED, &["no.csv", "is the path right?"]),
            ("split a=40,b=50", MISUSE, &[weights, "they add up to 90"]),
            ("split a:40", MISUSE, &["\"a:40\"", "expected account=percent"]),
            ("split a=0.4,b=0.6", MISUSE, &[weights, "give percentages, not fractions of 1"]),
            ("split a=40%,b=60%", MISUSE, &["\"40%\" of \"a\"", "leave the % out, as a=40"]),
            ("split a=40,a=60", MISUSE, &["account \"a\" appears twice"]),
            ("feed aum --weights a=40,b=50", FAILED, &[weights, "they add up to 90"]),
            ("serve --config no.toml", FAILED, &["the configuration file no.toml", "No such file"]),
        ],
    );
}

#[test]
fn a_configuration_that_is_wrong_is_told_all_that_is() {
    let place = Place::new();
    place.write("allot.toml", "frontt = \"tcp://127.0.0.1:*\"\nreport-every = \"10\"\n");
    let said =
        ["no setting \"frontt\"; did you mean \"front\"?", "report-every = \"10\", from file"];
    for typed in ["config check", "serve"] {
        check(&place, &[], &[(typed, FAILED, &said)]);
    }
    place.write("allot.toml", "");
    let with = |name: &str, value: &str| {
        place.start_with(&["config", "check"], &[(name, value)]).outcome()
    };
    let no_variable = with("ALLOT_SHARD", "4");
    expect("ALLOT_SHARD=4", &no_variable, 0, &["ALLOT_SHARD has no effect", "allot config show"]);
    let no_number = with("ALLOT_SHARDS", "four");
    let said = ["shards = \"four\", from environment ALLOT_SHARDS", "from 1 to 64"];
    expect("ALLOT_SHARDS=four", &no_number, FAILED, &said);
}

/// One server without encryption and one with; everything else is about them.
#[test]
fn what_reaches_the_wrong_place_is_told_which_one_it_is() {
    let place = Place::new();
    place.init();
    let serve = ["serve", "--data", "data", "--front", FREE, "--publish", FREE];
    let mut server = place.start(&[&serve[..], &["--report-every", "100ms"]].concat());
    let line = server.line_with("listening ");
    let at = Endpoints { front: endpoint(&line, "front="), publish: endpoint(&line, "publish=") };
    let mut secret =
        place.start(&["serve", "--front-secret", "keys", "--front", FREE, "--publish", FREE]);
    let secret_front = endpoint(&secret.line_with("listening "), "front=");
    place.run(&["split", "ann=40,bob=60", "--front", &at.front]).ok();
    let ends = [("FRONT", &*at.front), ("PUBLISH", &*at.publish), ("SECRET", &*secret_front)];
    let feed = "feed fills --random --count 3 --patience 500ms --front";
    let other = "serve --publish tcp://127.0.0.1:* --front";
    check(
        &place,
        &ends,
        &[
            (&format!("{other} FRONT"), FAILED, &["address in use", "is another allot running?"]),
            (
                "serve --front tcp://127.0.0.1:* --publish PUBLISH",
                FAILED,
                &["address in use", "Stop it, or choose another endpoint"],
            ),
            (
                "serve --data data --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*",
                FAILED,
                &["another process writes the journal in data/shard-0", "stop it"],
            ),
            (
                "positions --once --timeout 1s --publish FRONT",
                FAILED,
                &["is a front door", "the endpoint that the server prints after publish="],
            ),
            (
                "positions --once --account nobody --publish PUBLISH",
                FAILED,
                &["there is no account nobody; there are ann, bob"],
            ),
            (
                &format!("{feed} tcp://127.0.0.1:1"),
                FAILED,
                &["nothing listens at tcp://127.0.0.1:1; start the server there"],
            ),
            (
                &format!("{feed} tcp://nowhere.invalid:1"),
                FAILED,
                &["the name of the machine in tcp://nowhere.invalid:1 stands for no address"],
            ),
            (
                &format!("{feed} PUBLISH"),
                FAILED,
                &["is the endpoint of a publisher", "prints after front="],
            ),
            (
                &format!("{feed} SECRET"),
                FAILED,
                &["encrypts; give its public key with --front-key"],
            ),
        ],
    );
    files(&place, &ends);
    // A directory that was written by one shard is not one of two.
    server.signal("-TERM");
    assert!(server.outcome().status.success());
    let typed =
        "serve --data data --shards 2 --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*";
    check(&place, &[], &[(typed, FAILED, &["shard", "1", "2"])]);
}

/// Files of fills as people have them.
fn files(place: &Place, ends: &[(&str, &str)]) {
    let header = "ticker,side,price,quantity\n";
    for (name, text) in [
        ("capital.csv", "Ticker,Side,Price,Quantity\nDUP,buy,10,100\n".to_owned()),
        ("semicolon.csv", "ticker;side;price;quantity\nDUP;buy;10;100\n".to_owned()),
        ("headless.csv", "DUP,buy,10,100\n".to_owned()),
        ("fee.csv", "ticker,side,price,quantity,fee\nDUP,buy,10,100,1\n".to_owned()),
        (
            "values.csv",
            header.to_owned()
                + "A,buy,$187.23,1\nA,buy,1,\"1,000\"\nA,buy,1,100.5\nA,buy,1,-100\nA,B,1,1\n",
        ),
        (
            "windows.csv",
            "\u{feff}ticker, side ,price,quantity\r\nA, buy ,187.23,100\r\n\r\n".into(),
        ),
        ("twice.csv", header.to_owned() + "DUP,buy,10,100\n"),
    ] {
        place.write(name, &text);
    }
    let feed = |name: &str| format!("feed fills --dry-run --source f --file {name}.csv");
    check(
        place,
        ends,
        &[
            (&feed("capital"), FAILED, &["no column \"ticker\"", "--column ticker=\"Ticker\""]),
            (&feed("semicolon"), FAILED, &["the header is one column", "Give --delimiter ';'"]),
            (&feed("headless"), FAILED, &["looks like a fill", "ticker,side,price,quantity"]),
            (&feed("fee"), FAILED, &["\"fee\" is not known", "name it in --ignore"]),
            (
                &(feed("fee") + " --ignore fee --not-fill fee=1"),
                FAILED,
                &["--not-fill checks the column \"fee\"", "leave one out"],
            ),
            (
                &(feed("fee") + " --ignore fee --same Fee"),
                FAILED,
                &["no column \"Fee\", which must be the same"],
            ),
            (
                &feed("values"),
                FAILED,
                &[
                    "line 2: the price \"$187.23\"",
                    "line 3: the quantity \"1,000\"",
                    "--thousands",
                    "line 4: the quantity \"100.5\"",
                    "line 5: the quantity \"-100\" is negative",
                    "--signed-quantity",
                    "line 6: the side must be buy or sell; it was \"B\"",
                    "--buy-codes",
                ],
            ),
            ("feed fills --file twice.csv --front FRONT", FAILED, &["a file needs --source NAME"]),
        ],
    );
    let taken = place.run(&feed("windows").split(' ').collect::<Vec<_>>()).ok();
    assert!(taken.contains("187.23") && taken.contains("nothing is sent"), "{taken}");
    let front = ends[0].1;
    let twice = ["feed", "fills", "--file", "twice.csv", "--source", "twice", "--front", front];
    assert!(place.run(&twice).ok().contains("allocated                     1"));
    assert!(place.run(&twice).ok().contains("known before                  1"));
}

#[test]
fn boxes_that_do_not_fit_each_other_say_so() {
    let place = Place::new();
    let at = |name: &str| format!("ipc://{}/{name}", place.path().display());
    let (front, backplane, parts) = (at("front"), at("backplane"), at("parts"));
    let ends = ["--shards", "2", "--front", &front, "--backplane", &backplane];
    let mut router = place.start(&[&["router"], &ends[..]].concat());
    router.line_with("front=");
    let split = ["split", "a=40,b=60", "--timeout", "1s", "--front", &front];
    let alone = place.run(&split);
    expect("a router alone", &alone, FAILED, &["shards", "running"]);
    let shard = ["shard", "--shard", "0", "--shards", "3", "--backplane", &backplane];
    let mut shard = place.start_merged(&[&shard[..], &["--parts", &parts]].concat());
    let told = shard.line_with("another number of shards");
    assert!(told.contains("own=3") && told.contains("router=2"), "{told}");
}

#[test]
fn scripts_say_what_they_do_and_refuse_what_does_not_fit_what_runs() {
    let place = Place::new();
    let run = |script: &str, arguments: &[&str]| {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
        let mut command = Command::new(scripts.join(script));
        command.args(arguments).current_dir(place.path()).env("ALLOT_RUN_DIR", place.path());
        command.env("ALLOT_BIN", env!("CARGO_BIN_EXE_allot")).env("ALLOT_FRONT", FREE);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    for script in ["start-router.sh", "start-shards.sh", "stop.sh"] {
        let (is_well, help) = run(script, &["--help"]);
        assert!(is_well && help.contains("ALLOT_RUN_DIR"), "{script}: {help}");
    }
    assert!(!place.path().join("shards").exists(), "help alone does nothing");
    let started = run("start-router.sh", &["2"]);
    let other = run("start-router.sh", &["3"]);
    let stopped = run("stop.sh", &[]);
    assert!(started.0 && stopped.0, "{started:?} {stopped:?}");
    assert!(!other.0 && other.1.contains("a server with 2 shards is running"), "{other:?}");
    assert!(other.1.contains("stop it with scripts/stop.sh"), "{other:?}");
}
