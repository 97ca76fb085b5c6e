//! Pace: trades of one owner at a steady rate, over a few symbols, for a while.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use allot_mesh_rules::StrategyName;
use allot_mesh_service::{SourceItem, TradeSource, ViewBoard};
use allot_runtime::{Agent, Clock, Nanos, Waker};

use super::place::trade;

/// The symbols of an owner.
pub(super) const SYMBOLS: [&[u8]; 4] = [b"AAPL", b"BTC", b"IBM", b"MSFT"];
/// The symbol of the trade that ends a while: whoever shows it has everything before it.
pub(super) const END: &str = "END";

/// A source of trades, and what wakes its peer when one is due. Clones are one pace.
#[derive(Clone)]
pub(super) struct Pace {
    clock: Clock,
    /// The thread of the owner.
    owner: Waker,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    while_under_way: Option<While>,
    made: u64,
}

struct While {
    from: Nanos,
    until: Nanos,
    per_s: u64,
}

impl Pace {
    pub(super) fn new(owner: &Waker) -> Self {
        Self { clock: Clock::system(), owner: owner.clone(), state: Arc::default() }
    }

    /// Begins to trade, so many times a second.
    pub(super) fn begin(&self, per_s: u64, span: Duration) {
        let from = self.clock.now();
        let under_way = Some(While { from, until: from + span, per_s });
        *self.lock() = State { while_under_way: under_way, made: 0 };
        self.owner.wake();
    }

    /// How many trades were made, without the one that ended the while.
    pub(super) fn made(&self) -> u64 {
        self.lock().made
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl State {
    fn due(&self) -> Nanos {
        self.while_under_way.as_ref().map_or(Nanos::MAX, |one| {
            let after = self.made.saturating_mul(1_000_000_000) / one.per_s;
            one.until.min(one.from + Duration::from_nanos(after))
        })
    }
}

impl TradeSource for Pace {
    fn next(&mut self) -> Option<SourceItem> {
        let mut state = self.lock();
        let until = state.while_under_way.as_ref()?.until;
        let now = self.clock.now();
        if until <= now {
            state.while_under_way = None;
            return Some(trade(END.as_bytes()));
        }
        if now < state.due() {
            return None;
        }
        let turn = usize::try_from(state.made).unwrap_or_default() % SYMBOLS.len();
        state.made += 1;
        Some(trade(SYMBOLS[turn]))
    }
}

/// It does nothing but to wake the thread.
impl Agent for Pace {
    fn role(&self) -> &'static str {
        "pace"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        0
    }

    fn wake_at(&self) -> Nanos {
        self.lock().due()
    }
}

/// Looks at the view of the peer before it on the same thread, and tells at the end of a while how
/// many versions of the owner it has seen.
pub(super) struct EndWatcher {
    board: ViewBoard,
    owner: StrategyName,
    seen: u64,
    ended: Sender<u64>,
}

impl EndWatcher {
    pub(super) fn new(board: ViewBoard, owner: StrategyName, ended: Sender<u64>) -> Self {
        Self { board, owner, seen: 0, ended }
    }
}

impl Agent for EndWatcher {
    fn role(&self) -> &'static str {
        "watcher"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let changes = self.board.take();
        let symbols = changes.rows.keys().filter(|(owner, _)| *owner == self.owner);
        let mut has_ended = false;
        for (_, symbol) in symbols {
            if symbol.as_str() == END {
                has_ended = true;
            } else {
                self.seen += 1;
            }
        }
        if has_ended {
            let _ = self.ended.send(std::mem::take(&mut self.seen));
        }
        usize::from(!changes.is_empty())
    }
}
