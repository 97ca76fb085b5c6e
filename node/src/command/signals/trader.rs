//! `allot signals trader`: the median of all registered strategies, every period.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use allot_journal::Wakers;
use allot_runtime::{Clock, Context, StopRequest, ThreadGroup, ThreadSlot, WallClock, duration};
use allot_server::{Ledger, LedgerError};
use allot_signals_rules::{Record, Schedule, TraderSettings, limits};
use allot_signals_service::{
    OpenedJournal, ProblemBoard, TraderAgent, TraderEndpoints, TraderJournal, TraderStart,
};
use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::agent_run::{Printer, group, listener, run as run_agent};
use super::generator::warn_if_reachable;
use super::order_feed::{OrderFlags, OrderThread};
use super::schedule_flags::ScheduleFlags;
use crate::address::{Address, ListenFlags, beside, parse};
use crate::common_args::CommonArgs;
use crate::misuse::{Misuse, demand};

/// Publish the median of all registered strategies every period, or say why there is none
///
/// A strategy is registered until it stops cleanly or is deregistered by hand. While one of them
/// has not decided in a period, there is no median: the log, `allot signals status` and the topic
/// trader: name who is missing and since when.
///
/// With --orders, the median times --scale, rounded to whole shares, is sent as a fill to the front
/// door of a server. The period is the number of the fill, so that none counts twice.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot signals trader --port 1010
  allot signals trader --listen tcp://127.0.0.1:1010 --data trader --new
  allot signals trader --port 1010 --data trader            with the registrations of before
  allot signals trader --port 1010 --orders 9998 --ticker AAPL --price 187.23 --scale 100")]
pub(super) struct TraderPage {
    #[command(flatten)]
    listen: ListenFlags,
    /// Endpoint that publishes medians and states [default: the port after --listen]
    #[arg(long, value_name = "ADDR", value_parser = parse)]
    publish: Option<Address>,
    /// Data directory: registrations and medians survive a restart
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Make the data directory that of a new trader first; refused where there is one
    #[arg(long, requires = "data")]
    new: bool,
    /// How long a name is held after the last message of its strategy, up to 1h; at least a sixth
    /// of the period, or a second if that is shorter [default: 10s, at most a third of the period]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    lease: Option<Duration>,
    #[command(flatten)]
    schedule: ScheduleFlags,
    #[command(flatten)]
    orders: OrderFlags,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// The system that a data directory is of.
const SYSTEM: &str = "signals";
/// The folder of the journal in it.
pub(crate) const FOLDER: &str = "trader";
/// The file that says that the journal was begun: one that is gone is no new one.
pub(crate) const BEGUN: &str = "begun-trader";

/// Trades until a signal.
pub(super) fn run(page: &TraderPage, common: &CommonArgs) -> Result<ExitCode> {
    let schedule = page.schedule.schedule()?;
    let settings = TraderSettings { schedule, lease: lease(page, &schedule)? };
    let listen = page.listen.endpoint();
    let publish = match &page.publish {
        Some(address) => address.0.clone(),
        None => beside(&listen).map_err(Misuse::error)?,
    };
    let orders = page.orders.order_settings(common)?;
    warn_if_reachable(&listen, "can register, decide and deregister");
    let mut group = group();
    let slot = group.thread("trader")?;
    let board = ProblemBoard::new(slot.waker());
    let (journal, records) = journal(page, &schedule, &mut group, &slot)?;
    let orders = orders.map(|orders| orders.start(&board, slot.waker())).transpose()?;
    let (orders, port) = orders.unzip();
    let stop = StopRequest::new(slot.waker());
    let start = TraderStart { settings, records, journal, board, orders: port, stop: stop.clone() };
    let endpoints = TraderEndpoints { listen: &listen, publish: &publish };
    let (listener, events) = listener();
    let (context, now) = (Context::new()?, Clock::system().now());
    let wall = WallClock::system();
    let agent = TraderAgent::bind(&context, endpoints, start, wall, now, listener)?;
    let listen = agent.endpoint().unwrap_or(&listen).to_owned();
    let publish = agent.publish_endpoint().unwrap_or(&publish).to_owned();
    group.add(&slot, Box::new(agent));
    let printer = Printer { name: "trader".to_owned(), json: page.json };
    let running = group.start()?;
    let ready = printer.listening(&listen, Some(&publish));
    let ended = run_agent(running, &events, &printer, Some(&ready), Some(stop), |_| {});
    orders.map_or(Ok(()), OrderThread::stop)?;
    ended?;
    Ok(ExitCode::SUCCESS)
}

fn lease(page: &TraderPage, schedule: &Schedule) -> Result<Duration> {
    let default = Duration::from_secs(10).min(schedule.length() / 3);
    let lease = page.lease.unwrap_or(default);
    let (least, most) = (schedule.lease_least(), limits::LEASE_MOST);
    let bounds = format!(
        "--lease must be from {} to {} with --period {}",
        duration::show(least),
        duration::show(most),
        duration::show(schedule.length())
    );
    demand(least <= lease && lease <= most, bounds)?;
    // Messages tell it in milliseconds.
    Ok(Duration::from_millis(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)))
}

