//! A feed in Rust that loses outcomes of a real server has them again, from its front door.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use allot_client::{
    Body, Client, Config, Feed, Fill, Gap, Patience, Publication, Report, Request, Split,
    Unrepaired,
};

use crate::process::{Place, Process};
use crate::server::endpoint;

/// How long a test waits for an event on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const TOPIC: &str = "fills:bin:AAPL:";

/// What stands between a publisher and its subscribers, and loses what it is told to.
struct Relay {
    lost: Arc<Mutex<Vec<RangeInclusive<u64>>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    #[expect(clippy::disallowed_methods, reason = "it stands between two processes")]
    fn start(publish: &str, at: &str) -> Self {
        let context = zmq::Context::new();
        let (from, to) = (context.socket(zmq::SUB).unwrap(), context.socket(zmq::PUB).unwrap());
        from.connect(publish).unwrap();
        from.set_subscribe(b"").unwrap();
        to.set_linger(0).unwrap();
        to.bind(at).unwrap();
        let lost = Arc::<Mutex<Vec<RangeInclusive<u64>>>>::default();
        let is_over = Arc::<AtomicBool>::default();
        let (of_thread, ends) = (Arc::clone(&lost), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                if from.poll(zmq::POLLIN, 10).unwrap() == 0 {
                    continue;
                }
                let frames = from.recv_multipart(0).unwrap();
                let number = u64::from_be_bytes(frames[1][..].try_into().unwrap());
                let is_lost = frames[0] == TOPIC.as_bytes()
                    && of_thread.lock().unwrap().iter().any(|lost| lost.contains(&number));
                if !is_lost {
                    to.send_multipart(frames, 0).unwrap();
                }
            }
        });
        Self { lost, is_over, thread: Some(thread) }
    }

    fn lose(&self, numbers: RangeInclusive<u64>) {
        self.lost.lock().unwrap().push(numbers);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A relay that has panicked has failed its test already.
        let _ = self.thread.take().unwrap().join();
    }
}

/// A server, what is between it and its feed, and who sends fills: the first of one share, the next
/// of two, and so on.
struct Rig {
    place: Place,
    front: String,
    publish: String,
    client: Client,
    fills: u64,
    _server: Process,
}

impl Rig {
    fn start(settings: &[&str]) -> Self {
        let place = Place::new();
        let free = "tcp://127.0.0.1:*";
        let serve = ["serve", "--transport", "native", "--front", free, "--publish", free];
        let mut server = place.start(&[&serve[..], settings].concat());
        let line = server.line_with("listening ");
        let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
        let mut client = client(&front, PATIENCE);
        client.ask(Split::new([("a", "50"), ("b", "50")]).unwrap()).unwrap();
        Self { place, front, publish, client, fills: 0, _server: server }
    }

    /// Where the relay is.
    fn relay(&self) -> String {
        format!("ipc://{}", self.place.path().join("relay").display())
    }

    fn feed(&self, client: Client) -> Feed {
        Feed::connect(&self.relay(), ["fills:bin:", "positions:bin"]).unwrap().repaired_by(client)
    }

    fn fill(&mut self) {
        self.fills += 1;
        self.client.ask(Fill::buy("AAPL", "187.23", self.fills).unwrap()).unwrap();
    }

    /// Sends fills until the feed has one of them; returns its number.
    fn begin(&mut self, feed: &mut Feed) -> u64 {
        loop {
            self.fill();
            // There is no connection yet, or nothing of this topic.
            if let Ok(Some(Publication { topic, sequence, .. })) =
                feed.next(Duration::from_millis(50))
                && topic == TOPIC
            {
                return sequence;
            }
        }
    }
}

fn client(front: &str, reply: Duration) -> Client {
    let patience = Patience { reply, ..Patience::default() };
    Client::open(Config { patience, ..Config::new(front).unwrap() }).unwrap()
}

/// The publications of the ticker up to this number, or up to a report that has it.
fn outcomes(feed: &mut Feed, last: u64) -> (Vec<Publication>, Option<Report>) {
    let mut had: Vec<Publication> = Vec::new();
    loop {
        let publication = match feed.next(PATIENCE) {
            // It is about to be made again.
            Err(allot_client::ClientError::NoFeed { .. }) => continue,
            publication => publication.unwrap().expect("a publication in time"),
        };
        match &publication.body {
            Body::Event(event) => {
                let quantity: u64 = event.reply.shares().iter().map(|(_, shares)| *shares).sum();
                assert_eq!(quantity, publication.sequence, "the fill of this number");
                let is_last = publication.sequence == last;
                had.push(publication);
                if is_last {
                    return (had, None);
                }
            }
            Body::Report(report) if report.fills == last => return (had, Some(report.clone())),
            _ => {}
        }
    }
}

fn numbers(had: &[Publication]) -> Vec<u64> {
    had.iter().map(|publication| publication.sequence).collect()
}

fn gaps(feed: &mut Feed) -> Vec<Gap> {
    std::iter::from_fn(|| feed.next_gap()).collect()
}

