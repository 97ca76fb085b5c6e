//! No answer leaves before everything it says is durable.

use allot_journal::{Ack, Journal, SimDisk};
use allot_runtime::Agent;

use crate::rig::{Rig, config, media};

#[test]
fn an_answer_is_opened_when_everything_before_it_is_durable_and_not_before() {
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config()).unwrap();
    let early = rig.journal.seal(b"nothing was appended".to_vec());
    assert_eq!(rig.journal.unseal(early).unwrap(), b"nothing was appended");

    rig.journal.append(0, 0, b"first");
    let first = rig.journal.seal(b"to the first".to_vec());
    let first = rig.journal.unseal(first).unwrap_err();
    rig.journal.submit();
    rig.journal.append(0, 0, b"second");
    let second = rig.journal.seal(b"to the second".to_vec());
    assert_eq!((first.through(), second.through()), (1, 2));

    let first = rig.journal.unseal(first).unwrap_err();
    rig.committer.do_work(rig.now);
    let first = rig.journal.unseal(first).unwrap_err();
    rig.journal.poll().unwrap();
    assert_eq!(rig.journal.unseal(first).unwrap(), b"to the first");
    let second = rig.journal.unseal(second).unwrap_err();
    rig.settle().unwrap();
    assert_eq!(rig.journal.unseal(second).unwrap(), b"to the second");
}

#[test]
fn an_answer_from_memory_leaves_at_once_and_so_does_one_without_a_journal() {
    let mut config = config();
    config.ack = Ack::Memory;
    let (mut rig, _) = Rig::start(media(&SimDisk::new(1)), config).unwrap();
    for journal in [&mut rig.journal, &mut Journal::none()] {
        journal.append(0, 0, b"first");
        let sealed = journal.seal(b"answer".to_vec());
        assert_eq!(journal.unseal(sealed).unwrap(), b"answer");
    }
    assert_eq!(rig.journal.durable(), 0, "and durable it is not");
}

#[test]
fn a_journal_that_failed_opens_nothing_more() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.journal.append(0, 0, b"first");
    let sealed = rig.journal.seal(b"answer".to_vec());
    disk.fail_sync(1);
    let error = rig.settle().unwrap_err();
    assert_eq!(rig.settle().unwrap_err(), error);
    rig.journal.unseal(sealed).unwrap_err();
}
