//! Notice: what is worth a line in the log; and why a replica steps down.

use crate::{Address, Incarnation, Namesake, Position, StrategyName, Symbol, Unix, Version};

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Nobody answered while it joined: it starts alone.
    Alone,
    /// It has started, and these members, which others call alive, did not answer.
    Unanswered(Vec<StrategyName>),
    /// It has taken so many rows of its name from its peers, up to this version of theirs.
    Adopted {
        /// How many.
        rows: usize,
        /// The last version.
        through: Version,
    },
    /// A member has joined, or a new process has its name.
    Joined(StrategyName, Address, Incarnation),
    /// A member is not heard, since it was heard last by this wall clock. Its rows stay.
    Away(StrategyName, Unix),
    /// A member is heard again.
    Back(StrategyName),
    /// A member that is away and has no rows is none any more: its place was needed.
    Forgotten(StrategyName),
    /// A peer says a row that it may not: it is not the owner's, or not of the owner's incarnation.
    Foreign {
        /// Who said it.
        peer: StrategyName,
        /// Whose row.
        owner: StrategyName,
        /// The version that it bears.
        version: Version,
    },
    /// Two positions of one version. The owner writes its own again.
    Conflict {
        /// Whose row.
        owner: StrategyName,
        /// Of what.
        symbol: Symbol,
        /// The version of both.
        version: Version,
        /// What this replica has.
        ours: Position,
        /// What the peer has.
        theirs: Position,
    },
    /// A peer holds a row of this strategy that it never wrote, or a later one than it wrote. It
    /// writes its own position again.
    Settled {
        /// Of what.
        symbol: Symbol,
        /// What the peer holds.
        theirs: Position,
        /// The version of that.
        version: Version,
        /// What this strategy holds.
        ours: Position,
    },
    /// The owner lost its disk and adopted its rows without these newer ones, shown here before; or
    /// it has put them aside, which is an adoption up to sequence zero.
    Superseded {
        /// Whose rows.
        owner: StrategyName,
        /// How many.
        rows: usize,
        /// Up to where it adopted.
        adopted: Version,
        /// Up to where this replica had them.
        through: Version,
    },
    /// Of its own position and that of another life of this strategy the latter stays.
    Replaced {
        /// Of what.
        symbol: Symbol,
        /// The position of the other life.
        theirs: Position,
        /// Its own one until then.
        ours: Position,
    },
    /// A peer says rows of a life of their owner that does not know the one whose rows are here.
    /// They are refused until the owner has taken note.
    OtherLife {
        /// Who said it.
        peer: StrategyName,
        /// Whose rows.
        owner: StrategyName,
        /// What the peer has.
        theirs: Version,
        /// What is here.
        ours: Version,
    },
    /// A peer said that it holds rows of this strategy that its journal lacks, and showed none.
    Unfounded {
        /// Who said it.
        peer: StrategyName,
        /// Up to where.
        through: Version,
    },
    /// A later process of this name was claimed, and nobody of this name answers where it is said
    /// to be.
    NotFound {
        /// Who said it; none has not said who it is.
        peer: Option<StrategyName>,
        /// Its incarnation.
        incarnation: Incarnation,
        /// Where it is said to listen.
        address: Address,
    },
    /// Two processes of one name are heard at once.
    TwoOfOneName {
        /// The name.
        name: StrategyName,
        /// The one that steps down.
        goes: Namesake,
        /// The one that stays.
        stays: Namesake,
    },
    /// There was another process of this name, or another life of this strategy, or somebody made
    /// up rows of its life: it moves on to its next incarnation.
    MovedOn(Incarnation),
    /// Rows or members beyond a bound are not kept. Said once.
    Full(&'static str),
}

/// Why a replica steps down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepDown {
    /// Another process has the name.
    NameTaken {
        /// Who says so; none is the other process itself, or a list of members.
        peer: Option<StrategyName>,
        /// Its incarnation.
        incarnation: Incarnation,
        /// Where it listens.
        address: Address,
        /// The trades that this process has taken, if it had started.
        trades: Option<Trades>,
    },
    /// Peers hold newer rows of this name than the journal: the disk is gone or old.
    NewerRows {
        /// Who holds them, up to which version, and how many.
        holders: Vec<Holder>,
        /// Up to where the journal goes.
        journal: Version,
        /// The trades that it had taken when they turned up, if it had started, alone.
        trades: Option<u64>,
    },
    /// There is no incarnation after the last one: somebody made up its number.
    NoIncarnationLeft,
}

/// The trades of a process that steps down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trades {
    /// How many.
    pub count: u64,
    /// The other process may have taken over some of them: it started after this one.
    pub may_be_known: bool,
}

/// Who holds rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Its name.
    pub peer: StrategyName,
    /// Up to which version.
    pub through: Version,
    /// How many.
    pub rows: u32,
}
