//! What an export has is what the journals have: the tables add up, exactly, in every format.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use allot_allocation_service::Reply;
use allot_domain::decimal;
use serde_json::Value;

use crate::client::Client;
use crate::process::Place;
use crate::server::FREE;
use crate::verify::written_by;

/// The messages of the ledger that is exported, in order. All are accepted.
const MESSAGES: &[&str] = &[
    r#"{"type":"split","source":"aum","seq":1,"weights":{"a":"33.3","b":"41.7","c":"25"}}"#,
    r#"{"type":"fill","source":"f","seq":1,"ticker":"T","price":"10.000000001","quantity":700}"#,
    r#"{"type":"fill","source":"f","seq":2,"ticker":"KO","price":"999999999","quantity":70000}"#,
    r#"{"type":"fill","source":"f","seq":3,"id":"x-3","ticker":"T","price":"11.5","quantity":33}"#,
    r#"{"type":"fill","source":"f","seq":4,"ticker":"T","side":"sell","price":"12","quantity":50}"#,
    r#"{"type":"bust","source":"f","seq":5,"ticker":"T","of":"x-3"}"#,
    r#"{"type":"bust","source":"f","seq":6,"ticker":"T","of":4}"#,
    r#"{"type":"split","source":"aum","seq":2,"weights":{"a":"50","b":"50"},"closes":["c"]}"#,
    r#"{"type":"fill","source":"f","seq":7,"ticker":"XOM","price":"0.1","quantity":3}"#,
    // A repeat is one fill.
    r#"{"type":"fill","source":"f","seq":7,"ticker":"XOM","price":"0.1","quantity":3}"#,
];

/// A ledger of two shards with these messages.
fn ledger() -> Place {
    let place = Place::new();
    place.init();
    let settings = ["--front", FREE, "--publish", FREE, "--shards", "2", "--segment-mib", "8"];
    let mut server = place.start(&[&["serve", "--data", "data"], &settings[..]].concat());
    let line = server.line_with("listening ");
    let client = Client::connect(&crate::server::endpoint(&line, "front="));
    for message in MESSAGES {
        let reply = client.ask(message.as_bytes());
        assert!(!matches!(reply, Reply::Rejected { .. }), "{message}: {reply:?}");
    }
    server.signal("-INT");
    server.outcome().ok();
    place
}

/// The rows of a CSV file, by the names of the columns.
fn rows(folder: &Path, table: &str) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join(format!("{table}.csv"))).unwrap();
    let mut lines = text.lines();
    let names: Vec<_> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let row = |line: &str| names.iter().cloned().zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

type Holding = (i64, i128);

/// What the changes add up to, and what the positions are, by account and ticker.
fn sums(folder: &Path, table: &str) -> BTreeMap<(String, String), Holding> {
    let mut sums = BTreeMap::<_, Holding>::new();
    for row in rows(folder, table) {
        let sum = sums.entry((row["account"].clone(), row["ticker"].clone())).or_default();
        sum.0 += row["quantity"].parse::<i64>().unwrap();
        sum.1 += decimal::parse_nanos(&row["value"]).unwrap();
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

#[test]
fn the_allocations_add_up_to_the_positions() {
    let place = ledger();
    let said = place.run(&["export", "data", "--out", "csv", "--format", "csv"]).ok();
    assert!(said.contains("5 fills") && said.contains("to csv"), "{said}");
    let folder = place.path().join("csv");
    let positions = sums(&folder, "positions");
    assert_eq!(sums(&folder, "allocations"), positions);
    let shares = |ticker: &str| -> i64 {
        positions.iter().filter(|((_, of), _)| of == ticker).map(|(_, sum)| sum.0).sum()
    };
    assert_eq!((shares("T"), shares("KO"), shares("XOM")), (700, 70_000, 3));
    let value: i128 = positions.iter().filter(|((_, of), _)| of == "KO").map(|(_, s)| s.1).sum();
    assert_eq!(value, 999_999_999_000_000_000 * 70_000);

    let fills = rows(&folder, "fills");
    let column = |name: &str| -> Vec<_> {
        let t = fills.iter().filter(|fill| fill["ticker"] == "T");
        t.map(|fill| fill[name].clone()).collect()
    };
    assert_eq!(column("id"), ["1", "x-3", "4"]);
    assert_eq!(column("price"), ["10.000000001", "11.5", "12"]);
    assert_eq!(column("side"), ["buy", "buy", "sell"]);
    assert_eq!(column("number"), ["1", "2", "3"]);
    let busts = rows(&folder, "busts");
    let busted: Vec<_> = busts.iter().map(|bust| &*bust["fill"]).collect();
    assert_eq!(busted, ["x-3", "4"]);
    let splits = rows(&folder, "splits");
    let weights: Vec<_> =
        splits.iter().map(|row| (&*row["split"], &*row["account"], &*row["weight"])).collect();
    assert_eq!(
        weights,
        [
            ("1", "a", "33.3"),
            ("1", "b", "41.7"),
            ("1", "c", "25"),
            ("2", "a", "50"),
            ("2", "b", "50"),
            ("2", "c", "")
        ]
    );
    let about = fs::read_to_string(folder.join("export.json")).unwrap();
    let about: Value = serde_json::from_str(&about).unwrap();
    assert_eq!((&about["rows"]["fills"], &about["shards"][1]["of"]), (&5.into(), &2.into()));
    assert!(!place.path().join("csv.unfinished").exists());
}

#[test]
fn a_database_has_the_same_numbers_as_the_texts() {
    let place = ledger();
    place.run(&["export", "data", "--out", "csv", "--format", "csv"]).ok();
    place.run(&["export", "data", "--out", "sqlite", "--format", "sqlite"]).ok();
    let database = rusqlite::Connection::open(place.path().join("sqlite/ledger.sqlite")).unwrap();
    let mut ask =
        database.prepare("SELECT account, ticker, quantity, value FROM positions").unwrap();
    let positions = ask
        .query_map([], |row| {
            let value: String = row.get(3)?;
            Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, decimal::parse_nanos(&value).unwrap())))
        })
        .unwrap()
        .collect::<Result<BTreeMap<(String, String), Holding>, _>>()
        .unwrap();
    assert_eq!(positions, sums(&place.path().join("csv"), "positions"));
    for table in ["fills", "busts", "allocations", "splits", "positions"] {
        let count = format!("SELECT count(*) FROM {table}");
        let count: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
        let count = usize::try_from(count).unwrap();
        assert_eq!(count, rows(&place.path().join("csv"), table).len(), "{table}");
    }
}

