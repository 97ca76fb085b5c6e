//! Status: what a peer tells a client of itself, of the mesh, and of the view.

use allot_mesh_rules::{
    Address, Digest, Instance, MemberStatus, Namesake, Phase, StrategyName, Unix, Version,
};

use crate::ViewRow;

/// How a peer is: a page of it, or the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Its name.
    pub name: StrategyName,
    /// Where others reach it.
    pub address: Address,
    /// Its instance.
    pub instance: Instance,
    /// How far it is.
    pub phase: Phase,
    /// When its process started, by its wall clock.
    pub started: Unix,
    /// When it said this, by its wall clock.
    pub time: Unix,
    /// Its last change that is durable.
    pub through: Version,
    /// Whether it has a journal.
    pub has_journal: bool,
    /// Its own rows.
    pub own_rows: u64,
    /// All rows that it has.
    pub rows: u64,
    /// Of all rows.
    pub digest: Digest,
    /// Another process of its name that is heard.
    pub namesake: Option<Namesake>,
    /// What it has counted, by name.
    pub counters: Vec<(String, u64)>,
    /// The other members, by name.
    pub members: Vec<MemberStatus>,
    /// Whether more members follow.
    pub more: bool,
}

/// Some rows of a view, sorted by owner and symbol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ViewPage {
    /// Of the whole view, as these rows were taken from it.
    pub digest: Digest,
    /// The rows.
    pub rows: Vec<ViewRow>,
    /// Whether more rows follow.
    pub more: bool,
}
