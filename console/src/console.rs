//! The console itself: the follower on its thread, and the pages on theirs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use allot_runtime::{
    Clock, Context, CurveKey, Link, LinkOptions, Running, ThreadGroup, Threads, WaitStrategy,
};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::ConsoleError;
use crate::app::{App, Places};
use crate::board::Board;
use crate::follower::Follower;
use crate::front_desk::front_desk;
use crate::users::Users;
use crate::{listener, pages};

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
    /// The file of users.
    pub users: Option<PathBuf>,
    /// Whether pages can be seen without a log-in; on the loopback interface only.
    pub is_open: bool,
    /// Whether a proxy in front of it speaks TLS and adds its names.
    pub is_behind_tls: bool,
}

/// A running console.
pub struct Console {
    address: SocketAddr,
    runtime: Runtime,
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
        check(config)?;
        let users = Users::open(config.users.as_deref())?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(WORKERS)
            .thread_name("console")
            .enable_all()
            .build()
            .map_err(|error| ConsoleError(format!("cannot start the threads of pages: {error}")))?;
        let listener = runtime.block_on(TcpListener::bind(config.listen));
        let listener = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|error| {
            let listen = config.listen;
            ConsoleError(format!(
                "cannot listen on {listen} ({error}); is another console running? Stop it, or \
                 choose another address with --listen"
            ))
        })?;
        let (app, follower) = follow(config, address, users)
            .map_err(|error| ConsoleError(format!("cannot follow the server: {error}")))?;
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(listener::serve(listener, pages::router(Arc::new(app)), stopped));
        Ok(Self { address, runtime, follower, stop })
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
        let Self { runtime, follower, stop, .. } = self;
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
        ended.map_err(|error| ConsoleError(error.to_string()))
    }
}

impl ConsoleStopper {
    /// Stops it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Passwords and positions cross no network in the clear.
fn check(config: &ConsoleConfig) -> Result<(), ConsoleError> {
    let is_loopback = config.listen.ip().is_loopback();
    let wrong = match config {
        ConsoleConfig { is_open: true, .. } if !is_loopback => {
            "--open shows every position to whoever connects: it goes with a loopback address only"
        }
        ConsoleConfig { is_open: true, is_behind_tls: true, .. } => {
            "--open shows every position to whoever reaches the proxy: leave out one of --open and \
             --behind-tls"
        }
        ConsoleConfig { is_behind_tls: false, .. } if !is_loopback => {
            "passwords would cross the network in the clear: listen on 127.0.0.1, or put a proxy \
             with TLS in front and say --behind-tls"
        }
        ConsoleConfig { is_open: false, users: None, .. } => {
            "nobody could log in: name the file of users with --users (allot console user add \
             makes it), or say --open"
        }
        _ => return Ok(()),
    };
    Err(ConsoleError(wrong.to_owned()))
}

fn follow(
    config: &ConsoleConfig,
    address: SocketAddr,
    users: Users,
) -> Result<(App, Running), allot_runtime::RuntimeError> {
    let clock = Clock::system();
    let board = Board::new(clock.clone());
    let context = Context::new()?;
    let mut group = ThreadGroup::new(clock, WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("follower")?;
    let options = LinkOptions { door_key: config.front_key, ..LinkOptions::default() };
    let link = Link::dealer(&context, &config.front, None, options)?;
    let (client, desk) = front_desk(link, slot.waker().clone());
    let follower = Follower::connect(&context, &config.publish, desk, board.clone())?;
    group.add(&slot, Box::new(follower));
    let places = Places {
        listen: address,
        front: config.front.clone(),
        publish: config.publish.clone(),
        is_open: config.is_open,
        is_behind_tls: config.is_behind_tls,
    };
    Ok((App::new(board, client, users, places), group.start()?))
}
