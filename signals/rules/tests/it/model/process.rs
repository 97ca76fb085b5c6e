//! Process: a machine that can be stopped, with a clock that can be wrong, and what is sent.

use core::time::Duration;

use allot_domain::Seq;
use allot_signals_rules::{
    Ask, ComponentName, Decision, Deregistration, GeneratorAnswer, Now, Period, RegisterRequest,
    Schedule, Steady, Ticket, TraderAnswer, Unix, Value,
};

/// One millisecond of virtual time.
pub(super) const MS: u64 = 1_000_000;
/// How long a period is.
pub(super) const PERIOD: u64 = 1_000 * MS;
/// How long a lease is.
pub(super) const LEASE: Duration = Duration::from_millis(333);
/// When the virtual time begins, so that clocks can be behind.
pub(super) const START: u64 = 1_000 * PERIOD;

pub(super) fn schedule() -> Schedule {
    Schedule::new(Duration::from_nanos(PERIOD)).unwrap()
}

/// A machine, if it runs.
pub(super) struct Process<M> {
    pub(super) machine: Option<M>,
    /// Which run of it, from 1.
    pub(super) run: u64,
    /// What its clock is ahead, in nanoseconds.
    pub(super) skew: i64,
}

impl<M> Process<M> {
    pub(super) const fn new() -> Self {
        Self { machine: None, run: 0, skew: 0 }
    }

    /// The time by its clocks.
    pub(super) const fn now(&self, time: u64) -> Now {
        Now { unix: self.unix(time), steady: Steady::new(time) }
    }

    pub(super) const fn unix(&self, time: u64) -> Unix {
        Unix::new(time.wrapping_add_signed(self.skew))
    }

    pub(super) const fn is_up(&self) -> bool {
        self.machine.is_some()
    }
}

/// One run of a strategy or of its trader: replies find their way back to it, or nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    /// Which strategy process.
    pub(super) strategy: usize,
    /// Which run of it.
    pub(super) run: u64,
    /// Its number of the request.
    pub(super) seq: Seq,
    /// When it was sent, in true time.
    pub(super) sent: u64,
    /// What its clock was ahead then.
    pub(super) skew: i64,
}

/// What is on its way.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Ask { generator: usize, origin: Origin, ask: Ask },
    Signal { generator: usize, origin: Origin, answer: GeneratorAnswer, skew: Option<i64> },
    Request { origin: Origin, request: Request },
    Answer { origin: Origin, answer: TraderAnswer },
}

/// What a strategy asks of the trader.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Register(RegisterRequest),
    Decide(Decision),
    Deregister(Deregistration),
}

/// A request that a machine will reply to.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) ticket: Ticket,
    pub(super) origin: Origin,
    pub(super) received: Unix,
    /// What the replier's clock was ahead then.
    pub(super) skew: i64,
}

/// What the signal of a generator has to be.
pub(super) fn true_signal(generator: usize, period: Period) -> Value {
    let mixed = allot_domain::mix(period.get() * 64 + u64::try_from(generator).unwrap());
    let number = u32::try_from(mixed >> 44).unwrap();
    Value::new(f64::from(number) / 1_024.0).unwrap()
}

/// What a decision has to be: the sum of the signals, and something of who decides. All sums are
/// exact in binary.
pub(super) fn true_decision(generators: &[usize], instance: u64, period: Period) -> Value {
    let sum: f64 = generators.iter().map(|generator| true_signal(*generator, period).get()).sum();
    marked(sum, instance)
}

/// A sum with the mark of an instance.
pub(super) fn marked(sum: f64, instance: u64) -> Value {
    let mark = f64::from(u32::try_from(instance).unwrap());
    Value::new(sum + mark / f64::from(1 << 24)).unwrap()
}

/// The name of a strategy.
pub(super) fn name_of(number: usize) -> ComponentName {
    ComponentName::new(format!("S{number}").as_bytes()).unwrap()
}
