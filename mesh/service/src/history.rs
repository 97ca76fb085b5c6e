//! History: snapshots of the whole view, in SQLite and as CSV, for people and for the next start.
//!
//! ```text
//!   DIR/history.sqlite                                   snapshots(snapshot, taken_at, kind, …)
//!                                                        positions(snapshot, taken_at, …)
//!                                                        lineages(snapshot, strategy, …)
//!   DIR/positions-2026-11-20T17-00-00.000000000Z.csv     the same rows, one file a snapshot
//! ```
//!
//! A snapshot is one transaction: it is there whole, or not at all. Its digest is that of the view
//! it was taken of, so that a view which is read back is known to be that view. Which one is newer
//! is the order in which they were stored: a wall clock that jumps decides nothing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allot_mesh_rules::{
    Adoption, Digest, Incarnation, Lineage, Position, Row, Sequence, StrategyName, Symbol, Unix,
    Version,
};
use allot_wire::timestamp;
use rusqlite::{Connection, ErrorCode, params};

use crate::ViewRow;
use crate::limits::HISTORY_BUSY;

/// The database.
const DATABASE: &str = "history.sqlite";
/// How the name of a CSV file begins and ends.
const CSV_BEGIN: &str = "positions-";
/// See [`CSV_BEGIN`].
const CSV_END: &str = ".csv";
/// The end of a file that is being written.
const UNFINISHED: &str = ".unfinished";
/// Only the owner may read what a history holds.
const FILE_MODE: u32 = 0o600;
/// Snapshots that are removed with each that is stored, at most: more than come.
const REMOVED_AT_ONCE: u32 = 2;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS snapshots (
        snapshot INTEGER PRIMARY KEY AUTOINCREMENT,
        taken_at TEXT NOT NULL,
        kind     TEXT NOT NULL,
        rows     INTEGER NOT NULL,
        digest   TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS positions (
        snapshot    INTEGER NOT NULL,
        taken_at    TEXT NOT NULL,
        kind        TEXT NOT NULL,
        strategy    TEXT NOT NULL,
        symbol      TEXT NOT NULL,
        position    TEXT NOT NULL,
        incarnation INTEGER NOT NULL,
        life        INTEGER NOT NULL,
        sequence    INTEGER NOT NULL,
        updated     TEXT NOT NULL,
        PRIMARY KEY (snapshot, strategy, symbol)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS lineages (
        snapshot    INTEGER NOT NULL,
        strategy    TEXT NOT NULL,
        through     TEXT NOT NULL,
        adopted     TEXT,
        adopted_as  TEXT,
        lives       TEXT NOT NULL,
        digest      TEXT NOT NULL,
        PRIMARY KEY (snapshot, strategy)
    ) WITHOUT ROWID;";

/// How many of these tables there are, and how many others.
const COUNT_TABLES: &str = "
    SELECT count(*) FILTER (WHERE name IN ('snapshots', 'positions', 'lineages')),
           count(*) FILTER (WHERE name NOT IN ('snapshots', 'positions', 'lineages')
                            AND name NOT LIKE 'sqlite_%')
    FROM sqlite_master WHERE type = 'table'";

/// What a snapshot adds to each table.
const INSERT_SNAPSHOT: &str =
    "INSERT INTO snapshots (taken_at, kind, rows, digest) VALUES (?1, ?2, ?3, ?4)";
/// See [`INSERT_SNAPSHOT`].
const INSERT_POSITION: &str = "
    INSERT INTO positions (snapshot, taken_at, kind, strategy, symbol, position, incarnation, life,
        sequence, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
/// See [`INSERT_SNAPSHOT`].
const INSERT_LINEAGE: &str = "
    INSERT INTO lineages (snapshot, strategy, through, adopted, adopted_as, lives, digest)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Why a snapshot was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotKind {
    /// Some time has passed.
    Periodic,
    /// The day is over.
    EndOfDay,
}

/// The whole view at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ViewSnapshot {
    /// When it was taken, by the wall clock.
    pub taken_at: Unix,
    /// Why.
    pub kind: SnapshotKind,
    /// Every row, sorted by strategy and symbol.
    pub rows: Vec<ViewRow>,
    /// How far the rows of each strategy go, by strategy.
    pub lineages: Vec<(StrategyName, Lineage)>,
    /// The digest of the view.
    pub digest: Digest,
}

/// The history in a data directory.
pub struct History {
    connection: Connection,
    folder: PathBuf,
    keep: Duration,
}

/// A history with what is in it.
pub struct OpenedHistory {
    /// The history.
    pub history: History,
    /// The newest snapshot whose digest holds.
    pub newest: Option<ViewSnapshot>,
    /// What is wrong with those after it.
    pub wrong: Vec<String>,
    /// Where a file is now that was no database.
    pub aside: Option<PathBuf>,
}

/// Why a history cannot be read or written.
#[derive(Debug)]
pub enum HistoryError {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// The operating system says so, of this file.
    Io(PathBuf, io::Error),
    /// A snapshot holds what no mesh has written; says what.
    Damaged(String),
}

impl SnapshotKind {
    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::EndOfDay => "end_of_day",
        }
    }
}

