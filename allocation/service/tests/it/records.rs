//! Records: which bytes are refused with which code, in order of precedence.

use allot_allocation_rules::{Listing, SplitNumber, limits};
use allot_allocation_service::{
    Request, RequestKind, decode_request, encode_request, routing_keys, routing_rejection,
};
use allot_domain::{MessageId, Seq, TextId};

use crate::rejects::{NOT_OF_DECODERS, assert_complete, rank};
use crate::samples;

/// Codes of what a record cannot say.
const NOT_OF_RECORDS: [&str; 7] = [
    "unknown_field",
    "missing_field",
    "malformed_field",
    "price_malformed",
    "quantity_malformed",
    "quantity_must_be_whole",
    "weight_malformed",
];

/// The fields of a record, written by hand as the page says.
#[derive(Clone)]
struct RawFill {
    ticker: [u8; limits::TICKER_LEN_MAX],
    seq: u64,
    source: &'static [u8],
    id: &'static [u8],
    price: i64,
    quantity: u64,
    side: u8,
}

impl RawFill {
    const GOOD: Self = Self {
        ticker: *b"AAPL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        seq: 1,
        source: b"s",
        id: b"",
        price: 1,
        quantity: 1,
        side: 1,
    };

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.ticker.to_vec();
        bytes.extend(self.seq.to_le_bytes());
        bytes.extend(raw_text(self.source));
        bytes.extend(raw_text(self.id));
        bytes.extend(self.price.to_le_bytes());
        bytes.extend(self.quantity.to_le_bytes());
        bytes.push(self.side);
        bytes
    }
}

fn raw_text(text: &[u8]) -> Vec<u8> {
    let len = u64::try_from(text.len()).unwrap().to_le_bytes();
    [&len[..], text].concat()
}

fn raw_bust(id: &[u8], of: &[u8]) -> Vec<u8> {
    let RawFill { ticker, source, .. } = RawFill::GOOD;
    let seq = 2_u64.to_le_bytes();
    [&ticker[..], &seq, &raw_text(source), &raw_text(id), &raw_text(of)].concat()
}

fn raw_replay(from: u64, to: Option<u64>) -> Vec<u8> {
    let RawFill { ticker, source, .. } = RawFill::GOOD;
    let seq = 2_u64.to_le_bytes();
    let to = to.map_or(vec![0], |to| [&[1][..], &to.to_le_bytes()].concat());
    [&ticker[..], &seq, &raw_text(source), &from.to_le_bytes(), &to].concat()
}

fn raw_split(weights: &[(&str, i64)], closes: &[&str]) -> Vec<u8> {
    let mut bytes = 1_u64.to_le_bytes().to_vec();
    bytes.extend(raw_text(b"aum"));
    bytes.extend(u64::try_from(weights.len()).unwrap().to_le_bytes());
    for (account, weight) in weights {
        bytes.extend(raw_text(account.as_bytes()));
        bytes.extend(weight.to_le_bytes());
    }
    bytes.extend(u64::try_from(closes.len()).unwrap().to_le_bytes());
    closes.iter().for_each(|account| bytes.extend(raw_text(account.as_bytes())));
    bytes
}

fn binary_code(kind: RequestKind, record: &[u8]) -> &'static str {
    decode_request(kind, record).map_or_else(|rejection| rejection.code, |_| "none")
}

type Damage = fn(&mut RawFill);

