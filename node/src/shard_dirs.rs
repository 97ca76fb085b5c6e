//! Shard directories: the journals in a data directory.

use std::fs;
use std::path::{Path, PathBuf};

use allot_server::lost_shards;
use anyhow::{Context, Result, bail};

/// The same, where none is gone: what is left would pass for all there is.
///
/// # Errors
/// As [`find`]; and when a shard had begun whose journal is not there any more.
pub(crate) fn find_all(data: &Path) -> Result<Vec<PathBuf>> {
    let lost = lost_shards(data).with_context(|| format!("cannot read {}", data.display()))?;
    let directories = find(data)?;
    if let Some(shard) = lost.first() {
        bail!(
            "the journal of shard {shard} is gone from {}; restore shard-{shard} from a backup, or \
             name the directory of one shard to look at what is left",
            data.display()
        );
    }
    Ok(directories)
}

/// The directories of all shards in `data`, by shard number; or `data` itself, if it is the
/// directory of one shard.
///
/// # Errors
/// When there is no journal, or the directory cannot be read.
pub(crate) fn find(data: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(data).with_context(|| format!("cannot read {}", data.display()))?;
    let mut shards = Vec::new();
    let (mut is_one, mut is_ledger, mut begun) = (false, false, Vec::new());
    for entry in listing {
        let entry = entry.with_context(|| format!("cannot read {}", data.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix("shard-").and_then(|number| number.parse::<usize>().ok());
        shards.extend(number.map(|number| (number, entry.path())));
        is_one |= name.starts_with("segment-") || name.starts_with("image-");
        begun.extend(name.strip_prefix("begun-").map(|number| format!("shard-{number}")));
        is_ledger |= name == "ledger";
    }
    shards.sort_unstable();
    match shards.is_empty() {
        false => Ok(shards.into_iter().map(|(_, path)| path).collect()),
        true if is_one => Ok(vec![data.to_owned()]),
        true if !begun.is_empty() => {
            begun.sort_unstable();
            bail!(
                "the journals of {} are gone: {} holds a ledger whose shards had begun; restore \
                 those folders from a backup",
                begun.join(", "),
                data.display()
            )
        }
        true if is_ledger => bail!(
            "{} holds a ledger, and no server has begun a journal of it yet: there is nothing to \
             read",
            data.display()
        ),
        true => bail!(
            "there is no journal in {}; name a directory that a server, a trader of signals or a \
             strategy of a mesh was given as --data, or the directory of one shard in it",
            data.display()
        ),
    }
}
