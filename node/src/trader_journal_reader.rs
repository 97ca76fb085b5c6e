//! Trader journal reader: finds the journal of a trader of signals, and says what is in it.

use std::path::{Path, PathBuf};

use allot_signals_rules::{Median, OrderEnd, Record};
use allot_signals_service::{TRADER_STAMP, read_trader_record};
use anyhow::Result;

use crate::command::signals::trader::{BEGUN, FOLDER, holds_journal};
use crate::record_reader::{self, Records, read_all};

/// The folder of a trader's journal, if this is its data directory, or that folder itself. The note
/// that it was begun tells where the journal is gone, and the journal where the note is.
pub(crate) fn find(data: &Path) -> Option<PathBuf> {
    let folder = data.join(FOLDER);
    if data.join(BEGUN).exists() || holds_journal(&folder) {
        return Some(folder);
    }
    let is_begun = data.canonicalize().is_ok_and(|whole| {
        whole.ends_with(FOLDER) && whole.parent().is_some_and(|data| data.join(BEGUN).exists())
    });
    match is_begun {
        true => Some(data.to_owned()),
        false => record_reader::find([data.to_owned()], TRADER_STAMP),
    }
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
            let of = if strategies == 1 { "strategy" } else { "strategies" };
            format!("median {value} of period {period}, of {strategies} {of}")
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
    pub(crate) records: Records,
    pub(crate) medians: u64,
}

/// Reads every record: all are those of a trader, and no period has two medians.
pub(crate) fn check(path: &Path) -> Result<Checked> {
    let (mut medians, mut last) = (0, None);
    let mut records = read_all(path, read_trader_record, |_, record| {
        let Some(Record::Median(Median { period, .. })) = record else { return Ok(()) };
        medians += 1;
        match last.replace(period) {
            Some(last) if period <= last => Err(format!("period {period} has a median already")),
            _ => Ok(()),
        }
    })?;
    if !holds_journal(path) {
        // Whose folder this is says that it was begun: see `find`.
        records.failures.push("the journal is gone: the folder has no segment".to_owned());
    }
    Ok(Checked { records, medians })
}
