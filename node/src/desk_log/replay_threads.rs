//! Replay threads: the journals of shards, each replayed on a thread of its own, so that whoever
//! writes the log has the entries at hand.
//!
//! ```text
//!   journal ═► machine ═► blocks of entries ─┐
//!   journal ═► machine ═► blocks of entries ─┴─► by time ─► XML, on the caller's thread
//! ```

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use allot_desk_service::log::Entry;
use allot_runtime::{Agent, Clock, Nanos, Running, ThreadGroup, Threads, WaitStrategy, Waker};
use anyhow::{Context, Result};

use super::shard_log::ShardLog;

/// Entries of a block, and a few more: each is about 150 bytes.
const BLOCK_LEN: usize = 512;

/// Blocks of a shard that wait to be written; beyond it the replay waits.
const BLOCKS_MAX: usize = 8;

/// Entries, or none at the end of the journal.
type Block = Result<Option<VecDeque<Entry>>>;

/// Threads at work.
pub(crate) struct ReplayThreads {
    shards: Vec<(Receiver<Block>, Waker)>,
    running: Running,
}

/// The journal of one shard on its thread.
struct Replay {
    log: ShardLog,
    blocks: SyncSender<Block>,
    /// What there was no room for.
    next: Option<Block>,
    /// Whether its end was handed over, or nobody takes it any more.
    is_over: bool,
}

impl ReplayThreads {
    /// Starts a thread for each shard.
    pub(crate) fn start(logs: Vec<ShardLog>) -> Result<Self> {
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let mut shards = Vec::new();
        for log in logs {
            let (blocks, taken) = sync_channel(BLOCKS_MAX);
            let slot = group.blocking_thread("replay")?;
            shards.push((taken, slot.waker().clone()));
            group.add(&slot, Box::new(Replay { log, blocks, next: None, is_over: false }));
        }
        Ok(Self { shards, running: group.start()? })
    }

    /// Gives the next entries of a shard, once there are some; false at the end of its journal.
    pub(crate) fn read(&mut self, shard: usize, queue: &mut VecDeque<Entry>) -> Result<bool> {
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

impl Replay {
    fn read(&mut self) -> Block {
        let mut block = VecDeque::with_capacity(BLOCK_LEN);
        while block.len() < BLOCK_LEN && self.log.read(&mut block)? {}
        Ok((!block.is_empty()).then_some(block))
    }
}

impl Agent for Replay {
    fn role(&self) -> &'static str {
        "replay"
    }

    fn do_work(&mut self, _: Nanos) -> usize {
        let block = match self.next.take() {
            Some(block) => block,
            None if self.is_over => return 0,
            None => self.read(),
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
