//! CURVE: a front door that encrypts, and the clients that it accepts.

use std::fs;

use allot_allocation_service::Reply;
use zmq::SocketEvent;

use crate::client::{Client, PATIENCE_MS};
use crate::process::{Place, Process};
use crate::server::{FREE, SPLIT, endpoint};

/// A server whose front door encrypts, and its line with the endpoints.
fn server(place: &Place) -> (Process, String) {
    let keys = ["--front-secret", "keys"];
    let mut serve =
        place.start(&[&["serve", "--front", FREE, "--publish", FREE][..], &keys].concat());
    let line = serve.line_with("listening ");
    (serve, line)
}

/// Whether a client that expects this key, or none, completes the handshake.
fn gets_through(front: &str, key: Option<&[u8]>) -> bool {
    gets_through_as(zmq::DEALER, front, key)
}

fn gets_through_as(kind: zmq::SocketType, front: &str, key: Option<&[u8]>) -> bool {
    let context = zmq::Context::new();
    let [socket, monitor] = [kind, zmq::PAIR].map(|kind| context.socket(kind).unwrap());
    let pair = zmq::CurveKeyPair::new().unwrap();
    if let Some(key) = key {
        socket.set_curve_serverkey(key).unwrap();
        socket.set_curve_publickey(&pair.public_key).unwrap();
        socket.set_curve_secretkey(&pair.secret_key).unwrap();
    }
    let succeeded = SocketEvent::HANDSHAKE_SUCCEEDED.to_raw();
    let ends = succeeded | SocketEvent::DISCONNECTED.to_raw();
    socket.monitor("inproc://ends", i32::from(ends)).unwrap();
    monitor.set_rcvtimeo(PATIENCE_MS).unwrap();
    monitor.connect("inproc://ends").unwrap();
    socket.connect(front).unwrap();
    let event = monitor.recv_multipart(0).unwrap().remove(0);
    u16::from_ne_bytes([event[0], event[1]]) == succeeded
}

