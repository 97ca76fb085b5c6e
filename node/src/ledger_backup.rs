//! Ledger backup: copies the journals of a ledger, and says what a copy must hold.
//!
//! ```text
//!   TO/ledger        the same id, and "backup" with its time
//!   TO/backup.json   the last record of each journal
//!   TO/shard-0       its journal, up to a place where every split is in all shards or in none
//!   TO/begun-0
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use allot_allocation_service::{Allocation, InputName};
use allot_domain::LogIndex;
use allot_journal::{Copied, Copier, Folder, JournalError, Reader, SegmentState};
use allot_runtime::{Clock, PollSet};
use allot_server::{Ledger, LedgerCopy, LedgerError, read_ledger};
use allot_shard::Service;
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::unfinished_folder::is_unfinished;
use crate::{shard_dirs, time_text};

/// The version of the layout of the file.
const SCHEMA: u64 = 1;

/// The file that says what a backup holds.
const ABOUT: &str = "backup.json";

/// For how long a split may be in some shards and not in others: a server hands it to all at once.
const SPLIT_PATIENCE: Duration = Duration::from_secs(10);

/// When to look again.
const SPLIT_PAUSE: Duration = Duration::from_millis(20);

/// How often the journals are copied anew because a server has pruned files meanwhile.
const PRUNED_TRIES: usize = 5;

/// What a backup holds.
pub(crate) struct BackupContents {
    /// When it was begun, in nanoseconds of Unix time.
    pub(crate) time_ns: u64,
    /// The last record of each journal, by the name of its folder.
    pub(crate) journals: BTreeMap<String, LogIndex>,
    /// How many bytes were written.
    pub(crate) bytes: u64,
}

/// The ledger of a directory that is to be copied, and its system.
///
/// # Errors
/// When there is none; nobody who copies wants a new one.
pub(crate) fn ledger_to_copy(data: &Path) -> Result<(String, Ledger)> {
    match read_ledger(data) {
        Err(LedgerError::None(_)) if is_unfinished(data) => bail!(
            "{} is what an interrupted command has left, and not whole; the same command again \
             removes it",
            data.display()
        ),
        Err(LedgerError::None(_)) => bail!(
            "{} holds no ledger: check its name, and that its disk is mounted",
            data.display()
        ),
        found => Ok(found?),
    }
}

/// One journal that is copied.
struct Source {
    name: String,
    path: PathBuf,
    copier: Copier,
    /// The last request that goes to all shards, and its time.
    last_to_all: Option<(u64, Vec<u8>)>,
    /// The first record that is there, and its time: what was before it may be pruned.
    first: Option<(LogIndex, u64)>,
}

/// What a directory is, after its id.
pub(crate) fn copy_text(copy: LedgerCopy) -> String {
    match copy {
        LedgerCopy::No => String::new(),
        LedgerCopy::Backup(time_ns) => format!(", a backup of {}", time_text::exact(time_ns)),
        LedgerCopy::Restored(time_ns) => {
            format!(", restored from a backup of {}", time_text::exact(time_ns))
        }
    }
}

/// Copies every journal in `data` to `to`, and reads the copies.
///
/// # Errors
/// When a journal is damaged, or cannot be read or written.
pub(crate) fn copy_journals(data: &Path, to: &Path, system: &str) -> Result<BackupContents> {
    let clock = Clock::system();
    let time_ns = clock.now().as_unix();
    let directories = shard_dirs::find_all(data)?;
    let mut tries = 0;
    let copied = loop {
        tries += 1;
        match copy_once(&directories, to, system, &clock) {
            // A server that prunes has removed a file that was listed before.
            Err(error) if tries < PRUNED_TRIES && is_removed(&error) => {
                for folder in folders_in(to)? {
                    fs::remove_dir_all(folder)?;
                }
            }
            done => break done?,
        }
    };
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("begun-") {
            let path = to.join(entry.file_name());
            File::create_new(&path)
                .and_then(|file| file.sync_all())
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
    }
    let bytes = copied.values().map(|copied| copied.bytes).sum();
    let journals = copied.into_iter().map(|(name, copied)| (name, copied.last)).collect();
    Ok(BackupContents { time_ns, journals, bytes })
}

fn copy_once(
    directories: &[PathBuf],
    to: &Path,
    system: &str,
    clock: &Clock,
) -> Result<BTreeMap<String, Copied>> {
    let mut sources = Vec::new();
    for path in directories {
        sources.push(Source::open(path)?);
    }
    let is_allocation = system == Allocation::NAME;
    read_to_one_cut(&mut sources, is_allocation, clock)?;
    let mut all = BTreeMap::new();
    for source in sources {
        let path = to.join(&source.name);
        let folder = Folder::open(&path)?;
        let copied = source.copier.write(&folder);
        let copied = copied.with_context(|| format!("cannot copy {}", source.path.display()))?;
        drop(folder);
        check(&path, copied.last)?;
        all.insert(source.name, copied);
    }
    Ok(all)
}

