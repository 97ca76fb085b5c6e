//! The console itself: the follower on its thread, and the pages on theirs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use allot_runtime::{
    Clock, Context, CurveKey, Link, LinkOptions, Running, RuntimeError, ThreadGroup, ThreadSlot,
    Threads, WaitStrategy,
};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::ConsoleError;
use crate::app::{App, Callers, Places};
use crate::board::Board;
use crate::caller::{CallAgent, Caller, Codec, caller};
use crate::counting::Counting;
use crate::desk::Desk;
use crate::desk_book::DeskBook;
use crate::desk_front::DeskFront;
use crate::follower::{Follower, Hears};
use crate::front_door::FrontDoor;
use crate::hashing::{HashThreads, Hashing};
use crate::limits::EARLIER_FILLS;
use crate::mesh_peer::MeshPeer;
use crate::metrics::Measured;
use crate::signals_trader::SignalsTrader;
use crate::users::Users;
use crate::{backfill, listener, pages, split_history};

/// Threads that make pages: none of them is hot, and the server has the cores.
const WORKERS: usize = 2;

/// How long pages that are being made may take at the end.
const END_WITHIN: Duration = Duration::from_millis(500);

/// How often the console looks whether its follower is alive.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a console is told.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Where browsers find it; port 0 is any free one.
    pub listen: SocketAddr,
    /// The front door of the server.
    pub front: String,
    /// Its public key, if it encrypts.
    pub front_key: Option<CurveKey>,
    /// Where the server publishes.
    pub publish: String,
    /// The key of the feed, if it encrypts.
    pub publish_key: Option<CurveKey>,
    /// The file of users.
    pub users: Option<PathBuf>,
    /// Whether pages can be seen without a log-in; on the loopback interface only.
    pub is_open: bool,
    /// Whether a proxy in front of it speaks TLS and adds its names.
    pub is_behind_tls: bool,
    /// The desk that has a page, if one has.
    pub desk: Option<DeskPlace>,
    /// The trader of signals that has a page: where it listens.
    pub signals: Option<String>,
    /// The peer of a mesh that has a page.
    pub mesh: Option<MeshPlace>,
    /// How many fills from before it began it fetches.
    pub earlier_fills: usize,
    /// What the server counts, if it is in this process.
    pub measured: Option<Measured>,
    /// Where its processes serve metrics, if it is not.
    pub metrics: Vec<SocketAddr>,
    /// How the flags are called that say so, for whoever has to change them.
    pub flags: FlagNames,
}

/// Where a desk is.
#[derive(Clone, Debug)]
pub struct DeskPlace {
    /// Its front door.
    pub front: String,
    /// Its public key, if it encrypts.
    pub front_key: Option<CurveKey>,
    /// Where its server writes the logs of users, if this process can read them.
    pub logs: Option<PathBuf>,
}

/// Where a peer of a mesh is.
#[derive(Clone, Debug)]
pub struct MeshPlace {
    /// Where it listens.
    pub address: String,
    /// The public key of its mesh, if that encrypts.
    pub key: Option<CurveKey>,
}

/// How the flags of a console are called.
#[derive(Clone, Copy, Debug)]
pub struct FlagNames {
    /// That of [`ConsoleConfig::listen`].
    pub listen: &'static str,
    /// That of [`ConsoleConfig::users`].
    pub users: &'static str,
    /// That of [`ConsoleConfig::is_open`].
    pub open: &'static str,
    /// That of [`ConsoleConfig::is_behind_tls`].
    pub behind_tls: &'static str,
}

impl Default for FlagNames {
    fn default() -> Self {
        Self { listen: "--listen", users: "--users", open: "--open", behind_tls: "--behind-tls" }
    }
}

impl Default for ConsoleConfig {
    /// The usual address, and a server that is nowhere yet.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            front: String::new(),
            front_key: None,
            publish: String::new(),
            publish_key: None,
            users: None,
            is_open: false,
            is_behind_tls: false,
            desk: None,
            signals: None,
            mesh: None,
            earlier_fills: EARLIER_FILLS,
            measured: None,
            metrics: Vec::new(),
            flags: FlagNames::default(),
        }
    }
}

