//! The looks at accounts of the desk: what each user was shown last, and until when that holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allot_runtime::Nanos;
use tokio::sync;

use crate::desk_reply::DeskAccount;
use crate::limits::{DESK_COMMANDS_MAX, DESK_LOOK_EVERY};

/// How the account of a user is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looked {
    /// Free.
    pub(crate) cash: String,
    pub(crate) account: DeskAccount,
    /// Whether the desk knows the user.
    pub(crate) is_open: bool,
}

/// The last look of each user.
#[derive(Default)]
pub(crate) struct DeskLooks(Mutex<BTreeMap<String, Arc<UserLook>>>);

/// That of one user.
#[derive(Default)]
pub(crate) struct UserLook {
    pub(crate) last: sync::Mutex<Look>,
    /// Commands of theirs.
    sent: AtomicU64,
}

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Look {
    looked: Option<Looked>,
    at: Nanos,
    until: Nanos,
    /// What had happened to the user when it was asked for.
    happened: (u64, u64),
}

impl DeskLooks {
    /// The look of a user.
    pub(crate) fn of(&self, user: &str) -> Arc<UserLook> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get(user) {
            return Arc::clone(look);
        }
        if looks.len() == DESK_COMMANDS_MAX {
            looks.pop_first();
        }
        Arc::clone(looks.entry(user.to_owned()).or_default())
    }
}

impl UserLook {
    /// A command was sent: answered or not, the account may be another one now.
    pub(crate) fn note_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Look {
    /// What was seen at this time. It holds for some seconds, or until an order expires.
    pub(crate) fn new(looked: Looked, at: Nanos, happened: (u64, u64)) -> Self {
        let lefts = looked.account.pending.iter().map(|order| Duration::from_nanos(order.left_ns));
        let holds = lefts.fold(DESK_LOOK_EVERY, Duration::min);
        Self { looked: Some(looked), at, until: at + holds, happened }
    }

    /// The same at this time, if it still holds: orders have less time left.
    pub(crate) fn at(&self, now: Nanos, happened: (u64, u64)) -> Option<Looked> {
        if happened != self.happened || self.until <= now {
            return None;
        }
        let mut looked = self.looked.clone()?;
        let since = u64::try_from((now - self.at).as_nanos()).unwrap_or(u64::MAX);
        for order in &mut looked.account.pending {
            order.left_ns = order.left_ns.saturating_sub(since);
        }
        Some(looked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk_reply::DeskOrder;

    const START: Nanos = Nanos::from_unix(1_000_000_000_000);

    fn looked(left: Duration) -> Looked {
        let mut looked = Looked::default();
        let left_ns = u64::try_from(left.as_nanos()).unwrap();
        looked.account.pending.push(DeskOrder { left_ns, ..DeskOrder::default() });
        looked
    }

    #[test]
    fn a_look_holds_for_some_seconds_unless_something_happens() {
        let look = Look::new(looked(Duration::from_secs(60)), START, (3, 0));
        let later = START + Duration::from_secs(2);
        let again = look.at(later, (3, 0)).unwrap();
        assert_eq!(again.account.pending[0].left_ns, 58_000_000_000, "time goes on");
        assert!(look.at(later, (4, 0)).is_none() && look.at(later, (3, 1)).is_none());
        assert!(look.at(START + DESK_LOOK_EVERY, (3, 0)).is_none());
        assert!(Look::default().at(START, (0, 0)).is_none());
    }

    #[test]
    fn a_look_ends_with_an_order() {
        let look = Look::new(looked(Duration::from_secs(1)), START, (0, 0));
        assert!(look.at(START + Duration::from_millis(999), (0, 0)).is_some());
        assert!(look.at(START + Duration::from_secs(1), (0, 0)).is_none());
    }

    #[test]
    fn looks_are_bounded() {
        let looks = DeskLooks::default();
        for user in 0..2 * DESK_COMMANDS_MAX {
            looks.of(&format!("user{user}"));
        }
        assert_eq!(looks.0.lock().unwrap().len(), DESK_COMMANDS_MAX);
    }
}
