//! A folder of real files.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{JournalError, Media, MediaFile};

/// The file that a writer holds locked.
const LOCK: &str = "lock";

/// Only the owner may read what a journal holds.
const FILE_MODE: u32 = 0o600;
/// See [`FILE_MODE`].
const FOLDER_MODE: u32 = 0o700;

/// One folder on a real disk.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as this value lives. The operating system releases it when the process ends,
    /// however it ends.
    lock: Option<File>,
}

impl Folder {
    /// Opens a folder to write, and creates it if necessary. No other process can open it to write
    /// meanwhile.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process has it open, or what the operating system
    /// reports.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let shown = path.display().to_string();
        let media = |operation| {
            let shown = shown.clone();
            move |cause: io::Error| JournalError::media(operation, &shown, &cause)
        };
        create(path).map_err(media("create"))?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let lock = options.open(path.join(LOCK)).map_err(media("open the lock in"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { folder: shown }),
            Err(TryLockError::Error(cause)) => Err(media("lock")(cause)),
        }
    }

    /// Opens a folder to read: nothing is locked, created or changed.
    ///
    /// # Errors
    /// What the operating system reports when the folder cannot be read.
    pub fn read_only(path: &Path) -> Result<Self, JournalError> {
        let shown = path.display().to_string();
        fs::read_dir(path).map_err(|cause| JournalError::media("read", &shown, &cause))?;
        Ok(Self { path: path.to_owned(), lock: None })
    }

    fn writable(&self) -> io::Result<()> {
        let read_only =
            || io::Error::new(io::ErrorKind::PermissionDenied, "the folder was opened read-only");
        self.lock.as_ref().map(|_| ()).ok_or_else(read_only)
    }
}

/// Creates a folder and its parents, and syncs each so that it survives a crash.
fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => path,
    };
    create(above)?;
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(above)?.sync_all()
}

impl Media for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is not text is not one of the journal's.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        self.writable()?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(FILE_MODE);
        let file = options.open(self.path.join(name))?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(self.lock.is_some()).open(self.path.join(name))?;
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        fs::remove_file(self.path.join(name))
    }

    /// The lock tells the folder from another that took its place.
    fn holds(&self, name: &str) -> io::Result<bool> {
        let Some(lock) = &self.lock else {
            return Ok(find(&self.path.join(name))?.is_some());
        };
        let held = lock.metadata()?;
        let is_held = |found: Metadata| found.dev() == held.dev() && found.ino() == held.ino();
        let is_same = find(&self.path.join(LOCK))?.is_some_and(is_held);
        Ok(is_same && find(&self.path.join(name))?.is_some())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.writable()?;
        File::open(&self.path)?.sync_all()
    }
}

/// What is known of a file; `None` if it does not exist.
fn find(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

struct RealFile(File);

impl MediaFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    /// `fdatasync`: it keeps the length of the file, but not its times.
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
