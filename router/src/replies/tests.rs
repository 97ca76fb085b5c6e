//! Tests: clients that read, that do not, and that send too much.

use allot_domain::Incarnation;
use allot_runtime::{Counter, Counters, Door, DoorClients, DoorOptions, Envelope};
use allot_wire::Encoding;

use super::Replies;
use crate::limits::{
    BEHIND_LEN, FIRST_OWED_MAX, OUTGOING_LEN_MAX, RECORD_LEN_LEAST, SET_ASIDE_LEN_FULL,
    SET_ASIDE_LEN_MAX, SLICE_LEN_FULL, SPARE_BUFFERS_LEN,
};
use crate::progress::Progress;

/// A door at which `deaf` has not read replies of four times what puts a client behind.
fn behind() -> (Replies, DoorClients, Counters) {
    let options = DoorOptions { high_water: 1, ..DoorOptions::default() };
    let (door, clients) = Door::memory_with(options);
    let counters = Counters::new();
    let mut replies = Replies::new(door, Incarnation::new(1), counters.clone());
    clients.send(b"deaf", b"first");
    assert_eq!(next(&mut replies).as_deref(), Some(&b"first"[..]));
    let deaf = replies.clients.arrive(b"deaf", false).unwrap();
    for _ in 0..4 {
        replies.deliver(deaf, Encoding::Json, &vec![b'x'; BEHIND_LEN + 1]);
        replies.flush();
    }
    (replies, clients, counters)
}

fn next(replies: &mut Replies) -> Option<Vec<u8>> {
    let mut envelope = Envelope::new();
    replies.receive(&mut envelope).map(|_| envelope.body().to_vec())
}

#[test]
fn messages_of_a_client_that_does_not_read_wait_until_it_does() {
    let (mut replies, clients, _) = behind();
    for (client, message) in [("deaf", "second"), ("bob", "hello"), ("deaf", "third")] {
        clients.send(client.as_bytes(), message.as_bytes());
    }
    assert_eq!(next(&mut replies).as_deref(), Some(&b"hello"[..]));
    assert_eq!(next(&mut replies), None);
    let mut taken = Vec::new();
    while let Some((client, _)) = clients.receive() {
        assert_eq!(client, b"deaf");
        replies.flush();
        taken.extend(next(&mut replies));
    }
    clients.send(b"deaf", b"fourth");
    taken.extend(std::iter::from_fn(|| next(&mut replies)));
    assert_eq!(taken, [&b"second"[..], b"third", b"fourth"]);
    assert_eq!(replies.set_aside_len, 0);
}

#[test]
fn what_a_client_is_owed_goes_by_the_replies_of_shards() {
    let (mut replies, clients, _) = behind();
    clients.send(b"ann", b"hello");
    assert!(next(&mut replies).is_some());
    let ann = replies.clients.arrive(b"ann", false).unwrap();
    for owed in 0..FIRST_OWED_MAX {
        assert!(!replies.owes_enough(ann), "{owed} before its first reply");
        replies.clients.owe(ann);
    }
    assert!(replies.owes_enough(ann), "before its first reply");
    replies.deliver(ann, Encoding::Json, &vec![b'x'; 100 << 10]);
    // What the router itself rejects says nothing of what shards will reply.
    (0..1_000).for_each(|_| replies.append(ann, Encoding::Json, |out| out.push(b'{')));
    assert!(replies.owes_enough(ann));
    (4..FIRST_OWED_MAX).for_each(|_| replies.mark_replied(ann));
    assert!(!replies.owes_enough(ann));
    for client in ["bob", "carl", "dora", "eve", "finn"] {
        clients.send(client.as_bytes(), b"hello");
        assert!(next(&mut replies).is_some());
        let other = replies.clients.arrive(client.as_bytes(), false).unwrap();
        replies.deliver(other, Encoding::Json, &vec![b'x'; 100 << 10]);
        (0..4).for_each(|_| replies.clients.owe(other));
    }
    assert!(replies.owes_enough(ann), "all are owed too much together");
}

#[test]
fn the_rest_of_a_message_waits_its_turn_and_comes_before_later_ones() {
    let (mut replies, clients, _) = behind();
    clients.send(b"ann", b"first");
    let mut envelope = Envelope::new();
    assert!(replies.receive(&mut envelope).is_some());
    let ann = replies.clients.arrive(b"ann", false).unwrap();
    let progress = Progress { done: 3, ..Progress::default() };
    replies.pause(ann, &mut envelope, progress);
    for (client, message) in [("ann", "second"), ("bob", "hello"), ("bob", "again")] {
        clients.send(client.as_bytes(), message.as_bytes());
    }
    let mut taken = Vec::new();
    while let Some(progress) = replies.receive(&mut envelope) {
        taken.push((String::from_utf8(envelope.body().to_vec()).unwrap(), progress.done));
    }
    let of = |client: &[&str]| -> Vec<_> {
        taken.iter().filter(|(body, _)| client.contains(&body.as_str())).cloned().collect()
    };
    assert_eq!(of(&["first", "second"]), [("first".to_owned(), 3), ("second".to_owned(), 0)]);
    assert_eq!(of(&["hello", "again"]), [("hello".to_owned(), 0), ("again".to_owned(), 0)]);
}

