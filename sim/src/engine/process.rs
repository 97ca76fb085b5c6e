//! A process: boxes that start and end together, and the agents in them.

use allot_journal::{Checkpointer, Committer};
use allot_runtime::{Agent, Nanos};

use super::boxes::{Publisher, Router, Shard};

/// A box or a client, by its role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// The router.
    Router,
    /// The shard of this number, with its journal.
    Shard(usize),
    /// The publisher.
    Publisher,
    /// The client process of this number.
    Client(usize),
}

/// An agent that is run.
pub enum Actor {
    /// See [`Router`].
    Router(Box<Router>),
    /// See [`Shard`]; with its number.
    Shard(usize, Box<Shard>),
    /// See [`Committer`]; with the number of its shard.
    Committer(usize, Box<Committer>),
    /// See [`Checkpointer`]; with the number of its shard.
    Checkpointer(usize, Box<Checkpointer>),
    /// See [`Publisher`].
    Publisher(Box<Publisher>),
    /// A client of the workload.
    Client(Box<dyn Agent>),
}

/// An agent, and until when it gets no turn.
pub struct Slot {
    /// The agent.
    pub actor: Actor,
    /// When it gets turns again.
    pub stalled_until: Nanos,
}

/// One process, running or not.
pub struct Process {
    /// What starts and ends with it.
    pub sites: Vec<Site>,
    /// Its agents; none while it is down.
    pub slots: Vec<Slot>,
    /// When it is started again, if it is down.
    pub up_at: Nanos,
}

impl Actor {
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

    /// The shard that it belongs to, if it does.
    pub const fn shard(&self) -> Option<usize> {
        match self {
            Self::Shard(shard, _) | Self::Committer(shard, _) | Self::Checkpointer(shard, _) => {
                Some(*shard)
            }
            Self::Router(_) | Self::Publisher(_) | Self::Client(_) => None,
        }
    }
}

impl Process {
    /// A process that is to start at once.
    pub const fn new(sites: Vec<Site>) -> Self {
        Self { sites, slots: Vec::new(), up_at: Nanos::ZERO }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Its name in the trace.
    pub fn name(&self) -> String {
        match &self.sites[..] {
            [site] => format!("{site:?}"),
            _ => "the process of all boxes".to_owned(),
        }
    }

    /// Its shard of this number.
    pub fn shard(&self, number: usize) -> Option<&Shard> {
        self.slots.iter().find_map(|slot| match &slot.actor {
            Actor::Shard(shard, agent) if *shard == number => Some(agent.as_ref()),
            _ => None,
        })
    }
}
