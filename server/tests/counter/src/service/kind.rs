//! Kind: what a request or an input is. Its number stands in batches, frames and journals.

use allot_wire::backplane::InputKind;

/// What a request or an input is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 1: add to a counter.
    Add,
    /// 2: await a counter.
    Await,
    /// 3: await it no more.
    Cancel,
    /// 4: a report is wanted; as an input, the core's marker.
    Report,
    /// 5: raise all counters.
    Raise,
    /// 6: the sum of all shards. No client sends it.
    Level,
}

impl Kind {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 6] =
        [Self::Add, Self::Await, Self::Cancel, Self::Report, Self::Raise, Self::Level];

    /// The kind of this number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Add => 1,
            Self::Await => 2,
            Self::Cancel => 3,
            Self::Report => InputKind::MARKER.get(),
            Self::Raise => 5,
            Self::Level => 6,
        }
    }

    /// The kind as the inputs of a shard have it.
    #[must_use]
    pub const fn input(self) -> InputKind {
        InputKind::new(self.number())
    }

    /// The kind of a request with this `type`; no client sends a level.
    pub(super) fn of_request(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().filter(|kind| *kind != Self::Level);
        known.into_iter().find(|kind| kind.name() == name)
    }

    /// The `type` of a JSON object.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Await => "await",
            Self::Cancel => "cancel",
            Self::Report => "report",
            Self::Raise => "raise",
            Self::Level => "level",
        }
    }
}
