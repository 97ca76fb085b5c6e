//! Corpus: what the fuzz target `desk_message` starts from, one good message of each kind.
//!
//! `cargo test -p allot-desk-service --test it -- --ignored corpus` writes it anew after a change
//! of format, and `cargo test -p allot-desk-rules --test it -- --ignored corpus` that of accounts.

use std::fs;
use std::path::Path;

use allot_desk_rules::{DeskConfig, Outcomes, QuoteRetried, Symbol, User, Wanted};
use allot_desk_service::{
    Desk, InputName, Report, Request, ShardReport, decode_replies, encode_failure, encode_line,
    encode_quote, encode_request, encode_retry, encode_tick, read_answer, request_of_line,
};
use allot_domain::{Outcomes as _, Seq, SourceId};
use allot_shard::{Delivery, Entry, Service, State};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, KIND_REPLIES, begin_batch, end_batch, push_record};

const LINES: [&str; 20] = [
    "[1] ADD,u,100.00",
    "QUOTE,u,ABC",
    "BUY,u,ABC,35.00",
    "COMMIT_BUY,u",
    "BUY,u,ABC,12.5",
    "CANCEL_BUY,u",
    "SELL,u,ABC,10",
    "COMMIT_SELL,u",
    "CANCEL_SELL,u",
    "SET_BUY_AMOUNT,u,ABC,20.00",
    "SET_BUY_TRIGGER,u,ABC,3.00",
    "SET_BUY_TRIGGER,u,ABC,30.00",
    "CANCEL_SET_BUY,u,ABC",
    "SET_SELL_AMOUNT,u,ABC,20.00",
    "SET_SELL_TRIGGER,u,ABC,15.00",
    "CANCEL_SET_SELL,u,ABC",
    "[18446744073709551615] DUMPLOG,u,f.xml",
    "DISPLAY_SUMMARY,u",
    "QUOTE,nobody,Z9z",
    "DUMPLOG,all.xml",
];

/// What the quote server says.
const ANSWER: &[u8] = b"10.00,ABC,u,1480000000123,a+b/c=";

fn write(name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/desk_message");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn batch(kind: u8, record: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    begin_batch(&mut message, kind);
    push_record(&mut message, record);
    end_batch(&mut message, 1);
    message
}

/// Applies an entry; writes its replies in both encodings.
fn apply(state: &mut State<Desk>, kind: InputKind, body: &[u8], number: u64) {
    let time_ns = number * 1_000;
    let entry = Entry { kind, encoding: Encoding::Json, time_ns, body };
    let mut outcomes = Outcomes::default();
    state.replay(entry, &mut outcomes, |_| {}).unwrap();
    let is_told = |outcome: &_| !matches!(Desk::describe(outcome).delivery, Delivery::Nobody);
    for (outcome, part) in outcomes.list().iter().filter(|one| is_told(one)).zip(0..) {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let mut message = Vec::new();
            if encoding == Encoding::Binary {
                begin_batch(&mut message, KIND_REPLIES);
            }
            Desk::write_reply(state.machine(), &outcomes, outcome, encoding, &mut message);
            if encoding == Encoding::Binary {
                end_batch(&mut message, 1);
            }
            decode_replies(&message, &mut Vec::new()).unwrap();
            write(&format!("reply-{number:02}-{part}-{encoding}"), &message);
        }
    }
}

#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    let source = SourceId::new(b"web").unwrap();
    let mut state = State::<Desk>::new(DeskConfig::default());
    for (line, number) in LINES.iter().zip(1..) {
        write(&format!("line-{number:02}"), line.as_bytes());
        let request = request_of_line(source, Seq::new(number), line).unwrap();
        let (mut json, mut record) = (Vec::new(), Vec::new());
        encode_line(&request, &mut json);
        encode_request(&request, &mut record);
        write(&format!("request-{number:02}-json"), &json);
        write(&format!("request-{number:02}-bin"), &batch(request.kind().number(), &record));
        let name = match request {
            Request::DumpAll(_) => InputName::DumpAll,
            _ => InputName::Command,
        };
        apply(&mut state, name.kind(), &record, number);
        if number == 3 {
            let (symbol, user) = (Symbol::new(b"ABC").unwrap(), User::new(b"u").unwrap());
            let wanted = Wanted { symbol, user, transaction: None };
            let mut quote = Vec::new();
            encode_quote(&read_answer(ANSWER, &wanted).unwrap(), &mut quote);
            apply(&mut state, InputName::Quote.kind(), &quote, 50);
            write("input-quote", &[&[5], &quote[..]].concat());
        }
    }
    let mut failure = Vec::new();
    encode_failure(Symbol::new(b"ABC").unwrap(), &mut failure);
    write("input-failure", &[&[5], &failure[..]].concat());
    let mut retry = Vec::new();
    let (symbol, asked_by) = (Symbol::new(b"ABC").unwrap(), User::new(b"u").unwrap());
    let (transaction, fault) = (None, "no answer within 25ms".into());
    encode_retry(&QuoteRetried { symbol, asked_by, transaction, fault, time_ns: 0 }, &mut retry);
    write("input-retry", &[&[5], &retry[..]].concat());
    let mut tick = Vec::new();
    encode_tick(&mut tick);
    write("input-tick", &[&[5], &tick[..]].concat());
    write("answer", ANSWER);
    write("due", br#"{"type":"due","due_ns":1500000000}"#);
    write("wanted", br#"{"type":"wanted","symbol":"ABC","user":"u","transaction":7,"time_ns":9}"#);
    write("request-report-json", br#"{"type":"report","source":"web","seq":3}"#);
    let shard = ShardReport { users: 2, cash: 7, earned: 7, ..ShardReport::default() };
    let report = Report {
        report: 4,
        time_ns: 5,
        inputs: 6,
        total: shard.clone(),
        shards: vec![shard],
        degraded: vec!["shard 1 is away".to_owned()],
    };
    for encoding in [Encoding::Json, Encoding::Binary] {
        let mut message = Vec::new();
        report.encode(encoding, &mut message);
        write(&format!("report-{encoding}"), &message);
    }
}
