//! The client in Rust alone, against real servers with both transports.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_client::{
    Body, Bust, Client, ClientError, Config, Feed, Fill, Outcome, Patience, Publication, Replay,
    Replayed, Request, Split, Unanswered,
};

use crate::client;
use crate::process::{Place, Process};
use crate::server::{Server, endpoint};

#[path = "../../../clients/rust/examples/first.rs"]
#[expect(dead_code, reason = "its main is for people")]
mod first;

const TRANSPORTS: [&str; 2] = ["native", "libzmq"];

/// How long a test waits for an event on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server with a front door at `front` and a ledger, or in memory.
fn serve(place: &Place, transport: &str, front: &str, data: bool) -> (Process, String) {
    let publish = "tcp://127.0.0.1:*";
    let mut arguments =
        vec!["serve", "--transport", transport, "--front", front, "--publish", publish];
    if data {
        place.init();
        arguments.extend(["--data", "data"]);
    }
    let mut process = place.start(&arguments);
    let line = process.line_with("listening ");
    (process, line)
}

fn config(front: &str) -> Config {
    let patience = Patience { reply: PATIENCE, ..Patience::default() };
    Config { patience, ..Config::new(front).unwrap() }
}

fn connect(front: &str) -> Client {
    Client::open(config(front)).unwrap()
}

fn halves() -> Request {
    Split::new([("a", "50"), ("b", "50")]).unwrap().into()
}

fn fill(quantity: u64) -> Request {
    Fill::buy("AAPL", "187.23", quantity).unwrap().into()
}

/// The next reply; panics where none comes.
fn next(client: &mut Client) -> allot_client::Reply {
    client.next_reply(PATIENCE).unwrap().expect("a reply in time")
}

fn shares(reply: &allot_client::Reply) -> Vec<u64> {
    reply.shares().iter().map(|(_, shares)| *shares).collect()
}

#[test]
fn requests_of_every_kind_are_replied_to_over_tcp_and_ipc() {
    for transport in TRANSPORTS {
        let place = Place::new();
        let path = format!("ipc://{}", place.path().join("front").display());
        for front in ["tcp://127.0.0.1:*", &path] {
            let (_serve, line) = serve(&place, transport, front, false);
            let mut client = connect(&endpoint(&line, "front="));
            client.submit(fill(3)).unwrap();
            assert_eq!(next(&mut client).outcome, Outcome::Held, "there is no split yet");
            assert_eq!((client.in_flight(), client.held()), (0, 1));
            let accepted = client.ask(halves()).unwrap();
            assert_eq!(accepted.outcome, Outcome::Accepted { split: 1 });
            let late = next(&mut client);
            assert_eq!((late.seq.get(), late.late, shares(&late)), (1, true, vec![2, 1]));
            let reply = client.ask(fill(4)).unwrap();
            assert_eq!(shares(&reply).iter().sum::<u64>(), 4);
            let bust = client.ask(Bust::new("AAPL", "3").unwrap()).unwrap();
            assert_eq!(shares(&bust), shares(&reply));
            let report = client.ask(Request::Report).unwrap();
            assert!(matches!(report.outcome, Outcome::Reported { .. }), "{report:?}");
            let none = client.next_reply(Duration::ZERO).unwrap();
            assert_eq!((none, client.in_flight(), client.held()), (None, 0, 0));
        }
    }
}

#[test]
fn messages_in_json_have_the_same_replies() {
    let place = Place::new();
    let (_serve, line) = serve(&place, "native", "tcp://127.0.0.1:*", false);
    let front = endpoint(&line, "front=");
    let mut binary = Client::open(config(&front).named("desk-1", 1).unwrap()).unwrap();
    let mut json = Client::open(config(&front).named("desk-1", 1).unwrap().in_json()).unwrap();
    for request in [halves(), fill(7), Bust::new("AAPL", "2").unwrap().into()] {
        let first = binary.ask(request.clone()).unwrap();
        let mut again = json.ask(request).unwrap();
        assert!(again.duplicate);
        (again.duplicate, again.time_ns) = (first.duplicate, first.time_ns);
        assert_eq!(again, first);
    }
    let all: Request = Replay::new("AAPL", 1).unwrap().into();
    let (first, again) = (binary.ask(all.clone()).unwrap(), json.ask(all).unwrap());
    assert_eq!(first.outcome, again.outcome);
    assert!(matches!(first.outcome, Outcome::Replayed(Replayed { last: 2, .. })), "{first:?}");
}

