//! A strategy that comes back: with its journal, without it, and with rows that turn up late.

use super::*;

#[test]
fn positions_come_back_from_the_journal_under_the_next_incarnation() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let journal = mesh.kill(1);
    mesh.start(settings("s1", 11, &["s2"]), journal);
    assert_eq!(mesh.processes[&11].replica.phase(), Phase::Running(life(&[1, 11])));
    mesh.trade(11, "AAPL", "1");
    for number in [2, 3, 11] {
        assert_eq!(mesh.view(number), ["s1 AAPL 101"]);
    }
}

#[test]
fn without_its_disk_a_strategy_refuses_to_start_while_peers_hold_its_rows() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    mesh.start(settings("s1", 11, &["s2"]), Owned::new());
    let Some(StepDown::NewerRows { holders, journal, trades: None }) =
        &mesh.processes[&11].stepped_down
    else {
        panic!("{:?}", mesh.processes[&11].stepped_down)
    };
    assert_eq!(*journal, Version::ZERO);
    let held: Vec<_> = holders.iter().map(|holder| (holder.peer, holder.through)).collect();
    assert_eq!(held, [(name("s2"), first(1, 1)), (name("s3"), first(1, 1))]);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn with_the_flag_it_takes_its_rows_from_its_peers() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(1, "MSFT", "5");
    mesh.kill(1);
    let adopts = Settings { adopt: true, ..settings("s1", 11, &["s2"]) };
    mesh.start(adopts, Owned::new());
    let owned = mesh.processes[&11].replica.owned();
    let adopted = Adoption { through: first(1, 2), incarnation: life(&[1, 11]) };
    assert_eq!(owned.adopted(), Some(adopted));
    mesh.trade(11, "AAPL", "1");
    for number in [2, 3, 11] {
        assert_eq!(mesh.view(number), ["s1 AAPL 101", "s1 MSFT 5"]);
        assert_eq!(mesh.counters(number).superseded, 0);
    }
}

#[test]
fn a_row_that_turns_up_after_an_adoption_is_counted_and_adopted_too() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.part(1, 2);
    mesh.trade(1, "MSFT", "5");
    let journal_of_3 = mesh.kill(3);
    mesh.kill(1);
    mesh.start(Settings { adopt: true, ..settings("s1", 11, &["s2"]) }, Owned::new());
    mesh.pass(BEAT * 4);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
    // The third comes back with the row that nobody else had.
    let row = Row {
        symbol: symbol("MSFT"),
        position: Position::parse("5").unwrap(),
        version: first(1, 2),
        updated: Unix::new(77),
    };
    let mut three = Replica::new(settings("s3", 33, &["s2"]), journal_of_3, [(name("s1"), row)]);
    three.apply(mesh.now(), Event::Tick, &mut Vec::new());
    mesh.start(settings("s3", 33, &["s2"]), three.owned().clone());
    mesh.processes.get_mut(&33).unwrap().replica = three;
    mesh.queue.push_back((33, Event::Tick));
    mesh.pass(BEAT * 9);
    for number in [2, 11, 33] {
        assert_eq!(mesh.view(number), ["s1 AAPL 100", "s1 MSFT 5"], "{number}");
    }
    assert_eq!(mesh.counters(33).superseded, 1);
    assert_eq!(mesh.counters(11).settled, 0);
}

#[test]
fn whoever_started_alone_steps_down_when_newer_rows_turn_up() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    for other in [2, 3] {
        mesh.part(11, other);
    }
    mesh.start(settings("s1", 11, &["s2"]), Owned::new());
    mesh.pass(BEAT * 4);
    assert!(mesh.processes[&11].notices.contains(&Notice::Alone));
    mesh.trade(11, "IBM", "1");
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(
        matches!(stepped_down, Some(StepDown::NewerRows { trades: Some(1), .. })),
        "{stepped_down:?}"
    );
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn the_answer_of_somebody_who_joins_too_is_not_enough() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    mesh.kill(3);
    // The third knows nothing yet, and the second, which does, is not reached at once.
    mesh.part(2, 33);
    mesh.start(settings("s3", 33, &["s2"]), Owned::new());
    mesh.part(2, 11);
    mesh.start(settings("s1", 11, &["s3", "s2"]), Owned::new());
    mesh.pass(BEAT / 2);
    assert_eq!(mesh.processes[&11].replica.phase(), Phase::Joining);
    mesh.apart.clear();
    mesh.pass(BEAT);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NewerRows { .. })), "{stepped_down:?}");
}
