//! Frames: golden bytes, and that no bytes do harm.

use allot_mesh_rules::{
    Address, Adoption, Digest, Incarnation, Instance, MemberStatus, Namesake, Phase, Position,
    Route, Row, Sequence, Unix, Version,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> StrategyName {
    StrategyName::new(text.as_bytes()).unwrap()
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text.as_bytes()).unwrap()
}

fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn row(text: &str, position: &str, sequence: u64) -> Row {
    Row {
        symbol: symbol(text),
        position: Position::parse(position).unwrap(),
        version: Version::new(2, sequence),
        updated: Unix::new(1_795_168_800_000_000_000),
    }
}

/// The bytes as `docs/MESH.md` shows them.
fn hex(frame: &Frame) -> String {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    assert_eq!(Frame::decode(&bytes).as_ref(), Ok(frame));
    let mut text = String::new();
    for (at, line) in bytes.chunks(16).enumerate() {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let shown: String = line.iter().map(shown).collect();
        text.push_str(&format!("{:04x}  {:47}  |{shown}|\n", at * 16, digits.join(" ")));
    }
    text
}

fn hello() -> Frame {
    Frame::Peer(Message::Hello(Hello {
        name: name("strategy_1"),
        incarnation: Incarnation::new(2, 0x5eed),
        instance: Instance::new(7),
        address: address("tcp://127.0.0.1:12345"),
        is_joining: false,
        heartbeat: Duration::from_secs(1),
        heard: Instance::new(9),
    }))
}

fn delta() -> Frame {
    Frame::Peer(Message::Delta(Delta {
        owner: name("strategy_1"),
        after: Version::new(2, 3),
        through: Version::new(2, 5),
        adopted: None,
        lives: vec![],
        rows: vec![row("AAPL", "100", 5)],
    }))
}

fn members() -> Frame {
    Frame::Peer(Message::Members(vec![Member {
        name: name("B"),
        address: address("ipc:///b"),
        incarnation: Incarnation::new(1, 0x5eed),
        instance: Instance::new(3),
        is_alive: true,
        heard: Duration::from_millis(1),
    }]))
}

