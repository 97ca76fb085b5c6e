//! A process: boxes that begin and end together, and the agents in them.

use allot_feeds::{AumFeed, FillFeed, Progress};
use allot_journal::{Checkpointer, Committer};
use allot_publisher::Publisher;
use allot_router::Router;
use allot_runtime::{Agent, Nanos};
use allot_shard::Shard;

/// What stands in the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// The front door.
    Router,
    /// The shard of this number, with its journal.
    Shard(usize),
    /// The position feed.
    Publisher,
    /// The fill server of this number; the one after the last is the AUM server.
    Feed(usize),
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
    /// See [`FillFeed`].
    FillFeed(Box<FillFeed>),
    /// See [`AumFeed`].
    AumFeed(Box<AumFeed>),
}

/// An agent, and until when it gets no turn.
pub struct Slot {
    /// The agent.
    pub actor: Actor,
    /// When it goes on.
    pub stalled_until: Nanos,
}

/// One process, running or not.
pub struct Process {
    /// What begins and ends with it.
    pub sites: Vec<Site>,
    /// Its agents; none while it is down.
    pub slots: Vec<Slot>,
    /// When it is started again, if it is down.
    pub up_at: Nanos,
    /// How often it was started.
    pub lives: u64,
    /// Of a feed, what it has done in this life.
    pub progress: Option<Progress>,
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
            Self::FillFeed(agent) => agent.as_mut(),
            Self::AumFeed(agent) => agent.as_mut(),
        }
    }
}

impl Process {
    /// A process that is to begin at once.
    pub const fn new(sites: Vec<Site>) -> Self {
        Self { sites, slots: Vec::new(), up_at: Nanos::ZERO, lives: 0, progress: None }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Its name in the trace.
    pub fn name(&self) -> String {
        match &self.sites[..] {
            [site] => format!("{site:?}"),
            _ => "everything".to_owned(),
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
