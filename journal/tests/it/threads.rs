//! The three ends on threads of their own, asleep while there is nothing to do.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use allot_journal::{Folder, Journal, Wakers};
use allot_runtime::{Agent, Clock, Nanos, ThreadGroup, Threads, WaitStrategy};

use crate::rig::{config, read, state_of};

/// Number of records to append.
const RECORDS: usize = 400;
/// The longest time to wait for the end of the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shard that appends a record once the one before is durable, and stores snapshots.
struct Patient {
    journal: Journal,
    payloads: Vec<Vec<u8>>,
    done: Sender<()>,
}

impl Agent for Patient {
    fn role(&self) -> &str {
        "patient"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let received = self.journal.poll().unwrap();
        let is_durable = self.journal.durable() == self.journal.appended();
        if !is_durable || self.payloads.len() == RECORDS {
            return received;
        }
        let payload = vec![7; self.payloads.len() % 900];
        self.journal.append(0, 0, 0, &payload);
        self.payloads.push(payload);
        if self.journal.snapshot_is_due() {
            let state = state_of(&self.payloads);
            self.journal.store_snapshot(|snapshot| snapshot.extend(state));
        }
        // By turns on this thread, unless a snapshot is under way, and on the committer's.
        if self.payloads.len().is_multiple_of(3) {
            self.journal.submit();
        } else {
            self.journal.commit();
        }
        if self.payloads.len() == RECORDS {
            self.done.send(()).unwrap();
        }
        received + 1
    }
}

#[test]
fn every_wake_up_arrives_on_dedicated_and_on_shared_threads() {
    for threads in [Threads::Dedicated, Threads::Shared] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config();
        config.snapshot_every_bytes = 20_000;
        let media = Arc::new(Folder::open(folder.path()).unwrap());
        let recovery = read(media, config.clone()).unwrap().0;
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, threads);
        let slots = ["shard", "journal", "checkpointer"].map(|name| group.thread(name).unwrap());
        let [shard, committer, checkpointer] = slots.each_ref().map(|slot| slot.waker());
        let (journal, committer, checkpointer) =
            recovery.finish(Wakers { shard, committer, checkpointer }).unwrap();
        let (done, end) = channel();
        group.add(&slots[0], Box::new(Patient { journal, payloads: Vec::new(), done }));
        group.add(&slots[1], Box::new(committer));
        group.add(&slots[2], Box::new(checkpointer));
        let running = group.start().unwrap();
        end.recv_timeout(PATIENCE).unwrap();
        running.stop();
        running.join().unwrap();

        let media = Arc::new(Folder::open(folder.path()).unwrap());
        let (_, found) = read(media, config).unwrap();
        // The last may have been appended when the committer had already stopped.
        let count = found.payloads().len();
        assert!((RECORDS - 1..=RECORDS).contains(&count), "{count}");
        assert!(found.snapshot.is_some());
    }
}
