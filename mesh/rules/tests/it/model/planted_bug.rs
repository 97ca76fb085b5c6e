//! Planted bugs: what a replica, its service or its journal could do wrong.

/// Each is at the border of a replica: what goes in or comes out is altered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlantedBug {
    /// A change leaves and is shown before it is durable.
    ShowsBeforeDurable,
    /// The journal forgets the last trades.
    ForgetsTrades,
    /// The journal forgets incarnations.
    ForgetsIncarnations,
    /// Rows of one symbol are dropped on their way.
    LosesRows,
    /// A relay changes positions.
    ChangesPositions,
    /// A relay says rows in the name of another.
    MixesOwners,
    /// Nobody is asked for what lacks.
    NeverWants,
    /// Heartbeats tell every listener that it has everything.
    BlindHeartbeats,
    /// Nobody says what it has.
    NoSummaries,
    /// A strategy without its disk is not told what peers hold of its name.
    StartsFromZero,
    /// A strategy that adopts gets every other row.
    AdoptsHalf,
    /// Nobody is told that its name is taken.
    SharesNames,
    /// An owner stops because of what somebody says of another process.
    StopsOnHearsay,
    /// An owner stops because of a row of its incarnation that it has not written.
    StopsForRowsAhead,
    /// A link that is full is sent more.
    SendsWithoutRoom,
    /// A trade is taken twice.
    TradesTwice,
    /// Of two rows the one with the later wall clock stays.
    TrustsWallClocks,
    /// What was connected once is not connected again.
    NeverReconnects,
    /// A strategy draws the same life at every start.
    OneLife,
    /// Every listener is told that an owner knows the life whose rows it has.
    KnowsEveryLife,
    /// Nobody is told that another process has given its name up.
    YieldsInSilence,
    /// Whoever gives its name up ends at once.
    LeavesAtOnce,
    /// No owner says which lives it has put aside.
    PutsNothingAside,
    /// Rows go back to an older version now and then.
    ShowsOldRows,
}

impl PlantedBug {
    pub(super) const ALL: [Self; 24] = [
        Self::ShowsBeforeDurable,
        Self::ForgetsTrades,
        Self::ForgetsIncarnations,
        Self::LosesRows,
        Self::ChangesPositions,
        Self::MixesOwners,
        Self::NeverWants,
        Self::BlindHeartbeats,
        Self::NoSummaries,
        Self::StartsFromZero,
        Self::AdoptsHalf,
        Self::SharesNames,
        Self::StopsOnHearsay,
        Self::StopsForRowsAhead,
        Self::SendsWithoutRoom,
        Self::TradesTwice,
        Self::TrustsWallClocks,
        Self::NeverReconnects,
        Self::OneLife,
        Self::KnowsEveryLife,
        Self::YieldsInSilence,
        Self::LeavesAtOnce,
        Self::PutsNothingAside,
        Self::ShowsOldRows,
    ];
}