fn summary() -> Frame {
    let owner = OwnerSummary {
        owner: name("B"),
        through: Version::new(1, 4),
        digest: Digest::new(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        rows: 2,
    };
    Frame::Peer(Message::Summary(Summary { owners: vec![owner], is_answer: true }))
}

fn heartbeat() -> Frame {
    Frame::Peer(Message::Heartbeat(Heartbeat {
        through: Version::new(2, 5),
        digest: Digest::new(1),
        view: Digest::new(2),
        members: Digest::new(3),
    }))
}

fn name_taken() -> Frame {
    Frame::Peer(Message::NameTaken(NameTaken {
        incarnation: Incarnation::new(4, 0x5eed),
        instance: Instance::new(7),
        address: address("ipc:///a"),
        is_alive: true,
        heard: Duration::from_secs(1),
    }))
}

fn name_yielded() -> Frame {
    Frame::Peer(Message::NameYielded(NameYielded {
        name: name("A"),
        incarnation: Incarnation::new(4, 0x5eed),
        instance: Instance::new(7),
    }))
}

fn view() -> Frame {
    let rows = vec![ViewRow { owner: name("B"), row: row("AAPL", "-0.5", 5) }];
    let page = ViewPage { digest: Digest::new(5), rows, more: false };
    Frame::View(RequestNumber::new(1), page)
}

fn status() -> Frame {
    let member = MemberStatus {
        name: name("C"),
        address: Some(address("ipc:///c")),
        incarnation: Incarnation::new(1, 0x5eed),
        instance: Instance::new(2),
        is_alive: false,
        heard: Some(Duration::from_secs(5)),
        away_since: Some(Unix::new(6)),
        route: Route::Relayed(name("B")),
        through: Version::new(1, 7),
        rows: 1,
        digest: Digest::new(8),
        conflated: 9,
        gaps_repaired: 10,
        namesake: Some(Namesake {
            incarnation: Incarnation::new(1, 0x0dd),
            instance: Instance::new(15),
            address: address("ipc:///d"),
        }),
    };
    let status = PeerStatus {
        name: name("A"),
        address: address("ipc:///a"),
        instance: Instance::new(3),
        phase: Phase::Running(Incarnation::new(4, 0x5eed)),
        started: Unix::new(11),
        time: Unix::new(12),
        through: Version::new(4, 1),
        has_journal: true,
        own_rows: 1,
        rows: 2,
        digest: Digest::new(13),
        namesake: None,
        counters: vec![("garbage".to_owned(), 14)],
        members: vec![member],
        more: false,
    };
    Frame::Status(RequestNumber::new(1), Box::new(status))
}

/// One frame of each kind, as the page shows it.
fn examples() -> [(&'static str, Frame); 12] {
    let want = Want { owner: name("B"), after: Version::new(1, 4) };
    let number = RequestNumber::new(1);
    [
        ("hello", hello()),
        ("members", members()),
        ("summary", summary()),
        ("delta", delta()),
        ("want", Frame::Peer(Message::Want(want))),
        ("heartbeat", heartbeat()),
        ("name taken", name_taken()),
        ("name yielded", name_yielded()),
        ("ask for the state", Frame::AskStatus(number, Some(name("B")))),
        ("state", status()),
        ("ask for the view", Frame::AskView(number, Some((name("B"), symbol("AAPL"))))),
        ("view", view()),
    ]
}

/// The bytes of the format are those of the page: who changes one changes both.
#[test]
fn the_page_shows_the_bytes_of_each_message() {
    let page = include_str!("../../../../docs/MESH.md");
    let shown = examples().map(|(kind, frame)| (kind, hex(&frame)));
    let lacks = shown.iter().filter(|(_, hex)| !page.contains(&format!("```hex\n{hex}```")));
    let lacks: Vec<_> = lacks.map(|(kind, hex)| format!("{kind}:\n{hex}")).collect();
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
}

/// `cargo test -p allot-mesh-service --lib -- --ignored corpus` writes what the fuzz target starts
/// from anew after a change of format.
#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    let folder = env!("CARGO_MANIFEST_DIR").to_owned() + "/../../fuzz/corpus/mesh_frame";
    std::fs::create_dir_all(&folder).unwrap();
    for (kind, frame) in examples() {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        std::fs::write(format!("{folder}/{}", kind.replace(' ', "-")), bytes).unwrap();
    }
}

#[test]
fn what_is_no_frame_is_refused_with_the_reason() {
    let mut bytes = Vec::new();
    delta().encode(&mut bytes);
    let refused = |change: &dyn Fn(&mut Vec<u8>), reason: &str| {
        let mut changed = bytes.clone();
        change(&mut changed);
        assert_eq!(Frame::decode(&changed).unwrap_err().to_string(), reason);
    };
    refused(&|bytes| bytes.clear(), "the frame ends too early");
    refused(&|bytes| bytes[0] = b'm', "no frame of a mesh");
    refused(&|bytes| bytes[4] = 2, "format 2 of a frame; this program knows 1");
    refused(&|bytes| bytes[5] = 99, "no kind of a frame: 99");
    refused(&|bytes| bytes.push(0), "the frame is longer than its fields");
    refused(&|bytes| bytes.truncate(bytes.len() - 1), "the frame ends too early");
    let name = "\" trategy_1\": the name of a strategy has 1 to 32 of A-Z a-z 0-9 . - _ @";
    refused(&|bytes| bytes[7] = b' ', name);
    refused(&|bytes| bytes[49] = 2, "a flag is neither 0 nor 1");
    refused(&|bytes| bytes[50..52].fill(255), "a list of 65535; at most 8 are allowed");
    refused(&|bytes| bytes[52..54].fill(255), "a list of 65535; at most 400 are allowed");
    refused(&|bytes| bytes[59 + 15] = 127, "a position is too large");
    refused(&|bytes| bytes.resize(FRAME_BYTES_MAX + 1, 0), "a frame of 65537 bytes");
}

fn any_name() -> impl Strategy<Value = StrategyName> {
    "[A-Za-z0-9._@-]{1,32}".prop_map(|text| name(&text))
}

fn any_symbol() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9/]{1,32}".prop_map(|text| symbol(&text))
}

