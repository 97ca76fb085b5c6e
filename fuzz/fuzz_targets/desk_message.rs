//! Messages of a desk: requests as the router reads them and inputs as a shard does, replies,
//! reports and wishes for quotes as clients read them, answers of a quote server, and lines of a
//! workload.
//!
//! A message that is no batch is read as a record of a batch too: its first byte is the kind.
#![no_main]

use std::sync::LazyLock;

use allot_desk_rules::{Input, Line, Symbol, User, Wanted};
use allot_desk_service::{
    ReplyBody, Report, Request, RequestKind, WantedEvent, Wish, decode_input, decode_line,
    decode_replies, decode_request, encode_failure, encode_line, encode_quote, encode_request,
    encode_retry, encode_tick, read_answer, routing_keys, routing_rejection,
};
use allot_wire::backplane::InputKind;
use allot_wire::{Batch, Encoding, KIND_REPLIES, Rejection, begin_batch, end_batch};
use libfuzzer_sys::fuzz_target;

/// When the router took the request.
const TIME: u64 = 1;

static WANTED: LazyLock<Wanted> = LazyLock::new(|| Wanted {
    symbol: Symbol::new(b"ABC").expect("a symbol"),
    user: User::new(b"u").expect("a user"),
    transaction: None,
});

fuzz_target!(|message: &[u8]| {
    read_lines(message);
    match Batch::parse(message) {
        Ok(batch) => batch.records().flatten().for_each(|record| read(batch.kind, record)),
        Err(reject) => {
            assert_refused_well(&Rejection::unread(&reject));
            if let Some((kind, record)) = message.split_first() {
                read(*kind, record);
                read_input(*kind, record);
            }
        }
    }
    let _ = decode_replies(message, &mut Vec::new());
    let mut out = Vec::new();
    if let Ok(report) = Report::decode(message) {
        for encoding in [Encoding::Json, Encoding::Binary] {
            report.encode(encoding, &mut out);
            assert_eq!(Report::decode(&out).as_ref(), Ok(&report));
        }
    }
    if let Ok(wish) = Wish::decode(message) {
        let mut out = Vec::new();
        wish.encode(&mut out);
        assert_eq!(Wish::decode(&out), Ok(wish));
    }
    if let Ok(event) = WantedEvent::decode(message) {
        out.clear();
        event.encode(&mut out);
        assert_eq!(WantedEvent::decode(&out), Ok(event));
    }
    if let Ok(quoted) = read_answer(message, &WANTED) {
        out.clear();
        encode_quote(&quoted, &mut out);
        assert_eq!(decode_input(InputKind::new(5), 0, &out), Ok(Input::Quote(quoted)));
    }
});

fn read_lines(message: &[u8]) {
    let mut is_refused = false;
    for line in message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        match decode_line(line) {
            Ok(request) => assert_said_again(&request),
            // The first is enough, and leaves time for more messages.
            Err(rejection) if !is_refused => {
                is_refused = true;
                assert_refused_well(&rejection);
            }
            Err(_) => {}
        }
        if let Ok(text) = str::from_utf8(line)
            && let Ok(line) = Line::parse(text)
        {
            assert_eq!(Line::parse(&line.to_string()), Ok(line));
        }
    }
}

fn read(kind: u8, record: &[u8]) {
    let kind = match RequestKind::of(kind) {
        Ok(kind) => kind,
        Err(reject) => return assert_refused_well(&Rejection::unread(&reject)),
    };
    let request = decode_request(kind, record);
    match &request {
        Ok(request) => {
            assert_said_again(request);
            let mut again = Vec::new();
            encode_request(request, &mut again);
            assert_eq!(again, record, "a request has one record");
        }
        Err(rejection) => assert_refused_well(rejection),
    }
    if kind == RequestKind::Command {
        assert_is_routed(&request, record);
    }
}

/// What the router reads is what the shard reads.
fn assert_is_routed(request: &Result<Request, Rejection>, record: &[u8]) {
    let Some(keys) = routing_keys(record) else {
        assert!(request.is_err(), "{request:?} has no shard");
        return assert_refused_well(&routing_rejection(record));
    };
    if let Ok(request) = request {
        let Request::Command(command) = request else { panic!("no command: {request:?}") };
        let read = (keys.user, keys.source, keys.seq);
        assert_eq!(read, (command.user, request.source().as_bytes(), request.seq()));
    }
}

/// An input that is read is of the time that the router says.
fn read_input(kind: u8, body: &[u8]) {
    let mut out = Vec::new();
    match decode_input(InputKind::new(kind), TIME, body) {
        Err(rejection) => return assert_refused_well(&rejection),
        Ok(Input::Quote(quoted)) => encode_quote(&quoted, &mut out),
        Ok(Input::QuoteFailed(failed)) => encode_failure(failed.symbol, &mut out),
        Ok(Input::QuoteRetried(retried)) => encode_retry(&retried, &mut out),
        Ok(Input::Tick(_)) => encode_tick(&mut out),
        Ok(Input::Marker(_)) => return,
        Ok(input) => return assert_eq!(input.time_ns(), TIME),
    }
    assert_eq!(out, body, "a quote has one record");
}

/// A request that was read is read back as it is from both encodings.
fn assert_said_again(request: &Request) {
    let (mut line, mut record) = (Vec::new(), Vec::new());
    encode_line(request, &mut line);
    encode_request(request, &mut record);
    assert_eq!(decode_line(&line).as_ref(), Ok(request));
    assert_eq!(decode_request(request.kind(), &record).as_ref(), Ok(request));
}

/// A rejection has a reason, and is a reply that clients can read, in both encodings.
fn assert_refused_well(rejection: &Rejection) {
    assert!(!rejection.code.is_empty() && !rejection.reason.is_empty(), "{rejection:?}");
    for encoding in [Encoding::Json, Encoding::Binary] {
        let mut message = Vec::new();
        if encoding == Encoding::Binary {
            begin_batch(&mut message, KIND_REPLIES);
        }
        rejection.encode(encoding, &mut message);
        if encoding == Encoding::Binary {
            end_batch(&mut message, 1);
        }
        let mut replies = Vec::new();
        decode_replies(&message, &mut replies).expect("a client reads every reply");
        let [reply] = replies.as_slice() else { panic!("{replies:?}") };
        let ReplyBody::Rejected { code, reason } = &reply.body else { panic!("{reply:?}") };
        let read = (&reply.source, reply.seq, code.as_str(), reason);
        assert_eq!(read, (&rejection.source, rejection.seq, rejection.code, &rejection.reason));
    }
}