#[test]
fn the_first_example_does_what_it_says() {
    let place = Place::new();
    let (_serve, line) = serve(&place, "native", "tcp://127.0.0.1:*", false);
    let front = endpoint(&line, "front=");
    first::trade(&front).unwrap();
    let reply = connect(&front).ask(Replay::new("AAPL", 1).unwrap()).unwrap();
    let Outcome::Replayed(page) = reply.outcome else { panic!("{reply:?}") };
    let quantities = page.events.iter().map(|event| shares(&event.reply).iter().sum());
    assert_eq!(quantities.collect::<Vec<u64>>(), [100, 250]);
}

/// The next publication; panics where none comes.
fn next_published(feed: &mut Feed) -> Publication {
    feed.next(PATIENCE).unwrap().expect("a publication in time")
}

#[test]
fn the_feed_and_a_replay_give_the_same_outcomes() {
    const FILLS: u64 = 600;
    for transport in TRANSPORTS {
        let place = Place::new();
        let (_serve, line) = serve(&place, transport, "tcp://127.0.0.1:*", false);
        let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
        let mut client = connect(&front);
        client.ask(halves()).unwrap();
        let topics = ["fills:bin:", "fills:json:", "positions:bin", "account:bin:a:"];
        let mut feed = Feed::connect(&publish, topics).unwrap();
        // The shard hears of the subscription some time after the publisher.
        let mut first = None;
        let mut submitted = 0;
        while first.is_none() {
            client.ask(fill(3)).unwrap();
            submitted += 1;
            first = feed.next(Duration::from_millis(100)).unwrap();
        }
        while submitted < FILLS {
            client.ask(fill(3)).unwrap();
            submitted += 1;
        }
        client.ask(Request::Report).unwrap();
        let (mut published, mut events, mut in_json) = (first, BTreeMap::new(), BTreeMap::new());
        let (mut report, mut statement) = (None, None);
        while report.is_none() || statement.is_none() || in_json.len() != events.len() {
            let now = published.take().unwrap_or_else(|| next_published(&mut feed));
            assert_eq!(now.missed, 0, "{now:?}");
            match now.body {
                Body::Event(event) if now.topic.starts_with("fills:bin:") => {
                    events.insert(now.sequence, event);
                }
                Body::Event(event) => {
                    in_json.insert(now.sequence, event);
                }
                Body::Report(now) if now.fills == FILLS => report = Some(now),
                Body::Statement(now) if now.cut == FILLS + 1 => statement = Some(now),
                _ => {}
            }
        }
        let (report, statement) = (report.unwrap(), statement.unwrap());
        assert_eq!(report.sequences[0].1, FILLS);
        assert_eq!(report.accounts[0], statement.account);
        assert_eq!(events, in_json);
        let (mut next, mut replayed) = (1, BTreeMap::new());
        while next <= FILLS {
            let reply = client.ask(Replay::new("AAPL", next).unwrap()).unwrap();
            let Outcome::Replayed(page) = reply.outcome else { panic!("{reply:?}") };
            assert_eq!((page.from, page.last, page.oldest), (next, FILLS, 1));
            for event in page.events {
                replayed.insert(next, event);
                next += 1;
            }
        }
        for (sequence, event) in &events {
            assert_eq!(replayed.get(sequence), Some(event));
        }
        assert!(!events.is_empty());
    }
}

