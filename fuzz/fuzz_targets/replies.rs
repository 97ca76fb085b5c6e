//! What clients read: replies, reports, statements, heartbeats, topics.
#![no_main]

use allot_allocation_service::{Report, TopicName, decode_replies, encode_reply_message};
use allot_wire::{Encoding, Heartbeat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let mut replies = Vec::new();
    let _ = decode_replies(message, &mut replies);
    for encoding in [Encoding::Json, Encoding::Binary] {
        let mut out = Vec::new();
        for reply in &replies {
            encode_reply_message(encoding, reply, &mut out);
            let mut again = Vec::new();
            decode_replies(&out, &mut again).expect("a reply that was read can be said again");
            assert_eq!(again.as_slice(), std::slice::from_ref(reply));
        }
        if let Ok(report) = Report::decode(message) {
            report.encode(encoding, &mut out);
            assert_eq!(Report::decode(&out), Ok(report));
        }
        if let Ok(heartbeat) = Heartbeat::decode(message) {
            heartbeat.encode(encoding, &mut out);
            assert_eq!(Heartbeat::decode(&out), Ok(heartbeat));
        }
    }
    let _ = Report::decode_account(message);
    if let Some(name) = TopicName::parse(message) {
        let mut topic = Vec::new();
        name.as_topic().write(&mut topic);
        assert_eq!(topic, message);
    }
});
