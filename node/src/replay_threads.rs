//! Replay threads: the journals of shards, each replayed on a thread of its own, so that whoever
//! merges them by time and writes them has what is next at hand.
//!
//! ```text
//!   journal ═► machine ═► blocks of items ─┐
//!   journal ═► machine ═► blocks of items ─┴─► by time ─► out, on the caller's thread
//! ```
//!
//! Two threads make what one takes: what can be done with an item alone, such as its text, is best
//! done here.

use std::collections::VecDeque;
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use allot_runtime::{Agent, Clock, Nanos, Running, ThreadGroup, Threads, WaitStrategy, Waker};
use anyhow::{Context, Result};

/// Blocks of a shard that wait to be written; beyond it the replay waits.
const BLOCKS_MAX: usize = 8;

/// Records of one turn of a thread: it may be stopped between two turns.
const RECORDS_PER_TURN: usize = 8_192;

/// The journal of a shard.
pub(crate) trait Replayed: Send + 'static {
    /// What is made of its records.
    type Item: Send;

    /// Items of a block, and a few more: each is some hundred bytes, unless this says fewer.
    const BLOCK_LEN: usize = 512;

    /// Adds what the next record brings, if anything; false at the end, which may bring something
    /// too.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn read(&mut self, items: &mut VecDeque<Self::Item>) -> Result<bool>;
}

/// A journal that its thread opens: that reads all of it once.
enum Opening<F, R> {
    Closed(F),
    Open(R),
    Failed,
}

impl<R: Replayed, F: FnOnce() -> Result<R> + Send + 'static> Replayed for Opening<F, R> {
    type Item = R::Item;

    const BLOCK_LEN: usize = R::BLOCK_LEN;

    fn read(&mut self, items: &mut VecDeque<R::Item>) -> Result<bool> {
        if let Self::Open(journal) = self {
            return journal.read(items);
        }
        let Self::Closed(open) = mem::replace(self, Self::Failed) else { return Ok(false) };
        *self = Self::Open(open()?);
        Ok(true)
    }
}

/// Items, or none at the end of the journal.
type Block<T> = Result<Option<VecDeque<T>>>;

/// Threads at work.
pub(crate) struct ReplayThreads<T> {
    shards: Vec<(Receiver<Block<T>>, Waker)>,
    running: Running,
}

/// The journal of one shard on its thread.
struct Replay<R: Replayed> {
    journal: R,
    items: VecDeque<R::Item>,
    blocks: SyncSender<Block<R::Item>>,
    /// What there was no room for.
    next: Option<Block<R::Item>>,
    /// Whether the journal was read to its end.
    is_read: bool,
    /// Whether its end was handed over, or nobody takes it any more.
    is_over: bool,
}

impl<T: Send + 'static> ReplayThreads<T> {
    /// Starts a thread for each shard.
    pub(crate) fn start<R: Replayed<Item = T>>(journals: Vec<R>) -> Result<Self> {
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let mut shards = Vec::new();
        for journal in journals {
            let (blocks, taken) = sync_channel(BLOCKS_MAX);
            let slot = group.blocking_thread("replay")?;
            shards.push((taken, slot.waker().clone()));
            let (items, next) = (VecDeque::new(), None);
            let replay = Replay { journal, items, blocks, next, is_read: false, is_over: false };
            group.add(&slot, Box::new(replay));
        }
        Ok(Self { shards, running: group.start()? })
    }

    /// Starts a thread for each shard, which opens its journal.
    pub(crate) fn open<R, F>(journals: impl IntoIterator<Item = F>) -> Result<Self>
    where
        R: Replayed<Item = T>,
        F: FnOnce() -> Result<R> + Send + 'static,
    {
        Self::start(journals.into_iter().map(Opening::Closed).collect())
    }

    /// Gives the next items of a shard, once there are some; false at the end of its journal.
    pub(crate) fn read(&mut self, shard: usize, queue: &mut VecDeque<T>) -> Result<bool> {
        let (blocks, waker) = &self.shards[shard];
        let block = blocks.recv().context("the replay of a journal ended before the journal")??;
        waker.wake();
        let is_more = block.is_some();
        *queue = block.unwrap_or_default();
        Ok(is_more)
    }

    /// Ends the threads.
    pub(crate) fn end(self) -> Result<()> {
        self.running.stop();
        Ok(self.running.join()?)
    }
}

impl<R: Replayed> Replay<R> {
    /// Reads on; a block, once there is one.
    fn read(&mut self) -> Option<Block<R::Item>> {
        for _ in 0..RECORDS_PER_TURN {
            if self.is_read || R::BLOCK_LEN <= self.items.len() {
                break;
            }
            match self.journal.read(&mut self.items) {
                Ok(is_more) => self.is_read = !is_more,
                Err(error) => return Some(Err(error)),
            }
        }
        if self.is_read || R::BLOCK_LEN <= self.items.len() {
            let items = mem::replace(&mut self.items, VecDeque::with_capacity(R::BLOCK_LEN));
            return Some(Ok((!items.is_empty()).then_some(items)));
        }
        None
    }
}

impl<R: Replayed> Agent for Replay<R> {
    fn role(&self) -> &'static str {
        "replay"
    }

    fn do_work(&mut self, _: Nanos) -> usize {
        let block = match self.next.take() {
            Some(block) => block,
            None if self.is_over => return 0,
            None => match self.read() {
                Some(block) => block,
                None => return 1,
            },
        };
        let is_last = !matches!(block, Ok(Some(_)));
        match self.blocks.try_send(block) {
            Ok(()) => {
                self.is_over |= is_last;
                1
            }
            // Its taker wakes this thread.
            Err(TrySendError::Full(block)) => {
                self.next = Some(block);
                0
            }
            Err(TrySendError::Disconnected(_)) => {
                self.is_over = true;
                0
            }
        }
    }
}
