//! Problem board: what others who work for the trader say is wrong with them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use allot_runtime::Waker;
use allot_signals_rules::{Problem, ProblemKind, TraderProblem, Unix};

/// Problems of others by their names. Clones are one board.
#[derive(Clone, Debug)]
pub struct ProblemBoard {
    problems: Arc<Mutex<BTreeMap<String, Problem>>>,
    version: Arc<AtomicU64>,
    waker: Waker,
}

impl ProblemBoard {
    /// An empty board; the trader's thread is woken when it changes.
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        Self { problems: Arc::default(), version: Arc::default(), waker: waker.clone() }
    }

    /// Says what is wrong with somebody, or that nothing is.
    pub fn set(&self, component: &str, now: Unix, problem: Option<(ProblemKind, String)>) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let before = problems.remove(component);
        let mut after = before.clone().filter(|_| problem.is_some());
        if let Some((kind, reason)) = problem {
            Problem::set(&mut after, kind, now, reason);
        }
        let is_news = before != after;
        problems.extend(after.map(|problem| (component.to_owned(), problem)));
        drop(problems);
        if !is_news {
            return;
        }
        self.version.fetch_add(1, Ordering::SeqCst);
        self.waker.wake();
    }

    /// A number that changes with the board.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    pub(crate) fn all(&self) -> Vec<TraderProblem> {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let all = problems.iter().map(|(component, problem)| TraderProblem {
            component: component.clone(),
            strategy: None,
            problem: problem.clone(),
        });
        all.collect()
    }
}
