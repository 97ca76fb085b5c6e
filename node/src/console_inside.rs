//! The console inside: pages of a server, served by the process of the server itself.
//!
//! It is the console of `allot console`, on threads of its own, and connects to the server as any
//! client does. Whatever becomes of it, the server goes on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use allot_console::{Console, ConsoleConfig, ConsoleStopper, FlagNames, Measured};
use anyhow::{Context, Result};
use clap::Args;

use crate::command::console::FILE;
use crate::setting::Key;
use crate::stdout::print;
use crate::wiring::Endpoints;

/// How the flags are called here.
const FLAGS: FlagNames = FlagNames {
    listen: "--console",
    users: "--console-users",
    open: "--console-open",
    behind_tls: "--console-behind-tls",
};

/// The console of a server in one process.
#[derive(Args)]
pub(crate) struct ConsoleFlags {
    /// Serve the console too, as `allot console` does, at this address [default without an
    /// address: 127.0.0.1:8080; of a demo: any free port of 127.0.0.1]
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1)]
    console: Option<Option<SocketAddr>>,
    /// File of the console's users, as `allot console user` writes it [default:
    /// console-users.toml; of a demo: none]
    #[arg(long, value_name = "FILE", requires = "console")]
    console_users: Option<PathBuf>,
    /// Show the console without a log-in; on a loopback address only, and nothing can be changed
    #[arg(long, requires = "console")]
    console_open: bool,
    /// A proxy in front of the console speaks TLS: cookies go over TLS only
    #[arg(long, requires = "console")]
    console_behind_tls: bool,
}

/// A console that ends with this.
pub(crate) struct ConsoleInside {
    url: String,
    stopper: ConsoleStopper,
    thread: Option<JoinHandle<()>>,
}

impl ConsoleFlags {
    /// What a demo has, whose data are random: any free port, and pages for whoever is on this
    /// machine, unless a file of users is named.
    pub(crate) fn of_demo(&self) -> Option<ConsoleConfig> {
        let listen = self.console?.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let is_open = self.console_open || self.console_users.is_none();
        Some(self.config(listen, self.console_users.clone(), is_open))
    }

    /// What a server has.
    pub(crate) fn of_server(&self) -> Option<ConsoleConfig> {
        let listen = self.console?.unwrap_or((Ipv4Addr::LOCALHOST, 8080).into());
        let users = self.console_users.clone().unwrap_or_else(|| FILE.into());
        // With --console-open the file need not be there: nobody has to log in.
        let is_wanted = !self.console_open || users.exists();
        Some(self.config(listen, is_wanted.then_some(users), self.console_open))
    }

    fn config(&self, listen: SocketAddr, users: Option<PathBuf>, is_open: bool) -> ConsoleConfig {
        ConsoleConfig {
            listen,
            users,
            is_open,
            is_behind_tls: self.console_behind_tls,
            flags: FLAGS,
            ..ConsoleConfig::default()
        }
    }
}

/// Starts the console of a server that is found there, and prints where it is. A console that
/// cannot start is an error of the log: the server does its work without it.
///
/// # Errors
/// When nothing can be printed.
pub(crate) fn start(
    config: Option<ConsoleConfig>,
    endpoints: &Endpoints,
    measured: Measured,
) -> Result<Option<ConsoleInside>> {
    let Some(mut config) = config else { return Ok(None) };
    config.measured = Some(measured);
    let started = ConsoleInside::start(config, endpoints);
    match started {
        Ok(console) => {
            print(&format!("console={}", console.url))?;
            Ok(Some(console))
        }
        Err(error) => {
            tracing::error!("the server runs without its console: {error:#}");
            Ok(None)
        }
    }
}

impl ConsoleInside {
    #[expect(clippy::disallowed_methods, reason = "its thread waits for pages, and has no turns")]
    fn start(mut config: ConsoleConfig, endpoints: &Endpoints) -> Result<Self> {
        let find = |key| endpoints.of(key).context("a server in one process has both endpoints");
        config.front = find(Key::Front)?.to_owned();
        config.publish = find(Key::Publish)?.to_owned();
        let key = |of| {
            let key = endpoints.of(of).map(str::parse).transpose();
            key.map_err(|error| anyhow::anyhow!("{error}"))
        };
        config.front_key = key(Key::FrontKey)?;
        config.publish_key = key(Key::PublishKey)?;
        let console = Console::start(&config)?;
        let (url, stopper) = (console.url(), console.stopper());
        let run = move || {
            if let Err(error) = console.run() {
                tracing::error!("the console has ended, and the server goes on: {error}");
            }
        };
        let thread = thread::Builder::new().name("console".to_owned()).spawn(run)?;
        Ok(Self { url, stopper, thread: Some(thread) })
    }

    /// Where browsers find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ConsoleInside {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // What it died of is in the log.
            let _ = thread.join();
        }
    }
}
