//! What somebody makes up.

use super::*;

/// Whoever took the row refuses those of the owner's next incarnation, unless the owner says that
/// it has put its own life aside.
#[test]
fn a_row_that_is_ahead_of_its_owner_ends_nobody() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    for (times, traded) in [(1, "AAPL"), (2, "IBM")] {
        let running = mesh.processes[&1].replica.running().unwrap();
        let version = Version { incarnation: running, sequence: Sequence::new(99) };
        let (position, updated) = (Position::parse("666").unwrap(), Unix::new(1));
        let row = Row { symbol: symbol(traded), position, version, updated };
        let made_up = Delta {
            owner: name("s1"),
            after: Version::ZERO,
            through: version,
            adopted: None,
            lives: vec![],
            rows: vec![row],
        };
        let link = mesh.processes[&3].links.iter().find(|(_, (other, _))| *other == 2);
        let (_, (_, theirs)) = link.unwrap();
        mesh.queue.push_back((2, Event::Received(*theirs, Message::Delta(made_up))));
        mesh.pass(BEAT * 9);
        assert_eq!(mesh.processes[&1].stepped_down, None);
        assert_eq!(mesh.processes[&1].replica.running().unwrap().start(), 1 + times);
        for number in 1..=3 {
            assert_eq!(mesh.view(number)[0], "s1 AAPL 100");
            assert_eq!(mesh.view(number), mesh.view(1));
        }
    }
    assert_eq!(mesh.view(1), ["s1 AAPL 100", "s1 IBM 0"]);
}

/// The owner goes on to its next incarnation, and says that the one before ended before the row
/// that somebody made up: whoever holds that one would refuse its rows for ever.
#[test]
fn a_row_that_is_ahead_of_an_incarnation_that_has_ended_is_put_aside() {
    let mut mesh = three();
    let link = |mesh: &Mesh, from: u64, to: u64| {
        let link = mesh.processes[&from].links.iter().find(|(_, (other, _))| *other == to);
        link.unwrap().1.1
    };
    let claim = crate::NameTaken {
        incarnation: life(&[1, 9]),
        instance: Instance::new(77),
        address: address("nowhere"),
        is_alive: false,
        heard: BEAT,
    };
    let to_the_first = link(&mesh, 2, 1);
    mesh.queue.push_back((1, Event::Received(to_the_first, Message::NameTaken(claim))));
    mesh.pass(BEAT * 2);
    mesh.part(1, 2);
    let version = first(1, 1);
    let (position, updated) = (Position::parse("666").unwrap(), Unix::new(1));
    let row = Row { symbol: symbol("IBM"), position, version, updated };
    let made_up = Delta {
        owner: name("s1"),
        after: Version::ZERO,
        through: version,
        adopted: None,
        lives: vec![],
        rows: vec![row],
    };
    let to_the_second = link(&mesh, 3, 2);
    mesh.queue.push_back((2, Event::Received(to_the_second, Message::Delta(made_up))));
    mesh.pass(BEAT * 2);
    assert_eq!(mesh.processes[&1].replica.running().unwrap().start(), 3);
    assert_eq!(mesh.view(2), ["s1 IBM 666"]);
    mesh.apart.clear();
    mesh.trade(1, "AAPL", "100");
    mesh.pass(BEAT * 6);
    assert_eq!(mesh.processes[&1].stepped_down, None);
    for number in 1..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 100", "s1 IBM 0"]);
    }
}

#[test]
fn a_row_of_its_name_from_outside_never_changes_a_position() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let forged = |text: &str, sequence: u64| Row {
        symbol: symbol(text),
        position: Position::parse("666").unwrap(),
        version: first(1, sequence),
        updated: Unix::new(1),
    };
    let delta = |owner: &str, row: Row| {
        let (owner, after) = (name(owner), first(1, 0));
        Message::Delta(Delta {
            owner,
            after,
            through: row.version,
            adopted: None,
            lives: vec![],
            rows: vec![row],
        })
    };
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((1, Event::Received(*theirs, delta("s1", forged("AAPL", 1)))));
    mesh.settle();
    assert_eq!(mesh.counters(1).settled, 1);
    // Nor may s2 say rows of its own of an incarnation that it does not have.
    let mut other = forged("AAPL", 1);
    other.version = Version::new(9, 1);
    let theirs = *mesh.processes[&1].links.keys().next().unwrap();
    mesh.queue.push_back((1, Event::Received(theirs, delta("s2", other))));
    mesh.pass(BEAT * 3);
    for number in 1..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 100"]);
    }
}

