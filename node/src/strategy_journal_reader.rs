//! Strategy journal reader: finds the journal of a strategy of a mesh, and says what is in it.

use std::path::{Path, PathBuf};

use allot_domain::LogIndex;
use allot_mesh_rules::{Owned, Record, Traded};
use allot_mesh_service::{STRATEGY_STAMP, read_strategy_record};
use allot_server::read_ledger;
use anyhow::{Result, ensure};

use crate::command::mesh::peer::JOURNAL;
use crate::record_reader::{self, Records, read_all};
use crate::trader_journal_reader;

/// The folder of a strategy's journal, if this is its data directory, or that folder itself.
pub(crate) fn find(data: &Path) -> Option<PathBuf> {
    record_reader::find([data.join(JOURNAL), data.to_owned()], STRATEGY_STAMP)
}

/// Refuses a directory that has the journal of a strategy and a ledger: one of them would pass for
/// all that there is.
///
/// # Errors
/// When it has both.
pub(crate) fn demand_alone(data: &Path) -> Result<()> {
    let is_alone = read_ledger(data).is_err() || !data.join(JOURNAL).exists();
    let is_of_trader = || trader_journal_reader::find(data).is_some();
    ensure!(
        is_alone || is_of_trader(),
        "{0} holds a ledger and the journal of a strategy of a mesh; name one of them, such as \
         {0}/{JOURNAL} or {0}/shard-0",
        data.display()
    );
    Ok(())
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
    pub(crate) records: Records,
    pub(crate) trades: u64,
    /// The positions that the records add up to, a line each; none where something is wrong, or the
    /// first records were pruned.
    pub(crate) positions: Option<Vec<String>>,
}

/// Reads every record: all are those of a strategy, and each follows from those before it.
pub(crate) fn check(path: &Path) -> Result<Checked> {
    let (mut trades, mut owned, mut before) = (0, Some(Owned::new()), LogIndex::ZERO);
    let records = read_all(path, read_strategy_record, |index, record| {
        trades += u64::from(matches!(record, Some(Record::Traded(_))));
        let is_next = core::mem::replace(&mut before, index).next() == index;
        // What follows a record that is wrong, or is not there, is not judged by it.
        let mut sums = owned.take().filter(|_| is_next);
        let (Some(record), Some(sums_so_far)) = (record, &mut sums) else { return Ok(()) };
        sums_so_far.apply(&record).map_err(|bad| bad.to_string())?;
        owned = sums;
        Ok(())
    })?;
    let lines =
        |owned: Owned| owned.rows().map(|row| format!("{} {}", row.symbol, row.position)).collect();
    let positions = owned.filter(|_| records.failures.is_empty()).map(lines);
    Ok(Checked { records, trades, positions })
}
