//! Snapshots: a book that was saved and loaded continues as if nothing had happened.

use std::fmt::Write;

use allot_domain::{Machine, Marker, Seq, SnapshotError};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::SMALL;
use super::script::{Script, outcome_lines};
use super::steps::{Numbering, Sent, steps};
use crate::book::{Book, BookConfig};
use crate::history::History;
use crate::{AccountIndex, RowIndex, SplitNumber};
use crate::{Blend, Input, Outcomes, Residuals, Split, Weight, limits};

const REPORT: Marker = Marker { number: 1, time_ns: 0, report: true };

/// A little of everything, under a blend, with a history that forgets.
const SCRIPT: &str = "
    buy f 1 AAPL 10 @ 5
    buy f 2 MSFT 2 @ 7
    bust f 3 MSFT of 2
    split aum 1 a=50 b=30 c=20
    net aum 1 5 -3 -2
    buy g 1 BRK/B 3 @ 400.5
    sell f 4 AAPL 4 @ 6
    split aum 2 a=99.99 c=0.02
    bust g 2 BRK/B of 1
    marker
    buy g 3 AAPL 7 @ 5.5
    ";

fn config() -> BookConfig {
    BookConfig { blend: Blend::new(1, 4).unwrap(), history: 5, names: 6 }
}

fn saved(book: &Book) -> Vec<u8> {
    let mut snapshot = Vec::new();
    book.save(&mut snapshot);
    snapshot
}

fn after(config: BookConfig, text: &str) -> Book {
    let mut script = Script::new(Book::new(config));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        script.play(line);
    }
    script.book
}

fn configs() -> impl Strategy<Value = BookConfig> {
    let blend = prop_oneof![Just((0, 1)), Just((1, 4))];
    let history = prop_oneof![Just(1_usize), Just(4), Just(200)];
    (blend, history).prop_map(|((mix, total), history)| {
        let blend = Blend::new(mix, total).unwrap();
        BookConfig { blend, history, names: if history == 4 { 9 } else { 200 } }
    })
}

/// A book after random inputs, made by itself alone.
fn books() -> impl Strategy<Value = (BookConfig, Book)> {
    (configs(), prop::collection::vec(steps(), 0..60)).prop_map(|(config, sent)| {
        let (mut book, mut outcomes) = (Book::new(config), Outcomes::default());
        let mut numbering = Numbering::default();
        for input in sent.iter().filter_map(|sent| numbering.input(sent)) {
            outcome_lines(&mut book, &mut outcomes, &input);
        }
        (config, book)
    })
}

