//! A journal history: the events of all shards of a data directory, in order of time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::path::Path;

use allot_allocation_rules::Share;
use anyhow::Result;
use indicatif::ProgressBar;

use crate::history_event::{Event, EventReader, Filter};
use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::replay_threads::{ReplayThreads, Replayed};
use crate::shard_dirs;
use crate::shard_replay::ShardReplay;

/// Calls `take` with each event that is asked for, oldest first.
///
/// # Errors
/// When a journal cannot be read, or `take` fails.
pub(crate) fn read(
    data: &Path,
    filter: &Filter,
    take: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let bar = reading_bar();
    let directories = shard_dirs::find(data)?;
    let shards = directories.iter().map(|path| ShardEvents::open(path, filter.clone(), &bar));
    let mut threads = ReplayThreads::start(shards.collect::<Result<Vec<_>>>()?)?;
    let merged = merge(&mut threads, directories.len(), take);
    let ended = threads.end();
    bar.finish_and_clear();
    merged.and(ended)
}

/// Takes the events of so many shards in order of time.
fn merge(
    threads: &mut ReplayThreads<Event>,
    shards: usize,
    mut take: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let mut queues = Vec::new();
    for shard in 0..shards {
        let mut queue = VecDeque::new();
        if threads.read(shard, &mut queue)? {
            queues.push((shard, queue));
        }
    }
    while let Some(first) = first_of(&queues) {
        let (shard, queue) = &mut queues[first];
        if let Some(event) = queue.pop_front() {
            take(event)?;
        }
        if queue.is_empty() && !threads.read(*shard, queue)? {
            queues.remove(first);
        }
    }
    Ok(())
}

/// The queue whose next event is the oldest.
fn first_of(queues: &[(usize, VecDeque<Event>)]) -> Option<usize> {
    let time_of = |(_, queue): &(usize, VecDeque<Event>)| queue.front().map(|event| event.time_ns);
    let (_, Reverse(first)) =
        (0..queues.len()).map(|at| (Reverse(time_of(&queues[at])), Reverse(at))).max()?;
    Some(first)
}

/// The events of one shard.
struct ShardEvents {
    replay: ShardReplay,
    reader: EventReader,
    bar: ProgressBar,
}

impl ShardEvents {
    fn open(path: &Path, filter: Filter, bar: &ProgressBar) -> Result<Self> {
        let replay = ShardReplay::open(path)?;
        bar.inc_length(replay.bytes_expected());
        let history = replay.start().stamp.as_ref().map_or(1, |stamp| stamp.machine.history);
        let reader = EventReader::new(filter, history);
        Ok(Self { replay, reader, bar: bar.clone() })
    }
}

impl Replayed for ShardEvents {
    type Item = Event;

    fn read(&mut self, events: &mut VecDeque<Event>) -> Result<bool> {
        let is_over = self.replay.advance(u64::MAX)?.is_none();
        if is_over || self.replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
            self.bar.inc(self.replay.take_bytes());
        }
        if !is_over {
            let (time_ns, outcomes) = (self.replay.time_ns(), self.replay.outcomes());
            let book = self.replay.state().machine();
            let account = |share: &Share| *book.account(share.account);
            self.reader.read(time_ns, outcomes, account, |event| events.push_back(event));
        }
        Ok(!is_over)
    }
}
