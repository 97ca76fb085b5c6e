//! By time: the entries of several shards as one sequence.

use std::collections::VecDeque;

use super::entry::Entry;

/// Merges the entries of shards by their times; of equal ones those of the lower shard come first.
/// What went to all shards is one entry, though each has it.
pub struct ByTime {
    queues: Vec<Queue>,
    /// What went to all shards at the last time, and was given out already.
    shared: Vec<Entry>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    is_over: bool,
}

impl ByTime {
    /// For so many shards.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        let queues = (0..shards).map(|_| Queue::default()).collect();
        Self { queues, shared: Vec::new() }
    }

    /// The next entry; none where all shards are at their ends. `more` is asked for the next
    /// entries of a shard that has none left, in the order of their times, and says false at the
    /// end of the shard.
    ///
    /// # Errors
    /// Those of `more`.
    ///
    /// # Panics
    /// Never: the earliest entry is one that is there.
    pub fn next<E>(
        &mut self,
        mut more: impl FnMut(usize, &mut VecDeque<Entry>) -> Result<bool, E>,
    ) -> Result<Option<Entry>, E> {
        loop {
            for (shard, queue) in self.queues.iter_mut().enumerate() {
                while queue.entries.is_empty() && !queue.is_over {
                    queue.is_over = !more(shard, &mut queue.entries)?;
                }
            }
            let first = |queue: &Queue| queue.entries.front().map(|entry| entry.at_ns);
            let Some(earliest) = self.queues.iter().filter_map(first).min() else {
                return Ok(None);
            };
            let next = self.queues.iter_mut().find(|queue| first(queue) == Some(earliest));
            let entry = next.and_then(|queue| queue.entries.pop_front());
            let entry = entry.expect("the earliest is the first of a queue");
            if !self.was_given_out(&entry) {
                return Ok(Some(entry));
            }
        }
    }

    /// Whether another shard gave this entry out; remembers those that others may have too.
    fn was_given_out(&mut self, entry: &Entry) -> bool {
        self.shared.retain(|shared| shared.at_ns == entry.at_ns);
        if !entry.is_of_all_shards() {
            return false;
        }
        let is_same = |shared: &Entry| shared.event == entry.event && shared.shard != entry.shard;
        let is_known = self.shared.iter().any(is_same);
        if !is_known {
            self.shared.push(entry.clone());
        }
        is_known
    }
}
