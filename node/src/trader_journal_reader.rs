//! Trader journal reader: finds the journal of a trader of signals, and says what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_journal::{Folder, Reader};
use allot_signals_rules::{Median, OrderEnd, Record};
use allot_signals_service::{TRADER_STAMP, read_trader_record};
use anyhow::{Context, Result};

use crate::command::signals::trader::{BEGUN, FOLDER, holds_journal};

/// The folder of a trader's journal, if this is its data directory, or that folder itself.
pub(crate) fn find(data: &Path) -> Option<PathBuf> {
    if data.join(BEGUN).exists() {
        return Some(data.join(FOLDER));
    }
    let whole = data.canonicalize().ok()?;
    let is_one = whole.ends_with(FOLDER) && whole.parent()?.join(BEGUN).exists();
    is_one.then(|| data.to_owned())
}

/// Whether a journal of this stamp is one of a trader.
pub(crate) fn is_stamp(stamp: &str) -> bool {
    stamp.starts_with(TRADER_STAMP)
}

/// A record in words, or why it is none.
pub(crate) fn sentence(kind: u8, payload: &[u8]) -> String {
    match read_trader_record(kind, payload) {
        Ok(Record::Registered(name, instance, _)) => {
            format!("registered {name}, instance {}", instance.get())
        }
        Ok(Record::Deregistered(name)) => format!("deregistered {name}"),
        Ok(Record::Median(Median { period, value, strategies })) => {
            format!("median {value} of period {period}, of {strategies} strategies")
        }
        Ok(Record::Target(Some(target))) => format!("orders go to {target}"),
        Ok(Record::Target(None)) => "orders go nowhere".to_owned(),
        Ok(Record::Ordered(period, OrderEnd::Replied)) => {
            format!("the order of period {period} has its reply")
        }
        Ok(Record::Ordered(period, OrderEnd::NotSent)) => {
            format!("the order of period {period} was not sent")
        }
        Err(error) => format!("damaged: {error}"),
    }
}

/// What a journal of a trader has.
pub(crate) struct Checked {
    pub(crate) stamp: String,
    pub(crate) records: u64,
    pub(crate) medians: u64,
    /// Everything that is wrong.
    pub(crate) failures: Vec<String>,
}

/// Reads every record: all are those of a trader, and no period has two medians.
pub(crate) fn check(path: &Path) -> Result<Checked> {
    let what = || format!("cannot read {}", path.display());
    let folder = Folder::read_only(path).with_context(what)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(what)?;
    let stamp = reader.stamp().to_owned();
    let mut checked = Checked { stamp, records: 0, medians: 0, failures: Vec::new() };
    let lost = reader.lost().map(|file| format!("{file} is missing, and it was not pruned"));
    checked.failures.extend(lost);
    if !holds_journal(path) {
        // Whose folder this is says that it was begun: see `find`.
        checked.failures.push("the journal is gone: the folder has no segment".to_owned());
    }
    let damaged = reader.snapshots().iter().filter_map(|snapshot| {
        snapshot.damage.as_ref().map(|damage| format!("{}: {damage}", snapshot.file))
    });
    checked.failures.extend(damaged);
    let mut last = None;
    loop {
        let record = match reader.next() {
            Ok(Some(entry)) => entry.record,
            Ok(None) => return Ok(checked),
            Err(error) => {
                checked.failures.push(error.to_string());
                return Ok(checked);
            }
        };
        checked.records += 1;
        let index = record.index;
        match read_trader_record(record.kind, record.payload) {
            Err(error) => checked.failures.push(format!("record {index}: {error}")),
            Ok(Record::Median(Median { period, .. })) => {
                checked.medians += 1;
                if last.is_some_and(|last| period <= last) {
                    let failure = format!("record {index}: period {period} has a median already");
                    checked.failures.push(failure);
                }
                last = Some(period);
            }
            Ok(_) => {}
        }
    }
}
