//! Report: all counters of all shards at one cut, and the part of it that each shard hands out.

use std::collections::BTreeMap;

use allot_domain::Marker;
use allot_publisher::Cut;
use allot_wire::{Batch, DecodeError, Encoding, codec, write_only_record};
use serde::{Deserialize, Serialize};

use crate::rules::{Counters, Level};

/// The kind of a binary report.
const KIND_COUNTERS: u8 = 129;

/// What a shard hands out at a marker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// How many raises it has seen.
    pub(super) raises: u64,
    /// The sum of its counters.
    pub(super) sum: u64,
    /// The total of all shards, as it was told last.
    pub(super) level: u64,
    /// Its counters, where the marker asks for a report.
    counters: Option<BTreeMap<String, u64>>,
}

/// All counters of all shards at one cut.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Its number.
    pub report: u64,
    /// When its cut was made: nanoseconds of Unix time.
    pub time_ns: u64,
    /// How many inputs of clients it contains.
    pub inputs: u64,
    /// The sum of all counters.
    pub total: u64,
    /// The total that every shard was told of, at least.
    pub level: u64,
    /// Every counter.
    pub counters: BTreeMap<String, u64>,
    /// What is missing or doubtful.
    pub degraded: Vec<String>,
}

/// Appends the part of a shard.
pub(super) fn encode_part(counters: &Counters, marker: &Marker, out: &mut Vec<u8>) {
    let Level { total: level, .. } = counters.level();
    let named = || counters.values().map(|(key, value)| (key.to_string(), value)).collect();
    let part = Part {
        raises: counters.raises(),
        sum: counters.sum(),
        level,
        counters: marker.report.then(named),
    };
    codec::append(part, out);
}

/// Reads the part of a shard.
pub(super) fn decode_part(body: &[u8]) -> Result<Part, DecodeError> {
    codec::decode(body)
}

/// The sum of all shards at a cut.
pub(super) fn total(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.sum).sum()
}

impl Report {
    /// The report of a cut.
    pub(super) fn of(cut: &Cut<Part>) -> Self {
        let counters = cut.parts.iter().flat_map(|part| part.counters.iter().flatten());
        Self {
            report: cut.marker.number,
            time_ns: cut.marker.time_ns,
            inputs: cut.inputs,
            total: total(&cut.parts),
            level: cut.parts.iter().map(|part| part.level).min().unwrap_or(0),
            counters: counters.map(|(key, value)| (key.clone(), *value)).collect(),
            degraded: cut.degraded.clone(),
        }
    }

    /// Writes the message; `out` then holds nothing else.
    ///
    /// # Panics
    /// Never: a vector takes every write.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        out.clear();
        match encoding {
            Encoding::Json => {
                serde_json::to_writer(out, self).expect("a vector takes every write");
            }
            Encoding::Binary => write_only_record(out, KIND_COUNTERS, self),
        }
    }

    /// Reads a message in either encoding.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(message) {
            Encoding::Json => Ok(serde_json::from_slice(message)?),
            Encoding::Binary => codec::decode(Batch::only(message, KIND_COUNTERS)?),
        }
    }
}
