//! `allot mesh`: strategies that all hold the same view of everyone's positions, without a centre.

mod client;
mod fill_follower;
mod output;
pub(crate) mod peer;
mod status;
mod table;
mod trade_lines;
mod view;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::common_args::CommonArgs;

/// Share every strategy's positions among all strategies, without a server
///
/// Each strategy is a process, a peer. It takes its own trades, one a line, as `AAPL 100`, and all
/// peers hold the same view of all positions. One known peer is enough to join: from it a peer
/// learns of all others. With --data a strategy has its positions again after a crash.
///
/// NAME, a port and the addresses of peers may stand alone: allot mesh strategy_2 12346
/// 127.0.0.1:12345 is allot mesh strategy_2 --listen 12346 --connect 127.0.0.1:12345.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    // Whoever means a strategy of that name is told that it is none.
    disable_help_subcommand = true,
    after_help = "\
Examples:
  allot mesh strategy_1 12345
  allot mesh strategy_2 12346 127.0.0.1:12345
  allot mesh strategy_3 --listen 12347 --connect 12345 --data strategy_3
  allot mesh strategy_3 --listen 12347 --connect 12345 --data strategy_3 --file trades.txt
  allot mesh strategy_3 --listen 12347 --connect 12345 --adopt    its disk is gone
  allot mesh status 12345
  allot mesh view 12345 --json"
)]
pub(crate) struct MeshPages {
    #[command(subcommand)]
    page: Option<Page>,
    #[command(flatten)]
    peer: peer::PeerPage,
}

#[derive(Subcommand)]
enum Page {
    Status(status::StatusPage),
    View(view::ViewPage),
}

/// Runs a peer, or asks one.
pub(crate) fn run(pages: &MeshPages, common: &CommonArgs) -> Result<ExitCode> {
    match &pages.page {
        Some(Page::Status(page)) => status::run(page),
        Some(Page::View(page)) => view::run(page),
        None => peer::run(&pages.peer, common),
    }
}
