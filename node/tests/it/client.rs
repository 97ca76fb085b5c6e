//! Real clients of a real server: one at the front door, one at the position feed.

use allot_allocation_service::{Reply, Report, decode_replies};

/// How long the test waits for an event on a loaded machine, in milliseconds.
pub(crate) const PATIENCE_MS: i32 = 120_000;

/// A client of the front door.
pub(crate) struct Client(zmq::Socket);

impl Client {
    pub(crate) fn connect(front: &str) -> Self {
        Self::connect_as(front, |_| {})
    }

    /// A client of a front door that encrypts, under this key.
    pub(crate) fn connect_to(front: &str, key: &str) -> Self {
        Self::connect_as(front, |socket| {
            let own = zmq::CurveKeyPair::new().unwrap();
            socket.set_curve_serverkey(&zmq::z85_decode(key).unwrap()).unwrap();
            socket.set_curve_publickey(&own.public_key).unwrap();
            socket.set_curve_secretkey(&own.secret_key).unwrap();
        })
    }

    fn connect_as(front: &str, specialise: impl FnOnce(&zmq::Socket)) -> Self {
        let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
        specialise(&socket);
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(PATIENCE_MS).unwrap();
        socket.connect(front).unwrap();
        Self(socket)
    }

    pub(crate) fn send(&self, message: &[u8]) {
        self.0.send(message, 0).unwrap();
    }

    /// The next message's replies.
    pub(crate) fn receive(&self) -> Vec<Reply> {
        let mut replies = Vec::new();
        let message = self.0.recv_bytes(0).expect("a reply in time");
        decode_replies(&message, &mut replies).unwrap();
        replies
    }

    /// The next message of replies, as it is: one reply in JSON.
    pub(crate) fn receive_text(&self) -> String {
        String::from_utf8(self.0.recv_bytes(0).expect("a reply in time")).unwrap()
    }

    /// Sends a message until its one reply is not `busy`.
    pub(crate) fn ask(&self, message: &[u8]) -> Reply {
        loop {
            self.send(message);
            let reply = self.receive().remove(0);
            let is_postponed = |code: &str| code == "busy" || code == "shard_away";
            if !matches!(&reply, Reply::Rejected { code, .. } if is_postponed(code)) {
                return reply;
            }
        }
    }

    /// Requests a report and returns the first one published at that cut or later.
    pub(crate) fn report(&self, publish: &str) -> Report {
        let subscriber = subscribe(publish, "positions:json");
        let number = match self.ask(br#"{"type":"report","source":"test","seq":1}"#) {
            Reply::Reported { report, .. } => report,
            other => panic!("{other:?}"),
        };
        loop {
            let frames = subscriber.recv_multipart(0).expect("a report in time");
            let report = Report::decode(&frames[2]).unwrap();
            if number <= report.report {
                return report;
            }
        }
    }
}

/// A subscriber of one topic.
pub(crate) fn subscribe(publish: &str, topic: &str) -> zmq::Socket {
    let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(PATIENCE_MS).unwrap();
    socket.set_subscribe(topic.as_bytes()).unwrap();
    socket.connect(publish).unwrap();
    socket
}
