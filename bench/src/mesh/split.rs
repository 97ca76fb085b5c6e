//! Split: a mesh falls into two halves that both trade, and comes together again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allot_mesh_service::ViewBoard;
use allot_runtime::{Agent, Clock, Nanos, ThreadSlot};
use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::ask::{Asker, are_equal};
use super::gate::{Cut, Gate, Passing};
use super::pace::{END, Pace};
use super::place::{PATIENCE, Place, group};
use crate::span;

/// Trades of a peer in a second.
const PER_S: u64 = 20;
/// The halves are apart for so long.
const APART: Duration = Duration::from_secs(5);

/// What a turn measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Healed {
    pub(super) apart_ns: u64,
    /// Trades in the meantime, of all.
    pub(super) trades: u64,
    /// From the moment in which the halves could reach each other until each peer had shown the
    /// last row of each, and all digests were equal.
    pub(super) healed_ns: u64,
}

/// Tells when the peer before it on the same thread shows the last row of an owner.
struct Ends {
    board: ViewBoard,
    shown: Sender<Nanos>,
    clock: Clock,
}

impl Agent for Ends {
    fn role(&self) -> &'static str {
        "watcher"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let changes = self.board.take();
        for _ in changes.rows.keys().filter(|(_, symbol)| symbol.as_str() == END) {
            let _ = self.shown.send(self.clock.now());
        }
        usize::from(!changes.is_empty())
    }
}

/// Waits until so many last rows were shown; when the last of them was.
fn wait_for(shown: &Receiver<Nanos>, count: usize) -> Result<Nanos> {
    let mut last = Nanos::ZERO;
    for _ in 0..count {
        let at = shown.recv_timeout(PATIENCE).context("a row did not arrive")?;
        last = last.max(at);
    }
    Ok(last)
}

/// How long the halves are apart.
pub(super) fn apart(is_quick: bool) -> Duration {
    if is_quick { APART / 10 } else { APART }
}

/// Two halves trade for some seconds without each other, and are then let together.
pub(super) fn measure(peers: usize, passing: Passing, is_quick: bool) -> Result<Healed> {
    let apart = apart(is_quick);
    let (half, cut, clock) = (peers / 2, Cut::default(), Clock::system());
    let (sender, shown) = channel();
    let (mut all, mut gates) = (group(), group());
    let (mut paces, mut doors, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let (mut known, mut gate_slots) = (Vec::new(), Vec::<ThreadSlot>::new());
    for number in 0..peers {
        let place = Place::open(number, known.clone())?;
        let door = place.address()?;
        let (gate, address) = Gate::open(&door, number, half, cut.clone())?;
        let gate_slot = gates.thread(&format!("gate{number}"))?;
        gates.add(&gate_slot, Box::new(gate));
        gate_slots.push(gate_slot);
        let slot = all.thread(&format!("s{number}"))?;
        let pace = Pace::new(slot.waker());
        if number == 0 {
            known.push(address.clone());
        }
        let (board, stopped) = place.settle(&mut all, &slot, address, Box::new(pace.clone()))?;
        let ends = Ends { board, shown: sender.clone(), clock: clock.clone() };
        all.add(&slot, Box::new(pace.clone()));
        all.add(&slot, Box::new(ends));
        paces.push(pace);
        doors.push(door);
        kept.push(stopped);
    }
    let (gates, all) = (gates.start()?, all.start()?);
    // Ends when the peers have found each other.
    paces.iter().for_each(|pace| pace.begin(PER_S, Duration::from_millis(50)));
    wait_for(&shown, peers * peers)?;
    cut.set(passing);
    gate_slots.iter().for_each(|slot| slot.waker().wake());
    paces.iter().for_each(|pace| pace.begin(PER_S, apart));
    let within = half * half + (peers - half) * (peers - half);
    wait_for(&shown, within)?;
    ensure!(shown.try_recv().is_err(), "a row has crossed between the halves");
    let from = clock.now();
    cut.set(Passing::Open);
    gate_slots.iter().for_each(|slot| slot.waker().wake());
    let last = wait_for(&shown, peers * peers - within)?;
    let mut asker = Asker::connect(doors.iter().map(allot_mesh_rules::Address::as_str))?;
    let is_equal = are_equal(&asker.states()?);
    // Where the rows are the same the digests are: if not at once, that took longer.
    let healed = if is_equal { last } else { asker.until(are_equal).map(|_| clock.now())? };
    for running in [all, gates] {
        running.stop();
        running.join()?;
    }
    Ok(Healed {
        apart_ns: span::nanoseconds(apart),
        trades: paces.iter().map(Pace::made).sum(),
        healed_ns: span::nanoseconds(healed - from),
    })
}
