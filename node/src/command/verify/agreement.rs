//! Agreement: whether the journals in a data directory are those of one ledger, and all of them.

use std::collections::BTreeMap;
use std::path::Path;

use allot_allocation_service::Allocation;
use allot_domain::{LedgerId, LogIndex};
use allot_server::{JournalStamp, Ledger, LedgerCopy, LedgerError, boxes, lost_shards};
use allot_shard::Service;

use super::replay::ShardResult;
use crate::ledger_backup::BackupContents;

/// What is found of the directory as a whole.
#[derive(Default)]
pub(super) struct Agreement {
    /// The ledger, if it has one.
    pub(super) ledger: Option<LedgerId>,
    /// Whether the directory is a backup, or was restored from one.
    pub(super) copy: LedgerCopy,
    /// Everything that is wrong.
    pub(super) failures: Vec<String>,
    /// In what the shards differ, although nothing need be wrong with it.
    pub(super) differing: Option<String>,
}

impl Agreement {
    /// Compares the shards with each other and with the ledger in `data`.
    pub(super) fn of(data: &Path, results: &[ShardResult]) -> Self {
        let mut agreement = Self::default();
        let ledger = Ledger::read(data, Allocation::NAME);
        agreement.ledger = ledger.as_ref().ok().map(|ledger| ledger.id);
        agreement.copy = ledger.as_ref().map_or(LedgerCopy::No, |ledger| ledger.copy);
        let stamps: Vec<_> = results.iter().filter_map(stamp_of).collect();
        let named = match &ledger {
            Ok(ledger) => (!ledger.is_adopted).then_some(ledger.id),
            // Journals that are older than ledgers agree on having none.
            Err(LedgerError::Unnamed(_)) if stamps.iter().all(|(_, one)| one.ledger.is_none()) => {
                None
            }
            Err(error) => {
                agreement.failures.push(error.to_string());
                return agreement;
            }
        };
        agreement.compare(named, &stamps);
        agreement.find_missing(data, results, &stamps);
        if let LedgerCopy::Backup(_) = agreement.copy
            && let Err(error) = BackupContents::check(data)
        {
            agreement.failures.push(format!("{error:#}"));
        }
        agreement.differing = differing_splits(results);
        agreement
    }

    fn compare(&mut self, named: Option<LedgerId>, stamps: &[Stamped<'_>]) {
        let first = stamps.first();
        for (path, stamp) in stamps {
            let shown = path.display();
            if stamp.ledger != named {
                let show = |ledger: Option<LedgerId>| {
                    ledger.map_or("no ledger".to_owned(), |ledger| format!("ledger {ledger}"))
                };
                let (stored, named) = (show(stamp.ledger), show(named));
                self.failures.push(format!("{shown} is of {stored}, and the directory of {named}"));
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.as_ref() != Some(&boxes::shard_name(stamp.shard)) {
                self.failures.push(format!("{shown} holds the journal of shard {}", stamp.shard));
            }
            if let Some((first_path, first)) = first
                && (first.shards, first.machine.to_string())
                    != (stamp.shards, stamp.machine.to_string())
            {
                self.failures.push(format!(
                    "{shown} was written as \"{stamp}\", and {} as \"{first}\"",
                    first_path.display()
                ));
            }
        }
    }

    /// Every shard must be there, and with a journal if any other has one.
    fn find_missing(&mut self, data: &Path, results: &[ShardResult], stamps: &[Stamped<'_>]) {
        let lost = lost_shards(data).unwrap_or_default();
        for shard in &lost {
            let folder = data.join(boxes::shard_name(*shard));
            self.failures.push(format!(
                "{} held a journal of this ledger, and it is gone; restore that folder from a \
                 backup",
                folder.display()
            ));
        }
        let Some(shards) = stamps.iter().map(|(_, stamp)| stamp.shards).max() else {
            return;
        };
        let by_name: BTreeMap<_, _> = results
            .iter()
            .filter_map(|result| Some((result.path.file_name()?.to_str()?.to_owned(), result)))
            .collect();
        for shard in boxes::shard_ids(shards).filter(|shard| !lost.contains(shard)) {
            let name = boxes::shard_name(shard);
            let what = match by_name.get(&name) {
                None => "is missing",
                Some(result) if result.stamp.is_empty() && result.failures.is_empty() => {
                    "holds no journal"
                }
                Some(_) => continue,
            };
            let folder = data.join(name);
            self.failures.push(format!(
                "{} {what}: this ledger has {shards} shards, and their journals belong together",
                folder.display()
            ));
        }
    }
}

/// That not every shard has every split, if that is so: a shard may have been stopped, or be read,
/// before it had the last ones. A pruned journal does not know how many it had.
fn differing_splits(results: &[ShardResult]) -> Option<String> {
    let is_counted = |result: &ShardResult| {
        result.is_audited && result.failures.is_empty() && result.replayed_from == LogIndex::ZERO
    };
    let fewest = results.iter().map(|result| result.summary.splits).min()?;
    if !results.iter().all(is_counted) || results.iter().all(|one| one.summary.splits == fewest) {
        return None;
    }
    let of_each = results.iter().map(|result| {
        let name = result.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{} in {name}", result.summary.splits)
    });
    let of_each = of_each.collect::<Vec<_>>().join(", ");
    Some(format!(
        "not every shard has every split: {of_each}. One beyond {fewest} has no reply, unless it \
         was put into force in the moment of reading; look for it with --answers, or send it again"
    ))
}

type Stamped<'a> = (&'a Path, JournalStamp<Allocation>);

fn stamp_of(result: &ShardResult) -> Option<Stamped<'_>> {
    Some((&result.path, result.stamp.parse().ok()?))
}