#[test]
fn only_a_client_with_the_key_of_the_front_door_gets_through() {
    let place = Place::new();
    let (_serve, line) = server(&place);
    let (front, key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
    let known = zmq::z85_decode(&key).unwrap();
    assert!(gets_through(&front, Some(&known)));
    assert!(!gets_through(&front, None), "in clear text");
    let other = zmq::CurveKeyPair::new().unwrap().public_key;
    assert!(!gets_through(&front, Some(&other)), "a client with another key");
}

#[test]
fn a_client_and_the_doctor_get_through_an_encrypted_front_door() {
    let place = Place::new();
    let (_serve, line) = server(&place);
    let (front, key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
    let client = Client::connect_to(&front, &key);
    assert!(matches!(client.ask(SPLIT.as_bytes()), Reply::Accepted { .. }));
    let publish = endpoint(&line, "publish=");
    let doctor = ["doctor", "--front", &front, "--front-key", &key, "--publish", &publish];
    let outcome = place.run(&doctor);
    assert!(outcome.stdout.contains("a server replies, report"), "{outcome:?}");
    // A key that is missing or wrong is not taken for a server that is stopped.
    let other = zmq::CurveKeyPair::new().unwrap().public_key;
    let other = zmq::z85_encode(&other).unwrap();
    for (key, why) in [
        (&[][..], "encrypts; give its public key with --front-key"),
        (&["--front-key", &*other], "has another key than --front-key"),
    ] {
        let doctor = ["doctor", "--front", &front, "--publish", &publish];
        let outcome = place.run(&[&doctor[..], key].concat());
        assert!(!outcome.status.success() && outcome.stdout.contains(why), "{outcome:?}");
    }
}

#[test]
fn the_keys_are_kept_over_a_restart() {
    let place = Place::new();
    let lines = [server(&place).1, server(&place).1];
    let keys = lines.each_ref().map(|line| endpoint(line, "front-key="));
    assert_eq!(keys[0], keys[1]);
    let kept = fs::read_to_string(place.path().join("keys")).unwrap();
    assert!(kept.contains(&keys[0]) && !lines[0].contains(kept.lines().last().unwrap()), "{kept}");
}

#[test]
fn keys_that_others_may_read_are_warned_of_and_a_mixed_pair_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let _ = server(&place);
    let keys = place.path().join("keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let (process, _) = server(&place);
    let errors = process.errors();
    assert!(errors.contains("holds a secret key") && errors.contains("chmod 600"), "{errors}");
    drop(process);
    let text = fs::read_to_string(&keys).unwrap();
    fs::remove_file(&keys).unwrap();
    let _ = server(&place);
    let other = fs::read_to_string(&keys).unwrap();
    let mixed = [text.lines().next().unwrap(), other.lines().nth(1).unwrap()].join("\n");
    fs::write(&keys, mixed).unwrap();
    let any = "tcp://127.0.0.1:*";
    let serve = ["serve", "--front", any, "--publish", any, "--front-secret", "keys"];
    let error = place.run(&serve).error();
    assert!(error.contains("of another pair"), "{error}");
}

#[test]
fn an_open_door_to_other_machines_is_warned_of() {
    let place = Place::new();
    let all = "tcp://0.0.0.0:*";
    let mut process = place.start(&["serve", "--front", all, "--publish", all]);
    process.line_with("listening ");
    let errors = process.errors();
    for named in ["front tcp://0.0.0.0:* can be reached", "publish tcp://0.0.0.0:* can be reached"]
    {
        assert!(errors.contains(named), "{errors}");
    }
}

/// A subscriber of libzmq that expects this key, or none.
fn subscriber(publish: &str, key: Option<&[u8]>) -> zmq::Socket {
    let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
    if let Some(key) = key {
        let pair = zmq::CurveKeyPair::new().unwrap();
        socket.set_curve_serverkey(key).unwrap();
        socket.set_curve_publickey(&pair.public_key).unwrap();
        socket.set_curve_secretkey(&pair.secret_key).unwrap();
    }
    socket.set_subscribe(b"").unwrap();
    socket.set_rcvtimeo(PATIENCE_MS).unwrap();
    socket.connect(publish).unwrap();
    socket
}

#[test]
fn only_a_subscriber_with_the_key_of_the_feed_hears_it() {
    for transport in ["native", "libzmq"] {
        let place = Place::new();
        let serve = ["serve", "--transport", transport, "--front", FREE, "--publish", FREE];
        let secrets = ["--front-secret", "keys", "--publish-secret", "feed-keys"];
        let mut process = place.start(&[&serve[..], &secrets].concat());
        let line = process.line_with("listening ");
        let (front, front_key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
        let (publish, key) = (endpoint(&line, "publish="), endpoint(&line, "publish-key="));
        assert_ne!(front_key, key);
        let known = zmq::z85_decode(&key).unwrap();
        let frames = subscriber(&publish, Some(&known)).recv_multipart(0).unwrap();
        assert_eq!(frames.len(), 3, "{transport}");
        let of_door = zmq::z85_decode(&front_key).unwrap();
        for (stranger, what) in [(None, "in clear text"), (Some(&of_door[..]), "another key")] {
            let ends = gets_through_as(zmq::SUB, &publish, stranger);
            assert!(!ends, "{transport}: {what}");
        }
        assert!(gets_through_as(zmq::SUB, &publish, Some(&known)), "{transport}");

        // Commands that read the feed, and a program in Rust.
        let client = Client::connect_to(&front, &front_key);
        assert!(matches!(client.ask(SPLIT.as_bytes()), Reply::Accepted { .. }));
        let ends = ["--front", &front, "--front-key", &front_key, "--publish", &publish];
        let keyed = [&ends[..], &["--publish-key", &key]].concat();
        let shown = place.run(&[&["positions", "--now"][..], &keyed].concat());
        assert!(shown.ok().contains("33.3"), "{transport}");
        let healthy = place.run(&[&["doctor"][..], &keyed].concat()).stdout;
        assert!(
            healthy.contains(&format!("publish {publish}: a server")),
            "{transport}: {healthy}"
        );
        let mut feed =
            allot_client::Feed::connect_with_key(&publish, &key, ["heartbeat:"]).unwrap();
        let patience = std::time::Duration::from_secs(120);
        assert!(feed.next(patience).unwrap().is_some(), "{transport}");
    }
}

#[test]
fn every_reader_of_an_encrypted_server_takes_its_keys() {
    let place = Place::new();
    let ends = ["--front", FREE, "--publish", FREE, "--report-every", "100ms"];
    let secrets = ["--front-secret", "keys", "--publish-secret", "feed-keys"];
    let mut server = place.start(&[&["serve"], &ends[..], &secrets].concat());
    let line = server.line_with("listening ");
    let (front, front_key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
    let (publish, publish_key) = (endpoint(&line, "publish="), endpoint(&line, "publish-key="));
    let client = Client::connect_to(&front, &front_key);
    client.ask(SPLIT.as_bytes());
    let ends = ["--front", &front, "--front-key", &front_key, "--publish", &publish];
    let keyed = [&ends[..], &["--publish-key", &publish_key]].concat();

    let mut live =
        place.start(&[&["fills", "--ticker", "AAPL", "--from", "1"], &keyed[..]].concat());
    let door = ["--front", &front, "--front-key", &front_key];
    let follow = ["--follow", &publish, "--follow-key", &publish_key, "--source", "desk"];
    let peer = ["mesh", "A", "--listen", FREE, "--join-wait", "10ms", "--json"];
    let mut peer = place.start(&[&peer[..], &follow, &door].concat());
    peer.line_with("started");
    let fill =
        r#"{"type":"fill","source":"desk","seq":1,"ticker":"AAPL","price":"9","quantity":70}"#;
    assert!(matches!(client.ask(fill.as_bytes()), Reply::Allocated { .. }));
    live.line_with("AAPL");
    peer.line_with(r#""position":"70""#);
    let top = place.run(&[&["top", "--once", "--json"], &keyed[..]].concat()).ok();
    assert!(top.contains("AAPL"), "{top}");
}
