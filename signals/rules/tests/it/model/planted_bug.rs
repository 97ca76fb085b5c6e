//! Planted bugs: what a generator, a strategy, a trader or its journal could do wrong.

/// Each is at the border of a machine: what goes in or comes out is altered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlantedBug {
    /// The trader takes a decision of a period that is over for one of this period.
    TakesStaleDecisions,
    /// The trader takes a decision of an instance that does not hold the name.
    TakesForeignDecisions,
    /// The trader registers whoever decides.
    RegistersWhoeverDecides,
    /// The trader deregisters whoever is missing at the deadline.
    LeavesOutTheMissing,
    /// The trader counts one decision twice.
    CountsTwice,
    /// The trader does not look at clocks.
    TrustsAllClocks,
    /// The trader gives a name to a second instance while the first one lives.
    SharesNames,
    /// The trader publishes and replies before its journal is durable.
    PublishesBeforeDurable,
    /// The journal forgets medians.
    ForgetsMedians,
    /// The journal forgets who is registered.
    ForgetsRegistrations,
    /// A generator gives its last signal for one of the period that was asked for.
    GivesOldSignals,
    /// A strategy does not look at clocks of generators.
    TrustsGenerators,
    /// The trader never wakes by itself, and replies to nobody who registers again.
    NeverHeals,
    /// The trader keeps saying what was wrong.
    NeverTellsThatItIsWell,
}

impl PlantedBug {
    pub(super) const ALL: [Self; 14] = [
        Self::TakesStaleDecisions,
        Self::TakesForeignDecisions,
        Self::RegistersWhoeverDecides,
        Self::LeavesOutTheMissing,
        Self::CountsTwice,
        Self::TrustsAllClocks,
        Self::SharesNames,
        Self::PublishesBeforeDurable,
        Self::ForgetsMedians,
        Self::ForgetsRegistrations,
        Self::GivesOldSignals,
        Self::TrustsGenerators,
        Self::NeverHeals,
        Self::NeverTellsThatItIsWell,
    ];
}
