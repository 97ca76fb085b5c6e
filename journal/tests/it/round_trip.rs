//! What was appended is read again, in any size and any batches.

use allot_domain::LogIndex;
use allot_journal::{
    Journal, JournalConfig, Media, PAYLOAD_BYTES_MAX, SEGMENT_BYTES_REAL_MIN, SimDisk,
};
use allot_runtime::Agent;

use crate::rig::{Rig, config, media, read, state_of};

#[test]
fn what_was_appended_is_read_again_across_segments() {
    let disk = SimDisk::new(1);
    let mut expected = Vec::new();
    for incarnation in 0..4_u8 {
        let (mut rig, found) = Rig::start(media(&disk), config()).unwrap();
        assert_eq!(found.records, expected);
        for length in [0, 1, 100, 2_000, 3_000, 0, 7] {
            let payload = vec![incarnation; length];
            let index = rig.journal.append(incarnation, 9, 0, &payload);
            expected.push((index, incarnation, 9, payload));
        }
        assert!(rig.journal.durable() < rig.journal.appended());
        rig.run_until_idle().unwrap();
        assert_eq!(rig.journal.durable(), rig.journal.appended());
        assert_eq!(rig.journal.next_index().get(), u64::try_from(expected.len()).unwrap() + 1);
        disk.restart();
    }
}

#[test]
fn the_largest_payloads_and_many_small_ones_are_read_again() {
    let disk = SimDisk::new(2);
    let mut config = JournalConfig::new("0", "real sizes");
    config.segment_bytes = SEGMENT_BYTES_REAL_MIN;
    let (mut rig, _) = Rig::start(media(&disk), config.clone()).unwrap();
    let mut expected = Vec::new();
    for round in 0..6_u8 {
        expected.push(vec![round; PAYLOAD_BYTES_MAX]);
        expected.extend((0..3_000).map(|length| vec![round; length % 300]));
    }
    for payload in &expected {
        while !rig.journal.has_room() {
            rig.committer.do_work(rig.now);
            rig.checkpointer.do_work(rig.now);
            rig.journal.submit();
            rig.journal.poll().unwrap();
        }
        rig.journal.append(0, 0, 0, payload);
    }
    rig.run_until_idle().unwrap();
    let (_, found) = read(media(&disk), config).unwrap();
    assert!(found.payloads() == expected);
}

#[test]
#[should_panic(expected = "fits into no segment")]
fn a_payload_that_no_segment_could_take_is_a_bug_of_the_caller() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(3)), config()).unwrap();
    rig.journal.append(0, 0, 0, &[0; 4_000]);
}

#[test]
fn the_chain_does_not_depend_on_how_records_were_batched() {
    let payloads: Vec<Vec<u8>> = (0..50_u8).map(|byte| vec![byte; usize::from(byte)]).collect();
    let mut snapshots = Vec::new();
    for records_per_batch in [1, 3, 50] {
        let disk = SimDisk::new(4);
        let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
        for batch in payloads.chunks(records_per_batch) {
            let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
            rig.commit(&batch);
        }
        rig.journal.store_snapshot(|state| state.extend(state_of(&payloads)));
        rig.run_until_idle().unwrap();
        let name = disk.list().unwrap().into_iter().find(|name| name.starts_with("image")).unwrap();
        let file = disk.open(&name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        snapshots.push(bytes);
    }
    // The head of a snapshot has the chain, which covers every record before it.
    assert_eq!(snapshots[0], snapshots[1]);
    assert_eq!(snapshots[0], snapshots[2]);
}

#[test]
fn a_committer_that_is_behind_makes_larger_batches_and_then_the_shard_waits() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(5)), JournalConfig::new("0", "")).unwrap();
    let mut appended = 0_u32;
    while rig.journal.has_room() {
        rig.journal.append(0, 0, 0, &[7; 1_000]);
        rig.journal.submit();
        appended += 1;
    }
    // 64 frames of one record, since each was submitted alone, and one full frame.
    assert!((64 + 50..64 + 70).contains(&appended), "{appended}");
    let mut batches = 0;
    while rig.journal.durable() < rig.journal.appended() {
        rig.committer.do_work(rig.now);
        rig.journal.poll().unwrap();
        rig.journal.submit();
        batches += 1;
    }
    assert_eq!(batches, 2, "what was on the link, and what waited");
    assert!(rig.journal.has_room());
}

#[test]
fn without_a_journal_everything_is_durable_at_once() {
    let mut journal = Journal::none();
    let index = LogIndex::new(101);
    journal.start_at(index);
    assert_eq!(journal.next_index(), index);
    assert_eq!(journal.append(0, 0, 0, b"payload"), index);
    journal.submit();
    journal.store_snapshot(|_| panic!("nothing is kept"));
    assert_eq!((journal.durable(), journal.appended()), (index, index));
    assert_eq!(journal.poll(), Ok(0));
    assert!(journal.has_room() && !journal.is_full() && !journal.snapshot_is_due());
}

#[test]
fn segments_of_another_size_from_an_earlier_incarnation_are_read() {
    let disk = SimDisk::new(6);
    let mut expected = Vec::new();
    for sectors in [8, 16, 9] {
        let mut config = config();
        config.segment_bytes = 512 * sectors;
        let (mut rig, found) = Rig::start(media(&disk), config).unwrap();
        assert_eq!(found.payloads(), expected);
        for byte in 0..10 {
            expected.push(vec![byte; 1_000]);
            rig.commit(&[&[byte; 1_000]]);
        }
        disk.crash();
    }
}

#[test]
fn agents_are_named_for_their_journal() {
    let mut config = config();
    config.name = "7".to_owned();
    let (rig, _) = Rig::start(media(&SimDisk::new(7)), config).unwrap();
    assert_eq!((rig.committer.role(), rig.checkpointer.role()), ("journal-7", "checkpointer-7"));
}

#[test]
fn closing_commits_what_was_handed_over() {
    let disk = SimDisk::new(8);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.journal.append(0, 0, 0, b"the last words");
    rig.journal.submit();
    rig.committer.close(rig.now);
    rig.checkpointer.close(rig.now);
    disk.crash();
    let (_, found) = read(media(&disk), config()).unwrap();
    assert_eq!(found.payloads(), [b"the last words"]);
}
