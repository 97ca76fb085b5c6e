//! Silence: how long a session has heard nothing from its server, and when that is too long.
//!
//! A silence begins when a reply comes to be expected, when the first message leaves over a new
//! connection, or when something arrives. At its end the session reconnects, and the next silence
//! may last twice as long.

use std::time::Duration;

use allot_domain::Backoff;
use allot_runtime::Nanos;

/// The silence of one server.
pub(crate) struct Silence {
    since: Nanos,
    /// When something arrived last that did not refuse all for now, or a reply came to be expected.
    taken_at: Nanos,
    /// How often the session reconnected since something arrived.
    count: u32,
    backoff: Backoff,
    has_sent: HasSent,
}

/// What has left so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HasSent {
    /// Nothing. There may be no server yet.
    Nothing,
    /// Something, but nothing over this connection.
    BeforeThisConnection,
    /// Something over this connection.
    OverThisConnection,
}

impl Silence {
    pub(crate) const fn new(backoff: Backoff) -> Self {
        Self {
            since: Nanos::ZERO,
            taken_at: Nanos::ZERO,
            count: 0,
            backoff,
            has_sent: HasSent::Nothing,
        }
    }

    /// A reply is expected from now on; none was before.
    pub(crate) const fn begin(&mut self, now: Nanos) {
        self.since = now;
        self.taken_at = now;
    }

    /// A message has left.
    pub(crate) fn note_sent(&mut self, now: Nanos) {
        if self.has_sent != HasSent::OverThisConnection {
            self.since = now;
        }
        self.has_sent = HasSent::OverThisConnection;
    }

    /// A message has arrived.
    pub(crate) const fn note_received(&mut self, now: Nanos) {
        self.since = now;
        self.count = 0;
    }

    /// The connection is a new one.
    pub(crate) fn note_reconnect(&mut self, now: Nanos) {
        self.since = now;
        self.count = self.count.saturating_add(1);
        if self.has_sent == HasSent::OverThisConnection {
            self.has_sent = HasSent::BeforeThisConnection;
        }
    }

    /// When it is too long, if a reply is expected.
    pub(crate) fn ends_at(&self) -> Nanos {
        self.since + self.backoff.after(self.count.saturating_add(1))
    }

    /// What has arrived is no refusal for now.
    pub(crate) const fn note_taken(&mut self, now: Nanos) {
        self.taken_at = now;
    }

    /// When the server took something last, or a reply came to be expected.
    pub(crate) const fn taken_at(&self) -> Nanos {
        self.taken_at
    }

    /// How long it has lasted; `None` if nothing ever left, so that there was nothing to reply to.
    pub(crate) fn lasted(&self, now: Nanos) -> Option<Duration> {
        (self.has_sent != HasSent::Nothing).then(|| now - self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Nanos {
        Nanos::ZERO + seconds * SECOND
    }

    fn silence() -> Silence {
        Silence::new(Backoff { first: 3 * SECOND, longest: 30 * SECOND })
    }

    #[test]
    fn each_reconnect_doubles_the_next_silence_and_a_message_from_the_server_resets_it() {
        let mut silence = silence();
        silence.begin(at(0));
        assert_eq!(silence.ends_at(), at(3));
        silence.note_reconnect(at(3));
        silence.note_reconnect(at(9));
        assert_eq!(silence.ends_at(), at(9 + 12));
        silence.note_received(at(10));
        assert_eq!(silence.ends_at(), at(13));
    }

    #[test]
    fn only_the_first_message_over_a_connection_restarts_a_silence() {
        let mut silence = silence();
        silence.begin(at(0));
        assert_eq!(silence.lasted(at(2)), None, "there may be no server yet");
        silence.note_sent(at(2));
        silence.note_sent(at(4));
        assert_eq!((silence.ends_at(), silence.lasted(at(5))), (at(5), Some(3 * SECOND)));
        silence.note_reconnect(at(5));
        assert_eq!(silence.lasted(at(6)), Some(SECOND), "something has left before");
        silence.note_sent(at(7));
        assert_eq!(silence.ends_at(), at(13));
    }
}
