//! Log folder: the directory in which logs are written, and which no name leads out of.
//!
//! ```text
//!   logs/.part-0     a log that is being written
//!   logs/.progress   up to where the journals were seen to
//!   logs/a/b.xml     a log
//! ```
//!
//! Each part of a name is opened in the directory before it, and never through a symbolic link: so
//! whoever may write in the directory cannot lead a log elsewhere either.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use allot_desk_rules::FileName;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, open, openat, renameat, unlinkat};
use rustix::io::Errno;

/// What a log is called while it is written, before its number. No name of a client begins so.
const PART: &str = ".part-";

/// The file with what was seen to.
const PROGRESS: &str = ".progress";

/// Only the owner reads what users did.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER_MODE: u32 = 0o700;

/// The directory.
pub(crate) struct LogFolder {
    path: PathBuf,
    root: OwnedFd,
}

/// Where a directory is looked up: it must be one, and not a link to one.
const FOLDER: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

impl LogFolder {
    /// Opens the directory, which is made if there is none, and clears away what was not finished.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = Self { path: path.to_owned(), root: open(path, flags, Mode::empty())? };
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if name.as_bytes().starts_with(PART.as_bytes()) {
                unlinkat(&folder.root, &name, AtFlags::empty())?;
            }
        }
        Ok(folder)
    }

    /// Opens the directory anew where another one has its place, or none.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        let known = rustix::fs::fstat(&self.root)?;
        let is_it =
            |found: fs::Metadata| (found.dev(), found.ino()) == (known.st_dev, known.st_ino);
        if !fs::metadata(&self.path).is_ok_and(is_it) {
            *self = Self::open(&self.path)?;
        }
        Ok(())
    }

    /// The directory, for people.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a log aside.
    pub(crate) fn begin(&self, number: usize) -> io::Result<File> {
        self.create(&part(number))
    }

    fn create(&self, name: &str) -> io::Result<File> {
        match unlinkat(&self.root, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(openat(&self.root, name, flags, FILE_MODE)?.into())
    }

    /// Gives a log that is whole and on disk its name.
    pub(crate) fn publish(&self, number: usize, name: &FileName) -> io::Result<()> {
        let mut parts: Vec<_> = name.parts().collect();
        let file = parts.pop().expect("a name has a part");
        let mut folder: Option<OwnedFd> = None;
        for part in parts {
            let parent = folder.as_ref().unwrap_or(&self.root);
            match mkdirat(parent, part, Mode::from_raw_mode(FOLDER_MODE)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = Some(openat(parent, part, FOLDER, Mode::empty())?);
        }
        let folder = folder.as_ref().unwrap_or(&self.root);
        // A link of this name is replaced, and not followed.
        renameat(&self.root, part(number), folder, file)?;
        Ok(rustix::fs::fsync(folder)?)
    }

    /// Takes a log away that is not to be.
    pub(crate) fn discard(&self, number: usize) {
        // What is left is cleared away at the next start.
        let _ = unlinkat(&self.root, part(number), AtFlags::empty());
    }

    /// What [`write_progress`](Self::write_progress) wrote; none if it never did.
    pub(crate) fn read_progress(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path.join(PROGRESS)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what was seen to: aside first, and then renamed.
    pub(crate) fn write_progress(&self, text: &str) -> io::Result<()> {
        let aside = format!("{PART}progress");
        let mut file = self.create(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        renameat(&self.root, aside.as_str(), &self.root, PROGRESS)?;
        Ok(rustix::fs::fsync(&self.root)?)
    }
}

fn part(number: usize) -> String {
    format!("{PART}{number}")
}

/// Whether trying again can help: no name and no directory in its place is in the way.
pub(crate) fn is_worth_another_try(error: &io::Error) -> bool {
    let lasting = [Errno::ISDIR, Errno::NOTDIR, Errno::LOOP, Errno::NAMETOOLONG, Errno::EXIST];
    let code = error.raw_os_error();
    !lasting.into_iter().any(|errno| code == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::fs::symlink;

    use super::*;

    fn publish(folder: &LogFolder, name: &str) -> io::Result<()> {
        folder.begin(0)?.write_all(b"log")?;
        folder.publish(0, &FileName::new(name).unwrap())
    }

    #[test]
    fn no_link_leads_a_log_elsewhere() {
        let (elsewhere, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = place.path().join("logs");
        let folder = LogFolder::open(&path).unwrap();
        publish(&folder, "./a/b.xml").unwrap();
        assert_eq!(fs::read(path.join("a/b.xml")).unwrap(), b"log");
        symlink(elsewhere.path(), path.join("out")).unwrap();
        let error = publish(&folder, "out/b.xml").unwrap_err();
        assert!(!is_worth_another_try(&error), "{error}");
        let target = elsewhere.path().join("target");
        fs::write(&target, "mine").unwrap();
        symlink(&target, path.join("b.xml")).unwrap();
        publish(&folder, "b.xml").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert_eq!(fs::read(path.join("b.xml")).unwrap(), b"log");
        assert!(!is_worth_another_try(&publish(&folder, "a").unwrap_err()));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_finished_is_cleared_away() {
        let place = tempfile::tempdir().unwrap();
        let folder = LogFolder::open(place.path()).unwrap();
        folder.begin(7).unwrap();
        folder.write_progress("so far").unwrap();
        let folder = LogFolder::open(place.path()).unwrap();
        assert_eq!(folder.read_progress().unwrap().as_deref(), Some("so far"));
        let names = fs::read_dir(place.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [OsStr::new(PROGRESS)]);
    }
}
