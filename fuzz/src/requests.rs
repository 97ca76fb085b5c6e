//! Requests: what was read can be said again, and what was refused has a reply.

use allot_allocation_service::{
    FillLine, Reply, Request, decode_line, decode_replies, decode_request, encode_line,
    encode_request,
};
use allot_wire::{Encoding, KIND_REPLIES, Rejection, begin_batch, end_batch};

/// A request that was read is read back as it is from both encodings.
///
/// # Panics
/// If it is not.
pub fn assert_said_again(request: &Request) {
    let (mut line, mut record) = (Vec::new(), Vec::new());
    encode_line(request, &mut line);
    encode_request(request, &mut record);
    assert_eq!(decode_line(&line).as_ref(), Ok(request));
    assert_eq!(decode_request(request.kind(), &record).as_ref(), Ok(request));
}

/// A fill that is read straight to its record has the record of the reader of any JSON.
///
/// # Panics
/// If it has not.
pub fn assert_straight_as_any(line: &[u8]) {
    let Some(straight) = FillLine::read(line) else { return };
    let Ok(Request::Fill(fill)) = decode_line(line) else { panic!("it is a fill to one alone") };
    let keys = straight.keys;
    let routed = (keys.ticker, keys.source, keys.seq);
    assert_eq!(routed, (fill.ticker, fill.source.as_bytes(), fill.seq));
    let (mut record, mut expected) = (Vec::new(), Vec::new());
    straight.write(&mut record);
    encode_request(&Request::Fill(fill), &mut expected);
    assert_eq!(record, expected);
}

/// A rejection has a reason, and is a reply that clients can read, in both encodings.
///
/// # Panics
/// If it is not.
pub fn assert_refused_well(rejection: &Rejection) {
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
        let [Reply::Rejected { source, seq, code, reason, .. }] = replies.as_slice() else {
            panic!("{replies:?}");
        };
        let read = (source, *seq, code.as_str(), reason);
        assert_eq!(read, (&rejection.source, rejection.seq, rejection.code, &rejection.reason));
    }
}
