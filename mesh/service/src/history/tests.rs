//! Snapshots that are stored, read back, damaged, and too old.

use tempfile::TempDir;

use super::*;

const HOUR: u64 = 3_600_000_000_000;

fn snapshot(hours: u64, position: &str) -> ViewSnapshot {
    let row = |symbol: &[u8], sequence| Row {
        symbol: Symbol::new(symbol).unwrap(),
        position: Position::parse(position).unwrap(),
        version: Version::new(2, sequence),
        updated: Unix::new(hours * HOUR - 1),
    };
    let owner = StrategyName::new(b"strategy_1").unwrap();
    let rows = vec![
        ViewRow { owner, row: row(b"AAPL", 1) },
        ViewRow { owner, row: row(b"ES 2026,DEC", 2) },
    ];
    let digest = ViewRow::digest_of(&rows);
    let life = |start, sequence| Version {
        incarnation: Incarnation::new(start, 7),
        sequence: Sequence::new(sequence),
    };
    let lineage = Lineage {
        through: Version::new(2, 9),
        adopted: Some(Adoption { through: life(1, 3), incarnation: Incarnation::new(2, 0) }),
        lives: vec![Version::ZERO, life(1, 3)],
    };
    ViewSnapshot {
        taken_at: Unix::new(hours * HOUR),
        kind: SnapshotKind::Periodic,
        rows,
        lineages: vec![(owner, lineage)],
        digest,
    }
}

fn files(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(CSV_BEGIN)).collect();
    names.sort();
    names
}

#[test]
fn the_newest_snapshot_whose_digest_holds_is_read_back() {
    let folder = TempDir::new().unwrap();
    let mut history = History::open(folder.path(), Duration::from_hours(100)).unwrap();
    assert_eq!(history.newest().unwrap(), (None, vec![]));
    let [first, second] = [(1, "100"), (2, "-0.5")].map(|(at, text)| snapshot(at, text));
    // The clock was ahead while the first was taken.
    let first = ViewSnapshot { taken_at: Unix::new(50 * HOUR), ..first };
    for one in [&first, &second] {
        history.store(one).unwrap();
    }
    drop(history);
    let history = History::open(folder.path(), Duration::from_hours(100)).unwrap();
    assert_eq!(history.newest().unwrap(), (Some(second), vec![]));
    let change = "UPDATE positions SET position = '7' WHERE snapshot = 2";
    assert_eq!(history.connection.execute(change, []).unwrap(), 2);
    let (newest, wrong) = history.newest().unwrap();
    assert_eq!(newest, Some(first));
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].contains("1970-01-01T02:00") && wrong[0].contains("not used"));
    let damage = "UPDATE positions SET symbol = 'x' || char(7) WHERE symbol = 'AAPL'";
    history.connection.execute(damage, []).unwrap();
    assert_eq!(history.newest().unwrap().0, None);
}

/// Whose rows come back without its lives is taken for another strategy's.
#[test]
fn a_lineage_that_was_changed_is_named_and_the_snapshot_is_not_used() {
    let folder = TempDir::new().unwrap();
    let mut history = History::open(folder.path(), Duration::from_hours(100)).unwrap();
    for hour in 1..=5 {
        history.store(&snapshot(hour, "100")).unwrap();
    }
    for (number, change) in [
        (2, "through = '2/0.8'"),
        (3, "lives = '1/7.3'"),
        (4, "adopted = NULL, adopted_as = NULL"),
        (5, "through = 'x'"),
    ] {
        let change = format!("UPDATE lineages SET {change} WHERE snapshot = {number}");
        assert_eq!(history.connection.execute(&change, []).unwrap(), 1);
    }
    let (newest, wrong) = history.newest().unwrap();
    assert_eq!(newest, Some(snapshot(1, "100")));
    let times: Vec<_> = wrong.iter().map(|one| one.split("T0").nth(1).unwrap()).collect();
    let said = |hour| {
        format!("{hour}:00:00.000000000Z is not used: the lineage of strategy_1 was changed")
    };
    assert_eq!(times, [5, 4, 3, 2].map(said), "each once, the newest first");
    // One of an earlier version of this program has none.
    history.connection.execute("DELETE FROM lineages", []).unwrap();
    assert_eq!(history.newest().unwrap().0.unwrap().lineages, []);
}

#[test]
fn a_file_that_is_no_database_is_moved_aside() {
    let folder = TempDir::new().unwrap();
    for number in 1..=2 {
        fs::write(folder.path().join(DATABASE), "positions of yesterday\n".repeat(99)).unwrap();
        let opened = History::open_newest(folder.path(), Duration::from_hours(2)).unwrap();
        let aside = opened.aside.unwrap();
        assert!(aside.ends_with(format!("history.sqlite.unreadable-{number}")));
        assert!(fs::read_to_string(aside).unwrap().starts_with("positions of yesterday"));
        let mut history = opened.history;
        history.store(&snapshot(1, "100")).unwrap();
        assert_eq!(history.newest().unwrap().0, Some(snapshot(1, "100")));
    }
    let opened = History::open_newest(folder.path(), Duration::from_hours(2)).unwrap();
    assert_eq!((opened.newest, opened.aside), (Some(snapshot(1, "100")), None));
}

#[test]
fn a_clock_that_jumps_empties_no_history() {
    let folder = TempDir::new().unwrap();
    let mut history = History::open(folder.path(), Duration::from_hours(100)).unwrap();
    let hours: Vec<u64> = (1..=20).collect();
    for hour in hours.iter().copied().chain([9_000, 9_001, 1, 21]) {
        history.store(&snapshot(hour, "100")).unwrap();
    }
    let count = "SELECT count(*) FROM snapshots";
    let count: i64 = history.connection.query_one(count, [], |row| row.get(0)).unwrap();
    // Two went with each of those that were ahead.
    assert_eq!(count, 24 - 4);
    assert_eq!(history.newest().unwrap().0, Some(snapshot(21, "100")));
}

#[test]
fn a_text_that_begins_like_a_formula_is_a_text() {
    let quoted: Vec<_> = ["AAPL", "=1+1", "@ES,1", "-x"].map(quoted).into();
    assert_eq!(quoted, ["AAPL", "'=1+1", "\"'@ES,1\"", "'-x"]);
}

#[test]
fn a_csv_file_has_the_rows_and_what_is_too_old_is_removed() {
    let folder = TempDir::new().unwrap();
    let mut history = History::open(folder.path(), Duration::from_hours(2)).unwrap();
    fs::write(folder.path().join("positions-x.csv.unfinished"), "half").unwrap();
    for hours in [1, 2, 3, 4] {
        history.store(&snapshot(hours, "100")).unwrap();
    }
    let kept = [2, 3, 4].map(|hour| format!("positions-1970-01-01T0{hour}-00-00.000000000Z.csv"));
    assert_eq!(files(&folder), kept);
    let text = fs::read_to_string(folder.path().join(&kept[0])).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "taken_at,kind,strategy,symbol,position,incarnation,life,sequence,updated"
    );
    assert_eq!(
        lines[2],
        "1970-01-01T02:00:00.000000000Z,periodic,strategy_1,\"ES 2026,DEC\",100,2,0,2,\
         1970-01-01T01:59:59.999999999Z"
    );
    let count = "SELECT count(*) FROM positions";
    let count: i64 = history.connection.query_one(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 6);
}