/// A running console.
pub struct Console {
    address: SocketAddr,
    runtime: Runtime,
    hashers: HashThreads,
    follower: Running,
    stop: watch::Sender<bool>,
}

/// Stops a console, from any thread.
#[derive(Clone)]
pub struct ConsoleStopper(watch::Sender<bool>);

impl Console {
    /// Starts a console.
    ///
    /// # Errors
    /// When it would be reachable without protection, the address is taken, the file of users
    /// cannot be read, or the process is given no more threads or descriptors.
    pub fn start(config: &ConsoleConfig) -> Result<Self, ConsoleError> {
        config.check()?;
        let users = Users::open(config.users.as_deref())?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            // One more for what the server counts: processes may not reply.
            .max_blocking_threads(WORKERS + 1)
            .thread_name("console")
            .enable_all()
            .build()
            .map_err(|error| ConsoleError(format!("cannot start the threads of pages: {error}")))?;
        let listener = runtime.block_on(TcpListener::bind(config.listen));
        let listener = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|error| {
            let (listen, flag) = (config.listen, config.flags.listen);
            ConsoleError(format!(
                "cannot listen on {listen} ({error}); is another console running? Stop it, or \
                 choose another address with {flag}"
            ))
        })?;
        let hashers = HashThreads::start().map_err(|error| {
            ConsoleError(format!("cannot start the threads that hash passwords: {error}"))
        })?;
        let hashing = Hashing::new(&hashers);
        let (app, follower) = app(config, address, users, hashing)
            .map_err(|error| ConsoleError(format!("cannot follow the server: {error}")))?;
        let (stop, stopped) = watch::channel(false);
        let app = Arc::new(app);
        runtime.spawn(backfill::run(Arc::clone(&app), config.earlier_fills));
        runtime.spawn(split_history::run(Arc::clone(&app)));
        runtime.spawn(listener::serve(listener, pages::router(app), stopped));
        Ok(Self { address, runtime, hashers, follower, stop })
    }

    /// Where browsers find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What stops it.
    #[must_use]
    pub fn stopper(&self) -> ConsoleStopper {
        ConsoleStopper(self.stop.clone())
    }

    /// Runs until it is stopped, or its follower fails.
    ///
    /// # Errors
    /// When the follower has failed.
    pub fn run(self) -> Result<(), ConsoleError> {
        let Self { runtime, hashers, follower, stop, .. } = self;
        let mut stopped = stop.subscribe();
        runtime.block_on(async {
            while follower.is_alive()
                && tokio::time::timeout(LOOK_EVERY, stopped.wait_for(|stop| *stop)).await.is_err()
            {
            }
        });
        follower.stop();
        let ended = follower.join();
        runtime.shutdown_timeout(END_WITHIN);
        hashers.stop();
        ended.map_err(|error| ConsoleError(error.to_string()))
    }
}

impl ConsoleStopper {
    /// Stops it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl ConsoleConfig {
    /// Whether passwords and positions cross no network in the clear.
    ///
    /// # Errors
    /// When they would, or nobody could log in.
    pub fn check(&self) -> Result<(), ConsoleError> {
        let FlagNames { listen, users, open, behind_tls } = self.flags;
        let is_loopback = self.listen.ip().is_loopback();
        let wrong = match self {
            Self { is_open: true, .. } if !is_loopback => format!(
                "{open} shows every position to whoever connects: it goes with a loopback address \
                 only; change {listen} or leave out {open}"
            ),
            Self { is_open: true, is_behind_tls: true, .. } => format!(
                "{open} shows every position to whoever reaches the proxy: leave out one of {open} \
                 and {behind_tls}"
            ),
            Self { is_behind_tls: false, .. } if !is_loopback => format!(
                "passwords would cross the network in the clear: give {listen} an address of \
                 127.0.0.1, or put a proxy with TLS in front and say {behind_tls}"
            ),
            Self { is_open: false, users: None, .. } => format!(
                "nobody could log in: name the file of users with {users} (allot console user add \
                 makes it), or say {open}"
            ),
            _ => return Ok(()),
        };
        Err(ConsoleError(wrong))
    }
}

