//! A backlog: what is due to one subscriber, in order.
//!
//! ```text
//!   ┌ written in part ┐
//!   │ event           │ state a │ event │ state b │   ◄── a later value of b takes this place
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;

use super::publication::Publication;
use crate::limits::PUBLICATION_ENTRY_BYTES;

/// Publications that one subscriber has not taken.
#[derive(Default)]
pub(super) struct Backlog {
    queue: VecDeque<Arc<Publication>>,
    /// The number of the first; the others follow.
    first: u64,
    /// The number of the state of each topic that has one here, by topic.
    states: BTreeMap<Box<[u8]>, u64>,
    /// What they take, had nobody else them.
    bytes: usize,
    /// That of the events among them.
    event_bytes: usize,
    /// Bytes of the first that were written.
    written: usize,
}

fn weight(publication: &Publication) -> usize {
    publication.bytes().len() + PUBLICATION_ENTRY_BYTES
}

impl Backlog {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What they take, had nobody else them.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the events among them take: no later one takes their place.
    pub(super) const fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// Whether the first is written in part: nothing may come before its rest.
    pub(super) const fn is_amid(&self) -> bool {
        0 < self.written
    }

    /// Adds one. A state takes the place of the one of its topic, unless that has been begun.
    pub(super) fn add(&mut self, publication: &Arc<Publication>) {
        self.bytes += weight(publication);
        if publication.is_state {
            let next = self.first + count(self.queue.len());
            match self.states.get_mut(publication.topic()) {
                Some(number) if *number != self.first || self.written == 0 => {
                    let at = usize::try_from(*number - self.first).expect("an index");
                    let before = std::mem::replace(&mut self.queue[at], Arc::clone(publication));
                    self.bytes -= weight(&before);
                    return;
                }
                Some(number) => *number = next,
                None => drop(self.states.insert(publication.topic().into(), next)),
            }
        } else {
            self.event_bytes += weight(publication);
        }
        self.queue.push_back(Arc::clone(publication));
    }

    /// The bytes of as many as there are slices, or of the first alone; returns how many slices are
    /// filled.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let first = self.queue.iter().take(1).map(|one| &one.bytes()[self.written..]);
        let others = self.queue.iter().skip(1).map(|one| one.bytes());
        let mut filled = 0;
        for (slice, bytes) in slices.iter_mut().zip(first.chain(others)) {
            *slice = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    /// So many bytes are on their way.
    pub(super) fn take(&mut self, len: usize) {
        self.written += len;
        while let Some(first) = self.queue.front()
            && first.bytes().len() <= self.written
        {
            self.written -= first.bytes().len();
            self.take_first();
        }
        assert!(self.written == 0 || !self.queue.is_empty(), "what is taken was there");
    }

    /// Takes the first as a whole.
    pub(super) fn take_first(&mut self) -> Option<Arc<Publication>> {
        let first = self.queue.pop_front()?;
        if first.is_state && self.states.get(first.topic()) == Some(&self.first) {
            self.states.remove(first.topic());
        }
        self.first += 1;
        self.bytes -= weight(&first);
        if !first.is_state {
            self.event_bytes -= weight(&first);
        }
        if self.queue.is_empty() {
            // A long backlog must not be paid for once it is taken.
            self.queue = VecDeque::new();
        }
        Some(first)
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a length has 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiting_bytes::WaitingBytes;

    fn told(backlog: &mut Backlog) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(one) = backlog.take_first() {
            let [topic, sequence, _] = one.frames();
            let sequence = u64::from_be_bytes(sequence.try_into().unwrap());
            told.push(format!("{}{sequence}", str::from_utf8(topic).unwrap()));
        }
        told
    }

    fn add(backlog: &mut Backlog, topic: &str, sequence: u64, waiting: &WaitingBytes) {
        let is_state = topic.starts_with('s');
        backlog.add(&Publication::new(topic.as_bytes(), sequence, b"body", is_state, waiting));
    }

    #[test]
    fn the_latest_state_takes_the_place_of_the_one_that_waits() {
        let (mut backlog, waiting) = (Backlog::default(), WaitingBytes::default());
        for (topic, sequence) in [("s", 1), ("e", 1), ("sb", 1), ("s", 2), ("e", 2), ("s", 3)] {
            add(&mut backlog, topic, sequence, &waiting);
        }
        let bytes = backlog.bytes();
        add(&mut backlog, "s", 4, &waiting);
        assert_eq!((backlog.len(), backlog.bytes()), (4, bytes));
        let of_events: usize =
            backlog.queue.iter().filter(|one| !one.is_state).map(|one| weight(one)).sum();
        assert!(0 < of_events && of_events < bytes && of_events == backlog.event_bytes());
        assert_eq!(told(&mut backlog), ["s4", "e1", "sb1", "e2"]);
        assert_eq!((backlog.bytes(), backlog.event_bytes(), waiting.get()), (0, 0, 0));
        assert!(backlog.states.is_empty());
    }

    #[test]
    fn a_state_that_is_written_in_part_is_written_to_its_end() {
        let (mut backlog, waiting) = (Backlog::default(), WaitingBytes::default());
        add(&mut backlog, "s", 1, &waiting);
        let len = backlog.queue[0].bytes().len();
        backlog.take(3);
        for sequence in 2..5 {
            add(&mut backlog, "s", sequence, &waiting);
        }
        assert_eq!(backlog.len(), 2);
        backlog.take(len - 3);
        assert!(!backlog.is_amid());
        assert_eq!(told(&mut backlog), ["s4"]);
        assert!(backlog.states.is_empty());
    }

    #[test]
    fn bytes_are_taken_over_the_ends_of_publications() {
        let (mut backlog, waiting) = (Backlog::default(), WaitingBytes::default());
        (0..3).for_each(|sequence| add(&mut backlog, "e", sequence, &waiting));
        let len = backlog.queue[0].bytes().len();
        backlog.take(len + 2);
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(backlog.slices(&mut slices), 2);
        assert_eq!((slices[0].len(), slices[1].len()), (len - 2, len));
        assert_eq!(backlog.slices(&mut slices[..1]), 1);
        backlog.take(2 * len - 2);
        assert!(backlog.is_empty() && !backlog.is_amid());
        assert_eq!(waiting.get(), 0);
    }
}