#[test]
fn short_messages_do_not_wait_for_a_slice_of_each_long_one() {
    let (mut replies, clients, _) = behind();
    for long in ["ann", "bob", "carl"] {
        clients.send(long.as_bytes(), &vec![b'x'; SLICE_LEN_FULL + 1]);
    }
    (0..3).for_each(|_| clients.send(b"dora", b"short"));
    let mut envelope = Envelope::new();
    let mut taken = Vec::new();
    while replies.receive(&mut envelope).is_some() {
        taken.push(String::from_utf8(envelope.identity().to_vec()).unwrap());
    }
    assert_eq!(taken, ["dora", "dora", "dora", "ann", "bob", "carl"]);
}

#[test]
fn long_messages_have_their_turn_while_short_ones_come_on() {
    let (mut replies, clients, _) = behind();
    clients.send(b"ann", &vec![b'x'; SLICE_LEN_FULL + 1]);
    let mut envelope = Envelope::new();
    let mut short_len = 0;
    loop {
        clients.send(b"bob", &[b'x'; 1_024]);
        assert!(replies.receive(&mut envelope).is_some());
        if envelope.identity() == b"ann" {
            break;
        }
        short_len += envelope.body().len() + RECORD_LEN_LEAST;
        assert!(short_len < SLICE_LEN_FULL + 2_048, "and not for ever");
    }
    assert!(SLICE_LEN_FULL <= short_len);
}

#[test]
fn a_client_that_has_as_much_waiting_as_it_may_is_refused_more() {
    let (mut replies, clients, _) = behind();
    clients.send(b"ann", b"first");
    let mut envelope = Envelope::new();
    assert!(replies.receive(&mut envelope).is_some());
    let ann = replies.clients.arrive(b"ann", false).unwrap();
    (0..FIRST_OWED_MAX).for_each(|_| replies.clients.owe(ann));
    replies.pause(ann, &mut envelope, Progress::default());
    let count = SET_ASIDE_LEN_FULL / (1 << 20) + 1;
    (0..count).for_each(|_| clients.send(b"ann", &vec![b'x'; 1 << 20]));
    let progress = replies.receive(&mut envelope).expect("one is too much");
    assert!(progress.is_too_much);
    assert!(replies.receive(&mut envelope).is_none());
    replies.deliver(ann, Encoding::Json, b"{}");
    replies.mark_replied(ann);
    let progress = replies.receive(&mut envelope).expect("it may go on");
    assert_eq!((envelope.body(), progress.is_too_much), (&b"first"[..], false));
}

#[test]
fn a_client_that_sends_on_without_reading_is_given_up() {
    let (mut replies, clients, counters) = behind();
    let count = SET_ASIDE_LEN_MAX / (1 << 20) + 1;
    (0..count).for_each(|_| clients.send(b"deaf", &vec![b'x'; 1 << 20]));
    clients.send(b"bob", b"hello");
    assert_eq!(next(&mut replies).as_deref(), Some(&b"hello"[..]));
    assert_eq!(counters.get(Counter::ClientsDropped), 1);
    assert_eq!((replies.set_aside_len, replies.parked_len), (0, 0));
    clients.send(b"deaf", b"again");
    assert_eq!(next(&mut replies).as_deref(), Some(&b"again"[..]), "as a new client");
}

#[test]
fn a_client_that_has_its_replies_keeps_no_buffer() {
    let (door, clients) = Door::memory();
    let mut replies = Replies::new(door, Incarnation::new(1), Counters::new());
    let arrive = |number: usize| {
        let name = format!("client {number}");
        clients.send(name.as_bytes(), b"hello");
        assert!(next(&mut replies).is_some());
        replies.clients.arrive(name.as_bytes(), false).unwrap()
    };
    let all: Vec<_> = (0..200).map(arrive).collect();
    for round in 0..3 {
        for client in &all {
            replies.deliver(*client, Encoding::Json, &vec![b'x'; OUTGOING_LEN_MAX]);
        }
        replies.flush();
        while clients.receive().is_some() {}
        let kept = replies.buffers.iter().map(Vec::capacity).sum::<usize>();
        assert_eq!(kept, replies.buffers_len, "round {round}");
        assert!((1..=SPARE_BUFFERS_LEN).contains(&kept), "{kept} bytes after round {round}");
        for client in &all {
            assert_eq!(replies.clients.get(*client).unwrap().outgoing.capacity(), 0);
        }
    }
}
