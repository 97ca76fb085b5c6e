//! How changes reach everybody, and what was missed is found.

use super::*;

#[test]
fn one_known_address_is_enough_and_all_see_all() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(2, "AAPL", "-20.5");
    mesh.trade(3, "MSFT", "7");
    let all = ["s1 AAPL 100", "s2 AAPL -20.5", "s3 MSFT 7"];
    for number in 1..=3 {
        assert_eq!(mesh.view(number), all, "s{number}");
    }
    assert_eq!(mesh.processes[&3].replica.members.iter().count(), 2);
    assert_eq!(mesh.counters(3).gaps_noticed, 0);
}

#[test]
fn whoever_joins_late_sees_everything_at_once() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(3, "MSFT", "7");
    mesh.start(settings("s4", 4, &["s3"]), Owned::new());
    assert_eq!(mesh.view(4), ["s1 AAPL 100", "s3 MSFT 7"]);
    assert!(mesh.processes[&4].replica.has_caught_up());
}

#[test]
fn whoever_lacks_rows_that_it_was_told_of_has_not_caught_up() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = true;
    mesh.start(settings("s4", 4, &["s3"]), Owned::new());
    assert!(mesh.processes[&4].replica.running().is_some());
    assert!(!mesh.processes[&4].replica.has_caught_up());
    mesh.loses_deltas = false;
    mesh.pass(BEAT * 3);
    assert!(mesh.processes[&4].replica.has_caught_up());
}

#[test]
fn what_is_written_while_somebody_starts_reaches_it_without_a_heartbeat() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.disks_wait = true;
    mesh.start(settings("s4", 4, &["s3"]), Owned::new());
    assert!(matches!(mesh.processes[&4].replica.phase(), Phase::Starting(_)));
    mesh.disks_wait = false;
    // What joins has asked, and is no member yet.
    mesh.trade(1, "MSFT", "5");
    mesh.queue.push_back((4, Event::Durable(RecordNumber::new(1))));
    mesh.settle();
    assert_eq!(mesh.view(4), ["s1 AAPL 100", "s1 MSFT 5"]);
}

#[test]
fn a_gap_is_noticed_by_the_next_change_and_repaired() {
    let mut mesh = three();
    mesh.loses_deltas = true;
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = false;
    mesh.trade(1, "MSFT", "5");
    for number in 2..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 100", "s1 MSFT 5"]);
        let Counters { gaps_noticed, gaps_repaired, .. } = mesh.counters(number);
        assert_eq!((gaps_noticed, gaps_repaired), (1, 1));
    }
}

#[test]
fn a_lost_last_change_is_found_by_heartbeats() {
    let mut mesh = three();
    mesh.loses_deltas = true;
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = false;
    mesh.pass(BEAT * 3);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
    assert_eq!(mesh.view(3), ["s1 AAPL 100"]);
}

/// Somebody leaves while a change is on its way by relays: these may reckon with other groups.
#[test]
fn what_was_written_just_before_relays_change_is_sent_to_all_again() {
    let mut mesh = Mesh::default();
    for number in 1..=6 {
        let (name, first) = (format!("s{number}"), ["s1"]);
        let connect = if number == 1 { &[] } else { &first[..] };
        mesh.start(Settings { direct: 1, ..settings(&name, number, connect) }, Owned::new());
    }
    mesh.pass(BEAT * 2);
    let relayed = |mesh: &Mesh, of: u64| {
        let status = mesh.processes[&of].replica.status(mesh.now());
        let owner = status.members.into_iter().find(|one| one.name == name("s1")).unwrap();
        matches!(owner.route, Route::Relayed(_))
    };
    let relayed: Vec<u64> = (2..=5).filter(|number| relayed(&mesh, *number)).collect();
    assert!(!relayed.is_empty());
    mesh.loses_deltas = true;
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = false;
    mesh.kill(6);
    for number in relayed {
        assert_eq!(mesh.view(number), ["s1 AAPL 100"], "s{number}");
    }
}

/// Of two connections to a peer one is closed, and what was asked for on it does not come.
#[test]
fn what_was_asked_for_on_a_connection_that_is_gone_is_asked_for_again() {
    let mut mesh = three();
    mesh.trade(3, "MSFT", "7");
    mesh.disks_wait = true;
    let wanted = Wanted {
        from: LinkId::new(99),
        until: Steady::MAX,
        through: Version { incarnation: life(&[1]), sequence: Sequence::new(9) },
        is_gap: true,
    };
    let replica = &mut mesh.processes.get_mut(&3).unwrap().replica;
    replica.links.insert(LinkId::new(99), Link::new(replica.told, None));
    replica.wants.insert(name("s1"), wanted);
    mesh.queue.push_back((3, Event::LinkDown(LinkId::new(99))));
    mesh.settle();
    let asked = mesh.processes[&3].replica.wants[&name("s1")];
    assert_eq!(Some(&asked.from), mesh.processes[&3].replica.peers.get(&name("s1")));
}

#[test]
fn a_slow_peer_gets_the_last_row_alone() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "1");
    mesh.is_slow = true;
    let before = mesh.sent(1);
    mesh.trade(1, "AAPL", "1");
    for _ in 0..50 {
        mesh.trade(1, "AAPL", "1");
    }
    assert_eq!(mesh.sent(1) - before, 2, "one for each peer, and nothing waits");
    mesh.is_slow = false;
    let links: Vec<_> = mesh.processes[&1].links.keys().copied().collect();
    mesh.queue.extend(links.into_iter().map(|link| (1, Event::Room(link))));
    mesh.settle();
    assert_eq!(mesh.view(2), ["s1 AAPL 52"]);
    assert_eq!(mesh.sent(1) - before, 4);
    assert_eq!(mesh.counters(1).conflated, 2 * 49);
}

#[test]
fn a_position_that_is_too_large_is_refused() {
    let mut mesh = three();
    let most = Position::from_nanos(limits::NANOS_MAX).unwrap().to_string();
    mesh.trade(1, "AAPL", &most);
    mesh.trade(1, "AAPL", "0.000000001");
    assert_eq!(mesh.processes[&1].refused, [Refusal::TooLarge]);
}
