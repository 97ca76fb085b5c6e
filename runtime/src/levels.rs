//! Levels: how much there is now of what a box keeps, as the box said last.
//!
//! A counter only grows; a level goes up and down. One thread writes a level, any thread reads it,
//! and neither waits for the other.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::limits::SUBSCRIBERS_TOLD;

/// The levels of one box. What it does not keep was never opened.
#[derive(Default)]
pub struct Levels {
    queues: OnceLock<Box<[AtomicU64]>>,
    subscribers: OnceLock<Box<SubscriberLevels>>,
    journal: OnceLock<Box<JournalLevels>>,
}

/// How far a journal is, as the numbers of its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JournalNow {
    /// The last record that was appended.
    pub appended: u64,
    /// The last record that is on disk.
    pub durable: u64,
}

#[derive(Default)]
struct JournalLevels {
    appended: AtomicU64,
    durable: AtomicU64,
}

/// A subscriber, and what was published for it that it has not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubscriberLevel {
    /// Its address; none where it is a process of this machine over `ipc://`.
    pub peer: Option<SocketAddr>,
    /// Bytes that wait for it.
    pub pending_bytes: u64,
}

/// What is known of subscribers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubscribersNow {
    /// Connections.
    pub count: u64,
    /// Bytes of publications that are kept because somebody has not taken them; what is due to
    /// several counts once.
    pub waiting_bytes: u64,
    /// Those for whom most waits, the first of them most; at most [`SUBSCRIBERS_TOLD`].
    pub most_pending: Vec<SubscriberLevel>,
}

/// Several values that belong together: the version is odd while they are written.
#[derive(Default)]
pub(crate) struct SubscriberLevels {
    version: AtomicU64,
    count: AtomicU64,
    waiting_bytes: AtomicU64,
    told: AtomicU64,
    slots: [Slot; SUBSCRIBERS_TOLD],
}

/// One subscriber.
#[derive(Default)]
struct Slot {
    /// An address of IPv6; one of IPv4 is mapped.
    address: [AtomicU64; 2],
    /// Zero where there is no address.
    port: AtomicU64,
    pending_bytes: AtomicU64,
}

impl Levels {
    /// The box has so many queues from now on.
    pub fn open_queues(&self, count: usize) {
        self.queues.get_or_init(|| (0..count).map(|_| AtomicU64::new(0)).collect());
    }

    /// How much is in a queue.
    pub fn set_queue(&self, place: usize, depth: u64) {
        if let Some(queue) = self.queues.get().and_then(|queues| queues.get(place)) {
            queue.store(depth, Ordering::Relaxed);
        }
    }

    /// How much was in each queue; empty for a box without any.
    #[must_use]
    pub fn queues(&self) -> Vec<u64> {
        let queues = self.queues.get().into_iter().flatten();
        queues.map(|queue| queue.load(Ordering::Relaxed)).collect()
    }

    /// The box keeps a journal from now on.
    pub fn open_journal(&self) {
        self.journal.get_or_init(Box::default);
    }

    /// How far the journal is. There is one writer.
    #[inline]
    pub fn set_journal(&self, now: JournalNow) {
        if let Some(journal) = self.journal.get() {
            journal.appended.store(now.appended, Ordering::Relaxed);
            // Whoever sees what is durable sees that it was appended.
            journal.durable.store(now.durable, Ordering::Release);
        }
    }

    /// How far the journal was; none for a box without one.
    #[must_use]
    pub fn journal(&self) -> Option<JournalNow> {
        let journal = self.journal.get()?;
        let durable = journal.durable.load(Ordering::Acquire);
        Some(JournalNow { appended: journal.appended.load(Ordering::Relaxed), durable })
    }

    /// The box has subscribers from now on.
    pub(crate) fn open_subscribers(&self) {
        self.subscribers.get_or_init(Box::default);
    }

    /// Where it says what waits for them.
    pub(crate) fn subscriber_levels(&self) -> Option<&SubscriberLevels> {
        self.subscribers.get().map(AsRef::as_ref)
    }

    /// What waits for subscribers; none for a box without any.
    #[must_use]
    pub fn subscribers(&self) -> Option<SubscribersNow> {
        self.subscriber_levels().map(SubscriberLevels::read)
    }
}

