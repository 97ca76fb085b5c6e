//! Corpus: what the fuzz targets start from, one good message of each kind.
//!
//! `cargo test -p allot-allocation-service --test it -- --ignored corpus` writes it anew after a
//! change of format, and `cargo test -p allot-allocation-rules --lib -- --ignored corpus` that of
//! books. The corpora of files and of the journal are written by hand.

use std::fs;
use std::path::Path;

use allot_allocation_service::{decode_line, decode_replies};
use allot_wire::{Batch, Encoding, Heartbeat};

use crate::frames::frames;
use crate::samples;

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    for (index, request) in samples::requests().into_iter().enumerate() {
        let name = format!("{index}-{}", request.kind().name());
        let json = samples::request_message(Encoding::Json, &request);
        assert!(decode_line(&json).is_ok());
        write("json_request", &name, &json);
        let binary = samples::request_message(Encoding::Binary, &request);
        assert!(Batch::parse(&binary).is_ok());
        write("binary_request", &name, &binary);
    }
    for encoding in samples::ENCODINGS {
        let replies = samples::reply_message(encoding, &samples::reply_bodies(encoding));
        assert!(decode_replies(&replies, &mut Vec::new()).is_ok());
        write("replies", &format!("replies-{encoding}"), &replies);
        let (mut report, mut heartbeat) = (Vec::new(), Vec::new());
        samples::report().encode(encoding, &mut report);
        write("replies", &format!("report-{encoding}"), &report);
        samples::heartbeat().encode(encoding, &mut heartbeat);
        assert!(Heartbeat::decode(&heartbeat).is_ok());
        write("replies", &format!("heartbeat-{encoding}"), &heartbeat);
    }
    for (name, frame) in frames() {
        write("backplane", name, &frame);
    }
}
