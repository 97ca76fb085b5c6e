//! Event: what an agent tells whoever runs it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allot_runtime::Waker;
use allot_signals_rules::{ComponentName, Median, Period, ProblemKind, TraderProblem, Value};

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A generator has the signal of a period.
    Signal(Period, Value),
    /// The trader has registered a strategy; the strategy hears it of itself.
    Registered(ComponentName),
    /// A strategy is registered no more.
    Deregistered(ComponentName),
    /// The trader has the decision of this strategy in a period.
    Submitted(ComponentName, Period, Value),
    /// The trader has published a median.
    Median(Median),
    /// The name is taken; the strategy tries on for a lease.
    Taken(String),
    /// What is wrong has changed. Empty is well.
    Problems(Vec<TraderProblem>),
    /// The strategy has ended as it was told to.
    Stopped,
}

/// Who hears what happens. It must not block: the agent waits for it.
pub type Listener = Box<dyn FnMut(Event) + Send>;

/// A wish that an agent stops cleanly. Clones are one wish.
#[derive(Clone, Debug)]
pub struct StopRequest {
    is_made: Arc<AtomicBool>,
    waker: Waker,
}

impl StopRequest {
    /// A wish for an agent on the thread of this waker.
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        Self { is_made: Arc::default(), waker: waker.clone() }
    }

    /// Makes it.
    pub fn make(&self) {
        self.is_made.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    pub(crate) fn is_made(&self) -> bool {
        self.is_made.load(Ordering::SeqCst)
    }
}

/// Logs what is wrong when that changes: each problem once, and once when it is over.
#[derive(Debug, Default)]
pub(crate) struct ProblemLog(BTreeSet<(String, Option<String>, ProblemKind)>);

impl ProblemLog {
    /// Logs what is new and what is over.
    pub(crate) fn change(&mut self, problems: &[TraderProblem]) {
        let now: BTreeSet<_> = problems.iter().map(TraderProblem::key).collect();
        for (component, strategy, kind) in self.0.difference(&now) {
            tracing::info!(%component, strategy = strategy.as_deref(), %kind, "is over");
        }
        for one in problems.iter().filter(|one| !self.0.contains(&one.key())) {
            let TraderProblem { component, strategy, problem } = one;
            let (strategy, kind) = (strategy.as_deref(), problem.kind);
            tracing::warn!(%component, strategy, %kind, "{}", problem.reason);
        }
        if now.is_empty() && !self.0.is_empty() {
            tracing::info!("all is well again");
        }
        self.0 = now;
    }
}
