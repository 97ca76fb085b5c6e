//! Page: `docs/WIRE-DESK.md` against the code. Each JSON line of a request or a reply is followed
//! by the binary message of the same meaning; a test that fails shows what the page has to say.

use allot_desk_rules::{DeskConfig, Outcomes, Symbol, User, Wanted};
use allot_desk_service::{
    Desk, InputName, decode_line, encode_quote, encode_request, read_answer, request_of_line,
};
use allot_domain::{Outcomes as _, Seq, SourceId};
use allot_shard::{Delivery, Entry, Service, State};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, KIND_REPLIES, begin_batch, end_batch, push_record};

const PAGE: &str = include_str!("../../../../docs/WIRE-DESK.md");

/// How replies on the page begin.
const REPLIES: [&str; 5] = [
    r#"{"type":"answered","#,
    r#"{"type":"awaiting","#,
    r#"{"type":"fired","#,
    r#"{"type":"disarmed","#,
    r#"{"type":"rejected","#,
];

/// 2026-11-20T10:00:00.123456789Z, the time of all inputs.
const TIME_NS: u64 = 1_795_168_800_123_456_789;

fn hex(bytes: &[u8]) -> String {
    let line = |(at, part): (usize, &[u8])| {
        let digits: Vec<_> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_shown = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let text: String =
            part.iter().map(|byte| if is_shown(*byte) { char::from(*byte) } else { '.' }).collect();
        format!("{:04x}  {:<47}  |{text}|\n", at * 16, digits.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

#[test]
fn every_request_of_the_page_is_the_bytes_that_follow_it() {
    let mut count = 0;
    for block in PAGE.split("```json\n").skip(1) {
        let (line, rest) = block.split_once("\n```\n").unwrap();
        if !rest.starts_with("```hex\n") || REPLIES.iter().any(|kind| line.starts_with(kind)) {
            continue;
        }
        count += 1;
        let request = decode_line(line.as_bytes()).unwrap();
        let (mut record, mut message) = (Vec::new(), Vec::new());
        encode_request(&request, &mut record);
        begin_batch(&mut message, request.kind().number());
        push_record(&mut message, &record);
        end_batch(&mut message, 1);
        let expected = format!("```hex\n{}```\n", hex(&message));
        assert!(rest.starts_with(&expected), "after {line} the page must have\n{expected}");
    }
    assert_eq!(count, 3, "a command, a DUMPLOG of all, and a report");
}

/// A shard, and the replies that it gave: each as a line, and as a binary message.
struct Session {
    state: State<Desk>,
    replies: Vec<(String, Vec<u8>)>,
}

impl Session {
    fn command(&mut self, seq: u64, line: &str) {
        let source = SourceId::new(b"web").unwrap();
        let request = request_of_line(source, Seq::new(seq), line).unwrap();
        let mut record = Vec::new();
        encode_request(&request, &mut record);
        self.apply(InputName::Command.kind(), &record);
    }

    fn quote(&mut self, answer: &str) {
        let (symbol, user) = (Symbol::new(b"ABC").unwrap(), User::new(b"u").unwrap());
        let wanted = Wanted { symbol, user, transaction: None };
        let mut body = Vec::new();
        encode_quote(&read_answer(answer.as_bytes(), &wanted).unwrap(), &mut body);
        self.apply(InputName::Quote.kind(), &body);
    }

    fn apply(&mut self, kind: InputKind, body: &[u8]) {
        let entry = Entry { kind, encoding: Encoding::Json, time_ns: TIME_NS, body };
        let mut outcomes = Outcomes::default();
        self.state.replay(entry, &mut outcomes, |_| {}).unwrap();
        for outcome in outcomes.list() {
            if matches!(Desk::describe(outcome).delivery, Delivery::Nobody) {
                continue;
            }
            let (mut line, mut message) = (Vec::new(), Vec::new());
            begin_batch(&mut message, KIND_REPLIES);
            let accounts = self.state.machine();
            Desk::write_reply(accounts, &outcomes, outcome, Encoding::Json, &mut line);
            Desk::write_reply(accounts, &outcomes, outcome, Encoding::Binary, &mut message);
            end_batch(&mut message, 1);
            self.replies.push((String::from_utf8(line).unwrap(), message));
        }
    }
}

#[test]
fn every_reply_of_the_page_is_the_bytes_that_follow_it() {
    let mut session = Session { state: State::new(DeskConfig::default()), replies: Vec::new() };
    session.command(9, "ADD,u,1000.00");
    session.command(2, "QUOTE,u,ABC");
    session.quote("10.00,ABC,u,1795168800000,key");
    session.command(1, "[17] BUY,u,ABC,100.00");
    session.command(4, "COMMIT_BUY,u");
    session.command(5, "[18] SELL,u,ABC,500.00");
    session.command(6, "SET_BUY_AMOUNT,u,ABC,55.00");
    session.command(7, "[19] SET_BUY_TRIGGER,u,ABC,8.00");
    session.command(8, "[20] SET_BUY_TRIGGER,u,ABC,9.00");
    session.quote("9.00,ABC,u,1795168800000,key");
    session.command(10, "DISPLAY_SUMMARY,u");
    let mut shown = 0;
    for block in PAGE.split("```json\n").skip(1) {
        let (line, rest) = block.split_once("\n```\n").unwrap();
        if !REPLIES.iter().any(|kind| line.starts_with(kind)) {
            continue;
        }
        shown += 1;
        let all: Vec<_> = session.replies.iter().map(|(line, _)| line.as_str()).collect();
        let found = session.replies.iter().find(|(made, _)| made == line);
        let (_, message) = found.unwrap_or_else(|| panic!("{line} is none of {all:#?}"));
        let expected = format!("```hex\n{}```\n", hex(message));
        assert!(rest.starts_with(&expected), "after {line} the page must have\n{expected}");
    }
    assert_eq!(shown, 6, "one of each kind, and a summary");
}
