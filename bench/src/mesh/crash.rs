//! Crash: a process that is killed under load and started again, until all views are equal.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ChildStdin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allot_mesh_rules::Phase;
use allot_mesh_service::PeerStatus;
use allot_runtime::{Agent, Clock, Nanos};
use anyhow::{Context, Result};
use serde::Serialize;

use super::ask::{Asker, are_equal, pause};
use super::place::group;
use super::strategy::{Site, Strategy};
use crate::span;

/// One peer after the other trades so often: 400 times a second together.
const EVERY: Duration = Duration::from_micros(2_500);
/// How long a peer is away.
pub(super) const AWAY: Duration = Duration::from_secs(1);

/// What one kill gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Back {
    /// From the start of the process until it takes trades.
    pub(super) started_ns: u64,
    /// From the start of the process until the digests of all peers were equal.
    pub(super) equal_ns: u64,
}

/// Where the trades of each peer are written; without an entry it gets none.
type Inputs = Arc<Mutex<BTreeMap<usize, ChildStdin>>>;

/// Trades of all peers at a steady pace.
struct Load {
    inputs: Inputs,
    /// Whose turn it is.
    next: usize,
    due: Nanos,
}

impl Agent for Load {
    fn role(&self) -> &'static str {
        "load"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if now < self.due {
            return 0;
        }
        self.due = now + EVERY;
        let mut inputs = self.inputs.lock().expect("nothing panics while it holds the lock");
        let next = inputs.range_mut(self.next..).next().map(|(number, input)| (*number, input));
        if let Some((number, input)) = next {
            // One that was killed takes no more.
            let _ = input.write_all(b"AAPL 1\n");
            self.next = number + 1;
        } else {
            self.next = 0;
        }
        1
    }

    fn wake_at(&self) -> Nanos {
        self.due
    }
}

/// Starts all peers of a site at once, and waits until they take trades and know each other.
pub(super) fn start_all(site: &Site) -> Result<(Vec<Strategy>, Vec<ChildStdin>)> {
    let started = (0..site.peers()).map(|number| site.start(number)).collect::<Result<Vec<_>>>()?;
    let (mut peers, inputs): (Vec<_>, Vec<_>) = started.into_iter().unzip();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.wait_until_started().with_context(|| site.errors(number))?;
    }
    let others = peers.len() - 1;
    let are_linked = |states: &[PeerStatus]| {
        let living = |state: &PeerStatus| state.members.iter().filter(|one| one.is_alive).count();
        states.iter().all(|state| living(state) == others)
    };
    Asker::connect(site.addresses())?.until(are_linked)?;
    Ok((peers, inputs))
}

/// All peers trade; the first `kills` of them are killed, one after the other, and started again a
/// second later.
pub(super) fn measure(peers: usize, kills: usize) -> Result<Vec<Back>> {
    let (site, clock) = (Site::new(peers, true)?, Clock::system());
    let (mut processes, trades) = start_all(&site)?;
    let inputs = Inputs::default();
    let mut load = group();
    let slot = load.blocking_thread("load")?;
    load.add(&slot, Box::new(Load { inputs: Arc::clone(&inputs), next: 0, due: Nanos::ZERO }));
    let load = load.start()?;
    let lock = || inputs.lock().expect("nothing panics while it holds the lock");
    lock().extend(trades.into_iter().enumerate());
    let mut backs = Vec::new();
    for (victim, process) in processes.iter_mut().enumerate().take(kills) {
        pause(AWAY);
        process.kill();
        lock().remove(&victim);
        pause(AWAY);
        let from = clock.now();
        let (again, input) = site.start(victim)?;
        *process = again;
        process.wait_until_started().with_context(|| site.errors(victim))?;
        let started = clock.now();
        // What is written from here on would tell the views apart.
        let others = std::mem::take(&mut *lock());
        let mut asker = Asker::connect(site.addresses())?;
        let is_up = |state: &PeerStatus| matches!(state.phase, Phase::Running(_));
        asker.until(|states| are_equal(states) && states.iter().all(is_up))?;
        let equal = clock.now();
        lock().extend(others.into_iter().chain([(victim, input)]));
        backs.push(Back {
            started_ns: span::nanoseconds(started - from),
            equal_ns: span::nanoseconds(equal - from),
        });
    }
    load.stop();
    load.join()?;
    Ok(backs)
}
