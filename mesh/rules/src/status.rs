//! Status: what a replica knows of the mesh and of itself.

use core::time::Duration;

use crate::{Address, Digest, Incarnation, Instance, StrategyName, Unix, Version};

/// What a replica knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Its name.
    pub name: StrategyName,
    /// Where others reach it.
    pub address: Address,
    /// Its instance.
    pub instance: Instance,
    /// How far it is.
    pub phase: Phase,
    /// Its last change that is durable.
    pub through: Version,
    /// Its own rows.
    pub own_rows: usize,
    /// All rows that it has.
    pub rows: usize,
    /// Of all rows.
    pub digest: Digest,
    /// Another process of its own name that is heard.
    pub namesake: Option<Namesake>,
    /// The others, by name.
    pub members: Vec<MemberStatus>,
    /// What it has counted.
    pub counters: Counters,
}

/// How far a replica is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It asks what others hold of its name.
    Joining,
    /// Its incarnation goes to disk.
    Starting(Incarnation),
    /// It takes trades.
    Running(Incarnation),
    /// It has stepped down.
    Down,
}

/// What a replica knows of another member, or of an owner of rows who is no member yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberStatus {
    /// Its name.
    pub name: StrategyName,
    /// Where it listens, if that is known.
    pub address: Option<Address>,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its instance; zero where it is not known.
    pub instance: Instance,
    /// It is heard.
    pub is_alive: bool,
    /// How long ago it was heard last, if ever.
    pub heard: Option<Duration>,
    /// Since when it is away, by this wall clock.
    pub away_since: Option<Unix>,
    /// How its changes come.
    pub route: Route,
    /// This replica has every row whose last change is not after this.
    pub through: Version,
    /// How many rows.
    pub rows: usize,
    /// Of them.
    pub digest: Digest,
    /// Changes that went to it as one with a later change of the same row.
    pub conflated: u64,
    /// Gaps in its rows that were noticed and repaired.
    pub gaps_repaired: u64,
    /// Another process of its name that is heard beside it.
    pub namesake: Option<Namesake>,
}

/// Another process of a name, heard beside the one that has it: of the two the one with the earlier
/// incarnation steps down, and of one incarnation that with the lesser instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namesake {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its instance.
    pub instance: Instance,
    /// Where it listens.
    pub address: Address,
}

impl Namesake {
    /// Whether it steps down, and not the process of this incarnation and instance.
    #[must_use]
    pub fn steps_down_for(&self, (incarnation, instance): (Incarnation, Instance)) -> bool {
        (self.incarnation, self.instance) < (incarnation, instance)
    }
}

/// How the changes of an owner come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// From itself.
    Direct,
    /// Through this relay.
    Relayed(StrategyName),
    /// Not at all, or when somebody is asked.
    Unlinked,
}

/// What a replica has counted since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Deltas that could not be applied because something before them was missing.
    pub gaps_noticed: u64,
    /// Owners that were complete again after a gap.
    pub gaps_repaired: u64,
    /// Changes that went out as one with a later change of the same row.
    pub conflated: u64,
    /// Rows that were refused because whoever said them may not.
    pub foreign_rows: u64,
    /// Rows of an incarnation that their owner, which is heard, has not said.
    pub rows_ahead: u64,
    /// Rows that were refused because their life of the owner does not know the one here.
    pub other_life_rows: u64,
    /// Summaries with rows of this strategy that nobody showed then.
    pub unfounded: u64,
    /// Rows of one version with two positions.
    pub conflicts: u64,
    /// Own rows that were written again because a peer held another.
    pub settled: u64,
    /// Rows that an owner without its disk did not adopt.
    pub superseded: u64,
    /// Rows, members and links beyond a bound.
    pub over_bounds: u64,
    /// Differences that two digests showed.
    pub differences: u64,
    /// Rows that were received and not newer.
    pub stale_rows: u64,
    /// Rows that were received and newer.
    pub applied_rows: u64,
    /// Messages on a connection whose peer has not said who it is.
    pub before_hello: u64,
    /// Messages that made no sense where they came: out of their bounds.
    pub bad_messages: u64,
}
