//! Hop: a message from a bare PUB to a bare SUB over TCP, the floor of a mesh.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use allot_runtime::{Agent, Clock, Nanos, ThreadGroup, Threads, WaitStrategy};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::Measured;

/// Nothing takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that come before those that count.
const WARM_UP: u64 = 100;
/// As long as the frame of one row.
const BYTES: usize = 97;

/// The receiving end, on a thread of its own.
struct Receiver {
    socket: zmq::Socket,
    clock: Clock,
    heard: Sender<Nanos>,
}

impl Agent for Receiver {
    fn role(&self) -> &'static str {
        "hop"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if self.socket.recv_bytes(0).is_ok() {
            let _ = self.heard.send(self.clock.now());
        }
        // It waits in the receive, for a while.
        1
    }
}

/// Messages, one on its way at a time.
pub(super) fn measure(trades: u32) -> Result<Measured> {
    let (near, far) = (zmq::Context::new(), zmq::Context::new());
    let publisher = near.socket(zmq::PUB)?;
    publisher.bind("tcp://127.0.0.1:*")?;
    let endpoint = publisher.get_last_endpoint()?.ok().context("an endpoint is a text")?;
    let socket = far.socket(zmq::SUB)?;
    socket.set_rcvtimeo(100)?;
    socket.set_subscribe(b"")?;
    socket.connect(&endpoint)?;
    let clock = Clock::system();
    let (sender, heard) = channel();
    let mut group = ThreadGroup::new(clock.clone(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.blocking_thread("hop")?;
    group.add(&slot, Box::new(Receiver { socket, clock: clock.clone(), heard: sender }));
    let running = group.start()?;
    let message = [0; BYTES];
    // Until the subscription is there, messages go nowhere.
    loop {
        publisher.send(&message[..], 0)?;
        if heard.recv_timeout(Duration::from_millis(10)).is_ok() {
            break;
        }
    }
    let mut delays = Histogram::<u64>::new(3)?;
    for number in 0..WARM_UP + u64::from(trades) {
        let sent = clock.now();
        publisher.send(&message[..], 0)?;
        let heard = heard.recv_timeout(PATIENCE).context("a message was lost")?;
        if WARM_UP <= number {
            delays.record(u64::try_from((heard - sent).as_nanos())?)?;
        }
    }
    running.stop();
    running.join()?;
    Ok(Measured::of(&delays))
}
