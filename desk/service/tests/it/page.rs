//! Page: `docs/WIRE-DESK.md` against the code. Each JSON line of a request is followed by the
//! binary message of the same meaning; a test that fails shows what the page has to say.

use allot_desk_service::{decode_line, encode_request};
use allot_wire::{begin_batch, end_batch, push_record};

const PAGE: &str = include_str!("../../../../docs/WIRE-DESK.md");

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
        if !rest.starts_with("```hex\n") {
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
