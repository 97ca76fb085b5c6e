//! A journal history: the events of all shards of a data directory, in order of time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::path::Path;

use anyhow::Result;
use indicatif::ProgressBar;

use crate::history_event::{Event, EventReader, Filter};
use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::shard_dirs;
use crate::shard_replay::ShardReplay;

/// Calls `take` with each event that is asked for, oldest first.
///
/// # Errors
/// When a journal cannot be read, or `take` fails.
pub(crate) fn read(
    data: &Path,
    filter: &Filter,
    mut take: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let bar = reading_bar();
    let mut shards = Vec::new();
    for directory in shard_dirs::find(data)? {
        let mut shard = ShardEvents::open(&directory, filter.clone(), &bar)?;
        if shard.fill(&bar)? {
            shards.push(shard);
        }
    }
    while let Some(first) = first_of(&shards) {
        let shard = &mut shards[first];
        if let Some(event) = shard.events.pop_front() {
            take(event)?;
        }
        if shard.events.is_empty() && !shard.fill(&bar)? {
            shards.remove(first);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The shard whose next event is the oldest.
fn first_of(shards: &[ShardEvents]) -> Option<usize> {
    let time_of = |shard: &ShardEvents| shard.events.front().map(|event| event.time_ns);
    let (_, Reverse(first)) =
        (0..shards.len()).map(|at| (Reverse(time_of(&shards[at])), Reverse(at))).max()?;
    Some(first)
}

/// The events of one shard.
struct ShardEvents {
    replay: ShardReplay,
    reader: EventReader,
    /// Those of one record that are left.
    events: VecDeque<Event>,
}

impl ShardEvents {
    fn open(path: &Path, filter: Filter, bar: &ProgressBar) -> Result<Self> {
        let replay = ShardReplay::open(path)?;
        bar.inc_length(replay.bytes_expected());
        let history = replay.start().stamp.as_ref().map_or(1, |stamp| stamp.machine.history);
        let reader = EventReader::new(filter, history);
        Ok(Self { replay, reader, events: VecDeque::new() })
    }

    /// Reads on to the next record with events; false at the end.
    fn fill(&mut self, bar: &ProgressBar) -> Result<bool> {
        while self.events.is_empty() {
            let is_over = self.replay.advance(u64::MAX)?.is_none();
            if is_over || self.replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
                bar.inc(self.replay.take_bytes());
            }
            if is_over {
                return Ok(false);
            }
            let (time_ns, outcomes) = (self.replay.time_ns(), self.replay.outcomes());
            let book = self.replay.state().machine();
            let account = |share: &allot_allocation_rules::Share| *book.account(share.account);
            let events = &mut self.events;
            self.reader.read(time_ns, outcomes, account, |event| events.push_back(event));
        }
        Ok(true)
    }
}
