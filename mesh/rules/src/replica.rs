//! Replica: one strategy's view of everyone's positions.

use crate::{Digest, Effect, Event, Now, Owned, Row, Settings, Status, Steady, StrategyName};

/// The state of a replica.
#[derive(Clone, Debug)]
pub struct Replica {
    settings: Settings,
    owned: Owned,
}

impl Replica {
    /// A replica with its own rows from its journal, and rows of others from a snapshot, if there
    /// are any. It begins to join with its first [`Event::Tick`].
    #[must_use]
    pub fn new(
        settings: Settings,
        owned: Owned,
        others: impl IntoIterator<Item = (StrategyName, Row)>,
    ) -> Self {
        let _ = others;
        Self { settings, owned }
    }

    /// Something has happened.
    pub fn apply(&mut self, now: Now, event: Event, out: &mut Vec<Effect>) {
        let _ = (now, event, out);
    }

    /// When the next [`Event::Tick`] is due.
    #[must_use]
    pub const fn wake_at(&self) -> Steady {
        Steady::new(0)
    }

    /// Its own durable rows, for the journal's snapshot.
    #[must_use]
    pub const fn owned(&self) -> &Owned {
        &self.owned
    }

    /// All rows, by owner and symbol.
    pub fn rows(&self) -> impl Iterator<Item = (&StrategyName, &Row)> {
        self.owned.rows().map(|row| (&self.settings.name, row))
    }

    /// The digest of all rows: equal where the rows are.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        Digest::EMPTY
    }

    /// What it knows.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        let _ = now;
        Status {
            name: self.settings.name,
            address: self.settings.address.clone(),
            instance: self.settings.instance,
            phase: crate::Phase::Joining,
            through: self.owned.version(),
            own_rows: self.owned.rows().len(),
            rows: 0,
            digest: self.digest(),
            members: Vec::new(),
            counters: crate::Counters::default(),
        }
    }
}
