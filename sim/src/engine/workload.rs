//! A workload: what the engine needs to know of the system that runs on it.
//!
//! One implementor per system. It owns the system's clients, what they have seen, and every check
//! that depends on what an input means; the engine calls it at fixed moments.
//!
//! ```text
//!   run      start_client   operate   receive_publications
//!   network  on_request     on_reply  alter_reply
//!   disk     replay ─► state ─► check_recovered                 at every recovery
//!   end      end_faults ─► unreplied, unrest ─► check_shard ─► check_end
//! ```

use std::fmt;

use allot_domain::{LogIndex, ShardId};
use allot_runtime::{Agent, BroadcastListener, Link, Nanos};
use allot_server::System;
use allot_shard::{ConfigOf, State};

use super::log_record::LogRecord;
use super::options::Options;
use super::planted_bug::PlantedBug;
use super::prng::Prng;
use super::violation::Violation;

/// The clients of one system, and the checks of its promises.
pub trait Workload: Sized {
    /// The system whose boxes run.
    type System: System;

    /// The planted bugs that it finds, and the harmless ones that it must bear.
    const PLANTED_BUGS: &'static [PlantedBug];

    /// Whether the router has a link to a feeder, which is in its process: the workload plays it.
    const HAS_FEEDER: bool = false;

    /// What the workload draws before a run, beside what the engine draws.
    type Options: Clone + fmt::Debug;

    /// Draws all options of a run from its seed. A planted bug changes no draw.
    fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<Self::Options>;

    /// How many clients run as processes. The operator is one client more, and no process.
    fn client_processes(options: &Self::Options) -> usize;

    /// The workload before the first turn; `operator` is the operator's link to the front door.
    fn new(options: &Options<Self::Options>, operator: Link, now: Nanos) -> Self;

    /// The configuration of the system's machine.
    fn config(&self) -> ConfigOf<Self::System>;

    // Clients.

    /// Starts a client process, for the first time or again.
    fn start_client(&mut self, client: usize, link: Link) -> Box<dyn Agent>;

    /// One turn of the operator: a client that never crashes and may act on the history; returns
    /// how much was done.
    fn operate(&mut self, now: Nanos, prng: &mut Prng) -> usize;

    /// When the operator has something to do again.
    fn operator_wakes_at(&self) -> Nanos;

    /// Every message that still lacks its reply, as text for the failure; empty once all have one.
    fn unreplied(&self) -> Vec<String>;

    // What passes the front door.

    /// A message reaches the front door; a connection has a new number after each break.
    fn on_request(&mut self, connection: u64, message: &[u8]);

    /// A message leaves the front door.
    ///
    /// # Errors
    /// A reply that cannot be read, that replies to nothing, or that contradicts an earlier one.
    fn on_reply(&mut self, message: &[u8]) -> Result<(), Violation>;

    /// The message with one wrong fact in it, for the planted bug; unchanged if it has none.
    fn alter_reply(message: Vec<u8>) -> Vec<u8>;

    /// The frame with one wrong fact in it if it is a part of a cut, for the planted bug.
    fn alter_part(frame: Vec<u8>) -> Vec<u8>;

    /// The frame of replies in which no shard has found anything, for the planted bug; unchanged in
    /// a system that checks nothing.
    #[must_use]
    fn alter_finding(frame: Vec<u8>) -> Vec<u8> {
        frame
    }

    /// The router has started, and this is its feeder's link; or, with `None`, it has ended.
    fn connect_feeder(&mut self, _: Option<Link>) {}

    // What is published.

    /// The publisher has started; or, with `None`, it has ended.
    fn connect_subscriber(&mut self, listener: Option<BroadcastListener>);

    /// One turn of the subscriber; returns how many publications it took.
    ///
    /// # Errors
    /// A publication that cannot be read, or a loss that shows no gap.
    fn receive_publications(&mut self, now: Nanos, prng: &mut Prng) -> Result<usize, Violation>;

    // What is in the journals.

    /// Applies the next record of a shard's log to the replica of that shard, and checks it.
    ///
    /// # Errors
    /// The promise that the record breaks.
    fn replay(
        &mut self,
        shard: ShardId,
        index: LogIndex,
        record: &LogRecord,
    ) -> Result<(), Violation>;

    /// The state of a shard's replica after all records replayed so far.
    fn state(&self, shard: ShardId) -> &State<Self::System>;

    /// Checks the replies that clients have seen against a log that was just replayed.
    ///
    /// # Errors
    /// The first reply that the log does not contain.
    fn check_recovered(&mut self, shard: ShardId) -> Result<(), Violation>;

    // The end.

    /// From now on nothing fails: the operator sends nothing new, the subscriber loses nothing.
    fn end_faults(&mut self);

    /// What the system still has to do before the run can end, if anything; every message has had
    /// its reply since `replied_at`.
    ///
    /// # Errors
    /// Something that waiting cannot mend.
    fn unrest(
        &self,
        replied_at: Nanos,
        states: &[&State<Self::System>],
    ) -> Result<Option<String>, Violation>;

    /// Checks a shard's whole log, at the end.
    ///
    /// # Errors
    /// The first promise that it breaks.
    fn check_shard(&mut self, shard: ShardId) -> Result<(), Violation>;

    /// Checks clients, replies and publications against all logs, at the end.
    ///
    /// # Errors
    /// The first promise that is broken.
    fn check_end(&mut self) -> Result<(), Violation>;

    /// What the workload has counted, each count with its sentence.
    fn counts(&self) -> Vec<(&'static str, u64)>;
}
