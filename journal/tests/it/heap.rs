//! Heap use: none on the shard's side of a journal, once its buffers exist.

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use allot_journal::{Journal, JournalConfig, Recovery, SEGMENT_BYTES_REAL_MIN, SimDisk, Wakers};
use allot_runtime::{Agent, Nanos, Waker};

/// Counts what the act allocates in the parts that it passes to `count`.
fn assert_allocates_nothing(mut act: impl FnMut(&mut dyn FnMut(&mut dyn FnMut()))) {
    let mut total = AllocationInfo::default();
    let mut count = |part: &mut dyn FnMut()| {
        let info = measure(part);
        total.count_total += info.count_total;
    };
    for _ in 0..900 {
        act(&mut |part: &mut dyn FnMut()| part());
    }
    for _ in 0..300 {
        act(&mut count);
    }
    assert_eq!(total.count_total, 0);
}

/// One turn of a shard: `records` records if there is room, one reply, one submit.
fn turn(journal: &mut Journal, records: usize, reply: &mut Vec<u8>) {
    journal.poll().unwrap();
    if journal.has_room() {
        for record in 0..records {
            journal.append(1, 2, 0, &[7; 300][..record % 300]);
        }
    }
    journal.submit();
    let sealed = journal.seal(std::mem::take(reply));
    *reply = journal.unseal(sealed).unwrap_or_else(|_| Vec::new());
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(Vec::<u8>::with_capacity(100))).count_total, 1);
}

#[test]
fn the_shards_end_allocates_nothing_even_while_the_committer_is_behind() {
    let mut config = JournalConfig::new("0", "");
    config.segment_bytes = 8 * SEGMENT_BYTES_REAL_MIN;
    let mut recovery = Recovery::open(Arc::new(SimDisk::new(1)), config).unwrap();
    assert!(recovery.next().unwrap().is_none());
    let silent = Waker::silent();
    let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
    let (mut journal, mut committer, mut checkpointer) = recovery.finish(wakers).unwrap();
    let (mut turns, mut refused, mut reply) = (0_usize, 0, Vec::new());
    assert_allocates_nothing(|count| {
        turns += 1;
        // From one record to several frames' worth, and the committer comes so rarely that the
        // link is full long before.
        let records = 1 + turns * 37 % 500;
        count(&mut || turn(&mut journal, records, &mut reply));
        refused += u64::from(!journal.has_room());
        if turns.is_multiple_of(100) {
            while 0 < committer.do_work(Nanos::ZERO) + checkpointer.do_work(Nanos::ZERO) {
                journal.submit();
            }
        }
    });
    journal.poll().unwrap();
    assert_eq!(turns, 1_200);
    assert!(10 < refused, "there was no room {refused} times");
    assert_eq!(journal.durable(), journal.appended());
}
