//! A server stepped by hand: no threads, no sockets, a clock of the test's own.

use std::time::Duration;

use allot::settings::Settings;
use allot::wiring;
use allot_allocation_service::{Reply, Report, Request, decode_replies, encode_request};
use allot_domain::{Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_runtime::{Clock, Counter, Nanos, Publication};
use allot_server::Stepped;
use allot_wire::{begin_batch, end_batch, push_record};

/// 2026-11-20T10:00:00Z.
const START: u64 = 1_795_168_800_000_000_000;

/// A server and its clock.
pub(crate) struct World {
    pub(crate) stepped: Stepped,
    clock: Clock,
}

impl World {
    /// A server with this many shards, all connected.
    pub(crate) fn new(shards: usize) -> Self {
        Self::with(Settings { shards, ..Settings::default() })
    }

    /// A server with these settings.
    pub(crate) fn with(settings: Settings) -> Self {
        let clock = Clock::virtual_at(Nanos::from_unix(START));
        let mut stepped = wiring::stepped(&settings, clock.clone());
        stepped.stepper.run_until_idle();
        Self { stepped, clock }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, span: Duration) {
        self.stepped.stepper.advance(span);
    }

    /// Lets time pass in which nothing has a turn.
    pub(crate) fn stop(&mut self, span: Duration) {
        self.clock.advance(span);
        self.stepped.stepper.run_until_idle();
    }

    /// Sends a message as a DEALER and returns the replies to all clients, as `client: line`.
    pub(crate) fn send(&mut self, client: &str, message: &[u8]) -> Vec<String> {
        self.stepped.clients.send(client.as_bytes(), message);
        self.receive()
    }

    /// Sends a message as a REQ and returns the messages that come back.
    pub(crate) fn request(&mut self, client: &str, message: &[u8]) -> Vec<Vec<u8>> {
        self.stepped.clients.request(client.as_bytes(), message);
        self.stepped.stepper.run_until_idle();
        std::iter::from_fn(|| self.stepped.clients.receive()).map(|(_, body)| body).collect()
    }

    /// All replies to clients since the last call, one per line.
    pub(crate) fn receive(&mut self) -> Vec<String> {
        self.stepped.stepper.run_until_idle();
        let mut lines = Vec::new();
        while let Some((client, body)) = self.stepped.clients.receive() {
            let client = String::from_utf8_lossy(&client).into_owned();
            for line in String::from_utf8_lossy(&body).lines() {
                lines.push(format!("{client}: {line}"));
            }
        }
        lines
    }

    /// Sends a message and returns the replies, in whatever encoding.
    pub(crate) fn ask(&mut self, message: &[u8]) -> Vec<Reply> {
        self.stepped.clients.send(b"client", message);
        self.stepped.stepper.run_until_idle();
        let mut replies = Vec::new();
        while let Some((_, body)) = self.stepped.clients.receive() {
            decode_replies(&body, &mut replies).expect("replies decode");
        }
        replies
    }

    /// Sends requests as one binary batch of one kind and returns the replies.
    pub(crate) fn ask_binary(&mut self, requests: &[Request]) -> Vec<Reply> {
        self.ask(&batch(requests))
    }

    /// Requests a report and returns the published one.
    pub(crate) fn report(&mut self) -> Report {
        self.stepped.listener.subscribe(b"positions:json");
        self.stepped.stepper.run_until_idle();
        while self.stepped.listener.receive().is_some() {}
        self.ask(br#"{"type":"report","source":"test","seq":1}"#);
        // If the report of this cut exists already, it is the last value of the topic.
        self.stepped.listener.subscribe(b"positions:json");
        self.stepped.stepper.run_until_idle();
        let mut last = None;
        while let Some(publication) = self.publication() {
            last = Some(Report::decode(&publication.body).expect("a report decodes"));
        }
        last.expect("a report was published")
    }

    /// The next publication that the listener subscribed to.
    pub(crate) fn publication(&mut self) -> Option<Publication> {
        self.stepped.stepper.run_until_idle();
        self.stepped.listener.receive()
    }

    /// A count over all boxes.
    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.stepped.counters.iter().map(|(_, counters)| counters.get(counter)).sum()
    }
}

/// Requests of one kind as one binary message.
pub(crate) fn batch(requests: &[Request]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut record = Vec::new();
    begin_batch(&mut message, requests[0].kind() as u8);
    for request in requests {
        record.clear();
        encode_request(request, &mut record);
        push_record(&mut message, &record);
    }
    end_batch(&mut message, u32::try_from(requests.len()).unwrap());
    message
}

/// A fill of source `fills`.
pub(crate) fn fill(
    seq: u64,
    ticker: &str,
    side: Side,
    price: &str,
    quantity: i128,
) -> allot_allocation_rules::Fill {
    allot_allocation_rules::Fill {
        source: SourceId::new(b"fills").unwrap(),
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: 0,
        ticker: Ticker::new(ticker.as_bytes()).unwrap(),
        side,
        price: Price::parse(price).unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
    }
}