#[test]
fn a_summary_that_nobody_backs_ends_no_owner() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    let through = Version { incarnation: life(&[5, 6, 7]), sequence: Sequence::new(9) };
    let made_up = OwnerSummary { owner: name("s1"), through, digest: Digest::new(1), rows: 3 };
    let summary = Summary { owners: vec![made_up], is_answer: true };
    mesh.queue.push_back((1, Event::Received(*theirs, Message::Summary(summary))));
    mesh.pass(BEAT * 5);
    assert_eq!(mesh.processes[&1].stepped_down, None);
    assert_eq!(mesh.counters(1).unfounded, 1);
    assert!(mesh.processes[&1].notices.contains(&Notice::Unfounded { peer: name("s2"), through }));
    mesh.trade(1, "AAPL", "1");
    assert_eq!(mesh.view(2), ["s1 AAPL 101"]);
}

#[test]
fn rows_of_an_incarnation_that_their_owner_has_not_said_are_refused() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let version = Version { incarnation: life(&[1, 9]), sequence: Sequence::new(1) };
    let (position, updated) = (Position::parse("666").unwrap(), Unix::new(1));
    let row = Row { symbol: symbol("AAPL"), position, version, updated };
    let made_up = Delta {
        owner: name("s1"),
        after: Version::ZERO,
        through: version,
        adopted: None,
        lives: vec![first(1, 1)],
        rows: vec![row],
    };
    let link = mesh.processes[&3].links.iter().find(|(_, (other, _))| *other == 2);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((2, Event::Received(*theirs, Message::Delta(made_up))));
    mesh.settle();
    assert_eq!(mesh.counters(2).rows_ahead, 1);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn who_is_there_takes_the_place_of_invented_members() {
    let mut mesh = three();
    let invented = |number: usize| crate::Member {
        name: name(&format!("x{number}")),
        address: address(&format!("nowhere{number}")),
        incarnation: life(&[7]),
        instance: Instance::new(7),
        is_alive: false,
        heard: BEAT * 60,
    };
    let list = Message::Members((0..limits::MEMBERS_MAX).map(invented).collect());
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((1, Event::Received(*theirs, list)));
    mesh.settle();
    let away = mesh.processes[&1].replica.status(mesh.now());
    let away = away.members.iter().find(|member| member.name == name("x0")).unwrap();
    // It was heard before the clocks of this test began.
    assert_eq!((away.is_alive, away.away_since), (false, Some(Unix::new(77))));
    assert_eq!(mesh.processes[&1].replica.members.iter().count(), limits::MEMBERS_MAX - 1);
    mesh.start(settings("s4", 4, &["s1"]), Owned::new());
    mesh.trade(4, "MSFT", "7");
    assert_eq!(mesh.view(1), ["s4 MSFT 7"]);
}

/// Each member that comes or goes makes new groups: one connection makes one of them.
#[test]
fn a_connection_has_one_name() {
    let mut mesh = three();
    let link = LinkId::new(1_000);
    mesh.queue.push_back((1, Event::LinkUp(link, None)));
    let says = |number: u64, is_joining| {
        Message::Hello(crate::Hello {
            name: name(&format!("x{number}")),
            incarnation: life(&[number]),
            instance: Instance::new(number),
            address: address(&format!("nowhere{number}")),
            is_joining,
            heartbeat: BEAT,
            heard: Instance::ZERO,
        })
    };
    let peers = |mesh: &Mesh| -> Vec<_> {
        mesh.processes[&1].replica.peers.keys().map(|peer| peer.to_string()).collect()
    };
    mesh.queue.push_back((1, Event::Received(link, says(100, false))));
    mesh.settle();
    assert_eq!(peers(&mesh), ["s2", "s3", "x100"]);
    for number in 101..120 {
        mesh.queue.push_back((1, Event::Received(link, says(number, false))));
        mesh.settle();
        assert_eq!(peers(&mesh), ["s2", "s3"], "the connection was ended");
    }
    // On another one, another process of its name joins.
    let link = LinkId::new(1_001);
    mesh.queue.push_back((1, Event::LinkUp(link, None)));
    mesh.queue.push_back((1, Event::Received(link, says(219, false))));
    mesh.queue.push_back((1, Event::Received(link, says(219, true))));
    mesh.queue.push_back((1, Event::LinkDown(link)));
    mesh.settle();
    assert_eq!(mesh.processes[&1].replica.peers.len(), 2);
    mesh.trade(1, "AAPL", "1");
    assert_eq!(mesh.view(3), ["s1 AAPL 1"]);
}

#[test]
fn a_connection_that_says_a_name_that_another_process_has_is_nobodys() {
    let mut mesh = three();
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    let hello = crate::Hello {
        name: name("s3"),
        incarnation: Incarnation::ZERO,
        instance: Instance::new(9),
        address: address("nowhere"),
        is_joining: false,
        heartbeat: BEAT,
        heard: Instance::ZERO,
    };
    mesh.queue.push_back((1, Event::Received(*theirs, Message::Hello(hello))));
    mesh.pass(BEAT * 5);
    mesh.trade(1, "AAPL", "1");
    assert_eq!(mesh.view(2), ["s1 AAPL 1"]);
}
