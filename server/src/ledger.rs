//! Ledger: the identity of a data directory, made once, in a file of its own.
//!
//! ```text
//!   DIR/ledger     system allocation
//!                  id 5f0c4f0b8a3d4e6f9c1b2a7d8e9f0a1b
//!   DIR/shard-0    its files say "ledger 5f0c…" in their stamp
//!   DIR/shard-1
//!   DIR/begun-0    shard 0 has begun its journal: see `begun.rs`
//! ```
//!
//! Only this makes a ledger, and never by the way: a directory that should hold one and does not is
//! one that is not mounted, or a mistake in its name.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use allot_domain::{LedgerId, ShardId};

/// The file.
const FILE: &str = "ledger";

/// The folder in which a strategy of a mesh keeps its journal.
const STRATEGY_FOLDER: &str = "journal";

/// Only the owner may read what a ledger holds.
pub(crate) const FILE_MODE: u32 = 0o600;
/// See [`FILE_MODE`].
const FOLDER_MODE: u32 = 0o700;

/// The longest file that is read: it has about a hundred bytes.
const FILE_BYTES_MAX: u64 = 4_096;

/// The ledger of a data directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ledger {
    /// Its identity.
    pub id: LedgerId,
    /// Whether its journals are older than it: their stamps do not name it.
    pub is_adopted: bool,
    /// Whether the directory is, or once was, a copy.
    pub copy: LedgerCopy,
}

/// Whether a directory is a copy of a ledger: a backup, or made of one.
///
/// A copy has the id of its ledger, because it has its history: it is an earlier state of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LedgerCopy {
    /// It is the ledger itself.
    #[default]
    No,
    /// It is a backup of this time, in nanoseconds of Unix time. No server may write it.
    Backup(u64),
    /// It was restored from a backup of this time, and is the ledger from then on.
    Restored(u64),
}

/// Why a data directory cannot be used as a ledger, or made one.
#[derive(Debug)]
pub enum LedgerError {
    /// It holds no ledger.
    None(PathBuf),
    /// It is the folder of one shard.
    OfOneShard(PathBuf),
    /// It holds the journal of another program.
    OfAnother(PathBuf),
    /// It holds journals that are older than ledgers.
    Unnamed(PathBuf),
    /// It holds a ledger already.
    Exists(PathBuf, LedgerId),
    /// It was to be adopted, and holds no journal.
    NothingToAdopt(PathBuf),
    /// The file is not what [`Ledger::create`] writes.
    Malformed(PathBuf),
    /// It is a backup, which is to stay as it is.
    Backup(PathBuf),
    /// It is the ledger of another system.
    System {
        /// The directory.
        data: PathBuf,
        /// Its system.
        found: String,
        /// The system of this program.
        own: &'static str,
    },
    /// The operating system reported an error.
    Io(PathBuf, io::Error),
}

/// What a data directory holds beside its ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// No journal.
    Nothing,
    /// Folders of shards.
    Shards,
    /// The files of one journal.
    OneJournal,
    /// The journal of a strategy of a mesh, which has no ledger.
    Strategy,
}

impl Ledger {
    /// Makes a new ledger, and its directory if that is not there.
    ///
    /// # Errors
    /// [`LedgerError`]: there is one already, or something else that is in the way.
    pub fn create(data: &Path, system: &'static str) -> Result<Self, LedgerError> {
        make(data, system, Holds::Nothing)
    }

    /// Gives an identity to a directory whose journals are older than ledgers.
    ///
    /// # Errors
    /// [`LedgerError`]: there is one already, or nothing to adopt.
    pub fn adopt(data: &Path, system: &'static str) -> Result<Self, LedgerError> {
        make(data, system, Holds::Shards)
    }

    /// The ledger of a directory, for a server.
    ///
    /// # Errors
    /// [`LedgerError`]: there is none, it is not of this system, or it is a backup.
    pub fn open(data: &Path, system: &'static str) -> Result<Self, LedgerError> {
        let ledger = Self::read(data, system)?;
        match ledger.copy {
            LedgerCopy::Backup(_) => Err(LedgerError::Backup(data.to_owned())),
            LedgerCopy::No | LedgerCopy::Restored(_) => Ok(ledger),
        }
    }

