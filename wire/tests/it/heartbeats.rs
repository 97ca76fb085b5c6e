//! Heartbeats: their bytes in both encodings, and what is read back from them.

use allot_domain::{Incarnation, LedgerId, ReportNumber};
use allot_wire::{Encoding, Heartbeat};
use expect_test::expect;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::dump::dump;

pub(crate) fn heartbeat() -> Heartbeat {
    Heartbeat {
        time_ns: 1_795_168_801_000_000_000,
        incarnation: Incarnation::new(1_795_168_000_123_456_789),
        ledger: LedgerId::new(0x5f0c_4f0b_8a3d_4e6f_9c1b_2a7d_8e9f_0a1b),
        report: ReportNumber::new(12),
        shards: 4,
        degraded: Vec::new(),
    }
}

#[test]
fn bytes_of_a_heartbeat() {
    let mut body = Vec::new();
    heartbeat().encode(Encoding::Json, &mut body);
    let expected = concat!(
        r#"{"type":"heartbeat","time":"2026-11-20T10:00:01.000000000Z","#,
        r#""publisher":1795168000123456789,"#,
        r#""ledger":"5f0c4f0b8a3d4e6f9c1b2a7d8e9f0a1b","report":12,"shards":4}"#
    );
    assert_eq!(str::from_utf8(&body).unwrap(), expected);
    heartbeat().encode(Encoding::Binary, &mut body);
    expect![[r#"
        0000  41 4c 4f 54 02 83 00 00 01 00 00 00 38 00 00 00  |ALOT........8...|
        0010  34 00 00 00 00 0a 78 67 83 b8 e9 18 15 cd 81 ef  |4.....xg........|
        0020  c8 b7 e9 18 5f 0c 4f 0b 8a 3d 4e 6f 9c 1b 2a 7d  |...._.O..=No..*}|
        0030  8e 9f 0a 1b 0c 00 00 00 00 00 00 00 04 00 00 00  |................|
        0040  00 00 00 00 00 00 00 00                          |........|
    "#]]
    .assert_eq(&dump(&body));
}

proptest! {
    #[test]
    fn a_heartbeat_is_read_back(
        numbers in any::<[u64; 3]>(),
        shards in any::<u32>(),
        ledger in any::<u128>(),
        degraded in vec(any::<String>(), 0..3),
    ) {
        let [time_ns, incarnation, report] = numbers;
        let incarnation = Incarnation::new(incarnation);
        let report = ReportNumber::new(report);
        let ledger = LedgerId::new(ledger);
        let heartbeat = Heartbeat { time_ns, incarnation, ledger, report, shards, degraded };
        let mut body = Vec::new();
        for encoding in [Encoding::Json, Encoding::Binary] {
            heartbeat.encode(encoding, &mut body);
            prop_assert_eq!(Heartbeat::decode(&body), Ok(heartbeat.clone()));
        }
    }
}