impl SubscriberLevels {
    /// Says how it is now. There is one writer.
    pub(crate) fn write(&self, count: usize, waiting_bytes: usize, most: &[SubscriberLevel]) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.count.store(count as u64, Ordering::Relaxed);
        self.waiting_bytes.store(waiting_bytes as u64, Ordering::Relaxed);
        let told = most.len().min(SUBSCRIBERS_TOLD);
        self.told.store(told as u64, Ordering::Relaxed);
        self.slots.iter().zip(most).for_each(|(slot, level)| slot.write(level));
        self.version.store(version + 2, Ordering::Release);
    }

    /// What was said last, whole.
    fn read(&self) -> SubscribersNow {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let told = usize::try_from(self.told.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
            let now = SubscribersNow {
                count: self.count.load(Ordering::Relaxed),
                waiting_bytes: self.waiting_bytes.load(Ordering::Relaxed),
                most_pending: self.slots.iter().take(told).map(Slot::read).collect(),
            };
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && before == self.version.load(Ordering::Relaxed) {
                return now;
            }
            std::hint::spin_loop();
        }
    }
}

impl Slot {
    fn write(&self, level: &SubscriberLevel) {
        let (address, port) = match level.peer {
            Some(peer) => (mapped(peer.ip()), peer.port()),
            None => (Ipv6Addr::UNSPECIFIED, 0),
        };
        let bits = address.to_bits();
        let low = u64::try_from(bits & u128::from(u64::MAX)).expect("the mask has 64 bits");
        let high = u64::try_from(bits >> 64).expect("64 bits are left");
        self.address[0].store(high, Ordering::Relaxed);
        self.address[1].store(low, Ordering::Relaxed);
        self.port.store(port.into(), Ordering::Relaxed);
        self.pending_bytes.store(level.pending_bytes, Ordering::Relaxed);
    }

    fn read(&self) -> SubscriberLevel {
        let [high, low] = [0, 1].map(|half| u128::from(self.address[half].load(Ordering::Relaxed)));
        let address = IpAddr::V6(Ipv6Addr::from_bits(high << 64 | low)).to_canonical();
        let port = u16::try_from(self.port.load(Ordering::Relaxed)).unwrap_or(0);
        SubscriberLevel {
            peer: (port != 0).then(|| SocketAddr::new(address, port)),
            pending_bytes: self.pending_bytes.load(Ordering::Relaxed),
        }
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// The subscribers for whom most waits, kept in order without any memory but this.
pub(crate) struct MostPending<T> {
    found: [(u64, Option<T>); SUBSCRIBERS_TOLD],
}

impl<T: Copy> MostPending<T> {
    pub(crate) const fn new() -> Self {
        Self { found: [(0, None); SUBSCRIBERS_TOLD] }
    }

    /// One of them.
    pub(crate) fn add(&mut self, pending: u64, who: T) {
        let is_less = |(known, place): &(u64, Option<T>)| *known < pending || place.is_none();
        if let Some(place) = self.found.iter().position(is_less) {
            self.found[place..].rotate_right(1);
            self.found[place] = (pending, Some(who));
        }
    }

    /// The first of them has most.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, T)> + '_ {
        self.found.iter().filter_map(|(pending, who)| who.map(|who| (*pending, who)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(peer: Option<&str>, pending_bytes: u64) -> SubscriberLevel {
        SubscriberLevel { peer: peer.map(|peer| peer.parse().unwrap()), pending_bytes }
    }

    #[test]
    fn what_was_said_is_read() {
        let levels = Levels::default();
        assert_eq!((levels.queues(), levels.subscribers()), (vec![], None));
        levels.set_queue(0, 1);
        levels.open_queues(2);
        levels.set_queue(1, 7);
        levels.set_queue(2, 7);
        assert_eq!(levels.queues(), [0, 7]);
        assert_eq!(levels.journal(), None);
        levels.open_journal();
        levels.set_journal(JournalNow { appended: 9, durable: 7 });
        assert_eq!(levels.journal(), Some(JournalNow { appended: 9, durable: 7 }));
        levels.open_subscribers();
        let told = [level(Some("127.0.0.1:5000"), 9), level(Some("[::2]:1"), 3), level(None, 0)];
        levels.subscriber_levels().unwrap().write(5, 77, &told);
        let now = levels.subscribers().unwrap();
        assert_eq!((now.count, now.waiting_bytes, &now.most_pending[..]), (5, 77, &told[..]));
        levels.subscriber_levels().unwrap().write(0, 0, &[]);
        assert_eq!(levels.subscribers(), Some(SubscribersNow::default()));
    }

    #[test]
    fn those_with_most_are_kept_in_order() {
        let mut most = MostPending::new();
        for pending in 0..100 {
            most.add(pending * 7 % 100, pending);
        }
        let kept: Vec<_> = most.iter().map(|(pending, _)| pending).collect();
        let expected: Vec<_> = (0..100).rev().take(SUBSCRIBERS_TOLD).collect();
        assert_eq!(kept, expected);
    }
}
