//! Heap: a fill allocates nothing on the thread of a shard, once the shard is warm.

use allot_journal::SimDisk;

use crate::rig::{Rig, fills, split};

/// Fills of one frame.
const FILLS: u64 = 32;

fn assert_allocates_nothing(mut rig: Rig) {
    rig.send(&[split(1, 4)]);
    rig.settle();
    let mut allocations = 0;
    for turn in 0..400 {
        rig.send(&fills(1 + turn * FILLS, FILLS));
        let spent = rig.settle();
        if 200 <= turn {
            allocations += spent;
        }
    }
    assert_eq!(allocations, 0, "in {} fills", 200 * FILLS);
    assert_eq!(rig.shard.journal().durable(), rig.sent);
}

#[test]
fn a_fill_in_memory_allocates_nothing() {
    assert_allocates_nothing(Rig::without_journal());
}

#[test]
fn a_fill_in_a_journal_allocates_nothing() {
    assert_allocates_nothing(Rig::on(&SimDisk::new(1)));
}