#[test]
fn parquet_is_written_where_the_program_has_it() {
    let place = ledger();
    let exported = place.run(&["export", "data", "--out", "out", "--format", "parquet"]);
    if cfg!(feature = "parquet") {
        exported.ok();
        for table in ["fills", "busts", "allocations", "splits", "positions"] {
            let file = fs::read(place.path().join(format!("out/{table}.parquet"))).unwrap();
            assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{table}");
        }
    } else {
        let error = exported.error();
        assert!(error.contains("--features parquet"), "{error}");
        assert!(!place.path().join("out").exists());
    }
}

#[test]
fn a_period_ends_the_positions_and_begins_the_rows() {
    let place = ledger();
    let export = |out: &str, more: &[&str]| {
        let arguments = ["export", "data", "--format", "csv", "--out", out];
        place.run(&[&arguments[..], more].concat()).ok();
        place.path().join(out)
    };
    let whole = export("whole", &[]);
    let time = |id: &str| {
        let fills = rows(&whole, "fills");
        fills.iter().find(|fill| fill["id"] == id).unwrap()["time"].clone()
    };
    let early = export("early", &["--to", &time("4")]);
    let positions = sums(&early, "positions");
    assert_eq!(sums(&early, "allocations"), positions);
    let shares: i64 = positions.iter().filter(|((_, of), _)| of == "T").map(|(_, sum)| sum.0).sum();
    assert_eq!(shares, 733);
    let late = export("late", &["--from", &time("4")]);
    let ids = |folder| -> Vec<_> {
        rows(folder, "fills").into_iter().map(|mut fill| fill.remove("id").unwrap()).collect()
    };
    let both: Vec<_> = [ids(&early), ids(&late)].concat();
    let (mut both, mut all) = (both, ids(&whole));
    both.sort();
    all.sort();
    assert_eq!(both, all);
    assert_eq!(sums(&late, "positions"), sums(&whole, "positions"));
}

#[test]
fn fills_before_the_first_split_are_exported_too() {
    let place = Place::new();
    place.init();
    let arguments = ["serve", "--data", "data", "--front", FREE, "--publish", FREE];
    let mut server = place.start(&arguments);
    let line = server.line_with("listening ");
    let client = Client::connect(&crate::server::endpoint(&line, "front="));
    let fill = r#"{"type":"fill","source":"f","seq":1,"ticker":"T","price":"10","quantity":7}"#;
    assert!(matches!(client.ask(fill.as_bytes()), Reply::Held { .. }));
    place.run(&["export", "data", "--out", "held", "--format", "csv"]).ok();
    let held = rows(&place.path().join("held"), "fills");
    assert_eq!((held.len(), &*held[0]["split"], &*held[0]["late"]), (1, "", "false"));
    client.ask(MESSAGES[0].as_bytes());
    server.signal("-INT");
    server.outcome().ok();
    place.run(&["export", "data", "--out", "divided", "--format", "csv"]).ok();
    let divided = rows(&place.path().join("divided"), "fills");
    assert_eq!((divided.len(), &*divided[0]["split"], &*divided[0]["late"]), (1, "1", "true"));
    assert_eq!(divided[0]["time"], held[0]["time"]);
}

