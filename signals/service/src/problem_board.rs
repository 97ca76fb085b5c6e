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
        match problem {
            Some((kind, reason)) => {
                let mut known = problems.remove(component);
                Problem::set(&mut known, kind, now, reason);
                problems.extend(known.map(|problem| (component.to_owned(), problem)));
            }
            None => {
                problems.remove(component);
            }
        }
        drop(problems);
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
