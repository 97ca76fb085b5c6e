//! Fills from files and from standard input.

use std::fs;
use std::path::Path;
use std::time::Duration;

use allot_feeds::{
    FeedError, FeedProgress, FileConfig, FillConfig, FillFile, OnBadLine, Pace, Pull, Source,
    Speed, Tally, Word,
};
use allot_wire::Encoding;

use crate::scenario::{Scenario, finish, source};

/// A file for as long as the test runs.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn of(text: &str) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn path(&self) -> String {
        self.folder.path().join("fills").to_str().unwrap().to_owned()
    }
}

/// Every line of these files is a purchase.
fn purchases() -> FileConfig {
    let mut config = FileConfig::default();
    config.format.side = Some(Word::Buy);
    config
}

fn skipping() -> FileConfig {
    FileConfig { on_bad_line: OnBadLine::Skip, ..purchases() }
}

const BAD: &str = "ticker,price,quantity\nA,1,1\nB,0,1\n\nC,1,x\nD,1,1\n";

fn replayed(replay: FillFile) -> (FeedProgress, usize) {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let fills = scenario.fills(FillConfig::new(source("fills")), Box::new(replay));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let applied = shared.state().applied.len();
    (fills, applied)
}

#[test]
fn a_file_with_bad_lines_is_rejected_before_anything_of_it_is_sent() {
    let file = File::of(BAD);
    let error = FillFile::open(&file.path(), purchases()).err().unwrap();
    let expected = format!(
        "{} has 2 bad lines; nothing of it was sent:\n  \
         line 3: the price must be more than zero; it was 0\n  \
         line 5: the quantity \"x\" is not a plain decimal number such as 187.23\n\
         correct them, or skip them with --on-bad-line skip",
        file.path()
    );
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error, FeedError::BadLines { count: 2, .. }));
}

#[test]
fn bad_lines_can_be_skipped() {
    let (fills, applied) = replayed(FillFile::open(&File::of(BAD).path(), skipping()).unwrap());
    let summary = fills.summary();
    assert!(summary.has_all_replies(), "{summary}");
    assert_eq!((applied, summary.get(Tally::Sent), summary.get(Tally::BadLines)), (2, 2, 2));
    assert!(summary.skipped()[1].to_string().starts_with("line 5: "), "{summary}");
}

#[test]
fn fills_are_numbered_by_position_so_that_a_corrected_file_sends_only_what_is_new() {
    let file = File::of(BAD);
    let seqs = || {
        let mut replay = FillFile::open(&file.path(), skipping()).unwrap();
        let mut seqs = Vec::new();
        loop {
            match replay.next() {
                Pull::Fill(fill) => seqs.push((fill.seq.get(), fill.ticker.to_string())),
                Pull::Done => return seqs,
                _ => {}
            }
        }
    };
    assert_eq!(seqs(), [(1, "A".into()), (4, "D".into())]);
    file.write(&BAD.replace("B,0,1", "B,9,1"));
    assert_eq!(seqs(), [(1, "A".into()), (2, "B".into()), (4, "D".into())]);
}

#[test]
fn sequences_of_a_file_are_kept_and_must_count_up() {
    let line = |seq: &str| format!("{{\"ticker\":\"A\",\"price\":1,\"quantity\":1{seq}}}\n");
    let lines = [",\"seq\":5", "", ",\"seq\":6", ",\"seq\":7", ",\"seq\":18446744073709551615", ""];
    let file = File::of(&lines.map(line).concat());
    let mut replay = FillFile::open(&file.path(), skipping()).unwrap();
    let pulls: Vec<_> = std::iter::from_fn(|| match replay.next() {
        Pull::Done => None,
        Pull::Fill(fill) => Some(fill.seq.to_string()),
        Pull::Bad(line) => Some(line.to_string()),
        other => panic!("{other:?}"),
    })
    .collect();
    assert_eq!(
        pulls,
        [
            "5",
            "6",
            "line 3: sequences count up, and 6 follows 6",
            "7",
            "18446744073709551615",
            "line 6: sequences count up, and 18446744073709551615 follows 18446744073709551615",
        ]
    );
}

/// The sequence numbers and tickers of all fills.
fn numbered(path: &str, first_seq: u64) -> Vec<String> {
    let config = FileConfig { first_seq, ..purchases() };
    let mut replay = FillFile::open(path, config).unwrap();
    let name = |pull| match pull {
        Pull::Fill(fill) => Some(format!("{}{}", fill.ticker, fill.seq)),
        Pull::Done | Pull::Waiting => None,
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| name(replay.next())).collect()
}

#[test]
fn a_source_that_continues_leaves_out_what_comes_before() {
    let file = File::of(
        "ticker,price,quantity
A,1,1
B,1,1

C,1,1
D,1,1
",
    );
    assert_eq!(numbered(&file.path(), 1), ["A1", "B2", "C3", "D4"]);
    assert_eq!(numbered(&file.path(), 3), ["C3", "D4"]);
    assert!(numbered(&file.path(), 5).is_empty());
    let config = FileConfig { first_seq: 3, ..purchases() };
    assert_eq!(FillFile::open(&file.path(), config).unwrap().expected(), Some(2));
    let line =
        |seq: u64| format!("{{\"ticker\":\"A\",\"price\":1,\"quantity\":1,\"seq\":{seq}}}\n");
    file.write(&[10, 20, 30].map(line).concat());
    assert_eq!(numbered(&file.path(), 11), ["A20", "A30"]);
}

