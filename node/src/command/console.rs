//! `allot console`: pages of a server for people with a browser.

mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use allot_console::{Console, ConsoleConfig, DeskPlace, MeshPlace};
use allot_runtime::{CurveKey, CurveKeys};
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::address::{Address, parse_other};
use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_keys;
use crate::monitor::Monitor;
use crate::setting::{Key, set};
use crate::stdout::print;
pub(crate) use user::FILE;

/// Show a server's positions, fills, splits and health as pages for a browser
///
/// It is a client like any other: it follows the position feed, and asks at the front door. Prints
/// `console=URL` on stdout when browsers can connect. Stops on Ctrl-C or SIGTERM.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  allot console user add anna --role operator      make a user; asks for the password
  allot console                                    pages on http://127.0.0.1:8080/
  allot console --open                             no log-in, and nothing can be changed
  allot console --listen 0.0.0.0:8080 --behind-tls behind a proxy that speaks TLS
  allot console --front tcp://10.0.0.1:9998 --publish tcp://10.0.0.1:9999
  allot console --desk 9997 --desk-logs desk/logs  day traders log in and trade
  allot console --signals 1010 --mesh 12345        how signals and a mesh are"
)]
pub(crate) struct ConsolePages {
    #[command(subcommand)]
    page: Option<ConsolePage>,
    /// Address that browsers connect to; port 0: any free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// File of the users, as `allot console user` writes it
    #[arg(long, value_name = "FILE", default_value = user::FILE)]
    users: PathBuf,
    /// Show pages without a log-in; on a loopback address only, and nothing can be changed
    #[arg(long)]
    open: bool,
    /// A proxy in front of it speaks TLS: cookies go over TLS only
    #[arg(long)]
    behind_tls: bool,
    /// Front door of a desk, which each trader then has a page of: a port of this machine,
    /// HOST:PORT, tcp:// or ipc://
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    desk: Option<Address>,
    /// Public key of the desk's front door, if it encrypts
    #[arg(long, value_name = "KEY", requires = "desk", value_parser = key,
          allow_hyphen_values = true)]
    desk_key: Option<CurveKey>,
    /// Directory in which the desk's server writes the logs of users, for them to download
    #[arg(long, value_name = "DIR", requires = "desk")]
    desk_logs: Option<PathBuf>,
    /// Where a trader of signals listens, to show how it is
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    signals: Option<Address>,
    /// Where a peer of a mesh listens, to show how it is
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    mesh: Option<Address>,
    /// Metrics of a process of the server, for the page of health; may be given several times
    /// [default: the setting metrics]
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Vec<SocketAddr>,
    /// How many fills from before its start it fetches from the server, the latest ones
    #[arg(long, value_name = "COUNT", default_value_t = ConsoleConfig::default().earlier_fills)]
    earlier_fills: usize,
    /// The file with the keys of the mesh, if it encrypts
    #[arg(long, value_name = "FILE", requires = "mesh")]
    mesh_secret: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

/// What belongs to the console.
#[derive(Subcommand)]
enum ConsolePage {
    User(user::UserPages),
}

fn key(text: &str) -> Result<CurveKey, String> {
    text.parse().map_err(|error: allot_runtime::RuntimeError| error.to_string())
}

impl ConsolePages {
    fn desk(&self) -> Option<DeskPlace> {
        let front = self.desk.as_ref()?.0.clone();
        Some(DeskPlace { front, front_key: self.desk_key, logs: self.desk_logs.clone() })
    }

    fn mesh(&self) -> Result<Option<MeshPlace>> {
        let Some(Address(address)) = &self.mesh else { return Ok(None) };
        let keys = self.mesh_secret.as_deref();
        let keys = keys.map(|path| front_keys::read(path, "the mesh")).transpose()?;
        let key = keys.as_ref().map(CurveKeys::public);
        Ok(Some(MeshPlace { address: address.clone(), key }))
    }
}

/// Serves pages until a signal.
pub(crate) fn run(pages: &ConsolePages, common: &CommonArgs) -> Result<ExitCode> {
    if let Some(ConsolePage::User(pages)) = &pages.page {
        return user::run(pages);
    }
    let settings = common.settings(&pages.flags.given)?;
    if let Some(logs) = pages.desk_logs.as_deref().filter(|logs| !logs.is_dir()) {
        tracing::warn!(
            "{} is no folder yet: --desk-logs is the folder in which the desk writes logs",
            logs.display()
        );
    }
    // With --open the file need not be there: nobody has to log in.
    let is_wanted = !pages.open || pages.users.exists();
    let mut metrics = pages.metrics.clone();
    if metrics.is_empty() {
        metrics.extend(settings.metrics);
    }
    let console = Console::start(&ConsoleConfig {
        listen: pages.listen,
        front: settings.front,
        front_key: settings.front_key,
        publish: settings.publish,
        publish_key: settings.publish_key,
        users: is_wanted.then(|| pages.users.clone()),
        is_open: pages.open,
        is_behind_tls: pages.behind_tls,
        desk: pages.desk(),
        signals: pages.signals.as_ref().map(|address| address.0.clone()),
        mesh: pages.mesh()?,
        earlier_fills: pages.earlier_fills,
        metrics,
        ..ConsoleConfig::default()
    })?;
    let stopper = console.stopper();
    let monitor = Monitor::new(Box::new(move || stopper.stop()), Vec::new(), None)?;
    print(&format!("console={}", console.url()))?;
    let ended = console.run();
    monitor.stop()?;
    ended?;
    Ok(ExitCode::SUCCESS)
}
