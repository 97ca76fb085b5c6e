//! Binary batches, as the router reads them, and their records, as a shard does.
//!
//! A message that is no batch is read as a record: its first byte is the kind.
#![no_main]

use allot_allocation_rules::{Fill, Input};
use allot_allocation_service::{
    InputName, Request, RequestKind, decode_input, decode_request, encode_request, routing_keys,
    routing_rejection,
};
use allot_fuzz::{assert_refused_well, assert_said_again};
use allot_wire::{Batch, Rejection};
use libfuzzer_sys::fuzz_target;

/// When the router took the request.
const TIME: u64 = 1;

fuzz_target!(|message: &[u8]| {
    match Batch::parse(message) {
        Ok(batch) => batch.records().flatten().for_each(|record| read(batch.kind, record)),
        Err(reject) => {
            assert_refused_well(&Rejection::unread(&reject));
            if let Some((kind, record)) = message.split_first() {
                read(*kind, record);
            }
        }
    }
});

fn read(kind: u8, record: &[u8]) {
    let kind = match RequestKind::try_from(kind) {
        Ok(kind) => kind,
        Err(reject) => return assert_refused_well(&Rejection::unread(&reject)),
    };
    let request = decode_request(kind, record);
    match &request {
        Ok(request) => {
            assert_said_again(request);
            assert_is_canonical(request, record);
        }
        Err(rejection) => assert_refused_well(rejection),
    }
    if matches!(kind, RequestKind::Fill | RequestKind::Bust) {
        assert_is_routed(&request, record);
    }
    if kind == RequestKind::Fill {
        let input = request.map(|request| match request {
            Request::Fill(fill) => Input::Fill(Fill { time_ns: TIME, ..fill }),
            other => panic!("no fill: {other:?}"),
        });
        assert_eq!(decode_input(InputName::Fill.kind(), TIME, record), input);
    }
}

/// A request has one record; only a split may name its accounts in any order.
fn assert_is_canonical(request: &Request, record: &[u8]) {
    let mut again = Vec::new();
    encode_request(request, &mut again);
    if request.kind() == RequestKind::Split {
        assert_eq!(again.len(), record.len());
    } else {
        assert_eq!(again, record);
    }
}

/// What the router reads is what the shard reads.
fn assert_is_routed(request: &Result<Request, Rejection>, record: &[u8]) {
    let Some(keys) = routing_keys(record) else {
        assert!(request.is_err(), "{request:?} has no shard");
        return assert_refused_well(&routing_rejection(record));
    };
    if let Ok(Request::Fill(_) | Request::Bust(_)) = request {
        let request = request.as_ref().expect("just seen");
        let ticker = match request {
            Request::Fill(fill) => fill.ticker,
            Request::Bust(bust) => bust.ticker,
            other => panic!("no keyed request: {other:?}"),
        };
        let read = (keys.ticker, keys.source, keys.seq);
        assert_eq!(read, (ticker, request.source().as_bytes(), request.seq()));
    }
}