    /// The ledger of a directory or of a backup, to read.
    ///
    /// # Errors
    /// [`LedgerError`]: there is none, or it is not of this system.
    pub fn read(data: &Path, system: &'static str) -> Result<Self, LedgerError> {
        if let Some(ledger) = find(data, system)? {
            return Ok(ledger);
        }
        Err(missing(data)?)
    }
}

/// Notes in a folder with a copy of a ledger that it is one; returns the ledger and its system.
///
/// # Errors
/// [`LedgerError`]: `data` holds no ledger, or the file cannot be written.
pub fn copy_ledger(
    data: &Path,
    to: &Path,
    copy: LedgerCopy,
) -> Result<(String, Ledger), LedgerError> {
    let Some((system, ledger)) = find_any(data)? else {
        return Err(missing(data)?);
    };
    let ledger = Ledger { copy, ..ledger };
    write(to, &ledger, &system).map_err(|error| LedgerError::Io(to.to_owned(), error))?;
    Ok((system, ledger))
}

/// The ledger of a directory, of whatever system.
///
/// # Errors
/// [`LedgerError`]: it holds no ledger.
pub fn read_ledger(data: &Path) -> Result<(String, Ledger), LedgerError> {
    match find_any(data)? {
        Some(found) => Ok(found),
        None => Err(missing(data)?),
    }
}

/// Why a directory without a ledger is none.
fn missing(data: &Path) -> Result<LedgerError, LedgerError> {
    let holds = holds(data)?;
    let data = data.to_owned();
    Ok(match holds {
        Holds::Nothing => LedgerError::None(data),
        Holds::Shards => LedgerError::Unnamed(data),
        Holds::OneJournal => LedgerError::OfOneShard(data),
        Holds::Strategy => LedgerError::OfAnother(data),
    })
}

fn make(data: &Path, system: &'static str, expected: Holds) -> Result<Ledger, LedgerError> {
    if let Some(ledger) = find(data, system)? {
        return Err(LedgerError::Exists(data.to_owned(), ledger.id));
    }
    let io = |error| LedgerError::Io(data.to_owned(), error);
    match holds(data)? {
        Holds::OneJournal => return Err(LedgerError::OfOneShard(data.to_owned())),
        Holds::Strategy => return Err(LedgerError::OfAnother(data.to_owned())),
        found if found == expected => {}
        Holds::Shards => return Err(LedgerError::Unnamed(data.to_owned())),
        Holds::Nothing => return Err(LedgerError::NothingToAdopt(data.to_owned())),
    }
    let (id, is_adopted) = (random_id().map_err(io)?, expected == Holds::Shards);
    let ledger = Ledger { id, is_adopted, copy: LedgerCopy::No };
    write(data, &ledger, system).map_err(io)?;
    Ok(ledger)
}

/// The ledger of a directory, if there is one.
fn find(data: &Path, system: &'static str) -> Result<Option<Ledger>, LedgerError> {
    match find_any(data)? {
        Some((found, ledger)) if found == system => Ok(Some(ledger)),
        Some((found, _)) => Err(LedgerError::System { data: data.to_owned(), found, own: system }),
        None => Ok(None),
    }
}

/// The same, of whatever system.
fn find_any(data: &Path) -> Result<Option<(String, Ledger)>, LedgerError> {
    let io = |error| LedgerError::Io(data.to_owned(), error);
    let mut text = String::new();
    match File::open(data.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
        Ok(file) => file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(io)?,
    };
    read(&text).map(Some).ok_or_else(|| LedgerError::Malformed(data.to_owned()))
}

