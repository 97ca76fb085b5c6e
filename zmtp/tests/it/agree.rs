//! The same bytes mean the same to our codec and to the second one. Where one refuses what the
//! other takes, the difference has a name, and what RFC 37 says to it.

use allot_zmtp::{Connection, Fault, Options, Security, SocketType};
use omq_proto::{Error, MechanismSetup};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::pair::{Heard, hear};
use crate::second::Second;

/// More than any stream here has, so that only a changed length is beyond it.
const MESSAGE_BYTES_MAX: usize = 1 << 16;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Who hears, and the kind of peer it hears from.
const HEARERS: [(SocketType, &str); 5] = [
    (SocketType::Router, "DEALER"),
    (SocketType::Dealer, "ROUTER"),
    (SocketType::Req, "ROUTER"),
    (SocketType::Xpub, "SUB"),
    (SocketType::Sub, "XPUB"),
];

/// What an end of each codec made of the same bytes.
struct Ends {
    ours: (Vec<Heard>, Option<Fault>),
    theirs: (Vec<Heard>, Option<Error>),
}

impl Ends {
    /// `pieces` for ours; the second codec gets each byte alone, so that it keeps the order of
    /// messages and commands.
    fn hear<'a>(socket: SocketType, pieces: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let new = || {
            Connection::new(Options {
                socket,
                identity: Vec::new(),
                message_bytes_max: MESSAGE_BYTES_MAX,
                frames_max: 1_000,
                security: Security::Null,
            })
        };
        let mut ours = new();
        let (mut heard, mut fault) = (Vec::new(), None);
        for byte in pieces.clone().flat_map(<[u8]>::iter) {
            // Byte by byte first: what was heard before a fault is only seen so.
            match hear(&mut ours, std::slice::from_ref(byte), 1) {
                Ok(more) => heard.extend(more),
                Err(end) => {
                    fault = Some(end);
                    break;
                }
            }
        }
        let (mut whole, mut all) = (new(), Vec::new());
        let cut: Result<(), Fault> =
            pieces.clone().filter(|piece| !piece.is_empty()).try_for_each(|piece| {
                all.extend(hear(&mut whole, piece, piece.len())?);
                Ok(())
            });
        assert_eq!(cut.err(), fault, "however the bytes are cut");
        assert!(fault.is_some() || all == heard, "however the bytes are cut");
        let bytes: Vec<u8> = pieces.flatten().copied().collect();
        let theirs = Second::new(socket, b"", MechanismSetup::Null).hear(&bytes, 1);
        Self { ours: (heard, fault), theirs }
    }

    /// The difference between them, if there is one; panics for one without a name.
    fn difference(&self) -> Option<Difference> {
        let Self { ours: (ours, fault), theirs: (theirs, error) } = self;
        let shown = format!("{fault:?} {error:?} {ours:?} {theirs:?}");
        let error = error.as_ref().map(Error::to_string);
        match (fault, error) {
            (None, None) => assert_eq!(ours, theirs, "both take it"),
            // Both refuse it, and at the same place.
            (Some(_), Some(_)) if ours == theirs => {}
            (Some(fault), error) if ours.len() < theirs.len() || error.is_none() => {
                assert!(theirs.starts_with(ours), "{shown}");
                return Some(Difference::that_we_refuse(*fault).expect(&shown));
            }
            (_, Some(error)) => {
                assert!(ours.starts_with(theirs), "{shown}");
                let is_open = theirs.first() == Some(&Heard::Ready);
                return Some(Difference::that_they_refuse(&error, is_open).expect(&shown));
            }
            (Some(_), None) => unreachable!("it is the arm before the last"),
        }
        None
    }
}

/// What one of the two refuses and the other takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Difference {
    /// We keep no more than the options say, and of a handshake 4 KiB and 32 properties; the RFC
    /// has no bound. Theirs is an option that is off here.
    Bound,
    /// We refuse another protocol at its first byte, they once eleven are there. The RFC says
    /// nothing of when.
    Early,
    /// NULL has no server: the flag has to be zero, says the RFC to who sends it. We do not look
    /// at it, since nothing depends on it, and libzmq does not either.
    AsServer,
    /// The name of a command has letters only. Ours passes over all commands that it does not
    /// know, of whatever name.
    CommandName,
    /// The context of a PONG has at most 16 bytes. We asked with none, and do not look at it.
    PongContext,
    /// A READY after the handshake belongs nowhere. We pass over it as over any other command, so
    /// that nothing of what it says counts.
    LateReady,
    /// The name of a property has letters, digits, and `-_.+`. We pass over those that we do not
    /// know, of whatever name.
    PropertyName,
}

