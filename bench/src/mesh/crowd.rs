//! Crowd: peers in this process, each on a thread of its own with sockets of its own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use allot_mesh_rules::{Address, StrategyName};
use allot_mesh_service::{SourceItem, TradeSource, ViewBoard};
use allot_runtime::{Agent, Clock, Nanos, Running, ThreadGroup, Waker};
use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;

use super::Measured;
use super::place::{PATIENCE, Place, SHARE, group, name, trade};
use crate::growth::resident;

/// Trades that come before those that count.
const WARM_UP: u64 = 100;

/// The trades of the first peer, one after the other.
struct Race {
    state: Mutex<State>,
    clock: Clock,
    /// Who must see each.
    watchers: usize,
    /// The thread of the first peer.
    owner: Waker,
}

struct State {
    number: u64,
    is_due: bool,
    sent: Nanos,
    seen: usize,
    last: u64,
    delays: Histogram<u64>,
    ended: Sender<Histogram<u64>>,
}

impl Race {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// One more peer has the row of the trade that is on its way.
    fn see(&self, number: u64) {
        let now = self.clock.now();
        let mut state = self.lock();
        if number != state.number {
            return;
        }
        state.seen += 1;
        if state.seen < self.watchers {
            return;
        }
        if WARM_UP < number {
            let delay = u64::try_from((now - state.sent).as_nanos()).unwrap_or(u64::MAX);
            state.delays.record(delay).expect("the histogram grows with its values");
        }
        if number == state.last {
            let _ = state.ended.send(state.delays.clone());
            return;
        }
        state.is_due = true;
        drop(state);
        self.owner.wake();
    }
}

/// The trades of a peer: its first one, and if it is the owner those of the race.
struct Trades {
    is_first: bool,
    race: Option<Arc<Race>>,
}

impl TradeSource for Trades {
    fn next(&mut self) -> Option<SourceItem> {
        if std::mem::take(&mut self.is_first) {
            return Some(trade(b"BTC"));
        }
        let race = self.race.as_ref()?;
        let mut state = race.lock();
        if !std::mem::take(&mut state.is_due) {
            return None;
        }
        state.number += 1;
        state.seen = 0;
        state.sent = race.clock.now();
        Some(trade(b"AAPL"))
    }
}

/// Looks at the view of the peer before it on the same thread.
struct Watcher {
    board: ViewBoard,
    owner: StrategyName,
    race: Option<Arc<Race>>,
    /// Whose first trades are here; told when it is so many.
    wanted: usize,
    firsts: usize,
    complete: Sender<Nanos>,
    clock: Clock,
}

impl Agent for Watcher {
    fn role(&self) -> &'static str {
        "watcher"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let changes = self.board.take();
        for ((owner, symbol), row) in &changes.rows {
            if symbol.as_str() == "BTC" {
                self.firsts += 1;
                if self.firsts == self.wanted {
                    let _ = self.complete.send(self.clock.now());
                }
            } else if *owner == self.owner
                && let Some(race) = &self.race
            {
                race.see(u64::try_from(row.position.nanos() / SHARE).unwrap_or_default());
            }
        }
        usize::from(!changes.is_empty())
    }
}

struct Crowd {
    peers: usize,
    trades: u64,
    race: Option<Arc<Race>>,
    ended: Sender<Histogram<u64>>,
    complete: Sender<Nanos>,
    /// Nobody is told to stop; the peers' ends must be kept.
    stopped: Vec<Receiver<()>>,
}

impl Crowd {
    fn race(&self, owner: &Waker, clock: &Clock) -> Result<Arc<Race>> {
        let state = State {
            number: 0,
            is_due: false,
            sent: Nanos::ZERO,
            seen: 0,
            last: WARM_UP + self.trades,
            delays: Histogram::new(3)?,
            ended: self.ended.clone(),
        };
        Ok(Arc::new(Race {
            state: Mutex::new(state),
            clock: clock.clone(),
            watchers: self.peers - 1,
            owner: owner.clone(),
        }))
    }

    /// Puts the peer and its watcher on one thread.
    fn settle(&mut self, place: Place, group: &mut ThreadGroup, wanted: usize) -> Result<()> {
        let number = place.number;
        let slot = group.thread(&format!("s{number}"))?;
        let clock = Clock::system();
        if number == 0 {
            self.race = Some(self.race(slot.waker(), &clock)?);
        }
        let is_owner = number == 0;
        let race = self.race.clone();
        let source = Trades { is_first: true, race: race.clone().filter(|_| is_owner) };
        let address = place.address()?;
        let (board, stopped) = place.settle(group, &slot, address, Box::new(source))?;
        self.stopped.push(stopped);
        let is_of_race = !is_owner && number < self.peers;
        let watcher = Watcher {
            board,
            owner: name(0)?,
            race: race.filter(|_| is_of_race),
            wanted,
            firsts: 0,
            complete: self.complete.clone(),
            clock,
        };
        group.add(&slot, Box::new(watcher));
        Ok(())
    }
}

/// Trades of one peer, one on its way at a time, and then one more peer that joins.
pub(super) fn measure(peers: usize, trades: u32) -> Result<Measured> {
    let before = resident().unwrap_or_default();
    let (ended, delays) = channel();
    let (complete, completed) = channel();
    let trades = u64::from(trades);
    let mut crowd = Crowd { peers, trades, race: None, ended, complete, stopped: Vec::new() };
    let mut group = group();
    let mut known = Vec::new();
    for number in 0..peers {
        let place = Place::open(number, known.clone())?;
        if number == 0 {
            known.push(place.address()?);
        }
        crowd.settle(place, &mut group, peers)?;
    }
    let running = group.start()?;
    for _ in 0..peers {
        completed.recv_timeout(PATIENCE).context("a peer has not seen all rows")?;
    }
    let race = crowd.race.clone().context("the first peer has one")?;
    race.lock().is_due = true;
    race.owner.wake();
    let delays = delays.recv_timeout(PATIENCE).context("a trade did not reach all peers")?;
    let peer_bytes = resident().unwrap_or_default().saturating_sub(before) / u64::try_from(peers)?;
    let (join_ns, joined) = join(peers, &known, &mut crowd, &completed)?;
    for one in [running, joined] {
        one.stop();
        one.join()?;
    }
    Ok(Measured { join_ns, peer_bytes, ..Measured::of(&delays) })
}

/// How long one more peer takes until it has a row of everybody.
fn join(
    peers: usize,
    known: &[Address],
    crowd: &mut Crowd,
    completed: &Receiver<Nanos>,
) -> Result<(u64, Running)> {
    let mut group = group();
    let begun = Clock::system();
    let begun_at = begun.now();
    let place = Place::open(peers, known.to_vec())?;
    // Its own row is one more.
    crowd.settle(place, &mut group, peers + 1)?;
    let running = group.start()?;
    let complete = completed.recv_timeout(PATIENCE).context("who joined has not seen all rows")?;
    Ok((u64::try_from((complete - begun_at).as_nanos())?, running))
}