fn any_version() -> impl Strategy<Value = Version> {
    (any::<u64>(), any::<u64>()).prop_map(|(first, second)| Version {
        incarnation: Incarnation::from_number(first),
        sequence: Sequence::new(second),
    })
}

fn any_adoption() -> impl Strategy<Value = Adoption> {
    (any_version(), any::<u64>()).prop_map(|(through, incarnation)| Adoption {
        through,
        incarnation: Incarnation::from_number(incarnation),
    })
}

fn any_row() -> impl Strategy<Value = Row> {
    let nanos = -limits::NANOS_MAX..=limits::NANOS_MAX;
    (any_symbol(), nanos, any_version(), any::<u64>()).prop_map(|(symbol, nanos, version, time)| {
        let position = Position::from_nanos(nanos).unwrap();
        Row { symbol, position, version, updated: Unix::new(time) }
    })
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let delta = (
        any_name(),
        any_version(),
        any_version(),
        option::of(any_adoption()),
        vec(any_version(), 0..limits::LINEAGE_MAX),
        vec(any_row(), 0..400),
    )
        .prop_map(|(owner, after, through, adopted, lives, rows)| {
            Frame::Peer(Message::Delta(Delta { owner, after, through, adopted, lives, rows }))
        });
    let summary =
        vec((any_name(), any_version(), any::<u128>(), any::<u32>()), 0..256).prop_map(|list| {
            let owners = list.into_iter().map(|(owner, through, digest, rows)| OwnerSummary {
                owner,
                through,
                digest: Digest::new(digest),
                rows,
            });
            let (owners, is_answer) = (owners.collect(), false);
            Frame::Peer(Message::Summary(Summary { owners, is_answer }))
        });
    let members = vec((any_name(), "[!-~]{1,128}", any::<[u64; 3]>(), any::<bool>()), 0..256)
        .prop_map(|list| {
            let members = list.into_iter().map(|(name, text, numbers, is_alive)| Member {
                name,
                address: address(&text),
                incarnation: Incarnation::from_number(numbers[0]),
                instance: Instance::new(numbers[1]),
                is_alive,
                heard: Duration::from_nanos(numbers[2]),
            });
            Frame::Peer(Message::Members(members.collect()))
        });
    let view = (any::<u128>(), vec((any_name(), any_row()), 0..VIEW_PAGE_ROWS), any::<bool>())
        .prop_map(|(digest, rows, more)| {
            let rows = rows.into_iter().map(|(owner, row)| ViewRow { owner, row }).collect();
            let page = ViewPage { digest: Digest::new(digest), rows, more };
            Frame::View(RequestNumber::new(5), page)
        });
    prop_oneof![delta, summary, members, view]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back(frame in any_frame()) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        prop_assert_eq!(Frame::decode(&bytes), Ok(frame));
    }

    #[test]
    fn a_frame_that_was_cut_or_changed_is_no_panic(
        frame in any_frame(), cut in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let at = cut.index(bytes.len());
        prop_assert!(Frame::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        // What can be read is written to the same bytes: there is one encoding.
        if let Ok(read) = Frame::decode(&bytes) {
            let mut again = Vec::new();
            read.encode(&mut again);
            prop_assert_eq!(again, bytes);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(kind in 0_u8..24, bytes in vec(any::<u8>(), 0..2_048)) {
        let _ = Frame::decode(&bytes);
        let _ = Frame::decode(&[b"MESH", &[1, kind][..], &bytes].concat());
    }
}
