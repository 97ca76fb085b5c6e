//! The disk of one shard: a simulated one, that remembers the segments which were pruned, and may
//! go down between any two of its operations, or within a write.
//!
//! ```text
//!   shard ─► Disk ─► SimDisk
//!             ├────► attic: segments that were removed, so that the whole journal can be read
//!             └────► doom: after so many operations the machine, or the process, is no more
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use allot_journal::{Media, MediaFile, SimDisk};

/// How a disk lies, if it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lie {
    /// It does not.
    #[default]
    None,
    /// It says that it has synced, and has synced nothing.
    Everything,
    /// It has synced what is in files, and no names of files.
    Names,
}

/// How what uses a disk ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The machine fails: what was not synced may be lost.
    Power,
    /// The process is killed: what was written stays.
    Kill,
    /// The process is told to, and closes its agents.
    Stop,
}

/// The end that comes in the middle of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doom {
    /// At which operation from now on; 1 is the next.
    pub operation: u64,
    /// How.
    pub end: End,
    /// Where in a write: of its sectors, so many modulo how many there are.
    pub sector: u64,
}

/// A simulated disk with an attic. Clones are the same one.
#[derive(Clone)]
pub struct Disk {
    sim: SimDisk,
    lie: Lie,
    attic: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    fate: Arc<Mutex<Fate>>,
}

/// What is to come, and whether it has.
#[derive(Default)]
struct Fate {
    doom: Option<Doom>,
    gone: Option<End>,
}

/// A sector, in bytes.
const SECTOR: u64 = 512;

/// All segments of a journal as they are or were, to be read.
struct Album {
    files: BTreeMap<String, Vec<u8>>,
}

/// What an open file of a [`Disk`] adds to that of a [`SimDisk`].
struct File {
    file: Box<dyn MediaFile>,
    disk: Disk,
}

/// A file that is only read.
struct Page(Vec<u8>);

impl Disk {
    /// An empty disk. What it does in a crash follows from the seed.
    pub fn new(seed: u64, lie: Lie) -> Self {
        Self { sim: SimDisk::new(seed), lie, attic: Arc::default(), fate: Arc::default() }
    }

    /// The simulated disk itself.
    pub const fn sim(&self) -> &SimDisk {
        &self.sim
    }

    /// A copy of this moment, with a life of its own.
    pub fn fork(&self) -> Self {
        let attic = Arc::new(Mutex::new(self.attic().clone()));
        Self { sim: self.sim.fork(), lie: self.lie, attic, fate: Arc::default() }
    }

    /// All segments, those that were removed too; no images.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn album(&self) -> io::Result<Arc<dyn Media>> {
        let mut files = self.attic().clone();
        for name in self.sim.list()?.into_iter().filter(|name| is_segment(name)) {
            let bytes = read(&*self.sim.open(&name)?)?;
            files.insert(name, bytes);
        }
        Ok(Arc::new(Album { files }))
    }

    /// The names of the files that a journal keeps.
    pub fn files(&self) -> Vec<String> {
        let mut files = self.sim.list().unwrap_or_default();
        files.sort_unstable();
        files
    }

    /// From now on nothing fails, or this does.
    pub fn doom(&self, doom: Option<Doom>) {
        self.fate().doom = doom;
    }

    /// How it went down since the last time that somebody asked, if it did.
    pub fn take_end(&self) -> Option<End> {
        self.fate().gone.take()
    }

    /// One operation more: true if it is the last, and half done at most.
    fn is_last(&self) -> io::Result<Option<Doom>> {
        let mut fate = self.fate();
        if fate.gone.is_some() {
            return Err(io::Error::other("the machine is no more (simulated)"));
        }
        let Some(doom) = &mut fate.doom else { return Ok(None) };
        doom.operation -= 1;
        if 0 < doom.operation {
            return Ok(None);
        }
        let doom = fate.doom.take();
        fate.gone = doom.map(|doom| doom.end);
        Ok(doom)
    }

    /// Goes down, if this was the last operation.
    fn operate<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.is_last()? {
            None => operation(),
            Some(doom) => Err(self.go_down(doom)),
        }
    }

    fn go_down(&self, doom: Doom) -> io::Error {
        match doom.end {
            End::Power => self.sim.crash(),
            End::Kill | End::Stop => self.sim.restart(),
        }
        io::Error::other("the machine is no more (simulated)")
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().expect("nothing panics while it holds the fate")
    }

    fn attic(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.attic.lock().expect("nothing panics while it holds the attic")
    }

    fn open_as(&self, file: Box<dyn MediaFile>) -> Box<dyn MediaFile> {
        Box::new(File { file, disk: self.clone() })
    }
}