#[test]
fn a_feed_connects_again_and_says_why_there_is_none() {
    let place = Place::new();
    let publish = format!("ipc://{}", place.path().join("publish").display());
    let mut feed = Feed::connect(&publish, ["heartbeat:"]).unwrap();
    let none = feed.next(Duration::from_millis(10)).unwrap_err();
    assert!(matches!(&none, ClientError::NoFeed { .. }), "{none}");
    let start = || {
        let arguments = ["serve", "--front", "tcp://127.0.0.1:*", "--publish", &publish];
        let mut process = place.start(&arguments);
        process.line_with("listening ");
        process
    };
    let mut publishers = Vec::new();
    for lives in 1..=2 {
        let process = start();
        let publication = feed.next(PATIENCE).unwrap().expect("one within the patience");
        let Body::Heartbeat(heartbeat) = publication.body else { panic!("{publication:?}") };
        publishers.push(heartbeat.incarnation);
        assert_eq!(feed.connect_count(), lives);
        process.kill();
        // What was on its way still comes.
        while let Ok(Some(_)) = feed.next(Duration::ZERO) {}
    }
    assert_ne!(publishers[0], publishers[1]);
    let too_many = Feed::connect(&publish, vec![""; 16_384]).err().unwrap();
    assert!(too_many.to_string().contains("at most 16383"), "{too_many}");
}

#[test]
fn a_name_that_was_used_for_something_else_is_refused_and_a_repeat_is_told() {
    let place = Place::new();
    let (_serve, line) = serve(&place, "native", "tcp://127.0.0.1:*", false);
    let front = endpoint(&line, "front=");
    connect(&front).ask(halves()).unwrap();
    let again = || Client::open(config(&front).named("desk-1", 1).unwrap()).unwrap();
    let first = again().ask(fill(10)).unwrap();
    assert!(!first.duplicate);
    let repeat = again().ask(fill(10)).unwrap();
    assert!(repeat.duplicate);
    assert_eq!(shares(&repeat), shares(&first));
    let refused = again().ask(fill(11)).unwrap_err();
    assert_eq!(refused.code(), Some("name_reused"), "{refused}");
    let refused = again().ask(Bust::new("AAPL", "no-such-fill").unwrap()).unwrap_err();
    assert!(matches!(&refused, ClientError::Refused(_)), "{refused}");
    let unfair: Request = Split::new([("a", "50"), ("b", "49")]).unwrap().into();
    let refused = connect(&front).ask(unfair).unwrap_err();
    assert_eq!(refused.code(), Some("weights_must_add_to_100"), "{refused}");
}

#[test]
fn nothing_is_lost_and_nothing_doubled_when_the_server_is_killed() {
    const FILLS: usize = 3_000;
    for transport in TRANSPORTS {
        let place = Place::new();
        let front = format!("ipc://{}", place.path().join("front").display());
        let (mut server, mut line) = serve(&place, transport, &front, true);
        let mut client = connect(&front);
        client.ask(halves()).unwrap();
        let mut replies = BTreeMap::new();
        let mut submitted = 0;
        for killed_at in [500, 1_700, FILLS] {
            while replies.len() < killed_at {
                while submitted < FILLS && client.submit(fill(7)).is_ok() {
                    submitted += 1;
                }
                let reply = next(&mut client);
                assert_eq!(shares(&reply).iter().sum::<u64>(), 7, "{reply:?}");
                let twice = replies.insert(reply.seq, shares(&reply));
                assert_eq!(twice, None, "one reply to each");
            }
            if killed_at < FILLS {
                assert!(0 < client.in_flight());
                server.kill();
                (server, line) = serve(&place, transport, &front, true);
            }
        }
        assert_eq!(client.in_flight(), 0);
        let report = client::Client::connect(&front).report(&endpoint(&line, "publish="));
        assert_eq!(usize::try_from(report.fills), Ok(FILLS));
        let booked = report.accounts.iter().flat_map(|account| &account.positions);
        let booked: i128 = booked.map(|position| i128::from(position.quantity)).sum();
        assert_eq!(booked, 7 * i128::try_from(FILLS).unwrap());
        server.kill();
        let verified = place.run(&["verify", "data"]).ok();
        assert!(verified.contains(&format!("{FILLS} fills divided, 0 held")), "{verified}");
    }
}

