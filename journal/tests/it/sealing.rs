//! No reply leaves before everything that it says is durable.

use allot_domain::LogIndex;
use allot_journal::{Ack, Journal, SimDisk};
use allot_runtime::Agent;

use crate::rig::{Rig, config, media};

#[test]
fn a_reply_is_opened_once_everything_before_it_is_durable_and_not_earlier() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    let early = rig.journal.seal(b"nothing was appended".to_vec());
    assert_eq!(rig.journal.unseal(early).unwrap(), b"nothing was appended");

    rig.journal.append(0, 0, 0, b"first");
    let first = rig.journal.seal(b"to the first".to_vec());
    let first = rig.journal.unseal(first).unwrap_err();
    rig.journal.submit();
    rig.journal.append(0, 0, 0, b"second");
    let second = rig.journal.seal(b"to the second".to_vec());
    assert_eq!((first.index().get(), second.index().get()), (1, 2));

    let first = rig.journal.unseal(first).unwrap_err();
    rig.committer.do_work(rig.now);
    let first = rig.journal.unseal(first).unwrap_err();
    rig.journal.poll().unwrap();
    assert_eq!(rig.journal.unseal(first).unwrap(), b"to the first");
    let second = rig.journal.unseal(second).unwrap_err();
    rig.run_until_idle().unwrap();
    assert_eq!(rig.journal.unseal(second).unwrap(), b"to the second");
}

#[test]
fn what_is_committed_on_this_thread_is_durable_at_once_and_the_committer_has_nothing_to_do() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    for number in 1..=100 {
        rig.journal.append(0, 0, 0, &[7; 300]);
        let reply = rig.journal.seal(b"reply".to_vec());
        rig.journal.commit();
        assert_eq!(rig.committer.do_work(rig.now), 0);
        rig.checkpointer.do_work(rig.now);
        rig.journal.poll().unwrap();
        assert_eq!(rig.journal.durable().get(), number);
        assert_eq!(rig.journal.unseal(reply).unwrap(), b"reply");
    }
}

#[test]
fn what_follows_records_that_are_under_way_is_left_to_the_committer() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    rig.journal.append(0, 0, 0, b"first");
    rig.journal.submit();
    rig.journal.append(0, 0, 0, b"second");
    rig.journal.commit();
    rig.journal.poll().unwrap();
    assert_eq!(rig.journal.durable(), LogIndex::ZERO);
    rig.run_until_idle().unwrap();
    assert_eq!(rig.journal.durable().get(), 2);
}

#[test]
fn a_commit_on_this_thread_that_fails_ends_the_journal() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.journal.append(0, 0, 0, b"first");
    let sealed = rig.journal.seal(b"reply".to_vec());
    disk.fail_sync(1);
    rig.journal.commit();
    let error = rig.journal.poll().unwrap_err();
    assert_eq!(rig.run_until_idle().unwrap_err(), error);
    rig.journal.unseal(sealed).unwrap_err();
}

#[test]
fn a_reply_from_memory_leaves_at_once_and_so_does_one_without_a_journal() {
    let mut config = config();
    config.ack = Ack::Memory;
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config).unwrap();
    for journal in [&mut rig.journal, &mut Journal::none()] {
        journal.append(0, 0, 0, b"first");
        let sealed = journal.seal(b"reply".to_vec());
        assert_eq!(journal.unseal(sealed).unwrap(), b"reply");
    }
    assert_eq!(rig.journal.durable(), LogIndex::ZERO, "its record is not durable");
}

#[test]
fn a_journal_that_failed_opens_no_more_replies() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.journal.append(0, 0, 0, b"first");
    let sealed = rig.journal.seal(b"reply".to_vec());
    disk.fail_sync(1);
    let error = rig.run_until_idle().unwrap_err();
    assert_eq!(rig.run_until_idle().unwrap_err(), error);
    rig.journal.unseal(sealed).unwrap_err();
}

#[test]
#[should_panic(expected = "only the journal that sealed a reply opens it")]
fn a_reply_of_another_journal_is_a_bug_of_the_caller() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    rig.journal.append(0, 0, 0, b"first");
    let sealed = rig.journal.seal(b"reply".to_vec());
    let _ = Journal::none().unseal(sealed);
}
