//! Two processes of one name.

use super::*;
use crate::{NameTaken, Started};

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

fn taken(incarnation: Incarnation, at: &str, is_alive: bool) -> NameTaken {
    let (instance, address) = (Instance::new(77), address(at));
    NameTaken { incarnation, instance, address, is_alive, heard: Duration::ZERO }
}

/// A peer of the first tells it something.
fn tell_the_first(mesh: &mut Mesh, message: Message) {
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((1, Event::Received(*theirs, message)));
    mesh.settle();
}

#[test]
fn a_claim_that_nobody_backs_is_counted_and_ends_nobody() {
    // Nobody listens there; or somebody else does.
    for at in ["nowhere", "s3"] {
        let mut mesh = three();
        mesh.trade(1, "AAPL", "100");
        tell_the_first(&mut mesh, Message::NameTaken(taken(life(&[1, 9]), at, true)));
        assert_eq!(mesh.processes[&1].stepped_down, None);
        mesh.pass(BEAT * 5);
        assert_eq!(mesh.counters(1).unfounded, 1);
        assert_eq!(mesh.processes[&1].replica.phase(), Phase::Running(life(&[1])));
        let (peer, incarnation) = (Some(name("s2")), life(&[1, 9]));
        let said = Notice::NotFound { peer, incarnation, address: address(at) };
        assert!(mesh.processes[&1].notices.contains(&said));
        mesh.trade(1, "AAPL", "1");
        assert_eq!(mesh.view(2), ["s1 AAPL 101"]);
        assert!(!mesh.processes[&1].replica.dials.has(&address("nowhere")));
    }
}

#[test]
fn a_list_that_names_a_later_process_of_an_owner_ends_nobody() {
    let NameTaken { incarnation, instance, address, .. } = taken(life(&[1, 9, 9]), "nowhere", true);
    let name = name("s1");
    let heard = Duration::ZERO;
    let member = crate::Member { name, address, incarnation, instance, is_alive: true, heard };
    let list = Message::Members(vec![member]);
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    tell_the_first(&mut mesh, list.clone());
    // Others believe it, and hear the owner again under the incarnation after it.
    let link = mesh.processes[&3].links.iter().find(|(_, (other, _))| *other == 2);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((2, Event::Received(*theirs, list)));
    mesh.pass(BEAT * 9);
    assert_eq!(mesh.processes[&1].stepped_down, None);
    assert_eq!(mesh.processes[&1].replica.running().unwrap().start(), 4);
    mesh.trade(1, "AAPL", "1");
    for number in 1..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 101"]);
    }
}

#[test]
fn a_made_up_hello_of_its_own_name_ends_no_owner() {
    let mut mesh = three();
    let link = LinkId::new(1_000);
    mesh.queue.push_back((1, Event::LinkUp(link, None)));
    let hello = crate::Hello {
        name: name("s1"),
        incarnation: life(&[1, 9]),
        instance: Instance::new(77),
        address: address("nowhere"),
        is_joining: false,
        heartbeat: BEAT,
        heard: Instance::ZERO,
    };
    mesh.queue.push_back((1, Event::Received(link, Message::Hello(hello))));
    mesh.pass(BEAT * 9);
    assert_eq!(mesh.processes[&1].stepped_down, None);
    assert_eq!(mesh.counters(1).unfounded, 1);
}

/// The numbers of starts are not used up by what somebody says.
#[test]
fn a_claim_of_a_start_that_nobody_can_have_reached_moves_nobody_on() {
    let mut mesh = three();
    let far = Incarnation::new(limits::STARTS_MAX - 1, 7);
    tell_the_first(&mut mesh, Message::NameTaken(taken(far, "nowhere", false)));
    mesh.pass(BEAT * 5);
    assert_eq!(mesh.processes[&1].replica.phase(), Phase::Running(life(&[1])));
    assert_eq!(mesh.counters(1).unfounded, 1);
}