/// The agents that talk to the server and to what else has pages, on one thread; and what the pages
/// have of them.
fn app(
    config: &ConsoleConfig,
    address: SocketAddr,
    users: Users,
    hashing: Hashing,
) -> Result<(App, Running), RuntimeError> {
    let clock = Clock::system();
    let board = Board::new(clock.clone());
    let context = Context::new()?;
    let mut group = ThreadGroup::new(clock.clone(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("follower")?;
    let mut talk = Talk { context: &context, group: &mut group, slot: &slot };
    let place = (config.front.as_str(), config.front_key);
    let feed = (config.publish.as_str(), config.publish_key);
    let front = talk.follow(place, feed, Hears::All, &board)?;
    let desk = config.desk.as_ref().map(|place| {
        let book = DeskBook::default();
        let codec = DeskFront { book: book.clone(), board: board.clone() };
        let caller = talk.call(&place.front, place.front_key, codec)?;
        Ok::<_, RuntimeError>(Desk::new(caller, book, place.logs.clone()))
    });
    let desk = desk.transpose()?;
    let trader = |trader: &String| talk.call(trader, None, SignalsTrader::new(clock.now()));
    let signals = config.signals.as_ref().map(trader).transpose()?;
    let peer = |peer: &MeshPlace| talk.call(&peer.address, peer.key, MeshPeer::new(clock.now()));
    let mesh = config.mesh.as_ref().map(peer).transpose()?;
    let places = Places {
        listen: address,
        front: config.front.clone(),
        publish: config.publish.clone(),
        signals: config.signals.clone(),
        mesh: config.mesh.as_ref().map(|mesh| mesh.address.clone()),
        has_desk: desk.is_some(),
        is_open: config.is_open,
        is_behind_tls: config.is_behind_tls,
    };
    let callers = Callers { front, desk, signals, mesh };
    let counting = Counting::new(config.measured.as_ref(), &config.metrics);
    Ok((App::new(board, callers, users, places, hashing, counting), group.start()?))
}

/// Follows a server on a thread of its own: what it hears stands on the board.
pub(crate) fn follow(
    board: &Board,
    front: (&str, Option<CurveKey>),
    publish: (&str, Option<CurveKey>),
    hears: Hears,
) -> Result<Running, RuntimeError> {
    let context = Context::new()?;
    let mut group = ThreadGroup::new(board.clock.clone(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("follower")?;
    let mut talk = Talk { context: &context, group: &mut group, slot: &slot };
    talk.follow(front, publish, hears, board)?;
    group.start()
}

/// What agents on one thread are made of.
struct Talk<'a> {
    context: &'a Context,
    group: &'a mut ThreadGroup,
    slot: &'a ThreadSlot,
}

impl Talk<'_> {
    /// A follower of a server, and who asks its front door.
    fn follow(
        &mut self,
        (front, front_key): (&str, Option<CurveKey>),
        publish: (&str, Option<CurveKey>),
        hears: Hears,
        board: &Board,
    ) -> Result<Caller<FrontDoor>, RuntimeError> {
        let (caller, agent) = self.connect(front, front_key, FrontDoor)?;
        let follower = Follower::connect(self.context, publish, hears, agent, board.clone())?;
        self.group.add(self.slot, Box::new(follower));
        Ok(caller)
    }

    /// Both ends of a connection to another process.
    fn connect<C: Codec>(
        &self,
        address: &str,
        door_key: Option<CurveKey>,
        codec: C,
    ) -> Result<(Caller<C>, CallAgent<C>), RuntimeError> {
        let options = LinkOptions { door_key, ..LinkOptions::default() };
        let link = Link::dealer(self.context, address, None, options)?;
        Ok(caller(link, self.slot.waker().clone(), codec))
    }

    /// The end of the pages; the other one has its turns on the thread.
    fn call<C: Codec>(
        &mut self,
        address: &str,
        door_key: Option<CurveKey>,
        codec: C,
    ) -> Result<Caller<C>, RuntimeError> {
        let (caller, agent) = self.connect(address, door_key, codec)?;
        self.group.add(self.slot, Box::new(agent));
        Ok(caller)
    }
}
