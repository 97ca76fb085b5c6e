//! The in-flight messages against hand-made replies.

use allot_allocation_rules::Fill;
use allot_allocation_service::{Request, encode_line, encode_request};
use allot_domain::limits::{ID_LEN_MAX, TICKER_LEN_MAX};
use allot_domain::{MessageId, Price, Quantity, Side, SourceId, Ticker};

use super::*;
use crate::limits::{FILL_LEN_MAX, LINE_ID_LEN_MAX};

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Nanos {
    Nanos::ZERO + Duration::from_millis(millis)
}

fn in_flight(capacity: usize, ask_every: Option<Duration>) -> InFlight {
    let resend = Backoff { first: SECOND, longest: 30 * SECOND };
    let busy = Backoff { first: SECOND / 100, longest: SECOND };
    InFlight::new(InFlightConfig { capacity, resend, busy, ask_every })
}

const fn lost(sent: usize, unsent: usize) -> Lost {
    Lost { sent, unsent }
}

/// Sends these at 0 ms.
fn sent(messages: &mut InFlight, seqs: &[u64]) {
    for seq in seqs {
        let record =
            messages.admit(Seq::new(*seq), |record| record.extend_from_slice(&seq.to_le_bytes()));
        assert_eq!(record, seq.to_le_bytes());
        assert!(messages.sent(Seq::new(*seq), at(0)));
    }
}

fn due(messages: &mut InFlight, now: Nanos) -> Vec<u64> {
    let mut due = VecDeque::new();
    messages.take_due(now, &mut due);
    due.into_iter().map(Seq::get).collect()
}

#[test]
fn there_is_room_up_to_the_capacity_and_not_far_from_the_oldest() {
    let mut messages = in_flight(2, None);
    sent(&mut messages, &[5]);
    assert!(
        messages.has_room(Seq::new(5 + SPAN_MAX - 1)) && !messages.has_room(Seq::new(5 + SPAN_MAX))
    );
    sent(&mut messages, &[6]);
    assert!(!messages.has_room(Seq::new(7)), "two are open");
    messages.acknowledge(Seq::new(5), ReplyKind::Final, at(1));
    assert!(
        messages.has_room(Seq::new(6 + SPAN_MAX - 1)) && !messages.has_room(Seq::new(6 + SPAN_MAX))
    );
    messages.acknowledge(Seq::new(6), ReplyKind::Held, at(1));
    assert!(messages.has_room(Seq::new(u64::MAX)), "a held fill takes no room");
}

#[test]
fn fills_that_are_held_are_bounded_and_make_room_when_they_are_divided() {
    let mut messages = in_flight(2, None);
    let held = u64::try_from(HELD_MAX).unwrap();
    for seq in 1..=held {
        assert!(messages.has_room(Seq::new(seq)));
        sent(&mut messages, &[seq]);
        messages.acknowledge(Seq::new(seq), ReplyKind::Held, at(0));
    }
    assert!(messages.is_held_full() && !messages.has_room(Seq::new(held + 1)));
    messages.acknowledge(Seq::new(7), ReplyKind::Final, at(1));
    assert!(messages.has_room(Seq::new(held + 1)));
}

/// The bounds in bytes count on it.
#[test]
fn no_fill_is_longer_than_the_longest() {
    let fill = Fill {
        source: SourceId::new(&[b'x'; ID_LEN_MAX]).unwrap(),
        seq: Seq::new(u64::MAX),
        id: MessageId::new(&[b'x'; LINE_ID_LEN_MAX]).unwrap(),
        time_ns: u64::MAX,
        ticker: Ticker::new(&[b'x'; TICKER_LEN_MAX]).unwrap(),
        side: Side::Sell,
        price: Price::parse("999999999.999999999").unwrap(),
        quantity: Quantity::new(1 << 40).unwrap(),
    };
    let (mut line, mut record) = (Vec::new(), Vec::new());
    encode_line(&Request::Fill(fill), &mut line);
    encode_request(&Request::Fill(fill), &mut record);
    assert!(line.len() <= FILL_LEN_MAX && record.len() <= FILL_LEN_MAX, "{}", line.len());
}

