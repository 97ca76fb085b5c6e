//! In one process: the load and an echo on two threads, connected by ZeroMQ without a kernel
//! socket; the difference to `echo` is what a transport adds.

use std::process::ExitCode;

use allot_runtime::{
    Agent, Clock, Context, Door, DoorOptions, Envelope, Nanos, PollSet, ThreadGroup, Threads,
    WaitStrategy,
};
use anyhow::Result;

use crate::arguments::{LoadArgs, OutArgs};
use crate::end_to_end;
use crate::load::Target;
use crate::output::Output;

const ENDPOINT: &str = "inproc://echo";

/// Messages handled before the sockets are polled again.
const MESSAGES_PER_TURN: usize = 64;

/// More than any load has in flight.
const HIGH_WATER: usize = 1 << 17;

/// Measures it.
///
/// # Errors
/// When results cannot be written.
pub(crate) fn measure(load: &LoadArgs, out: &OutArgs) -> Result<ExitCode> {
    let context = Context::new()?;
    let options = DoorOptions { high_water: HIGH_WATER, ..DoorOptions::default() };
    let door = Door::bind(&context, ENDPOINT, options)?;
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("echo")?;
    group.add(&slot, Box::new(Echo { door, envelope: Envelope::new(), is_kept: false }));
    let running = group.start()?;
    let front = ENDPOINT.to_owned();
    let target = Target::within_the_process(context, front);
    let code = end_to_end::measure(Output::begin("inproc", out, load.described()), &target, load)?;
    running.stop();
    running.join()?;
    Ok(code)
}

/// Sends every message back to its client.
struct Echo {
    door: Door,
    envelope: Envelope,
    /// The envelope found no room; it is sent again.
    is_kept: bool,
}

impl Agent for Echo {
    fn role(&self) -> &str {
        "echo"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        for count in 0..MESSAGES_PER_TURN {
            if !self.is_kept && !self.door.receive(&mut self.envelope) {
                return count;
            }
            let (identity, body) = (self.envelope.identity(), self.envelope.body());
            self.is_kept = self.door.send(identity, false, body).is_err();
        }
        MESSAGES_PER_TURN
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }
}