impl History {
    /// Opens the history of a data directory, which is there; makes it if there is none.
    ///
    /// # Errors
    /// [`HistoryError`]: what SQLite says.
    pub fn open(folder: &Path, keep: Duration) -> Result<Self, HistoryError> {
        let path = folder.join(DATABASE);
        // SQLite makes files that all may read; one that is there keeps its mode.
        let options =
            OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
        options.map_err(|error| HistoryError::Io(path.clone(), error))?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(HISTORY_BUSY)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // A database of somebody else's is left as it is: it is said now, and not when the first
        // snapshot is stored.
        let tables = connection.transaction()?;
        let (ours, others) = tables.query_one(COUNT_TABLES, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        if ours == 0 && 0 < others {
            let why = "it has tables, and none of a history; move it to another place";
            return Err(HistoryError::Damaged(format!("{}: {why}", path.display())));
        }
        tables.execute_batch(SCHEMA)?;
        for statement in [INSERT_SNAPSHOT, INSERT_POSITION, INSERT_LINEAGE] {
            tables.prepare(statement)?;
        }
        tables.commit()?;
        Ok(Self { connection, folder: folder.to_owned(), keep })
    }

    /// The same history opened again, after its file was removed or replaced; where to one was
    /// moved that is no database.
    ///
    /// # Errors
    /// [`HistoryError`]: what SQLite or the operating system says.
    pub fn reopen(&mut self) -> Result<Option<PathBuf>, HistoryError> {
        let OpenedHistory { history, aside, .. } = Self::open_newest(&self.folder, self.keep)?;
        *self = history;
        Ok(aside)
    }

    /// Opens the history of a data directory, and reads its newest snapshot. A file that is no
    /// database, or a damaged one, is moved aside, and a new history begins: a strategy has its
    /// positions without it.
    ///
    /// # Errors
    /// [`HistoryError`]: what SQLite or the operating system says.
    pub fn open_newest(folder: &Path, keep: Duration) -> Result<OpenedHistory, HistoryError> {
        let open = |aside| {
            let history = Self::open(folder, keep)?;
            let (newest, wrong) = history.newest()?;
            Ok(OpenedHistory { history, newest, wrong, aside })
        };
        match open(None) {
            Err(HistoryError::Sqlite(error)) if is_no_database(&error) => {
                open(Some(move_aside(folder)?))
            }
            opened => opened,
        }
    }

    /// Stores a snapshot, in the database and beside it, and removes those that are too old.
    ///
    /// # Errors
    /// [`HistoryError`]: the snapshot is not there, or its CSV file is not.
    pub fn store(&mut self, snapshot: &ViewSnapshot) -> Result<(), HistoryError> {
        let taken_at = time_text(snapshot.taken_at);
        self.remove_old(snapshot.taken_at)?;
        let transaction = self.connection.transaction()?;
        let kind = snapshot.kind.name();
        let rows = i64::try_from(snapshot.rows.len()).unwrap_or(i64::MAX);
        transaction
            .execute(INSERT_SNAPSHOT, params![taken_at, kind, rows, snapshot.digest.to_string()])?;
        let number = transaction.last_insert_rowid();
        {
            let mut insert = transaction.prepare(INSERT_POSITION)?;
            for ViewRow { owner, row } in &snapshot.rows {
                let Row { symbol, position, version, updated } = row;
                insert.execute(params![
                    number,
                    taken_at,
                    kind,
                    owner.as_str(),
                    symbol.as_str(),
                    position.to_string(),
                    version.incarnation.start(),
                    version.incarnation.life(),
                    integer(version.sequence.get())?,
                    time_text(*updated),
                ])?;
            }
        }
        {
            let mut insert = transaction.prepare(INSERT_LINEAGE)?;
            for (owner, lineage) in &snapshot.lineages {
                let lives: Vec<_> = lineage.lives.iter().copied().map(version_text).collect();
                insert.execute(params![
                    number,
                    owner.as_str(),
                    version_text(lineage.through),
                    lineage.adopted.map(|adopted| version_text(adopted.through)),
                    lineage.adopted.map(|adopted| incarnation_text(adopted.incarnation)),
                    lives.join(" "),
                    Digest::of_lineage(owner, lineage).to_string(),
                ])?;
            }
        }
        transaction.commit()?;
        self.write_csv(snapshot, &taken_at)
    }

    /// Removes what is too old, a few of the oldest with each that is stored: a clock that is wrong
    /// for a while cannot empty the history.
    fn remove_old(&mut self, now: Unix) -> Result<(), HistoryError> {
        self.remove_unfinished()?;
        let keep = u64::try_from(self.keep.as_nanos()).unwrap_or(u64::MAX);
        let oldest = time_text(Unix::new(now.get().saturating_sub(keep)));
        let now = time_text(now);
        let first = self
            .connection
            .prepare("SELECT snapshot, taken_at FROM snapshots ORDER BY snapshot LIMIT ?1")?
            .query_map([REMOVED_AT_ONCE + 1], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(i64, String)>, _>>()?;
        // Texts of times order like times. One later than now and than the next one was taken by a
        // clock that was wrong; what came before it is gone.
        for ((number, taken_at), (_, next)) in first.iter().zip(first.iter().skip(1)) {
            if oldest <= *taken_at && (*taken_at <= now || taken_at <= next) {
                break;
            }
            // The file first: what a crash leaves in the table is removed the next time.
            let path = self.folder.join(csv_name(taken_at));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(HistoryError::Io(path, error));
                }
                _ => {}
            }
            let transaction = self.connection.transaction()?;
            transaction.execute("DELETE FROM positions WHERE snapshot = ?1", [number])?;
            transaction.execute("DELETE FROM lineages WHERE snapshot = ?1", [number])?;
            transaction.execute("DELETE FROM snapshots WHERE snapshot = ?1", [number])?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// The newest snapshot whose digest holds, and what is wrong with those after it.
    ///
    /// # Errors
    /// [`HistoryError`]: what SQLite says.
    pub fn newest(&self) -> Result<(Option<ViewSnapshot>, Vec<String>), HistoryError> {
        let mut heads = self.connection.prepare(
            "SELECT snapshot, taken_at, kind, digest FROM snapshots ORDER BY snapshot DESC",
        )?;
        let mut heads = heads.query([])?;
        let mut wrong = Vec::new();
        while let Some(head) = heads.next()? {
            let (taken_at, kind, digest): (String, String, String) =
                (head.get(1)?, head.get(2)?, head.get(3)?);
            match self.read(head.get(0)?, &taken_at, &kind) {
                Ok(snapshot) if snapshot.digest.to_string() == digest => {
                    return Ok((Some(snapshot), wrong));
                }
                Ok(snapshot) => wrong.push(format!(
                    "the snapshot of {taken_at} has the digest {} and says {digest}; it was \
                     changed, and is not used",
                    snapshot.digest
                )),
                Err(HistoryError::Damaged(what)) => {
                    wrong.push(format!("the snapshot of {taken_at} is not used: {what}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((None, wrong))
    }

    /// The rows of a snapshot, with the digest that they make.
    fn read(&self, number: i64, taken_at: &str, kind: &str) -> Result<ViewSnapshot, HistoryError> {
        let mut select = self.connection.prepare(
            "SELECT strategy, symbol, position, incarnation, life, sequence, updated FROM positions
             WHERE snapshot = ?1 ORDER BY strategy, symbol",
        )?;
        let mut found = select.query([number])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let texts: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(6)?];
            let numbers: [i64; 3] = [row.get(3)?, row.get(4)?, row.get(5)?];
            let read = read_row(&texts, numbers);
            rows.push(read.ok_or_else(|| {
                HistoryError::Damaged(format!("the row of {} in {} is none", texts[1], texts[0]))
            })?);
        }
        let taken_at = timestamp::parse(taken_at)
            .ok_or_else(|| HistoryError::Damaged("its time is none".to_owned()))?;
        let kind = match kind == SnapshotKind::EndOfDay.name() {
            true => SnapshotKind::EndOfDay,
            false => SnapshotKind::Periodic,
        };
        let digest = ViewRow::digest_of(&rows);
        let lineages = self.read_lineages(number)?;
        Ok(ViewSnapshot { taken_at: Unix::new(taken_at), kind, rows, lineages, digest })
    }

    /// How far the rows of a snapshot go; of none in one that was stored without them.
    fn read_lineages(&self, number: i64) -> Result<Vec<(StrategyName, Lineage)>, HistoryError> {
        let mut select = self.connection.prepare(
            "SELECT strategy, through, adopted, adopted_as, lives, digest FROM lineages
             WHERE snapshot = ?1 ORDER BY strategy",
        )?;
        let mut found = select.query([number])?;
        let mut lineages = Vec::new();
        while let Some(row) = found.next()? {
            let [owner, through, lives, digest]: [String; 4] =
                [row.get(0)?, row.get(1)?, row.get(4)?, row.get(5)?];
            let adopted: [Option<String>; 2] = [row.get(2)?, row.get(3)?];
            let read = read_lineage(&owner, &through, adopted, &lives);
            let is_whole = |(owner, lineage): &(StrategyName, Lineage)| {
                Digest::of_lineage(owner, lineage).to_string() == digest
            };
            lineages.push(read.filter(is_whole).ok_or_else(|| {
                HistoryError::Damaged(format!("the lineage of {owner} was changed"))
            })?);
        }
        Ok(lineages)
    }

    /// Writes the rows aside and renames them: a reader never sees half a file.
    fn write_csv(&self, snapshot: &ViewSnapshot, taken_at: &str) -> Result<(), HistoryError> {
        let path = self.folder.join(csv_name(taken_at));
        let aside = PathBuf::from(format!("{}{UNFINISHED}", path.display()));
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let file =
                options.write(true).create(true).truncate(true).mode(FILE_MODE).open(&aside)?;
            let mut out = BufWriter::new(file);
            write_rows(snapshot, taken_at, &mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&aside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| HistoryError::Io(path.clone(), error))
    }

    /// Removes what a crash has left.
    fn remove_unfinished(&self) -> Result<(), HistoryError> {
        let failed = |error| HistoryError::Io(self.folder.clone(), error);
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(CSV_BEGIN) && name.ends_with(UNFINISHED) {
                fs::remove_file(self.folder.join(name)).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn is_no_database(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Gives the database another name; returns it.
fn move_aside(folder: &Path) -> Result<PathBuf, HistoryError> {
    let path = folder.join(DATABASE);
    let aside = |number: u32| folder.join(format!("{DATABASE}.unreadable-{number}"));
    let free = (1..=u32::MAX).map(aside).find(|aside| !aside.exists());
    let aside = free.expect("a folder has fewer files");
    fs::rename(&path, &aside).map_err(|error| HistoryError::Io(path, error))?;
    Ok(aside)
}

/// A name that every file system takes, and that orders like the time.
fn csv_name(taken_at: &str) -> String {
    format!("{CSV_BEGIN}{}{CSV_END}", taken_at.replace(':', "-"))
}

fn write_rows(snapshot: &ViewSnapshot, taken_at: &str, out: &mut impl Write) -> io::Result<()> {
    let kind = snapshot.kind.name();
    writeln!(out, "taken_at,kind,strategy,symbol,position,incarnation,life,sequence,updated")?;
    for ViewRow { owner, row } in &snapshot.rows {
        let Row { symbol, position, version, updated } = row;
        let Version { incarnation, sequence } = version;
        let life = incarnation.life();
        let (owner, symbol) = (quoted(owner.as_str()), quoted(symbol.as_str()));
        let updated = time_text(*updated);
        writeln!(
            out,
            "{taken_at},{kind},{owner},{symbol},{position},{incarnation},{life},{sequence},\
             {updated}"
        )?;
    }
    Ok(())
}

/// A field of CSV, as RFC 4180 has it: a symbol may hold a comma, and never a quotation mark. One
/// that a spreadsheet would take for a formula has an apostrophe in front, which makes it a text.
fn quoted(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    if text.contains(',') { format!("\"{mark}{text}\"") } else { format!("{mark}{text}") }
}

fn read_row(texts: &[String; 4], numbers: [i64; 3]) -> Option<ViewRow> {
    let [strategy, symbol, position, updated] = texts;
    let [start, life, sequence] = numbers;
    let incarnation = Incarnation::new(start.try_into().ok()?, life.try_into().ok()?);
    let sequence = Sequence::new(sequence.try_into().ok()?);
    let row = Row {
        symbol: Symbol::new(symbol.as_bytes()).ok()?,
        position: Position::parse(position).ok()?,
        version: Version { incarnation, sequence },
        updated: Unix::new(timestamp::parse(updated)?),
    };
    Some(ViewRow { owner: StrategyName::new(strategy.as_bytes()).ok()?, row })
}

fn read_lineage(
    owner: &str,
    through: &str,
    adopted: [Option<String>; 2],
    lives: &str,
) -> Option<(StrategyName, Lineage)> {
    let adopted = match adopted {
        [Some(through), Some(incarnation)] => {
            let (through, incarnation) = (read_version(&through)?, &incarnation);
            Some(Adoption { through, incarnation: read_incarnation(incarnation)? })
        }
        [None, None] => None,
        _ => return None,
    };
    let lives = lives.split_whitespace().map(read_version).collect::<Option<_>>()?;
    let lineage = Lineage { through: read_version(through)?, adopted, lives };
    Some((StrategyName::new(owner.as_bytes()).ok()?, lineage))
}

/// `START/LIFE`.
fn incarnation_text(incarnation: Incarnation) -> String {
    format!("{}/{}", incarnation.start(), incarnation.life())
}

/// `START/LIFE.SEQUENCE`.
fn version_text(version: Version) -> String {
    format!("{}.{}", incarnation_text(version.incarnation), version.sequence)
}

fn read_incarnation(text: &str) -> Option<Incarnation> {
    let (start, life) = text.split_once('/')?;
    Some(Incarnation::new(start.parse().ok()?, life.parse().ok()?))
}

fn read_version(text: &str) -> Option<Version> {
    let (incarnation, sequence) = text.split_once('.')?;
    let sequence = Sequence::new(sequence.parse().ok()?);
    Some(Version { incarnation: read_incarnation(incarnation)?, sequence })
}

/// SQLite has signed integers; no mesh counts that far.
fn integer(number: u64) -> Result<i64, HistoryError> {
    i64::try_from(number)
        .map_err(|_| HistoryError::Damaged(format!("{number} is beyond what SQLite holds")))
}

fn time_text(time: Unix) -> String {
    let mut text = String::new();
    timestamp::write(&mut text, time.get()).expect("a string takes every write");
    text
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "{DATABASE}: {error}"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Damaged(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for HistoryError {}

#[cfg(test)]
mod tests;
