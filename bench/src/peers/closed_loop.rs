//! A closed loop with one peer, over one connection, on the thread that calls.
//!
//! All messages that the window has room for leave in one write, and all replies that have come are
//! read before more are sent: a peer never waits for a client that is busy with single messages.

use allot_domain::SourceId;
use allot_runtime::{Clock, Nanos};
use anyhow::Result;

use crate::batch_builder::BatchBuilder;
use crate::interrupt;
use crate::load::{self, Load};
use crate::offer::Offer;
use crate::peers::connection::Connection;
use crate::peers::dialect::{Dialect, Received};
use crate::pending::Pending;
use crate::phases::Phases;
use crate::recorder::Recorder;
use crate::run::Point;

/// A loop under way.
struct ClosedLoop<'a> {
    load: &'a Load,
    connection: &'a mut Connection,
    dialect: &'a mut dyn Dialect,
    window: usize,
    phases: Phases,
    builder: BatchBuilder,
    pending: Pending,
    recorder: Recorder,
    counts: Vec<u64>,
    next_seq: u64,
    message: Vec<u8>,
}

/// Measures a peer with `window` messages in flight, and checks its replies.
///
/// # Errors
/// When it cannot be prepared; what is wrong with its replies is in the point.
pub(crate) fn measure(
    load: &Load,
    window: usize,
    connection: &mut Connection,
    dialect: &mut dyn Dialect,
) -> Result<Point> {
    dialect.begin(connection)?;
    let clock = Clock::system();
    let phases = load.lengths.from(clock.now());
    let source = SourceId::new(b"bench").expect("a name");
    let builder = BatchBuilder::new(source, load.batch, dialect.encoding());
    let mut running = ClosedLoop {
        load,
        connection,
        dialect,
        window,
        phases,
        builder,
        pending: Pending::new(load.batch),
        recorder: Recorder::new(),
        counts: Vec::new(),
        next_seq: 1,
        message: Vec::new(),
    };
    if let Err(error) = running.run(&clock) {
        running.recorder.note_wrong(error.to_string());
    }
    Ok(running.point())
}

impl ClosedLoop<'_> {
    fn run(&mut self, clock: &Clock) -> Result<()> {
        loop {
            interrupt::check()?;
            let now = clock.now();
            if now < self.phases.end {
                self.send(now);
            } else if self.pending.open() == 0 || self.phases.give_up <= now {
                return Ok(());
            }
            self.connection.flush()?;
            // Everything that is here is read before anything is waited for.
            if self.receive(now).map_err(anyhow::Error::msg)? == 0 {
                self.connection.fill()?;
            }
        }
    }

    /// Writes as many as the window has room for.
    fn send(&mut self, now: Nanos) {
        while self.pending.open() < self.window {
            let first = self.next_seq;
            self.next_seq = self.builder.write(&self.load.fills, first, &mut self.message);
            self.dialect.frame(first, &self.message, &mut self.connection.out);
            self.recorder.note_sent(&self.phases, now, now);
            self.pending.push(now, now);
        }
    }

    /// Reads everything that is here; gives how many messages that was.
    fn receive(&mut self, at: Nanos) -> Result<usize, String> {
        let mut count = 0;
        let mut next = |bytes: &[u8], out: &mut Vec<u8>| {
            let received = self.dialect.receive(bytes, out)?;
            Ok(received.map(|Received { len, first }| (len, first)))
        };
        while let Some(first) = self.connection.take(&mut next)? {
            count += 1;
            let Some(first) = first else {
                continue;
            };
            if let Some(message) = self.pending.acknowledge_message(first)? {
                self.recorder.note_replied(&self.phases, &message, at);
            }
            for seq in first..first + u64::from(self.load.batch) {
                self.load.fills.count(seq, &mut self.counts);
            }
        }
        Ok(count)
    }

    /// Asks the peer what it has, and gives what was measured.
    fn point(mut self) -> Point {
        self.recorder.unanswered = u64::try_from(self.pending.open()).unwrap_or(u64::MAX);
        self.recorder.totals = self.load.fills.totals(&self.counts);
        let measure = self.load.lengths.measure;
        let shape = load::LoadShape { batch: self.load.batch, connections: 1, measure };
        let mut point = load::describe(Some(Offer::Window(self.window)), shape, &self.recorder);
        let mut wrongs = load::wrongs(&self.recorder);
        // A peer that owes a reply may send it in between.
        if wrongs.is_empty() {
            let messages = self.recorder.totals.fills / u64::from(self.load.batch);
            match self.dialect.end(self.connection, messages, &self.recorder.totals) {
                Ok(checked) => checked.clone_into(&mut point.checked),
                Err(error) => wrongs.push(format!("{error:#}")),
            }
        }
        point.failed = (!wrongs.is_empty()).then(|| wrongs.join("; "));
        point
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::peers::redis::Redis;
    use crate::phases::Lengths;

    /// What is wrong with a peer that sends this, whatever it is asked, and hangs up.
    fn wrong(said: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut connection = Connection::connect(&address).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let ready = b"*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n:0\r\n";
        peer.write_all(&[&ready[..], said].concat()).unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        // It ends when the peer hangs up, and long before the time is over.
        let (none, minute) = (Duration::ZERO, Duration::from_secs(60));
        let lengths = Lengths { warm_up: none, measure: minute, cool_down: none, drain: minute };
        let load = Load::usual(lengths);
        let mut redis = Redis::new(1, ("appendonly", "no"));
        let point = measure(&load, 2, &mut connection, &mut redis).unwrap();
        point.failed.unwrap()
    }

    #[test]
    fn a_message_without_a_reply_is_missed() {
        let failed = wrong(b"$3\r\n1-0\r\n$3\r\n1-1\r\n$3\r\n1");
        assert!(failed.contains("closed the connection"), "{failed}");
        assert!(failed.contains("2 messages have no reply"), "{failed}");
    }

    #[test]
    fn a_wrong_reply_is_reported() {
        for (said, what) in [
            (&b"$3\r\n1-0\r\n$3\r\n1-0\r\n"[..], "no new id of an entry: 1-0"),
            (b"-OOM no memory\r\n", "OOM no memory"),
            (b"nonsense\r\n", "nonsense"),
        ] {
            let failed = wrong(said);
            assert!(failed.contains(what), "{failed}");
        }
    }
}
