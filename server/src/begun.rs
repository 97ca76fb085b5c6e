//! Begun: which shards of a ledger have a journal, in a file for each beside it.
//!
//! ```text
//!   DIR/begun-0    shard 0 has begun its journal, in DIR/shard-0
//! ```
//!
//! So a journal that is gone is told from one that never was: a shard that lost its folder does not
//! start with an empty one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_domain::ShardId;
use allot_journal::{Folder, Reader};
use allot_shard::Service;

use crate::JournalStamp;
use crate::ledger::{FILE_MODE, directory, holds_journal};

fn file(data: &Path, shard: ShardId) -> PathBuf {
    data.join(format!("begun-{shard}"))
}

/// Notes that a shard has begun its journal; once is enough.
pub(crate) fn note(data: &Path, shard: ShardId) -> io::Result<()> {
    let file = file(data, shard);
    if !file.exists() {
        OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(file)?;
        File::open(data)?.sync_all()?;
    }
    Ok(())
}

/// Whether a shard has begun a journal that is not there any more.
///
/// # Errors
/// When its folder cannot be read.
pub fn is_lost(data: &Path, shard: ShardId) -> io::Result<bool> {
    Ok(file(data, shard).exists() && !holds_journal(&directory(data, shard))?)
}

/// Whether the journal of a system of so many shards has a record; one that cannot be read may have
/// some. Of another number of shards, or another system, the start from it says so.
pub(crate) fn has_inputs<S: Service>(folder: &Path, shards: usize) -> bool {
    let opened = Folder::read_only(folder).and_then(|folder| Reader::open(Arc::new(folder)));
    let Ok(mut reader) = opened else { return true };
    let is_of_system =
        |stamp: &str| stamp.parse::<JournalStamp<S>>().is_ok_and(|stamp| stamp.shards == shards);
    // Without a segment that can be read there is no stamp.
    let stamp = reader.stamp();
    (stamp.is_empty() || is_of_system(stamp))
        && (!reader.snapshots().is_empty() || !matches!(reader.next(), Ok(None)))
}

/// The shards that have begun a journal which is not there any more.
///
/// # Errors
/// When the directory of the ledger, or a folder in it, cannot be read.
pub fn lost_shards(data: &Path) -> io::Result<Vec<ShardId>> {
    let mut lost = Vec::new();
    for entry in fs::read_dir(data)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let shard = name.strip_prefix("begun-").and_then(|number| number.parse::<u32>().ok());
        if let Some(shard) = shard.map(ShardId::new)
            && is_lost(data, shard)?
        {
            lost.push(shard);
        }
    }
    lost.sort_unstable();
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_gone_is_told_from_one_that_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let (data, shard) = (folder.path(), ShardId::new(1));
        assert!(!is_lost(data, shard).unwrap());
        fs::create_dir(directory(data, shard)).unwrap();
        let segment = directory(data, shard).join("segment-0000000001");
        fs::write(&segment, "").unwrap();
        note(data, shard).unwrap();
        note(data, shard).unwrap();
        assert!(!is_lost(data, shard).unwrap());
        fs::remove_file(segment).unwrap();
        assert!(is_lost(data, shard).unwrap());
        fs::remove_dir(directory(data, shard)).unwrap();
        assert_eq!(lost_shards(data).unwrap(), [shard]);
    }
}
