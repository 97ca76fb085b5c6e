//! Listing: a request for splits that were in force, by their numbers, and what comes of it.

use alloc::vec::Vec;

use allot_domain::{AccountId, Seq, SourceId};

use crate::input::Origin;
use crate::{SplitNumber, Weight};

/// A wish for the splits so far. It changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Who asks.
    pub source: SourceId,
    /// The source's number of the request; echoed, not remembered.
    pub seq: Seq,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The number of the first, from 1.
    pub from: SplitNumber,
}

/// Splits as they came into force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The request.
    pub origin: Origin,
    /// The number of the first of them: what was asked for, or `oldest` where that is forgotten.
    pub from: SplitNumber,
    /// The number of the split in force; zero where there is none.
    pub last: SplitNumber,
    /// The number of the oldest that is kept; the one after `last` where none is.
    pub oldest: SplitNumber,
    /// Their numbers follow one another.
    pub splits: Vec<ListedSplit>,
}

/// A split as it came into force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedSplit {
    /// Its number.
    pub number: SplitNumber,
    /// Who sent it.
    pub source: SourceId,
    /// The source's number of it.
    pub seq: Seq,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    /// The accounts in byte order of their ids, each with its weight.
    pub weights: Vec<(AccountId, Weight)>,
}
