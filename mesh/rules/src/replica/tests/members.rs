//! Who is there, who is away, and who is sent what meanwhile.

use super::*;

#[test]
fn a_slow_heartbeat_is_not_taken_for_silence() {
    let mut mesh = Mesh::default();
    mesh.start(Settings { heartbeat: BEAT * 10, ..settings("s1", 1, &[]) }, Owned::new());
    mesh.start(settings("s2", 2, &["s1"]), Owned::new());
    mesh.pass(BEAT * 60);
    assert!(!mesh.processes[&2].is_told_away("s1"));
    mesh.part(1, 2);
    mesh.pass(BEAT * 60);
    assert!(mesh.processes[&2].is_told_away("s1"));
}

#[test]
fn a_member_that_is_not_heard_is_away_and_its_rows_stay() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.part(1, 2);
    mesh.pass(BEAT * 5);
    assert!(mesh.processes[&2].is_told_away("s1"));
    let status = mesh.processes[&2].replica.status(mesh.now());
    assert!(!status.members[0].is_alive && status.members[0].away_since.is_some());
    // What it writes meanwhile comes through the third.
    mesh.trade(1, "AAPL", "1");
    mesh.pass(BEAT * 9);
    assert_eq!(mesh.view(2), ["s1 AAPL 101"]);
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    assert!(mesh.processes[&2].notices.contains(&Notice::Back(name("s1"))));
}

#[test]
fn whoever_slept_does_not_take_the_others_for_silent() {
    let mut mesh = three();
    // It is stopped, and nothing of the others is read until it runs again.
    mesh.time += u64::try_from((BEAT * 20).as_nanos()).unwrap();
    mesh.queue.push_back((1, Event::Tick));
    mesh.settle();
    let status = mesh.processes[&1].replica.status(mesh.now());
    assert!(status.members.iter().all(|member| member.is_alive));
}

/// The others do not notice at one moment that somebody has gone, so that relays may reckon with
/// other groups than the owner: its changes go to all for a while, and then it says to all through
/// what it has written.
#[test]
fn after_somebody_has_gone_an_owner_sends_to_all_until_all_have_noticed() {
    let mut mesh = Mesh::default();
    for number in 1..=9 {
        let known: &[&str] = if number == 1 { &[] } else { &["s1"] };
        let own = settings(&format!("s{number}"), number, known);
        mesh.start(Settings { direct: 1, ..own }, Owned::new());
    }
    mesh.pass(BEAT * 2);
    let trade = |mesh: &mut Mesh| {
        let before = mesh.sent(1);
        mesh.trade(1, "AAPL", "1");
        mesh.sent(1) - before
    };
    let by_relays = trade(&mut mesh);
    assert!((1..7).contains(&by_relays), "{by_relays} of eight");
    mesh.kill(9);
    mesh.pass(limits::REGROUPING / 2);
    assert_eq!(trade(&mut mesh), 7);
    let before = mesh.sent(1);
    mesh.pass(limits::REGROUPING);
    assert_eq!(mesh.sent(1) - before, 7, "one without rows to each");
    let by_relays = trade(&mut mesh);
    assert!((1..7).contains(&by_relays), "{by_relays} of seven");
    for number in 1..=8 {
        assert_eq!(mesh.view(number), ["s1 AAPL 3"]);
    }
}

/// They cost nothing to hold, and would keep others out.
#[test]
fn one_member_does_not_hold_all_connections() {
    let mut mesh = three();
    let hello = crate::Hello {
        name: name("s9"),
        incarnation: life(&[9]),
        instance: Instance::new(9),
        address: address("s9"),
        is_joining: false,
        heartbeat: BEAT,
        heard: Instance::ZERO,
    };
    for number in 1_000..1_100 {
        let link = LinkId::new(number);
        mesh.queue.push_back((1, Event::LinkUp(link, None)));
        mesh.queue.push_back((1, Event::Received(link, Message::Hello(hello.clone()))));
    }
    mesh.settle();
    let links = &mesh.processes[&1].replica.links;
    let of_nine = |link: &&Link| link.member().is_some_and(|peer| peer.name == name("s9"));
    assert_eq!(links.values().filter(of_nine).count(), limits::LINKS_OF_A_NAME_MAX);
    assert!(links.contains_key(&LinkId::new(1_099)), "the latest one is there");
    mesh.trade(2, "AAPL", "5");
    assert_eq!(mesh.view(1), ["s2 AAPL 5"]);
}

