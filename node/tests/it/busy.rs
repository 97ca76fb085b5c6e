//! Busy: a front door that has no room for a replay is asked again, more and more slowly, and not
//! for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::process::Place;

/// A front door that is busy so many times, and then has one outcome.
struct BusyDoor {
    endpoint: String,
    asked: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl BusyDoor {
    #[expect(clippy::disallowed_methods, reason = "it stands for a server in another process")]
    fn start(busy_count: usize) -> Self {
        let door = zmq::Context::new().socket(zmq::ROUTER).unwrap();
        door.bind("tcp://127.0.0.1:*").unwrap();
        door.set_rcvtimeo(20).unwrap();
        let endpoint = door.get_last_endpoint().unwrap().unwrap();
        let (asked, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, ends) = (Arc::clone(&asked), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let Ok(frames) = door.recv_multipart(0) else { continue };
                let is_busy = count.fetch_add(1, Ordering::Relaxed) < busy_count;
                let reply = reply(&serde_json::from_slice(&frames[1]).unwrap(), is_busy);
                door.send_multipart([&frames[0][..], reply.as_bytes()], 0).unwrap();
            }
        });
        Self { endpoint, asked, is_over, thread: Some(thread) }
    }
}

impl Drop for BusyDoor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn reply(replay: &Value, is_busy: bool) -> String {
    let (source, seq) = (&replay["source"], &replay["seq"]);
    if is_busy {
        let reason = "the server is busy; send it again later";
        return json!({
            "type": "rejected", "source": source, "seq": seq, "code": "busy", "reason": reason,
        })
        .to_string();
    }
    let fill = json!({
        "type": "allocated", "source": "f", "seq": 1, "ticker": "AAPL", "price": "1",
        "quantity": 7, "split": 1, "shares": { "a": 7 },
    });
    let is_first = replay["from"] == 1;
    json!({
        "type": "replayed", "source": source, "seq": seq, "ticker": "AAPL",
        "from": replay["from"], "last": 1, "oldest": 1,
        "fills": if is_first { vec![fill] } else { Vec::new() },
    })
    .to_string()
}

#[test]
fn a_replay_that_is_busy_is_asked_for_again() {
    let (place, door) = (Place::new(), BusyDoor::start(6));
    let nowhere = format!("ipc://{}/nowhere", place.path().display());
    let ends = ["--front", &door.endpoint, "--publish", &nowhere];
    let fills = ["fills", "--ticker", "AAPL", "--from", "1", "--format", "json"];
    let mut fills = place.start(&[&fills, &ends[..]].concat());
    let line: Value = serde_json::from_str(&fills.line_with("allocated")).unwrap();
    assert_eq!((&line["sequence"], &line["shares"]["a"]), (&json!(1), &json!(7)), "{line}");
    assert!(7 <= door.asked.load(Ordering::Relaxed));
}

#[test]
fn a_front_door_that_stays_busy_is_an_error_that_says_so() {
    let (place, door) = (Place::new(), BusyDoor::start(usize::MAX));
    let nowhere = format!("ipc://{}/nowhere", place.path().display());
    let ends = ["--front", &door.endpoint, "--publish", &nowhere];
    let fills = ["fills", "--ticker", "AAPL", "--from", "1"];
    let error = place.run(&[&fills, &ends[..]].concat()).error();
    let asked = door.asked.load(Ordering::Relaxed);
    assert!(error.contains("the front door refused to replay AAPL for 15 s"), "{error}");
    assert!(error.contains("the server is busy; send it again later"), "{error}");
    // With the same pause each time it would be hundreds.
    assert!(5 < asked && asked < 60, "{asked}");
}