/// A random input, and whether the book is saved and loaded after it.
fn steps_and_saves() -> impl Strategy<Value = Vec<(Sent, bool)>> {
    prop::collection::vec((steps(), prop::bool::weighted(0.1)), 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// The one book is never saved, the other again and again.
    #[test]
    fn a_loaded_book_behaves_as_one_that_never_stopped(
        config in configs(),
        steps in steps_and_saves(),
    ) {
        let (mut one, mut other) = (Book::new(config), Book::new(config));
        let (mut outcomes, mut outcomes_other) = (Outcomes::default(), Outcomes::default());
        let mut numbering = Numbering::default();
        for (sent, is_saved) in &steps {
            let Some(input) = numbering.input(sent) else { continue };
            let lines = outcome_lines(&mut one, &mut outcomes, &input);
            prop_assert_eq!(lines, outcome_lines(&mut other, &mut outcomes_other, &input));
            prop_assert_eq!(&outcomes, &outcomes_other);
            prop_assert_eq!(one.part(&REPORT), other.part(&REPORT));
            if *is_saved {
                other = Book::load(config, &saved(&other)).expect("what was saved loads");
            }
        }
        prop_assert!(saved(&one) == saved(&other));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_has_one_meaning_and_a_meaning_one_snapshot(
        (config, book) in books(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 10),
    ) {
        let snapshot = saved(&book);
        for (at, flipped) in damage {
            let (mut snapshot, at) = (snapshot.clone(), at.index(snapshot.len()));
            snapshot[at] ^= flipped;
            if let Ok(book) = Book::load(config, &snapshot) {
                prop_assert!(saved(&book) == snapshot);
            }
        }
        for at in cuts {
            prop_assert!(Book::load(config, &snapshot[..at.index(snapshot.len())]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_mean_a_book(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut snapshot = saved(&Book::new(SMALL));
        // As far as the config: what follows is anything.
        snapshot.truncate(8 + 4 + 16);
        snapshot.extend_from_slice(&bytes);
        if let Ok(book) = Book::load(SMALL, &snapshot) {
            prop_assert!(saved(&book) == snapshot);
        }
    }
}

#[test]
fn every_cut_of_a_whole_life_and_a_flipped_bit_of_every_byte_is_seen_or_meant() {
    let snapshot = saved(&after(config(), SCRIPT));
    for len in 0..snapshot.len() {
        assert_eq!(
            Book::load(config(), &snapshot[..len]).err(),
            Some(SnapshotError::Truncated),
            "{len}"
        );
    }
    let mut meant = 0;
    for at in 0..snapshot.len() {
        let mut snapshot = snapshot.clone();
        snapshot[at] ^= 1 << (at % 8);
        if let Ok(book) = Book::load(config(), &snapshot) {
            assert!(saved(&book) == snapshot, "{at}");
            meant += 1;
        }
    }
    assert!(meant < snapshot.len() / 2, "most of a snapshot is held against the rest: {meant}");
}

#[test]
fn the_bytes_of_this_version_never_change() {
    let text = "
        split aum 1 a=60 b=40
        buy f 1 AAPL 5 @ 2
        ";
    let snapshot = saved(&after(SMALL, text));
    let mut dump = String::new();
    for row in snapshot.chunks(16) {
        let hex: Vec<_> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = row.iter().map(|byte| if byte.is_ascii_graphic() { *byte } else { b'.' });
        let text = String::from_utf8(text.collect()).unwrap();
        writeln!(dump, "{:47}  {text}", hex.join(" ")).unwrap();
    }
    expect![[r#"
        41 4c 4f 54 42 4f 4f 4b 03 00 00 00 00 00 00 00  ALOTBOOK........
        01 00 00 00 40 00 00 00 00 00 00 00 e8 03 00 00  ....@...........
        00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00  ................
        00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00  ................
        00 00 00 00 00 e4 0b 54 02 00 00 00 00 00 00 00  .......T........
        00 00 00 00 00 e4 0b 54 02 00 00 00 00 00 00 00  .......T........
        00 00 00 00 00 94 35 77 00 00 00 00 02 00 00 00  ......5w........
        01 61 01 00 58 47 f8 0d 00 00 00 00 00 00 00 00  .a..XG..........
        00 00 00 00 00 00 00 00 00 00 00 00 bc a0 65 01  ..............e.
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 00 00 00 00 00 00 00 00 00 00 01 62 01 00 90  ............b...
        2f 50 09 00 00 00 00 00 00 00 00 00 00 00 00 00  /P..............
        00 00 00 00 00 00 00 28 6b ee 00 00 00 00 00 00  .......(k.......
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00  ................
        00 00 01 66 01 00 00 00 00 00 00 00 00 00 00 00  ...f............
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 00 00 00 01 01 00 00 00 00 00 00 00 00 00 00  ................
        00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 d7 1c 99 1f 4f eb 0a f0 01 00 00 00 00 00 00  .....O..........
        00 00 00 00 00 00 00 00 00 01 00 00 00 03 61 75  ..............au
        6d 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00  m...............
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 01 01 00 00 00 00 00 00 00 00 00 00 00 01 00  ................
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 8e c7  ................
        8d 38 bb 7c 20 b9 01 00 00 00 00 00 00 00 03 61  .8.|...........a
        75 6d 01 00 00 00 00 00 00 00 01 00 00 00 00 00  um..............
        00 00 00 00 00 00 02 00 00 00 00 00 00 00 00 58  ...............X
        47 f8 0d 00 00 00 01 00 00 00 00 90 2f 50 09 00  G.........../P..
        00 00 01 00 00 00 04 41 41 50 4c 01 00 00 00 00  .......AAPL.....
        00 00 00 05 00 00 00 00 00 00 00 02 00 00 00 00  ................
        00 00 00 03 00 00 00 00 00 00 00 00 bc a0 65 01  ..............e.
        00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 02  ................
        00 00 00 00 00 00 00 00 28 6b ee 00 00 00 00 00  ........(k......
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
        00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 01  ................
        66 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00  f...............
        00 00 00 00 00 00 02 00 00 00 00 00 00 94 35 77  ..............5w
        00 00 00 00 05 00 00 00 00 00 00 00 01 00 00 00  ................
        00 00 00 00 00 00 00 00 00 00 03 00 00 00 00 00  ................
        00 00 01 00 00 00 02 00 00 00 00 00 00 00        ..............
    "#]]
    .assert_eq(&dump);
}

#[track_caller]
fn check_refused(config: BookConfig, snapshot: &[u8], expected: Expect) {
    let error = Book::load(config, snapshot).err();
    expected.assert_eq(&error.expect("it is refused").to_string());
}

#[test]
fn what_is_no_snapshot_of_such_a_book_is_refused_with_the_reason() {
    let snapshot = saved(&after(config(), SCRIPT));
    let with = |at: usize, byte: u8| {
        let mut snapshot = snapshot.clone();
        snapshot[at] = byte;
        snapshot
    };
    check_refused(config(), b"", expect!["the snapshot ends too early"]);
    check_refused(config(), &with(0, b'B'), expect!["this is not a snapshot of such a state"]);
    check_refused(
        config(),
        &with(8, 2),
        expect!["the snapshot is of version 2; this program reads 3"],
    );
    check_refused(
        BookConfig { history: 6, ..config() },
        &snapshot,
        expect![
            "the state was saved with a blend of 1/4, a history of 5 and 6 names; start with \
             the same"
        ],
    );
    check_refused(
        BookConfig { blend: Blend::NONE, ..config() },
        &snapshot,
        expect![
            "the state was saved with a blend of 1/4, a history of 5 and 6 names; start with \
             the same"
        ],
    );
    check_refused(
        config(),
        &[&snapshot[..], b"xy"].concat(),
        expect!["2 bytes follow the snapshot"],
    );
}

#[test]
fn what_no_book_can_be_is_refused_with_the_reason() {
    type Damage = fn(&mut Book);
    let damages: [Damage; 19] = [
        |book| book.totals.same_accounts_since = SplitNumber::new(3),
        |book| book.totals.turnover = -1,
        |book| (book.totals.turnover, book.totals.flow) = (1, 1),
        |book| book.totals.flow = book.totals.turnover + 1,
        |book| book.totals.price_max = 0,
        |book| book.totals.fills = u64::MAX,
        |book| book.accounts[1].id = book.accounts[0].id,
        |book| book.accounts[1].netted += 1,
        |book| book.accounts[1].value += 1,
        |book| book.holdings.row_mut(RowIndex::new(0)).add(AccountIndex::new(0), 1, 1),
        |book| book.recent_splits.known_mut()[0] = book.recent_splits.known_mut()[1],
        |book| book.recent_splits.weighed_mut().clear(),
        |book| book.recent_splits.weighed_mut()[0].weights.swap(0, 1),
        |book| book.recent_splits.weighed_mut()[0].weights[0].0 = AccountIndex::new(9),
        |book| {
            book.recent_splits.weighed_mut()[0].weights.pop();
        },
        |book| book.totals.splits = book.totals.splits.next(),
        |book| {
            book.history = History::new(5);
        },
        |book| book.totals.fills = 0,
        |book| book.residuals = Residuals::new(vec![1, 1], vec![0, 0]),
    ];
    let mut errors = String::new();
    for damage in damages {
        let mut book = after(config(), SCRIPT);
        damage(&mut book);
        let error = Book::load(config(), &saved(&book)).err();
        writeln!(errors, "{}", error.expect("it is damaged")).unwrap();
    }
    expect![[r#"
        the snapshot is damaged: accounts named by a split that never was
        the snapshot is damaged: a turnover beyond its limits
        the snapshot is damaged: a turnover of less than its fills
        the snapshot is damaged: a flow that is not of the turnover
        the snapshot is damaged: fills without a price, or the reverse
        the snapshot is damaged: a counter beyond all counting
        the snapshot is damaged: an account twice
        the snapshot is damaged: values of an account that do not add up
        the snapshot is damaged: values of an account that do not add up
        the snapshot is damaged: values of an account that do not add up
        the snapshot is damaged: a split twice
        the snapshot is damaged: a split in force that says something else
        the snapshot is damaged: a split out of the order of its accounts
        the snapshot is damaged: a split of an unknown account
        the snapshot is damaged: weights that do not add up to 100
        the snapshot is damaged: a source that is none
        the snapshot is damaged: a name with an outcome that never was
        the snapshot is damaged: fills without a price, or the reverse
        the snapshot is damaged: weights that do not add up to 100
    "#]]
    .assert_eq(&errors);
}

/// An id that is a text is new once it is forgotten, while its fill is still held.
#[test]
fn a_fill_that_is_held_twice_is_loaded() {
    let names = BookConfig { names: 2, ..SMALL };
    let lines =
        "buy f 1#x AAPL 1 @ 5\nbuy f 2 AAPL 1 @ 5\nbuy f 3 AAPL 1 @ 5\nbuy f 4#x AAPL 1 @ 5";
    let snapshot = saved(&after(names, lines));
    assert_eq!(saved(&Book::load(names, &snapshot).unwrap()), snapshot);
}

/// What forgets only when it is full, or keeps the newest, has not forgotten all it ever had.
#[test]
fn a_memory_that_forgot_and_is_empty_is_refused() {
    let snapshot = saved(&Book::new(config()));
    // After config, totals and accounts: names of fills, names of splits, four empty lists, the
    // history and its shares.
    for (at, expected) in [
        (112, expect!["the snapshot is damaged: names forgotten while there was room"]),
        (128, expect!["the snapshot is damaged: names forgotten while there was room"]),
        (160, expect!["the snapshot is damaged: all outcomes forgotten, or shares of none"]),
        (168, expect!["the snapshot is damaged: all outcomes forgotten, or shares of none"]),
    ] {
        let mut snapshot = snapshot.clone();
        snapshot[at] = 1;
        check_refused(config(), &snapshot, expected);
    }
}

/// What the fuzz target `book` starts from: the book at each step of a life, held fills included.
#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/book");
    std::fs::create_dir_all(&folder).unwrap();
    let lines: Vec<_> = SCRIPT.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for count in 0..=lines.len() {
        let book = after(config(), &lines[..count].join("\n"));
        std::fs::write(folder.join(format!("life-{count}")), saved(&book)).unwrap();
    }
}

#[test]
fn spare_room_and_forgotten_outcomes_are_not_in_a_snapshot() {
    let lines = (1..400).map(|seq| format!("buy f {seq} AAPL 3 @ 5\n")).collect::<String>();
    let text = format!("split aum 1 a=50 b=50\n{lines}");
    let len = |history| saved(&after(BookConfig { history, ..SMALL }, &text)).len();
    // Only outcomes that are kept take bytes: a fill and its two shares.
    assert_eq!(len(300) - len(200), 100 * (55 + 2 * 12));
    assert_eq!(len(5_000), len(399));
}

#[test]
#[should_panic(expected = "taken before a snapshot")]
fn no_snapshot_is_made_between_the_slices_of_an_input() {
    let (mut book, mut outcomes) = (Book::new(SMALL), Outcomes::default());
    let mut script = Script::new(book);
    for seq in 1..=7 {
        script.play(&format!("buy f {seq} AAPL 1 @ 5"));
    }
    book = script.book;
    let weight = |at| {
        let nanos = i128::from(limits::WEIGHT_TOTAL) / 10_000;
        let id = allot_domain::AccountId::new(format!("a{at}").as_bytes()).unwrap();
        (id, Weight::from_nanos("a", nanos).unwrap())
    };
    let source = super::script::source("aum");
    let split = Split::new(source, Seq::new(1), (0..10_000).map(weight).collect()).unwrap();
    let _ = book.apply(&Input::Split(split), &mut outcomes);
    saved(&book);
}
