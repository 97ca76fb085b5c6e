//! View board: what has changed in a view, for whoever shows it, and never waits for them.
//!
//! There is one place for each row, and one for each member: a later change takes the place of an
//! earlier one that nobody has taken, so that the board is never larger than the view.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use allot_mesh_rules::{Address, Incarnation, Row, StrategyName, Symbol, Unix};
use allot_runtime::Waker;

/// What has changed. Clones are one board.
#[derive(Clone, Debug)]
pub struct ViewBoard {
    shared: Arc<Mutex<Shared>>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Shared {
    changes: ViewChanges,
    /// The members that were taken from the board, and of whom it was not said that they are none.
    members: BTreeSet<StrategyName>,
    conflated: u64,
    /// Rows and members are of no interest.
    is_quiet: bool,
}

/// What has changed since it was taken last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ViewChanges {
    /// The incarnation, if the peer has started.
    pub started: Option<Incarnation>,
    /// What was there when the peer started has come, or does not come soon.
    pub is_complete: bool,
    /// Rows.
    pub rows: BTreeMap<(StrategyName, Symbol), Row>,
    /// Members.
    pub members: BTreeMap<StrategyName, MemberChange>,
}

/// What has become of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberChange {
    /// It has joined, or a new process has its name.
    Joined(Address, Incarnation),
    /// It is away since this time.
    Away(Unix),
    /// It is heard again.
    Back,
    /// It is no member any more.
    Forgotten,
}

impl ViewBoard {
    /// A board whose changes wake this thread.
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        Self { shared: Arc::default(), waker: waker.clone() }
    }

    /// A board that says that the peer has started, and nothing of what changes.
    #[must_use]
    pub fn quiet(waker: &Waker) -> Self {
        let shared = Shared { is_quiet: true, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)), waker: waker.clone() }
    }

    /// Takes what has changed.
    #[must_use]
    pub fn take(&self) -> ViewChanges {
        self.lock().take()
    }

    /// How many changes were never taken because a later one took their place.
    pub(crate) fn conflated(&self) -> u64 {
        self.lock().conflated
    }

    /// Shows a row that was there from the beginning.
    pub(crate) fn show(&self, owner: StrategyName, row: Row) {
        self.tell(|shared| {
            if !shared.is_quiet {
                shared.changes.rows.insert((owner, row.symbol), row);
            }
        });
    }

    pub(crate) fn change(&self, owner: StrategyName, row: Row) {
        self.tell(|shared| {
            if !shared.is_quiet {
                let before = shared.changes.rows.insert((owner, row.symbol), row);
                shared.conflated += u64::from(before.is_some());
            }
        });
    }

    pub(crate) fn change_member(&self, name: StrategyName, change: MemberChange) {
        self.tell(|shared| {
            if shared.is_quiet {
            } else if change == MemberChange::Forgotten && !shared.members.contains(&name) {
                // Whoever takes the changes never heard of it.
                shared.changes.members.remove(&name);
            } else {
                shared.changes.members.insert(name, change);
            }
        });
    }

    pub(crate) fn start(&self, incarnation: Incarnation) {
        self.tell(|shared| shared.changes.started = Some(incarnation));
    }

    /// What was there at the start has come.
    pub(crate) fn complete(&self) {
        self.tell(|shared| shared.changes.is_complete = true);
    }

    /// Puts something on the board. Where something was there already, whoever takes it is awake.
    fn tell(&self, put: impl FnOnce(&mut Shared)) {
        let mut shared = self.lock();
        let was_empty = shared.changes.is_empty();
        put(&mut shared);
        let must_wake = was_empty && !shared.changes.is_empty();
        drop(shared);
        if must_wake {
            self.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nothing panics while it holds the lock")
    }
}

impl Shared {
    fn take(&mut self) -> ViewChanges {
        for (name, change) in &self.changes.members {
            match change {
                MemberChange::Forgotten => self.members.remove(name),
                _ => self.members.insert(*name),
            };
        }
        mem::take(&mut self.changes)
    }
}

impl ViewChanges {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.started.is_none()
            && !self.is_complete
            && self.rows.is_empty()
            && self.members.is_empty()
    }
}

#[cfg(test)]
mod tests;
