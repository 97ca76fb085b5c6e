//! Verify: whole directories are good, and every damage is named with its place.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use allot_allocation_rules::BookConfig;
use allot_allocation_service::Allocation;
use allot_runtime::Stages;
use allot_server::{JournalOptions, Ledger, ServerConfig, embedded};
use serde_json::{Value, json};

use crate::process::Place;

/// Small segments and frequent snapshots, so that there are several of both.
const SEGMENT_BYTES: u64 = 32 << 10;
const SNAPSHOT_EVERY_BYTES: u64 = 24 << 10;
const FILLS: &str = "3000";

/// A place whose `data` holds the journals of two shards, and `answers` what a feed was told.
pub(crate) fn written(prune: bool) -> Place {
    written_by(prune, |place, front| {
        let end = ["--front", front, "--answers", "answers"];
        let aum = ["feed", "aum", "--weights", "a=60,b=40", "--count", "1", "--source", "aum"];
        place.run(&[&aum[..], &end].concat()).ok();
        let fills = ["feed", "fills", "--random", "--seed", "1", "--rate", "max", "--source", "s"];
        place.run(&[&fills[..], &["--count", FILLS], &end].concat()).ok();
    })
}

/// The same, of what is sent to the front door of the server.
pub(crate) fn written_by(prune: bool, send: impl FnOnce(&Place, &str)) -> Place {
    let place = Place::new();
    place.init();
    let data = place.path().join("data");
    let ledger = Ledger::open(&data, "allocation").unwrap();
    let options = JournalOptions {
        segment_bytes: SEGMENT_BYTES,
        snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
        prune,
        ..JournalOptions::new(data, ledger)
    };
    let book = BookConfig { history: 64, ..BookConfig::default() };
    let config = ServerConfig { journal: Some(options), ..ServerConfig::in_memory(2, book) };
    let server = embedded::<Allocation>(&config, &mut |_| Stages::off()).unwrap();
    let front = server.bound.front.clone().unwrap();
    send(&place, &front);
    server.running.stop();
    server.running.join().unwrap();
    place
}

/// The files of a shard of one kind, in order.
fn files(place: &Place, shard: usize, kind: &str) -> Vec<PathBuf> {
    let folder = place.path().join(format!("data/shard-{shard}"));
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_kind = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(kind);
    let mut files: Vec<_> = entries.filter(is_kind).collect();
    files.sort_unstable();
    files
}

/// The page of a verification that must fail.
#[track_caller]
fn failed(place: &Place, arguments: &[&str]) -> String {
    let outcome = place.run(&[&["verify", "data"], arguments].concat());
    assert_eq!(outcome.status.code(), Some(1), "{}\n{}", outcome.stdout, outcome.stderr);
    outcome.stdout + &outcome.stderr
}

