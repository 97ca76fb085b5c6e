//! Shard export: replays the journal of one shard, and makes blocks of rows of it.

use std::collections::VecDeque;
use std::path::Path;

use allot_domain::Step;
use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::format::Format;
use super::row_block::{RowBlock, RowBlocks};
use super::shard_rows::{Period, ShardRows};
use crate::progress_bar::RECORDS_PER_TICK;
use crate::replay_threads::Replayed;
use crate::shard_replay::{Logged, ShardReplay};

/// What a shard brings.
pub(super) enum Piece {
    /// Some rows.
    Rows(RowBlock),
    /// What `export.json` says of the shard: it is over.
    Shard(Value),
}

/// A shard that is being exported.
pub(super) struct ShardExport {
    replay: ShardReplay,
    /// None where nothing was ever written to the journal.
    rows: Option<ShardRows>,
    /// The input that is not applied whole.
    pending: Option<Logged>,
    /// Whether every record of the period was read.
    is_read: bool,
    bar: ProgressBar,
}

impl ShardExport {
    /// Opens the journal in `path`.
    pub(super) fn open(
        path: &Path,
        period: Period,
        format: Format,
        bar: ProgressBar,
    ) -> Result<Self> {
        let replay = ShardReplay::open(path)?;
        bar.inc_length(replay.bytes_expected());
        let book = replay.state().machine();
        let stamp = replay.start().stamp.as_ref();
        let rows = stamp.map(|of| ShardRows::new(of.shard, period, RowBlocks::new(format), book));
        Ok(Self { replay, rows, pending: None, is_read: false, bar })
    }

    /// Applies the next input, or goes on with one; false at the end of the journal or the period.
    fn advance(
        replay: &mut ShardReplay,
        rows: &mut ShardRows,
        pending: &mut Option<Logged>,
    ) -> Result<bool> {
        let (logged, step) = if let Some(logged) = pending {
            let step = replay.resume(logged);
            (logged, step)
        } else {
            *pending = replay.next(u64::MAX)?;
            let Some(logged) = pending else { return Ok(false) };
            if !rows.begin(logged, replay.state().machine()) {
                return Ok(false);
            }
            let step = replay.apply(logged);
            (logged, step)
        };
        rows.put(logged, replay.outcomes(), replay.state().machine())?;
        if step != Step::Pending {
            *pending = None;
        }
        Ok(true)
    }

    fn as_json(&self) -> Value {
        let start = self.replay.start();
        let stamp = start.stamp.as_ref().expect("a journal that was written has a stamp");
        let pruned = start.from.get();
        json!({
            "shard": stamp.shard.get(),
            "of": stamp.shards,
            "first_record": pruned + 1,
            "last_record": self.replay.index().get(),
            "pruned": 0 < pruned,
        })
    }
}

impl Replayed for ShardExport {
    type Item = Piece;

    /// A piece is a block of rows.
    const BLOCK_LEN: usize = 1;

    fn read(&mut self, pieces: &mut VecDeque<Piece>) -> Result<bool> {
        let Self { replay, rows, pending, is_read, bar } = self;
        let Some(rows) = rows else { return Ok(false) };
        if !*is_read {
            *is_read = !Self::advance(replay, rows, pending)?;
            if *is_read || replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
                bar.inc(replay.take_bytes());
            }
        }
        let is_more = !*is_read || rows.finish(replay.state().machine())?;
        pieces.extend(rows.take_full().map(Piece::Rows));
        if !is_more {
            pieces.push_back(Piece::Shard(self.as_json()));
        }
        Ok(is_more)
    }
}
