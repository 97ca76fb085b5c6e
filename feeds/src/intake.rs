//! An intake: a file or standard input, read without blocking.
//!
//! A pipe or a terminal is opened a second time, through `/proc`, to get a file description of this
//! process alone: `O_NONBLOCK` on the inherited one would apply to the shell and every other
//! process that shares it. Reading a regular file never blocks.
//!
//! There is no reader thread. A thread that blocks in `read` cannot be stopped or joined on Ctrl-C,
//! would need a bound and a waker of its own, and would make a replay on virtual time depend on the
//! scheduler. The descriptor in the poll set needs none of that, and the pipe itself is the bound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;

use allot_runtime::PollSet;

use crate::FeedError;
use crate::error::STDIN;

/// `O_NONBLOCK` of Linux on the processors that Allot runs on: x86, ARM, RISC-V.
const NON_BLOCKING: i32 = 0o4000;

/// What a feed reads from.
pub struct Intake {
    name: String,
    file: File,
    can_be_read_again: bool,
}

/// The result of a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chunk {
    /// This many bytes.
    Bytes(usize),
    /// Nothing yet.
    Waiting,
    /// The end.
    End,
}

impl Intake {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`FeedError::Unreadable`].
    pub fn open(path: &str) -> Result<Self, FeedError> {
        if path == "-" {
            let stdin = io::stdin().as_fd().try_clone_to_owned();
            let stdin = stdin.and_then(|stdin| Self::of(STDIN, stdin.into()));
            // Not even a regular file: its offset is shared with the process that opened it.
            return stdin
                .map(|stdin| Self { can_be_read_again: false, ..stdin })
                .map_err(|cause| unreadable(STDIN, cause));
        }
        let file = File::open(path).and_then(|file| Self::of(path, file));
        file.map_err(|cause| unreadable(path, cause))
    }

    /// Opens a file like [`Self::open`]; a read of a pipe waits for what comes.
    pub(crate) fn open_blocking(path: &str) -> Result<Self, FeedError> {
        if path != "-" {
            let kind = fs::metadata(path).map_err(|cause| unreadable(path, cause))?.file_type();
            if kind.is_file() || kind.is_dir() {
                return Self::open(path);
            }
            let file = File::open(path).map_err(|cause| unreadable(path, cause))?;
            return Ok(Self { name: path.to_owned(), file, can_be_read_again: false });
        }
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        let file = stdin.map_err(|cause| unreadable(STDIN, cause))?.into();
        Ok(Self { name: STDIN.to_owned(), file, can_be_read_again: false })
    }

    /// Reads from a file that is open already.
    pub(crate) fn of(name: &str, file: File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let is_regular = kind.is_file();
        let file = if is_regular { file } else { reopen(&file)? };
        Ok(Self { name: name.to_owned(), file, can_be_read_again: is_regular })
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can be opened again and read from its start.
    #[must_use]
    pub const fn can_be_read_again(&self) -> bool {
        self.can_be_read_again
    }

    /// Reads what is available now.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Chunk> {
        loop {
            return match self.file.read(buffer) {
                Ok(0) => Ok(Chunk::End),
                Ok(count) => Ok(Chunk::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Chunk::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Ends a sleep when there is something to read, or the end.
    pub fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        poll_set.file(self.file.as_fd());
    }
}

fn reopen(file: &File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(NON_BLOCKING).open(path)
}

fn unreadable(name: &str, cause: io::Error) -> FeedError {
    FeedError::Unreadable { file: name.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn an_empty_pipe_does_not_block() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut intake = Intake::of("pipe", File::from(OwnedFd::from(reader))).unwrap();
        let mut buffer = [0; 16];
        assert!(!intake.can_be_read_again());
        assert_eq!(intake.read(&mut buffer).unwrap(), Chunk::Waiting);
        writer.write_all(b"abc").unwrap();
        assert_eq!(intake.read(&mut buffer).unwrap(), Chunk::Bytes(3));
        writer.write_all(b"de").unwrap();
        drop(writer);
        assert_eq!(intake.read(&mut buffer).unwrap(), Chunk::Bytes(2), "written before the end");
        assert_eq!(intake.read(&mut buffer).unwrap(), Chunk::End);
    }

    #[test]
    fn other_readers_of_a_pipe_still_block() {
        let (mut reader, writer) = io::pipe().unwrap();
        let shared = File::from(reader.as_fd().try_clone_to_owned().unwrap());
        let mut intake = Intake::of("pipe", shared).unwrap();
        assert_eq!(intake.read(&mut [0; 1]).unwrap(), Chunk::Waiting);
        drop(writer);
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "the end, and not WouldBlock");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let error = |path: &str| Intake::open(path).err().unwrap().to_string();
        assert!(error(folder).ends_with("; name a file in it"), "{}", error(folder));
        let missing = format!("{folder}/missing.csv");
        assert!(error(&missing).starts_with(&format!("cannot read {missing}: ")));
        assert!(error(&missing).ends_with("is the path right?"));
    }
}
