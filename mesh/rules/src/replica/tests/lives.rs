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
    let (settings_of_3, rows) = (settings("s3", 33, &["s2"]), [(name("s1"), row)]);
    mesh.start_replica(Replica::new(settings_of_3, journal_of_3, rows, []));
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

/// A history has the lives of each owner: what comes from it is told from rows of a life that did
/// not know of those that a peer has.
#[test]
fn rows_from_a_history_replace_those_of_a_life_that_their_owner_knew_and_no_others() {
    let earlier = Version { incarnation: life(&[8]), sequence: Sequence::new(4) };
    for (known, expected) in [(first(1, 1), "s1 AAPL 7"), (earlier, "s1 AAPL 100")] {
        let mut mesh = three();
        mesh.trade(1, "AAPL", "100");
        mesh.kill(1);
        let journal = mesh.kill(3);
        let version = Version { incarnation: life(&[8, 9]), sequence: Sequence::new(1) };
        let (position, updated) = (Position::parse("7").unwrap(), Unix::new(77));
        let row = Row { symbol: symbol("AAPL"), position, version, updated };
        let through = Version { sequence: Sequence::new(3), ..version };
        let lineage = Lineage { through, adopted: None, lives: vec![Version::ZERO, known] };
        let (own, owner) = (settings("s3", 33, &["s2"]), name("s1"));
        let replica = Replica::new(own, journal, [(owner, row)], [(owner, lineage.clone())]);
        let kept: Vec<_> = replica.lineages().collect();
        assert_eq!(kept, [(owner, lineage)]);
        mesh.start_replica(replica);
        mesh.pass(BEAT * 9);
        assert_eq!(mesh.view(2), [expected]);
        assert_eq!(0 < mesh.counters(2).other_life_rows, known == earlier);
    }
}

/// Both have connected, and the peer has said on each connection what it holds.
#[test]
fn a_peer_that_is_linked_twice_is_one_holder() {
    let mut replica = Replica::new(settings("s1", 1, &["s2"]), Owned::new(), [], []);
    let mut out = Vec::new();
    let at = |time| Now { unix: Unix::new(77), steady: Steady::new(time) };
    let links = [(LinkId::new(1), Some(address("s2"))), (LinkId::new(2), None)];
    for (link, connected_to) in links.clone() {
        replica.apply(at(1), Event::LinkUp(link, connected_to), &mut out);
        let hello = crate::Hello {
            name: name("s2"),
            incarnation: life(&[2]),
            instance: Instance::new(2),
            address: address("s2"),
            is_joining: false,
            heartbeat: BEAT,
            heard: Instance::ZERO,
        };
        replica.apply(at(1), Event::Received(link, Message::Hello(hello)), &mut out);
        // Somebody else is waited for.
        let member = crate::Member {
            name: name("s4"),
            address: address("s4"),
            incarnation: life(&[4]),
            instance: Instance::new(4),
            is_alive: true,
            heard: Duration::ZERO,
        };
        replica.apply(at(1), Event::Received(link, Message::Members(vec![member])), &mut out);
    }
    for ((link, _), rows) in links.into_iter().zip([1, 2]) {
        let (owner, digest) = (name("s1"), Digest::new(9));
        let own = OwnerSummary { owner, through: first(7, u64::from(rows)), digest, rows };
        let summary = Summary { owners: vec![own], is_answer: true };
        replica.apply(at(1), Event::Received(link, Message::Summary(summary)), &mut out);
    }
    assert_eq!(replica.links.values().filter(|link| link.own_there.is_some()).count(), 2);
    replica.apply(at(4_000_000_000), Event::Tick, &mut out);
    let refused = out.iter().find_map(|effect| match effect {
        Effect::StepDown(StepDown::NewerRows { holders, .. }) => Some(holders.clone()),
        _ => None,
    });
    assert_eq!(refused, Some(vec![Holder { peer: name("s2"), through: first(7, 2), rows: 2 }]));
}
