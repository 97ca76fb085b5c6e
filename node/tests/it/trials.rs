//! Trials: situations that users of systems like this one report, each with the right outcome.
//!
//! The inputs are of our own. Where a folder of reported inputs lies beside the repository, they
//! are sent too.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use allot_allocation_service::{Reply, Report, Request, decode_replies};
use allot_domain::{AccountId, Money, Side, Ticker};

use crate::client::{Client, PATIENCE_MS};
use crate::process::{Outcome, Place};
use crate::server::endpoint;
use crate::world::{World, batch, fill};

/// A situation: messages with their replies, and what a reported input of its kind gets.
struct Trial {
    folder: &'static str,
    messages: &'static [(&'static str, &'static str)],
    reported: &'static str,
}

const SPLIT: (&str, &str) =
    (r#""type":"split","source":"aum","seq":1,"weights":{"a":50,"b":30,"c":20}"#, "accepted 1");
const OTHER_SPLIT: (&str, &str) =
    (r#""type":"split","source":"aum","seq":2,"weights":{"a":10,"b":40,"c":50}"#, "accepted 2");

const TRIALS: &[Trial] = &[
    // A name is of its ticker: other contents under it are refused, for any number of shards.
    Trial {
        folder: "02-number-used-for-another-fill",
        messages: &[
            SPLIT,
            (r#""seq":7,"ticker":"SHEL","price":"28","quantity":100"#, "allocated a 50 b 30 c 20"),
            (r#""seq":7,"ticker":"BP","price":"5","quantity":200"#, "allocated a 100 b 60 c 40"),
            (
                r#""seq":7,"ticker":"SHEL","side":"sell","price":"29","quantity":30"#,
                "rejected name_reused",
            ),
            (r#""seq":7,"ticker":"SHEL","price":"28","quantity":101"#, "rejected name_reused"),
            (
                r#""seq":7,"ticker":"SHEL","price":"28","quantity":100"#,
                "duplicate allocated a 50 b 30 c 20",
            ),
        ],
        reported: "accepted allocated allocated name_reused allocated",
    },
    Trial {
        folder: "08-short-sale",
        messages: &[
            SPLIT,
            (
                r#""seq":1,"ticker":"AMC","side":"sell","price":"4","quantity":50"#,
                "rejected exceeds_holdings",
            ),
            (r#""seq":2,"ticker":"AMC","price":"4","quantity":40"#, "allocated a 20 b 12 c 8"),
            (
                r#""seq":3,"ticker":"AMC","side":"sell","price":"5","quantity":41"#,
                "rejected exceeds_holdings",
            ),
            (
                r#""seq":3,"ticker":"AMC","side":"sell","price":"5","quantity":40"#,
                "allocated a 20 b 12 c 8",
            ),
        ],
        reported: "accepted exceeds_holdings allocated exceeds_holdings",
    },
    // Shares at no price, of a stock split or a spin-off.
    Trial {
        folder: "10-stock-split-and-spin-off",
        messages: &[
            SPLIT,
            (r#""seq":1,"ticker":"AVGO","price":"1700","quantity":10"#, "allocated a 5 b 3 c 2"),
            OTHER_SPLIT,
            (
                r#""seq":2,"ticker":"AVGO","price":"0","quantity":90"#,
                "rejected price_must_be_positive",
            ),
            (
                r#""seq":2,"ticker":"AVGO","price":"1700","quantity":10,"ratio":"10:1""#,
                "rejected unknown_field",
            ),
        ],
        reported: "accepted allocated accepted price_must_be_positive allocated allocated",
    },
    // There is no correction of a price: a bust gives the shares back, and a new fill is divided
    // anew, by the split that is in force by then.
    Trial {
        folder: "11-price-correction-moves-shares",
        messages: &[
            SPLIT,
            (r#""seq":1,"ticker":"PEP","price":"170","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""seq":1,"ticker":"PEP","price":"171","quantity":10"#, "rejected name_reused"),
            OTHER_SPLIT,
            (r#""type":"bust","seq":2,"ticker":"PEP","of":1"#, "busted a 5 b 3 c 2"),
            (r#""seq":3,"ticker":"PEP","price":"171","quantity":10"#, "allocated a 1 b 4 c 5"),
        ],
        reported: "accepted allocated accepted busted allocated",
    },
    Trial {
        folder: "13-bust-with-the-fills-own-number",
        messages: &[
            SPLIT,
            (r#""seq":4,"ticker":"ORCL","price":"120","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""type":"bust","seq":4,"ticker":"ORCL","of":4"#, "rejected name_reused"),
            (r#""type":"bust","seq":5,"ticker":"ORCL","of":4"#, "busted a 5 b 3 c 2"),
        ],
        reported: "accepted allocated name_reused",
    },
    // What changes the meaning of a fill is refused, and never passed over.
    Trial {
        folder: "14-currency-multiplier-account-ignored",
        messages: &[
            SPLIT,
            (
                r#""seq":1,"ticker":"IBM","price":"190","quantity":10,"account":"b""#,
                "rejected unknown_field",
            ),
            (
                r#""seq":2,"ticker":"6758.T","price":"2900","quantity":10,"currency":"JPY""#,
                "rejected unknown_field",
            ),
            (
                r#""seq":3,"ticker":"NQH5","price":"21000","quantity":1,"multiplier":20"#,
                "rejected unknown_field",
            ),
            (
                r#""seq":4,"ticker":"IBM","price":"190","quantity":10,"Side":"sell""#,
                "rejected unknown_field",
            ),
            (
                r#""seq":5,"ticker":"IBM","price":"190","quantity":10,"commission":null"#,
                "rejected unknown_field",
            ),
            (
                r#""seq":6,"ticker":"IBM","price":"190","quantity":10,"side":"""#,
                "rejected unknown_field",
            ),
        ],
        reported: "accepted unknown_field unknown_field unknown_field unknown_field",
    },
    Trial {
        folder: "16-tickers",
        messages: &[
            SPLIT,
            (r#""seq":1,"ticker":"BF B","price":"2","quantity":10"#, "allocated a 5 b 3 c 2"),
            (
                r#""seq":1,"ticker":"QQQ   251219C00500000","price":"2","quantity":10"#,
                "allocated a 5 b 3 c 2",
            ),
            (
                r#""seq":1,"ticker":"QQQ251219C00500000","price":"2","quantity":10"#,
                "allocated a 5 b 3 c 2",
            ),
            (
                r#""seq":1,"ticker":"ETH-28MAR25-4000-P","price":"2","quantity":10"#,
                "allocated a 5 b 3 c 2",
            ),
            (
                r#""seq":1,"ticker":"ETH/USDT:USDT","price":"2","quantity":10"#,
                "allocated a 5 b 3 c 2",
            ),
            (r#""seq":1,"ticker":"L&T","price":"2","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""seq":1,"ticker":"CL=F","price":"2","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""seq":1,"ticker":"^NDX","price":"2","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""seq":1,"ticker":"BF'B","price":"2","quantity":10"#, "allocated a 5 b 3 c 2"),
            (r#""seq":1,"ticker":" BF","price":"2","quantity":10"#, "rejected bad_ticker"),
        ],
        reported: "accepted allocated allocated allocated allocated allocated allocated allocated \
                   allocated allocated allocated allocated",
    },
    // The price of a position is what its shares cost on balance, sales deducted.
    Trial {
        folder: "18-average-price-after-sale",
        messages: &[
            SPLIT,
            (r#""seq":1,"ticker":"X","price":"8","quantity":100"#, "allocated a 50 b 30 c 20"),
            (
                r#""seq":2,"ticker":"X","side":"sell","price":"9","quantity":50"#,
                "allocated a 25 b 15 c 10",
            ),
        ],
        reported: "accepted allocated allocated",
    },
];

/// Files that are refused as they stand, and with what.
const REFUSED_FILES: &[(&str, &str, &[&str])] = &[
    (
        "01-side-column-not-called-side",
        "Action,ticker,quantity,price\nBOT,MU,100,90.5\nSLD,MU,40,91\nSLD,MU,60,91.5\n",
        &["map it with --column side=", " not known"],
    ),
    (
        "20-thousand-with-a-point",
        "ticker,price,quantity,side\nBMW,80.5,2.000,buy\nBMW,80.5,3.500,buy\n",
        &["may be one number or a thousand times it", "--decimal"],
    ),
    (
        "24-european-csv",
        "ticker;price;quantity;side\nBMW;80,50;2.000;buy\n",
        &["Give --delimiter ';'"],
    ),
];

/// The message, whole: a fill of the desk unless it says otherwise.
fn whole(fields: &str) -> String {
    let kind = if fields.contains(r#""type""#) { "" } else { r#""type":"fill","# };
    let source = if fields.contains(r#""source""#) { "" } else { r#""source":"desk","# };
    format!("{{{kind}{source}{fields}}}")
}

/// A reply in short: what came of the request, who got how much, or why not.
fn shown(reply: &Reply) -> String {
    let of = |shares: &[(AccountId, u64)]| {
        let of_each = shares.iter().map(|(account, quantity)| format!(" {account} {quantity}"));
        of_each.collect::<String>()
    };
    let (duplicate, text) = match reply {
        Reply::Allocated { duplicate, shares, .. } => {
            (*duplicate, format!("allocated{}", of(shares)))
        }
        Reply::Busted { duplicate, shares, .. } => (*duplicate, format!("busted{}", of(shares))),
        Reply::Accepted { duplicate, split, .. } => (*duplicate, format!("accepted {split}")),
        Reply::Rejected { duplicate, code, .. } => (*duplicate, format!("rejected {code}")),
        other => panic!("{other:?}"),
    };
    if duplicate { format!("duplicate {text}") } else { text }
}

fn ask(world: &mut World, message: &str) -> String {
    let replies = world.ask(message.as_bytes());
    assert_eq!(replies.len(), 1, "{message}");
    shown(&replies[0])
}

#[test]
fn every_trial_has_its_replies_for_any_number_of_shards() {
    for trial in TRIALS {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            for (fields, expected) in trial.messages {
                let reply = ask(&mut world, &whole(fields));
                assert_eq!(reply, *expected, "{}, {shards} shards: {fields}", trial.folder);
            }
        }
    }
}

/// Nothing of a fill that was refused is in the positions.
#[test]
fn positions_after_a_trial_are_those_of_what_was_taken() {
    for (folder, expected) in [
        ("02-number-used-for-another-fill", "BP 200 of 1000, SHEL 100 of 2800"),
        ("08-short-sale", "AMC 0 of -40"),
        ("10-stock-split-and-spin-off", "AVGO 10 of 17000"),
        ("11-price-correction-moves-shares", "PEP 10 of 1710"),
        ("13-bust-with-the-fills-own-number", ""),
        ("14-currency-multiplier-account-ignored", ""),
        ("18-average-price-after-sale", "X 50 of 350"),
    ] {
        let trial = TRIALS.iter().find(|trial| trial.folder == folder).unwrap();
        let mut world = World::new(2);
        for (fields, _) in trial.messages {
            ask(&mut world, &whole(fields));
        }
        assert_eq!(held(&world.report()), expected, "{folder}");
    }
}

/// What all accounts hold of each ticker, and its value.
fn held(report: &Report) -> String {
    let mut held: BTreeMap<Ticker, (u64, Money)> = BTreeMap::new();
    for position in report.accounts.iter().flat_map(|account| &account.positions) {
        let (quantity, value) = held.entry(position.ticker).or_insert((0, Money::ZERO));
        *quantity += position.quantity;
        *value += position.value;
    }
    let of_each =
        held.iter().map(|(ticker, (quantity, value))| format!("{ticker} {quantity} of {value}"));
    of_each.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_file_that_could_mean_two_things_is_refused_whole() {
    let place = Place::new();
    for (folder, text, expected) in REFUSED_FILES {
        place.write("day.csv", text);
        let error = dry_run(&place, Path::new("day.csv")).error();
        assert!(expected.iter().all(|part| error.contains(part)), "{folder}: {error}");
    }
}

fn dry_run(place: &Place, file: &Path) -> Outcome {
    let file = file.to_str().unwrap();
    place.run(&["feed", "fills", "--source", "desk", "--dry-run", "--file", file])
}

/// The files of two days under one name count both, because the ids of lines are of their contents.
#[test]
fn the_next_day_s_file_under_the_same_name_counts() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let split = ["feed", "aum", "--weights", "a=60,b=40", "--count", "1", "--front", &at.front];
    place.run(&split).ok();
    let head = "ticker,side,price,quantity\n";
    let feed = ["feed", "fills", "--file", "day.csv", "--source", "desk", "--front", &at.front];
    place.write("day.csv", &format!("{head}SHEL,buy,28,100\nBP,buy,5,200\n"));
    place.run(&feed).ok();
    place.write("day.csv", &format!("{head}SHEL,buy,29,300\nHSBA,buy,7,400\n"));
    let tuesday = place.run(&feed).ok();
    assert!(tuesday.contains("allocated                     2"), "{tuesday}");
    assert!(!tuesday.contains("known before"), "{tuesday}");
}

/// Fills so large that three of them use up a shard's turnover, each taken back at once.
#[test]
fn a_mistake_that_was_taken_back_uses_up_nothing() {
    let mut world = World::new(1);
    ask(&mut world, &whole(SPLIT.0));
    for (seq, price, quantity) in
        [(1, "1000000000", 75_557), (3, "1000000", 863), (5, "1", 725_914), (7, "1000000000", 9)]
    {
        let fill =
            format!(r#""seq":{seq},"ticker":"SHEL","price":"{price}","quantity":{quantity}"#);
        assert!(ask(&mut world, &whole(&fill)).starts_with("allocated"), "{fill}");
        let bust = format!(r#""type":"bust","seq":{},"ticker":"SHEL","of":{seq}"#, seq + 1);
        assert!(ask(&mut world, &whole(&bust)).starts_with("busted"), "{bust}");
    }
    let fill = r#""seq":99,"ticker":"SHEL","price":"28","quantity":100"#;
    assert_eq!(ask(&mut world, &whole(fill)), "allocated a 50 b 30 c 20");
}

/// More connections than there are descriptors: those that never say anything make room.
#[test]
fn silent_connections_beyond_the_descriptors_lock_nobody_out() {
    let place = Place::new();
    let any = "tcp://127.0.0.1:*";
    let mut server = place.start_limited(256, &["serve", "--front", any, "--publish", any]);
    let line = server.line_with("listening ");
    let (front, mut silent) = (endpoint(&line, "front="), Vec::new());
    let address = front.strip_prefix("tcp://").unwrap();
    for _ in 0..400 {
        silent.push(TcpStream::connect(address).unwrap());
    }
    let client = Client::connect(&front);
    assert_eq!(shown(&client.ask(whole(SPLIT.0).as_bytes())), "accepted 1");
    // The end of what the first one hears: it was closed.
    silent[0].read_to_end(&mut Vec::new()).unwrap_or_default();
}

/// An operator hears of a limit before it is reached, and that busts have brought it back.
#[test]
fn half_of_the_turnover_is_warned_of_once_each_way() {
    let place = Place::new();
    let (server, at) = place.serve();
    let client = Client::connect(&at.front);
    let report_after = |message: &str| {
        client.ask(message.as_bytes());
        client.report(&at.publish);
    };
    report_after(&whole(SPLIT.0));
    let fill = |seq: u64| {
        whole(&format!(r#""seq":{seq},"ticker":"SHEL","price":"1000000000","quantity":20000"#))
    };
    (1..=3).for_each(|seq| report_after(&fill(seq)));
    for (seq, of) in [(4, 1), (5, 2)] {
        report_after(&whole(&format!(r#""type":"bust","seq":{seq},"ticker":"SHEL","of":{of}"#)));
    }
    server.signal("-INT");
    let log = server.outcome().stderr;
    assert_eq!(log.matches("shard 0 has used 52 % of the turnover").count(), 1, "{log}");
    assert_eq!(log.matches("busts gave turnover of shard 0 back").count(), 1, "{log}");
}

/// The fills of one ticker as a subscriber sees them: with the number of the ticker's outcomes.
struct Follower(zmq::Socket);

impl Follower {
    fn of(endpoint: &str) -> Self {
        let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(PATIENCE_MS).unwrap();
        // As little as possible waits on the way to it.
        socket.set_rcvhwm(1).unwrap();
        socket.set_rcvbuf(4_096).unwrap();
        socket.set_subscribe(b"fills:json:SHEL:").unwrap();
        socket.set_subscribe(b"positions:json").unwrap();
        socket.connect(endpoint).unwrap();
        Self(socket)
    }

    /// What comes next: the number and the source's number of a fill, or a report.
    fn next(&self) -> Result<(u64, u64), Box<Report>> {
        let frames = self.0.recv_multipart(0).expect("a publication in time");
        if frames[0] == b"positions:json" {
            return Err(Box::new(Report::decode(&frames[2]).unwrap()));
        }
        let mut replies = Vec::new();
        decode_replies(&frames[2], &mut replies).unwrap();
        let Reply::Allocated { seq, .. } = &replies[0] else { panic!("{replies:?}") };
        Ok((u64::from_be_bytes(frames[1][..].try_into().unwrap()), seq.get()))
    }

    /// The fill that comes next, while `send` sends one for each report without it.
    fn first(&self, mut send: impl FnMut()) -> (u64, u64) {
        loop {
            match self.next() {
                Ok(fill) => return fill,
                Err(_) => send(),
            }
        }
    }
}

/// Sends fills of one share of one ticker, each the next; returns the number of the last.
fn send_fills(client: &Client, next: &mut u64, count: u64) {
    let fills: Vec<_> = (*next..*next + count)
        .map(|seq| Request::Fill(fill(seq, "SHEL", Side::Buy, "28", 1)))
        .collect();
    *next += count;
    client.send(&batch(&fills));
    let mut open = fills.len();
    while 0 < open {
        open -= client.receive().len();
    }
}

fn last_of_shel(report: &Report) -> u64 {
    let found = report.sequences.iter().find(|(ticker, _)| ticker.as_str() == "SHEL");
    found.map_or(0, |(_, last)| last.get())
}

/// Trial 06: the only subscriber loses its connection for a moment.
#[test]
fn a_lone_subscriber_sees_the_fills_it_missed_while_it_was_away() {
    let place = Place::new();
    let (_server, at) = place.serve();
    let client = Client::connect(&at.front);
    client.ask(whole(SPLIT.0).as_bytes());
    let mut next = 1;
    let follower = Follower::of(&at.publish);
    let (before, fill) = follower.first(|| send_fills(&client, &mut next, 1));
    assert_eq!(before, fill, "one ticker, one source: both numbers count the same");
    drop(follower);
    send_fills(&client, &mut next, 4);
    let follower = Follower::of(&at.publish);
    let (after, fill) = follower.first(|| send_fills(&client, &mut next, 1));
    assert_eq!(after, fill, "what nobody listened to is counted all the same");
    assert!(before + 4 < after, "{before} {after}");
}

/// Trial 07: a subscriber too slow for a burst, and after the burst nothing comes. libzmq drops
/// what a queue does not take; the native broadcast keeps far more, and then ends the connection.
#[test]
fn the_last_number_tells_a_slow_subscriber_of_a_lost_tail() {
    const BURST: u64 = 60_000;
    let place = Place::new();
    let (_server, at) = place.serve_with(&["--transport", "libzmq"]);
    let client = Client::connect(&at.front);
    client.ask(whole(SPLIT.0).as_bytes());
    let mut next = 1;
    let follower = Follower::of(&at.publish);
    let (first, _) = follower.first(|| send_fills(&client, &mut next, 1));
    for _ in 0..BURST / 1_000 {
        send_fills(&client, &mut next, 1_000);
    }
    let last = next - 1;
    let (mut seen, mut latest) = (1, first);
    let told = loop {
        match follower.next() {
            Ok((number, seq)) => {
                assert_eq!(number, seq);
                assert!(latest < number, "{number} after {latest}");
                (seen, latest) = (seen + 1, number);
            }
            Err(report) if last <= report.fills => break last_of_shel(&report),
            Err(_) => {}
        }
    };
    assert_eq!(told, last);
    assert!(seen < last - first + 1, "the burst was not too fast for it");
}

/// The folders of reported inputs, if they are there.
fn reported() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/trials");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no reported inputs at {}", folder.display());
        return Vec::new();
    };
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

#[test]
fn reported_inputs_are_taken_or_refused_as_those_of_their_kind() {
    let place = Place::new();
    for folder in reported() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let (messages, file) = (folder.join("input.ndjson"), folder.join("input.csv"));
        if let Some(trial) = TRIALS.iter().find(|trial| trial.folder == name) {
            send_reported(trial, &std::fs::read_to_string(messages).unwrap());
        } else if let Some((_, _, expected)) = REFUSED_FILES.iter().find(|(of, ..)| *of == name) {
            let error = dry_run(&place, &file).error();
            assert!(expected.iter().all(|part| error.contains(part)), "{name}: {error}");
        } else if file.exists() {
            let page = dry_run(&place, &file).ok();
            assert!(page.contains("nothing is sent"), "{name}: {page}");
        } else {
            eprintln!("skipped: {name} says in words what to do");
        }
    }
}

fn send_reported(trial: &Trial, messages: &str) {
    for shards in [1, 4] {
        let mut world = World::new(shards);
        let short = |reply: String| {
            let mut words = reply.split(' ');
            let first = words.next().unwrap_or_default();
            let word = if first == "rejected" { words.next().unwrap() } else { first };
            word.to_owned()
        };
        let replies = messages.lines().map(|line| short(ask(&mut world, line)));
        assert_eq!(replies.collect::<Vec<_>>().join(" "), trial.reported, "{}", trial.folder);
    }
}
