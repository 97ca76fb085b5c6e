//! Unfinished folder: a folder that is made under another name, and has its own when it is whole.
//!
//! Whoever makes it holds a lock on it, which ends with the process, however that ends: what one
//! that was interrupted has left is removed by the next.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// The end of the name of a folder that is not whole.
const UNFINISHED: &str = ".unfinished";

/// A file in such a folder that says that a command made it: nothing else is ever removed.
const MARK: &str = ".made-by-allot";

/// Whether a folder has the name of one that is not whole.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| *extension == UNFINISHED[1..])
}

/// Only the owner may read what is in it.
const FOLDER_MODE: u32 = 0o700;

/// It is removed when it is dropped, unless it was finished.
pub(crate) struct UnfinishedFolder {
    path: PathBuf,
    target: PathBuf,
    is_finished: bool,
    /// Holds the lock.
    _lock: File,
}

impl UnfinishedFolder {
    /// An empty folder that will be `target`, which must not be there, or be empty.
    ///
    /// # Errors
    /// When something is there already, or the folder cannot be made.
    pub(crate) fn create(target: &Path) -> Result<Self> {
        let shown = target.display();
        let Some(name) = target.file_name() else {
            bail!("{shown} has no name of its own; name a folder that does not exist");
        };
        match fs::read_dir(target) {
            Ok(mut entries) => {
                let is_empty = entries.next().is_none();
                ensure!(is_empty, "{shown} holds something already; choose another folder");
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot use {shown}")),
        }
        let mut unfinished = OsString::from(name);
        unfinished.push(UNFINISHED);
        let path = target.with_file_name(unfinished);
        let cannot_create = || format!("cannot create {}", path.display());
        let make = || DirBuilder::new().recursive(false).mode(FOLDER_MODE).create(&path);
        match make() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                drop(lock(&path, target)?);
                let is_ours = path.join(MARK).exists() || fs::remove_dir(&path).is_ok();
                ensure!(
                    is_ours,
                    "{} is there, and this program did not make it; move it away, or choose \
                     another folder",
                    path.display()
                );
                remove(&path).and_then(|()| make()).with_context(cannot_create)?;
            }
            made => made.with_context(cannot_create)?,
        }
        let lock = lock(&path, target)?;
        File::create_new(path.join(MARK)).with_context(cannot_create)?;
        Ok(Self { path, target: target.to_owned(), is_finished: false, _lock: lock })
    }

    /// The same, not within another folder: what is in a data directory is lost with it, and is
    /// taken for a part of it.
    ///
    /// # Errors
    /// As [`UnfinishedFolder::create`], and when it would be in that folder.
    pub(crate) fn create_outside(target: &Path, of: &Path) -> Result<Self> {
        let above = target.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        if let (Ok(above), Ok(of_whole)) = (above.canonicalize(), of.canonicalize()) {
            ensure!(
                !above.starts_with(&of_whole),
                "{} is in {}; choose a folder outside of it",
                target.display(),
                of.display()
            );
        }
        Self::create(target)
    }

    /// Where it is until it is finished.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name. The files in it must be on disk.
    ///
    /// # Errors
    /// When something has taken the name meanwhile, or the disk refuses.
    pub(crate) fn finish(mut self) -> Result<()> {
        fs::remove_file(self.path.join(MARK))?;
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, &self.target)
            .with_context(|| format!("cannot create {}", self.target.display()))?;
        self.is_finished = true;
        let above = self.target.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }
}

/// Removes a folder that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Locks a folder, unless another process does.
fn lock(path: &Path, target: &Path) -> Result<File> {
    let shown = path.display();
    let folder = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => {
            bail!("{shown} is there: another command makes {}; let it end", target.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {shown}"))
        }
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_its_name_when_it_is_whole_and_is_removed_otherwise() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("out");
        drop(UnfinishedFolder::create(&target).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        let folder = UnfinishedFolder::create(&target).unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        assert!(!target.exists());
        let other = UnfinishedFolder::create(&target).err().unwrap().to_string();
        assert!(other.contains("out.unfinished is there"), "{other}");
        folder.finish().unwrap();
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "x");
        let again = UnfinishedFolder::create(&target).err().unwrap().to_string();
        assert!(again.contains("holds something already"), "{again}");
    }

    #[test]
    fn what_an_interrupted_command_has_left_is_removed_by_the_next() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join("out.unfinished");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "x").unwrap();
        let other = UnfinishedFolder::create(&place.path().join("out")).err().unwrap().to_string();
        assert!(other.contains("did not make it; move it away"), "{other}");
        assert!(left.join("half").exists());
        fs::write(left.join(MARK), "").unwrap();
        let folder = UnfinishedFolder::create(&place.path().join("out")).unwrap();
        assert!(!folder.path().join("half").exists());
        folder.finish().unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn an_empty_folder_may_be_there() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("out");
        fs::create_dir(&target).unwrap();
        UnfinishedFolder::create(&target).unwrap().finish().unwrap();
        assert!(target.exists());
    }
}
