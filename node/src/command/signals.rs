//! `allot signals`: generators, strategies and the trader, as processes.

mod agent_run;
mod client;
mod deregister;
mod generator;
pub(crate) mod order_feed;
mod output;
mod schedule_flags;
mod status;
mod strategy;
pub(crate) mod trader;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::common_args::CommonArgs;

/// Run signal generators, strategies, and the trader that takes the median of their decisions
///
/// Every period, a minute by default, each generator makes one signal; each strategy asks its
/// generators, decides, and submits; the trader publishes the median of all registered strategies,
/// or says exactly why there is none. Data of another period are never used.
#[derive(Args)]
pub(crate) struct SignalsPages {
    #[command(subcommand)]
    page: Page,
}

#[derive(Subcommand)]
enum Page {
    Generator(generator::GeneratorPage),
    Strategy(strategy::StrategyPage),
    Trader(trader::TraderPage),
    Deregister(deregister::Deregister),
    Status(status::StatusPage),
}

/// Runs one of them.
pub(crate) fn run(pages: &SignalsPages, common: &CommonArgs) -> Result<ExitCode> {
    match &pages.page {
        Page::Generator(page) => generator::run(page),
        Page::Strategy(page) => strategy::run(page),
        Page::Trader(page) => trader::run(page, common),
        Page::Deregister(page) => deregister::run(page),
        Page::Status(page) => status::run(page),
    }
}
