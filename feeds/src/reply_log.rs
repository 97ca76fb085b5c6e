//! A reply log: every reply of the server in a file, one JSON object a line, in order of arrival.
//!
//! It is a client's evidence of what it was sent, to be compared with the journal. It therefore has
//! all replies, also those that change nothing for the feed: repeats, and that there is no room.
//! The objects are those of the front door, whatever the encoding of the feed.
//!
//! A line is handed to the system before the feed continues. It survives the feed, however that
//! ends. The log is not synced, so a line may not survive the machine. One that a crash cut off is
//! removed at the next open: its feed had not taken that reply, and asks again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use allot_allocation_service::{Reply, decode_replies, encode_reply};
use allot_wire::Encoding;

use crate::FeedError;

/// What every line begins with.
const REPLY_BEGIN: &[u8] = b"{\"type\":\"";

/// No line is longer: it holds one reply, which names each account once.
const LINE_LEN_MAX: usize = 2 << 20;

/// How much of a file is read at a time while its last line is looked for.
const CHUNK_LEN: u64 = 64 << 10;

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
        match file.and_then(|mut file| mend_last_line(&mut file).map(|()| file)) {
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

/// Removes a reply that a crash cut off; ends any other line that has no end.
///
/// Whoever writes a log has a shared lock on it. While another feed does, nothing can be removed
/// without harm: the line is ended, so that it does not run into the next.
fn mend_last_line(file: &mut File) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    let is_alone = file.try_lock().is_ok();
    match last_line(file)? {
        Some((_, line)) if line.is_empty() => {}
        Some((start, line)) if is_alone && is_cut_off(&line) => file.set_len(start)?,
        _ => file.write_all(b"\n")?,
    }
    // A file system without locks is no reason not to write.
    _ = file.lock_shared();
    Ok(())
}

/// Whether it is the beginning of a reply, and no more. Whatever else stands there is not ours.
fn is_cut_off(line: &[u8]) -> bool {
    let is_ours = line.starts_with(REPLY_BEGIN) || REPLY_BEGIN.starts_with(line);
    is_ours && decode_replies(line, &mut Vec::new()).is_err()
}

/// What follows the last end of a line, and where it begins; none if it is longer than a reply.
fn last_line(file: &File) -> io::Result<Option<(u64, Vec<u8>)>> {
    let (mut start, mut line) = (file.metadata()?.len(), Vec::new());
    while 0 < start {
        if LINE_LEN_MAX < line.len() {
            return Ok(None);
        }
        let begin = start.saturating_sub(CHUNK_LEN);
        let mut chunk = vec![0; usize::try_from(start - begin).expect("a chunk is short")];
        file.read_exact_at(&mut chunk, begin)?;
        let end = chunk.iter().rposition(|byte| *byte == b'\n');
        let tail = chunk.split_off(end.map_or(0, |end| end + 1));
        start -= u64::try_from(tail.len()).expect("a chunk is short");
        line.splice(0..0, tail);
        if end.is_some() {
            break;
        }
    }
    Ok(Some((start, line)))
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
    fn replies_are_appended_line_by_line_and_a_line_cut_off_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.ndjson");
        let whole = "{\"type\":\"held\",\"source\":\"f\",\"seq\":1}";
        let long = "x".repeat(200_000);
        for (torn, expected) in [
            (String::new(), String::new()),
            (r#"{"type":"he"#.to_owned(), String::new()),
            (format!("{whole}\n{{\"type\":\"{long}"), format!("{whole}\n")),
            // Not ours: it is ended, and stays.
            ("a note".to_owned(), "a note\n".to_owned()),
            (long.repeat(11), long.repeat(11) + "\n"),
            // Only its end is missing: it is a reply.
            (whole.to_owned(), format!("{whole}\n")),
        ] {
            fs::write(&path, torn).unwrap();
            let mut first = ReplyLog::open(path.to_str().unwrap()).unwrap();
            let mut second = ReplyLog::open(path.to_str().unwrap()).unwrap();
            first.append(&held(1)).unwrap();
            second.append(&held(2)).unwrap();
            first.append(&held(3)).unwrap();
            let expected = expected
                + whole
                + "\n{\"type\":\"held\",\"source\":\"f\",\"seq\":2,\"duplicate\":true}\n\
                   {\"type\":\"held\",\"source\":\"f\",\"seq\":3,\"duplicate\":true}\n";
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        }
    }

    #[test]
    fn while_another_feed_writes_a_line_cut_off_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.ndjson");
        let mut first = ReplyLog::open(path.to_str().unwrap()).unwrap();
        fs::write(&path, r#"{"type":"he"#).unwrap();
        let second = ReplyLog::open(path.to_str().unwrap()).unwrap();
        first.append(&held(1)).unwrap();
        drop(second);
        let expected = "{\"type\":\"he\n{\"type\":\"held\",\"source\":\"f\",\"seq\":1}\n";
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