fn journal(
    page: &TraderPage,
    schedule: &Schedule,
    group: &mut ThreadGroup,
    slot: &ThreadSlot,
) -> Result<(TraderJournal, Vec<Record>)> {
    let Some(data) = &page.data else {
        tracing::warn!(
            "registrations are in memory only: they are lost when this process ends; keep them \
             with --data DIR"
        );
        return Ok((TraderJournal::none(), Vec::new()));
    };
    if page.new {
        let ledger = match Ledger::create(data, SYSTEM) {
            Err(LedgerError::Exists(..)) => bail!(
                "{} holds a trader already: start without --new, or choose another directory",
                data.display()
            ),
            made => made?,
        };
        tracing::info!(ledger = %ledger.id, "a new trader in {}", data.display());
    }
    match Ledger::open(data, SYSTEM) {
        // Its own advice is `allot init`, which makes a ledger of another system.
        Err(LedgerError::None(_)) => bail!(
            "{} holds no trader; if it is the right directory, and on a disk that is mounted, add \
             --new once",
            data.display()
        ),
        opened => opened?,
    };
    let folder = data.join(FOLDER);
    if data.join(BEGUN).exists() && !holds_journal(&folder) {
        bail!(
            "the journal of this trader is gone: {} has no files of it; restore it from a backup, \
             or begin anew in another directory with --new",
            folder.display()
        );
    }
    let committer_slot = group.blocking_thread("journal")?;
    let checkpointer_slot = group.blocking_thread("checkpointer")?;
    let wakers = Wakers {
        shard: slot.waker(),
        committer: committer_slot.waker(),
        checkpointer: checkpointer_slot.waker(),
    };
    let opened = TraderJournal::open(&folder, schedule.length(), wakers);
    let OpenedJournal { journal, records, committer, checkpointer } =
        opened.with_context(|| folder.display().to_string())?;
    // Also where a backup was restored without it.
    note_begun(data).with_context(|| data.display().to_string())?;
    group.add(&committer_slot, Box::new(committer));
    group.add(&checkpointer_slot, Box::new(checkpointer));
    tracing::info!(records = records.len(), "recovered from {}", folder.display());
    Ok((journal, records))
}

/// Whether a folder has a segment of a journal.
pub(crate) fn holds_journal(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("segment-"))
}

/// Notes that the journal was begun; once is enough.
fn note_begun(data: &Path) -> std::io::Result<()> {
    let file = data.join(BEGUN);
    if !file.exists() {
        OpenOptions::new().write(true).create(true).truncate(false).open(file)?.sync_all()?;
        File::open(data)?.sync_all()?;
    }
    Ok(())
}