impl Difference {
    const fn that_we_refuse(fault: Fault) -> Option<Self> {
        match fault {
            Fault::TooLong | Fault::TooManyFrames => Some(Self::Bound),
            Fault::NotZmtp => Some(Self::Early),
            _ => None,
        }
    }

    fn that_they_refuse(error: &str, is_open: bool) -> Option<Self> {
        // They read the properties of a READY that is too late before they refuse it.
        let of_properties = ["READY", "peer socket type", "peer identity", "duplicate "];
        if is_open && of_properties.iter().any(|text| error.contains(text)) {
            return Some(Self::LateReady);
        }
        let known = [
            ("as-server=1 with NULL", Self::AsServer),
            ("invalid as-server flag", Self::AsServer),
            ("invalid command name", Self::CommandName),
            ("PONG context too long", Self::PongContext),
            ("READY property name contains invalid characters", Self::PropertyName),
        ];
        known.iter().find(|(text, _)| error.contains(text)).map(|(_, difference)| *difference)
    }
}

fn frame(flags: u8, body: &[u8], is_long: bool) -> Vec<u8> {
    let len = u64::try_from(body.len()).unwrap();
    match u8::try_from(len) {
        Ok(len) if !is_long => [&[flags, len], body].concat(),
        _ => [&[flags | LONG][..], &len.to_be_bytes(), body].concat(),
    }
}

fn command(name: &[u8], data: &[u8]) -> Vec<u8> {
    frame(COMMAND, &[&[u8::try_from(name.len()).unwrap()], name, data].concat(), false)
}

fn greeting() -> Vec<u8> {
    let mut bytes = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL".to_vec();
    bytes.resize(64, 0);
    bytes
}

fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let len = u32::try_from(value.len()).unwrap().to_be_bytes();
    [&[u8::try_from(name.len()).unwrap()], name, &len[..], value].concat()
}

fn ready(kind: &str) -> Vec<u8> {
    let properties = [property(b"Socket-Type", kind.as_bytes()), property(b"Identity", b"desk")];
    command(b"READY", &properties.concat())
}

/// Something that an open peer says, as its bytes.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..12),
        1 => prop::collection::vec(any::<u8>(), 250..260),
        // The bytes of a subscription in its old form.
        2 => prop::collection::vec(0..3_u8, 1..4),
    ];
    let message = prop::collection::vec((body.clone(), any::<bool>()), 1..4).prop_map(|frames| {
        let last = frames.len() - 1;
        let frames = frames.iter().enumerate();
        frames
            .flat_map(|(at, (body, is_long))| {
                frame(if at < last { MORE } else { 0 }, body, *is_long)
            })
            .collect::<Vec<_>>()
    });
    let names = prop::sample::select(vec![&b"SUBSCRIBE"[..], b"CANCEL", b"NEWS", b"JOIN"]);
    let named = (names, body).prop_map(|(name, data)| command(name, &data));
    let context = prop::collection::vec(any::<u8>(), 0..=16);
    let alive = (any::<bool>(), context).prop_map(|(asks, context)| {
        if asks {
            command(b"PING", &[&[0, 9], &context[..]].concat())
        } else {
            command(b"PONG", &context)
        }
    });
    prop_oneof![4 => message, 2 => named, 1 => alive]
}

/// Who hears, and what it hears.
fn stream() -> impl Strategy<Value = (SocketType, Vec<u8>)> {
    let hearer = prop::sample::select(&HEARERS[..]);
    (hearer, prop::collection::vec(said(), 0..8)).prop_map(|((socket, peer), said)| {
        (socket, [greeting(), ready(peer), said.concat()].concat())
    })
}

/// The bytes in pieces that end at these places.
fn cut<'a>(bytes: &'a [u8], at: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(&ends).map(|(begin, end)| &bytes[begin..*end]).collect()
}

/// A change of a stream.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Truncate,
    Repeat(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<u8>().prop_map(Change::Set),
        (0..8_u8).prop_map(|bit| Change::Flip(1 << bit)),
        any::<u8>().prop_map(Change::Insert),
        Just(Change::Remove),
        Just(Change::Truncate),
        any::<Index>().prop_map(Change::Repeat),
    ]
}