/// What can be wrong with a fill; the first six are wrong with what routes it.
const RAW_FAULTS: &[(Damage, &str)] = &[
    (|fill| fill.source = b"a\xff", "malformed_message"),
    (|fill| fill.source = b"", "bad_source"),
    (|fill| fill.seq = 0, "sequence_must_be_positive"),
    (|fill| fill.ticker = [0; limits::TICKER_LEN_MAX], "bad_ticker"),
    (|fill| fill.ticker[8] = b'X', "bad_ticker"),
    (|fill| fill.ticker[31] = b'X', "bad_ticker"),
    (|fill| fill.id = b"a\xff", "malformed_message"),
    (|fill| fill.id = b"a b", "bad_id"),
    (|fill| fill.id = &[b'x'; limits::ID_LEN_MAX + 1], "bad_id"),
    (|fill| fill.side = 2, "bad_side"),
    (|fill| fill.price = 0, "price_must_be_positive"),
    (|fill| fill.price = i64::MIN, "price_must_be_positive"),
    (|fill| fill.price = i64::MAX, "price_too_large"),
    (|fill| fill.quantity = 0, "quantity_must_be_positive"),
    (|fill| fill.quantity = u64::MAX, "quantity_too_large"),
];
const ROUTING_FAULTS: usize = 6;

/// What can be wrong with the ids of a bust: its own, and that of the fill.
const RAW_IDS: &[(&[u8], &[u8], &str)] = &[
    (b"", b"1", "none"),
    (b"x", b"y", "none"),
    (b"a b", b"1", "bad_id"),
    (b"x", b"", "bad_id"),
    (b"x", b"\"", "bad_id"),
    (b"x", b"\xff", "malformed_message"),
];

/// What can be wrong with the weights of a split, in 1e-9 of a percent.
const RAW_WEIGHTS: &[(&[(&str, i64)], &str)] = &[
    (&[], "empty_split"),
    (&[("a:b", -1)], "bad_account"),
    (&[("a", -1), ("a", -1)], "duplicate_account"),
    (&[("a", i64::MIN), ("b", i64::MAX)], "weight_must_not_be_negative"),
    (&[("a", i64::MAX), ("b", i64::MAX)], "weights_must_add_to_100"),
    (&[("a", 1)], "weights_must_add_to_100"),
    (&[("a", 100_000_000_000)], "none"),
];

/// What can be wrong with the accounts that a split closes: `a` has a weight.
const RAW_CLOSES: &[(&[&str], &str)] = &[
    (&["c", "b"], "none"),
    (&["a:b"], "bad_account"),
    (&[""], "bad_account"),
    (&["b", "b"], "duplicate_account"),
    (&["b", "a"], "duplicate_account"),
];

#[test]
fn each_code_has_a_record_that_earns_it() {
    assert_eq!(binary_code(RequestKind::Fill, &RawFill::GOOD.bytes()), "none");
    for (damage, code) in RAW_FAULTS {
        let mut fill = RawFill::GOOD.clone();
        damage(&mut fill);
        assert_eq!(binary_code(RequestKind::Fill, &fill.bytes()), *code);
    }
    for (id, of, code) in RAW_IDS {
        assert_eq!(binary_code(RequestKind::Bust, &raw_bust(id, of)), *code, "{id:?} {of:?}");
    }
    for (weights, code) in RAW_WEIGHTS {
        assert_eq!(binary_code(RequestKind::Split, &raw_split(weights, &[])), *code, "{weights:?}");
    }
    for (closes, code) in RAW_CLOSES {
        let split = raw_split(&[("a", 100_000_000_000)], closes);
        assert_eq!(binary_code(RequestKind::Split, &split), *code, "{closes:?}");
    }
    let many = vec![("a", 1); limits::ACCOUNTS_MAX + 1];
    assert_eq!(binary_code(RequestKind::Split, &raw_split(&many, &[])), "too_many_accounts");
    let many = raw_split(&[("a", 1)], &vec!["b"; limits::ACCOUNTS_MAX]);
    assert_eq!(binary_code(RequestKind::Split, &many), "too_many_accounts");
    for (from, to, code) in [(0, None, "malformed_field"), (5, Some(4), "malformed_field")] {
        assert_eq!(binary_code(RequestKind::Replay, &raw_replay(from, to)), code, "{from} {to:?}");
    }
    for (from, to) in [(1, None), (u64::MAX, None), (5, Some(5))] {
        assert_eq!(binary_code(RequestKind::Replay, &raw_replay(from, to)), "none", "{to:?}");
    }
    let unnumbered = Listing { from: SplitNumber::ZERO, ..samples::listing() };
    let mut record = Vec::new();
    encode_request(&Request::Splits(unnumbered), &mut record);
    assert_eq!(binary_code(RequestKind::Splits, &record), "malformed_field");
    assert_eq!(RequestKind::try_from(7).map_err(|reject| reject.code()), Err("unknown_type"));
    let codes = RAW_FAULTS.iter().map(|(_, code)| *code);
    let codes =
        codes.chain(RAW_WEIGHTS.iter().map(|(_, code)| *code).filter(|code| *code != "none"));
    let others = ["oversized_message", "too_many_accounts", "unknown_type"];
    let impossible = [&NOT_OF_DECODERS[..], &NOT_OF_RECORDS].concat();
    assert_complete(codes.chain(others).collect(), &impossible);
}

