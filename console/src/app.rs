//! The app: what every page can reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::attempts::Attempts;
use crate::board::Board;
use crate::caller::Caller;
use crate::counting::Counting;
use crate::desk::Desk;
use crate::drafts::Drafts;
use crate::each::Each;
use crate::front_door::FrontDoor;
use crate::hashing::Hashing;
use crate::limits::{
    EXPORTS_AT_ONCE, FORMS_AT_ONCE_MAX, PAGES_AT_ONCE_MAX, STREAMS_APART, STREAMS_MAX,
};
use crate::mesh_peer::MeshPeer;
use crate::one_time_codes::OneTimeCodes;
use crate::pace::Pace;
use crate::password::Buffers;
use crate::sessions::Sessions;
use crate::signals_trader::SignalsTrader;
use crate::users::Users;

/// What pages share.
pub(crate) struct App {
    pub(crate) board: Board,
    pub(crate) front: Caller<FrontDoor>,
    pub(crate) desk: Option<Desk>,
    pub(crate) signals: Option<Caller<SignalsTrader>>,
    pub(crate) mesh: Option<Caller<MeshPeer>>,
    pub(crate) users: Users,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: Attempts,
    pub(crate) codes: OneTimeCodes,
    pub(crate) hashing: Hashing,
    pub(crate) places: Places,
    /// What the server counts.
    pub(crate) counting: Arc<Counting>,
    pub(crate) drafts: Mutex<Drafts>,
    /// Whoever sends a split has it, from the look at what is in force until the reply.
    pub(crate) splits_turn: tokio::sync::Mutex<()>,
    pub(crate) buffers: Buffers,
    /// The server tells one client of the past at a time: the console asks for one thing after
    /// the other.
    pub(crate) look_ups: Semaphore,
    pub(crate) pages: Arc<Semaphore>,
    pub(crate) forms: Semaphore,
    pub(crate) streams: Arc<Semaphore>,
    /// When each of them has its turn.
    pub(crate) pace: Pace,
    pub(crate) exports: Arc<Semaphore>,
    /// Who has a stream open, of whom a form is read, for whom a page is made, and who reads
    /// positions as Arrow.
    pub(crate) streams_each: Each,
    pub(crate) forms_each: Each,
    pub(crate) pages_each: Each,
    pub(crate) exports_each: Each,
}

/// Whom the pages ask.
pub(crate) struct Callers {
    pub(crate) front: Caller<FrontDoor>,
    pub(crate) desk: Option<Desk>,
    pub(crate) signals: Option<Caller<SignalsTrader>>,
    pub(crate) mesh: Option<Caller<MeshPeer>>,
}

/// Where the console is, and where the server.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) listen: SocketAddr,
    pub(crate) front: String,
    pub(crate) publish: String,
    /// Where the trader of signals is, and the peer of a mesh, if they have pages.
    pub(crate) signals: Option<String>,
    pub(crate) mesh: Option<String>,
    pub(crate) has_desk: bool,
    /// Whether pages can be seen without a log-in.
    pub(crate) is_open: bool,
    /// Whether a proxy in front speaks TLS.
    pub(crate) is_behind_tls: bool,
}

/// Which systems have a page besides allocation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Systems {
    pub(crate) desk: bool,
    pub(crate) signals: bool,
    pub(crate) mesh: bool,
}

impl Places {
    /// The systems that this console was told of.
    pub(crate) const fn systems(&self) -> Systems {
        let (signals, mesh) = (self.signals.is_some(), self.mesh.is_some());
        Systems { desk: self.has_desk, signals, mesh }
    }
}

impl App {
    pub(crate) fn new(
        board: Board,
        callers: Callers,
        users: Users,
        places: Places,
        hashing: Hashing,
        counting: Counting,
    ) -> Self {
        let Callers { front, desk, signals, mesh } = callers;
        Self {
            board,
            front,
            desk,
            signals,
            mesh,
            users,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            codes: OneTimeCodes::default(),
            hashing,
            places,
            counting: Arc::new(counting),
            drafts: Mutex::default(),
            splits_turn: tokio::sync::Mutex::default(),
            buffers: Buffers::default(),
            look_ups: Semaphore::new(1),
            pages: Arc::new(Semaphore::new(PAGES_AT_ONCE_MAX)),
            forms: Semaphore::new(FORMS_AT_ONCE_MAX),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            pace: Pace::new(STREAMS_APART),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            streams_each: Each::default(),
            forms_each: Each::default(),
            pages_each: Each::default(),
            exports_each: Each::default(),
        }
    }
}