fn text_of(ledger: &Ledger, system: &str) -> String {
    let adopted = if ledger.is_adopted { "adopted yes\n" } else { "" };
    let copy = match ledger.copy {
        LedgerCopy::No => String::new(),
        LedgerCopy::Backup(time_ns) => format!("backup {time_ns}\n"),
        LedgerCopy::Restored(time_ns) => format!("restored {time_ns}\n"),
    };
    format!("system {system}\nid {}\n{adopted}{copy}", ledger.id)
}

/// The system and the ledger that a file names; `None` unless it is exactly as it was written.
fn read(text: &str) -> Option<(String, Ledger)> {
    let mut lines = text.lines().peekable();
    let system = lines.next()?.strip_prefix("system ")?.to_owned();
    let id = lines.next()?.strip_prefix("id ")?.parse().ok()?;
    let is_adopted = lines.next_if_eq(&"adopted yes").is_some();
    let copy = match lines.next().map(|line| line.split_once(' ')) {
        None => LedgerCopy::No,
        Some(Some(("backup", time_ns))) => LedgerCopy::Backup(time_ns.parse().ok()?),
        Some(Some(("restored", time_ns))) => LedgerCopy::Restored(time_ns.parse().ok()?),
        Some(_) => return None,
    };
    let ledger = Ledger { id, is_adopted, copy };
    (text_of(&ledger, &system) == text).then_some((system, ledger))
}

/// Whether a folder holds files of a journal; a folder that is not there holds none.
pub(crate) fn holds_journal(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    for entry in entries {
        if is_of_journal(&entry?.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_of_journal(name: &str) -> bool {
    name.starts_with("segment-") || name.starts_with("image-")
}

/// The directory of a shard's journal.
#[must_use]
pub fn directory(data: &Path, shard: ShardId) -> PathBuf {
    data.join(format!("shard-{shard}"))
}

/// What a directory holds; nothing, if it is not there.
fn holds(data: &Path) -> Result<Holds, LedgerError> {
    let io = |error| LedgerError::Io(data.to_owned(), error);
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holds::Nothing),
        other => other.map_err(io)?,
    };
    let mut found = Holds::Nothing;
    for entry in entries {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        if is_of_journal(&name) {
            return Ok(Holds::OneJournal);
        }
        if name.starts_with("shard-") {
            found = Holds::Shards;
        } else if name == STRATEGY_FOLDER && found == Holds::Nothing {
            let is_one = holds_journal(&data.join(name)).map_err(io)?;
            found = if is_one { Holds::Strategy } else { found };
        }
    }
    Ok(found)
}

/// Under another name first: a crash leaves a whole ledger or none.
fn write(data: &Path, ledger: &Ledger, system: &str) -> io::Result<()> {
    if !data.is_dir() {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(data)?;
    }
    let unfinished = data.join("ledger.tmp");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut file = options.open(&unfinished)?;
    file.write_all(text_of(ledger, system).as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, data.join(FILE))?;
    File::open(data)?.sync_all()?;
    let above = data.parent().filter(|above| !above.as_os_str().is_empty());
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()
}

/// Two ledgers never have the same id: the operating system draws 128 bits.
fn random_id() -> io::Result<LedgerId> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    LedgerId::new(u128::from_le_bytes(bytes)).ok_or_else(|| io::Error::other("no random bytes"))
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None(data) => {
                let data = data.display();
                write!(
                    f,
                    "{data} holds no ledger: check its name and that its disk is mounted; to begin \
                     a new ledger run `allot init {data}`, or start with --new"
                )
            }
            Self::OfOneShard(data) => write!(
                f,
                "{} is the folder of one shard; name the directory above it",
                data.display()
            ),
            Self::OfAnother(data) => write!(
                f,
                "{} holds the journal of a strategy of a mesh; give another directory",
                data.display()
            ),
            Self::Unnamed(data) => {
                let data = data.display();
                write!(
                    f,
                    "{data} holds journals and no ledger: restore the file {data}/ledger; if an \
                     earlier version wrote these journals, run `allot init --adopt {data}`"
                )
            }
            Self::Exists(data, id) => write!(
                f,
                "{} holds ledger {id} already: start without --new, or choose another directory",
                data.display()
            ),
            Self::NothingToAdopt(data) => {
                write!(f, "{} holds no journals to adopt", data.display())
            }
            Self::Malformed(data) => write!(
                f,
                "{}/ledger is not as it was written; restore it from a backup",
                data.display()
            ),
            Self::Backup(data) => {
                let data = data.display();
                write!(
                    f,
                    "{data} is a backup, and a server would change it; make a data directory of \
                     it with `allot restore {data} DIR`"
                )
            }
            Self::System { data, found, own } => {
                let data = data.display();
                write!(
                    f,
                    "{data} is a data directory of {found}, not of {own}; choose another directory"
                )
            }
            Self::Io(data, error) => {
                write!(f, "cannot use {} as a data directory: {error}", data.display())
            }
        }
    }
}