#[test]
fn a_bust_of_a_bad_id_and_a_bad_ticker_is_refused_for_its_id() {
    let mut bust = raw_bust(b"x", b"a b");
    bust[0] = b' ';
    assert_eq!(binary_code(RequestKind::Bust, &bust), "bad_id");
}

#[test]
fn of_two_faults_of_a_record_the_first_of_the_list_is_reported() {
    for (one, code) in RAW_FAULTS {
        for (other, other_code) in RAW_FAULTS {
            let mut fill = RawFill::GOOD.clone();
            one(&mut fill);
            other(&mut fill);
            let found = binary_code(RequestKind::Fill, &fill.bytes());
            let mut overwritten = RawFill::GOOD.clone();
            other(&mut overwritten);
            one(&mut overwritten);
            // Faults of different fields add up; the last of one field stands.
            if overwritten.bytes() == fill.bytes() {
                let first = [*code, *other_code].into_iter().min_by_key(|code| rank(code));
                assert_eq!(Some(found), first);
            }
        }
    }
}

#[test]
fn the_router_and_the_shard_give_the_same_code_for_what_both_read() {
    for (at, (damage, code)) in RAW_FAULTS.iter().enumerate() {
        let mut fill = RawFill::GOOD.clone();
        damage(&mut fill);
        let bytes = fill.bytes();
        let routed = routing_keys(&bytes).ok_or_else(|| routing_rejection(&bytes));
        if at < ROUTING_FAULTS {
            let (door, shard) = (routed.unwrap_err(), decode_request(RequestKind::Fill, &bytes));
            assert_eq!(door.code, *code);
            assert_eq!(door, shard.unwrap_err());
        } else {
            assert!(routed.is_ok(), "for the shard to judge");
        }
    }
}

#[test]
fn a_record_is_neither_shorter_nor_longer_than_its_fields() {
    let record = RawFill::GOOD.bytes();
    for len in 0..record.len() {
        let code = binary_code(RequestKind::Fill, &record[..len]);
        assert_eq!(code, "malformed_message", "{len} bytes");
    }
    let longer = [&record[..], &[0]].concat();
    let rejection = decode_request(RequestKind::Fill, &longer).unwrap_err();
    assert_eq!(rejection.code, "malformed_message");
    assert_eq!(
        (rejection.source.as_str(), rejection.seq.get()),
        ("s", 1),
        "what could be read is echoed"
    );
}

#[test]
fn an_id_in_a_record_is_the_number_it_is_written_as_or_the_seq_where_it_is_left_out() {
    let id = |id: &'static [u8]| {
        let fill = RawFill { seq: 7, id, ..RawFill::GOOD };
        match decode_request(RequestKind::Fill, &fill.bytes()) {
            Ok(Request::Fill(fill)) => fill.id,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(id(b""), Seq::new(7).into());
    assert_eq!(id(b"17"), Seq::new(17).into());
    assert_eq!(id(b"017"), MessageId::Text(TextId::new(b"017").unwrap()));
}
