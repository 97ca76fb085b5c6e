//! Patience: how long a client waits before it acts.

use std::time::Duration;

/// How long a client waits before it acts. A wait that has a longest one doubles each time, up to
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For the reply that a call waits for, before the call gives up. The request stays in flight.
    pub reply: Duration,
    /// For a reply, before the request is sent again over the same connection.
    pub resend: Duration,
    /// The longest of these waits.
    pub resend_longest: Duration,
    /// After a refusal that only says that nothing takes the request now (`busy`, `storage_full`,
    /// `shard_away`), before the request is sent again.
    pub busy: Duration,
    /// The longest of these waits.
    pub busy_longest: Duration,
    /// After a connection was lost, or could not be made, before the next is made.
    pub reconnect: Duration,
    /// The longest of these waits.
    pub reconnect_longest: Duration,
    /// For any message while a reply is expected, before the connection is given up.
    pub silence: Duration,
    /// The longest of these waits.
    pub silence_longest: Duration,
}

impl Default for Patience {
    /// A call gives up after 30 s. Resends after 1 s to 30 s, after `busy` in 10 ms to 1 s;
    /// reconnects after 20 ms to 2 s, and after a silence of 3 s to 30 s.
    fn default() -> Self {
        let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
        Self {
            reply: seconds(30),
            resend: seconds(1),
            resend_longest: seconds(30),
            busy: millis(10),
            busy_longest: seconds(1),
            reconnect: millis(20),
            reconnect_longest: seconds(2),
            silence: seconds(3),
            silence_longest: seconds(30),
        }
    }
}