#[test]
fn what_was_pruned_is_told_from_what_is_lost() {
    let place = written(true);
    assert!(!files(&place, 0, "segment-")[0].ends_with("segment-0000000001"), "it was pruned");
    let page = place.run(&["verify", "data", "--answers", "answers"]).ok();
    assert!(page.contains("the journal was pruned"), "{page}");
    assert!(page.contains("older than the pruned journal") && page.contains(", 0 lost"), "{page}");

    let answers = fs::read_to_string(place.path().join("answers")).unwrap();
    let first = r#""source":"s","seq":1,"#;
    let of_fill = answers.lines().find(|line| line.contains(first)).unwrap();
    let invented = of_fill.replace(first, r#""source":"s","seq":987654,"#);
    let split = r#"{"type":"accepted","source":"aum","seq":77,"split":9}"#;
    place.write("more", &format!("{answers}{invented}\n{split}\n"));
    let page = failed(&place, &["--answers", "more"]);
    assert!(page.contains("LOST: s 987654 of "), "{page}");
    assert!(page.contains(" was acknowledged and is in no journal"), "{page}");
    let split = "the split aum 77 was acknowledged and is not in the journals of data/shard-0, \
                 data/shard-1";
    assert_eq!(page.matches("aum 77").count(), 1, "{page}");
    assert!(page.contains(split), "{page}");
    assert!(page.contains(", 1 lost"), "{page}");
}

#[test]
fn a_file_without_replies_is_refused() {
    let place = written(false);
    place.run(&["verify", "data", "--answers", "answers"]).ok();
    for text in ["", "not a reply\n", "{\"type\":\"fill\"}\n"] {
        place.write("empty", text);
        let page = failed(&place, &["--answers", "empty"]);
        assert!(page.contains("empty holds no reply"), "{page}");
    }
}

#[test]
fn a_line_that_is_no_reply_is_named_and_fails() {
    let place = written(false);
    let answers = fs::read_to_string(place.path().join("answers")).unwrap();
    let mut lines: Vec<_> = answers.lines().collect();
    let cut = &lines[1][..20];
    lines.insert(2, "not a reply");
    lines.insert(3, "");
    lines.insert(4, cut);
    lines.insert(5, r#"{"type":"fill"}"#);
    place.write("damaged", &(lines.join("\n") + "\n"));
    let page = failed(&place, &["--answers", "damaged"]);
    for said in [
        "3001 replies checked, 0 lost",
        "3 lines are no replies",
        "WRONG: damaged line 3: a reply is a JSON object",
        "WRONG: damaged line 5: EOF while parsing",
        "WRONG: damaged line 6: missing field `source`",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    let page = place.run(&["verify", "data", "--answers", "damaged", "--json"]);
    let page: serde_json::Value = serde_json::from_str(&page.stdout).unwrap();
    assert_eq!(page["answers"]["unreadable"].as_array().unwrap().len(), 3);
}

#[test]
fn a_last_line_without_its_end_is_read_if_it_is_whole_and_told_if_not() {
    let place = written(false);
    let answers = fs::read_to_string(place.path().join("answers")).unwrap();
    place.write("whole", answers.trim_end());
    let page = place.run(&["verify", "data", "--answers", "whole"]).ok();
    assert!(page.contains("3001 replies checked, 0 lost\n"), "{page}");
    place.write("cut", &answers[..answers.len() - 9]);
    let page = place.run(&["verify", "data", "--answers", "cut"]).ok();
    assert!(page.contains("3000 replies checked, 0 lost\n"), "{page}");
    assert!(page.contains("the last line of cut is incomplete"), "{page}");
}

#[test]
fn there_is_one_finding_for_each_reply() {
    let place = written(false);
    let answers = fs::read_to_string(place.path().join("answers")).unwrap();
    let seq = |seq: u64| format!(r#""source":"s","seq":{seq},"#);
    let moved = |line: &str| {
        let (head, shares) = line.split_once(r#""shares":{"#).unwrap();
        format!(r#"{head}"shares":{{"nobody":1,{shares}"#)
    };
    let line = |seq: &str| answers.lines().find(|line| line.contains(seq)).unwrap();
    let (first, second) = (line(&seq(1)), line(&seq(2)));
    let lost = second.replace(&seq(2), &seq(987_654));
    place.write("other", &format!("{}\n{}\n{lost}\n", moved(first), moved(second)));
    let page = failed(&place, &["--answers", "other"]);
    assert!(page.contains("3 replies checked, 1 lost"), "{page}");
    for seq in [1, 2] {
        let findings = page.lines().filter(|line| line.contains(&format!(" s {seq} of ")));
        let findings: Vec<_> = findings.collect();
        assert_eq!(findings.len(), 1, "{page}");
        assert!(findings[0].contains("WRONG: record"), "{page}");
    }
    assert!(page.contains("LOST: s 987654 of "), "{page}");
}

#[test]
fn all_that_a_client_was_told_of_a_fill_is_compared() {
    let place = written(false);
    let answers = fs::read_to_string(place.path().join("answers")).unwrap();
    let line = answers.lines().find(|line| line.contains(r#""type":"allocated""#)).unwrap();
    let reply: Value = serde_json::from_str(line).unwrap();
    for (field, value) in
        [("split", json!(7)), ("price", json!("0.5")), ("quantity", json!(1_000_000))]
    {
        let told = format!("\"{field}\":{}", reply[field]);
        let other = line.replacen(&told, &format!("\"{field}\":{value}"), 1);
        assert_ne!(line, other, "{told}");
        place.write("other", &format!("{other}\n"));
        let page = failed(&place, &["--answers", "other"]);
        assert!(page.contains("the client was given another outcome of"), "{field}: {page}");
    }
}

/// A snapshot behind a hole is good, and a reader of the page must not throw it away.
#[test]
fn a_snapshot_behind_what_is_damaged_is_not_accused() {
    let place = written(false);
    fs::remove_file(&files(&place, 0, "segment-")[1]).unwrap();
    let page = failed(&place, &[]);
    assert!(page.contains("were not compared: they may be good"), "{page}");
    for accusing in ["the snapshot of record", "ahead of the end"] {
        assert!(!page.contains(accusing), "{page}");
    }
}

#[test]
fn a_ledger_whose_journals_are_all_gone_is_named_as_such() {
    let place = written(false);
    for shard in 0..2 {
        fs::remove_dir_all(place.path().join(format!("data/shard-{shard}"))).unwrap();
    }
    let error = place.run(&["verify", "data"]).error();
    assert!(error.contains("the journals of shard-0, shard-1 are gone"), "{error}");
    let place = Place::new();
    place.init();
    let error = place.run(&["verify", "data"]).error();
    assert!(error.contains("no server has begun a journal of it yet"), "{error}");
}

#[test]
fn every_kind_of_record_is_listed_with_its_count() {
    let place = written(false);
    let page = place.run(&["verify", "data"]).ok();
    let of = |kind: &str| -> u64 {
        let counts = page.lines().filter(|line| line.contains(" records: "));
        let counts = counts.flat_map(|line| line.split([',', ';', ':']));
        let counts = counts.filter_map(|count| count.trim().strip_suffix(kind));
        counts.map(|count| count.trim().parse::<u64>().unwrap()).sum()
    };
    assert_eq!([of(" fills"), of(" splits"), of(" checks")], [3_000, 2, 2], "{page}");
    assert_eq!([of(" busts"), of(" replays"), of(" malformed")], [0, 0, 0], "{page}");
    let kinds =
        ["fills", "busts", "splits", "checks", "nettings", "markers", "replays", "listings"];
    let sum: u64 = kinds.iter().map(|kind| of(&format!(" {kind}"))).sum();
    assert_eq!(of(" records"), sum, "{page}");
    assert!(
        page.contains(" fills divided, 0 held, 0 busted, 1 splits in force, 0 repeats, 0 reje")
    );
}

/// What is done to a file.
#[derive(Clone, Copy)]
enum Change {
    Deleted,
    CutTo(u64),
    /// A bit of the byte at this place.
    Flipped(u64),
}

/// A file of the first shard by its kind and its place, from the end where that is negative; what
/// is done to it, and what must be said of it.
const CHANGES: &[(&str, isize, Change, &str)] = &[
    ("segment-", 0, Change::Deleted, "is missing"),
    ("segment-", 1, Change::Deleted, "is missing"),
    ("segment-", -2, Change::Deleted, "is missing"),
    ("segment-", 0, Change::CutTo(0), "is damaged at byte 0"),
    ("segment-", 0, Change::CutTo(1_000), "is damaged at byte"),
    // In its head, and in a batch.
    ("segment-", 0, Change::Flipped(20), "is damaged at byte 0"),
    ("segment-", 0, Change::Flipped(600), "is damaged at byte 512"),
    // The spare one.
    ("segment-", -1, Change::CutTo(0), "is damaged at byte 0"),
    ("segment-", -1, Change::Flipped(5_000), "is damaged at byte"),
    ("image-", 0, Change::CutTo(700), "is damaged at byte 512"),
    // In its head, and in the state.
    ("image-", 0, Change::Flipped(17), "is damaged at byte 0"),
    ("image-", 1, Change::Flipped(800), "is damaged at byte 512"),
];

/// What else is done to a directory, to which file of it, and what must be said of that.
type Damage = (&'static str, fn(&Place) -> PathBuf, &'static str);

impl Change {
    fn apply(self, file: &Path) {
        match self {
            Self::Deleted => fs::remove_file(file).unwrap(),
            Self::CutTo(len) => {
                OpenOptions::new().write(true).open(file).unwrap().set_len(len).unwrap();
            }
            Self::Flipped(offset) => {
                let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
                let mut byte = [0];
                file.read_exact_at(&mut byte, offset).unwrap();
                file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
            }
        }
    }
}

fn segment(place: &Place, from_end: usize) -> PathBuf {
    let mut segments = files(place, 0, "segment-");
    segments.remove(segments.len() - 1 - from_end)
}

const DAMAGES: &[Damage] = &[
    (
        "two segments swapped",
        |place| {
            let (first, second) = (segment(place, 2), segment(place, 3));
            let other = first.with_extension("x");
            fs::rename(&first, &other).unwrap();
            fs::rename(&second, &first).unwrap();
            fs::rename(&other, &second).unwrap();
            second
        },
        "is damaged at byte 0",
    ),
    (
        "a foreign segment",
        |place| {
            let file = segment(place, 0).with_file_name("segment-0000000099");
            fs::write(&file, [0; 100]).unwrap();
            file
        },
        "is damaged at byte 0",
    ),
    (
        "a shard deleted",
        |place| {
            let folder = place.path().join("data/shard-1");
            fs::remove_dir_all(&folder).unwrap();
            folder
        },
        "held a journal of this ledger, and it is gone",
    ),
    (
        "a shard emptied",
        |place| {
            let folder = place.path().join("data/shard-1");
            fs::remove_dir_all(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
            folder
        },
        "held a journal of this ledger, and it is gone",
    ),
    (
        "a shard under the name of another",
        |place| {
            let folder = place.path().join("data/shard-1");
            fs::rename(&folder, place.path().join("data/shard-2")).unwrap();
            place.path().join("data/shard-2")
        },
        "holds the journal of shard 1",
    ),
    (
        "the ledger deleted",
        |place| {
            let file = place.path().join("data/ledger");
            fs::remove_file(&file).unwrap();
            file
        },
        "holds journals and no ledger",
    ),
    (
        "the ledger of another directory",
        |place| {
            place.run(&["init", "other"]).ok();
            fs::copy(place.path().join("other/ledger"), place.path().join("data/ledger")).unwrap();
            place.path().join("data/shard-0")
        },
        "is of ledger ",
    ),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn every_damage_is_named_with_its_file_and_place() {
    let sound = written(false);
    sound.run(&["verify", "data", "--answers", "answers"]).ok();
    let counts = ["segment-", "image-"].map(|kind| files(&sound, 0, kind).len());
    assert!(4 < counts[0] && 1 < counts[1], "{counts:?}");
    for (kind, at, change, said) in CHANGES {
        check(&sound, &format!("{kind}{at}"), said, |place| {
            let mut all = files(place, 0, kind);
            let at = if *at < 0 { all.len().strict_add_signed(*at) } else { at.unsigned_abs() };
            let file = all.remove(at);
            change.apply(&file);
            file
        });
    }
    for (what, damage, said) in DAMAGES {
        check(&sound, what, said, damage);
    }
}

/// Damages a copy: the file must be named, and what is wrong with it.
fn check(sound: &Place, what: &str, said: &str, damage: impl FnOnce(&Place) -> PathBuf) {
    let place = Place::new();
    copy(&sound.path().join("data"), &place.path().join("data"));
    let file = damage(&place);
    let page = failed(&place, &[]);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let is_named = |line: &str| line.contains(said) && (line.contains(&name) || name == "ledger");
    assert!(page.lines().any(is_named), "{what}: {name} {said}\n{page}");
    // The other shard is checked all the same.
    if !said.contains("shard") && !said.contains("ledger") {
        assert!(page.contains("data/shard-1: allocation, shard 1 of 2"), "{what}\n{page}");
    }
}

#[test]
fn a_shard_that_lacks_splits_of_the_others_is_named() {
    let place = written_by(false, |place, front| {
        let split = |weights| drop(place.run(&["split", weights, "--front", front]).ok());
        split("a=60,b=40");
        copy(&place.path().join("data/shard-1"), &place.path().join("before"));
        split("a=50,b=50");
        split("a=40,b=60");
    });
    assert!(!place.run(&["verify", "data"]).ok().contains("every split"));
    let shard = place.path().join("data/shard-1");
    fs::remove_dir_all(&shard).unwrap();
    fs::rename(place.path().join("before"), &shard).unwrap();
    let page = place.run(&["verify", "data"]).ok();
    let said = "not every shard has every split: 3 in shard-0, 1 in shard-1.";
    assert!(page.contains(said), "{page}");
}

/// Of a pruned journal nothing else holds what was before its first segment.
#[test]
fn a_pruned_journal_without_a_good_snapshot_is_told_as_such() {
    let place = written(true);
    let snapshots = files(&place, 0, "image-");
    snapshots.iter().for_each(|file| Change::Flipped(0).apply(file));
    let page = failed(&place, &[]);
    let last = snapshots.last().unwrap().file_name().unwrap().to_string_lossy();
    assert!(page.contains(&format!("{last} is damaged, as is every other snapshot")), "{page}");
}

/// What is left of a ledger would pass for all there is.
#[test]
fn a_ledger_without_its_end_or_a_shard_is_neither_read_nor_backed_up() {
    let commands = [
        &["history", "data"][..],
        &["positions", "--at", "2100-01-01", "data"],
        &["explain", "data", "--source", "s", "--id", "1"],
        &["export", "data", "--out", "out", "--format", "csv"],
        &["backup", "data", "copy"],
    ];
    let refused = |place: &Place, said: &str| {
        for arguments in commands {
            let error = place.run(arguments).error();
            assert!(error.contains(said), "{arguments:?}: {error}");
            assert!(!place.path().join("copy").exists() && !place.path().join("out").exists());
        }
    };
    let place = written(false);
    let segments = files(&place, 0, "segment-");
    // Those behind the first have records that a snapshot says were there.
    segments[1..].iter().for_each(|segment| fs::remove_file(segment).unwrap());
    refused(&place, "its last segments are missing");
    let place = written(false);
    fs::remove_dir_all(place.path().join("data/shard-1")).unwrap();
    refused(&place, "the journal of shard 1 is gone from data");
    let part = place.run(&["history", "data/shard-0"]);
    let warned = "data/shard-0 has 1 of the 2 shards of its ledger";
    assert!(part.stderr.contains(warned), "{}", part.stderr);
    part.ok();
    // The same shard twice, or a shard of another ledger, makes sums of what nobody holds.
    let of = |place: &Place, shard: u32| place.path().join(format!("data/shard-{shard}"));
    copy(&of(&place, 0), &of(&place, 1));
    refused(&place, "data/shard-1 holds the journal of shard 0: the folders were mixed up");
    let other = written(false);
    fs::remove_dir_all(of(&place, 1)).unwrap();
    copy(&of(&other, 1), &of(&place, 1));
    refused(&place, "the folders of two ledgers were mixed");
}

/// `verify` finds what `restore` would refuse.
#[test]
fn a_backup_that_lacks_something_is_not_sound() {
    let place = written(true);
    place.run(&["backup", "data", "copy"]).ok();
    place.run(&["verify", "copy"]).ok();
    let wrong = |said: &str| {
        let verified = place.run(&["verify", "copy"]);
        assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
        assert!(verified.stdout.contains(said), "{}", verified.stdout);
        place.run(&["restore", "copy", "restored"]).error();
    };
    let about = place.path().join("copy/backup.json");
    let text = fs::read_to_string(&about).unwrap();
    fs::remove_file(&about).unwrap();
    wrong("cannot read copy/backup.json");
    fs::write(&about, text.replacen("\"shard-1\": ", "\"shard-1\": 1", 1)).unwrap();
    wrong(", and should end with record 1");
}
