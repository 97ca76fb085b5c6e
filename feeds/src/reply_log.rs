//! A reply log: every reply of the server in a file, one JSON object a line, in order of arrival.
//!
//! It is a client's evidence of what it was sent, to be compared with the journal. It therefore has
//! all replies, also those that change nothing for the feed: repeats, and that there is no room.
//! The objects are those of the front door, whatever the encoding of the feed.
//!
//! A line is handed to the system before the feed continues. It survives the feed, however that
//! ends. The log is not synced, so a line may not survive the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use allot_allocation_service::{Reply, encode_reply};
use allot_wire::Encoding;

use crate::FeedError;

/// A file of replies. Several feeds may append to the same file, each through its own log.
pub struct ReplyLog {
    path: String,
    file: File,
    line: Vec<u8>,
}

impl ReplyLog {
    /// Opens a file to append to it, or creates it.
    ///
    /// # Errors
    /// [`FeedError::Unwritable`].
    pub fn open(path: &str) -> Result<Self, FeedError> {
        let path = path.to_owned();
        let file = OpenOptions::new().append(true).read(true).create(true).open(&path);
        match file.and_then(|mut file| end_last_line(&mut file).map(|()| file)) {
            Ok(file) => Ok(Self { path, file, line: Vec::new() }),
            Err(cause) => Err(FeedError::Unwritable { file: path, cause }),
        }
    }

    /// Appends a reply.
    pub(crate) fn append(&mut self, reply: &Reply) -> Result<(), FeedError> {
        self.line.clear();
        encode_reply(Encoding::Json, reply, &mut self.line);
        self.line.push(b'\n');
        // In one write, so that the lines of several feeds are not mixed.
        let written = self.file.write_all(&self.line);
        written.map_err(|cause| FeedError::Unwritable { file: self.path.clone(), cause })
    }
}

/// Ends a line that a crash cut off, so that it does not run into the next.
fn end_last_line(file: &mut File) -> io::Result<()> {
    if !file.metadata()?.is_file() || file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use allot_domain::Seq;

    use super::*;

    fn held(seq: u64) -> Reply {
        Reply::Held {
            source: "f".to_owned(),
            seq: Seq::new(seq),
            id: Seq::new(seq).into(),
            time_ns: 0,
            duplicate: 1 < seq,
        }
    }

    #[test]
    fn replies_are_appended_line_by_line_and_a_line_cut_off_stays_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.ndjson");
        fs::write(&path, r#"{"type":"he"#).unwrap();
        let mut first = ReplyLog::open(path.to_str().unwrap()).unwrap();
        let mut second = ReplyLog::open(path.to_str().unwrap()).unwrap();
        first.append(&held(1)).unwrap();
        second.append(&held(2)).unwrap();
        first.append(&held(3)).unwrap();
        let expected = "{\"type\":\"he\n\
            {\"type\":\"held\",\"source\":\"f\",\"seq\":1}\n\
            {\"type\":\"held\",\"source\":\"f\",\"seq\":2,\"duplicate\":true}\n\
            {\"type\":\"held\",\"source\":\"f\",\"seq\":3,\"duplicate\":true}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = ReplyLog::open(folder.path().to_str().unwrap()).err().unwrap().to_string();
        assert!(error.starts_with("cannot write "), "{error}");
        let error = ReplyLog::open("/dev/full").unwrap().append(&held(1)).unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: "), "{error}");
    }
}
