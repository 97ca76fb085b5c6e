//! Shard directories: the journals in a data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_domain::LedgerId;
use allot_journal::{Folder, Media, Reader};
use allot_server::{StampHead, boxes, lost_shards, read_ledger};
use anyhow::{Context, Result, bail, ensure};

/// The same, where none is gone and all belong together: what is left, or another ledger's, would
/// pass for what there is.
///
/// # Errors
/// As [`find`]; when a shard had begun whose journal is not there any more; and when a journal is
/// of another shard or of another ledger than its place says.
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
    if directories != [data.to_owned()] {
        check_stamps(data, &directories)?;
    }
    Ok(directories)
}

/// The same, for what is summed up over all shards. Warns where some are not there: they may be on
/// several machines, and each has its part of the tickers.
///
/// # Errors
/// As [`find_all`].
pub(crate) fn find_to_sum_up(data: &Path) -> Result<Vec<PathBuf>> {
    let directories = find_all(data)?;
    let head = directories.first().and_then(|path| head_of(path));
    if let Some(StampHead { shards, .. }) = head
        && directories.len() < shards
    {
        tracing::warn!(
            "{} has {} of the {shards} shards of its ledger: what follows is without the tickers \
             of the others",
            data.display(),
            directories.len()
        );
    }
    Ok(directories)
}

/// What the stamp of a journal says; none where it has none, or cannot be read.
fn head_of(path: &Path) -> Option<StampHead> {
    let media: Arc<dyn Media> = Arc::new(Folder::read_only(path).ok()?);
    StampHead::of(&Reader::stamp_of(&media).ok()?)
}

/// Whether these journals are those of one ledger, each in its place. What has no stamp, or cannot
/// be read, says so itself when it is read.
fn check_stamps(data: &Path, directories: &[PathBuf]) -> Result<()> {
    let ledger = read_ledger(data).ok().map(|(_, ledger)| ledger);
    let mut expected = ledger.map(|ledger| (!ledger.is_adopted).then_some(ledger.id));
    let mut shards = None;
    for path in directories {
        let Some(head) = head_of(path) else { continue };
        let shown = path.display();
        let is_in_place = path.file_name() == Some(boxes::shard_name(head.shard).as_ref());
        ensure!(
            is_in_place,
            "{shown} holds the journal of shard {}: the folders were mixed up; restore them from \
             a backup",
            head.shard
        );
        let expected = *expected.get_or_insert(head.ledger);
        ensure!(
            head.ledger == expected,
            "{shown} is of {}, and not of {} as {}: the folders of two ledgers were mixed; restore \
             them from a backup",
            name(head.ledger),
            name(expected),
            data.display()
        );
        let count = *shards.get_or_insert(head.shards);
        ensure!(
            head.shards == count,
            "{shown} is one of {} shards, and those before it are of {count}; restore the folders \
             from a backup",
            head.shards
        );
    }
    Ok(())
}

fn name(ledger: Option<LedgerId>) -> String {
    ledger.map_or_else(|| "no ledger".to_owned(), |ledger| format!("ledger {ledger}"))
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