#[test]
fn only_a_client_with_the_key_is_replied_to() {
    for transport in TRANSPORTS {
        let place = Place::new();
        let free = "tcp://127.0.0.1:*";
        let serve = ["serve", "--transport", transport, "--front", free, "--publish", free];
        let mut server = place.start(&[&serve[..], &["--front-secret", "keys"]].concat());
        let line = server.line_with("listening ");
        let (front, key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
        let mut client = Client::open(config(&front).with_key(&key).unwrap()).unwrap();
        client.ask(halves()).unwrap();
        for _ in 0..100 {
            client.submit(fill(4)).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(shares(&next(&mut client)), [2, 2]);
        }
        let other = zmq::z85_encode(&zmq::CurveKeyPair::new().unwrap().public_key).unwrap();
        for config in [config(&front), config(&front).with_key(&other).unwrap()] {
            let patience = Patience { reply: Duration::from_millis(500), ..config.patience };
            let mut stranger = Client::open(Config { patience, ..config }).unwrap();
            let error = stranger.ask(halves()).unwrap_err();
            let ClientError::NoReply { why, .. } = &error else { panic!("{error}") };
            let is_known = matches!(why, Unanswered::NoConnection { .. } | Unanswered::NotOpen);
            assert!(is_known && !stranger.is_connected(), "{error}");
        }
    }
}

#[test]
fn a_shard_that_is_away_is_named_and_the_request_waits_for_it() {
    let mut server = Server::over_ipc(1);
    let patience = Patience { reply: Duration::from_millis(300), ..Patience::default() };
    let mut client = connect(&server.front);
    client.ask(halves()).unwrap();
    server.kill("shard-0");
    let impatient = Config { patience, ..config(&server.front) };
    let mut client = Client::open(impatient).unwrap();
    // It is away as soon as the router has noticed it; until then nothing is known.
    let seq = client.submit(fill(7)).unwrap();
    loop {
        match client.reply_to(seq).unwrap_err() {
            ClientError::NoReply { why: Unanswered::NotNow(refusal), .. } => {
                assert!(["shard_away", "busy"].contains(&&*refusal.code), "{refusal}");
                break;
            }
            ClientError::NoReply { .. } => {}
            error => panic!("{error}"),
        }
    }
    server.start_again("shard-0");
    // The shard had no journal: it begins anew, and holds the fill for its first split.
    let reply = loop {
        match client.reply_to(seq) {
            Ok(reply) => break reply,
            Err(ClientError::NoReply { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(reply.outcome, Outcome::Held, "applied once, by the shard that is there now");
}

#[test]
fn a_client_waits_for_a_server_that_is_not_there_yet_and_says_so() {
    let place = Place::new();
    let front = format!("ipc://{}", place.path().join("front").display());
    let patience = Patience { reply: Duration::from_millis(50), ..Patience::default() };
    let mut client = Client::open(Config { patience, ..config(&front) }).unwrap();
    let error = client.ask(halves()).unwrap_err();
    let ClientError::NoReply { seq, .. } = error else { panic!("{error}") };
    assert!(error.to_string().contains("there is no connection"), "{error}");
    let (_serve, _) = serve(&place, "native", &front, false);
    let reply = next(&mut client);
    assert_eq!((reply.seq, reply.outcome), (seq, Outcome::Accepted { split: 1 }));
}

#[test]
fn what_is_in_flight_is_bounded_and_a_client_that_takes_no_replies_is_told() {
    let place = Place::new();
    let (_serve, line) = serve(&place, "native", "tcp://127.0.0.1:*", false);
    let narrow = Config { in_flight_max: 8, ..config(&endpoint(&line, "front=")) };
    let mut client = Client::open(narrow).unwrap();
    client.ask(halves()).unwrap();
    for _ in 0..8 {
        client.submit(fill(2)).unwrap();
    }
    assert!(matches!(client.submit(fill(2)), Err(ClientError::Full)));
    // One that waits for its own reply leaves the others to be taken.
    let own = client.ask(fill(6)).unwrap();
    assert_eq!(shares(&own), [3, 3]);
    for _ in 0..8 {
        assert_eq!(shares(&next(&mut client)), [1, 1]);
    }
    assert_eq!(client.next_reply(PATIENCE).unwrap(), None, "nothing is expected");
}
