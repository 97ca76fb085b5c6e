//! Strategy journal reader: finds the journal of a strategy of a mesh, and says what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_domain::LogIndex;
use allot_journal::{Folder, Reader};
use allot_mesh_rules::{Owned, Record, Traded};
use allot_mesh_service::{STRATEGY_STAMP, read_strategy_record};
use anyhow::{Context, Result};

use crate::command::mesh::peer::JOURNAL;

/// The folder of a strategy's journal, if this is its data directory, or that folder itself.
pub(crate) fn find(data: &Path) -> Option<PathBuf> {
    let folders = [data.join(JOURNAL), data.to_owned()];
    folders.into_iter().find(|path| {
        let folder = Folder::read_only(path).ok();
        let reader = folder.and_then(|folder| Reader::open(Arc::new(folder)).ok());
        reader.is_some_and(|reader| is_stamp(reader.stamp()))
    })
}

/// Whether a journal of this stamp is one of a strategy.
pub(crate) fn is_stamp(stamp: &str) -> bool {
    stamp.starts_with(STRATEGY_STAMP)
}

/// A record in words, or why it is none.
pub(crate) fn sentence(kind: u8, payload: &[u8]) -> String {
    match read_strategy_record(kind, payload) {
        Ok(Record::Adopted(row)) => {
            format!("adopted {} {} of version {}", row.symbol, row.position, row.version)
        }
        Ok(Record::Started(started)) => format!("started incarnation {}", started.incarnation),
        Ok(Record::Traded(Traded { sequence, symbol, quantity, position, .. })) => {
            format!("traded {symbol} {quantity}, position {position}, sequence {sequence}")
        }
        Err(error) => format!("damaged: {error}"),
    }
}

/// What a journal of a strategy has.
pub(crate) struct Checked {
    pub(crate) stamp: String,
    pub(crate) records: u64,
    pub(crate) trades: u64,
    /// The positions that the records add up to, a line each; none where the first records were
    /// pruned.
    pub(crate) positions: Option<Vec<String>>,
    /// Everything that is wrong.
    pub(crate) failures: Vec<String>,
}

/// Reads every record: all are those of a strategy, and each follows from those before it.
pub(crate) fn check(path: &Path) -> Result<Checked> {
    let what = || format!("cannot read {}", path.display());
    let folder = Folder::read_only(path).with_context(what)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(what)?;
    let stamp = reader.stamp().to_owned();
    let mut checked =
        Checked { stamp, records: 0, trades: 0, positions: None, failures: Vec::new() };
    let lost = reader.lost().map(|file| format!("{file} is missing, and it was not pruned"));
    checked.failures.extend(lost);
    let damaged = reader.snapshots().iter().filter_map(|snapshot| {
        snapshot.damage.as_ref().map(|damage| format!("{}: {damage}", snapshot.file))
    });
    checked.failures.extend(damaged);
    let mut owned = Some(Owned::new());
    loop {
        let record = match reader.next() {
            Ok(Some(entry)) => entry.record,
            Ok(None) => break,
            Err(error) => {
                checked.failures.push(error.to_string());
                owned = None;
                break;
            }
        };
        let index = record.index;
        if checked.records == 0 && index != LogIndex::ZERO.next() {
            owned = None;
        }
        checked.records += 1;
        let record = match read_strategy_record(record.kind, record.payload) {
            Ok(record) => record,
            Err(error) => {
                checked.failures.push(format!("record {index}: {error}"));
                owned = None;
                continue;
            }
        };
        checked.trades += u64::from(matches!(record, Record::Traded(_)));
        let applied = owned.as_mut().map_or(Ok(()), |owned| owned.apply(&record));
        if let Err(bad) = applied {
            checked.failures.push(format!("record {index}: {bad}"));
            owned = None;
        }
    }
    checked.positions = owned
        .map(|owned| owned.rows().map(|row| format!("{} {}", row.symbol, row.position)).collect());
    Ok(checked)
}
