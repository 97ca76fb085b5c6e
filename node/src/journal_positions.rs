//! Journal positions: what every account held at a time, from the journals of a data directory.

use std::path::Path;

use allot_allocation_service::{Report, report_of};
use allot_domain::Marker;
use anyhow::Result;

use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::shard_dirs;
use crate::shard_replay::ShardReplay;

/// The positions as they were when this time began: of every record that was taken before. The
/// number of the report is that of the last marker before it.
///
/// # Errors
/// When a journal cannot be read.
pub(crate) fn report_at(data: &Path, time_ns: u64) -> Result<Report> {
    let bar = reading_bar();
    let mut parts = Vec::new();
    let (mut keyed, mut to_all, mut marker, mut ledger) = (0, 0, 0, None);
    let directories = shard_dirs::find(data)?;
    for directory in &directories {
        let mut replay = ShardReplay::open(directory)?;
        bar.inc_length(replay.bytes_expected());
        while replay.advance(time_ns)?.is_some() {
            if replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
                bar.inc(replay.take_bytes());
            }
        }
        let state = replay.state();
        keyed += state.keyed();
        to_all = to_all.max(state.to_all());
        marker = marker.max(state.marker());
        ledger = replay.start().stamp.as_ref().and_then(|stamp| stamp.ledger);
        parts.push(state.machine().part(&Marker { number: 0, time_ns, report: true }));
    }
    bar.finish_and_clear();
    let marker = Marker { number: marker, time_ns, report: true };
    Ok(report_of(&marker, keyed + to_all, ledger, parts))
}