impl std::error::Error for LedgerError {}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_ledger_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deep/data");
        assert!(matches!(Ledger::open(&data, "a"), Err(LedgerError::None(_))));
        let made = Ledger::create(&data, "a").unwrap();
        assert!(Ledger::open(&data, "a").unwrap() == made && !made.is_adopted);
        assert!(matches!(Ledger::create(&data, "a"), Err(LedgerError::Exists(..))));
        assert!(matches!(Ledger::open(&data, "b"), Err(LedgerError::System { .. })));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (FOLDER_MODE, FILE_MODE));
        let other = Ledger::create(&folder.path().join("other"), "a").unwrap();
        assert_ne!(other.id, made.id);
    }

    #[test]
    fn journals_without_a_ledger_are_adopted_and_never_by_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        assert!(matches!(Ledger::adopt(data, "a"), Err(LedgerError::NothingToAdopt(_))));
        fs::create_dir(data.join("shard-0")).unwrap();
        assert!(matches!(Ledger::open(data, "a"), Err(LedgerError::Unnamed(_))));
        assert!(matches!(Ledger::create(data, "a"), Err(LedgerError::Unnamed(_))));
        let adopted = Ledger::adopt(data, "a").unwrap();
        assert!(adopted.is_adopted && Ledger::open(data, "a").unwrap() == adopted);
        assert!(matches!(Ledger::adopt(data, "a"), Err(LedgerError::Exists(..))));
    }

    #[test]
    fn the_folder_of_a_shard_is_no_data_directory() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("segment-0000000001"), "").unwrap();
        for made in [Ledger::open, Ledger::create, Ledger::adopt] {
            let error = made(folder.path(), "a").unwrap_err();
            assert!(matches!(error, LedgerError::OfOneShard(_)), "{error}");
        }
    }

    #[test]
    fn a_backup_is_read_and_not_written_and_what_is_restored_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = Ledger::create(&at("data"), "a").unwrap();
        let backup = LedgerCopy::Backup(7);
        copy_ledger(&at("data"), &at("backup"), backup).unwrap();
        let error = Ledger::open(&at("backup"), "a").unwrap_err();
        assert!(matches!(error, LedgerError::Backup(_)), "{error}");
        assert_eq!(Ledger::read(&at("backup"), "a").unwrap(), Ledger { copy: backup, ..made });
        copy_ledger(&at("backup"), &at("restored"), LedgerCopy::Restored(7)).unwrap();
        let restored = Ledger { copy: LedgerCopy::Restored(7), ..made };
        assert_eq!(Ledger::open(&at("restored"), "a").unwrap(), restored);
        assert_eq!(read_ledger(&at("restored")).unwrap(), ("a".to_owned(), restored));
    }

    #[test]
    fn a_file_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Ledger::create(folder.path(), "a").unwrap();
        let file = folder.path().join(FILE);
        let text = fs::read_to_string(&file).unwrap();
        for changed in ["", &text[1..], text.trim_end(), &format!("{text}more\n")] {
            fs::write(&file, changed).unwrap();
            let error = Ledger::open(folder.path(), "a").unwrap_err();
            assert!(matches!(error, LedgerError::Malformed(_)), "{error}");
        }
    }
}
