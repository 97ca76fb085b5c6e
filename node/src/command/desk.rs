//! `allot desk`: a day-trading server, what simulates its quote server, and clients of it.

mod client;
mod init;
mod load;
mod log;
mod numbered_line;
mod quote_server;
mod send;
mod serve;
mod summary;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::common_args::CommonArgs;

/// Run a day-trading server: accounts of users, orders, triggers, and quotes of a legacy server
///
/// Users add money, buy and sell stocks at the prices of a quote server, and leave orders that
/// execute by themselves. docs/DESK.md lists the commands.
#[derive(Args)]
pub(crate) struct DeskPages {
    #[command(subcommand)]
    page: Page,
}

#[derive(Subcommand)]
enum Page {
    Serve(serve::Serve),
    Init(init::Init),
    QuoteServer(quote_server::QuoteServerPage),
    Send(send::Send),
    Summary(summary::Summary),
    Load(load::Load),
    Log(log::Log),
}

/// Runs one of them.
pub(crate) fn run(pages: &DeskPages, common: &CommonArgs) -> Result<ExitCode> {
    match &pages.page {
        Page::Serve(page) => serve::run(page, common),
        Page::Init(page) => init::run(page),
        Page::QuoteServer(page) => quote_server::run(page),
        Page::Send(page) => send::run(page, common),
        Page::Summary(page) => summary::run(page, common),
        Page::Load(page) => load::run(page, common),
        Page::Log(page) => log::run(page),
    }
}