#[test]
fn what_is_lost_between_and_at_the_end_comes_again_in_order() {
    let mut rig = Rig::start(&["--report-every", "1h"]);
    let relay = Relay::start(&rig.publish, &rig.relay());
    let mut feed = rig.feed(client(&rig.front, PATIENCE));
    let first = rig.begin(&mut feed);
    // A gap of more than a page, and one that nothing follows but a report.
    let (begin, last) = (rig.fills + 1, rig.fills + 320);
    relay.lose(begin..=begin + 299);
    relay.lose(last - 4..=last);
    while rig.fills < last {
        rig.fill();
    }
    rig.client.ask(Request::Report).unwrap();
    let (had, _) = outcomes(&mut feed, last);
    // The report that has shown what was lost at the end is behind it.
    let (behind, report) = outcomes(&mut feed, last);
    assert!(behind.is_empty() && report.is_some(), "{behind:?}");
    assert_eq!(numbers(&had), (first + 1..=last).collect::<Vec<_>>());
    for publication in &had {
        let number = publication.sequence;
        let is_lost = (begin..begin + 300).contains(&number) || last - 5 < number;
        assert_eq!((publication.replayed, publication.missed), (is_lost, 0), "{number}");
    }
    let gaps = gaps(&mut feed);
    let told: Vec<_> = gaps.iter().map(|gap| (gap.first, gap.last)).collect();
    assert_eq!(told, [(begin, begin + 299), (last - 4, last)]);
    assert!(gaps.iter().all(|gap| gap.topic == TOPIC && gap.unrepaired.is_none()), "{gaps:?}");
}

#[test]
fn what_happens_without_a_connection_comes_when_it_is_there_again() {
    let mut rig = Rig::start(&["--report-every", "1h"]);
    let relay = Relay::start(&rig.publish, &rig.relay());
    let mut feed = rig.feed(client(&rig.front, PATIENCE));
    let first = rig.begin(&mut feed);
    drop(relay);
    for _ in 0..10 {
        rig.fill();
    }
    // Nobody publishes anything more: the connection alone has the feed ask.
    let _relay = Relay::start(&rig.publish, &rig.relay());
    let (mut had, _) = outcomes(&mut feed, rig.fills);
    assert_eq!(feed.connect_count(), 2);
    assert!(had.iter().rev().take(10).all(|publication| publication.replayed), "{had:?}");
    // The feed goes on where the history ends.
    while had.last().is_some_and(|publication| publication.replayed) {
        rig.fill();
        while let Some(publication) = feed.next(Duration::from_millis(50)).unwrap() {
            had.extend(Some(publication).filter(|publication| publication.topic == TOPIC));
        }
    }
    let last = had.last().unwrap().sequence;
    assert_eq!(numbers(&had), (first + 1..=last).collect::<Vec<_>>());
    assert!(had.iter().all(|publication| publication.missed == 0));
}

#[test]
fn what_is_no_longer_kept_is_told_and_the_rest_comes() {
    let mut rig = Rig::start(&["--report-every", "1h", "--history", "8"]);
    let relay = Relay::start(&rig.publish, &rig.relay());
    let mut feed = rig.feed(client(&rig.front, PATIENCE));
    let first = rig.begin(&mut feed);
    let begin = rig.fills + 1;
    relay.lose(begin..=begin + 29);
    while rig.fills < begin + 32 {
        rig.fill();
    }
    let (had, _) = outcomes(&mut feed, rig.fills);
    let [gone, repaired] = &gaps(&mut feed)[..] else { panic!("two gaps") };
    assert!(matches!(gone.unrepaired, Some(Unrepaired::NotKept { .. })), "{gone:?}");
    assert_eq!((gone.first, repaired.last), (begin, begin + 29));
    assert!(gone.first <= gone.last && gone.last + 1 == repaired.first, "{gone:?} {repaired:?}");
    assert!(repaired.unrepaired.is_none(), "{repaired:?}");
    let expected = (first + 1..begin).chain(repaired.first..=rig.fills);
    assert_eq!(numbers(&had), expected.collect::<Vec<_>>());
    for publication in &had {
        let is_first = publication.sequence == repaired.first;
        let missed = if is_first { gone.last - gone.first + 1 } else { 0 };
        assert_eq!(publication.missed, missed, "{}", publication.sequence);
    }
}

#[test]
fn without_a_reply_the_feed_goes_on_and_says_what_is_missing() {
    let mut rig = Rig::start(&["--report-every", "1h"]);
    let relay = Relay::start(&rig.publish, &rig.relay());
    let nobody = format!("ipc://{}", rig.place.path().join("nobody").display());
    let mut feed = rig.feed(client(&nobody, Duration::from_millis(20)));
    rig.begin(&mut feed);
    let begin = rig.fills + 1;
    relay.lose(begin..=begin + 4);
    while rig.fills < begin + 5 {
        rig.fill();
    }
    let (had, _) = outcomes(&mut feed, rig.fills);
    let last = had.last().unwrap();
    assert_eq!((last.sequence, last.missed, last.replayed), (begin + 5, 5, false));
    let [gap] = &gaps(&mut feed)[..] else { panic!("one gap") };
    assert_eq!((gap.first, gap.last), (begin, begin + 4));
    assert!(matches!(gap.unrepaired, Some(Unrepaired::NoReply(_))), "{gap:?}");
}
