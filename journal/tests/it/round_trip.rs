//! What was appended is read again, whatever its size and however it was batched.

use std::sync::Arc;

use allot_journal::SimDisk;

use crate::rig::{Rig, config};

#[test]
fn what_was_appended_is_read_again_across_segments() {
    let disk = SimDisk::new(1);
    let mut expected = Vec::new();
    for life in 0..4_u8 {
        let (mut rig, found) = Rig::start(Arc::new(disk.clone()), config()).unwrap();
        assert_eq!(found.records, expected);
        for length in [0, 1, 100, 2_000, 3_000, 0, 7] {
            let payload = vec![life; length];
            let sequence = rig.journal.append(life, 9, &payload);
            expected.push((sequence, life, 9, payload));
        }
        assert!(rig.journal.durable() < rig.journal.appended());
        rig.settle().unwrap();
        assert_eq!(rig.journal.durable(), rig.journal.appended());
        assert_eq!(rig.journal.next_sequence(), u64::try_from(expected.len()).unwrap() + 1);
        disk.restart();
    }
}