fn change_bytes(bytes: &mut Vec<u8>, at: &Index, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match change {
        Change::Set(byte) => bytes[at] = *byte,
        Change::Flip(bit) => bytes[at] ^= bit,
        Change::Insert(byte) => bytes.insert(at, *byte),
        Change::Remove => drop(bytes.remove(at)),
        Change::Truncate => bytes.truncate(at),
        Change::Repeat(from) => {
            let from = from.index(bytes.len());
            let again = bytes[from.min(at)..from.max(at)].to_vec();
            bytes.splice(at..at, again);
        }
    }
}

proptest! {
    #[test]
    fn a_stream_gives_the_same_events_however_it_is_cut(
        (socket, bytes) in stream(),
        at in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let ends = Ends::hear(socket, cut(&bytes, &at).into_iter());
        prop_assert_eq!(ends.difference(), None);
        prop_assert!(ends.ours.1.is_none(), "it is as the RFC has it: {:?}", ends.ours.1);
        prop_assert_eq!(&ends.ours.0[0], &Heard::Ready);
    }

    #[test]
    fn a_changed_stream_means_the_same_to_both_or_differs_by_name(
        (socket, mut bytes) in stream(),
        changes in prop::collection::vec((any::<Index>(), change()), 1..4),
        at in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        for (at, change) in &changes {
            change_bytes(&mut bytes, at, change);
        }
        // Panics for a difference without a name.
        let _ = Ends::hear(socket, cut(&bytes, &at).into_iter()).difference();
    }
}

#[test]
fn every_difference_has_an_example() {
    let open = || [greeting(), ready("DEALER")].concat();
    let then = |said: Vec<u8>| [open(), said].concat();
    let with_greeting = |at: usize, byte: u8| {
        let mut bytes = open();
        bytes[at] = byte;
        bytes
    };
    let kind = property(b"Socket-Type", b"DEALER");
    let odd = [greeting(), command(b"READY", &[kind, property(b"a b", b"x")].concat())].concat();
    let long = [&[LONG][..], &u64::MAX.to_be_bytes()[..4], &[0; 4]].concat();
    let cases = [
        ("an endless frame", then(frame(0, &[7; MESSAGE_BYTES_MAX + 1], true)), Difference::Bound),
        ("five frames and no end", then([MORE, 0].repeat(1_001)), Difference::Bound),
        ("a long command of a handshake", [greeting(), long_ready()].concat(), Difference::Bound),
        ("another protocol", b"GET /".to_vec(), Difference::Early),
        ("as-server with NULL", with_greeting(32, 1), Difference::AsServer),
        ("as-server of neither value", with_greeting(32, 2), Difference::AsServer),
        ("a name with a digit", then(command(b"NEWS2", b"")), Difference::CommandName),
        ("a long PONG", then(command(b"PONG", &[0; 17])), Difference::PongContext),
        ("READY twice", then(ready("DEALER")), Difference::LateReady),
        ("a name with a space", odd, Difference::PropertyName),
    ];
    for (what, bytes, expected) in cases {
        let ends = Ends::hear(SocketType::Router, std::iter::once(&bytes[..]));
        assert_eq!(ends.difference(), Some(expected), "{what}");
    }
    // What both refuse, at the same place.
    let both = [
        ("a frame beyond all memory", then(long)),
        ("a flag that nobody knows", then(vec![8, 0])),
        ("a command of several frames", then(vec![COMMAND | MORE, 0])),
        ("a command without a name", then(vec![COMMAND, 1, 0])),
        ("an empty command", then(vec![COMMAND, 0])),
        ("a PING without its time", then(command(b"PING", b"\0"))),
        ("a PING with a long context", then(command(b"PING", &[0; 19]))),
        ("an ERROR", then(command(b"ERROR", b"\x02no"))),
        ("ZMTP 2", with_greeting(10, 1)),
        ("another mechanism", with_greeting(12, b'P')),
        ("a message in place of READY", [greeting(), frame(0, b"x", false)].concat()),
        ("another kind of socket", [greeting(), ready("SUB")].concat()),
        ("no kind of socket", [greeting(), command(b"READY", b"")].concat()),
    ];
    for (what, bytes) in both {
        let ends = Ends::hear(SocketType::Router, std::iter::once(&bytes[..]));
        assert_eq!(ends.difference(), None, "{what}");
        assert!(ends.ours.1.is_some(), "{what}");
    }
}

fn long_ready() -> Vec<u8> {
    let kind = property(b"Socket-Type", b"DEALER");
    command_long(b"READY", &[kind, property(b"X", &[b'x'; 4_100])].concat())
}

fn command_long(name: &[u8], data: &[u8]) -> Vec<u8> {
    frame(COMMAND, &[&[u8::try_from(name.len()).unwrap()], name, data].concat(), true)
}