/// Reads on until no split is in some journals and not in others. Where one stays so it was never
/// acknowledged, and the copy has it as the ledger has it.
fn read_to_one_cut(sources: &mut [Source], is_allocation: bool, clock: &Clock) -> Result<()> {
    let end = clock.now() + SPLIT_PATIENCE;
    loop {
        for source in &mut *sources {
            source.read()?;
        }
        let last = sources.iter().filter_map(|source| source.last_to_all.as_ref()).max();
        let is_cut = last.is_none_or(|last| sources.iter().all(|source| source.has(last)));
        if is_cut || !is_allocation {
            return Ok(());
        }
        if end <= clock.now() {
            tracing::warn!(
                "the last split is not in all shards, and was not acknowledged; the copy has it \
                 as the ledger has it: send the split again after a restore"
            );
            return Ok(());
        }
        PollSet::without_waker().sleep(Some(SPLIT_PAUSE));
    }
}

impl Source {
    /// Opens a journal that is not damaged.
    fn open(path: &Path) -> Result<Self> {
        check_source(path)?;
        let folder = Folder::read_only(path)?;
        let copier = Copier::open(Arc::new(folder));
        let copier = copier.with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().context("the folder of a journal has a name")?;
        let (name, path) = (name.to_string_lossy().into_owned(), path.to_owned());
        Ok(Self { name, path, copier, last_to_all: None, first: None })
    }

    /// Whether it has this request, which goes to all shards. What came before its first record was
    /// pruned, and is in its snapshot.
    fn has(&self, last: &(u64, Vec<u8>)) -> bool {
        let is_before = |(index, time)| LogIndex::FIRST < index && last.0 <= time;
        match &self.last_to_all {
            Some(own) => own == last,
            None => self.first.is_some_and(is_before),
        }
    }

    fn read(&mut self) -> Result<()> {
        let split = InputName::Split.kind().get();
        let (last, first) = (&mut self.last_to_all, &mut self.first);
        let read = self.copier.read(|record| {
            first.get_or_insert((record.index, record.time_ns));
            if record.kind == split {
                // The time too: a source may send the same split twice.
                *last = Some((record.time_ns, record.payload.to_vec()));
            }
        });
        read.with_context(|| format!("cannot read {}", self.path.display()))
    }
}

/// Reads a journal whole; an unfinished write at its end is none of it.
fn check_source(path: &Path) -> Result<LogIndex> {
    let shown = path.display();
    let folder = Folder::read_only(path)?;
    let reader = Reader::open(Arc::new(folder)).with_context(|| format!("cannot read {shown}"))?;
    if let Some(error) = reader.failed() {
        return Err(anyhow!(error.clone())).with_context(|| format!("{shown}"));
    }
    if let Some(file) = reader.lost() {
        bail!("{shown}: {file} is missing, and it was not pruned");
    }
    if let Some(index) = reader.cut_before() {
        bail!(
            "{shown} ends before record {index}, of which it has a snapshot: its last segments are \
             missing; restore them from a backup"
        );
    }
    for segment in reader.segments() {
        if let SegmentState::Damaged(error) = &segment.state {
            return Err(anyhow!(error.clone())).with_context(|| format!("{shown}"));
        }
    }
    for snapshot in reader.snapshots() {
        if let Some(damage) = &snapshot.damage {
            tracing::warn!("{shown}: the snapshot {} is {damage}", snapshot.file);
        }
    }
    Ok(reader.segments().iter().map(|segment| segment.last_index).max().unwrap_or_default())
}

/// Reads a copy whole: it must end with this record.
fn check(path: &Path, last: LogIndex) -> Result<()> {
    let found = check_source(path)?;
    ensure!(
        found == last,
        "{} ends with record {found}, and should end with record {last}",
        path.display()
    );
    Ok(())
}

fn is_removed(error: &anyhow::Error) -> bool {
    let is_removed = |error: &JournalError| {
        matches!(
            error,
            JournalError::Media { operation: "open", .. } | JournalError::Missing { .. }
        )
    };
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_removed))
}

fn folders_in(path: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

impl BackupContents {
    /// Writes what a backup holds into its folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let journals: BTreeMap<_, _> =
            self.journals.iter().map(|(name, last)| (name, last.get())).collect();
        let about = json!({
            "schema": SCHEMA,
            "time": time_text::exact(self.time_ns),
            "last_records": journals,
            "bytes": self.bytes,
        });
        let path = folder.join(ABOUT);
        let write = || {
            let mut file = File::create_new(&path)?;
            writeln!(file, "{about:#}")?;
            file.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// The last record of each journal of a backup, as its file has it.
    pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, LogIndex>> {
        let path = folder.join(ABOUT);
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let about: Value =
            serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
        let schema = about["schema"].as_u64();
        ensure!(schema == Some(SCHEMA), "{shown}: another version of allot wrote this backup");
        let journals = about["last_records"].as_object();
        let journals = journals.with_context(|| format!("{shown} names no journals"))?;
        let last = |(name, last): (&String, &Value)| {
            let last = last.as_u64().with_context(|| format!("{shown}: {name} has no record"))?;
            Ok((name.clone(), LogIndex::new(last)))
        };
        journals.iter().map(last).collect()
    }

    /// Whether the journals in a folder are those of a backup, all of them and whole.
    pub(crate) fn check(folder: &Path) -> Result<()> {
        let expected = Self::read(folder)?;
        for (name, last) in &expected {
            let path = folder.join(name);
            ensure!(path.is_dir(), "{} is missing from the backup", path.display());
            check(&path, *last)?;
        }
        for path in shard_dirs::find(folder)? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let is_known = name.is_some_and(|name| expected.contains_key(&name));
            ensure!(is_known, "{} is not of this backup: {ABOUT} does not name it", path.display());
        }
        Ok(())
    }
}
