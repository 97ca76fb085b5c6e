//! Messages of signals: requests as a generator and a trader read them, and replies, medians and
//! states as whoever asks or subscribes does.
//!
//! A message that is no batch is read as a record of a batch too: its first byte is the kind.
#![no_main]

use allot_signals_service::{MedianMessage, Reply, ReplyBody, Request, RequestKind, TraderState};
use allot_wire::{Batch, Encoding, KIND_REPLIES, Rejection, begin_batch, end_batch};
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

fuzz_target!(|message: &[u8]| {
    read_lines(message);
    match Batch::parse(message) {
        Ok(batch) => batch.records().flatten().for_each(|record| read(batch.kind, record)),
        Err(reject) => {
            assert_refused_well(&Rejection::unread(&reject));
            if let Some((kind, record)) = message.split_first() {
                read(*kind, record);
            }
        }
    }
    for reply in Reply::decode_all(message).unwrap_or_default() {
        assert_reply_said_again(&reply);
    }
    let mut out = Vec::new();
    for encoding in ENCODINGS {
        if let Ok(median) = MedianMessage::decode(message) {
            median.encode(encoding, &mut out);
            assert_eq!(MedianMessage::decode(&out), Ok(median));
        }
        if let Ok(state) = TraderState::decode(message) {
            state.encode(encoding, &mut out);
            assert_eq!(TraderState::decode(&out), Ok(state));
        }
    }
});

fn read_lines(message: &[u8]) {
    let mut is_refused = false;
    for line in message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        match Request::decode_line(line) {
            Ok(request) => assert_request_said_again(&request),
            // The first is enough, and leaves time for more messages.
            Err(rejection) if !is_refused => {
                is_refused = true;
                assert_refused_well(&rejection);
            }
            Err(_) => {}
        }
    }
}

fn read(kind: u8, record: &[u8]) {
    let Ok(kind) = RequestKind::of_number(kind) else { return };
    match Request::decode_record(kind, record) {
        Ok(request) => assert_request_said_again(&request),
        Err(rejection) => assert_refused_well(&rejection),
    }
}

/// A request that was read is read back as it is from both encodings.
fn assert_request_said_again(request: &Request) {
    let mut out = Vec::new();
    request.encode(Encoding::Json, &mut out);
    assert_eq!(Request::decode_line(&out).as_ref(), Ok(request));
    request.encode(Encoding::Binary, &mut out);
    let batch = Batch::parse(&out).expect("it is a batch");
    assert_eq!(batch.kind, request.kind().number());
    let record = batch.records().next().expect("of one record").expect("that is whole");
    assert_eq!(Request::decode_record(request.kind(), record).as_ref(), Ok(request));
}

fn assert_reply_said_again(reply: &Reply) {
    for encoding in ENCODINGS {
        let mut out = Vec::new();
        reply.encode(encoding, &mut out);
        let again = Reply::decode_all(&out).expect("a reply that was read can be said again");
        assert_eq!(again.as_slice(), std::slice::from_ref(reply));
    }
}

/// A rejection has a reason, and is a reply that whoever asked can read, in both encodings.
fn assert_refused_well(rejection: &Rejection) {
    assert!(!rejection.code.is_empty() && !rejection.reason.is_empty(), "{rejection:?}");
    for encoding in ENCODINGS {
        let mut message = Vec::new();
        if encoding == Encoding::Binary {
            begin_batch(&mut message, KIND_REPLIES);
        }
        rejection.encode(encoding, &mut message);
        if encoding == Encoding::Binary {
            end_batch(&mut message, 1);
        }
        let replies = Reply::decode_all(&message).expect("every reply is read");
        let [Reply { source, seq, body: ReplyBody::Rejected { code, reason }, .. }] =
            replies.as_slice()
        else {
            panic!("{replies:?}");
        };
        let read = (source, *seq, code.as_str(), reason);
        assert_eq!(read, (&rejection.source, rejection.seq, rejection.code, &rejection.reason));
    }
}
