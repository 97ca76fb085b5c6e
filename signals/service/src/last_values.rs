//! Last values: the topics of a trader. Each has a sequence of its own, and a new subscriber gets
//! its last value, under the number that it had.

use std::collections::BTreeMap;

use allot_runtime::{Broadcast, PollSet};
use allot_wire::{Encoding, write_topic};

/// The XPUB socket, and the last value of each topic.
pub(crate) struct LastValues {
    broadcast: Broadcast,
    values: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
}

impl LastValues {
    pub(crate) const fn new(broadcast: Broadcast) -> Self {
        Self { broadcast, values: BTreeMap::new() }
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.broadcast.endpoint()
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.broadcast.wait_on(poll_set);
    }

    /// Publishes a value in both encodings.
    pub(crate) fn publish(&mut self, family: &str, encode: impl Fn(Encoding, &mut Vec<u8>)) {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let (mut topic, mut body) = (Vec::new(), Vec::new());
            write_topic(family, None, encoding, &mut topic);
            encode(encoding, &mut body);
            let sequence = self.values.get(&topic).map_or(1, |(last, _)| last + 1);
            self.broadcast.publish(&topic, sequence, &body);
            self.values.insert(topic, (sequence, body));
        }
    }

    /// Gives new subscribers the last values of what they subscribe to; returns how many came.
    pub(crate) fn greet(&mut self) -> usize {
        let mut count = 0;
        while count < crate::limits::MESSAGES_PER_TURN
            && let Some(subscription) = self.broadcast.next_subscription()
        {
            count += 1;
            if !subscription.on {
                continue;
            }
            let due =
                self.values.iter().filter(|(topic, _)| topic.starts_with(&subscription.topic));
            for (topic, (sequence, body)) in due {
                self.broadcast.publish(topic, *sequence, body);
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_subscriber_gets_the_last_value_under_the_number_that_it_had() {
        let (broadcast, listener) = Broadcast::memory();
        let mut values = LastValues::new(broadcast);
        for body in [b"1", b"2"] {
            values.publish("median:", |_, out| out.extend_from_slice(body));
        }
        assert_eq!(listener.receive(), None, "nobody listens");
        listener.subscribe(b"median:json");
        assert_eq!(values.greet(), 1);
        let got = listener.receive().unwrap();
        assert_eq!((got.topic.as_slice(), got.sequence), (&b"median:json"[..], 2));
        assert_eq!(got.body, b"2");
        values.publish("median:", |_, out| out.extend_from_slice(b"3"));
        assert_eq!(listener.receive().unwrap().sequence, 3);
        assert_eq!(listener.receive(), None);
    }
}