#[test]
fn the_first_line_of_a_stream_has_the_first_number() {
    let line = |seq: &str| format!("{{\"ticker\":\"A\",\"price\":1,\"quantity\":1{seq}}}\n");
    for (text, expected) in [
        ("ticker,price,quantity\nA,1,1\nB,1,1\n".to_owned(), ["A100", "B101"]),
        (["", ""].map(line).concat(), ["A100", "A101"]),
        // A stream that is sent again from its start, with sequence numbers of its own.
        ([",\"seq\":98", ",\"seq\":100", ",\"seq\":107"].map(line).concat(), ["A100", "A107"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut writer = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        assert_eq!(numbered(path.to_str().unwrap(), 100), expected, "{text}");
    }
}

#[test]
fn a_file_without_fills_ends_at_once() {
    let header = File::of("ticker,price,quantity\n");
    let (fills, applied) = replayed(FillFile::open(&header.path(), skipping()).unwrap());
    assert!(fills.summary().is_ok() && applied == 0);
    for text in ["", "\n\n", "\u{feff}\r\n"] {
        let error = FillFile::open(&File::of(text).path(), skipping()).err().unwrap().to_string();
        assert!(error.contains("neither a header nor a fill"), "{text:?}: {error}");
    }
    for text in ["ticker,price\nA,1\n", "\u{0}\n", "[1]\n"] {
        let error = FillFile::open(&File::of(text).path(), skipping()).err();
        assert!(matches!(error, Some(FeedError::BadHeader { .. })), "{text:?}: {error:?}");
    }
}

#[test]
fn a_stream_stops_at_its_first_bad_line_and_what_came_before_is_answered() {
    // A named pipe stands in for standard input, so that no other process is needed.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    // Opened for reading and writing, so that neither end waits for the other.
    let mut writer = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut writer, BAD.as_bytes()).unwrap();
    let replay = FillFile::open(path.to_str().unwrap(), purchases()).unwrap();
    let (fills, applied) = replayed(replay);
    let summary = fills.summary();
    assert!(!summary.is_ok(), "{summary}");
    assert_eq!((applied, summary.get(Tally::Replied), summary.get(Tally::BadLines)), (1, 1, 1));
    assert_eq!(summary.stopped_by().map(|line| line.number), Some(3));
    assert!(summary.to_string().starts_with("fills: stopped by a bad line\n"), "{summary}");
}

#[test]
fn a_recorded_file_needs_its_times() {
    let config = FileConfig { needs_time: true, ..purchases() };
    let file = File::of("ticker,price,quantity\nA,1,1\n");
    let error = FillFile::open(&file.path(), config.clone()).err().unwrap().to_string();
    assert!(error.contains("the header has no column \"time_ns\""), "{error}");
    file.write("{\"ticker\":\"A\",\"price\":1,\"quantity\":1}\n");
    let error = FillFile::open(&file.path(), config).err().unwrap().to_string();
    assert!(error.contains("line 1: the field \"time_ns\" is missing"), "{error}");
}

#[test]
fn a_real_tape_is_read_completely_and_replayed_at_its_own_pace() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/tape/binance_20240808.csv");
    if !Path::new(path).exists() {
        eprintln!("skipped: there is no {path}");
        return;
    }
    let config = FileConfig { needs_time: true, ..purchases() };
    let replay = FillFile::open(path, config).unwrap();
    assert_eq!(replay.expected(), Some(78_638));
    let mut scenario = Scenario::new();
    scenario.one_split();
    let config = FillConfig {
        pace: Pace::Recorded(Speed::REAL),
        encoding: Encoding::Binary,
        batch: 64,
        ..FillConfig::new(source("tape"))
    };
    let fills = scenario.fills(config, Box::new(replay));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    let took = finish(&mut stepper, &fills);
    assert!(Duration::from_secs(640) < took && took < Duration::from_secs(660), "{took:?}");
    let summary = fills.summary();
    assert!(summary.is_ok() && summary.get(Tally::Allocated) == 78_638, "{summary}");
    assert_eq!(shared.state().holdings.len(), 6);
}

#[test]
fn what_is_not_in_the_books_is_named_by_file_and_line() {
    let file = File::of(
        "ticker,side,price,quantity

A,buy,1,10
A,sell,1,11
A,sell,1,10
B,sell,1,1
",
    );
    let config = FileConfig::default();
    let (fills, _) = replayed(FillFile::open(&file.path(), config).unwrap());
    let summary = fills.summary();
    assert!(summary.has_all_replies() && !summary.is_ok(), "{summary}");
    let shown = summary.to_string();
    assert!(shown.starts_with("fills: not everything is in the books\n"), "{shown}");
    for line in [
        "  rejected 2 times: exceeds_holdings\n".to_owned(),
        format!("    {} line 4: the accounts of the split hold only 10 ", file.path()),
        format!("    {} line 6: the accounts of the split hold only 0 ", file.path()),
    ] {
        assert!(shown.contains(&line), "{line}: {shown}");
    }
}

#[test]
fn the_fills_of_a_file_that_were_never_sent_are_counted() {
    let file = File::of("ticker,price,quantity\nA,1,1\nB,1,1\nC,1,1\n");
    let mut scenario = Scenario::new();
    scenario.shared.state().faults.is_silent = true;
    let patience = allot_feeds::Patience { give_up: Duration::from_secs(5), ..Default::default() };
    let config = FillConfig { in_flight_max: 2, patience, ..FillConfig::new(source("fills")) };
    let replay = FillFile::open(&file.path(), purchases()).unwrap();
    let fills = scenario.fills(config, Box::new(replay));
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert_eq!((summary.get(Tally::Lost), summary.get(Tally::Unsent)), (2, 1), "{summary}");
    let place = format!("no reply: {} line 2", file.path());
    assert!(summary.to_string().contains(&place), "{summary}");
}
