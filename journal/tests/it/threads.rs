//! The three ends on threads of their own, asleep whenever there is nothing to do.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use allot_journal::{Folder, Journal, Wakers};
use allot_runtime::{Agent, Clock, Crew, Nanos, Threads, WaitStrategy};

use crate::rig::{config, read, state_of};

/// How many records are appended.
const RECORDS: usize = 400;
/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shard that appends a record when the one before is durable, and keeps snapshots.
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
        let heard = self.journal.poll().unwrap();
        let may_go_on = self.journal.durable() == self.journal.appended();
        if !may_go_on || self.payloads.len() == RECORDS {
            return heard;
        }
        let payload = vec![7; self.payloads.len() % 900];
        self.journal.append(0, 0, &payload);
        self.payloads.push(payload);
        if self.journal.snapshot_is_due() {
            let state = state_of(&self.payloads);
            self.journal.store_snapshot(|snapshot| snapshot.extend(state));
        }
        self.journal.submit();
        if self.payloads.len() == RECORDS {
            self.done.send(()).unwrap();
        }
        heard + 1
    }
}

#[test]
fn every_wake_up_arrives_whoever_shares_a_thread() {
    for threads in [Threads::Dedicated, Threads::Shared] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config();
        config.snapshot_every_bytes = 20_000;
        let media = Arc::new(Folder::open(folder.path()).unwrap());
        let recovery = read(media, config.clone()).unwrap().0;
        let mut crew = Crew::new(Clock::system(), WaitStrategy::Block, threads);
        let posts = ["shard", "journal", "checkpointer"].map(|name| crew.thread(name).unwrap());
        let [shard, committer, checkpointer] = posts.each_ref().map(|post| post.waker());
        let (journal, committer, checkpointer) =
            recovery.finish(Wakers { shard, committer, checkpointer }).unwrap();
        let (done, end) = channel();
        crew.add(&posts[0], Box::new(Patient { journal, payloads: Vec::new(), done }));
        crew.add(&posts[1], Box::new(committer));
        crew.add(&posts[2], Box::new(checkpointer));
        let running = crew.start().unwrap();
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
