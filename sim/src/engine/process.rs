//! A process: boxes that start and end together, and the agents in them.

use allot_domain::ShardId;
use allot_journal::{Checkpointer, Committer, JournalError};
use allot_publisher::Publisher;
use allot_router::Router;
use allot_runtime::{Agent, Nanos};
use allot_server::System;
use allot_shard::{Shard, ShardFailure};

/// A box or a client, by its role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// The router.
    Router,
    /// The shard of this number, with its journal.
    Shard(ShardId),
    /// The publisher.
    Publisher,
    /// The client process of this number.
    Client(usize),
}

/// An agent that is run.
pub enum Actor<S: System> {
    /// See [`Router`].
    Router(Box<Router<S>>),
    /// See [`Shard`]; with its number.
    Shard(ShardId, Box<Shard<S>>),
    /// See [`Committer`]; with the number of its shard.
    Committer(ShardId, Box<Committer>),
    /// See [`Checkpointer`]; with the number of its shard.
    Checkpointer(ShardId, Box<Checkpointer>),
    /// See [`Publisher`].
    Publisher(Box<Publisher<S>>),
    /// A client of the workload.
    Client(Box<dyn Agent>),
}

/// An agent, and until when it gets no turn.
pub struct Slot<S: System> {
    /// The agent.
    pub actor: Actor<S>,
    /// When it gets turns again.
    pub stalled_until: Nanos,
}

/// Why an agent has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopCause {
    /// The journal lacks inputs whose replies had already left.
    RepliedInputsLost,
    /// The disk has no room.
    DiskFull,
    /// A write or a sync has failed.
    DiskFailed,
    /// Anything else.
    Other,
}

/// One process, running or not.
pub struct Process<S: System> {
    /// What starts and ends with it.
    pub sites: Vec<Site>,
    /// Its agents; none while it is down.
    pub slots: Vec<Slot<S>>,
    /// When it is started again, if it is down.
    pub up_at: Nanos,
}

impl<S: System> Actor<S> {
    /// The agent as a thread sees it.
    pub fn agent(&mut self) -> &mut dyn Agent {
        match self {
            Self::Router(agent) => agent.as_mut(),
            Self::Shard(_, agent) => agent.as_mut(),
            Self::Committer(_, agent) => agent.as_mut(),
            Self::Checkpointer(_, agent) => agent.as_mut(),
            Self::Publisher(agent) => agent.as_mut(),
            Self::Client(agent) => agent.as_mut(),
        }
    }

    /// Why the agent has stopped, where [`Agent::failure`] says that it has. A journal that fails
    /// stops its shard; its own agents say nothing.
    #[must_use]
    pub fn stop_cause(&self) -> StopCause {
        let Self::Shard(_, shard) = self else { return StopCause::Other };
        match shard.failed() {
            Some(ShardFailure::Behind { .. }) => StopCause::RepliedInputsLost,
            Some(ShardFailure::Journal(JournalError::DiskFull { .. })) => StopCause::DiskFull,
            Some(ShardFailure::Journal(JournalError::Media { .. })) => StopCause::DiskFailed,
            Some(ShardFailure::Journal(_)) | None => StopCause::Other,
        }
    }

    /// The shard that it belongs to, if it does.
    #[must_use]
    pub const fn shard(&self) -> Option<ShardId> {
        match self {
            Self::Shard(shard, _) | Self::Committer(shard, _) | Self::Checkpointer(shard, _) => {
                Some(*shard)
            }
            Self::Router(_) | Self::Publisher(_) | Self::Client(_) => None,
        }
    }
}

impl<S: System> Process<S> {
    /// A process that is to start at once.
    #[must_use]
    pub const fn new(sites: Vec<Site>) -> Self {
        Self { sites, slots: Vec::new(), up_at: Nanos::ZERO }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Its name in the trace.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.sites[..] {
            [Site::Shard(shard)] => format!("Shard({shard})"),
            [site] => format!("{site:?}"),
            _ => "the process of all boxes".to_owned(),
        }
    }

    /// Its shard of this number.
    #[must_use]
    pub fn shard(&self, number: ShardId) -> Option<&Shard<S>> {
        self.slots.iter().find_map(|slot| match &slot.actor {
            Actor::Shard(shard, agent) if *shard == number => Some(agent.as_ref()),
            _ => None,
        })
    }
}
