//! Greeting: how boxes find each other, and agree on how far they are.

use std::time::Duration;

use allot_domain::snapshot::COUNT_MAX;
use allot_domain::{Incarnation, LedgerId, LogIndex, ShardId};
use serde::{Deserialize, Serialize};

use super::{FrameKind, count_from, decode, encode};
use crate::DecodeError;

/// How often a shard greets its neighbours.
pub const GREET_EVERY: Duration = Duration::from_secs(1);

/// How long a shard may be silent before its neighbours count it as away: a few greetings, so that
/// one late greeting makes no shard absent.
pub const AWAY_AFTER: Duration = Duration::from_secs(4);

const _: () = assert!(GREET_EVERY.as_millis() * 3 < AWAY_AFTER.as_millis());

/// Shard to its neighbours, at the start, each second, and when something changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    /// Which shard.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u32,
    /// Which incarnation of the shard.
    pub incarnation: Incarnation,
    /// Which ledger its journal is of; none without a journal.
    pub ledger: Option<LedgerId>,
    /// With which incarnation of the router it has agreed on indexes; zero with none.
    pub router: Incarnation,
    /// The index of the last input in its state.
    pub applied: LogIndex,
    /// The index of the last input whose reply has left.
    pub replied: LogIndex,
    /// The index of the last input that no crash can take back.
    pub durable: LogIndex,
    /// The number of the last marker.
    pub marker: u64,
    /// Whether its disk has no room: it is to be sent nothing more from clients.
    pub full: bool,
}

/// Router to shard: where the indexes of its inputs go on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Welcome {
    /// Which incarnation of the router.
    pub router_incarnation: Incarnation,
    /// Which incarnation of the shard it is for: one that is read late must not reach the next.
    pub shard_incarnation: Incarnation,
    /// The index before that of the next input; what came before it is not sent again.
    pub base: LogIndex,
    /// How many shards there are.
    pub shards: u32,
}

/// Publisher to shard: what anybody subscribes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Interest {
    /// Whether anybody subscribes to events.
    pub events: bool,
}

#[derive(Serialize, Deserialize)]
struct HelloRecord {
    shard: u32,
    shards: u32,
    incarnation: u64,
    ledger: u128,
    router: u64,
    applied: u64,
    replied: u64,
    durable: u64,
    marker: u64,
    full: bool,
}

#[derive(Serialize, Deserialize)]
struct WelcomeRecord {
    router_incarnation: u64,
    shard_incarnation: u64,
    base: u64,
    shards: u32,
}

/// Writes a whole frame.
pub fn encode_hello(hello: &Hello, frame: &mut Vec<u8>) {
    let record = HelloRecord {
        shard: hello.shard.get(),
        shards: hello.shards,
        incarnation: hello.incarnation.get(),
        ledger: LedgerId::number(hello.ledger),
        router: hello.router.get(),
        applied: hello.applied.get(),
        replied: hello.replied.get(),
        durable: hello.durable.get(),
        marker: hello.marker,
        full: hello.full,
    };
    encode(FrameKind::Hello, record, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_hello(frame: &[u8]) -> Result<Hello, DecodeError> {
    let record: HelloRecord = decode(FrameKind::Hello, frame)?;
    let HelloRecord { applied, replied, durable, .. } = record;
    let applied_to = LogIndex::new(count_from(applied)?);
    if applied < replied || applied < durable {
        return Err(DecodeError::new(format!(
            "a hello says that {applied} inputs are applied, but {replied} are replied to and \
             {durable} durable; none can be more than are applied"
        )));
    }
    Ok(Hello {
        shard: ShardId::new(record.shard),
        shards: record.shards,
        incarnation: Incarnation::new(record.incarnation),
        ledger: LedgerId::new(record.ledger),
        router: Incarnation::new(record.router),
        applied: applied_to,
        replied: LogIndex::new(record.replied),
        durable: LogIndex::new(record.durable),
        marker: marker_from(record.marker)?,
        full: record.full,
    })
}

/// The highest marker of a greeting. Whoever takes it over goes on from there, and every number
/// after it can be counted on from: one greeting cannot use them up.
const MARKER_MAX: u64 = COUNT_MAX / 2;

fn marker_from(number: u64) -> Result<u64, DecodeError> {
    if MARKER_MAX < number {
        return Err(DecodeError::new(format!("{number} is no marker that was ever reached")));
    }
    Ok(number)
}

/// Writes a whole frame.
pub fn encode_welcome(welcome: &Welcome, frame: &mut Vec<u8>) {
    let record = WelcomeRecord {
        router_incarnation: welcome.router_incarnation.get(),
        shard_incarnation: welcome.shard_incarnation.get(),
        base: welcome.base.get(),
        shards: welcome.shards,
    };
    encode(FrameKind::Welcome, record, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_welcome(frame: &[u8]) -> Result<Welcome, DecodeError> {
    let record: WelcomeRecord = decode(FrameKind::Welcome, frame)?;
    if record.router_incarnation == 0 {
        return Err(DecodeError::new("a welcome of incarnation 0, which stands for no router"));
    }
    Ok(Welcome {
        router_incarnation: Incarnation::new(record.router_incarnation),
        shard_incarnation: Incarnation::new(record.shard_incarnation),
        base: LogIndex::new(count_from(record.base)?),
        shards: record.shards,
    })
}

/// Writes a whole frame.
pub fn encode_interest(interest: &Interest, frame: &mut Vec<u8>) {
    encode(FrameKind::Interest, interest, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_interest(frame: &[u8]) -> Result<Interest, DecodeError> {
    decode(FrameKind::Interest, frame)
}
