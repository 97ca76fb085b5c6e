//! Lines: what the door does for each line of JSON until its record is there, on one thread.
//!
//! | name      | what one iteration does                                                 |
//! |-----------|-------------------------------------------------------------------------|
//! | `any`     | a fill by the reader of any JSON: a request of values, and its record   |
//! | `plain`   | the same fill straight to its record, as the door does it               |
//! | `escaped` | a line with an escape in its last field: read straight, then as any     |
//! | `record`  | the same fill in binary: its keys are read, and the record is copied    |
//!
//! Fills are those of the harness: ten tickers, prices in cents, 1 to 1,000 shares.

use std::hint::black_box;

use allot_allocation_service::{
    FillLine, Request, RequestKind, decode_line, decode_request, encode_line, encode_request,
    routing_keys,
};
use allot_bench::lines::fills;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const LINES: usize = 1_024;

/// A line as the reader of any JSON takes it to its record.
fn by_any(line: &[u8], record: &mut Vec<u8>) {
    let request = decode_line(line).expect("it is a fill");
    encode_request(&request, record);
}

/// A line as the door takes it to its record.
fn by_door(line: &[u8], record: &mut Vec<u8>) {
    match FillLine::read(line) {
        Some(fill) => fill.write(record),
        None => by_any(line, record),
    }
}

fn measure(
    criterion: &mut Criterion,
    name: &str,
    messages: &[Vec<u8>],
    step: fn(&[u8], &mut Vec<u8>),
) {
    let mut group = criterion.benchmark_group("lines");
    group.throughput(Throughput::Elements(1));
    let (mut at, mut record) = (0, Vec::new());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            at = (at + 1) % messages.len();
            record.clear();
            step(black_box(&messages[at]), &mut record);
            black_box(&record);
        });
    });
    group.finish();
}

fn lines(criterion: &mut Criterion) {
    let requests: Vec<Request> = fills(LINES).into_iter().map(Request::Fill).collect();
    let encode = |write: fn(&Request, &mut Vec<u8>)| {
        let encoded = requests.iter().map(|request| {
            let mut out = Vec::new();
            write(request, &mut out);
            out
        });
        encoded.collect::<Vec<_>>()
    };
    let (lines, records) = (encode(encode_line), encode(encode_request));
    let escaped = |line: &Vec<u8>| {
        let text = String::from_utf8(line.clone()).expect("JSON is text");
        text.replace("\"quantity\"", "\"quantit\\u0079\"").into_bytes()
    };
    let others: Vec<_> = lines.iter().map(escaped).collect();
    for ((line, other), record) in lines.iter().zip(&others).zip(&records) {
        for step in [by_any, by_door] {
            for line in [line, other] {
                let mut out = Vec::new();
                step(line, &mut out);
                assert_eq!(&out, record, "the same record, whoever reads the line");
            }
        }
        assert!(decode_request(RequestKind::Fill, record).is_ok());
        assert!(FillLine::read(line).is_some() && FillLine::read(other).is_none());
    }
    measure(criterion, "any", &lines, by_any);
    measure(criterion, "plain", &lines, by_door);
    measure(criterion, "escaped", &others, by_door);
    measure(criterion, "record", &records, |record, out| {
        black_box(routing_keys(record));
        out.extend_from_slice(record);
    });
}

criterion_group!(benches, lines);
criterion_main!(benches);
