//! Admission: what a message is, and which shards it goes to.
//!
//! JSON is read here whole and goes on as the binary record of the same meaning; a binary record
//! goes on untouched. Either way the shard sees one form, and checks it by the same rules.

use crate::lanes::Asker;
use crate::router::{Router, SplitOnItsWay};
use allot_domain::{Reject, SourceId, limits};
use allot_runtime::{Counter, Envelope, Nanos};
use allot_wire::backplane::InputKind;
use allot_wire::{
    Batch, Encoding, Rejection, Request, RequestKind, decode_line, decode_request,
    encode_rejection, encode_reported, encode_request, routing_keys, routing_rejection,
};

/// After so many refused lines the rest of a message is not read: the refusals of a message of
/// garbage would be many times as long as it.
const REFUSED_LINES_MAX: usize = 1_000;

impl Router {
    /// Takes one message: every part of it is handed to a shard or answered here.
    pub(crate) fn admit(&mut self, envelope: &Envelope, now: Nanos) {
        let Some(client) = self.postbox.clients.arrive(envelope.identity(), envelope.delimiter())
        else {
            self.counters.add(Counter::RepliesUndeliverable, 1);
            return;
        };
        let body = envelope.body();
        let json = body.first() == Some(&b'{');
        let encoding = if json { Encoding::Json } else { Encoding::Binary };
        let asker = Asker { client, encoding };
        if envelope.malformed() {
            let what = "a message is one frame, or an empty frame and one more";
            self.refuse(asker, rejection(Reject::MalformedMessage(what.to_owned())));
        } else if body.len() > limits::MESSAGE_MAX {
            self.refuse(asker, rejection(Reject::OversizedMessage(body.len())));
        } else if json {
            self.admit_lines(asker, body, now);
        } else {
            self.admit_batch(asker, body, now);
        }
    }