impl Media for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.sim.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        self.operate(|| Ok(self.open_as(self.sim.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(self.open_as(self.sim.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(|| self.sim.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if is_segment(name) {
            let bytes = read(&*self.sim.open(name)?)?;
            // One that was never begun is no part of the journal.
            if bytes.iter().take(8).any(|byte| *byte != 0) {
                self.attic().insert(name.to_owned(), bytes);
            }
        }
        self.operate(|| self.sim.remove(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.operate(|| if self.lie == Lie::None { self.sim.sync_folder() } else { Ok(()) })
    }
}

impl MediaFile for File {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(doom) = self.disk.is_last()? else { return self.file.write_at(offset, bytes) };
        let sectors = u64::try_from(bytes.len()).unwrap_or(u64::MAX) / SECTOR;
        let some = usize::try_from(doom.sector % (sectors + 1) * SECTOR).unwrap_or(0);
        if 0 < some {
            self.file.write_at(offset, &bytes[..some])?;
        }
        Err(self.disk.go_down(doom))
    }

    fn sync(&mut self) -> io::Result<()> {
        let Self { file, disk } = self;
        disk.operate(|| if disk.lie == Lie::Everything { Ok(()) } else { file.sync() })
    }
}

impl Media for Album {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn create(&self, _name: &str) -> io::Result<Box<dyn MediaFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let bytes = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Page(bytes.clone())))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }
}

impl MediaFile for Page {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let count = bytes.len().min(self.0.len() - start);
        bytes[..count].copy_from_slice(&self.0[start..start + count]);
        Ok(count)
    }

    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_segment(name: &str) -> bool {
    name.starts_with("segment-") && name.bytes().skip(8).all(|byte| byte.is_ascii_digit())
}

fn read(file: &dyn MediaFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
    let mut at = 0;
    while at < bytes.len() {
        let offset = u64::try_from(at).unwrap_or(u64::MAX);
        match file.read_at(offset, &mut bytes[at..])? {
            0 => break,
            count => at += count,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_segment_is_still_in_the_album() {
        let disk = Disk::new(1, Lie::None);
        for (name, content) in [("segment-0000000001", [7_u8; 9]), ("segment-0000000002", [0; 9])] {
            disk.create(name).unwrap().write_at(0, &content).unwrap();
            disk.remove(name).unwrap();
        }
        assert!(disk.files().is_empty());
        let album = disk.album().unwrap();
        assert_eq!(album.list().unwrap(), ["segment-0000000001"]);
        assert_eq!(read(&*album.open("segment-0000000001").unwrap()).unwrap(), [7; 9]);
    }

    #[test]
    fn what_a_lying_disk_has_synced_a_crash_may_take() {
        let survives = |lie| {
            (0..64_u64).all(|seed| {
                let disk = Disk::new(seed, lie);
                let mut file = disk.create("a").unwrap();
                file.write_at(0, b"synced").unwrap();
                file.sync().unwrap();
                disk.sync_folder().unwrap();
                disk.sim().crash();
                disk.open("a").is_ok_and(|file| read(&*file).unwrap() == b"synced")
            })
        };
        assert!(survives(Lie::None));
        assert!(!survives(Lie::Everything) && !survives(Lie::Names));
    }
}
