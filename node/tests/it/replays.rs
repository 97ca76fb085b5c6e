//! Replays: what subscribers missed, again, from real servers over real sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use allot_allocation_service::{Reply, TopicName, encode_reply_message};
use allot_domain::Ticker;
use allot_wire::Encoding;
use serde_json::value::RawValue;

use crate::client::{Client, subscribe};
use crate::process::{Place, Process};
use crate::server::{FREE, SPLIT, Server, endpoint};

const TICKERS: [&str; 5] = ["AAPL", "BRK B", "BTC/USDT:USDT", "MSFT", "X"];

/// What the feed had: bodies by ticker and number.
type Published = BTreeMap<(Ticker, u64), Vec<u8>>;

fn fill(seq: usize, ticker: &str) -> String {
    let (price, quantity) = (seq % 90 + 10, seq % 40 + 1);
    let what = format!(r#""ticker":"{ticker}","price":{price},"quantity":{quantity}"#);
    format!(r#"{{"type":"fill","source":"f","seq":{seq},"id":"x-{seq}",{what}}}"#)
}

fn bust(seq: usize, ticker: &str, of: usize) -> String {
    format!(r#"{{"type":"bust","source":"f","seq":{seq},"ticker":"{ticker}","of":"x-{of}"}}"#)
}

fn replay(ticker: &str, from: u64) -> String {
    format!(r#"{{"type":"replay","source":"risk","seq":7,"ticker":"{ticker}","from":{from}}}"#)
}

fn number(frame: &[u8]) -> u64 {
    u64::from_be_bytes(frame.try_into().unwrap())
}

/// Takes what the subscriber has until `is_enough`; `step` is done while there is nothing.
fn receive(
    subscriber: &zmq::Socket,
    published: &mut Published,
    is_enough: impl Fn(&Published) -> bool,
    mut step: impl FnMut(),
) {
    while !is_enough(published) {
        if subscriber.poll(zmq::POLLIN, 100).unwrap() == 0 {
            step();
            continue;
        }
        let frames = subscriber.recv_multipart(0).unwrap();
        let Some(TopicName::Fills(ticker, _)) = TopicName::parse(&frames[0]) else {
            panic!("only fills were subscribed to");
        };
        published.insert((ticker, number(&frames[1])), frames[2].clone());
    }
}

/// All pages of a ticker, as the bytes of the outcomes in the order of their numbers.
fn history(client: &Client, name: &str) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), 1);
    loop {
        client.send(replay(name, next).as_bytes());
        let text = client.receive_text();
        let page: BTreeMap<&str, &RawValue> = serde_json::from_str(&text).unwrap();
        if page["type"].get() == r#""rejected""# {
            assert!(text.contains(r#""code":"busy""#), "{text}");
            continue;
        }
        assert_eq!(page["from"].get(), next.to_string());
        assert_eq!(page["oldest"].get(), "1");
        let fills: Vec<&RawValue> = serde_json::from_str(page["fills"].get()).unwrap();
        assert!(fills.len() <= 256);
        next += u64::try_from(fills.len()).unwrap();
        all.extend(fills.into_iter().map(|fill| fill.get().to_owned()));
        if page["last"].get() == (next - 1).to_string() {
            return all;
        }
    }
}

/// The same in binary: what a subscriber of the binary topics had.
fn binary_history(client: &Client, name: &str) -> Vec<Vec<u8>> {
    let (mut all, mut next) = (Vec::new(), 1);
    loop {
        let request = allot_allocation_service::decode_line(replay(name, next).as_bytes()).unwrap();
        let reply = client.ask(&crate::world::batch(&[request]));
        let Reply::Replayed { last, fills, .. } = reply else { panic!("{reply:?}") };
        next += u64::try_from(fills.len()).unwrap();
        for fill in fills {
            let mut body = Vec::new();
            encode_reply_message(Encoding::Binary, &fill, &mut body);
            all.push(body);
        }
        if last.get() < next {
            return all;
        }
    }
}

/// Fills that are held, divided late, busted while held and after; then many more.
fn trade(server: &Server, subscribers: [&zmq::Socket; 2]) -> [Published; 2] {
    let client = Client::connect(&server.front);
    let mut seq = 0;
    let mut next = || {
        seq += 1;
        seq
    };
    let mut published = [Published::new(), Published::new()];
    // A bust of a held fill is an event: once one of each ticker arrives, nothing more is missed.
    for ticker in TICKERS {
        let name = Ticker::new(ticker.as_bytes()).unwrap();
        for (subscriber, published) in subscribers.iter().zip(&mut published) {
            let is_heard = |known: &Published| known.keys().any(|(of, _)| *of == name);
            receive(subscriber, published, is_heard, || {
                let held = next();
                client.ask(fill(held, ticker).as_bytes());
                client.ask(bust(next(), ticker, held).as_bytes());
            });
        }
    }
    let held: Vec<_> = TICKERS.iter().map(|ticker| (next(), *ticker)).collect();
    for (held, ticker) in &held {
        client.ask(fill(*held, ticker).as_bytes());
    }
    Client::connect(&server.front).ask(SPLIT.as_bytes());
    client.receive();
    let more: Vec<_> = (0..4_000).map(|at| (next(), TICKERS[at % TICKERS.len()])).collect();
    for chunk in more.chunks(500) {
        let lines: Vec<_> = chunk.iter().map(|(seq, ticker)| fill(*seq, ticker)).collect();
        let sender = Client::connect(&server.front);
        sender.send(lines.join("\n").as_bytes());
        let mut missing = chunk.len();
        while 0 < missing {
            missing -= sender.receive().len();
        }
    }
    let sender = Client::connect(&server.front);
    for (of, ticker) in held.iter().chain(&more[..50]) {
        sender.ask(bust(next(), ticker, *of).as_bytes());
    }
    for (subscriber, published) in subscribers.iter().zip(&mut published) {
        for ticker in TICKERS {
            let name = Ticker::new(ticker.as_bytes()).unwrap();
            let last = u64::try_from(history(&sender, ticker).len()).unwrap();
            receive(subscriber, published, |known| known.contains_key(&(name, last)), || {});
        }
    }
    published
}

#[test]
fn a_replay_is_byte_for_byte_what_the_feed_had_also_after_a_restart() {
    let mut server = Server::kept_over_ipc(3);
    let json = subscribe(&server.publish, "fills:json:");
    let binary = subscribe(&server.publish, "fills:bin:");
    let [json, binary] = trade(&server, [&json, &binary]);
    let client = Client::connect(&server.front);
    let before: Vec<_> = TICKERS.iter().map(|ticker| history(&client, ticker)).collect();
    check(&json, &before, |body| String::from_utf8(body.to_vec()).unwrap());
    let all: String = before.iter().flatten().map(String::as_str).collect();
    assert!(all.contains(r#""late":true"#) && all.contains(r#""type":"busted""#));
    let in_binary: Vec<_> = TICKERS.iter().map(|ticker| binary_history(&client, ticker)).collect();
    check(&binary, &in_binary, <[u8]>::to_vec);
    for shard in 0..3 {
        let name = format!("shard-{shard}");
        server.kill(&name);
        server.start_again(&name);
    }
    let client = Client::connect(&server.front);
    let after: Vec<_> = TICKERS.iter().map(|ticker| history(&client, ticker)).collect();
    assert_eq!(after, before);
    let none = client.ask(replay("NEVER", 3).as_bytes());
    let Reply::Replayed { from, last, oldest, fills, .. } = none else { panic!("{none:?}") };
    assert_eq!((from.get(), last.get(), oldest.get(), fills.len()), (3, 0, 1, 0));
    server.stop();
}

/// Everything that was published is in the history under its number; most of it was.
#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(
    published: &Published,
    histories: &[Vec<T>],
    read: impl Fn(&[u8]) -> T,
) {
    for ((ticker, number), body) in published {
        let at = TICKERS.iter().position(|name| *name == ticker.as_str()).unwrap();
        let again = &histories[at][usize::try_from(number - 1).unwrap()];
        assert_eq!(*again, read(body), "{ticker} {number}");
    }
    assert!(4_000 < published.len());
}

#[test]
fn a_message_full_of_replays_has_a_reply_to_each() {
    let server = Server::embedded(2);
    let client = server.split();
    client.ask(fill(1, "AAPL").as_bytes());
    let count = 2_000;
    client.send(vec![replay("AAPL", 1); count].join("\n").as_bytes());
    let (mut replayed, mut busy) = (0, 0);
    while replayed + busy < count {
        for reply in client.receive() {
            match reply {
                Reply::Replayed { fills, .. } => replayed += fills.len(),
                Reply::Rejected { code, .. } if code == "busy" => busy += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(0 < replayed && 0 < busy, "{replayed} {busy}");
    // A replay is no input of a cut.
    let report = client.report(&server.publish);
    assert_eq!(report.cut, 2);
    server.stop();
}

/// A proxy between the publisher and a subscriber that loses each third outcome.
struct LossyProxy {
    endpoint: String,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LossyProxy {
    #[expect(clippy::disallowed_methods, reason = "it stands outside, as a network does")]
    fn start(publish: &str) -> Self {
        let context = zmq::Context::new();
        let (inner, outer) =
            (context.socket(zmq::XSUB).unwrap(), context.socket(zmq::XPUB).unwrap());
        inner.connect(publish).unwrap();
        outer.bind(FREE).unwrap();
        let endpoint = outer.get_last_endpoint().unwrap().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let mut items = [inner.as_poll_item(zmq::POLLIN), outer.as_poll_item(zmq::POLLIN)];
                zmq::poll(&mut items, 20).unwrap();
                let (is_published, is_subscription) =
                    (items[0].is_readable(), items[1].is_readable());
                if is_published {
                    let frames = inner.recv_multipart(0).unwrap();
                    let is_fill = frames[0].starts_with(b"fills:");
                    if !is_fill || !number(&frames[1]).is_multiple_of(3) {
                        outer.send_multipart(frames, 0).unwrap();
                    }
                }
                if is_subscription {
                    inner.send_multipart(outer.recv_multipart(0).unwrap(), 0).unwrap();
                }
            }
        });
        Self { endpoint, is_over, thread: Some(thread) }
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn send_fills(client: &Client, numbers: std::ops::RangeInclusive<usize>) {
    for seq in numbers {
        client.ask(fill(seq, "AAPL").as_bytes());
    }
}

#[test]
fn fills_from_a_number_on_are_printed_once_and_in_order_whatever_the_feed_loses() {
    let server = Server::embedded(2);
    let client = server.split();
    send_fills(&client, 1..=40);
    let proxy = LossyProxy::start(&server.publish);
    let ends = ["--front", &server.front, "--publish", &proxy.endpoint];
    let mut fills =
        server.place.start(&[&["fills", "--ticker", "AAPL", "--from", "5"], &ends[..]].concat());
    fills.line_with("AAPL#40 ");
    // The last of them is lost, and none follows that would show it.
    send_fills(&client, 41..=81);
    fills.line_with("AAPL#81 ");
    let number = |line: &String| {
        let (_, rest) = line.split_once("AAPL#").unwrap();
        rest.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert!(fills.seen().iter().map(number).eq(5..=81), "{:?}", fills.seen());
    drop(fills);
    server.stop();
}

/// A server of one shard that keeps the latest 20 outcomes.
fn forgetful(place: &Place) -> (Process, String, String) {
    let arguments = ["serve", "--front", FREE, "--publish", FREE, "--history", "20"];
    let mut serve = place.start(&arguments);
    let line = serve.line_with("listening ");
    (serve, endpoint(&line, "front="), endpoint(&line, "publish="))
}

#[test]
fn what_is_no_longer_kept_is_an_error_that_says_from_where_on_it_is() {
    let place = Place::new();
    let (_serve, front, publish) = forgetful(&place);
    let client = Client::connect(&front);
    client.ask(SPLIT.as_bytes());
    send_fills(&client, 1..=30);
    let ends = ["--front", &front, "--publish", &publish];
    let fills = |arguments: &[&str]| place.run(&[&["fills"], arguments, &ends[..]].concat());
    let error = fills(&["--ticker", "AAPL", "--from", "1"]).error();
    assert!(error.contains("outcomes 1 to 10 of AAPL are no longer kept; --from 11"), "{error}");
    let error = fills(&["--ticker", "AAPL", "--ticker", "X", "--from", "1"]).error();
    assert!(error.contains("give one --ticker"), "{error}");
    let outcome = fills(&["--from", "1"]);
    assert_eq!(outcome.status.code(), Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("--ticker"), "{outcome:?}");
    let outcome = fills(&["--ticker", "AAPL", "--from", "0"]);
    assert_eq!(outcome.status.code(), Some(2), "{outcome:?}");
}