#[test]
fn a_fill_that_was_busted_while_it_was_held_is_exported_once() {
    let place = Place::new();
    place.init();
    let arguments = ["serve", "--data", "data", "--front", FREE, "--publish", FREE];
    let mut server = place.start(&arguments);
    let line = server.line_with("listening ");
    let client = Client::connect(&crate::server::endpoint(&line, "front="));
    for message in [
        r#"{"type":"fill","source":"f","seq":1,"ticker":"T","price":"10","quantity":7}"#,
        r#"{"type":"fill","source":"f","seq":2,"ticker":"T","price":"10","quantity":5}"#,
        r#"{"type":"bust","source":"f","seq":3,"ticker":"T","of":1}"#,
        MESSAGES[0],
        // A repeat is no other fill.
        r#"{"type":"fill","source":"f","seq":1,"ticker":"T","price":"10","quantity":7}"#,
    ] {
        let reply = client.ask(message.as_bytes());
        assert!(!matches!(reply, Reply::Rejected { .. }), "{message}: {reply:?}");
    }
    server.signal("-INT");
    server.outcome().ok();
    place.run(&["export", "data", "--out", "whole", "--format", "csv"]).ok();
    let folder = place.path().join("whole");
    let fills = rows(&folder, "fills");
    let told: Vec<_> = fills
        .iter()
        .map(|fill| ["id", "split", "number", "late"].map(|name| fill[name].clone()))
        .collect();
    assert_eq!(told, [["1", "", "", "false"], ["2", "1", "2", "true"]]);
    let busts = rows(&folder, "busts");
    assert_eq!((busts.len(), &*busts[0]["fill"], &*busts[0]["number"]), (1, "1", "1"));
    assert_eq!(sums(&folder, "allocations"), sums(&folder, "positions"));

    // Both parts of a period have it once together: it belongs to its own time.
    let ids = |out: &str, bound: &str| -> Vec<_> {
        let export = ["export", "data", "--out", out, "--format", "csv"];
        place.run(&[&export[..], &[bound, &busts[0]["time"]]].concat()).ok();
        rows(&place.path().join(out), "fills").iter().map(|fill| fill["id"].clone()).collect()
    };
    assert_eq!(ids("early", "--to"), ["1", "2"]);
    assert_eq!(ids("late", "--from"), ["2"]);
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_the_way_out() {
    let place = ledger();
    let all = ["csv", "sqlite", "parquet"];
    for format in if cfg!(feature = "parquet") { &all[..] } else { &all[..2] } {
        let export = ["export", "data", "--out", "out", "--format", format];
        let error = place.start_without_room(&export).outcome().error();
        assert!(error.contains("cannot write out.unfinished/"), "{format}: {error}");
        assert!(error.contains("free some space, or choose another place with --out"), "{error}");
        assert!(
            !place.path().join("out").exists() && !place.path().join("out.unfinished").exists()
        );
    }
}

#[test]
fn a_damaged_journal_leaves_no_export_and_a_folder_is_never_overwritten() {
    let place = ledger();
    let export = ["export", "data", "--out", "out", "--format", "csv"];
    place.run(&export).ok();
    let error = place.run(&export).error();
    assert!(error.contains("out holds something already"), "{error}");

    let segment = place.path().join("data/shard-1/segment-0000000001");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[700] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let error = place.run(&["export", "data", "--out", "next", "--format", "csv"]).error();
    assert!(error.contains("segment-0000000001 is damaged at byte 512"), "{error}");
    assert!(!place.path().join("next").exists());
    assert!(!place.path().join("next.unfinished").exists());

    let period = ["--from", "2026-03-02", "--to", "2026-03-01"];
    let error = place.run(&[&export[..], &period].concat()).misuse();
    assert!(error.contains("--from is not before --to"), "{error}");
}

/// The snapshot with which a pruned journal begins has the fills that are held.
#[test]
fn what_was_held_when_a_journal_was_pruned_is_exported() {
    let held = |prune| {
        let place = written_by(prune, |place, front| {
            let feed = ["feed", "fills", "--random", "--seed", "1", "--rate", "max"];
            let more = ["--source", "s", "--count", "3000", "--front", front];
            place.run(&[&feed[..], &more].concat());
        });
        place.run(&["export", "data", "--out", "held", "--format", "csv"]).ok();
        (rows(&place.path().join("held"), "fills"), place)
    };
    let ((whole, _place), (pruned, place)) = (held(false), held(true));
    let ids = |fills: &[BTreeMap<String, String>]| {
        let mut ids: Vec<_> = fills.iter().map(|fill| fill["id"].clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&pruned), ids(&whole));
    let without_record = |fills: &[BTreeMap<String, String>]| {
        fills.iter().filter(|fill| fill["record"].is_empty()).count()
    };
    assert_eq!(without_record(&whole), 0);
    assert!((1..pruned.len()).contains(&without_record(&pruned)), "{}", pruned.len());
    assert!(pruned.iter().all(|fill| fill["split"].is_empty()));
    for format in if cfg!(feature = "parquet") { &["sqlite", "parquet"][..] } else { &["sqlite"] } {
        place.run(&["export", "data", "--out", format, "--format", format]).ok();
    }
}
