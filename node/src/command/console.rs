//! `allot console`: pages of a server for people with a browser.

mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use allot_console::{Console, ConsoleConfig};
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::monitor::Monitor;
use crate::setting::{Key, set};
use crate::stdout::print;

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
  allot console --front tcp://10.0.0.1:9998 --publish tcp://10.0.0.1:9999"
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
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish]) }>,
}

/// What belongs to the console.
#[derive(Subcommand)]
enum ConsolePage {
    User(user::UserPages),
}

/// Serves pages until a signal.
pub(crate) fn run(pages: &ConsolePages, common: &CommonArgs) -> Result<ExitCode> {
    if let Some(ConsolePage::User(pages)) = &pages.page {
        return user::run(pages);
    }
    let settings = common.settings(&pages.flags.given)?;
    // With --open the file need not be there: nobody has to log in.
    let is_wanted = !pages.open || pages.users.exists();
    let console = Console::start(&ConsoleConfig {
        listen: pages.listen,
        front: settings.front,
        front_key: settings.front_key,
        publish: settings.publish,
        users: is_wanted.then(|| pages.users.clone()),
        is_open: pages.open,
        is_behind_tls: pages.behind_tls,
    })?;
    let stopper = console.stopper();
    let monitor = Monitor::new(Box::new(move || stopper.stop()), Vec::new(), None)?;
    print(&format!("console={}", console.url()))?;
    let ended = console.run();
    monitor.stop()?;
    ended?;
    Ok(ExitCode::SUCCESS)
}
