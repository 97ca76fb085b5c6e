//! Message: what peers say to one another. Bytes are the service's.
//!
//! ```text
//!   A ── Hello, Members, Summary ──► B     as soon as a link is up, from both sides
//!   A ── Want ─────────────────────► B     for each owner of whom B has more
//!   A ◄────────────────────── Delta ── B   the rows that A lacks; then every change
//!   A ── Heartbeat ────────────────► B     every second
//! ```
//!
//! Whatever is lost is asked for again: no message is needed for ever.

use core::time::Duration;

use crate::{Address, Adoption, Digest, Incarnation, Instance, Row, StrategyName, Version};

/// A message between two peers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// Who speaks. Nothing else is heard on a link before it.
    Hello(Hello),
    /// Whom the speaker knows: at most [`MEMBERS_MAX`](crate::limits::MEMBERS_MAX), by name.
    Members(Vec<Member>),
    /// What the speaker has.
    Summary(Summary),
    /// Rows of one owner.
    Delta(Delta),
    /// The speaker lacks rows.
    Want(Want),
    /// The speaker lives.
    Heartbeat(Heartbeat),
    /// The listener's name is taken.
    NameTaken(NameTaken),
    /// A process has given its name up.
    NameYielded(NameYielded),
}

/// Who speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Its name.
    pub name: StrategyName,
    /// Its incarnation; while it joins, the last one that it knows of, or zero.
    pub incarnation: Incarnation,
    /// Its instance, never zero.
    pub instance: Instance,
    /// Where it listens.
    pub address: Address,
    /// It has no incarnation of its own yet.
    pub is_joining: bool,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// Whose hello it has heard on this link: that one need not say it again. Zero is nobody's.
    pub heard: Instance,
}

/// A member of the mesh, as the speaker knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name.
    pub name: StrategyName,
    /// Where it listens.
    pub address: Address,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its instance.
    pub instance: Instance,
    /// The speaker has a link to it and hears it.
    pub is_alive: bool,
    /// How long ago the speaker, or whoever told it, heard it last.
    pub heard: Duration,
}

/// What the speaker has, of every owner that it has anything of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// By owner.
    pub owners: Vec<OwnerSummary>,
    /// It answers a summary, and is not answered by another.
    pub is_answer: bool,
}

/// What the speaker has of one owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnerSummary {
    /// The owner.
    pub owner: StrategyName,
    /// It has every row whose last change is not after this.
    pub through: Version,
    /// Of its rows.
    pub digest: Digest,
    /// How many they are.
    pub rows: u32,
}

/// Rows of one owner: all whose last change is after `after`, and not after `through`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delta {
    /// The owner.
    pub owner: StrategyName,
    /// Who has everything up to here may apply it.
    pub after: Version,
    /// Who applies it has everything up to here.
    pub through: Version,
    /// What the owner took from its peers the last time, if it ever did.
    pub adopted: Option<Adoption>,
    /// How the last lives of the owner before this one ended, at most
    /// [`LINEAGE_MAX`](crate::limits::LINEAGE_MAX); with zero in front where there were no others.
    /// Empty if it is not known, or `after` is of the same life.
    pub lives: Vec<Version>,
    /// At most [`DELTA_ROWS_MAX`](crate::limits::DELTA_ROWS_MAX), in the order of their versions.
    pub rows: Vec<Row>,
}

/// The speaker lacks the rows of an owner after a version. From zero on it is a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// The owner.
    pub owner: StrategyName,
    /// It has everything up to here.
    pub after: Version,
}

/// The speaker lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// Its last change.
    pub through: Version,
    /// Of its own rows.
    pub digest: Digest,
    /// Of all rows that it has.
    pub view: Digest,
    /// Of the members that it knows.
    pub members: Digest,
}

/// Another process has the listener's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameTaken {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its instance.
    pub instance: Instance,
    /// Where it listens.
    pub address: Address,
    /// The speaker hears it.
    pub is_alive: bool,
    /// How long ago the speaker heard it last.
    pub heard: Duration,
}

/// A process gives its name up to another one, of which it has heard: so both have lived at one
/// time, and its life is none that the other one has lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameYielded {
    /// The name of both.
    pub name: StrategyName,
    /// The incarnation of the one that goes.
    pub incarnation: Incarnation,
    /// The instance of the one that stays.
    pub instance: Instance,
}