#[test]
fn a_connection_that_is_made_again_at_once_is_not_told_of() {
    let mut mesh = three();
    let (own, (other, theirs)) =
        mesh.processes[&1].links.first_key_value().map(|(own, end)| (*own, *end)).unwrap();
    let has_of = |mesh: &Mesh, is: fn(&Notice) -> bool| {
        mesh.processes.values().flat_map(|process| &process.notices).filter(|n| is(n)).count()
    };
    mesh.effect(1, Effect::Close(own));
    mesh.queue.push_back((1, Event::LinkDown(own)));
    mesh.settle();
    let status = mesh.processes[&1].replica.status(mesh.now());
    assert_eq!(status.members.iter().filter(|member| !member.is_alive).count(), 1);
    mesh.pass(BEAT * 9);
    assert!(!mesh.processes[&other].links.contains_key(&theirs));
    assert!(mesh.processes[&1].replica.status(mesh.now()).members.iter().all(|it| it.is_alive));
    // So is a process that starts again at once, but for that it has joined.
    let joined = |notice: &Notice| matches!(notice, Notice::Joined(..));
    let owned = mesh.kill(2);
    let before = has_of(&mesh, joined);
    mesh.start(settings("s2", 22, &["s1"]), owned);
    mesh.pass(BEAT * 9);
    assert_eq!(has_of(&mesh, joined) - before, 2 + 2, "it, and to it the others");
    assert_eq!(has_of(&mesh, |notice| matches!(notice, Notice::Away(..) | Notice::Back(_))), 0);
    // One that stays away is told of once.
    mesh.kill(22);
    mesh.pass(BEAT * 9);
    assert_eq!(has_of(&mesh, |notice| matches!(notice, Notice::Away(..))), 2);
}

/// Otherwise whoever prints who is away would keep invented names for ever.
#[test]
fn of_a_member_that_has_to_make_room_it_is_said_that_it_is_none() {
    let mut mesh = three();
    for number in 1_000..1_000 + limits::MEMBERS_MAX as u64 {
        let link = LinkId::new(number);
        let hello = crate::Hello {
            name: name(&format!("x{number}")),
            incarnation: life(&[9]),
            instance: Instance::new(number),
            address: address(&format!("x{number}")),
            is_joining: false,
            heartbeat: BEAT,
            heard: Instance::ZERO,
        };
        mesh.queue.push_back((1, Event::LinkUp(link, None)));
        mesh.queue.push_back((1, Event::Received(link, Message::Hello(hello))));
        mesh.queue.push_back((1, Event::LinkDown(link)));
        mesh.settle();
    }
    let forgotten = mesh.processes[&1].notices.iter().filter_map(|notice| match notice {
        Notice::Forgotten(who) => Some(*who),
        _ => None,
    });
    // This one, the two others, and as many as there is room for.
    assert_eq!(forgotten.count(), 3);
    assert_eq!(mesh.processes[&1].replica.members.iter().count() + 1, limits::MEMBERS_MAX);
}

/// Whoever prints it would take it for one that is there.
#[test]
fn one_that_others_hear_and_that_is_not_reached_is_said_to_be_away() {
    let mut mesh = three();
    let link = *mesh.processes[&1].links.keys().next().unwrap();
    let told = |number: u64, is_alive: bool| crate::Member {
        name: name(&format!("s{number}")),
        address: address(&format!("s{number}")),
        incarnation: life(&[number]),
        instance: Instance::new(number),
        is_alive,
        heard: Duration::ZERO,
    };
    let list = vec![told(8, true), told(9, false)];
    mesh.queue.push_back((1, Event::Received(link, Message::Members(list))));
    mesh.settle();
    let said = |mesh: &Mesh| -> Vec<String> {
        let said = mesh.processes[&1].notices.iter().filter_map(|notice| match notice {
            Notice::Joined(who, ..) => Some(format!("{who} has joined")),
            Notice::Away(who, _) => Some(format!("{who} is away")),
            Notice::Back(who) => Some(format!("{who} is back")),
            _ => None,
        });
        said.filter(|text| text.starts_with("s8") || text.starts_with("s9")).collect()
    };
    assert_eq!(said(&mesh), ["s8 has joined"]);
    mesh.pass(limits::AWAY_TOLD_AFTER);
    assert_eq!(said(&mesh), ["s8 has joined", "s9 is away"]);
    mesh.pass(BEAT * 4);
    assert_eq!(said(&mesh), ["s8 has joined", "s9 is away", "s8 is away"]);
    // When one of them is there after all, that is said.
    mesh.start(settings("s9", 9, &["s1"]), Owned::new());
    mesh.pass(BEAT * 4);
    assert_eq!(said(&mesh)[3..], ["s9 has joined"]);
}

#[test]
fn owners_of_rows_whose_processes_nobody_has_heard_are_said_to_be_away() {
    let row = crate::Row {
        symbol: symbol("AAPL"),
        position: Position::parse("7").unwrap(),
        version: first(9, 1),
        updated: Unix::new(5),
    };
    let mut mesh = Mesh::default();
    let rows = [(name("s9"), row)];
    mesh.start_replica(Replica::new(settings("s1", 1, &[]), Owned::new(), rows, []));
    mesh.start(settings("s2", 2, &["s1"]), Owned::new());
    mesh.pass(BEAT * 2);
    for number in [1, 2] {
        assert_eq!(mesh.view(number), ["s9 AAPL 7"]);
        let process = &mesh.processes[&number];
        let away = Notice::Away(name("s9"), Unix::new(5));
        assert_eq!(process.notices.iter().filter(|notice| **notice == away).count(), 1);
        let status = process.replica.status(mesh.now());
        let of_nine = status.members.iter().find(|member| member.name == name("s9")).unwrap();
        assert_eq!(of_nine.away_since, Some(Unix::new(5)));
    }
}