    fn admit_lines(&mut self, asker: Asker, body: &[u8], now: Nanos) {
        let mut refused = 0;
        for line in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.is_empty() {
                continue;
            }
            match decode_line(line) {
                Ok(request) => self.admit_request(asker, &request, now),
                Err(rejection) => {
                    refused += 1;
                    self.refuse(asker, rejection);
                }
            }
            if refused == REFUSED_LINES_MAX {
                let what = format!("{refused} lines were refused; the rest was not read");
                return self.refuse(asker, rejection(Reject::MalformedMessage(what)));
            }
        }
    }

    fn admit_request(&mut self, asker: Asker, request: &Request, now: Nanos) {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        encode_request(request, &mut record);
        match request {
            Request::Fill(fill) => {
                let shard = fill.ticker.shard(self.lanes.count());
                let keys = (fill.source.as_bytes(), fill.seq);
                self.route(asker, shard, InputKind::Fill, &record, keys, now);
            }
            Request::Bust(bust) => {
                let shard = bust.ticker.shard(self.lanes.count());
                let keys = (bust.source.as_bytes(), bust.seq);
                self.route(asker, shard, InputKind::Bust, &record, keys, now);
            }
            Request::Split(split) => {
                self.route_split(asker, &record, (split.source.as_bytes(), split.seq), now);
            }
            Request::Report(report) => {
                self.report_on_demand(asker, (&report.source, report.seq), now);
            }
        }
        self.record = record;
    }

    fn admit_batch(&mut self, asker: Asker, body: &[u8], now: Nanos) {
        let batch = match Batch::parse(body) {
            Ok(batch) => batch,
            Err(reject) => return self.refuse(asker, rejection(reject)),
        };
        let Ok(kind) = RequestKind::try_from(batch.kind) else {
            return self.refuse(asker, rejection(Reject::UnknownType(batch.kind.to_string())));
        };
        if batch.count == 0 {
            let what = "a batch has at least one record";
            return self.refuse(asker, rejection(Reject::MalformedMessage(what.to_owned())));
        }
        // All or nothing: of a batch that is damaged anywhere, no record is admitted.
        if let Some(Err(reject)) = batch.records().find(Result::is_err) {
            return self.refuse(asker, rejection(reject));
        }
        for record in batch.records().flatten() {
            self.admit_record(asker, kind, record, now);
        }
    }

    fn admit_record(&mut self, asker: Asker, kind: RequestKind, record: &[u8], now: Nanos) {
        let input = match kind {
            RequestKind::Fill => InputKind::Fill,
            RequestKind::Bust => InputKind::Bust,
            RequestKind::Split | RequestKind::Report => {
                return match decode_request(kind, record) {
                    Ok(request) => self.admit_request(asker, &request, now),
                    Err(rejection) => self.refuse(asker, rejection),
                };
            }
        };
        let Some(keys) = routing_keys(record) else {
            return self.refuse(asker, routing_rejection(record));
        };
        let shard = keys.ticker.shard(self.lanes.count());
        self.route(asker, shard, input, record, (keys.source, keys.seq), now);
    }

    /// Hands an input to the shard that owns its ticker.
    fn route(
        &mut self,
        asker: Asker,
        shard: usize,
        kind: InputKind,
        record: &[u8],
        (source, seq): (&[u8], u64),
        now: Nanos,
    ) {
        if let Some(reject) = self.lanes.rejection(shard) {
            return self.refuse_for_now(asker, source, seq, reject);
        }
        self.owe(asker, source);
        self.lanes.push(shard, asker, kind, record);
        if self.markers.count() && self.lanes.count() > 1 {
            self.mark(now, false);
        }
    }

    /// Hands a split to every shard, or to none; the first of them answers for all, once all have.
    fn route_split(
        &mut self,
        asker: Asker,
        record: &[u8],
        (source, seq): (&[u8], u64),
        now: Nanos,
    ) {
        let unanswered = (!self.lanes.split_is_answered()).then_some(Reject::Busy);
        if let Some(reject) = self.lanes.refusal_of_all().or(unanswered) {
            return self.refuse_for_now(asker, source, seq, reject);
        }
        self.owe(asker, source);
        self.split = Some(SplitOnItsWay { client: asker.client, answer: None });
        for shard in 0..self.lanes.count() {
            let asker = if shard == 0 { asker } else { Asker::NOBODY };
            self.lanes.push(shard, asker, InputKind::Split, record);
        }
        self.markers.count();
        self.mark(now, false);
    }

    /// A cut with a report, here and now; two requests at the same cut share one.
    fn report_on_demand(&mut self, asker: Asker, (source, seq): (&SourceId, u64), now: Nanos) {
        if self.lanes.refusal_of_all() == Some(Reject::Busy) {
            return self.refuse_for_now(asker, source.as_bytes(), seq, Reject::Busy);
        }
        let number = match self.markers.report_here() {
            Some(number) => number,
            None => self.mark(now, true),
        };
        self.postbox.append(asker.client, asker.encoding, |out| {
            encode_reported(asker.encoding, source.as_str(), seq, number, out);
        });
    }

    fn owe(&mut self, asker: Asker, source: &[u8]) {
        self.postbox.clients.hear(source, asker.client);
        if let Some(client) = self.postbox.clients.get(asker.client) {
            client.owed += 1;
        }
    }

    fn refuse_for_now(&mut self, asker: Asker, source: &[u8], seq: u64, reject: Reject) {
        self.counters.add(Counter::Busy, 1);
        let rejection =
            Rejection { source: String::from_utf8_lossy(source).into_owned(), seq, reject };
        self.reply_rejection(asker, &rejection);
    }

    fn refuse(&mut self, asker: Asker, rejection: Rejection) {
        self.counters.add(Counter::RejectedAtDoor, 1);
        self.reply_rejection(asker, &rejection);
    }

    fn reply_rejection(&mut self, asker: Asker, rejection: &Rejection) {
        self.postbox.append(asker.client, asker.encoding, |out| {
            encode_rejection(asker.encoding, rejection, out);
        });
    }
}

/// A rejection of a message whose source and sequence could not be read.
fn rejection(reject: Reject) -> Rejection {
    Rejection { source: String::new(), seq: 0, reject }
}