/// Those who know of one another only through the one in the middle meet before it is gone.
#[test]
fn of_three_in_a_chain_one_stays() {
    for apart in [Duration::ZERO, BEAT, BEAT * 2] {
        for [a, b, c] in [[5, 6, 7], [5, 7, 6], [6, 5, 7], [6, 7, 5], [7, 5, 6], [7, 6, 5]] {
            let mut mesh = Mesh::default();
            for (number, at) in [(a, "a"), (b, "b"), (c, "c")] {
                let own = Settings { address: address(at), ..settings("s1", number, &[]) };
                mesh.start(own, Owned::new());
                mesh.trade(number, "AAPL", &number.to_string());
            }
            mesh.start(settings("s2", 2, &["a", "b"]), Owned::new());
            mesh.pass(apart);
            mesh.start(settings("s3", 3, &["b", "c"]), Owned::new());
            mesh.pass(BEAT * 20);
            let is_up = |number: &u64| mesh.processes[number].stepped_down.is_none();
            let stay: Vec<u64> = [a, b, c].into_iter().filter(is_up).collect();
            assert_eq!(stay.len(), 1, "{apart:?}, {a} {b} {c}: {stay:?}");
            for number in [2, 3, stay[0]] {
                assert_eq!(mesh.view(number), [format!("s1 AAPL {}", stay[0])], "{a} {b} {c}");
            }
        }
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

/// Each is told of the other by the one that hears both, which says that they are two.
#[test]
fn of_two_that_share_a_peer_and_cannot_meet_the_older_one_yields() {
    let (one, other) = if life(&[1]) < life(&[11]) { (1, 11) } else { (11, 1) };
    for [older, later] in [[one, other], [1, 12]] {
        for is_older_first in [true, false] {
            let mut mesh = Mesh::default();
            mesh.part(older, later);
            for (number, at) in [(older, "a"), (later, "b")] {
                let own = Settings { address: address(at), ..settings("s1", number, &[]) };
                let restarts = if number == 12 { vec![7] } else { vec![] };
                mesh.start(own, restarted(&restarts));
                mesh.trade(number, "AAPL", &number.to_string());
                mesh.trade(number, "MSFT", "1");
            }
            let known = if is_older_first { ["a", "b"] } else { ["b", "a"] };
            mesh.start(settings("s2", 2, &known[..1]), Owned::new());
            mesh.pass(BEAT * 2);
            mesh.start(settings("s3", 3, &["s2", known[1]]), Owned::new());
            let sees = |mesh: &Mesh, number: u64, of: &str| {
                let status = mesh.processes[&number].replica.status(mesh.now());
                let member = status.members.into_iter().find(|member| member.name == name(of));
                member.map_or(status.namesake, |member| member.namesake).map(|one| one.instance)
            };
            let mut seen = BTreeSet::new();
            for _ in 0..60 {
                mesh.pass(BEAT / 4);
                for (number, of) in [(3, "s1"), (older, "s1"), (later, "s1")] {
                    if mesh.processes[&older].stepped_down.is_none() {
                        seen.extend(sees(&mesh, number, of).map(|found| (number, found)));
                    }
                }
            }
            let said = BTreeSet::from([(3, older), (older, later), (later, older)]);
            let said = said.into_iter().map(|(at, of)| (at, Instance::new(of))).collect();
            assert_eq!(seen, said, "{older} {later} {is_older_first}");
            let Some(StepDown::NameTaken { peer: Some(_), trades: Some(trades), .. }) =
                &mesh.processes[&older].stepped_down
            else {
                panic!("{older} {later}: {:?}", mesh.processes[&older].stepped_down);
            };
            assert_eq!(trades.count, 2);
            assert_eq!(mesh.processes[&later].stepped_down, None, "{older} {later}");
            assert_eq!(mesh.view(2), mesh.view(later));
            assert_eq!(mesh.view(2), [format!("s1 AAPL {later}"), "s1 MSFT 1".to_owned()]);
            assert_eq!(sees(&mesh, 3, "s1"), None, "the conflict is over");
        }
    }
}

/// The journal of a strategy whose processes so far had these instances.
fn restarted(instances: &[u64]) -> Owned {
    let mut owned = Owned::new();
    for count in 1..=instances.len() {
        let started = Started { incarnation: life(&instances[..count]), adopted: None };
        owned.apply(&Record::Started(started)).unwrap();
    }
    owned
}
