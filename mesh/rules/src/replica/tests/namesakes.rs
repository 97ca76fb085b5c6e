//! Two processes of one name.

use super::*;

#[test]
fn a_second_process_of_a_name_that_lives_does_not_start() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let second = Settings { address: address("s1b"), ..settings("s1", 11, &["s2"]) };
    mesh.start(second, Owned::new());
    mesh.pass(BEAT * 4);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
    assert_eq!(mesh.processes[&1].stepped_down, None);
}

#[test]
fn of_two_of_one_name_the_older_incarnation_steps_down() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    for other in [2, 3] {
        mesh.part(1, other);
    }
    mesh.pass(BEAT * 5);
    let journal = mesh.processes[&1].replica.owned().clone();
    let second = Settings { address: address("s1b"), ..settings("s1", 11, &["s2"]) };
    mesh.start(second, journal);
    mesh.pass(BEAT);
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    let stepped_down = &mesh.processes[&1].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
    assert_eq!(mesh.processes[&11].stepped_down, None);
}

/// Their lives are drawn, and which of the two is heard first is as it comes.
#[test]
fn of_two_that_start_apart_and_meet_through_a_third_one_stays() {
    for (one, other) in [(1, 11), (11, 1), (5, 6), (6, 5), (7, 70)] {
        let mut mesh = Mesh::default();
        mesh.start(settings("s1", one, &[]), Owned::new());
        let elsewhere = Settings { address: address("s1b"), ..settings("s1", other, &[]) };
        mesh.start(elsewhere, Owned::new());
        mesh.trade(one, "AAPL", "1");
        mesh.trade(other, "MSFT", "2");
        mesh.pass(BEAT / 4);
        mesh.start(settings("s2", 2, &["s1", "s1b"]), Owned::new());
        mesh.pass(BEAT * 9);
        let (stays, goes) = if life(&[one]) < life(&[other]) { (other, one) } else { (one, other) };
        let stepped_down = &mesh.processes[&goes].stepped_down;
        assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
        assert_eq!(mesh.processes[&stays].stepped_down, None);
        assert_eq!(mesh.view(2), mesh.view(stays));
    }
}

/// Nobody has yielded to it: it may be a life that this strategy has lost.
#[test]
fn a_made_up_yield_of_a_later_life_changes_nothing() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    let (incarnation, instance) = (life(&[1, 5, 6]), Instance::new(1));
    let yielded = NameYielded { name: name("s1"), incarnation, instance };
    mesh.queue.push_back((1, Event::Received(*theirs, Message::NameYielded(yielded))));
    mesh.settle();
    assert_eq!(mesh.processes[&1].replica.phase(), Phase::Running(life(&[1])));
}

/// Its peer still hears the first one when it has waited, and says so again each time it is asked.
#[test]
fn without_its_disk_nobody_starts_from_zero_beside_a_process_that_hangs() {
    for wait in 1..16 {
        let mut mesh = Mesh::default();
        mesh.start(settings("s1", 1, &[]), Owned::new());
        mesh.start(settings("s2", 2, &["s1"]), Owned::new());
        mesh.trade(1, "AAPL", "100");
        mesh.part(1, 2);
        mesh.part(1, 11);
        let join_wait = BEAT / 4 * wait;
        let second = Settings { address: address("s1b"), join_wait, ..settings("s1", 11, &["s2"]) };
        mesh.start(second, Owned::new());
        mesh.pass(BEAT * 9);
        let stepped_down = &mesh.processes[&11].stepped_down;
        assert!(matches!(stepped_down, Some(StepDown::NewerRows { .. })), "{stepped_down:?}");
        assert_eq!(mesh.processes[&11].replica.first_incarnation, None);
        assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
    }
}
