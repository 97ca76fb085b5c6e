//! Record reader: finds the journal of a system by its stamp, and reads every record of it.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_domain::LogIndex;
use allot_journal::{Folder, Media, Reader};
use anyhow::{Context, Result};

/// The first of these folders that has a journal whose stamp begins so.
pub(crate) fn find(folders: impl IntoIterator<Item = PathBuf>, stamp: &str) -> Option<PathBuf> {
    let is_it = |path: &PathBuf| stamp_of(path).is_some_and(|found| found.starts_with(stamp));
    folders.into_iter().find(is_it)
}

/// The stamp of the journal in a folder; none where there is none that can be read.
pub(crate) fn stamp_of(path: &Path) -> Option<String> {
    let media: Arc<dyn Media> = Arc::new(Folder::read_only(path).ok()?);
    Reader::stamp_of(&media).ok()
}

/// What was found in a journal.
pub(crate) struct Records {
    /// Which journal it says it is.
    pub(crate) stamp: String,
    /// How many records were read.
    pub(crate) count: u64,
    /// Everything that is wrong.
    pub(crate) failures: Vec<String>,
}

/// Reads every record. `check` gets each with its index, none where it cannot be read, and says
/// what is wrong with it.
pub(crate) fn read_all<R, E: Display>(
    path: &Path,
    decode: impl Fn(u8, &[u8]) -> Result<R, E>,
    mut check: impl FnMut(LogIndex, Option<R>) -> Result<(), String>,
) -> Result<Records> {
    let what = || format!("cannot read {}", path.display());
    let folder = Folder::read_only(path).with_context(what)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(what)?;
    let mut found = Records { stamp: reader.stamp().to_owned(), count: 0, failures: Vec::new() };
    let lost = reader.lost().map(|file| format!("{file} is missing, and it was not pruned"));
    found.failures.extend(lost);
    let damaged = reader.snapshots().iter().filter_map(|snapshot| {
        snapshot.damage.as_ref().map(|damage| format!("{}: {damage}", snapshot.file))
    });
    found.failures.extend(damaged);
    loop {
        let record = match reader.next() {
            Ok(Some(entry)) => entry.record,
            Ok(None) => return Ok(found),
            Err(error) => {
                found.failures.push(error.to_string());
                return Ok(found);
            }
        };
        found.count += 1;
        let index = record.index;
        let mut wrong = |what: String| found.failures.push(format!("record {index}: {what}"));
        let record = decode(record.kind, record.payload);
        let record = record.map_err(|error| wrong(error.to_string())).ok();
        check(index, record).unwrap_or_else(wrong);
    }
}