#[test]
fn a_reply_counts_once() {
    let mut messages = in_flight(9, None);
    sent(&mut messages, &[1, 2, 4]);
    for (millis, seq, kind, effect) in [
        (5, 1, ReplyKind::Final, Effect::First(SECOND / 200)),
        (6, 1, ReplyKind::Final, Effect::Again),
        (6, 1, ReplyKind::Busy, Effect::Again),
        (7, 2, ReplyKind::Busy, Effect::Postponed),
        (8, 2, ReplyKind::Held, Effect::First(SECOND / 125)),
        (9, 2, ReplyKind::Held, Effect::Again),
        (9, 2, ReplyKind::Busy, Effect::Again),
        (9, 2, ReplyKind::Final, Effect::Followed),
        (9, 2, ReplyKind::Final, Effect::Again),
        (9, 4, ReplyKind::TooOld, Effect::First(SECOND * 9 / 1_000)),
        (9, 5, ReplyKind::Final, Effect::Unknown),
    ] {
        assert_eq!(
            messages.acknowledge(Seq::new(seq), kind, at(millis)),
            effect,
            "{seq} at {millis} ms"
        );
    }
    assert_eq!((messages.open_count(), messages.held_count(), messages.lost()), (0, 0, lost(0, 0)));
}

#[test]
fn what_is_in_a_batch_is_not_due_until_the_batch_has_left() {
    let mut messages = in_flight(9, None);
    sent(&mut messages, &[1]);
    assert_eq!(messages.next_due(), at(1_000));
    assert!(due(&mut messages, at(999)).is_empty());
    assert_eq!(due(&mut messages, at(1_000)), [1]);
    assert_eq!((due(&mut messages, at(9_000)), messages.next_due()), (vec![], Nanos::MAX));
    assert_eq!(messages.record(Seq::new(1)), Some(&1_u64.to_le_bytes()[..]), "the same bytes");
    assert!(!messages.sent(Seq::new(1), at(9_000)), "not for the first time");
    assert_eq!(messages.next_due(), at(11_000), "twice as long");
    messages.make_all_due(at(9_500));
    assert_eq!(due(&mut messages, at(9_500)), [1]);
    messages.admit(Seq::new(2), |_| {});
    assert_eq!(messages.lost(), lost(1, 1), "one left, the other never did");
}

#[test]
fn questions_for_held_fills_take_turns_for_room_and_a_forgotten_fill_stays_held() {
    let mut messages = in_flight(2, Some(30 * SECOND));
    sent(&mut messages, &[1, 2]);
    messages.acknowledge(Seq::new(1), ReplyKind::Held, at(0));
    messages.acknowledge(Seq::new(2), ReplyKind::Held, at(0));
    sent(&mut messages, &[3]);
    assert_eq!(messages.next_due(), at(1_000));
    assert_eq!(due(&mut messages, at(1_000)), [3]);
    assert_eq!(messages.next_due(), at(30_000));
    assert_eq!(due(&mut messages, at(30_000)), [1], "there is room for one");
    assert_eq!((messages.held_count(), messages.lost()), (2, lost(1, 0)));
    assert!(!messages.sent(Seq::new(1), at(30_000)));
    assert_eq!(messages.acknowledge(Seq::new(1), ReplyKind::TooOld, at(30_001)), Effect::Again);
    assert_eq!((messages.held_count(), messages.open_count()), (2, 1));
    messages.acknowledge(Seq::new(3), ReplyKind::Final, at(30_001));
    assert_eq!(due(&mut messages, at(31_000)), [2], "and for the other later");
    messages.sent(Seq::new(2), at(31_000));
    assert_eq!(messages.acknowledge(Seq::new(2), ReplyKind::Held, at(31_001)), Effect::Again);
    assert!(due(&mut messages, at(32_000)).is_empty(), "there are no more questions for 1");
    assert_eq!(messages.next_due(), at(61_001));
    assert_eq!(messages.acknowledge(Seq::new(2), ReplyKind::Final, at(31_002)), Effect::Followed);
    assert_eq!(messages.acknowledge(Seq::new(1), ReplyKind::Final, at(31_002)), Effect::Followed);
}

#[test]
fn a_message_that_is_dropped_with_its_batch_is_due_and_leaves_for_the_first_time_later() {
    let mut messages = in_flight(9, None);
    messages.admit(Seq::new(1), |_| {});
    assert_eq!((messages.next_due(), messages.lost()), (Nanos::MAX, lost(0, 1)));
    messages.make_all_due(at(3_000));
    assert_eq!(due(&mut messages, at(3_000)), [1]);
    assert!(messages.sent(Seq::new(1), at(3_000)));
    assert_eq!((messages.next_due(), messages.lost()), (at(4_000), lost(1, 0)));
    assert_eq!(
        messages.acknowledge(Seq::new(1), ReplyKind::Final, at(3_500)),
        Effect::First(SECOND / 2)
    );
}

#[test]
#[should_panic(expected = "sequences count up: 3 after 3")]
fn a_sequence_is_given_once() {
    let mut messages = in_flight(9, None);
    sent(&mut messages, &[3, 3]);
}
