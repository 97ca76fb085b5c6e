//! Trader process: the trader, its journal, and what waits until the journal is durable.

use std::collections::VecDeque;

use allot_signals_rules::{Record, Trader, TraderEffect};

use super::process::Process;

/// The trader and its journal. What was written and not synced is lost with the process.
pub(super) struct TraderProcess {
    pub(super) process: Process<Trader>,
    /// What is on disk.
    pub(super) durable: Vec<Record>,
    /// What was written, in order.
    written: VecDeque<Record>,
    /// How many records were ever written, and how many of them are durable.
    written_count: u64,
    durable_count: u64,
    /// Effects, each with how many records must be durable before it.
    waiting: VecDeque<(u64, TraderEffect)>,
}

impl TraderProcess {
    pub(super) fn new() -> Self {
        Self {
            process: Process::new(),
            durable: Vec::new(),
            written: VecDeque::new(),
            written_count: 0,
            durable_count: 0,
            waiting: VecDeque::new(),
        }
    }

    /// The process ends, and what was not durable is gone.
    pub(super) fn kill(&mut self) {
        self.process.machine = None;
        self.written.clear();
        self.waiting.clear();
        self.written_count = self.durable_count;
    }

    /// Takes an effect. True if it was a record: a sync is due, of all that was written so far.
    pub(super) fn hold(&mut self, effect: TraderEffect) -> bool {
        if let TraderEffect::Record(record) = effect {
            self.written.push_back(record);
            self.written_count += 1;
            return true;
        }
        self.waiting.push_back((self.written_count, effect));
        false
    }

    /// How many records were written.
    pub(super) const fn written_count(&self) -> u64 {
        self.written_count
    }

    /// A sync of so many records has ended.
    pub(super) fn synced(&mut self, through: u64, keeps: impl Fn(&Record) -> bool) {
        while self.durable_count < through
            && let Some(record) = self.written.pop_front()
        {
            self.durable_count += 1;
            if keeps(&record) {
                self.durable.push(record);
            }
        }
    }

    /// The next effect that may leave.
    pub(super) fn next_released(&mut self, waits: bool) -> Option<TraderEffect> {
        let (needed, _) = self.waiting.front()?;
        if waits && self.durable_count < *needed {
            return None;
        }
        self.waiting.pop_front().map(|(_, effect)| effect)
    }
}
