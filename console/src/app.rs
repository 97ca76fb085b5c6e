//! The app: what every page can reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::board::Board;
use crate::drafts::Drafts;
use crate::front_desk::FrontClient;
use crate::limits::{FORMS_AT_ONCE_MAX, HASHES_AT_ONCE, PAGES_AT_ONCE_MAX, STREAMS_MAX};
use crate::sessions::Sessions;
use crate::users::Users;

/// What pages share.
pub(crate) struct App {
    pub(crate) board: Board,
    pub(crate) front: FrontClient,
    pub(crate) users: Users,
    pub(crate) sessions: Sessions,
    pub(crate) places: Places,
    pub(crate) drafts: Mutex<Drafts>,
    pub(crate) hashes: Arc<Semaphore>,
    pub(crate) pages: Arc<Semaphore>,
    pub(crate) forms: Semaphore,
    pub(crate) streams: Arc<Semaphore>,
    /// Who has a stream open, once for each.
    pub(crate) streaming: Mutex<Vec<String>>,
}

/// Where the console is, and where the server.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) listen: SocketAddr,
    pub(crate) front: String,
    pub(crate) publish: String,
    /// Whether pages can be seen without a log-in.
    pub(crate) is_open: bool,
    /// Whether a proxy in front speaks TLS.
    pub(crate) is_behind_tls: bool,
}

impl App {
    pub(crate) fn new(board: Board, front: FrontClient, users: Users, places: Places) -> Self {
        Self {
            board,
            front,
            users,
            sessions: Sessions::default(),
            places,
            drafts: Mutex::default(),
            hashes: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            pages: Arc::new(Semaphore::new(PAGES_AT_ONCE_MAX)),
            forms: Semaphore::new(FORMS_AT_ONCE_MAX),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            streaming: Mutex::default(),
        }
    }
}
