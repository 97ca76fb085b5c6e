//! A journal history: the events of all shards of a data directory, in order of time.
//!
//! The thread that replays a shard writes the text of its events; so the caller's thread only puts
//! the texts in order.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::mem;
use std::path::Path;

use allot_allocation_rules::Share;
use allot_domain::Step;
use anyhow::Result;
use indicatif::ProgressBar;

use crate::history_event::{Event, EventReader, Filter};
use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::replay_threads::{ReplayThreads, Replayed};
use crate::shard_dirs;
use crate::shard_replay::{Logged, ShardReplay};

/// Bytes of a text, and those of one event more.
const TEXT_BYTES: usize = 64 << 10;

/// Calls `take` with the texts of the events that are asked for, oldest first, of one or more at a
/// time. `write` adds the text of an event, on the threads of the shards.
///
/// # Errors
/// When a journal cannot be read, or `take` fails.
pub(crate) fn read(
    data: &Path,
    filter: &Filter,
    write: impl Fn(&Event, &mut Vec<u8>) + Clone + Send + 'static,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let bar = reading_bar();
    let directories = shard_dirs::find_to_sum_up(data)?;
    let mut threads = ReplayThreads::open(directories.iter().map(|path| {
        let (path, filter, write, bar) = (path.clone(), filter.clone(), write.clone(), bar.clone());
        move || ShardEvents::open(&path, filter, write, bar)
    }))?;
    // On a terminal the texts, or the pager that shows them, take the place of the bar.
    let mut shows_texts = io::stdout().is_terminal();
    let shown = bar.clone();
    let merged = merge(&mut threads, directories.len(), |texts| {
        if mem::take(&mut shows_texts) {
            shown.finish_and_clear();
        }
        take(texts)
    });
    let ended = threads.end();
    bar.finish_and_clear();
    merged.and(ended)
}

/// Takes the texts of so many shards in order of time, those of the first shard first.
fn merge(
    threads: &mut ReplayThreads<Texts>,
    shards: usize,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut queues = Vec::new();
    for shard in 0..shards {
        let mut queue = Queue { shard, texts: VecDeque::new(), begin: 0 };
        if queue.fill(threads)? {
            queues.push(queue);
        }
    }
    let time_of = |(at, queue): (usize, &Queue)| Some((queue.time_ns()?, at));
    while let Some((_, first)) = queues.iter().enumerate().filter_map(time_of).min() {
        let others = queues.iter().enumerate().filter(|(at, _)| *at != first);
        let next = others.filter_map(time_of).min();
        let is_first = |time_ns| next.is_none_or(|next| (time_ns, first) < next);
        take(queues[first].take_while(is_first))?;
        if queues[first].time_ns().is_none() && !queues[first].fill(threads)? {
            queues.remove(first);
        }
    }
    Ok(())
}

/// The texts of some events of a shard, one behind the other.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    /// The time of each event, and where its text ends.
    ends: VecDeque<(u64, usize)>,
}

/// What is next of a shard.
struct Queue {
    shard: usize,
    /// One at the most.
    texts: VecDeque<Texts>,
    /// Where the text of the next event begins.
    begin: usize,
}

impl Queue {
    /// Waits for the next events; false at the end of the journal.
    fn fill(&mut self, threads: &mut ReplayThreads<Texts>) -> Result<bool> {
        self.begin = 0;
        threads.read(self.shard, &mut self.texts)
    }

    /// The time of the next event; none where they are to be waited for.
    fn time_ns(&self) -> Option<u64> {
        self.texts.front()?.ends.front().map(|(time_ns, _)| *time_ns)
    }

    /// Takes the text of the next events while their times are so.
    fn take_while(&mut self, is_so: impl Fn(u64) -> bool) -> &[u8] {
        let Some(Texts { bytes, ends }) = self.texts.front_mut() else { return &[] };
        let begin = self.begin;
        while let Some((_, end)) = ends.pop_front_if(|(time_ns, _)| is_so(*time_ns)) {
            self.begin = end;
        }
        &bytes[begin..self.begin]
    }
}

/// The events of one shard.
struct ShardEvents<W> {
    replay: ShardReplay,
    reader: EventReader,
    write: W,
    /// The input that is not applied whole.
    pending: Option<Logged>,
    /// Those that are not handed over yet.
    texts: Texts,
    bar: ProgressBar,
}

impl<W> ShardEvents<W> {
    fn open(path: &Path, filter: Filter, write: W, bar: ProgressBar) -> Result<Self> {
        let replay = ShardReplay::open(path)?;
        bar.inc_length(replay.bytes_expected());
        let history = replay.start().stamp.as_ref().map_or(1, |stamp| stamp.machine.history);
        let reader = EventReader::new(filter, history);
        let (pending, texts) = (None, Texts::default());
        Ok(Self { replay, reader, write, pending, texts, bar })
    }
}

impl<W: Fn(&Event, &mut Vec<u8>)> ShardEvents<W> {
    /// Applies the next input, or goes on with one; false at the end of the journal.
    fn advance(&mut self) -> Result<bool> {
        let Self { replay, reader, write, pending, texts, .. } = self;
        let step = if let Some(logged) = pending {
            replay.resume(logged)
        } else {
            *pending = replay.next(u64::MAX)?;
            let Some(logged) = pending else { return Ok(false) };
            replay.apply(logged)
        };
        if step != Step::Pending {
            *pending = None;
        }
        let book = replay.state().machine();
        let account = |share: &Share| *book.account(share.account);
        reader.read(replay.time_ns(), replay.outcomes(), account, |event| {
            write(event, &mut texts.bytes);
            texts.ends.push_back((event.time_ns, texts.bytes.len()));
        });
        Ok(true)
    }
}

impl<W: Fn(&Event, &mut Vec<u8>) + Send + 'static> Replayed for ShardEvents<W> {
    type Item = Texts;

    const BLOCK_LEN: usize = 1;

    fn read(&mut self, blocks: &mut VecDeque<Texts>) -> Result<bool> {
        let is_over = !self.advance()?;
        if is_over || self.replay.index().get().is_multiple_of(RECORDS_PER_TICK) {
            self.bar.inc(self.replay.take_bytes());
        }
        let texts = &mut self.texts;
        if TEXT_BYTES <= texts.bytes.len() || is_over && !texts.ends.is_empty() {
            blocks.push_back(mem::take(texts));
        }
        Ok(!is_over)
    }
}
