//! A client of the front door, and a subscriber; both wait for what they are asked to.

use std::collections::VecDeque;
use std::time::Duration;

use allot_counter::service::{Reply, Report, decode_line, decode_replies, encode_record};
use allot_runtime::{Context, Link, LinkOptions, PollSet, Publication, Subscriber};
use allot_wire::{begin_batch, end_batch, push_record};

/// One look at a socket that has nothing; a test is over when what it waits for has come.
const LOOK: Duration = Duration::from_millis(20);

/// A DEALER at the front door.
pub(crate) struct Client {
    link: Link,
    lines: VecDeque<String>,
}

impl Client {
    pub(crate) fn connect(context: &Context, front: &str) -> Self {
        Self::named(context, front, None)
    }

    /// The same under the name of a box.
    pub(crate) fn named(context: &Context, endpoint: &str, name: Option<&str>) -> Self {
        let link = Link::dealer(context, endpoint, name, LinkOptions::default()).unwrap();
        Self { link, lines: VecDeque::new() }
    }

    /// Sends a message as it is.
    pub(crate) fn send(&mut self, message: &[u8]) {
        let mut message = message.to_vec();
        while self.link.send(&mut message).is_err() {
            self.look();
        }
    }

    /// The next message that comes back, whatever it is.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        while !self.link.receive(&mut message) {
            self.look();
        }
        message
    }

    /// The next line that comes back.
    pub(crate) fn line(&mut self) -> String {
        while self.lines.is_empty() {
            let message = String::from_utf8(self.receive()).unwrap();
            self.lines.extend(message.lines().map(str::to_owned));
        }
        self.lines.pop_front().unwrap()
    }

    /// Sends a line and returns the next that comes back.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(line.as_bytes());
        self.line()
    }

    /// Sends each line and compares what comes back, one line for each.
    #[track_caller]
    pub(crate) fn check(&mut self, script: &[(&str, &str)]) {
        for (line, reply) in script {
            assert_eq!(self.ask(line), *reply, "to {line}");
        }
    }

    /// The code of the rejection of a line.
    pub(crate) fn code(&mut self, line: &str) -> String {
        let reply: serde_json::Value = serde_json::from_str(&self.ask(line)).unwrap();
        reply["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Sends a raise until no other is on its way.
    pub(crate) fn raise(&mut self, line: &str) -> String {
        loop {
            let reply = self.ask(line);
            let again = [r#""code":"busy""#, r#""code":"shard_away""#];
            if !again.iter().any(|code| reply.contains(code)) {
                return reply;
            }
        }
    }

    fn look(&self) {
        let mut poll_set = PollSet::without_waker();
        self.link.wait_on(&mut poll_set);
        poll_set.sleep(Some(LOOK));
    }
}

/// A subscriber to some topics.
pub(crate) struct Listener(Subscriber);

impl Listener {
    pub(crate) fn connect(context: &Context, publish: &str, topics: &[&str]) -> Self {
        let topics: Vec<_> = topics.iter().map(|topic| topic.as_bytes()).collect();
        Self(Subscriber::connect(context, publish, &topics).unwrap())
    }

    /// The next publication.
    pub(crate) fn next(&mut self) -> Publication {
        loop {
            if let Some(publication) = self.0.receive(LOOK) {
                return publication;
            }
        }
    }

    /// The next publication, if one has come or comes soon.
    pub(crate) fn poll(&mut self) -> Option<Publication> {
        self.0.receive(LOOK)
    }

    /// The first report that is as it should be.
    pub(crate) fn report(&mut self, is_due: impl Fn(&Report) -> bool) -> Report {
        loop {
            let publication = self.next();
            if !publication.topic.starts_with(b"counters:") {
                continue;
            }
            let report = Report::decode(&publication.body).unwrap();
            if is_due(&report) {
                return report;
            }
        }
    }
}

/// The replies of one message.
pub(crate) fn replies(message: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    decode_replies(message, &mut replies).unwrap();
    replies
}

/// A line as a binary message of one record.
pub(crate) fn batch(line: &str) -> Vec<u8> {
    let request = decode_line(line.as_bytes()).unwrap();
    let (mut record, mut message) = (Vec::new(), Vec::new());
    encode_record(&request, &mut record);
    begin_batch(&mut message, request.kind().number());
    push_record(&mut message, &record);
    end_batch(&mut message, 1);
    message
}
